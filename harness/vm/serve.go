package vm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// inputWindow is how many bytes of input, with their frames' headers, may be on their way to the command: what it does
// not read stays with the caller, and never delays a signal. It is less than a terminal's buffer (N_TTY_BUF_SIZE of
// drivers/tty/n_tty.c, 4,096): user-mode-linux's serial line has been seen to read no more once it was full.
const inputWindow = 3 << 10

// A guestCommand is the command in the guest and its end of standard input, output and error.
type guestCommand struct {
	pid      int
	input    *os.File   // what the command reads is written here
	outputs  []*os.File // what the command writes is read here,
	kinds    []kind     // and passed on as this
	terminal *os.File   // the guest's side of the pseudo-terminal, nil where it has none
}

// serveCommand runs the command and passes on what goes in and out, until it has ended.
func serveCommand(c config, line io.Reader, w *frameWriter) error {
	g, err := startCommand(c)
	if err != nil {
		return w.write(kindFailed, []byte(err.Error()))
	}
	if err := w.write(kindReady, nil); err != nil {
		return err
	}
	input := make(chan []byte, inputWindow) // the window bounds what is in it
	go g.receive(line, input)
	go g.feed(input, w)
	var outputs sync.WaitGroup
	for i, f := range g.outputs {
		outputs.Go(func() { pump(f, g.kinds[i], w) })
	}
	status := reapUntil(g.pid)
	// What the command leaves running would keep its output open. As in any container, it ends with the command.
	_ = unix.Kill(-1, unix.SIGKILL)
	outputs.Wait()
	unix.Sync() // what was written to the host's files gets there
	return w.write(kindExit, []byte{byte(status)})
}

// startCommand starts the command with pipes, and with a pseudo-terminal for what is a terminal at the caller's.
func startCommand(c config) (_ *guestCommand, err error) {
	if err := os.Setenv("PATH", pathOf(c.Env)); err != nil { // where the command is looked up
		return nil, err
	}
	if err := os.Chdir(c.Dir); err != nil {
		return nil, fmt.Errorf("%w: enter %s in the guest: %w: start in a folder that the guest can see", ErrCommand, c.Dir, err)
	}
	cmd := exec.Command(c.Command[0], c.Command[1:]...)
	cmd.Env, cmd.Dir = c.Env, c.Dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	g := &guestCommand{}
	var theirs, ours []*os.File
	defer func() {
		closeAll(theirs)
		if err != nil {
			closeAll(ours)
		}
	}()

	var slave *os.File
	if c.Terminal != [3]bool{} {
		master, s, err := openTerminal(c.Rows, c.Columns)
		if err != nil {
			return nil, err
		}
		slave, g.terminal = s, master
		theirs, ours = append(theirs, slave), append(ours, master)
		if c.Terminal[0] {
			cmd.SysProcAttr.Setctty = true // of the command's descriptor 0
		} else if err := makeRaw(int(slave.Fd()), true); err != nil { // the caller's terminal does this itself
			return nil, err
		}
	}
	pipe := func() (r, w *os.File, err error) { return os.Pipe() }
	if c.Terminal[0] {
		cmd.Stdin, g.input = slave, g.terminal
	} else {
		r, w, err := pipe()
		if err != nil {
			return nil, err
		}
		cmd.Stdin, g.input = r, w
		theirs, ours = append(theirs, r), append(ours, w)
	}
	var shown kind // what appears on the pseudo-terminal goes there
	for i, to := range []struct {
		set  func(*os.File)
		kind kind
	}{{func(f *os.File) { cmd.Stdout = f }, kindOutput}, {func(f *os.File) { cmd.Stderr = f }, kindError}} {
		if c.Terminal[i+1] {
			to.set(slave)
			if shown == 0 {
				shown = to.kind
			}
			continue
		}
		r, w, err := pipe()
		if err != nil {
			return nil, err
		}
		to.set(w)
		theirs, ours = append(theirs, w), append(ours, r)
		g.outputs, g.kinds = append(g.outputs, r), append(g.kinds, to.kind)
	}
	if g.terminal != nil {
		if shown == 0 {
			shown = kindError // the echo of what is typed
		}
		g.outputs, g.kinds = append(g.outputs, g.terminal), append(g.kinds, shown)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCommand, err)
	}
	g.pid = cmd.Process.Pid
	return g, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

// openTerminal opens a pseudo-terminal of that size (pts(4)).
func openTerminal(rows, columns uint16) (master, slave *os.File, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("open a terminal in the guest: %w", err)
			closeAll([]*os.File{master, slave})
		}
	}()
	if master, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		return nil, nil, err
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		return master, nil, err
	}
	if err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		return master, nil, err
	}
	if slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		return master, nil, err
	}
	err = setWindow(master, rows, columns)
	return master, slave, err
}

func setWindow(f *os.File, rows, columns uint16) error {
	return unix.IoctlSetWinsize(int(f.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: columns})
}

// receive takes frames from the line until it ends.
func (g *guestCommand) receive(line io.Reader, input chan<- []byte) {
	buf := make([]byte, frameMost)
	for {
		k, body, err := readFrame(line, buf)
		if err != nil {
			return
		}
		switch {
		case k == kindInput:
			input <- append([]byte{}, body...)
			if len(body) == 0 {
				close(input)
				input = nil
			}
		case k == kindWindow && len(body) == 4 && g.terminal != nil:
			_ = setWindow(g.terminal, binary.BigEndian.Uint16(body), binary.BigEndian.Uint16(body[2:]))
		case k == kindSignal && len(body) == 1:
			// To the command and what it started, as a terminal sends it; for the command is the first of its session.
			_ = unix.Kill(-g.pid, syscall.Signal(body[0]))
		}
	}
}

// feed writes the input to the command, and tells the caller how much more it may send.
func (g *guestCommand) feed(input <-chan []byte, w *frameWriter) {
	closed := false
	for b := range input {
		if len(b) == 0 {
			if g.terminal == nil || g.input != g.terminal {
				g.input.Close()
			}
			return
		}
		if !closed {
			if _, err := g.input.Write(b); err != nil {
				closed = true // the command reads no more; what else comes is for nobody
			}
		}
		if w.write(kindCredit, binary.BigEndian.AppendUint32(nil, uint32(frameHeader+len(b)))) != nil {
			return
		}
	}
}

// pump passes on what the command writes, until nobody has it open for writing.
func pump(f *os.File, k kind, w *frameWriter) {
	buf := make([]byte, frameMost)
	for {
		n, err := f.Read(buf)
		if n > 0 {
			if w.write(k, buf[:n]) != nil {
				return
			}
		}
		// The last to close a pseudo-terminal's other side makes reading an EIO (pts(4)).
		if err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// reapUntil waits for every process that ends, as process 1 has to, until pid has, and returns its status as a shell does.
func reapUntil(pid int) int {
	for {
		var status unix.WaitStatus
		got, err := unix.Wait4(-1, &status, 0, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return 255 // the command is no child of ours any more: cannot be
		}
		if got == pid {
			if status.Signaled() {
				return 128 + int(status.Signal())
			}
			return status.ExitStatus()
		}
	}
}
