package bpfloss

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness/internal/bpfcount"
	"github.com/wireproof/wireproof/harness/internal/fault"
	"github.com/wireproof/wireproof/harness/internal/impair"
	"github.com/wireproof/wireproof/harness/internal/rtnl"
	"github.com/wireproof/wireproof/harness/topo"
)

// load brings c's program into the kernel, attached to nothing. It skips the test only where the kernel will have no
// program at all.
func load(t testing.TB, c Config) *object {
	t.Helper()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	list := strings.Split(os.Getenv("WIREPROOF_REQUIRE"), ",") // as harnesstest.Require, which imports this package
	must := slices.Contains(list, "bpf") || slices.Contains(list, "all")
	err := tryFetchAdd()
	if err != nil && !must && (os.Geteuid() != 0 || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EINVAL)) {
		t.Skipf("needs root, and a kernel with BPF: %v", err)
	}
	o, err := newObject(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := o.close(); err != nil {
			t.Error(err)
		}
	})
	return o
}

// The library lost the flag that makes an addition return what was there. What the kernel gets is what counts.
func TestFetchAddBytes(t *testing.T) {
	var b bytes.Buffer
	if err := (asm.Instructions{bpfcount.FetchAdd(asm.R9, asm.R8, 16)}).Marshal(&b, binary.LittleEndian); err != nil {
		t.Fatal(err)
	}
	// linux/bpf.h: BPF_STX|BPF_DW|BPF_ATOMIC, dst 9 and src 8, offset 16, BPF_ADD|BPF_FETCH.
	want := []byte{0xdb, 0x89, 16, 0, 0x01, 0, 0, 0}
	if !bytes.Equal(b.Bytes(), want) {
		t.Errorf("% x, want % x", b.Bytes(), want)
	}
}

// frame is an Ethernet frame of this type, with the payload.
func frame(kind uint16, payload ...byte) []byte {
	return append(binary.BigEndian.AppendUint16(make([]byte, 12), kind), payload...)
}

var udp = frame(unix.ETH_P_IP, append([]byte{0x45, 0, 0, 60, 0, 0, 0, 0, 64, 17}, make([]byte, 50)...)...)

const many = 200_000

// The kernel's program loses what impair's formula says, each packet and no other.
func TestSameAsGo(t *testing.T) {
	for _, c := range []Config{
		{LossPercent: 1},
		{LossPercent: 5},
		{LossPercent: 1, Seed: 1<<64 - 1, Link: "h1-s1", Direction: "s1>h1"},
		{LossPercent: 1e-9},
		{LossPercent: 50},
		{LossPercent: 100},
		{},
		{Drop: []topo.Range{{First: 1, Last: 1}}},
		{Drop: []topo.Range{{First: 1, Last: 3}, {First: 100, Last: 100}, {First: 102, Last: 110}, {First: 7, Last: 7}}},
		{Drop: []topo.Range{{First: 15, Last: 30}, {First: 5, Last: 20}, {First: 7, Last: 9}, {First: 30, Last: 30}}},
		{Drop: []topo.Range{{First: 199_990}}},
		{Drop: []topo.Range{{First: 5, Last: 1<<63 - 1}}, LossPercent: 1},
		{Drop: every(3, 1), LossPercent: 5, Seed: 3},
		{Drop: every(3, 20_000), Seed: 3},
		{Drop: every(3, MaxRanges)},
	} {
		c.Record = 1 << 18
		t.Run(fmt.Sprintf("%v %% %d ranges", c.LossPercent, len(c.Drop)), func(t *testing.T) {
			o := load(t, c)
			if _, err := o.prog.Run(&ebpf.RunOptions{Data: udp, Repeat: many}); err != nil {
				t.Fatal(err)
			}
			s, err := o.stats()
			if err != nil {
				t.Fatal(err)
			}
			if s.Packets < many || s.Bytes != s.Packets*uint64(len(udp)) || s.Other != 0 || !s.Exact() {
				t.Errorf("%+v", s)
			}
			got, err := o.lost(c.Record)
			if err != nil {
				t.Fatal(err)
			}
			want := naive(c, s.Packets)
			if !slices.Equal(c.Predict(s.Packets), want) {
				t.Errorf("predicted %d, want %d", len(c.Predict(s.Packets)), len(want))
			}
			if s.Dropped != uint64(len(want)) {
				t.Errorf("lost %d, want %d", s.Dropped, len(want))
			}
			if !slices.Equal(got, want[:min(len(want), c.Record)]) {
				t.Errorf("lost %d packets, %v...; want %d, %v...", len(got), head(got), len(want), head(want))
			}
		})
	}
}

