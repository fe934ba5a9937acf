package bpfloss

import (
	"github.com/cilium/ebpf/asm"

	"github.com/wireproof/wireproof/harness/internal/bpfcount"
	"github.com/wireproof/wireproof/harness/internal/impair"
)

// The counters, 64 bits each, by offset in the map's one value. packets comes first: it is the next index.
const (
	countPackets = 8 * iota
	countBytes
	countDropped
	countListed
	countOther
	countSuper
	countersSize
)

// What the program answers (linux/pkt_cls.h).
const (
	actUnspec = -1 // go on with the next filter, which passes the packet where there is none
	actShot   = 2  // lost, and counted as such in the hook's own counters
	actStolen = 4  // lost, without telling the sender
)

// layout says what a program works with.
type layout struct {
	key, threshold uint64
	counters       int // map descriptors
	record, room   int // descriptor and number of losses that are kept; 0: none
	ranges, steps  int // descriptor and depth of the table; 0 steps: none
	drop           int32
}

func (c Config) layout() layout {
	l := layout{
		key:       impair.Key(c.Seed, c.Link, c.Direction, impair.KindLoss),
		threshold: impair.Threshold(c.LossPercent),
		drop:      actShot,
	}
	// A sender's TCP takes the answer to a packet shot at its own egress as a full queue of its own, and not as a loss
	// (net/ipv4/tcp_output.c, NET_XMIT_CN and NET_XMIT_DROP).
	if c.Egress {
		l.drop = actStolen
	}
	return l
}

// program returns the instructions. In all of them r6 is the packet; up to "counted", r7 is where the network header
// begins; from there on r8 is the packet's index and r9 points to the counters.
func (l layout) program() asm.Instructions {
	ins := asm.Instructions{asm.Mov.Reg(asm.R6, asm.R1)}
	ins = append(ins, bpfcount.Classify()...)
	ins = append(ins,
		asm.LoadMapValue(asm.R9, l.counters, 0).WithSymbol("counted"),
		asm.Mov.Imm(asm.R8, 1),
		bpfcount.FetchAdd(asm.R9, asm.R8, countPackets),
		asm.LoadMem(asm.R1, asm.R6, bpfcount.SkbLen, asm.Word),
		bpfcount.Add(asm.R9, asm.R1, countBytes),
		asm.LoadMem(asm.R1, asm.R6, bpfcount.SkbGSOSize, asm.Word),
		asm.JEq.Imm(asm.R1, 0, "decide"),
		asm.Mov.Imm(asm.R1, 1),
		bpfcount.Add(asm.R9, asm.R1, countSuper),
		asm.Mov.Imm(asm.R0, actUnspec).WithSymbol("decide"), // a place to jump to
	)
	ins = append(ins, l.search()...)
	ins = append(ins, l.chance()...)
	ins = append(ins,
		asm.Mov.Imm(asm.R0, actUnspec).WithSymbol("pass"),
		asm.Return(),

		asm.LoadMapValue(asm.R9, l.counters, 0).WithSymbol("other"),
		asm.Mov.Imm(asm.R1, 1),
		bpfcount.Add(asm.R9, asm.R1, countOther),
		asm.Ja.Label("pass"),
	)
	return append(ins, l.lose()...)
}

// lose counts the packet as lost, and notes its index. The kernel refuses a program with a part that
// nothing leads to (kernel/bpf/verifier.c, check_cfg), so there is no more of it than is jumped to.
func (l layout) lose() (ins asm.Instructions) {
	if l.steps > 0 {
		ins = append(ins,
			asm.Mov.Imm(asm.R1, 1).WithSymbol("listed"),
			bpfcount.Add(asm.R9, asm.R1, countListed),
		)
	}
	if l.steps == 0 && l.threshold == 0 {
		return nil
	}
	ins = append(ins,
		asm.Mov.Imm(asm.R1, 1).WithSymbol("drop"),
		bpfcount.FetchAdd(asm.R9, asm.R1, countDropped),
	)
	if l.room > 0 {
		ins = append(ins,
			asm.JGE.Imm(asm.R1, int32(l.room), "dropped"),
			asm.LSh.Imm(asm.R1, 3),
			asm.LoadMapValue(asm.R2, l.record, 0),
			asm.Add.Reg(asm.R2, asm.R1),
			asm.Add.Imm(asm.R8, 1), // a number: zero is a place that is not yet written
			asm.StoreMem(asm.R2, 0, asm.R8, asm.DWord),
		)
	}
	return append(ins, asm.Mov.Imm(asm.R0, l.drop).WithSymbol("dropped"), asm.Return())
}

