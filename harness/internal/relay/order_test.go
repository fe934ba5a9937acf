package relay_test

import (
	"encoding/binary"
	"testing"

	"github.com/wireproof/wireproof/harness/internal/relay"
)

// The engine meets frames in the order in which they left: the IP identifications that the receiver of a transfer gives to what it
// sends, which count up (net/ipv4, inet_id), never step back. Acknowledgements are sent on whatever processor the data or
// a timer comes up on; at the far end of a veth pair those of two processors overtake each other, in one run of four or five.
func TestOrder(t *testing.T) {
	forKinds(t, func(t *testing.T, k kind) {
		var last uint16
		sent, back := 0, 0
		watch := deciderFunc(func(p *relay.Packet) relay.Decision {
			// Ethernet, IPv4 without options, TCP, and no SYN: its answer comes before there is a socket that counts.
			if f := p.Frame; p.IP && len(f) >= 54 && f[12] == 8 && f[14] == 0x45 && f[23] == 6 && f[47]&2 == 0 {
				id := binary.BigEndian.Uint16(f[18:])
				if sent++; sent > 1 && int16(id-last) < 0 {
					back++
				} else {
					last = id
				}
			}
			return relay.Pass
		})
		lossy := deciderFunc(func(p *relay.Packet) relay.Decision {
			d := relay.Pass
			d.Drop = p.Index%50 == 49
			return d
		})
		n := join(t, k, relay.Options{}, relay.Config{Decider: lossy}, relay.Config{Decider: watch})
		n.transfer(100<<20, addrB)
		n.link.Close()
		if sent < 100 || back > 0 {
			t.Errorf("%d of %d frames were overtaken", back, sent)
		}
	})
}