// naive is Config.Predict, done by hand.
func naive(c Config, n uint64) (lost []uint64) {
	listed := make(map[uint64]bool)
	for _, r := range c.Drop {
		if r.Last == 0 {
			r.Last = n
		}
		for number := r.First; number <= min(r.Last, n); number++ {
			listed[number] = true
		}
	}
	key, threshold := impair.Key(c.Seed, c.Link, c.Direction, impair.KindLoss), impair.Threshold(c.LossPercent)
	for i := range n {
		if listed[i+1] || impair.Hit(key, i, threshold) {
			lost = append(lost, i)
		}
	}
	return lost
}

func every(n, count int) (ranges []topo.Range) {
	for i := range count {
		ranges = append(ranges, topo.Range{First: uint64(n*i + n), Last: uint64(n*i + n)})
	}
	return ranges
}

func head(list []uint64) []uint64 { return list[:min(len(list), 8)] }

// One after the other: the verdict, the counters, and that each index is used once.
func TestVerdicts(t *testing.T) {
	for _, c := range []Config{
		{LossPercent: 20, Drop: []topo.Range{{First: 1, Last: 1}}, Record: 3},
		{LossPercent: 20, Drop: []topo.Range{{First: 1, Last: 1}}, Egress: true},
	} {
		o := load(t, c)
		im, err := impair.New(c.impair())
		if err != nil {
			t.Fatal(err)
		}
		var want Stats
		for want.Packets < 500 {
			d := im.Decide(&impair.Packet{Frame: udp, Len: len(udp), Index: want.Packets, IP: true})
			want.Packets++
			want.Bytes += uint64(len(udp))
			verdict := uint32(1<<32 + actUnspec)
			if d.Drop {
				want.Dropped++
				if verdict = actShot; c.Egress {
					verdict = actStolen
				}
			}
			if d.Listed {
				want.Listed++
			}
			got, err := o.prog.Run(&ebpf.RunOptions{Data: udp})
			if err != nil {
				t.Fatal(err)
			}
			if got != verdict {
				t.Fatalf("packet %d: answer %d, want %d", want.Packets, int32(got), int32(verdict))
			}
		}
		if got, err := o.stats(); err != nil || got != want {
			t.Errorf("%+v, want %+v, %v", got, want, err)
		}
		if lost, err := o.lost(c.Record); err != nil || len(lost) != c.Record {
			t.Errorf("recorded %v, want %d, %v", lost, c.Record, err)
		}
	}
}

// replace goes on counting where the old program stopped.
func TestReplaceCounts(t *testing.T) {
	o := load(t, Config{Record: 10})
	run := func() {
		if _, err := o.prog.Run(&ebpf.RunOptions{Data: udp}); err != nil {
			t.Fatal(err)
		}
	}
	run()
	run()
	old, err := o.replace(Config{Drop: []topo.Range{{First: 1, Last: 3}}, Record: 10})
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	run()
	run()
	s, err := o.stats()
	if err != nil || s.Packets != 4 || s.Dropped != 1 || s.Listed != 1 {
		t.Errorf("%+v, %v", s, err)
	}
	if lost, err := o.lost(10); err != nil || !slices.Equal(lost, []uint64{2}) {
		t.Errorf("lost %v, %v; want packet 2", lost, err)
	}
}

