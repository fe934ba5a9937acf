package rtnl

import (
	"encoding/binary"
	"fmt"
	"net"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// A Link is an interface as the kernel sees it now.
type Link struct {
	Index, Master int
	Name, Kind    string // Kind: "veth", "bridge", …
	MAC           net.HardwareAddr
	// Up is the administrator's wish; Running says that it can send and receive (operational state up, or unknown for
	// those without one, as lo).
	Up, Running bool
	Stats       Stats
	// Port is the state of a switch port, PortNone for other interfaces.
	Port PortState
	// Root is the root that a bridge believes in: priority and address.
	Root [8]byte
}

// Stats are an interface's counters.
type Stats struct {
	RxPackets, TxPackets, RxBytes, TxBytes, RxErrors, TxErrors, RxDropped, TxDropped uint64
}

// PortState is a bridge port's state (linux/if_bridge.h), plus one.
type PortState int

// The states of IEEE 802.1D.
const (
	PortNone PortState = iota
	PortDisabled
	PortListening
	PortLearning
	PortForwarding
	PortBlocking
)

func (s PortState) String() string {
	return [...]string{"no port", "disabled", "listening", "learning", "forwarding", "blocking"}[s]
}

// Attributes of linux/if_link.h that nl has no names for.
const (
	ifInfoSlaveKind = 4
	ifInfoSlaveData = 5
	ifBrportState   = 1
	ifBrRootID      = 10
	ifOperUp        = 6
	ifOperUnknown   = 0
)

// Links lists the namespace's interfaces.
func (c *Conn) Links() ([]Link, error) {
	req := nl.NewNetlinkRequest(unix.RTM_GETLINK, unix.NLM_F_DUMP)
	req.AddData(nl.NewIfInfomsg(unix.AF_UNSPEC))
	var links []Link
	err := c.dump(Op{what: "list interfaces", req: req}, func() { links = nil }, func(kind uint16, data []byte) error {
		if kind != unix.RTM_NEWLINK {
			return nil
		}
		l, err := parseLink(data)
		links = append(links, l)
		return err
	})
	if err != nil {
		return nil, err
	}
	return links, nil
}

func parseLink(data []byte) (Link, error) {
	if len(data) < unix.SizeofIfInfomsg {
		return Link{}, fmt.Errorf("interface message of %d bytes", len(data))
	}
	msg := nl.DeserializeIfInfomsg(data)
	l := Link{Index: int(msg.Index), Up: msg.Flags&unix.IFF_UP != 0}
	attrs, err := parseAttrs(data[msg.Len():])
	if err != nil {
		return l, fmt.Errorf("interface attributes: %w", err)
	}
	for _, a := range attrs {
		switch a.Attr.Type {
		case unix.IFLA_IFNAME:
			l.Name = unix.ByteSliceToString(a.Value)
		case unix.IFLA_ADDRESS:
			l.MAC = append(l.MAC, a.Value...)
		case unix.IFLA_MASTER:
			l.Master = int(u32(a.Value))
		case unix.IFLA_OPERSTATE:
			l.Running = l.Up && len(a.Value) > 0 && (a.Value[0] == ifOperUp || a.Value[0] == ifOperUnknown)
		case unix.IFLA_STATS64:
			l.Stats = parseStats(a.Value)
		case unix.IFLA_LINKINFO:
			if err := l.parseInfo(a.Value); err != nil {
				return l, fmt.Errorf("%s: %w", l.Name, err)
			}
		}
	}
	return l, nil
}

// parseStats reads struct rtnl_link_stats64, which newer kernels lengthen at its end.
func parseStats(b []byte) Stats {
	var v [8]uint64
	for i := range v {
		if len(b) >= 8*(i+1) {
			v[i] = binary.NativeEndian.Uint64(b[8*i:])
		}
	}
	return Stats{v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]}
}

