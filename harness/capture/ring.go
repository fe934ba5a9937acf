package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"os"
	"sort"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Offsets in the kernel's structures (include/uapi/linux/if_packet.h), all in
// the byte order of the machine: struct tpacket_block_desc, struct tpacket3_hdr
// and the struct sockaddr_ll behind it.
const (
	blockStatusAt  = 8
	blockPacketsAt = 12
	blockFirstAt   = 16

	frameNextAt     = 0
	frameSecAt      = 4
	frameNsecAt     = 8
	frameSnapLenAt  = 12
	frameLenAt      = 16
	frameStatusAt   = 20
	frameMacAt      = 24
	frameVLANTCIAt  = 32
	frameVLANTPIDAt = 36
	frameAddrAt     = unix.SizeofTpacket3Hdr
	addrPacketType  = 10 // sll_pkttype in struct sockaddr_ll
	frameHeaderLen  = frameAddrAt + unix.SizeofSockaddrLinklayer
)

const (
	defaultRingBytes  = 64 << 20
	defaultBlockBytes = 256 << 10
	largestBlockBytes = 1 << 20   // three frames of 64 KB find room in 256 KB, and fifteen here
	wholeFrameBytes   = 128 << 10 // the least power of two that holds a frame of 64 KB
	defaultSnapLen    = 262144
	defaultRetire     = 10 * time.Millisecond
)

// ring is a packet socket with a TPACKET_V3 receive ring. The kernel fills one
// block after the other and hands each over when it is full, or when the retire
// time is over; the reader hands it back.
type ring struct {
	fd     int
	mem    []byte
	block  int // bytes of a block
	blocks int
	cur    int // the block that comes next
	retire time.Duration
}

// openRing makes a ring, not yet bound to anything, so it is empty. The mapping
// is not locked: its pages are the kernel's own and are never swapped, and mmap
// enters them all into the page table (net/packet/af_packet.c, packet_mmap).
func openRing(o Options) (_ *ring, err error) {
	size, block, err := ringGeometry(o.RingBytes, o.BlockBytes)
	if err != nil {
		return nil, err
	}
	r := &ring{block: block, blocks: size / block}
	// Protocol zero: nothing comes in before bind.
	r.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, socketError(err)
	}
	defer func() {
		if err != nil {
			r.close()
		}
	}()
	if err := unix.SetsockoptInt(r.fd, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V3); err != nil {
		return nil, os.NewSyscallError("setsockopt PACKET_VERSION", err)
	}
	snap := o.SnapLen
	if snap <= 0 {
		snap = defaultSnapLen
	}
	// A filter of one instruction: take every frame, that many bytes of it.
	prog := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: uint32(snap)}}
	err = unix.SetsockoptSockFprog(r.fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(prog)), Filter: &prog[0]})
	if err != nil {
		return nil, os.NewSyscallError("setsockopt SO_ATTACH_FILTER", err)
	}
	retire := o.Retire
	if retire <= 0 {
		retire = defaultRetire
	}
	r.retire = retire
	err = unix.SetsockoptTpacketReq3(r.fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &unix.TpacketReq3{
		Block_size:     uint32(block),
		Block_nr:       uint32(r.blocks),
		Frame_size:     uint32(block), // version 3 packs frames; this one only has to divide
		Frame_nr:       uint32(r.blocks),
		Retire_blk_tov: uint32(max(1, retire.Round(time.Millisecond).Milliseconds())),
	})
	if err != nil {
		err = os.NewSyscallError("setsockopt PACKET_RX_RING", err)
		if errors.Is(err, unix.ENOMEM) {
			err = fmt.Errorf("ring of %d bytes: %w: ask for a smaller one", size, err)
		}
		return nil, err
	}
	r.mem, err = unix.Mmap(r.fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, os.NewSyscallError("mmap ring", err)
	}
	return r, nil
}

// ringGeometry settles the sizes: whole blocks, at least two, of a power of two
// of pages, since the kernel takes each block as one run of pages.
func ringGeometry(size, block int) (int, int, error) {
	const limit = 1 << 32 // the kernel counts in 32 bits
	if size < 0 || block < 0 || int64(size) >= limit || int64(block) > limit/4 {
		return 0, 0, fmt.Errorf("ring of %d bytes in blocks of %d: use less than 4 GiB, in blocks of at most 1 GiB", size, block)
	}
	if size == 0 {
		size = defaultRingBytes
	}
	page := os.Getpagesize()
	if block == 0 {
		block = min(max(defaultBlockBytes, size/1024), largestBlockBytes, max(size/16, wholeFrameBytes))
	}
	block = max(block, page)
	block = 1 << bits.Len(uint(block-1))
	n := max(2, (size+block-1)/block)
	return n * block, block, nil
}

// bind attaches the ring to an interface; protocol zero takes it off again.
func (r *ring) bind(index int, protocol uint16) error {
	var p [2]byte
	binary.BigEndian.PutUint16(p[:], protocol)
	return os.NewSyscallError("bind", unix.Bind(r.fd, &unix.SockaddrLinklayer{
		Protocol: binary.NativeEndian.Uint16(p[:]),
		Ifindex:  index,
	}))
}

// next returns the block that comes next, or nil while the kernel has it.
func (r *ring) next() []byte {
	if b := r.at(0); r.mine(b) {
		return b
	}
	return nil
}

// ready is how many blocks the kernel has handed over, up to most.
func (r *ring) ready(most int) int {
	return sort.Search(most, func(i int) bool { return !r.mine(r.at(i)) })
}

// at is the block that comes after i others.
func (r *ring) at(i int) []byte {
	i = (r.cur + i) % r.blocks
	return r.mem[i*r.block : (i+1)*r.block]
}

// mine says that the kernel has handed the block over.
func (r *ring) mine(block []byte) bool {
	return atomic.LoadUint32(word(block, blockStatusAt))&unix.TP_STATUS_USER != 0
}

// release hands the block of the last next back to the kernel. The count of
// packets is cleared for pending, which reads it before the kernel opens the
// block anew.
func (r *ring) release() {
	b := r.mem[r.cur*r.block:]
	atomic.StoreUint32(word(b, blockPacketsAt), 0)
	atomic.StoreUint32(word(b, blockStatusAt), unix.TP_STATUS_KERNEL)
	r.cur = (r.cur + 1) % r.blocks
}

// pending tells whether the block that the kernel is filling has frames in it.
// The kernel counts as it fills (prb_fill_curr_block).
func (r *ring) pending() bool {
	return atomic.LoadUint32(word(r.mem[r.cur*r.block:], blockPacketsAt)) != 0
}

// statistics returns the counters since the last call: the kernel clears them.
func (r *ring) statistics() (dropped, freezes uint64, err error) {
	s, err := unix.GetsockoptTpacketStatsV3(r.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil {
		return 0, 0, os.NewSyscallError("getsockopt PACKET_STATISTICS", err)
	}
	return uint64(s.Drops), uint64(s.Freeze_q_cnt), nil
}

// takeError returns and clears the error that the kernel left on the socket.
func (r *ring) takeError() error {
	n, err := unix.GetsockoptInt(r.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return os.NewSyscallError("getsockopt SO_ERROR", err)
	}
	if n == 0 {
		return nil
	}
	return unix.Errno(n)
}

func (r *ring) close() {
	if r.mem != nil {
		unix.Munmap(r.mem)
		r.mem = nil
	}
	unix.Close(r.fd)
}

func word(b []byte, at int) *uint32 {
	return (*uint32)(unsafe.Pointer(&b[at : at+4][0]))
}
