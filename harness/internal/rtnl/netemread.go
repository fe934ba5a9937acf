package rtnl

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness/topo"
)

// ErrNoNetem: the interface has no emulator as AddNetem lays it out.
var ErrNoNetem = errors.New("no netem there")

// Netem reads an emulator back from the kernel, with its counters: Drops are losses and what the limit had no room for,
// together; Len is how many frames are under way. Distribution is not told, and Seed only where the kernel took it.
func (c *Conn) Netem(name string, index int) (n Netem, counts Qdisc, err error) {
	what := "read netem of " + name
	req := nl.NewNetlinkRequest(unix.RTM_GETQDISC, unix.NLM_F_DUMP)
	req.AddData(&nl.TcMsg{Family: unix.AF_UNSPEC, Ifindex: int32(index)})
	var parent uint32
	found := false
	err = c.dump(Op{what: what, req: req}, func() { n, counts, found = Netem{}, Qdisc{}, false }, func(kind uint16, data []byte) error {
		if kind != unix.RTM_NEWQDISC || len(data) < nl.SizeofTcMsg {
			return nil
		}
		msg := nl.DeserializeTcMsg(data)
		if int(msg.Ifindex) != index || msg.Handle != netemHandle {
			return nil
		}
		attrs, err := parseAttrs(data[msg.Len():])
		if err != nil {
			return fmt.Errorf("qdisc attributes: %w", err)
		}
		q, options := Qdisc{}, []byte(nil)
		for _, a := range attrs {
			switch a.Attr.Type {
			case nl.TCA_KIND:
				q.Kind = unix.ByteSliceToString(a.Value)
			case nl.TCA_OPTIONS:
				options = a.Value
			case nl.TCA_STATS2:
				if err := q.parseStats(a.Value); err != nil {
					return err
				}
			}
		}
		if q.Kind != "netem" {
			return nil
		}
		parent, counts, found = msg.Parent, q, true
		n, err = parseNetem(options)
		return err
	})
	if err == nil && !found {
		err = fmt.Errorf("%s: %w", what, ErrNoNetem)
	}
	if err == nil && parent == htbClass {
		n.Rate, err = c.classRate(name, index)
	}
	return n, counts, err
}

const sizeofNetemQopt = 24

func parseNetem(b []byte) (Netem, error) {
	if len(b) < sizeofNetemQopt {
		return Netem{}, fmt.Errorf("netem options of %d bytes", len(b))
	}
	word := func(i int) uint32 { return u32(b[4*i:]) }
	n := Netem{
		Delay: time.Duration(word(0)) * psched, Limit: int(word(1)), LossPercent: percent(word(2)),
		ReorderGap: int(word(3)), DuplicatePercent: percent(word(4)), Jitter: time.Duration(word(5)) * psched,
	}
	attrs, err := parseAttrs(b[sizeofNetemQopt:])
	if err != nil {
		return n, fmt.Errorf("netem attributes: %w", err)
	}
	rate, rate64 := uint64(0), uint64(0)
	for _, a := range attrs {
		v := a.Value
		switch a.Attr.Type {
		case netemLatency64:
			n.Delay = time.Duration(u64(v))
		case netemJitter64:
			n.Jitter = time.Duration(u64(v))
		case nl.TCA_NETEM_LOSS:
			if n.Gilbert, err = parseGilbert(v); err != nil {
				return n, err
			}
		case nl.TCA_NETEM_REORDER:
			n.ReorderPercent = percent(u32(v))
		case nl.TCA_NETEM_CORRUPT:
			n.CorruptPercent = percent(u32(v))
		case nl.TCA_NETEM_RATE:
			rate = uint64(u32(v))
		case nl.TCA_NETEM_RATE64:
			rate64 = u64(v)
		case netemSeed:
			n.Seed = u64(v)
		}
	}
	if n.ReorderGap == 0 { // the kernel then tells a share that is not in force
		n.ReorderPercent = 0
	}
	n.OwnRate = int64(max(rate, rate64) * 8)
	return n, nil
}

func parseGilbert(b []byte) (g topo.GilbertElliott, err error) {
	attrs, err := parseAttrs(b)
	if err != nil {
		return g, fmt.Errorf("netem loss model: %w", err)
	}
	for _, a := range attrs {
		if v := a.Value; a.Attr.Type == netemLossGE && len(v) >= 16 {
			g = topo.GilbertElliott{
				PPercent: percent(u32(v)), RPercent: percent(u32(v[4:])),
				HPercent: percent(u32(v[8:])), KLossPercent: percent(u32(v[12:])),
			}
		}
	}
	return g, nil
}

// classRate reads the rate of the class that AddHTB makes, in bit/s.
func (c *Conn) classRate(name string, index int) (rate int64, err error) {
	req := nl.NewNetlinkRequest(unix.RTM_GETTCLASS, unix.NLM_F_DUMP)
	req.AddData(&nl.TcMsg{Family: unix.AF_UNSPEC, Ifindex: int32(index)})
	err = c.dump(Op{what: "read htb class of " + name, req: req}, func() { rate = 0 }, func(kind uint16, data []byte) error {
		if kind != unix.RTM_NEWTCLASS || len(data) < nl.SizeofTcMsg {
			return nil
		}
		msg := nl.DeserializeTcMsg(data)
		if msg.Handle != htbClass {
			return nil
		}
		options, err := attribute(data[msg.Len():], nl.TCA_OPTIONS)
		if err != nil {
			return err
		}
		params, err := attribute(options, nl.TCA_HTB_PARMS)
		if err != nil || len(params) < nl.SizeofTcHtbCopt {
			return fmt.Errorf("htb class of %d bytes: %w", len(params), err)
		}
		rate64, err := attribute(options, nl.TCA_HTB_RATE64)
		rate = int64(max(uint64(nl.DeserializeTcHtbCopt(params).Rate.Rate), u64(rate64)) * 8)
		return err
	})
	return rate, err
}

// attribute returns the value of the attribute of this type; nil where there is none.
func attribute(b []byte, kind uint16) ([]byte, error) {
	attrs, err := parseAttrs(b)
	for _, a := range attrs {
		if a.Attr.Type == kind {
			return a.Value, err
		}
	}
	return nil, err
}

func u64(b []byte) uint64 {
	if len(b) < 8 {
		return 0
	}
	return binary.NativeEndian.Uint64(b)
}
