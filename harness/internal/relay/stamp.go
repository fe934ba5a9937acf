package relay

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness/internal/bpfcount"
)

// A TAP device does not say when a frame came, and the thread that reads it may have slept then: waking up takes some
// microseconds on one machine, and a quarter of a millisecond on another. So a program of ours looks at each frame that
// the host hands to the device (drivers/net/tun.c, tun_net_xmit, run_ebpf_filter), and notes the time:
//
//	host ──▶ program ──▶ the device's ring ──▶ read
//	            │                               │ frame n
//	            ▼ frame n came at               ▼
//	          [   |   |   |   ]  shared memory ──▶ time of arrival
//
// The device's frames are numbered alike on both sides, as none is lost between them, unless the ring is full. That is seen,
// by how many frames are noted and not read, and by times from before the ring was found empty.
//
// stamps are the reader's side. They belong to the shard's thread.
type stamps struct {
	mem    []byte // as the program has it: a count, and the times at slotsAt
	offset int64  // of the program's clock from the thread's
	read   uint64 // frames read so far, and those that never came
	astray uint64 // noted and not read when the ring was empty: on their way to it, or lost
	lost   bool   // it is not known which time is whose
	empty  int64  // the ring was empty then
}

const (
	stampSlotBits = 14
	stampSlots    = 1 << stampSlotBits // frames whose times are kept: more than the device's ring holds
	slotsAt       = 64
	stampBytes    = slotsAt + 8*stampSlots

	// A slot's low bits say in which round of the slots it was written, from 1 on: the program counts a frame before it writes.
	stampRound = 4 // bits
	roundMask  = 1<<stampRound - 1

	// unsure is how long a frame may be between the program and the ring: the processor was taken away there.
	unsure = 1_000_000 // ns
	// slack is what a frame may be older than an empty ring: the program saw it, and the ring had it not yet.
	slack = 5_000 // ns
)

// newStamps attaches the program to a TAP device.
func newStamps(tap int) (_ *stamps, err error) {
	if err := rlimit.RemoveMemlock(); err != nil { // before Linux 5.11
		return nil, fmt.Errorf("note times of arrival: lift the limit of locked memory: %w", err)
	}
	m, err := ebpf.NewMap(&ebpf.MapSpec{
		Name: "arrivals", Type: ebpf.Array, KeySize: 4, ValueSize: stampBytes, MaxEntries: 1, Flags: unix.BPF_F_MMAPABLE,
	})
	if err != nil {
		return nil, fmt.Errorf("note times of arrival: make BPF map: %w", err)
	}
	defer m.Close() // the mapping and the program hold it
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "arrivals", Type: ebpf.SocketFilter, License: "MIT", Instructions: stampProgram(m.FD()),
	})
	if err != nil {
		return nil, fmt.Errorf("note times of arrival: load BPF program: %w", err)
	}
	defer prog.Close() // the device holds it
	page := unix.Getpagesize()
	mem, err := unix.Mmap(m.FD(), 0, (stampBytes+page-1)/page*page, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("note times of arrival: map memory: %w", err)
	}
	fd := int32(prog.FD())
	if err := ioctl(tap, unix.TUNSETFILTEREBPF, uintptr(unsafe.Pointer(&fd))); err != nil {
		return nil, errors.Join(fmt.Errorf("note times of arrival: attach program: %w", err), unix.Munmap(mem))
	}
	runtime.KeepAlive(prog)
	return &stamps{mem: mem}, nil
}

// stampProgram passes every frame, and writes the time at which it does to the frame's slot.
func stampProgram(mem int) asm.Instructions {
	return asm.Instructions{
		asm.LoadMapValue(asm.R6, mem, 0),
		asm.Mov.Imm(asm.R7, 1),
		bpfcount.FetchAdd(asm.R6, asm.R7, 0),
		asm.Mov.Reg(asm.R8, asm.R7),
		asm.RSh.Imm(asm.R8, stampSlotBits),
		asm.Add.Imm(asm.R8, 1),
		asm.And.Imm(asm.R8, roundMask),
		asm.And.Imm(asm.R7, stampSlots-1),
		asm.LSh.Imm(asm.R7, 3),
		asm.FnKtimeGetNs.Call(),
		asm.LSh.Imm(asm.R0, stampRound),
		asm.Or.Reg(asm.R0, asm.R8),
		asm.Add.Reg(asm.R6, asm.R7),
		asm.StoreMem(asm.R6, slotsAt, asm.R0, asm.DWord),
		asm.Mov.Imm(asm.R0, 1<<18), // bytes that go on
		asm.Return(),
	}
}

// clock tells the times of s.now, in which the stamps are to be.
func (st *stamps) clock(now func() int64) {
	best := int64(time.Hour)
	for range 16 {
		var ts unix.Timespec
		before := now()
		if unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) != nil {
			continue
		}
		after := now()
		if after-before < best {
			best = after - before
			st.offset = ts.Nano() - after // rather late than early
		}
	}
}

func (st *stamps) word(at int) uint64 {
	return atomic.LoadUint64((*uint64)(unsafe.Pointer(&st.mem[at])))
}

// slot is when the program saw frame n, or false: that is not written yet, or written over.
func (st *stamps) slot(n uint64) (at int64, ok bool) {
	w := st.word(slotsAt + 8*int(n%stampSlots))
	return int64(w>>stampRound) - st.offset, w&roundMask == (n>>stampSlotBits+1)&roundMask
}

// frame returns when the frame came that was read just now, or false: that is not known.
func (st *stamps) frame(now int64) (int64, bool) {
	n := st.read
	st.read++
	seen := st.word(0)
	// It is one of those astray, or the next: rather late than early.
	at, ok := st.slot(min(n+st.astray, max(seen, 1)-1))
	// Of the frames that the program saw since the one before, this one included, some may have been dropped, as the ring was
	// full.
	if ahead := seen - n; ahead == 0 || ahead > TXQueueLen {
		st.lost = true
	}
	if st.lost || !ok {
		return 0, false
	}
	return min(max(at, st.empty-slack), now), true
}

// before is called before a read, and returns how many frames the program has seen, for none.
func (st *stamps) before() uint64 { return st.word(0) }

// none says that there was no frame to be read. now and seen are of a moment before the read, as the thread may have been taken away
// after it: what the program had seen then is gone one way or the other.
func (st *stamps) none(now int64, seen uint64) {
	st.empty = now
	st.astray = 0
	if st.lost {
		if seen == 0 {
			return
		}
		if at, ok := st.slot(seen - 1); ok && now-at > unsure {
			st.read, st.lost = seen, false
		}
		return
	}
	for k := st.read; k < seen; k++ {
		at, ok := st.slot(k)
		if !ok || at >= now-slack {
			return
		}
		st.astray++
		if now-at > unsure { // it would have come by now
			st.read, st.astray = k+1, 0
		}
	}
}

func (st *stamps) close() error { return unix.Munmap(st.mem) }
