package bpfloss

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/rlimit"

	"github.com/wireproof/wireproof/harness/internal/fault"
)

// progName is what "tc filter" and bpftool show; the kernel takes up to 15 bytes.
const progName = "wireproof_loss"

// An object is a program with its maps, in the kernel.
type object struct {
	counters *ebpf.Map
	record   *ebpf.Map // nil: losses are not kept
	prog     *ebpf.Program
}

func newObject(c Config) (*object, error) {
	if err := liftMemlock(); err != nil {
		return nil, err
	}
	o := new(object)
	var err error
	if o.counters, err = blob("counters", make([]byte, countersSize)); err != nil {
		return nil, err
	}
	if c.Record > 0 {
		if o.record, err = blob("record", make([]byte, 8*c.Record)); err != nil {
			return nil, errors.Join(err, o.close())
		}
	}
	if _, err := o.replace(c); err != nil {
		return nil, errors.Join(err, o.close())
	}
	return o, nil
}

// liftMemlock lifts the limit on locked memory, by which kernels before 5.11 bound the size of maps. Others need no more than
// this one look at the kernel, which the library does once.
func liftMemlock() error {
	if err := rlimit.RemoveMemlock(); err != nil {
		return &LoadError{Op: "lift the limit of locked memory", Err: err}
	}
	return nil
}

// replace loads a program for c with the object's own counters, and returns the one that was there before.
func (o *object) replace(c Config) (old *ebpf.Program, err error) {
	l := c.layout()
	l.counters = o.counters.FD()
	if o.record != nil {
		l.record, l.room = o.record.FD(), c.Record
	}
	if len(c.Drop) > 0 {
		table, steps := rangeTable(c.Drop)
		ranges, err := blob("ranges", table)
		if err != nil {
			return nil, err
		}
		defer ranges.Close() // the program holds it from then on
		l.ranges, l.steps = ranges.FD(), steps
	}
	if err := fault.Check("load BPF program"); err != nil {
		return nil, loadError(err)
	}
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: progName, Type: ebpf.SchedCLS, Instructions: l.program(), License: "MIT",
	})
	if err != nil {
		return nil, loadError(err)
	}
	old, o.prog = o.prog, prog
	return old, nil
}

// blob makes a map of one value. The program gets at it by its address, without a call.
func blob(name string, value []byte) (*ebpf.Map, error) {
	op := "make BPF map " + name
	if err := fault.Check(op); err != nil {
		return nil, &LoadError{Op: op, Err: err}
	}
	m, err := ebpf.NewMap(&ebpf.MapSpec{
		Name: name, Type: ebpf.Array, KeySize: 4, ValueSize: uint32(len(value)), MaxEntries: 1,
		Contents: []ebpf.MapKV{{Key: uint32(0), Value: value}},
	})
	if err != nil {
		return nil, &LoadError{Op: op, Err: err}
	}
	return m, nil
}

func (o *object) stats() (Stats, error) {
	b, err := o.counters.LookupBytes(uint32(0))
	if err != nil || len(b) < countersSize {
		return Stats{}, fmt.Errorf("read counters (%d bytes): %w", len(b), err)
	}
	at := func(offset int) uint64 { return binary.NativeEndian.Uint64(b[offset:]) }
	return Stats{
		Packets: at(countPackets), Bytes: at(countBytes), Dropped: at(countDropped),
		Listed: at(countListed), Other: at(countOther), Super: at(countSuper),
	}, nil
}

func (o *object) lost(room int) ([]uint64, error) {
	if o.record == nil {
		return nil, nil
	}
	b, err := o.record.LookupBytes(uint32(0))
	if err != nil || len(b) < 8*room {
		return nil, fmt.Errorf("read record (%d bytes): %w", len(b), err)
	}
	var lost []uint64
	for ; len(b) >= 8; b = b[8:] {
		if number := binary.NativeEndian.Uint64(b); number != 0 {
			lost = append(lost, number-1)
		}
	}
	return lost, nil
}

func (o *object) close() error {
	var errs []error
	for _, c := range []interface{ Close() error }{o.counters, o.record, o.prog} {
		errs = append(errs, c.Close()) // of nil too
	}
	return errors.Join(errs...)
}
