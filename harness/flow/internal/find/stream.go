package find

import "bytes"

// Stream searches one stream. Bytes come in order through Feed, those that nobody
// has through Skip.
type Stream struct {
	set     *Set
	pos     int64 // of the next byte
	tail    [2 * Anchor]byte
	tailLen int
	recent  [8]fed
	fed     int
	tracks  []track
	work    int64
	overlap int // found runs that overlap the one before of the same file

	found       []Found
	partial     []Partial
	occurrences []Occurrence
	clipped     bool // more occurrences than are kept
	unsearched  []Stretch
	bounded     map[int]bool
}

type fed struct {
	off  int64
	mark Mark
}

// place is where a file may begin.
type place struct {
	start int64
	first Mark
}

// track follows one file. The stream equals the file from start to the
// position, except for unseen bytes.
type track struct {
	file    int
	place   place
	unseen  int64
	waiting []place // later places, not looked into while this one holds
	dropped bool    // there were more
	cursor  cursor
	dead    bool
}

// Stream begins a search.
func (s *Set) Stream() *Stream { return &Stream{set: s} }

// Reset begins another search. Slices returned before stay valid.
func (st *Stream) Reset() {
	tracks := st.tracks[:0]
	clear(tracks[:cap(tracks)])
	*st = Stream{set: st.set, tracks: tracks}
}

// Found returns the runs so far, in the order in which they were completed.
func (st *Stream) Found() []Found { return st.found }

// Partial returns, for each of up to 16 files, the longest beginning that turned
// out not to be the file. A whole run elsewhere does not remove it.
func (st *Stream) Partial() []Partial { return st.partial }

// Occurrences returns places of short files, the stretches of the stream that
// were not searched for them, since there a longer file was being followed, and
// whether some other places may be missing.
func (st *Stream) Occurrences() (at []Occurrence, unsearched []Stretch, clipped bool) {
	return st.occurrences, st.unsearched, st.clipped
}

// Bounded says whether the search for a file gave up on some places: what was not
// found may be there.
func (st *Stream) Bounded(file int) bool { return st.bounded[file] }

// AnyBounded says whether Bounded is true of any file.
func (st *Stream) AnyBounded() bool { return len(st.bounded) > 0 }

func (st *Stream) bound(file int) {
	if st.bounded == nil {
		st.bounded = map[int]bool{}
	}
	st.bounded[file] = true
}

// Holds says whether a run or a beginning of a file that is being followed covers
// n bytes at off, and then which file, and where it began.
func (st *Stream) Holds(off int64, n int) (file int, start int64, ok bool) {
	end := off + int64(n)
	for i := len(st.found) - 1; i >= 0; i-- {
		f := &st.found[i]
		if f.Unseen == 0 && f.Start <= off && end <= f.Start+st.set.files[f.File].Size {
			return f.File, f.Start, true
		}
	}
	for i := range st.tracks {
		t := &st.tracks[i]
		if t.unseen == 0 && t.place.start <= off && end <= st.pos {
			return t.file, t.place.start, true
		}
	}
	return 0, 0, false
}

// Feed takes the next bytes. Plain says that Set.Plain is true of b.
func (st *Stream) Feed(b []byte, m Mark, plain bool) {
	if len(b) == 0 {
		return
	}
	st.recent[st.fed%len(st.recent)] = fed{st.pos, m}
	st.fed++
	followed := false // all of b, by one track from before
	for i := range st.tracks {
		before := st.tracks[i].place.start
		st.advance(&st.tracks[i], st.pos, b, m)
		if t := &st.tracks[i]; !t.dead && t.place.start == before {
			followed = true
		}
	}
	st.bury()
	var join [3 * Anchor]byte
	n := copy(join[:], st.tail[:st.tailLen])
	head := min(len(b), Anchor-1)
	joined := join[:n+copy(join[n:], b[:head])]
	for _, t := range [2]*table{st.set.long, st.set.medium} {
		if t == nil {
			continue
		}
		from := max(0, n-(t.window-1)) // windows that end in b
		to := min(len(joined), n+t.window-1)
		t.scan(joined[from:to], func(a anchor, at int) {
			st.propose(a, st.pos-int64(n)+int64(from+at), t.window, joined, st.pos-int64(n), b, m)
		})
		if plain {
			continue
		}
		t.scan(b, func(a anchor, at int) {
			before, base := b, st.pos
			if int64(at) < a.offset {
				before, base = joined, st.pos-int64(n)
			}
			st.propose(a, st.pos+int64(at), t.window, before, base, b, m)
		})
	}
	if len(st.set.shorts) > 0 {
		if followed {
			st.leaveOut(int64(len(b)))
		} else {
			st.findShort(joined[:n+min(head, Short)], n, b)
		}
	}
	st.bury()
	st.keepTail(b)
	st.pos += int64(len(b))
}