// search jumps to "listed" where the table has the packet's number. It halves the table without a branch, because the
// verifier follows every way through the branches of a program.
func (l layout) search() (ins asm.Instructions) {
	if l.steps == 0 {
		return nil
	}
	ins = asm.Instructions{
		asm.LoadMapValue(asm.R3, l.ranges, 0),
		asm.Mov.Reg(asm.R2, asm.R8),
		asm.Add.Imm(asm.R2, 1),
		asm.Mov.Imm(asm.R4, 0), // the entries before this one end before the number
	}
	for step := l.steps - 1; step >= 0; step-- {
		// Offsets in instructions have 16 bits, and the table is longer.
		middle := ((1<<step)-1)*rangeSize + rangeSize/2
		ins = append(ins,
			asm.Mov.Reg(asm.R5, asm.R4),
			asm.LSh.Imm(asm.R5, 4),
			asm.Add.Reg(asm.R5, asm.R3),
			asm.Add.Imm(asm.R5, int32(middle)),
			asm.LoadMem(asm.R1, asm.R5, 0, asm.DWord),
			asm.Sub.Reg(asm.R1, asm.R2),
			asm.RSh.Imm(asm.R1, 63), // the sign: 1 if the entry ends before the number
			asm.LSh.Imm(asm.R1, int32(step)),
			asm.Add.Reg(asm.R4, asm.R1),
		)
	}
	return append(ins,
		asm.LSh.Imm(asm.R4, 4),
		asm.Add.Reg(asm.R4, asm.R3),
		asm.LoadMem(asm.R1, asm.R4, 0, asm.DWord),
		asm.JLE.Reg(asm.R1, asm.R2, "listed"),
	)
}

// chance jumps to "drop" where impair.Hit is true.
func (l layout) chance() asm.Instructions {
	if l.threshold == 0 {
		return nil
	}
	// h = impair.Hash(key, index)
	ins := asm.Instructions{
		asm.Mov.Reg(asm.R1, asm.R8),
		asm.Add.Imm(asm.R1, 1),
		constant(asm.R2, golden),
		asm.Mul.Reg(asm.R1, asm.R2),
		constant(asm.R2, l.key),
		asm.Add.Reg(asm.R1, asm.R2),
	}
	for _, round := range [...]struct {
		shift    int32
		multiply uint64
	}{{30, 0xbf58476d1ce4e5b9}, {27, 0x94d049bb133111eb}, {31, 0}} {
		ins = append(ins,
			asm.Mov.Reg(asm.R2, asm.R1),
			asm.RSh.Imm(asm.R2, round.shift),
			asm.Xor.Reg(asm.R1, asm.R2),
		)
		if round.multiply != 0 {
			ins = append(ins, constant(asm.R2, round.multiply), asm.Mul.Reg(asm.R1, asm.R2))
		}
	}
	return append(ins,
		asm.RSh.Imm(asm.R1, 32),
		constant(asm.R2, l.threshold),
		asm.JLT.Reg(asm.R1, asm.R2, "drop"),
	)
}

// golden is the step of splitmix64: see package impair.
const golden = 0x9e3779b97f4a7c15

func constant(r asm.Register, v uint64) asm.Instruction { return asm.LoadImm(r, int64(v), asm.DWord) }
