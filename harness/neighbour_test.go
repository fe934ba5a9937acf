package harness_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness/harnesstest"
	"github.com/wireproof/wireproof/harness/topo"
)

// Where links lose frames, a host that has asked in vain for another's address as often as the kernel would goes on asking.
func TestLostARP(t *testing.T) {
	for network, neighbour := range map[string]string{"tcp4": "10.0.0.2", "tcp6": "fd00::2"} {
		t.Run(network, func(t *testing.T) {
			harnesstest.Require(t, "root")
			t.Parallel()
			tt := topo.Single(2)
			tt.IPv6 = network == "tcp6"
			tt.Links[0].AB.LossPercent = 0.001
			n := harnesstest.Start(t, tt, nil)
			h1, link := n.Host("h1"), n.Link("h2", "s1")
			echo(t, n.Host("h2"))
			if err := link.Down(within(t)); err != nil {
				t.Fatal(err)
			}
			answered := make(chan struct{})
			go func() {
				defer close(answered)
				ask(t, h1, network, "h2")
			}()
			// A fourth time: the count begins at three (net/core/neighbour.c, __neigh_event_send).
			asked := fmt.Sprintf("ip -s neigh show to %s dev h1-eth0 | grep -o 'probes [0-9]*' | grep -c '[7-9]$'", neighbour)
			look := time.NewTicker(50 * time.Millisecond)
			defer look.Stop()
			for out := []byte(nil); string(out) != "1\n"; {
				select {
				case <-answered:
					t.Fatal("h1 gave up")
				case <-look.C:
					out, _ = h1.Command(within(t), "sh", "-c", asked).Output()
				}
			}
			if err := link.Up(within(t)); err != nil {
				t.Fatal(err)
			}
			<-answered
		})
	}
}
