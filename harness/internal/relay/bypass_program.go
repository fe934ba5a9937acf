package relay

import (
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness/internal/bpfcount"
)

// byKernel is the bit of a frame's hash that says who carries it. Receive packet steering chooses a processor by the high bits
// (net/core/dev.c, get_rps_cpu), and so for both alike: the rest is the hash of the flow, not the one that a TCP socket has drawn
// (sk_txhash), since the kernel makes that of what the engine sends.
const byKernel = 1

// What the programs answer (linux/pkt_cls.h, linux/bpf.h).
const (
	next = -1 // go on with the next program, and pass the frame where there is none
	drop = 2
)

// nearProgram decides who carries a frame: see bypass. r6 is the frame, r9 the shared memory, and r8 the number of packets on the wire.
func nearProgram(mem int) asm.Instructions {
	ins := asm.Instructions{
		asm.Mov.Reg(asm.R6, asm.R1),
		asm.LoadMapValue(asm.R9, mem, 0),
		asm.LoadMem(asm.R1, asm.R9, memWanted, asm.DWord),
		asm.JEq.Imm(asm.R1, toEngine, "engine"),
		asm.LoadMem(asm.R2, asm.R6, bpfcount.SkbGSOSize, asm.Word),
		asm.JEq.Imm(asm.R2, 0, "settled"),
		asm.JEq.Imm(asm.R1, singleOnly, "engine"),
		asm.LoadMem(asm.R2, asm.R6, bpfcount.SkbGSOSegs, asm.Word),
		asm.JEq.Imm(asm.R2, 0, "engine"), // of how many packets is not known

		asm.LoadMem(asm.R1, asm.R9, memSettled, asm.DWord).WithSymbol("settled"),
		asm.LoadMem(asm.R2, asm.R9, memGiven, asm.DWord),
		asm.JNE.Reg(asm.R1, asm.R2, "engine"),

		asm.Mov.Imm(asm.R1, 1),
		asm.LoadMem(asm.R8, asm.R6, bpfcount.SkbGSOSegs, asm.Word),
		asm.JLE.Imm(asm.R8, 1, "single"),
		bpfcount.Add(asm.R9, asm.R1, memSuper),
		asm.Ja.Label("count"),
		asm.Mov.Imm(asm.R8, 1).WithSymbol("single"),
		bpfcount.Add(asm.R9, asm.R8, memPacket).WithSymbol("count"),
		asm.LoadMem(asm.R1, asm.R6, bpfcount.SkbWireLen, asm.Word),
		bpfcount.Add(asm.R9, asm.R1, memBytes),
		asm.StoreMem(asm.R10, keptPackets, asm.R8, asm.DWord),
	}
	ins = append(ins, bpfcount.Classify()...)
	ins = append(ins,
		asm.LoadMapValue(asm.R9, mem, 0).WithSymbol("counted"),
		asm.LoadMem(asm.R8, asm.R10, keptPackets, asm.DWord),
		bpfcount.Add(asm.R9, asm.R8, memIP),
		asm.Mov.Reg(asm.R1, asm.R6).WithSymbol("other"),
		asm.FnSetHashInvalid.Call(),
		asm.Mov.Reg(asm.R1, asm.R6),
		asm.FnGetHashRecalc.Call(),
		asm.Or.Imm(asm.R0, byKernel),
		asm.Ja.Label("mark"),

		asm.Mov.Reg(asm.R1, asm.R6).WithSymbol("engine"),
		asm.FnSetHashInvalid.Call(),
		asm.Mov.Reg(asm.R1, asm.R6),
		asm.FnGetHashRecalc.Call(),
		asm.And.Imm(asm.R0, ^byKernel),

		asm.Mov.Reg(asm.R1, asm.R6).WithSymbol("mark"),
		asm.Mov.Reg(asm.R2, asm.R0),
		asm.FnSetHash.Call(),
		asm.Mov.Imm(asm.R0, next),
		asm.Return(),
	)
	return ins
}

// keptPackets is where the number of packets is kept meanwhile, from r10 on: bpfcount.Classify uses the registers.
const keptPackets = -48

// socketProgram is the filter of the packet socket at the near end: it takes what nearProgram gave to the engine, and counts it.
// Frames that the device cuts are cut by then, and each has the hash of the whole.
func socketProgram(mem int) asm.Instructions {
	return asm.Instructions{
		asm.LoadMem(asm.R2, asm.R1, bpfcount.SkbType, asm.Word),
		asm.JNE.Imm(asm.R2, unix.PACKET_OUTGOING, "not taken"),
		asm.LoadMem(asm.R2, asm.R1, bpfcount.SkbHash, asm.Word),
		asm.And.Imm(asm.R2, byKernel),
		asm.JNE.Imm(asm.R2, 0, "not taken"),
		asm.LoadMapValue(asm.R3, mem, 0),
		asm.Mov.Imm(asm.R2, 1),
		bpfcount.Add(asm.R3, asm.R2, memGiven),
		asm.Mov.Imm(asm.R0, 1<<18), // bytes taken
		asm.Return(),
		asm.Mov.Imm(asm.R0, 0).WithSymbol("not taken"),
		asm.Return(),
	}
}

// farProgram passes on what the kernel carries, and drops the rest, which the engine has from the near end.
func farProgram(mem, other int) asm.Instructions {
	return asm.Instructions{
		asm.LoadMem(asm.R3, asm.R1, bpfcount.SkbGSOSegs, asm.Word),
		asm.LoadMem(asm.R1, asm.R1, bpfcount.SkbHash, asm.Word),
		asm.And.Imm(asm.R1, byKernel),
		asm.JNE.Imm(asm.R1, 0, "pass on"),
		asm.Mov.Imm(asm.R0, drop),
		asm.Return(),

		asm.LoadMapValue(asm.R2, mem, 0).WithSymbol("pass on"),
		asm.JGE.Imm(asm.R3, 1, "count"),
		asm.Mov.Imm(asm.R3, 1),
		bpfcount.Add(asm.R2, asm.R3, memPassed).WithSymbol("count"),
		asm.Mov.Imm(asm.R1, int32(other)),
		asm.Mov.Imm(asm.R2, 0),
		asm.FnRedirect.Call(),
		asm.Return(),
	}
}
