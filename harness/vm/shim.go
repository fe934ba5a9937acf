package vm

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// User-mode-linux runs the guest's processes as processes of the host that it traces, and has two needs that a shared object
// fulfils, written here byte by byte so that no compiler is needed, and loaded ahead of the C library (ld.so(8), LD_PRELOAD).
// The object's ptrace is the library's, but for this:
//
// It asks for PTRACE_O_EXITKILL with every set of options. Without, the host's kernel lets the traced go on when
// linux.uml is killed, as processes of the caller's: what they compute next is a call to the host, and a program that they
// execute is the host's, in the host's files (kernel/ptrace.c, exit_ptrace).
//
// It completes short sets of registers. User-mode-linux 6.1, which Debian 12 has, keeps the floating-point state of its processes in 2,696 bytes (HOST_FP_SIZE of
// arch/x86/um/user-offsets.c): XSAVE's layout as far as the protection keys. It gets and sets it by PTRACE_GETREGSET and
// PTRACE_SETREGSET. A get may be shorter than the machine's state; a set must be the whole of it, or fails with EFAULT
// (xstateregs_set of arch/x86/kernel/fpu/regset.c). On a processor with AMX the state has 11,008 bytes, so the set fails
// and the guest's kernel panics as it starts its process 1.
//
// To make the get fail would be simpler: the kernel then falls back on PTRACE_GETFPREGS. But that state has no AVX
// registers, and as the threads of a guest's process share one process of the host, they would find each other's in
// theirs. So the set is made whole, with zeros. They are right: the guest's kernel lets no process use AMX, and the
// header before them says that the rest is in its initial state.

// Addresses in the object.
const (
	shimText = 0x200
	shimData = 0x1000 // writable, a page of its own
	shimGOT  = shimData + 0x100
	shimIov  = shimData + 0x110
	shimWord = shimData + 0x120
	shimBuf  = shimData + 0x140 // not in the file
)

// shimCode is ptrace(2) as the C library has it, by its syscall(2). rip marks a displacement to an address of the object,
// size the host's.
func shimCode(size int) []byte {
	var code bytes.Buffer
	put := func(b ...byte) { code.Write(b) }
	imm := func(v int) { put(binary.LittleEndian.AppendUint32(nil, uint32(v))...) }
	rip := func(address int) { imm(address - (shimText + code.Len() + 4)) }

	put(0x49, 0x89, 0xc8)                         //	mov  %rcx, %r8           the fourth argument is the call's fifth
	put(0x83, 0xff, 0x15)                         //	cmp  $PTRACE_OLDSETOPTIONS, %edi
	put(0x74, 0x08)                               //	je   options
	put(0x81, 0xff, 0x00, 0x42, 0x00, 0x00)       //	cmp  $PTRACE_SETOPTIONS, %edi
	put(0x75, 0x07)                               //	jne  registers
	put(0x41, 0x81, 0xc8, 0x00, 0x00, 0x10, 0x00) // options:	or   $PTRACE_O_EXITKILL, %r8d
	// registers:
	put(0x81, 0xff, 0x05, 0x42, 0x00, 0x00) //	cmp  $PTRACE_SETREGSET, %edi
	put(0x75, 0x3a)                         //	jne  call
	put(0x81, 0xfa, 0x02, 0x02, 0x00, 0x00) //	cmp  $NT_X86_XSTATE, %edx
	put(0x75, 0x32)                         //	jne  call
	put(0x49, 0x8b, 0x48, 0x08)             //	mov  8(%r8), %rcx        iov_len
	put(0x48, 0x81, 0xf9)                   //	cmp  $size, %rcx
	imm(size)
	put(0x73, 0x25)       //	jae  call                long enough
	put(0x57)             //	push %rdi
	put(0x56)             //	push %rsi
	put(0x49, 0x8b, 0x30) //	mov  (%r8), %rsi         iov_base
	put(0x48, 0x8d, 0x3d) //	lea  buf(%rip), %rdi
	rip(shimBuf)
	put(0x48, 0x89, 0xf8) //	mov  %rdi, %rax
	put(0xf3, 0xa4)       //	rep movsb
	put(0x5e)             //	pop  %rsi
	put(0x5f)             //	pop  %rdi
	put(0x4c, 0x8d, 0x05) //	lea  iov(%rip), %r8
	rip(shimIov)
	put(0x49, 0x89, 0x00)       //	mov  %rax, (%r8)
	put(0x49, 0xc7, 0x40, 0x08) //	movq $size, 8(%r8)
	imm(size)
	put(0x48, 0x89, 0xd1)             // call:	mov  %rdx, %rcx
	put(0x48, 0x63, 0xd6)             //	movslq %esi, %rdx
	put(0x48, 0x63, 0xf7)             //	movslq %edi, %rsi
	put(0xbf, 0x65, 0x00, 0x00, 0x00) //	mov  $SYS_ptrace, %edi
	put(0x31, 0xc0)                   //	xor  %eax, %eax
	put(0x44, 0x8d, 0x4e, 0xff)       //	lea  -1(%rsi), %r9d
	put(0x41, 0x83, 0xf9, 0x03)       //	cmp  $3, %r9d
	put(0x72, 0x06)                   //	jb   peek                PTRACE_PEEKTEXT, PEEKDATA, PEEKUSER
	put(0xff, 0x25)                   //	jmp  *syscall(%rip)
	rip(shimGOT)
	put(0x4c, 0x8d, 0x05) // peek:	lea  word(%rip), %r8     the kernel writes the word, the library returns it
	rip(shimWord)
	put(0x41, 0x50) //	push %r8
	put(0xff, 0x15) //	call *syscall(%rip)
	rip(shimGOT)
	put(0x41, 0x58)       //	pop  %r8
	put(0x48, 0x85, 0xc0) //	test %rax, %rax
	put(0x78, 0x03)       //	js   done
	put(0x49, 0x8b, 0x00) //	mov  (%r8), %rax
	put(0xc3)             // done:	ret
	return code.Bytes()
}

