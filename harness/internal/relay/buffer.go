package relay

import "github.com/wireproof/wireproof/harness/internal/relay/gso"

// maxFrame is the longest frame that either kind of end delivers: 64 KB of IP packet, with Ethernet header and two tags.
const maxFrame = 65535 + 22

// A buffer holds one frame as it was read, virtio header first. It is used by one thread.
type buffer struct {
	data   []byte // all of it; the virtio header is at its start
	n      int    // bytes used, the virtio header's included
	class  int
	refs   int
	owner  *direction // whose memory it counts for, nil: nobody's
	header gso.Header
	layout gso.Layout
	super  gso.Super // where isSuper
	// isSuper says that the frame stands for super.Segs wire packets, if only for one.
	isSuper bool
}

func (b *buffer) frame() []byte { return b.data[gso.HeaderLen:b.n] }

// packets is the number of wire packets in the frame.
func (b *buffer) packets() int {
	if b.isSuper {
		return b.super.Segs
	}
	return 1
}

// length is the length of wire packet i.
func (b *buffer) length(i int) int {
	if b.isSuper {
		return b.super.Len(i)
	}
	return b.n - gso.HeaderLen
}

// wireBytes is the length of all wire packets in the frame.
func (b *buffer) wireBytes() int {
	n := b.n - gso.HeaderLen
	if b.isSuper {
		n += (b.super.Segs - 1) * b.super.Payload
	}
	return n
}

// parse reads the headers. A super-frame that cannot be understood is left whole, as one packet.
func (b *buffer) parse() {
	b.header.Decode(b.data)
	b.isSuper = false
	f := b.frame()
	if b.header.Type != gso.None {
		if b.super.Parse(b.header, f) == nil {
			b.isSuper, b.layout = true, b.super.Layout
			return
		}
	}
	b.layout = gso.Look(f)
}

// Sizes of buffers. A line of acknowledgements of 100 ms would take gigabytes if each had room for the longest frame.
var classSizes = [...]int{256, 2 << 10, 9 << 10, 33 << 10, gso.HeaderLen + maxFrame}

const bigClass = len(classSizes) - 1

// maxSpare is what a pool keeps of each size, in bytes.
const maxSpare = 32 << 20

// A pool keeps the buffers of one thread.
type pool [len(classSizes)][]*buffer

func (p *pool) get(n int) *buffer {
	class := 0
	for classSizes[class] < n {
		class++
	}
	if spare := p[class]; len(spare) > 0 {
		b := spare[len(spare)-1]
		p[class] = spare[:len(spare)-1]
		b.refs, b.owner = 1, nil
		return b
	}
	return &buffer{data: make([]byte, classSizes[class]), class: class, refs: 1}
}

// put gives back one reference.
func (p *pool) put(b *buffer) {
	if b.refs--; b.refs > 0 {
		return
	}
	if b.owner != nil {
		b.owner.held -= len(b.data)
		b.owner = nil
	}
	if (len(p[b.class])+1)*classSizes[b.class] <= maxSpare {
		p[b.class] = append(p[b.class], b)
	}
}
