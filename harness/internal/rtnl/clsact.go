package rtnl

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// A Hook is a place of an interface where programs meet packets.
type Hook uint32

// The hooks of clsact (linux/pkt_sched.h, TC_H_MIN_INGRESS and TC_H_MIN_EGRESS).
const (
	Ingress Hook = 0xfffffff2 // what arrives, before the IP stack or the bridge has it, behind captures
	Egress  Hook = 0xfffffff3 // what is sent, before the queueing discipline
)

func (h Hook) String() string {
	if h == Egress {
		return "egress"
	}
	return "ingress"
}

const (
	clsactHandle = 0xffff0000 // its handle, and
	clsactParent = 0xfffffff1 // its parent: linux/pkt_sched.h, TC_H_CLSACT

	// A program of ours is filter 1 of preference 1, before all others. (Preference 0 has the kernel choose.)
	filterHandle     = 1
	filterPreference = 1
)

// AddClsact gives an interface the hooks for programs at ingress and egress.
func AddClsact(name string, index int) Op {
	req := nl.NewNetlinkRequest(unix.RTM_NEWQDISC, create)
	req.AddData(&nl.TcMsg{Family: unix.AF_UNSPEC, Ifindex: int32(index), Handle: clsactHandle, Parent: clsactParent})
	req.AddData(nl.NewRtAttr(nl.TCA_KIND, nl.ZeroTerminated("clsact")))
	return Op{what: "add clsact to " + name, feature: "sch_ingress", req: req}
}

// filterRequest starts a message about the program at a hook.
func filterRequest(kind, flags, index int, hook Hook) *nl.NetlinkRequest {
	req := nl.NewNetlinkRequest(kind, flags)
	all := uint32(unix.ETH_P_ALL)<<8&0xff00 | unix.ETH_P_ALL>>8 // in network byte order
	if nl.NativeEndian().Uint16([]byte{0, 1}) == 1 {
		all = unix.ETH_P_ALL
	}
	req.AddData(&nl.TcMsg{
		Family: unix.AF_UNSPEC, Ifindex: int32(index), Handle: filterHandle, Parent: uint32(hook),
		Info: filterPreference<<16 | all,
	})
	req.AddData(nl.NewRtAttr(nl.TCA_KIND, nl.ZeroTerminated("bpf")))
	return req
}

// setFilter puts the program with descriptor fd at a hook, in direct-action mode: its answer is the verdict. With
// flags of NLM_F_CREATE alone it takes the place of the one there, in one step.
func setFilter(name string, index int, hook Hook, flags, fd int, prog string) Op {
	req := filterRequest(unix.RTM_NEWTFILTER, flags, index, hook)
	options := nl.NewRtAttr(nl.TCA_OPTIONS, nil)
	options.AddRtAttr(nl.TCA_BPF_FD, nl.Uint32Attr(uint32(fd)))
	options.AddRtAttr(nl.TCA_BPF_NAME, nl.ZeroTerminated(prog))
	options.AddRtAttr(nl.TCA_BPF_FLAGS, nl.Uint32Attr(nl.TCA_BPF_FLAG_ACT_DIRECT))
	req.AddData(options)
	return Op{what: fmt.Sprintf("add program to %s of %s", hook, name), feature: "cls_bpf", req: req}
}

// A Filter is a BPF program at a hook of an interface. Its methods may be called from several goroutines at once.
type Filter struct {
	conn  *Conn
	name  string
	index int
	hook  Hook
	prog  string
}

// AddFilter puts the program with descriptor fd at a hook of an interface of the calling thread's network namespace,
// where it makes clsact if that is not there. prog is the name that tc(8) shows. The descriptor may be closed afterwards.
// It fails with EEXIST where the hook has a program of ours already, and with ErrMissing where the kernel lacks clsact or
// cls_bpf.
func AddFilter(name string, index int, hook Hook, fd int, prog string) (*Filter, error) {
	c, err := Open()
	if err != nil {
		return nil, err
	}
	if err = c.Do(AddClsact(name, index)); errors.Is(err, unix.EEXIST) {
		err = nil
	}
	if err == nil {
		err = c.Do(setFilter(name, index, hook, create, fd, prog))
	}
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return &Filter{conn: c, name: name, index: index, hook: hook, prog: prog}, nil
}

// Replace puts another program in the place of the one there. Every packet meets one of the two.
func (f *Filter) Replace(fd int) error {
	return f.conn.Do(setFilter(f.name, f.index, f.hook, unix.NLM_F_CREATE, fd, f.prog))
}

// Close takes the program away; clsact stays, for others may use it. An interface that is gone is no error.
func (f *Filter) Close() error {
	err := f.conn.Do(Op{
		what: fmt.Sprintf("remove program from %s of %s", f.hook, f.name),
		req:  filterRequest(unix.RTM_DELTFILTER, 0, f.index, f.hook),
	})
	if errors.Is(err, unix.ENODEV) {
		err = nil
	}
	return errors.Join(err, f.conn.Close())
}
