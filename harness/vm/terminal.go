package vm

import (
	"encoding/binary"
	"os"

	"golang.org/x/sys/unix"
)

// terminals says which of standard input, output and error are terminals, and the size of the first that is.
func terminals(streams ...any) (is [3]bool, rows, columns uint16) {
	for i, stream := range streams {
		f, ok := stream.(*os.File)
		if !ok || f == nil {
			continue
		}
		if _, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS); err != nil {
			continue
		}
		is[i] = true
		if w, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ); err == nil && columns == 0 {
			rows, columns = w.Row, w.Col
		}
	}
	return is, rows, columns
}

// A hostTerminal is the caller's terminal, whose keys go to the guest's as they are: Ctrl-C and line editing are the
// guest's then. It is nil where standard input is no terminal.
type hostTerminal struct {
	file   *os.File
	before *unix.Termios
}

func openHostTerminal(stdin any, c config) *hostTerminal {
	f, ok := stdin.(*os.File)
	if !ok || !c.Terminal[0] {
		return nil
	}
	before, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil || makeRaw(int(f.Fd()), false) != nil {
		return nil
	}
	return &hostTerminal{f, before}
}

func (t *hostTerminal) restore() {
	if t != nil {
		_ = unix.IoctlSetTermios(int(t.file.Fd()), unix.TCSETS, t.before)
	}
}

// window is the body of a frame that tells the terminal's size.
func (t *hostTerminal) window() []byte {
	if t == nil {
		return nil
	}
	w, err := unix.IoctlGetWinsize(int(t.file.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return nil
	}
	return binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, w.Row), w.Col)
}
