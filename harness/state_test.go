package harness_test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/wireproof/wireproof/harness/harnesstest"
	"github.com/wireproof/wireproof/harness/topo"
)

// The state of a network has each host's sockets and queues, while they are there.
func TestWriteState(t *testing.T) {
	harnesstest.NoLeaks(t)
	n := harnesstest.Start(t, topo.Linear(1, topo.LinkParams{Rate: 8 * topo.Mbit}), nil)
	listener, err := n.Host("h1").Listen(t.Context(), "tcp", ":4321")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	conn, err := n.Host("h2").Dial(t.Context(), "tcp", "h1:4321")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "state")
	if err := n.WriteState(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string][]string{
		"h1.txt":    {`\$ ss -tina`, `LISTEN.*:4321`, `ESTAB.*10\.0\.0\.1.*:4321 `, `qdisc htb 5: dev h1-eth0`, `Sent [1-9]`},
		"h2.txt":    {`ESTAB.*10\.0\.0\.1.*:4321`, `(?m)^\t.*bytes_sent:1000`, `qdisc htb 5: dev h2-eth0`, `10\.0\.0\.1 dev h2-eth0 lladdr`},
		"links.txt": {`(?m)^h1-s1$`, `s1-eth2: sent [1-9]`, `engine htb; qdisc htb: sent [1-9]`},
	} {
		text, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !regexp.MustCompile(w).Match(text) {
				t.Errorf("%s has no %s:\n%s", file, w, text)
			}
		}
	}

	// Where there is no time left, each file says so.
	ended, end := context.WithCancel(t.Context())
	end()
	if err := n.WriteState(ended, dir); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "h2.txt"))
	if err != nil || strings.Count(string(text), "# no answer: context canceled") != 4 {
		t.Errorf("%v:\n%s", err, text)
	}
	if err := n.WriteState(t.Context(), filepath.Join(dir, "h1.txt")); err == nil {
		t.Error("a folder that is a file: no error")
	}
}
