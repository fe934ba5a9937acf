package flow

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/wireproof/wireproof/harness/flow/internal/find"
)

// chance is the size below which a run that nobody claimed is not held against a
// connection: words of a protocol or of another file can be as long.
const chance = 32

// run is a file's place in the server's stream.
type run struct {
	name       string
	start, end int64
	unseen     int64
	decoded    string // as Found.Decoded
}

func (r run) apart(o run) bool { return r.end <= o.start || o.end <= r.start }

// carries judges whether the server's stream of c carries exactly the files of s.
//
// Runs are assigned in the order claimed, each the earliest that begins where the
// one before ended or later; if any assignment exists this one does. Every run
// apart from those is a file that was not claimed; runs that lie in an assigned one,
// or overlap it, are the content of that file.
func (a *Analysis) carries(c *Connection, s Session) wire {
	j := carriage{a: a, c: c, s: s}
	for _, f := range c.Files {
		if f.Direction == ToClient && f.Size >= find.Short {
			j.runs = append(j.runs, run{f.Name, f.Offset, f.end(), f.Unseen, f.Decoded})
		}
	}
	j.judge()
	return j.w
}

// carriage is one such judgement being made.
type carriage struct {
	a     *Analysis
	c     *Connection
	s     Session
	runs  []run // by offset
	taken []run
	notes []string
	w     wire
}

func (j *carriage) judge() {
	var total int64
	j.w.verdict = Pass
	files := make([]int, 0, len(j.s.Files))
	for _, name := range j.s.Files {
		i := j.a.file(name)
		if i < 0 {
			j.is(Inconclusive, name+" is not among the files that were looked for")
			return
		}
		files = append(files, i)
		total += j.a.files[i].Size
	}
	if j.s.AnyOrder {
		slices.SortStableFunc(files, func(x, y int) int { return cmp.Compare(j.a.files[y].Size, j.a.files[x].Size) })
	}
	var shorts []int // since the last longer file
	var empty, decodings []string
	var from int64
	for _, i := range files {
		f := j.a.files[i]
		switch {
		case f.Size == 0:
			empty = append(empty, f.Name)
			continue
		case f.Size < find.Short:
			shorts = append(shorts, i)
			continue
		}
		r, ok := j.take(f.Name, from)
		if !ok {
			j.absent(i, from)
			continue
		}
		j.taken = append(j.taken, r)
		j.w.agreed += f.Size - r.unseen
		if r.decoded != "" {
			decodings = append(decodings, fmt.Sprintf("%s was found decoded (HTTP, %s)", f.Name, r.decoded))
		}
		if r.unseen > 0 {
			j.is(Inconclusive, fmt.Sprintf("%s: %s of its %s bytes are not in the capture, all others agree", f.Name, thousands(r.unseen), thousands(f.Size)))
		}
		if !j.s.AnyOrder {
			j.between(shorts, from, r.start, false)
			shorts = nil
			from = r.end
		}
	}
	j.between(shorts, from, j.c.toClient.length, j.s.AnyOrder)
	j.extra()
	if j.w.verdict == Pass {
		switch reason := j.open(); {
		case reason != "":
			j.is(Inconclusive, "all that is claimed was found, but whether more followed is not known: "+reason)
		case len(files) == 0:
			j.notes = append(j.notes, fmt.Sprintf("none of the files, in %s bytes from the server", thousands(j.c.toClient.length)))
		case len(files) == 1:
			j.notes = append(j.notes, fmt.Sprintf("%s (%s bytes), one contiguous run", j.s.Files[0], thousands(total)))
		default:
			order := "in this order"
			if j.s.AnyOrder {
				order = "in any order"
			}
			j.notes = append(j.notes, fmt.Sprintf("%s %s, each one contiguous run, %s bytes", strings.Join(j.s.Files, ", "), order, thousands(total)))
		}
	}
	if len(decodings) > 0 {
		j.notes = append(j.notes, few(decodings, 4))
	}
	if len(empty) > 0 {
		j.notes = append(j.notes, strings.Join(empty, ", ")+" is empty: nothing to carry")
	}
	j.w.detail = few(j.notes, 3)
}

func (j *carriage) is(v Verdict, note string) {
	if slices.Contains(j.notes, note) {
		return // a file that is claimed several times
	}
	if v == Fail && j.w.verdict == Inconclusive {
		j.notes = append([]string{note}, j.notes...) // what decides comes first
	} else {
		j.notes = append(j.notes, note)
	}
	j.w.verdict = Worst(j.w.verdict, v)
	j.w.detail = few(j.notes, 3)
}

func (a *Analysis) file(name string) int {
	return slices.IndexFunc(a.files, func(f File) bool { return f.Name == name })
}

// take returns the first run of a file from an offset on that is free.
func (j *carriage) take(name string, from int64) (run, bool) {
	for _, r := range j.runs {
		if r.name == name && r.start >= from && (!j.s.AnyOrder || !slices.ContainsFunc(j.taken, func(t run) bool { return !t.apart(r) })) {
			return r, true
		}
	}
	return run{}, false
}

