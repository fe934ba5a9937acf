package flow

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
)

// endless is a file of any size, of text with a number every 4 KiB, so that no two
// stretches are alike; never held.
type endless struct {
	size int64
	page []byte // 1 MiB
}

func newEndless(size int64) *endless { return &endless{size, text(1<<20, 77)} }

func (e *endless) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	for n < len(p) && off < e.size {
		in := off % 4096
		var stamp [8]byte
		binary.BigEndian.PutUint64(stamp[:], uint64(off/4096)*0x9E3779B97F4A7C15)
		var k int
		if in < 8 {
			k = copy(p[n:], stamp[in:])
		} else {
			at := off % int64(len(e.page))
			k = copy(p[n:], e.page[at:at+4096-in])
		}
		k = int(min(int64(k), e.size-off))
		n += k
		off += int64(k)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (e *endless) Close() error { return nil }

func (e *endless) file(name string) File {
	return File{Name: name, Size: e.size, Open: func() (ReaderAtCloser, error) { return e, nil }}
}

// generator is a capture made while it is read: conns connections at once, each
// carrying a whole file, in frames of mss bytes of data.
type generator struct {
	e        *endless
	mss      int
	conns    int
	reorder  bool // leaves a segment out in every 64 and brings it 32 later
	at       []int64
	turn     int
	out, buf []byte
	done     int
	started  bool
	now      uint32
	held     [][]byte
	counter  int
	lossless int
}

func newGenerator(e *endless, mss, conns int) *generator {
	return &generator{e: e, mss: mss, conns: conns, at: make([]int64, conns)}
}

func (g *generator) Read(p []byte) (int, error) {
	for len(g.out) == 0 {
		if !g.more() {
			return 0, io.EOF
		}
	}
	n := copy(p, g.out)
	g.out = g.out[n:]
	return n, nil
}

// frame appends a record; the checksum is left to the card.
func (g *generator) frame(b []byte, conn int, fromServer bool, flags byte, seq, ack uint32, off int64, n int) []byte {
	g.now++
	size := 54 + n
	b = binary.LittleEndian.AppendUint32(b, 1_700_000_000+g.now/1_000_000)
	b = binary.LittleEndian.AppendUint32(b, g.now%1_000_000)
	b = binary.LittleEndian.AppendUint32(b, uint32(size))
	b = binary.LittleEndian.AppendUint32(b, uint32(size))
	b = append(b, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0)
	length := size - 14
	if length > 65535 {
		length = 0
	}
	b = append(b, 0x45, 0, byte(length>>8), byte(length), byte(g.now>>8), byte(g.now)|1, 0x40, 0, 64, 6, 0, 0)
	client, server := []byte{10, 1, byte(conn >> 8), byte(conn)}, []byte{10, 0, 0, 1}
	cp, sp := uint16(40000), uint16(12345)
	if fromServer {
		client, server, cp, sp = server, client, sp, cp
	}
	b = append(append(b, client...), server...)
	b = binary.BigEndian.AppendUint16(b, cp)
	b = binary.BigEndian.AppendUint16(b, sp)
	b = binary.BigEndian.AppendUint32(b, seq)
	b = binary.BigEndian.AppendUint32(b, ack)
	b = append(b, 0x50, flags, 0xFF, 0xFF, 0, 0, 0, 0)
	if n > 0 {
		k := len(b)
		b = b[:k+n]
		g.e.ReadAt(b[k:], off)
	}
	return b
}

func (g *generator) more() bool {
	if g.buf == nil {
		g.buf = make([]byte, 0, 6*(g.mss+200))
	}
	b := g.buf
	if !g.started {
		g.started = true
		b = binary.LittleEndian.AppendUint32(b, 0xA1B2C3D4)
		b = append(b, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0)
		g.out = b
		return true
	}
	if g.done == g.conns {
		return false
	}
	c := g.turn % g.conns
	g.turn++
	at := g.at[c]
	switch {
	case at < 0:
		g.out = b
		return true
	case at == 0:
		b = g.frame(b, c, false, 2, 1000, 0, 0, 0)
		b = g.frame(b, c, true, 18, 5000, 1001, 0, 0)
		b = g.frame(b, c, false, 16, 1001, 5001, 0, 0)
	case at >= g.e.size:
		end := uint32(5001 + at)
		b = g.frame(b, c, false, 17, 1001, end, 0, 0)
		b = g.frame(b, c, true, 17, end, 1002, 0, 0)
		b = g.frame(b, c, false, 16, 1002, end+1, 0, 0)
		g.at[c] = -1
		g.done++
		g.out = b
		return true
	}
	for range 2 {
		n := int(min(int64(g.mss), g.e.size-at))
		if n == 0 {
			break
		}
		g.counter++
		f := g.frame(b[len(b):], c, true, 24, uint32(5001+at), 1001, at, n)
		if g.reorder && g.conns == 1 && g.counter%64 == 20 && at+int64(n) < g.e.size {
			g.held = append(g.held, bytes.Clone(f))
		} else {
			b = append(b, f...)
		}
		if len(g.held) > 0 && (g.counter%64 == 52 || at+int64(n) == g.e.size) {
			b = append(b, g.held[0]...)
			g.held = g.held[1:]
		}
		at += int64(n)
	}
	g.at[c] = at
	if len(g.held) == 0 {
		b = g.frame(b, c, false, 16, 1001, uint32(5001+at), 0, 0)
	}
	g.out = b
	return true
}

func endlessClaim(conns int) []Session {
	var list []Session
	for i := range conns {
		list = append(list, Session{Client: netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), Server: netip.MustParseAddrPort("10.0.0.1:12345"), Files: []string{"big"}})
	}
	return list
}

