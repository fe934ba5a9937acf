package flow_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/harness/flow/extract"
	"github.com/wireproof/wireproof/harness/harnesstest"
)

// tcpflowName is how tcpflow calls the file of what one end of a connection sent.
func tcpflowName(from, to netip.AddrPort) string {
	end := func(a netip.AddrPort) string {
		if a.Addr().Is4() {
			b := a.Addr().As4()
			return fmt.Sprintf("%03d.%03d.%03d.%03d.%05d", b[0], b[1], b[2], b[3], a.Port())
		}
		return fmt.Sprintf("%s.%05d", a.Addr(), a.Port())
	}
	return end(from) + "-" + end(to)
}

// sameAsTcpflow compares the streams that extract writes with those of tcpflow, and returns how many were not empty.
func sameAsTcpflow(t *testing.T, capture string) int {
	t.Helper()
	theirs, ours := t.TempDir(), filepath.Join(t.TempDir(), "ours")
	if out, err := exec.Command("tcpflow", "-r", capture, "-o", theirs).CombinedOutput(); err != nil {
		t.Fatalf("tcpflow: %v: %s", err, out)
	}
	f, err := os.Open(capture)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := extract.Run(t.Context(), []flow.Input{{Name: capture, Reader: f}}, ours, flow.Options{})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	seen := map[string]bool{}
	for _, s := range r.Streams {
		c := r.Connections[s.Connection]
		from, to := c.Client, c.Server
		if s.Direction == flow.ToClient {
			from, to = to, from
		}
		name := tcpflowName(from, to)
		if c.Reused { // the later connections of a four-tuple
			name += "c1"
		}
		got, err := os.ReadFile(filepath.Join(ours, s.Path))
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join(theirs, name))
		if err != nil && len(got) > 0 {
			t.Errorf("tcpflow has no %s, here it has %d bytes", name, len(got))
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: tcpflow has %d bytes, extract %d others", name, len(want), len(got))
		}
		if len(got) > 0 {
			n++
			seen[name] = true
		}
	}
	list, err := os.ReadDir(theirs)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		if info, _ := e.Info(); info.Size() > 0 && e.Name() != "report.xml" && !seen[e.Name()] {
			t.Errorf("tcpflow has %s, extract has not", e.Name())
		}
	}
	return n
}

// The streams of scripted captures are what tcpflow makes of them.
func TestAgainstTcpflowScripted(t *testing.T) {
	harnesstest.Require(t, "tcpflow")
	n := 0
	for name, capture := range flow.ScriptedCaptures(t) {
		if name == "retransmissions that disagree" {
			continue // tcpflow keeps the bytes seen last, a receiver those seen first
		}
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "scripted.pcapng")
			if err := os.WriteFile(path, capture, 0o600); err != nil {
				t.Fatal(err)
			}
			n += sameAsTcpflow(t, path)
		})
	}
	if n < 10 {
		t.Errorf("only %d streams were compared", n)
	}
}
