// Package bpfcount tells, in the kernel's instructions, the packets of a link that have an index from those that have none,
// as impair.Counted does in Go. It also has what else programs of several packages are made of.
package bpfcount

import (
	"fmt"

	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// Fields of struct __sk_buff (linux/bpf.h), by offset.
const (
	SkbLen         = 0
	SkbType        = 4
	SkbVLANPresent = 20
	SkbHash        = 68
	SkbWireLen     = 160
	SkbGSOSegs     = 164
	SkbGSOSize     = 176
)

// headers is how many extension headers of IPv6 are gone through, as in impair.View.
const headers = 8

// Classify jumps to "counted" or to "other" as impair.Counted says: what is not IP has no index, nor have IGMP, and
// ICMPv6's multicast listener and neighbour messages. Headers are copied to the stack: they need not lie in one
// piece. The caller has the packet (struct __sk_buff) in r6, and "counted" or "other" follow; r7 to r9 are written over.
func Classify() (ins asm.Instructions) {
	for tags := range 3 {
		tag := fmt.Sprintf("tag%d", tags+1)
		at := 14 + 4*tags
		if tags == 2 {
			// The kernel takes the outer tag out of the frame (net/core/dev.c, skb_vlan_untag): there were three.
			ins = append(ins,
				asm.LoadMem(asm.R1, asm.R6, SkbVLANPresent, asm.Word).WithSymbol("tag2"),
				asm.JNE.Imm(asm.R1, 0, "other"),
				asm.Mov.Imm(asm.R7, int32(at)))
		} else {
			ins = append(ins, asm.Mov.Imm(asm.R7, int32(at)))
			if tags > 0 {
				ins[len(ins)-1] = ins[len(ins)-1].WithSymbol(fmt.Sprintf("tag%d", tags))
			}
		}
		ins = append(ins, fetch(-2, 2, "other")...)
		ins = append(ins,
			asm.LoadMem(asm.R1, asm.R10, stack, asm.Half),
			asm.HostTo(asm.BE, asm.R1, asm.Half),
			asm.JEq.Imm(asm.R1, unix.ETH_P_IP, "ipv4"),
			asm.JEq.Imm(asm.R1, unix.ETH_P_IPV6, "ipv6"),
		)
		if tags < 2 {
			ins = append(ins, asm.JEq.Imm(asm.R1, unix.ETH_P_8021Q, tag), asm.JEq.Imm(asm.R1, unix.ETH_P_8021AD, tag))
		}
		ins = append(ins, asm.Ja.Label("other"))
	}
	ins = append(ins, symbol("ipv4", fetch(0, 20, "other"))...)
	ins = append(ins,
		asm.LoadMem(asm.R1, asm.R10, stack+9, asm.Byte),
		asm.JEq.Imm(asm.R1, unix.IPPROTO_IGMP, "other"),
		asm.Ja.Label("counted"),
	)
	return append(ins, ipv6()...)
}

// ipv6 goes through the headers: r8 is the kind of the one at r7, and r9 what is left of the packet from there on.
func ipv6() asm.Instructions {
	ins := symbol("ipv6", fetch(0, 40, "other"))
	ins = append(ins,
		asm.LoadMem(asm.R8, asm.R10, stack+6, asm.Byte),
		asm.JEq.Imm(asm.R8, unix.IPPROTO_TCP, "counted"),
		asm.JEq.Imm(asm.R8, unix.IPPROTO_UDP, "counted"),
		asm.LoadMem(asm.R1, asm.R10, stack, asm.Byte),
		asm.RSh.Imm(asm.R1, 4),
		asm.JNE.Imm(asm.R1, 6, "counted"),
		asm.LoadMem(asm.R9, asm.R10, stack+4, asm.Half),
		asm.HostTo(asm.BE, asm.R9, asm.Half),
		asm.Add.Imm(asm.R7, 40),
		asm.JNE.Imm(asm.R9, 0, "header0"),
		asm.LoadMem(asm.R9, asm.R6, SkbLen, asm.Word), // a jumbogram: the frame's length stands for it
		asm.Sub.Reg(asm.R9, asm.R7),
	)
	for i := range headers {
		here := func(what string) string { return fmt.Sprintf("%s%d", what, i) }
		ins = append(ins,
			asm.JEq.Imm(asm.R8, unix.IPPROTO_FRAGMENT, here("fragment")).WithSymbol(here("header")),
			asm.JEq.Imm(asm.R8, unix.IPPROTO_HOPOPTS, here("options")),
			asm.JEq.Imm(asm.R8, unix.IPPROTO_ROUTING, here("options")),
			asm.JEq.Imm(asm.R8, unix.IPPROTO_DSTOPTS, here("options")),
			asm.Ja.Label("transport"),
		)
		ins = append(ins, symbol(here("options"), fetch(0, 8, "counted"))...)
		ins = append(ins,
			asm.LoadMem(asm.R1, asm.R10, stack+1, asm.Byte),
			asm.LSh.Imm(asm.R1, 3),
			asm.Add.Imm(asm.R1, 8),
			asm.Ja.Label(here("step")),
		)
		ins = append(ins, symbol(here("fragment"), fetch(0, 8, "counted"))...)
		ins = append(ins,
			asm.LoadMem(asm.R1, asm.R10, stack+2, asm.Half),
			asm.HostTo(asm.BE, asm.R1, asm.Half),
			asm.And.Imm(asm.R1, 0xfff8),
			asm.JNE.Imm(asm.R1, 0, "counted"), // not the first: what it carries is not known
			asm.Mov.Imm(asm.R1, 8),

			asm.JGT.Reg(asm.R1, asm.R9, "counted").WithSymbol(here("step")),
			asm.LoadMem(asm.R8, asm.R10, stack, asm.Byte),
			asm.Add.Reg(asm.R7, asm.R1),
			asm.Sub.Reg(asm.R9, asm.R1),
		)
	}
	ins = append(ins,
		asm.Ja.Label("counted"),
		asm.JNE.Imm(asm.R8, unix.IPPROTO_ICMPV6, "counted").WithSymbol("transport"),
	)
	ins = append(ins, fetch(0, 1, "counted")...)
	return append(ins,
		asm.LoadMem(asm.R1, asm.R10, stack, asm.Byte),
		asm.JEq.Imm(asm.R1, 143, "other"),
		asm.JLT.Imm(asm.R1, 130, "counted"),
		asm.JLE.Imm(asm.R1, 137, "other"),
	) // and on to "counted"
}

// stack is where fetch puts bytes, from r10 on.
const stack = -40

// fetch copies size bytes of the frame to the stack, from r7 and offset on, or jumps to missing.
func fetch(offset, size int32, missing string) asm.Instructions {
	return asm.Instructions{
		asm.Mov.Reg(asm.R1, asm.R6),
		asm.Mov.Reg(asm.R2, asm.R7),
		asm.Add.Imm(asm.R2, offset),
		asm.Mov.Reg(asm.R3, asm.R10),
		asm.Add.Imm(asm.R3, stack),
		asm.Mov.Imm(asm.R4, size),
		asm.FnSkbLoadBytes.Call(),
		asm.JNE.Imm(asm.R0, 0, missing),
	}
}

func symbol(name string, ins asm.Instructions) asm.Instructions {
	ins[0] = ins[0].WithSymbol(name)
	return ins
}

// Add adds src to a counter of 64 bits.
func Add(counters, src asm.Register, offset int16) asm.Instruction {
	return asm.AddAtomic.Mem(counters, src, asm.DWord, offset)
}

// FetchAdd adds src to a counter of 64 bits, and leaves in src what the counter was.
//
// cilium/ebpf v0.19.0 to v0.22.0 takes the instruction's operand before it has moved the operation there
// (asm/instruction.go, Marshal), so that the kernel gets a plain addition, which it loads without complaint and
// which leaves src as it was. Set beforehand, the operand is right whatever the library does.
func FetchAdd(counters, src asm.Register, offset int16) asm.Instruction {
	ins := asm.FetchAdd.Mem(counters, src, asm.DWord, offset)
	ins.Constant = int64(asm.FetchAdd >> 8)
	return ins
}
