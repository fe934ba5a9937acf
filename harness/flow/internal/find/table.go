package find

import (
	"bytes"
	"encoding/binary"
)

const (
	blockLen  = 4
	tableBits = 15
)

// anchor is a piece of a file: where its text is seen, the file may have begun
// offset bytes before.
type anchor struct {
	text   []byte
	file   int
	offset int64
}

// table proposes places in a text where one of its anchors begins. All anchors are
// cut to the length of the shortest.
type table struct {
	window  int
	shift   [1 << tableBits]uint8
	buckets map[uint16][]prefix
}

// prefix is the window's worth of text of anchors; several may share one.
type prefix struct {
	text    []byte
	anchors []anchor
}

func hash(b []byte) uint16 {
	return uint16(binary.LittleEndian.Uint32(b) * 0x9E3779B1 >> (32 - tableBits))
}

// newTable returns nil if there are no anchors.
func newTable(anchors []anchor) *table {
	if len(anchors) == 0 {
		return nil
	}
	t := &table{window: Anchor, buckets: map[uint16][]prefix{}}
	for _, a := range anchors {
		t.window = min(t.window, len(a.text))
	}
	for i := range t.shift {
		t.shift[i] = uint8(t.window - blockLen + 1)
	}
	for _, a := range anchors {
		text := a.text[:t.window]
		for end := blockLen; end <= t.window; end++ {
			h := hash(text[end-blockLen:])
			t.shift[h] = min(t.shift[h], uint8(t.window-end))
		}
		t.add(text, a)
	}
	return t
}

func (t *table) add(text []byte, a anchor) {
	h := hash(text[t.window-blockLen:])
	bucket := t.buckets[h]
	for i := range bucket {
		if bytes.Equal(bucket[i].text, text) {
			bucket[i].anchors = append(bucket[i].anchors, a)
			return
		}
	}
	t.buckets[h] = append(bucket, prefix{text, []anchor{a}})
}

// empty says whether no anchor lies whole in b. It may be called beside the search.
func (t *table) empty(b []byte) bool {
	none := true
	t.scan(b, func(anchor, int) { none = false })
	return none
}

// scan calls propose for each place in b where an anchor lies whole.
func (t *table) scan(b []byte, propose func(a anchor, at int)) {
	for end := t.window; end <= len(b); {
		h := hash(b[end-blockLen : end])
		if skip := t.shift[h]; skip > 0 {
			end += int(skip)
			continue
		}
		for _, p := range t.buckets[h] {
			if bytes.Equal(p.text, b[end-t.window:end]) {
				for _, a := range p.anchors {
					propose(a, end-t.window)
				}
			}
		}
		end++
	}
}