// open says why the server's stream may hold more than was seen, or "".
func (j *carriage) open() string { return j.c.open(ToClient) }

// absent judges a claimed file that has no run.
func (j *carriage) absent(i int, from int64) {
	f := j.a.files[i]
	text := j.explain(f, from)
	switch reason := j.c.dark(ToClient); {
	case reason != "":
		j.is(Inconclusive, text+"; this does not decide, since "+reason)
	case j.c.toClient.bounded[i]:
		j.is(Inconclusive, text+"; this does not decide, since it may begin at more places of this stream than the verifier follows")
	default:
		j.is(Fail, text)
	}
}

// explain says what was seen in place of a file.
func (j *carriage) explain(f File, from int64) string {
	for _, r := range j.runs {
		if r.name == f.Name {
			var order []string
			for _, r := range j.outer() {
				order = append(order, r.name)
			}
			if len(j.taken) > 0 && r.start < from && r.apart(j.taken[len(j.taken)-1]) {
				return fmt.Sprintf("%s is at stream offset %s, before %s: the order seen is %s", f.Name, thousands(r.start), j.taken[len(j.taken)-1].name, few(order, 6))
			}
			return fmt.Sprintf("%s is there only once, at stream offset %s, inside or as another file: the files seen are %s", f.Name, thousands(r.start), few(order, 6))
		}
	}
	for _, m := range j.c.Mismatches {
		if m.Name != f.Name || m.Direction != ToClient {
			continue
		}
		if m.Decoded != "" {
			return m.inBody(f)
		}
		if m.Ended {
			return fmt.Sprintf("%s: only its first %s of %s bytes are there, from stream offset %s; then the stream ends (%s)",
				f.Name, thousands(m.Agreed), thousands(f.Size), thousands(m.Offset), j.c.ClosedBy)
		}
		return fmt.Sprintf("%s: differs at file offset %s (stream offset %s, packet %s, time %s): expected %#02x, saw %#02x",
			f.Name, thousands(m.Agreed), thousands(m.Offset+m.Agreed), at(m.Packet, m.Capture), m.Time.Format("15:04:05.000000000"), m.Expected, m.Saw)
	}
	for i := range j.a.Connections {
		o := &j.a.Connections[i]
		if o != j.c && slices.ContainsFunc(o.Files, func(x Found) bool { return x.Name == f.Name && x.Direction == ToClient }) {
			return fmt.Sprintf("%s is not on this connection, but on that of %s, which begins with packet %s", f.Name, o.Client, at(o.FirstPacket, o.Capture))
		}
	}
	return fmt.Sprintf("%s: no beginning of it is in the %s bytes that the server sent", f.Name, thousands(j.c.toClient.length))
}

// inBody says how far a decoded body agrees with a file.
func (m *Mismatch) inBody(f File) string {
	if m.Ended {
		return fmt.Sprintf("%s: only its first %s of %s bytes are in the HTTP body at stream offset %s (%s)",
			f.Name, thousands(m.Agreed), thousands(f.Size), thousands(m.Offset), m.Decoded)
	}
	return fmt.Sprintf("%s: differs at file offset %s in the HTTP body at stream offset %s (%s; packet %s): expected %#02x, saw %#02x",
		f.Name, thousands(m.Agreed), thousands(m.Offset), m.Decoded, at(m.Packet, m.Capture), m.Expected, m.Saw)
}

// outer returns the runs that do not lie inside another.
func (j *carriage) outer() []run {
	var list []run
	for i, r := range j.runs {
		inside := false
		for k, o := range j.runs {
			if i != k && o.start <= r.start && r.end <= o.end && (o.end-o.start > r.end-r.start || k < i) {
				inside = true
				break
			}
		}
		if !inside {
			list = append(list, r)
		}
	}
	return list
}

// extra judges files that were carried and not claimed: runs apart from those assigned,
// and runs that an assigned one is only a part of. What lies in the beginning
// of a claimed file that is absent is that beginning.
func (j *carriage) extra() {
	taken := slices.Clone(j.taken)
	bySize := slices.Clone(j.runs)
	slices.SortStableFunc(bySize, func(x, y run) int { return cmp.Compare(y.end-y.start, x.end-x.start) })
	for _, r := range bySize {
		if k := slices.IndexFunc(taken, func(t run) bool { return !t.apart(r) }); k >= 0 {
			j.around(r, taken[k])
			continue
		}
		if slices.ContainsFunc(j.c.Mismatches, func(m Mismatch) bool {
			return m.Direction == ToClient && m.Decoded == "" && m.Offset <= r.start && r.end <= m.Offset+m.Agreed && slices.Contains(j.s.Files, m.Name)
		}) {
			continue
		}
		taken = append(taken, r) // those inside it are not told apart
		if j.misplaced(r.name) {
			continue // absent where it is claimed: that has been said
		}
		text := fmt.Sprintf("it carries %s too, at stream offset %s, which is not claimed", r.name, thousands(r.start))
		if n := strings.Count(strings.Join(j.s.Files, "\x00")+"\x00", r.name+"\x00"); n > 0 {
			text = fmt.Sprintf("it carries %s once more than claimed, at stream offset %s", r.name, thousands(r.start))
		}
		switch {
		case r.unseen > 0:
			j.is(Inconclusive, fmt.Sprintf("%s; but %s bytes of that are not in the capture", text, thousands(r.unseen)))
		case r.end-r.start < chance:
			j.is(Inconclusive, fmt.Sprintf("%s; but %d bytes can be there by chance", text, r.end-r.start))
		default:
			j.is(Fail, text)
		}
	}
}

