package relay

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness/internal/fault"
)

// While nothing is asked of what an end of OpenPacket sends, the engine need not see it: a bypass has the kernel carry the
// frames by itself, and user space copies none. Two programs do it, one as frames leave the near end of the veth pair, which
// is the host's interface, and one as they come in at the far end:
//
//	                 near end                         far end            the other's far end
//	host ──▶ [ engine or kernel? ] ────────▶ [ kernel's: pass on ] ─────────▶ [ ] ──▶ other host
//	                  │ the engine's                                           ▲
//	                  ▼                                                        │
//	     [ count ] packet socket ────────────▶ engine ─────────────────────────┘
//
// The first alone decides, for each frame, and writes its decision into the frame's hash, which goes with the frame to the
// other end of the pair (drivers/net/veth.c; net/core/dev.c, skb_scrub_packet leaves it), so that a change of mind loses no
// frame and carries none twice. It decides for the kernel only when each frame that the engine's socket took has
// been dealt with, so that none overtakes those (see settle), and the engine waits for what the kernel has under way (see want). A
// queueing discipline that somebody adds to the host's interface is between the program and the socket: what waits there may be
// overtaken.
//
// A bypass belongs to the port of the end that sends. Its memory is shared with the programs.
type bypass struct {
	mem    []byte
	links  []link.Link // the programs, attached
	near   *ebpf.Program
	socket *ebpf.Program // of the engine's packet socket
	cuts   bool          // the near end cuts super-frames itself
	count  *counter      // of the near end; nil: not attached there yet

	// Of the shard's thread.
	wanted uint64
	taken  uint64 // frames read of those given to the engine, or known not to come
	gap    uint64 // frames given and not read, when that was last seen to change,
	since  int64  // which was then
}

// What the thread wants of the program at the near end.
const (
	toEngine   = iota // every frame goes to the engine
	toKernel          // every frame goes by the kernel
	singleOnly        // the kernel carries single frames, and the engine those that stand for several
)

// Offsets in the shared memory, of words of 64 bits. The engine writes the first line, each program one of the others.
const (
	memWanted  = 0
	memSettled = 8 // what was given to the engine before is dealt with

	memGiven  = 64 // frames given to the engine, as its socket has them
	memPacket = 72 // packets of the wire carried by the kernel,
	memBytes  = 80 // their bytes,
	memIP     = 88 // and those of them with an index
	memSuper  = 96 // super-frames among them

	memPassed = 128 // frames of the wire passed on at the far end
	memSize   = 192
)

// forgotten is after how long a frame that was given to the engine and did not come is taken for lost on the way: at most a
// few microseconds pass between the program and the socket.
const forgotten = 1_000_000_000 // ns

// Bypass has the kernel carry what the end sends whenever nothing is asked of it, or returns an error: the kernel, or the
// process's rights, do not suffice. The calling thread is in the network namespace of OpenPacket, where other is the index of
// the far end of the link's other end; it need not be there yet. Tap must follow. That the near end cuts super-frames itself,
// as its segmentation offloads are off, lets the kernel carry them also with Config.PerFrame.
//
// It needs Linux 6.6 (tcx), and CAP_BPF with CAP_NET_ADMIN.
func (e End) Bypass(other int, cuts bool) (err error) {
	fail := func(err error) error { return fmt.Errorf("bypass for %s: %w", e.p.name, err) }
	if err := fault.Check("load bypass"); err != nil {
		return fail(err)
	}
	index, err := linkIndex(e.p.name)
	if err != nil {
		return fail(err)
	}
	b, far, err := newBypass(other)
	if err != nil {
		return fail(err)
	}
	defer far.Close()
	b.cuts = cuts
	if err := b.attach(far, index, ebpf.AttachTCXIngress); err != nil {
		return errors.Join(fail(err), b.close())
	}
	e.p.bypass = b
	return nil
}

// CanBypass says why Bypass is not to be had here. The calling thread is in a network namespace of its own.
func CanBypass() error {
	if err := fault.Check("probe bypass"); err != nil {
		return fmt.Errorf("bypass: %w", err)
	}
	b, far, err := newBypass(1)
	if err != nil {
		return fmt.Errorf("bypass: %w", err)
	}
	defer far.Close()
	const lo = 1 // the index of every namespace's loopback
	return errors.Join(b.attach(far, lo, ebpf.AttachTCXIngress), b.close())
}