func (st *Stream) keepTail(b []byte) {
	if len(b) >= len(st.tail) {
		st.tailLen = copy(st.tail[:], b[len(b)-len(st.tail):])
		return
	}
	if drop := st.tailLen + len(b) - len(st.tail); drop > 0 {
		st.tailLen = copy(st.tail[:], st.tail[drop:st.tailLen])
	}
	st.tailLen += copy(st.tail[st.tailLen:], b)
}

// propose takes a place where an anchor of a file lies: at is the anchor's offset in the
// stream, window how many bytes of it were seen, the last of them in b. near
// holds bytes of the stream from offset base on, among them those before the anchor.
func (st *Stream) propose(a anchor, at int64, window int, near []byte, base int64, b []byte, m Mark) {
	start := at - a.offset
	if a.offset > 0 {
		st.lateAnchor(a, start, at, near, base)
		return
	}
	p := place{start, st.markOf(start)}
	for i := range st.tracks {
		t := &st.tracks[i]
		if t.file != a.file || t.dead {
			continue
		}
		if t.place.start == start {
			return
		}
		if len(t.waiting) < maxWaiting {
			t.waiting = append(t.waiting, p)
		} else {
			t.dropped = true
		}
		return
	}
	if len(st.tracks) >= maxTracks {
		st.bound(a.file)
		return
	}
	st.tracks = append(st.tracks, track{file: a.file, place: p})
	next := start + int64(window)
	st.advance(&st.tracks[len(st.tracks)-1], next, b[next-st.pos:], m)
}

// lateAnchor notes where a file's first bytes differ although its next ones are there.
func (st *Stream) lateAnchor(a anchor, start, at int64, near []byte, base int64) {
	if start < base || at > base+int64(len(near)) {
		return
	}
	for i := range st.tracks {
		if t := &st.tracks[i]; t.file == a.file && (t.place.start == start || t.unseen > 0) {
			return
		}
	}
	head := near[start-base : at-base]
	var c cursor
	n := st.set.agree(a.file, 0, head, &c)
	if n < len(head) {
		st.differs(a.file, start, int64(n), head[n], st.markOf(start+int64(n)))
	}
}

func (st *Stream) markOf(off int64) Mark {
	best := fed{off: -1}
	for i := range min(st.fed, len(st.recent)) {
		if r := st.recent[i]; r.off <= off && r.off > best.off {
			best = r
		}
	}
	if best.off < 0 { // older than what is remembered: the oldest
		best = st.recent[0]
		for i := range min(st.fed, len(st.recent)) {
			if st.recent[i].off < best.off {
				best = st.recent[i]
			}
		}
	}
	return best.mark
}

// advance compares b, which begins at stream offset from, with the track's file, and
// goes on with a later place where the file ends or differs.
func (st *Stream) advance(t *track, from int64, b []byte, m Mark) {
	for !t.dead {
		size := st.set.files[t.file].Size
		off := from - t.place.start
		n := int(min(int64(len(b)), size-off))
		k := st.set.agree(t.file, off, b[:n], &t.cursor)
		if st.set.err != nil {
			t.dead = true
			return
		}
		switch {
		case k < n:
			st.differs(t.file, t.place.start, off+int64(k), b[k], m)
			if t.dropped {
				st.bound(t.file)
			}
		case off+int64(k) == size:
			st.complete(t, m)
		default:
			return
		}
		from += int64(k)
		b = b[k:]
		st.promote(t, from)
	}
}

// promote goes on with the first waiting place that still holds at the position
// at; without one, the track is dead. All that was seen of the stream from the track's
// start on equals the file, so the file alone decides.
func (st *Stream) promote(t *track, at int64) {
	size := st.set.files[t.file].Size
	for i, w := range t.waiting {
		if t.unseen > 0 || st.work > workFloor+workFactor*at {
			st.bound(t.file)
			break
		}
		need := min(at-w.start, size)
		same, ok := st.set.selfAgree(t.file, w.start-t.place.start, need)
		st.work += same + 64
		if ok {
			t.place = w
			t.waiting = append(t.waiting[:0], t.waiting[i+1:]...)
			return
		}
	}
	t.dead = true
}