func corpusWith(e *endless) []File {
	return append([]File{e.file("big")}, fileOf("A", novelA), fileOf("B", novelB), fileOf("C", novelC), fileOf("inside", inside))
}

func BenchmarkAnalyze(b *testing.B) {
	const size = 1 << 30
	for _, c := range []struct {
		name       string
		mss, conns int
		reorder    bool
	}{{"1514", 1460, 1, false}, {"1514-reordered", 1460, 1, true}, {"1514-16-connections", 1460, 16, false}, {"64KB", 65160, 1, false}} {
		b.Run(c.name, func(b *testing.B) {
			e := newEndless(size / int64(c.conns))
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				g := newGenerator(e, c.mss, c.conns)
				g.reorder = c.reorder
				a := analyzeWith(b, g, Options{Files: corpusWith(e)})
				if v := a.Judge(endlessClaim(c.conns)); letters(v)[3] != 'P' {
					b.Fatal(v)
				}
			}
		})
	}
}

var raceDetector bool // set where the tests were built with it

const memoryEnv = "FLOW_MEMORY_CHILD"

func TestMain(m *testing.M) {
	if spec := os.Getenv(memoryEnv); spec != "" {
		os.Exit(memoryChild(spec))
	}
	os.Exit(m.Run())
}

// memoryChild analyses a synthetic capture and prints the verdicts and the most memory
// that the process had in use.
func memoryChild(spec string) int {
	debug.SetGCPercent(GCPercent)
	var size int64
	var mss, conns int
	var reorder bool
	fmt.Sscan(spec, &size, &mss, &conns, &reorder)
	e := newEndless(size)
	g := newGenerator(e, mss, conns)
	g.reorder = reorder
	a, err := Analyze(context.Background(), g, Options{Files: corpusWith(e)})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	verdicts := ""
	for _, c := range a.Judge(endlessClaim(conns)) {
		if !strings.Contains(verdicts, string(c.Verdict[0])) {
			verdicts += string(c.Verdict[0])
		}
	}
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		if kb, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			fmt.Println(verdicts, strings.Fields(kb)[0])
		}
	}
	return 0
}

func TestMemoryStaysBounded(t *testing.T) {
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("no /proc: ", err)
	}
	if raceDetector {
		t.Skip("the race detector's own memory is several times the program's")
	}
	for _, spec := range []string{
		"1000000000 1460 1 false",
		"1000000000 65160 1 false",
		"500000000 1460 1 true",
		"100000 1460 1400 false",
		"1000000 1460 500 false",
		"20000 1460 9000 false",
	} {
		t.Run(spec, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), memoryEnv+"="+spec)
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			f := strings.Fields(string(out))
			if len(f) != 2 {
				t.Fatalf("output %q", out)
			}
			kb, _ := strconv.Atoi(f[1])
			t.Logf("verdicts %s, at most %d KiB", f[0], kb)
			if kb > 64<<10 {
				t.Errorf("%d KiB in use, more than 64 MiB", kb)
			}
			if !strings.HasPrefix(spec, "20000 ") && f[0] != "P" {
				t.Errorf("verdicts %s", f[0])
			}
		})
	}
}