// newBypass loads the programs. The caller closes far.
func newBypass(other int) (b *bypass, far *ebpf.Program, err error) {
	if err := rlimit.RemoveMemlock(); err != nil { // before Linux 5.11
		return nil, nil, fmt.Errorf("lift the limit of locked memory: %w", err)
	}
	m, err := ebpf.NewMap(&ebpf.MapSpec{
		Name: "bypass", Type: ebpf.Array, KeySize: 4, ValueSize: memSize, MaxEntries: 1, Flags: unix.BPF_F_MMAPABLE,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("make BPF map: %w", err)
	}
	defer m.Close() // the mapping and the programs hold it
	b = new(bypass)
	for _, p := range []struct {
		name string
		to   **ebpf.Program
		kind ebpf.ProgramType
		at   ebpf.AttachType
		ins  asm.Instructions
	}{
		{"bypass_near", &b.near, ebpf.SchedCLS, ebpf.AttachTCXEgress, nearProgram(m.FD())},
		{"bypass_socket", &b.socket, ebpf.SocketFilter, ebpf.AttachNone, socketProgram(m.FD())},
		{"bypass_far", &far, ebpf.SchedCLS, ebpf.AttachTCXIngress, farProgram(m.FD(), other)},
	} {
		spec := &ebpf.ProgramSpec{Name: p.name, Type: p.kind, AttachType: p.at, Instructions: p.ins, License: "MIT"}
		if *p.to, err = ebpf.NewProgram(spec); err != nil {
			return nil, nil, errors.Join(fmt.Errorf("load BPF program %s: %w", p.name, err), b.close())
		}
	}
	page := unix.Getpagesize()
	b.mem, err = unix.Mmap(m.FD(), 0, (memSize+page-1)/page*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("map memory: %w", err), far.Close(), b.close())
	}
	return b, far, nil
}

// attach puts a program at an interface of the calling thread's network namespace. The descriptor keeps it there.
func (b *bypass) attach(p *ebpf.Program, index int, at ebpf.AttachType) error {
	l, err := link.AttachTCX(link.TCXOptions{Interface: index, Program: p, Attach: at})
	if err != nil {
		return fmt.Errorf("attach BPF program: %w", err)
	}
	b.links = append(b.links, l)
	return nil
}

// attachNear attaches what belongs to the near end, and to the packet socket fd, which is to be bound to it.
func (b *bypass) attachNear(index, fd int) (err error) {
	if err := fault.Check("attach bypass"); err != nil {
		return fmt.Errorf("attach BPF program: %w", err)
	}
	if b.count, err = openCounter(index); err != nil {
		return err
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ATTACH_BPF, b.socket.FD()); err != nil {
		return fmt.Errorf("attach BPF program to packet socket: %w", err)
	}
	return b.attach(b.near, index, ebpf.AttachTCXEgress)
}

func (b *bypass) word(at int) *uint64 { return (*uint64)(unsafe.Pointer(&b.mem[at])) }

func (b *bypass) load(at int) uint64 { return atomic.LoadUint64(b.word(at)) }

// want tells the program what becomes of frames from now on.
func (b *bypass) want(w uint64) {
	if b.wanted == w {
		return
	}
	b.wanted = w
	atomic.StoreUint64(b.word(memWanted), w)
	if w != toEngine {
		return
	}
	// What the kernel has under way comes out before the engine sends anything. From there on both wait in one queue.
	for range 10 {
		if b.between() == 0 {
			return
		}
		time.Sleep(20 * time.Microsecond)
	}
}

// settle tells the program that all frames which the thread has read are dealt with. Those that it has not read, though they
// were given to it long ago, were lost on the way, as when the socket's buffer was full.
func (b *bypass) settle(now int64) {
	given := b.load(memGiven)
	switch gap := given - b.taken; {
	case gap == 0:
		b.gap = 0
	case gap != b.gap:
		b.gap, b.since = gap, now
		return
	case now-b.since < forgotten:
		return
	default:
		b.taken, b.gap = given, 0
	}
	if b.load(memSettled) != b.taken {
		atomic.StoreUint64(b.word(memSettled), b.taken)
	}
}

// addTo adds what the kernel carried.
func (b *bypass) addTo(s *DirectionStats) {
	packets, bytes := b.load(memPacket), b.load(memBytes)
	s.PacketsIn += packets
	s.PacketsOut += packets
	s.BytesIn += bytes
	s.BytesOut += bytes
	s.IPIn += b.load(memIP)
	s.Super += b.load(memSuper)
	s.Bypassed += packets
}

// missed is the number of packets that the kernel lost between the two ends. As many went in and did not come out; so did those that
// are on the way, which it waits for. There are none of the former where the near end dropped no frame. That it did
// drop some proves nothing: it does so for the far end's sake also with what the engine has already.
func (b *bypass) missed() uint64 {
	least := b.between()
	if b.count == nil || least == 0 {
		return 0
	}
	if dropped, err := b.count.dropped(); err == nil && dropped == 0 {
		return 0
	}
	for i := 0; i < 10 && least > 0; i++ {
		time.Sleep(time.Millisecond)
		least = min(least, b.between())
	}
	return least
}

// between is how many packets have gone in at the near end and not come out at the far one.
func (b *bypass) between() uint64 {
	passed := b.load(memPassed) // first: none has come out that has not gone in
	return max(b.load(memPacket), passed) - passed
}

func (b *bypass) close() error {
	var errs []error
	for _, l := range b.links {
		errs = append(errs, l.Close())
	}
	errs = append(errs, b.near.Close(), b.socket.Close())
	if b.count != nil {
		errs = append(errs, b.count.close())
	}
	if b.mem != nil {
		errs = append(errs, unix.Munmap(b.mem))
	}
	b.links, b.count, b.mem = nil, nil, nil
	return errors.Join(errs...)
}