// cases are frames of every kind that has an index, or has none.
func cases() map[string][]byte {
	tcp6 := append([]byte{0x60, 0, 0, 0, 0, 40, 6, 64}, make([]byte, 72)...)
	v6 := func(next byte, payload ...byte) []byte {
		h := append([]byte{0x60, 0, 0, 0, 0, byte(len(payload)), next, 255}, make([]byte, 32)...)
		return frame(unix.ETH_P_IPV6, append(h, payload...)...)
	}
	tag := func(kind uint16, inner []byte) []byte {
		return append(append(frame(kind, 0, 7), inner[12:14]...), inner[14:]...)
	}
	arp := frame(0x0806, make([]byte, 28)...)
	igmp := bytes.Clone(udp)
	igmp[14+9] = unix.IPPROTO_IGMP
	jumbo := v6(unix.IPPROTO_HOPOPTS, unix.IPPROTO_ICMPV6, 0, 0, 0, 0, 0, 0, 0, 135)
	jumbo[14+5] = 0
	padded := append(v6(unix.IPPROTO_HOPOPTS, unix.IPPROTO_ICMPV6, 0, 0, 0, 0, 0, 0, 0), 135, 0, 0, 0)
	deep := func(n int) []byte {
		var b []byte
		for i := range n {
			next := byte(unix.IPPROTO_DSTOPTS)
			if i == n-1 {
				next = unix.IPPROTO_ICMPV6
			}
			b = append(b, next, 0, 0, 0, 0, 0, 0, 0)
		}
		return v6(unix.IPPROTO_DSTOPTS, append(b, 135, 0, 0, 0)...)
	}
	all := map[string][]byte{
		"udp": udp, "arp": arp, "igmp": igmp, "tcp6": frame(unix.ETH_P_IPV6, tcp6...),
		"short ipv4": tag(unix.ETH_P_8021Q, udp[:14+19]), "shortest ipv4": udp[:14+20],
		"short ipv6": tag(unix.ETH_P_8021Q, frame(unix.ETH_P_IPV6, tcp6[:39]...)), "shortest ipv6": frame(unix.ETH_P_IPV6, tcp6[:40]...),
		"unknown": frame(0x88cc, make([]byte, 60)...), "llc": frame(38, make([]byte, 60)...),
		"vlan udp": tag(unix.ETH_P_8021Q, udp), "vlan arp": tag(unix.ETH_P_8021Q, arp), "vlan igmp": tag(unix.ETH_P_8021Q, igmp),
		"qinq udp": tag(unix.ETH_P_8021AD, tag(unix.ETH_P_8021Q, udp)), "qinq nd": tag(unix.ETH_P_8021AD, tag(unix.ETH_P_8021Q, v6(unix.IPPROTO_ICMPV6, 135, 0, 0, 0))),
		"cut vlan":    frame(unix.ETH_P_8021Q, 0, 7),
		"wrong nd":    func() []byte { b := v6(unix.IPPROTO_ICMPV6, 135, 0, 0, 0); b[14] = 0x40; return b }(),
		"mld":         v6(unix.IPPROTO_HOPOPTS, unix.IPPROTO_ICMPV6, 0, 5, 2, 0, 0, 1, 0, 143, 0, 0, 0),
		"mld cut":     v6(unix.IPPROTO_HOPOPTS, unix.IPPROTO_ICMPV6, 0, 5, 2, 0, 0, 1, 0),
		"options cut": v6(unix.IPPROTO_HOPOPTS, unix.IPPROTO_ICMPV6, 0, 5),
		"too long":    v6(unix.IPPROTO_HOPOPTS, unix.IPPROTO_ICMPV6, 9, 5, 2, 0, 0, 1, 0, 143, 0, 0, 0),
		"long":        v6(unix.IPPROTO_ROUTING, append(append([]byte{unix.IPPROTO_ICMPV6, 1, 0, 0, 0, 0, 0, 0}, make([]byte, 8)...), 133, 0, 0, 0)...),
		"udp options": v6(unix.IPPROTO_HOPOPTS, unix.IPPROTO_UDP, 0, 5, 2, 0, 0, 1, 0, 143, 0, 0, 0),
		"first":       v6(unix.IPPROTO_FRAGMENT, unix.IPPROTO_ICMPV6, 0, 0, 1, 0, 0, 0, 1, 136, 0, 0, 0),
		"second":      v6(unix.IPPROTO_FRAGMENT, unix.IPPROTO_ICMPV6, 0, 0, 8, 0, 0, 0, 1, 136, 0, 0, 0),
		"padded":      padded, "jumbo nd": jumbo, "no payload": v6(unix.IPPROTO_ICMPV6), "none": v6(59),
	}
	for kind := range 256 {
		all[fmt.Sprintf("icmp6 %d", kind)] = v6(unix.IPPROTO_ICMPV6, byte(kind), 0, 0, 0)
	}
	for n := 1; n < 12; n++ {
		all[fmt.Sprintf("%d options", n)] = deep(n)
	}
	return all
}