// misplaced says whether a file is claimed more often than it was assigned.
func (j *carriage) misplaced(name string) bool {
	claimed, assigned := 0, 0
	for _, f := range j.s.Files {
		if f == name {
			claimed++
		}
	}
	for _, t := range j.taken {
		if t.name == name {
			assigned++
		}
	}
	return claimed > assigned
}

// around judges a run that overlaps one that is assigned.
func (j *carriage) around(r, part run) {
	more := (r.end - r.start) - (part.end - part.start)
	if r.start > part.start || r.end < part.end || more == 0 || r.unseen > 0 || !slices.Contains(j.taken, part) {
		return
	}
	text := fmt.Sprintf("%s, at stream offset %s, is only a part of %s there, which is not claimed", part.name, thousands(part.start), r.name)
	if more < chance {
		j.is(Inconclusive, fmt.Sprintf("%s; but the other %d bytes can be there by chance", text, more))
	} else {
		j.is(Fail, text)
	}
}

// between judges files of less than find.Short bytes, which lie in [from, to) of the
// stream. So few bytes are there by chance often enough that being there
// proves nothing, unless nothing else can be there: the files fill the space
// exactly. Not being there is proof.
func (j *carriage) between(shorts []int, from, to int64, anyOrder bool) {
	if len(shorts) == 0 {
		return
	}
	e := j.c.toClient
	var sum int64
	var names []string
	forced := true
	at, pos := map[find.Occurrence]bool{}, from
	for _, o := range e.occurrences {
		at[o] = true
	}
	for _, i := range shorts {
		forced = forced && at[find.Occurrence{File: i, Start: from + sum}]
		sum += j.a.files[i].Size
		names = append(names, j.a.files[i].Name)
	}
	if forced && sum == to-from && j.open() == "" && !anyOrder {
		return
	}
	for _, i := range shorts {
		f := j.a.files[i]
		begin := int64(-1)
		for _, o := range e.occurrences {
			if o.File == i && (anyOrder || o.Start >= pos && o.Start+f.Size <= to) && (begin < 0 || o.Start < begin) {
				begin = o.Start
			}
		}
		if begin >= 0 {
			pos = begin + f.Size
			continue
		}
		text := fmt.Sprintf("%s: its %d bytes are not where they are claimed, between stream offsets %s and %s", f.Name, f.Size, thousands(from), thousands(to))
		unsearched := slices.ContainsFunc(e.unsearched, func(u find.Stretch) bool { return u.From < to && from < u.To && !j.within(u) })
		if j.open() != "" || e.clipped || unsearched || j.w.verdict != Pass {
			j.is(Inconclusive, text+"; this does not decide, since not all of that was seen or searched")
		} else {
			j.is(Fail, text)
		}
		return
	}
	j.is(Inconclusive, fmt.Sprintf("%s: found, but a run of fewer than %d bytes can be there by chance", strings.Join(names, ", "), find.Short))
}

// within says whether a stretch lies in one of the assigned runs but for its first
// bytes, which were searched for all files that end in them.
func (j *carriage) within(u find.Stretch) bool {
	return slices.ContainsFunc(j.taken, func(r run) bool { return r.start <= u.From+find.Short && u.To <= r.end })
}

// judgeWire judges every session's files.
func (a *Analysis) judgeWire(sessions []Session, outcomes []outcome) []Check {
	const name = "wire"
	checks := make([]Check, len(sessions))
	for i, s := range sessions {
		c, w := outcomes[i].c, outcomes[i].w
		if c == nil {
			text := fmt.Sprintf("%s: no connection is left that could have carried %s", s.label(), few(s.Files, 6))
			if len(s.Files) == 0 {
				text = fmt.Sprintf("%s: the claimed connection was not seen", s.label())
			}
			if reason := a.blind(); reason != "" {
				checks[i] = Check{name, Inconclusive, text + "; " + reason + "."}
			} else {
				checks[i] = Check{name, Fail, text + "."}
			}
			continue
		}
		who := s.label()
		if who != c.Client.Addr().String() {
			who += " (" + c.Client.String() + ")"
		} else {
			who = c.Client.String()
		}
		checks[i] = Check{name, w.verdict, who + ": " + w.detail + "."}
	}
	return checks
}
