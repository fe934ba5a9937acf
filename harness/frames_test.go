package harness_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness"
	"github.com/wireproof/wireproof/harness/capture"
	"github.com/wireproof/wireproof/harness/harnesstest"
	"github.com/wireproof/wireproof/harness/topo"
)

// How long a frame may be is for the hosts to say, whatever carries it.
func TestJumboFrames(t *testing.T) {
	harnesstest.Require(t, "root", "ping")
	delayed := topo.LinkParams{Delay: time.Millisecond}
	for _, c := range []struct {
		name   string
		params topo.LinkParams
		closed string
	}{
		{"bypass", topo.LinkParams{}, ""}, {"packet", delayed, "make TAP "}, {"tap", delayed, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.closed != "" {
				without(t, c.closed)
			}
			n := harnesstest.Start(t, cable(c.params, c.params), &harness.Options{Engine: harness.EngineUser})
			for _, run := range []string{"h1 ip link set dev h1-eth0 mtu 9000", "h2 ip link set dev h2-eth0 mtu 9000", "h1 ping -n -q -c2 -i0.01 -W10 -M do -s 8000 h2"} {
				words := strings.Fields(run)
				if out, err := n.Host(words[0]).Command(within(t), words[1], words[2:]...).CombinedOutput(); err != nil {
					t.Fatalf("%s: %v: %s", run, err, out)
				}
			}
		})
	}
}

// With offloads on, super-frames pass the user engine whole.
func TestSuperFramesPass(t *testing.T) {
	n := harnesstest.Start(t, chain(topo.LinkParams{Delay: time.Millisecond}), &harness.Options{Offload: harness.OffloadOn})
	var file bytes.Buffer
	c, err := n.Host("h2").Capture(within(t), "", &file, capture.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := send(t, n, 4<<20, nil); err != nil {
		t.Error(err)
	}
	if s, err := c.Stop(within(t)); err != nil || !s.Complete {
		t.Errorf("stop: %+v, %v", s, err)
	}
	if longest := longestFrame(t, &file); longest <= 1514 {
		t.Errorf("longest frame %d bytes", longest)
	}
}