func (l *Link) parseInfo(b []byte) error {
	attrs, err := parseAttrs(b)
	if err != nil {
		return err
	}
	var data, slave []byte
	var port string
	for _, a := range attrs {
		switch a.Attr.Type {
		case nl.IFLA_INFO_KIND:
			l.Kind = unix.ByteSliceToString(a.Value)
		case nl.IFLA_INFO_DATA:
			data = a.Value
		case ifInfoSlaveKind:
			port = unix.ByteSliceToString(a.Value)
		case ifInfoSlaveData:
			slave = a.Value
		}
	}
	if l.Kind == "bridge" {
		if attrs, err = parseAttrs(data); err != nil {
			return err
		}
		for _, a := range attrs {
			if a.Attr.Type == ifBrRootID {
				copy(l.Root[:], a.Value)
			}
		}
	}
	if port == "bridge" {
		if attrs, err = parseAttrs(slave); err != nil {
			return err
		}
		for _, a := range attrs {
			if a.Attr.Type == ifBrportState && len(a.Value) > 0 && a.Value[0] < 5 {
				l.Port = PortDisabled + PortState(a.Value[0])
			}
		}
	}
	return nil
}

// A Qdisc is an interface's root queueing discipline.
type Qdisc struct {
	Kind                                                      string
	Packets, Bytes, Drops, Overlimits, Requeues, Backlog, Len uint64
}

// Qdiscs lists the root queueing disciplines, by interface index.
func (c *Conn) Qdiscs() (map[int]Qdisc, error) {
	req := nl.NewNetlinkRequest(unix.RTM_GETQDISC, unix.NLM_F_DUMP)
	req.AddData(&nl.TcMsg{Family: unix.AF_UNSPEC})
	var found map[int]Qdisc
	err := c.dump(Op{what: "list qdiscs", req: req}, func() { found = make(map[int]Qdisc) }, func(kind uint16, data []byte) error {
		if kind != unix.RTM_NEWQDISC || len(data) < nl.SizeofTcMsg {
			return nil
		}
		msg := nl.DeserializeTcMsg(data)
		if msg.Parent != rootHandle {
			return nil
		}
		attrs, err := parseAttrs(data[msg.Len():])
		if err != nil {
			return fmt.Errorf("qdisc attributes: %w", err)
		}
		var q Qdisc
		for _, a := range attrs {
			switch a.Attr.Type {
			case nl.TCA_KIND:
				q.Kind = unix.ByteSliceToString(a.Value)
			case nl.TCA_STATS2:
				if err := q.parseStats(a.Value); err != nil {
					return err
				}
			}
		}
		found[int(msg.Ifindex)] = q
		return nil
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// Parts of TCA_STATS2 (linux/gen_stats.h).
const (
	statsBasic = 1 // __u64 bytes; __u32 packets
	statsQueue = 3 // __u32 qlen, backlog, drops, requeues, overlimits
	statsPkt64 = 8 // __u64 packets
)

func (q *Qdisc) parseStats(b []byte) error {
	attrs, err := parseAttrs(b)
	if err != nil {
		return fmt.Errorf("qdisc counters: %w", err)
	}
	for _, a := range attrs {
		v := a.Value
		switch {
		case a.Attr.Type == statsBasic && len(v) >= 12:
			q.Bytes = binary.NativeEndian.Uint64(v)
			q.Packets = max(q.Packets, uint64(u32(v[8:])))
		case a.Attr.Type == statsPkt64 && len(v) >= 8:
			q.Packets = binary.NativeEndian.Uint64(v)
		case a.Attr.Type == statsQueue && len(v) >= 20:
			q.Len, q.Backlog, q.Drops = uint64(u32(v)), uint64(u32(v[4:])), uint64(u32(v[8:]))
			q.Requeues, q.Overlimits = uint64(u32(v[12:])), uint64(u32(v[16:]))
		}
	}
	return nil
}

func u32(b []byte) uint32 {
	if len(b) < 4 {
		return 0
	}
	return binary.NativeEndian.Uint32(b)
}
