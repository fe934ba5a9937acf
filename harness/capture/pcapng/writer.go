package pcapng

import (
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Writer writes one capture file. Its methods may be called by several
// goroutines at once; each call writes whole blocks. After a failed write every
// call returns that error: what follows a hole in a file cannot be read.
type Writer struct {
	mu         sync.Mutex
	w          io.Writer
	conn       syscall.RawConn // not nil when w takes vectors of buffers
	file       *os.File        // not nil when w can be cut back to its last whole block
	whole      int64           // bytes of file up to the last whole block
	buf        []byte
	interfaces uint32
	err        error
}

// NewWriter writes the section header of s to w and returns a Writer for the
// rest of the file. When w is an *os.File, packets are written by writev(2) and,
// where a write to a regular file fails half-way, the file is cut back to its
// last whole block. The caller closes w.
func NewWriter(w io.Writer, s Section) (*Writer, error) {
	pw := &Writer{w: w}
	if f, ok := w.(*os.File); ok {
		if conn, err := f.SyscallConn(); err == nil {
			pw.conn = conn
		}
		if st, err := f.Stat(); err == nil && st.Mode().IsRegular() {
			if at, err := f.Seek(0, io.SeekCurrent); err == nil {
				pw.file, pw.whole = f, at
			}
		}
	}
	pw.buf = AppendSection(pw.buf[:0], s)
	if err := pw.writeLocked(pw.buf); err != nil {
		return nil, fmt.Errorf("write section header: %w", err)
	}
	return pw, nil
}

// AddInterface writes the description of an interface and returns its number,
// counted from zero, for the packets that it will have.
func (w *Writer) AddInterface(i Interface) (uint32, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf = AppendInterface(w.buf[:0], i)
	if err := w.writeLocked(w.buf); err != nil {
		return 0, fmt.Errorf("write interface description of %s: %w", i.Name, err)
	}
	id := w.interfaces
	w.interfaces++
	return id, nil
}

// WritePacket writes one packet.
func (w *Writer) WritePacket(p Packet) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if p.Interface >= w.interfaces {
		return fmt.Errorf("write packet: no interface %d in this file: call AddInterface first", p.Interface)
	}
	w.buf = AppendPacket(w.buf[:0], p)
	if err := w.writeLocked(w.buf); err != nil {
		return fmt.Errorf("write packet: %w", err)
	}
	return nil
}

// WriteNames writes the names of addresses, so that a reader of the file shows
// them. It may be called more than once.
func (w *Writer) WriteNames(names []Name) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf = AppendNames(w.buf[:0], names)
	if err := w.writeLocked(w.buf); err != nil {
		return fmt.Errorf("write names: %w", err)
	}
	return nil
}

// WriteStatistics writes the counters of an interface, once, at its end.
func (w *Writer) WriteStatistics(s Statistics) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s.Interface >= w.interfaces {
		return fmt.Errorf("write statistics: no interface %d in this file: call AddInterface first", s.Interface)
	}
	w.buf = AppendStatistics(w.buf[:0], s)
	if err := w.writeLocked(w.buf); err != nil {
		return fmt.Errorf("write statistics: %w", err)
	}
	return nil
}

// WriteBlocks writes buffers that together are whole blocks, one after the
// other, as if they were one. It is the way for many packets at once: nothing is
// copied when the file takes vectors. The buffers are not kept.
func (w *Writer) WriteBlocks(bufs [][]byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	var n int64
	var err error
	if w.conn != nil {
		n, err = w.writev(bufs)
	} else {
		n, err = w.coalesce(bufs)
	}
	return w.wrote(n, err)
}

// Err returns the error of the first write that failed, or nil.
func (w *Writer) Err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// Flush hands on what an underlying buffered writer (one with a method Flush)
// still holds.
func (w *Writer) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	if f, ok := w.w.(interface{ Flush() error }); ok {
		return w.wrote(0, f.Flush())
	}
	return nil
}

func (w *Writer) writeLocked(b []byte) error {
	if w.err != nil {
		return w.err
	}
	n, err := w.w.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	return w.wrote(int64(n), err)
}

// wrote notes the end of a write of n bytes. After an error the blocks that are
// not whole are cut off again where that can be done, so that the file opens.
func (w *Writer) wrote(n int64, err error) error {
	if err == nil {
		w.whole += n
		return nil
	}
	w.err = err
	if w.file != nil && n > 0 {
		if w.file.Truncate(w.whole) == nil {
			w.file.Seek(w.whole, io.SeekStart) // keeps later writes by others from leaving a hole
		}
	}
	return err
}

// maxVectors is UIO_MAXIOV, the most buffers that writev(2) takes.
const maxVectors = 1024

// writev writes bufs by writev(2), again where it was cut short.
func (w *Writer) writev(bufs [][]byte) (total int64, err error) {
	left := bufs
	skip := 0 // bytes of left[0] already written
	for len(left) > 0 {
		var n int
		var werr error
		chunk := left[:min(len(left), maxVectors)]
		first := chunk[0]
		chunk[0] = first[skip:]
		cerr := w.conn.Write(func(fd uintptr) bool {
			for {
				n, werr = unix.Writev(int(fd), chunk)
				if werr != unix.EINTR {
					break
				}
			}
			return werr != unix.EAGAIN
		})
		chunk[0] = first
		if werr == nil {
			werr = cerr
		}
		if werr != nil {
			return total, os.NewSyscallError("writev", werr)
		}
		total += int64(n)
		n += skip
		skip = 0
		for len(left) > 0 && n >= len(left[0]) {
			n -= len(left[0])
			left = left[1:]
		}
		skip = n
	}
	return total, nil
}

// coalesceBytes is how much coalesce gathers for one Write.
const coalesceBytes = 256 << 10

// coalesce writes bufs to a writer that takes one buffer at a time: small ones
// are gathered, large ones go as they are.
func (w *Writer) coalesce(bufs [][]byte) (total int64, err error) {
	w.buf = w.buf[:0]
	flush := func(b []byte) error {
		if len(b) == 0 {
			return nil
		}
		n, err := w.w.Write(b)
		total += int64(n)
		if err == nil && n < len(b) {
			err = io.ErrShortWrite
		}
		return err
	}
	for _, b := range bufs {
		if len(w.buf)+len(b) > coalesceBytes {
			if err := flush(w.buf); err != nil {
				return total, err
			}
			w.buf = w.buf[:0]
		}
		if len(b) > coalesceBytes {
			if err := flush(b); err != nil {
				return total, err
			}
			continue
		}
		w.buf = append(w.buf, b...)
	}
	return total, flush(w.buf)
}