func (st *Stream) bury() {
	live := st.tracks[:0]
	for _, t := range st.tracks {
		if !t.dead {
			live = append(live, t)
		}
	}
	clear(st.tracks[len(live):])
	st.tracks = live
}

func (st *Stream) complete(t *track, m Mark) {
	if t.dropped {
		st.bound(t.file)
	}
	st.add(Found{File: t.file, Start: t.place.start, Unseen: t.unseen, First: t.place.first, Last: m})
}

// add notes a run. Periodic files in periodic streams have runs at every period:
// of those that overlap, 256 are kept.
func (st *Stream) add(f Found) {
	for i := len(st.found) - 1; i >= 0; i-- {
		if st.found[i].File == f.File {
			if st.found[i].Start+st.set.files[f.File].Size > f.Start {
				st.overlap++
			}
			break
		}
	}
	if len(st.found) >= maxFound || st.set.found >= maxFoundAll || st.overlap > maxOverlap {
		st.bound(f.File)
		st.overlap = min(st.overlap, maxOverlap)
		return
	}
	st.set.found++
	st.found = append(st.found, f)
}

func (st *Stream) differs(file int, start, agreed int64, saw byte, m Mark) {
	st.note(Partial{File: file, Start: start, Agreed: agreed, Expected: st.set.byteAt(file, agreed), Saw: saw, At: m})
}

func (st *Stream) note(p Partial) {
	for i := range st.partial {
		if st.partial[i].File == p.File {
			if p.Agreed > st.partial[i].Agreed {
				st.partial[i] = p
			}
			return
		}
	}
	if len(st.partial) < maxPartial {
		st.partial = append(st.partial, p)
		return
	}
	least := 0
	for i := range st.partial {
		if st.partial[i].Agreed < st.partial[least].Agreed {
			least = i
		}
	}
	if p.Agreed > st.partial[least].Agreed {
		st.partial[least] = p
	}
}

// Skip passes over n bytes that nobody has.
func (st *Stream) Skip(n int64, m Mark) {
	for i := range st.tracks {
		t := &st.tracks[i]
		rest := t.place.start + st.set.files[t.file].Size - st.pos
		if len(t.waiting) > 0 || t.dropped {
			st.bound(t.file)
			t.waiting, t.dropped = nil, false
		}
		t.unseen += min(n, rest)
		if rest <= n {
			st.complete(t, m)
			t.dead = true
		}
	}
	st.bury()
	st.pos += n
	st.tailLen = 0
}

// End says that the stream ends here.
func (st *Stream) End() {
	for _, t := range st.tracks {
		st.note(Partial{File: t.file, Start: t.place.start, Agreed: st.pos - t.place.start, Ended: true, At: st.markOf(st.pos)})
	}
	st.tracks = nil
}

// leaveOut notes that the next n bytes are not searched for short files. A place that begins
// up to their length before is not found either.
func (st *Stream) leaveOut(n int64) {
	from := max(0, st.pos-Short)
	if k := len(st.unsearched); k > 0 && st.unsearched[k-1].To >= from {
		st.unsearched[k-1].To = st.pos + n
	} else if k < maxUnsearched {
		st.unsearched = append(st.unsearched, Stretch{from, st.pos + n})
	} else {
		st.clipped = true
	}
}

// findShort notes where the short files' bytes are: joined holds the last n bytes before
// b and the first of b.
func (st *Stream) findShort(joined []byte, n int, b []byte) {
	for _, s := range st.set.shorts {
		from := max(0, n-len(s.text)+1)
		to := min(len(joined), n+len(s.text)-1)
		if to > from {
			st.occur(s, joined[from:to], st.pos-int64(n)+int64(from))
		}
		st.occur(s, b, st.pos)
	}
}

func (st *Stream) occur(s short, b []byte, base int64) {
	for at := 0; !st.clipped; at++ {
		i := bytes.Index(b[at:], s.text)
		if i < 0 {
			return
		}
		at += i
		if len(st.occurrences) >= maxOccurrences {
			st.clipped = true
			return
		}
		st.occurrences = append(st.occurrences, Occurrence{s.file, base + int64(at)})
	}
}
