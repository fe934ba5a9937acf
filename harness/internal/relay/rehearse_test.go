package relay_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness/internal/relay"
)

// A rehearsal is nothing to the host's device and nothing to the link: neither counts a packet, an error or a drop for it, and every
// packet that was sent came, and no other.
func TestRehearsalsAreSeenByNobody(t *testing.T) {
	for _, k := range kinds {
		t.Run(fmt.Sprint(k), func(t *testing.T) {
			requireKernel(t, k)
			c := relay.Config{Delay: 5 * time.Millisecond}
			n := join(t, k, relay.Options{}, c, c)
			const sent = 50
			n.oneWay(sent)
			received := func(host space) (packets, failed uint64) {
				out, err := host.output("ip", "-s", "-j", "link", "show", "dev", "eth0")
				if err != nil {
					t.Fatal(err)
				}
				var shown []struct {
					Stats struct {
						RX struct{ Packets, Errors, Dropped uint64 }
					} `json:"stats64"`
				}
				if err := json.Unmarshal([]byte(out), &shown); err != nil {
					t.Fatal(err)
				}
				rx := shown[0].Stats.RX
				return rx.Packets, rx.Errors + rx.Dropped
			}
			// What the hosts say of their own accord may come between two looks.
			var said string
			for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
				s := n.stats()
				if s.Thread.Rehearsals == 0 {
					t.Fatal("the thread slept for milliseconds, and did not rehearse")
				}
				a, aFailed := received(n.a)
				b, bFailed := received(n.b)
				said = fmt.Sprintf("%+v; received %d, %d, errors %d, %d", s, a, b, aFailed, bFailed)
				if s.AB.PacketsOut == s.AB.PacketsIn && s.BA.PacketsOut == s.BA.PacketsIn && s.AB.Dropped == s.BA.Dropped && s.AB.Dropped == (relay.Drops{}) &&
					a == s.BA.PacketsOut && b == s.AB.PacketsOut && aFailed+bFailed == 0 && b >= sent {
					return
				}
			}
			t.Error(said)
		})
	}
}
