package scenarios

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/harness/frames"
	"github.com/wireproof/wireproof/harness/harnesstest"
	"github.com/wireproof/wireproof/protocol"
)

// A packet as package frames reads it, which shares no code with the writer.
type packet struct {
	at      time.Time
	length  int
	content string
}

// packetsOf reads a capture, interface by interface.
func packetsOf(t *testing.T, path string) map[string][]packet {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	all := map[string][]packet{}
	for f, err := range frames.Read(file) {
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		all[f.Name] = append(all[f.Name], packet{f.Time, f.Length, string(f.Data)})
	}
	return all
}

func samePackets(t *testing.T, got, want []packet) {
	t.Helper()
	if len(got) != len(want) || len(want) == 0 {
		t.Fatalf("%d packets, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("packet %d is not what it was: %v and %v", i+1, got[i], want[i])
		}
	}
}

// inOrderOfTime wants each packet no older than the one before it; but for those that came into their own ring behind a
// younger one: a time is taken before the frame has its place there (net/packet/af_packet.c, tpacket_rcv).
func inOrderOfTime(t *testing.T, path string) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var last time.Time
	own := map[int]time.Time{}
	n := 0
	for f, err := range frames.Read(file) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		if f.Time.Before(last) && !f.Time.Before(own[f.Interface]) {
			t.Fatalf("packet %d of %v comes behind one of %v", n, f.Time, last)
		}
		last, own[f.Interface] = f.Time, f.Time
	}
}

// perform runs a scenario and judges it, and leaves the captures as they were written.
func perform(t *testing.T, s Scenario, o Options) *run {
	t.Helper()
	r, err := newRun(s, o)
	if err == nil {
		err = r.perform(t.Context(), func() { r.judge(t.Context()) })
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The capture with comments holds the same packets and times as before, is judged the same, and tshark shows the comments.
func TestCommentsChangeNoPacket(t *testing.T) {
	harnesstest.Require(t, "root", "tshark")
	var all []subtest
	for _, dialect := range []protocol.Dialect{protocol.Stream, protocol.Lockstep} {
		all = append(all, subtest{string(dialect), 5 * time.Second, func(t *testing.T) {
			s := selectAll(t, Params{Dialects: []protocol.Dialect{dialect}, LossPercent: 3, Variants: []string{AllVariant}}, "g")[0]
			s.Excerpt = 32 << 10 // 160 exchanges, of which ten lose a chunk; a stream has fewer packets, and loses as many
			if dialect == protocol.Stream {
				s.Excerpt = 64 << 10
			}
			r := perform(t, s, optionsFor(t))
			wantVerdict(t, r.report, flow.Pass)
			c := r.captureAt("h1-eth0")
			raw := filepath.Join(t.TempDir(), "raw.pcapng")
			before, err := os.ReadFile(c.path)
			if err == nil {
				err = os.WriteFile(raw, before, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			r.annotate(t.Context())
			samePackets(t, packetsOf(t, c.path)["h1-eth0"], packetsOf(t, raw)["h1-eth0"])
			for _, kept := range r.report.Captures {
				if kept.Problem != "" {
					t.Errorf("%s: %s", kept.Path, kept.Problem)
				}
			}
			if left, _ := filepath.Glob(filepath.Join(r.dir, "*.new")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
			if checks := r.judgeCapture(t.Context(), c); flow.Overall(checks) != flow.Pass {
				t.Errorf("judged again: %+v", checks)
			}

			out, err := exec.CommandContext(t.Context(), "tshark", "-r", c.path, "-N", "n", "-Y", "frame.comment", "-T", "fields",
				"-e", "ip.src_host", "-e", "frame.comment").Output()
			if err != nil {
				t.Fatal(err)
			}
			shown := string(out)
			want := []string{
				"h2\tconnection 1: handshake, SYN: h2:", "h1\tconnection 1: handshake, SYN-ACK: h1:12345 accepts", "h2\tconnection 1: handshake, ACK: established",
				"connection 1: FIN by the client", "connection 1: FIN by the server", "connection 1: retransmission by the server of ",
			}
			for i, name := range r.options.Corpus.Names {
				want = append(want, fmt.Sprintf("connection 1: request for file %d, %s", i+1, name),
					fmt.Sprintf("connection 1: first byte of file %d of 5, %s,", i+1, name), fmt.Sprintf("connection 1: last byte of file %d of 5, %s:", i+1, name))
			}
			for _, w := range want {
				if !strings.Contains(shown, w) {
					t.Errorf("tshark does not show %q", w)
				}
			}
			if t.Failed() {
				t.Log(shown)
			}
			again := strings.Count(shown, "retransmission")
			if n := int(r.report.Connections[0].Retransmissions); again != n {
				t.Errorf("%d comments on %d retransmissions", again, n)
			}
		}})
	}
	inParallel(t, all)
}

// --capture all makes one file, in the order of time, that has every packet of every interface, and is judged as one.
func TestEveryInterfaceInOneFile(t *testing.T) {
	harnesstest.Require(t, "root")
	takePlace(t, 0)
	s := selectAll(t, Params{}, "j")[0]
	s.Excerpt = 512 << 10
	o := optionsFor(t)
	o.CaptureAll = true
	r := perform(t, s, o)
	wantVerdict(t, r.report, flow.Pass)
	raw := map[string][]packet{}
	for _, c := range r.captures {
		raw[c.ifname] = packetsOf(t, c.path)[c.ifname]
	}
	if len(raw) != 18 {
		t.Fatalf("%d interfaces were captured, a chain of eight switches has 18", len(raw))
	}
	r.annotate(t.Context())
	all, err := filepath.Glob(filepath.Join(r.dir, "*.pcapng"))
	if err != nil || len(all) != 1 || filepath.Base(all[0]) != networkCapture {
		t.Fatalf("captures kept: %v, %v", all, err)
	}
	merged := packetsOf(t, all[0])
	for name, want := range raw {
		samePackets(t, merged[name], want)
	}
	inOrderOfTime(t, all[0])
	i := slices.IndexFunc(r.report.Captures, func(c Capture) bool { return c.Interface == "s4-eth2" })
	if i < 0 || r.report.Captures[i].Path != shorter(all[0]) || r.report.Captures[i].Packets != uint64(len(raw["s4-eth2"])) {
		t.Errorf("the report's captures: %+v", r.report.Captures)
	}
	c := r.captureAt("h1-eth0")
	if checks := r.judgeCapture(t.Context(), c); flow.Overall(checks) != flow.Pass {
		t.Errorf("the one file judged: %+v", checks)
	}
}

// Where a capture cannot be written again, it stays as it was, and the report says what is wrong.
func TestACaptureThatCannotBeAnnotatedStays(t *testing.T) {
	harnesstest.Require(t, "root")
	takePlace(t, 0)
	r := perform(t, selectAll(t, Params{}, "g")[0], optionsFor(t))
	c := r.captureAt("h1-eth0")
	before, err := os.ReadFile(c.path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(c.path+".new", 0o755); err != nil { // where the new file would be
		t.Fatal(err)
	}
	r.annotate(t.Context())
	after, err := os.ReadFile(c.path)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the capture has changed, or cannot be read: %v", err)
	}
	if p := r.report.Captures[0].Problem; !strings.Contains(p, "without comments: ") || !strings.Contains(p, "is a directory") {
		t.Errorf("the report says %q", p)
	}
}
