package find

import "math"

// Viewer is a file that can be looked at where it lies: View returns its first size bytes, which stay until
// release. What was looked at takes memory until forget.
type Viewer interface {
	View(size int64) (b []byte, forget, release func(), err error)
}

// views is the files that are looked at rather than read. When what was looked at fills their memory all of it
// is forgotten, and comes back where it is looked at again. That takes two calls of the kernel for megabytes, and
// no list of what was used last: who looks at a thousand places by turns pays a page fault for each, which is
// still less than reading there.
type views struct {
	list  []view
	room  int // units that may be looked at before all is forgotten
	left  int
	epoch int   // how often it was, and one
	dirty []int // files looked at since
}

type view struct {
	bytes           []byte // nil: the file is read
	forget, release func()
	dirty           bool
}

// unitBits is how memory is counted: a page fault maps 64 KiB (Linux, fault_around_bytes).
const unitBits = 16

// spot is the unit looked at last.
type spot struct {
	unit  int64
	epoch int
}

func newViews(files int, memory int64) views {
	room := max(int(memory>>unitBits), 8)
	return views{list: make([]view, files), room: room, left: room, epoch: 1}
}

// open makes a file be looked at, if it can be.
func (v *views) open(i int, f Source) {
	viewer, ok := f.At.(Viewer)
	if !ok || f.Size > math.MaxInt {
		return
	}
	if b, forget, release, err := viewer.View(f.Size); err == nil {
		v.list[i] = view{bytes: b, forget: forget, release: release}
	}
}

// touch is told what is about to be looked at.
func (v *views) touch(file int, off int64, n int, at *spot) {
	unit := (off + int64(n) - 1) >> unitBits
	if *at == (spot{unit, v.epoch}) {
		return
	}
	units := int(unit-off>>unitBits) + 1
	if v.left < units {
		for _, i := range v.dirty {
			v.list[i].forget()
			v.list[i].dirty = false
		}
		v.dirty, v.left = v.dirty[:0], v.room
		v.epoch++
	}
	v.left -= units
	if f := &v.list[file]; !f.dirty {
		f.dirty = true
		v.dirty = append(v.dirty, file)
	}
	*at = spot{unit, v.epoch}
}

func (v *views) close() {
	for i := range v.list {
		if v.list[i].release != nil {
			v.list[i].release()
		}
	}
	v.list = nil
}