// counts reports whether the kernel's program counts a frame.
func counts(t testing.TB, o *object, frame []byte) bool {
	t.Helper()
	before, err := o.stats()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.prog.Run(&ebpf.RunOptions{Data: frame}); err != nil {
		t.Fatalf("% x: %v", frame, err)
	}
	after, err := o.stats()
	if err != nil {
		t.Fatal(err)
	}
	if after.Packets+after.Other == before.Packets+before.Other {
		t.Fatalf("% x: not counted at all", frame)
	}
	return after.Packets > before.Packets
}

func TestCounted(t *testing.T) {
	o := load(t, Config{})
	yes := 0
	for name, f := range cases() {
		got, want := counts(t, o, f), impair.Counted(f)
		if got != want {
			t.Errorf("%s: counted %v, want %v: % x", name, got, want, f)
		}
		if want {
			yes++
		}
	}
	if n := len(cases()); yes < 20 || n-yes < 20 {
		t.Errorf("%d of %d are counted: the cases are one-sided", yes, n)
	}
}

func FuzzCounted(f *testing.F) {
	for _, frame := range cases() {
		f.Add(frame)
	}
	o := load(f, Config{})
	f.Fuzz(func(t *testing.T, frame []byte) {
		// The kernel puts no other frames to a program by hand (net/bpf/test_run.c).
		if len(frame) < 14 || len(frame) > 1514 {
			return
		}
		switch kind := binary.BigEndian.Uint16(frame[12:]); {
		case kind == unix.ETH_P_IP && len(frame) < 14+20, kind == unix.ETH_P_IPV6 && len(frame) < 14+40:
			return
		}
		if got, want := counts(t, o, frame), impair.Counted(frame); got != want {
			t.Errorf("counted %v, want %v: % x", got, want, frame)
		}
	})
}

func TestErrors(t *testing.T) {
	load(t, Config{}) // or skip
	for _, c := range []struct {
		at    string
		errno error
		is    error
		text  string
	}{
		{"make BPF map counters", unix.ENOSYS, rtnl.ErrMissing, "CONFIG_BPF_SYSCALL"},
		{"make BPF map record", unix.EPERM, os.ErrPermission, "CAP_BPF"},
		{"make BPF map ranges", unix.ENOMEM, unix.ENOMEM, "shorter"},
		{"load BPF program", unix.EINVAL, rtnl.ErrMissing, "Linux 5.12"},
	} {
		defer fault.Set(func(op string) error {
			if op == c.at || op == "try atomic fetch-and-add" {
				return c.errno
			}
			return nil
		})()
		_, err := newObject(Config{Record: 1, Drop: []topo.Range{{First: 1, Last: 1}}})
		var typed *LoadError
		if !errors.Is(err, c.is) || !errors.As(err, &typed) || !strings.Contains(err.Error(), c.text) || !strings.HasPrefix(err.Error(), c.at) {
			t.Errorf("%s: %v", c.at, err)
		}
	}
}
