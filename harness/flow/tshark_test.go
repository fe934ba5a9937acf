package flow_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/harness/harnesstest"
)

// tshark returns the lines of one field for the packets that a filter selects.
func tshark(t *testing.T, path, filter, field string) []string {
	t.Helper()
	out, err := exec.Command("tshark", "-r", path, "-Y", filter, "-T", "fields", "-e", field).Output()
	if err != nil {
		t.Fatalf("tshark: %v", err)
	}
	return strings.Fields(string(out))
}

func distinct(list []string) int {
	seen := map[string]bool{}
	for _, s := range list {
		seen[s] = true
	}
	return len(seen)
}

// Traffic of this test over loopback, captured by tcpdump: connections, retransmissions and
// bytes are what tshark says, the streams what tcpflow writes, and every file is found.
func TestAgainstTsharkLive(t *testing.T) {
	harnesstest.Require(t, "root", "tshark", "tcpdump", "tcpflow")
	content := make([]byte, 3_000_000)
	for i := range content {
		content[i] = byte(i*i>>7 ^ i>>11)
	}
	files, err := flow.Files(fstest.MapFS{"book": {Data: content}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	path := filepath.Join(t.TempDir(), "lo.pcap")
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	dump := exec.CommandContext(ctx, "tcpdump", "-i", "lo", "-s", "0", "-B", "65536", "--immediate-mode", "-U", "-w", path, fmt.Sprintf("tcp port %d", port))
	stderr, err := dump.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := dump.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { dump.Process.Kill(); dump.Wait() }()
	var said bytes.Buffer
	for buf := make([]byte, 256); !strings.Contains(said.String(), "listening on"); {
		n, err := stderr.Read(buf)
		said.Write(buf[:n])
		if err != nil {
			t.Fatalf("tcpdump: %s", said.String())
		}
	}
	go io.Copy(io.Discard, stderr)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			io.ReadFull(c, make([]byte, 4))
			c.Write(content)
			c.(*net.TCPConn).CloseWrite()
			io.Copy(io.Discard, c)
			c.Close()
		}
	}()
	const conns = 3
	var sessions []flow.Session
	for range conns {
		c, err := net.Dial("tcp4", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(c, "GET\n")
		if n, err := io.Copy(io.Discard, c); n != int64(len(content)) {
			t.Fatalf("%d bytes, %v", n, err)
		}
		c.Close()
		addr := l.Addr().(*net.TCPAddr).AddrPort()
		sessions = append(sessions, flow.Session{Client: addr.Addr(), Server: addr, Files: []string{"book"}})
	}
	// The capture is complete when it shows the last close: read it until it does.
	var a *flow.Analysis
	var checks []flow.Check
	for deadline := time.Now().Add(20 * time.Second); ; {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		a, err = flow.Analyze(ctx, f, flow.Options{Files: files})
		f.Close()
		if err == nil {
			checks = a.Judge(sessions)
			closed := 0
			for _, c := range a.Connections {
				if c.ClosedBy == flow.ClosedFIN {
					closed++
				}
			}
			if closed == conns && !a.CutShort {
				break
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("the capture does not show %d closed connections: %v, %+v", conns, err, checks)
		}
	}
	for _, c := range checks {
		if c.Verdict != flow.Pass {
			t.Errorf("%+v", c)
		}
	}
	if got := a.Judge(sessions[:1]); got[1].Verdict != flow.Fail {
		t.Errorf("one connection claimed: %+v", got[1])
	}
	if n := distinct(tshark(t, path, "tcp", "tcp.stream")); n != len(a.Connections) {
		t.Errorf("tshark sees %d streams, flow %d connections", n, len(a.Connections))
	}
	// A segment that came after a later one is by tshark's guess of time a retransmission or out of
	// order; here it is out of order if its bytes were not seen before. The sums agree.
	var again, late uint64
	for _, c := range a.Connections {
		again += c.Retransmissions
		late += c.OutOfOrder
	}
	if n := len(tshark(t, path, "tcp.analysis.retransmission or tcp.analysis.out_of_order", "frame.number")); uint64(n) != again+late {
		t.Errorf("tshark sees %d segments again or out of order, flow %d and %d", n, again, late)
	}
	if n := sameAsTcpflow(t, path); n != 2*conns {
		t.Errorf("%d streams compared with tcpflow's, want %d", n, 2*conns)
	}
}

// Scripted captures: what tshark calls retransmissions, keep-alives and zero windows is what is
// counted here.
func TestAgainstTsharkScripted(t *testing.T) {
	harnesstest.Require(t, "tshark")
	for name, capture := range flow.ScriptedCaptures(t) {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "scripted.pcapng")
			if err := os.WriteFile(path, capture, 0o600); err != nil {
				t.Fatal(err)
			}
			a, err := flow.Analyze(t.Context(), bytes.NewReader(capture), flow.Options{})
			if err != nil {
				t.Fatal(err)
			}
			var again, alive, zero uint64
			for _, c := range append(a.Attempts, a.Connections...) {
				again += c.Retransmissions
				alive += c.KeepAlives
				zero += c.ZeroWindows
			}
			if n := distinct(tshark(t, path, "tcp", "tcp.stream")); n != len(a.Connections)+len(a.Attempts) {
				t.Errorf("tshark sees %d streams, flow %d connections and %d attempts", n, len(a.Connections), len(a.Attempts))
			}
			for filter, want := range map[string]uint64{
				"tcp.analysis.retransmission": again,
				"tcp.analysis.keep_alive":     alive,
				"tcp.analysis.zero_window":    zero,
			} {
				if n := len(tshark(t, path, filter, "frame.number")); uint64(n) != want {
					t.Errorf("%s: tshark sees %d, flow %d", filter, n, want)
				}
			}
		})
	}
}