// shimObject returns the shared object, for a register set of size bytes (ELF-64 object file format; System V ABI,
// AMD64 supplement).
func shimObject(size int) []byte {
	const (
		hash, symbols, names, relocations = 0x120, 0x140, 0x190, 0x1b0
		strtab                            = "\x00ptrace\x00syscall\x00"
		dynamic                           = shimData
	)
	file := make([]byte, shimData+0x140)
	at := func(offset int, values ...any) {
		b := file[offset:offset]
		for _, v := range values {
			b, _ = binary.Append(b, binary.LittleEndian, v) // fails for values without a fixed size alone
		}
	}
	code := shimCode(size)
	u16, u32, u64 := func(v int) uint16 { return uint16(v) }, func(v int) uint32 { return uint32(v) }, func(v int) uint64 { return uint64(v) }

	at(0, []byte("\x7fELF\x02\x01\x01"), [9]byte{}, u16(3), u16(62), u32(1), // ET_DYN, EM_X86_64
		u64(0), u64(0x40), u64(0), u32(0), u16(64), u16(56), u16(4), u16(64), u16(0), u16(0))
	segment := func(i, kind, flags, offset, inFile, inMemory, align int) {
		at(0x40+56*i, u32(kind), u32(flags), u64(offset), u64(offset), u64(offset), u64(inFile), u64(inMemory), u64(align))
	}
	segment(0, 1, 5, 0, shimText+len(code), shimText+len(code), 0x1000)                      // PT_LOAD, r-x
	segment(1, 1, 6, shimData, len(file)-shimData, len(file)-shimData+(size+63)&^63, 0x1000) // PT_LOAD, rw-
	segment(2, 2, 6, dynamic, 0x100, 0x100, 8)                                               // PT_DYNAMIC
	segment(3, 0x6474e551, 6, 0, 0, 0, 16)                                                   // PT_GNU_STACK: not executable

	at(hash, u32(1), u32(3), u32(1), u32(0), u32(2), u32(0)) // one bucket, a chain of symbols 1 and 2
	const global, function = 1 << 4, 2
	at(symbols+24, u32(1), byte(global|function), byte(0), u16(1), u64(shimText), u64(len(code)))
	at(symbols+48, u32(8), byte(global|function), byte(0), u16(0), u64(0), u64(0))
	at(names, []byte(strtab))
	at(relocations, u64(shimGOT), u64(2<<32|6), u64(0)) // R_X86_64_GLOB_DAT of symbol 2
	at(shimText, code)
	for i, d := range [][2]int{
		{4, hash}, {5, names}, {6, symbols}, {10, len(strtab)}, {11, 24}, // DT_HASH, STRTAB, SYMTAB, STRSZ, SYMENT
		{7, relocations}, {8, 24}, {9, 24}, {0, 0}, // DT_RELA, RELASZ, RELAENT, NULL
	} {
		at(dynamic+16*i, u64(d[0]), u64(d[1]))
	}
	return file
}

// shimFile returns the shared object as a file in memory, which no mount can make unexecutable.
func shimFile(size int) (*os.File, error) {
	fd, err := unix.MemfdCreate("wireproof-ptrace", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make a file in memory: %w", err)
	}
	f := os.NewFile(uintptr(fd), "wireproof-ptrace")
	if _, err := f.Write(shimObject(size)); err != nil {
		f.Close()
		return nil, fmt.Errorf("write the ptrace shim: %w", err)
	}
	return f, nil
}

// loadsShim fails unless the program at path loads shared objects. One that does not would run without the shim, and what it
// traces would go on as the caller's own once it is killed.
func loadsShim(path string) error {
	f, err := elf.Open(path)
	if err != nil {
		return fmt.Errorf("%w: %s is no program: %w", ErrNotInstalled, path, err)
	}
	defer f.Close()
	if f.Machine != elf.EM_X86_64 || !slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
		return fmt.Errorf("%w: %s is not a dynamically linked program for x86-64: use the one of Debian's user-mode-linux", ErrNotInstalled, path)
	}
	return nil
}
