package relay

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/wireproof/wireproof/harness/internal/relay/gso"
)

// logged is a drop as the engine's thread notes it: the text is made when somebody asks.
type logged struct {
	index uint64
	at    int64
	cause Cause
	len   int32
	n     uint8
	ip    bool
	head  [104]byte // Ethernet, IPv6, TCP with options
}

// A dropLog is bounded for each cause, so that a full queue does not crowd out the losses.
type dropLog struct {
	entries []logged
	counts  [causes]int
}

func (d *direction) drop(b *buffer, i int, index uint64, counted bool, cause Cause, at int64) {
	switch n := &d.stats.Dropped; cause {
	case Loss:
		n.Loss++
	case List:
		n.List++
	case Queue:
		n.Queue++
	case Down:
		n.Down++
	case MTU:
		n.MTU++
	default:
		n.Engine++
	}
	if d.log.counts[cause] >= d.sh.opt.DropLog {
		return
	}
	d.log.counts[cause]++
	d.log.entries = append(d.log.entries, logged{index: index, at: at, cause: cause, len: int32(b.length(i)), ip: counted})
	e := &d.log.entries[len(d.log.entries)-1]
	if b.isSuper {
		var room [gso.MaxHeaders]byte
		e.n = uint8(copy(e.head[:], room[:b.super.Headers(room[:], i, false)]))
	} else {
		e.n = uint8(copy(e.head[:], b.frame()))
	}
}

func (d *direction) dropAll(b *buffer, index uint64, counted bool, cause Cause, at int64) {
	for i := range b.packets() {
		d.drop(b, i, index, counted, cause, at)
		if counted {
			index++
		}
	}
}

// drops makes the log readable. joined is the time of Join.
func (l *dropLog) drops(joined int64) []Drop {
	all := make([]Drop, len(l.entries))
	for i := range l.entries {
		e := &l.entries[i]
		all[i] = Drop{
			Index: e.index, IP: e.ip, Cause: e.cause, At: time.Duration(e.at - joined), Len: int(e.len),
			Summary: Summary(e.head[:e.n], int(e.len)),
		}
	}
	return all
}

// Summary describes the packet whose frame begins with head and has length bytes, as in
// "TCP 10.0.0.1:40000 > 10.0.0.2:12345 [S.] seq 1 ack 2 len 0".
func Summary(head []byte, length int) string {
	l := gso.Look(head)
	if l.Version == 0 {
		if len(head) < 14 {
			return fmt.Sprintf("frame of %d bytes", length)
		}
		if kind := binary.BigEndian.Uint16(head[12:]); kind == 0x0806 {
			return "ARP"
		} else {
			return fmt.Sprintf("ethertype %#04x, %d bytes", kind, length)
		}
	}
	ip := head[l.L3:]
	var src, dst netip.Addr
	if l.Version == 4 {
		src, dst = netip.AddrFrom4([4]byte(ip[12:16])), netip.AddrFrom4([4]byte(ip[16:20]))
	} else {
		src, dst = netip.AddrFrom16([16]byte(ip[8:24])), netip.AddrFrom16([16]byte(ip[24:40]))
	}
	l4 := head[len(head):]
	if l.L4 > 0 {
		l4 = head[l.L4:]
	}
	be := binary.BigEndian
	switch {
	case l.Proto == gso.ProtoTCP && len(l4) >= 20:
		return fmt.Sprintf("TCP %v > %v [%s] seq %d ack %d len %d", netip.AddrPortFrom(src, be.Uint16(l4)),
			netip.AddrPortFrom(dst, be.Uint16(l4[2:])), tcpFlags(l4[13]), be.Uint32(l4[4:]), be.Uint32(l4[8:]),
			length-l.L4-int(l4[12]>>4)*4)
	case l.Proto == gso.ProtoUDP && len(l4) >= 8:
		return fmt.Sprintf("UDP %v > %v len %d", netip.AddrPortFrom(src, be.Uint16(l4)),
			netip.AddrPortFrom(dst, be.Uint16(l4[2:])), length-l.L4-8)
	case (l.Proto == gso.ProtoICMP || l.Proto == gso.ProtoICMPv6) && len(l4) >= 8:
		return fmt.Sprintf("ICMP %v > %v type %d id %d seq %d", src, dst, l4[0], be.Uint16(l4[4:]), be.Uint16(l4[6:]))
	}
	return fmt.Sprintf("IP protocol %d %v > %v, %d bytes", l.Proto, src, dst, length)
}

// tcpFlags writes flags as tcpdump does.
func tcpFlags(f byte) string {
	var s strings.Builder
	for _, n := range []struct {
		bit  byte
		name string
	}{{0x02, "S"}, {0x01, "F"}, {0x04, "R"}, {0x08, "P"}, {0x20, "U"}, {0x80, "W"}, {0x40, "E"}, {0x10, "."}} {
		if f&n.bit != 0 {
			s.WriteString(n.name)
		}
	}
	if s.Len() == 0 {
		return "none"
	}
	return s.String()
}
