package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long a test waits for a fact. It is long, since only a failure waits that long.
const patience = 2 * time.Minute

// eventually waits until ok says true, and returns false when it does not in time.
func eventually(ok func() bool) bool {
	deadline := time.Now().Add(patience)
	for wait := time.Millisecond; ; wait = min(2*wait, 50*time.Millisecond) {
		if ok() {
			return true
		}
		if time.Now().After(deadline) {
			return false
		}
		time.Sleep(wait)
	}
}

// A serverProcess is wireproof serve.
type serverProcess struct {
	cmd     *exec.Cmd
	address string
	ended   chan struct{}
	err     error // when ended is closed
	stderr  lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

var listening = regexp.MustCompile(`msg=serving listen=(\S+)`)

// startServer returns once the server says where it listens.
func startServer(dir string, flags ...string) (*serverProcess, error) {
	s := &serverProcess{ended: make(chan struct{})}
	s.cmd = exec.Command("wireproof", append([]string{"serve", "--address", "127.0.0.1", "--port", "0"}, flags...)...)
	s.cmd.Dir = dir
	s.cmd.Stderr = &s.stderr
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that a Ctrl-C for the test is not one for the server
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		s.err = s.cmd.Wait()
		close(s.ended)
	}()
	ok := eventually(func() bool {
		if m := listening.FindStringSubmatch(s.log()); m != nil {
			s.address = m[1]
			return true
		}
		select {
		case <-s.ended:
			return true
		default:
			return false
		}
	})
	if s.address == "" || !ok {
		s.kill()
		return nil, fmt.Errorf("the server does not listen: %s", s.log())
	}
	return s, nil
}

func (s *serverProcess) log() string { return s.stderr.String() }

// wait waits for the end, and returns what exec's Wait did.
func (s *serverProcess) wait() error {
	select {
	case <-s.ended:
		return s.err
	case <-time.After(patience):
		s.kill()
		return fmt.Errorf("the server did not end in %v; its log:\n%s", patience, s.log())
	}
}

func (s *serverProcess) kill() {
	_ = s.cmd.Process.Kill()
	<-s.ended
}

// vacant returns a loopback address where nobody listens, and nobody can until release: a socket that is bound has the port
// and does not listen.
func vacant() (address string, release func(), err error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", nil, err
	}
	release = func() { _ = unix.Close(fd) }
	err = unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	var name unix.Sockaddr
	if err == nil {
		name, err = unix.Getsockname(fd)
	}
	if err != nil {
		release()
		return "", nil, err
	}
	return fmt.Sprintf("127.0.0.1:%d", name.(*unix.SockaddrInet4).Port), release, nil
}

// onTerminal runs cmd on a terminal of its own (pts(4)), 24 lines high, with input as what is typed, and copies what the terminal shows to out.
func onTerminal(cmd *exec.Cmd, columns int, input string, out io.Writer) error {
	master, tty, err := openTerminal(columns)
	if err != nil {
		return err
	}
	defer master.Close()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	err = cmd.Start()
	tty.Close()
	if err != nil {
		return err
	}
	var shown lockedBuffer
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		_, _ = io.Copy(&shown, master) // ends with EIO when the last process has closed the terminal
	}()
	limit := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer limit.Stop()
	// A line is typed when the program has asked for it.
	asked := 0
	for line := range strings.Lines(input) {
		eventually(func() bool {
			text := shown.String()
			select {
			case <-copied:
				return true
			default:
				return len(text) > asked && strings.HasSuffix(text, " ")
			}
		})
		asked = len(shown.String())
		if _, err := io.WriteString(master, line); err != nil {
			break // it has ended
		}
	}
	<-copied
	err = cmd.Wait()
	_, _ = io.WriteString(out, shown.String())
	return err
}

func openTerminal(columns int) (master, tty *os.File, err error) {
	master, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			master.Close()
		}
	}()
	raw, err := master.SyscallConn()
	if err != nil {
		return nil, nil, err
	}
	var number int
	var inner error
	err = raw.Control(func(fd uintptr) {
		if number, inner = unix.IoctlGetInt(int(fd), unix.TIOCGPTN); inner != nil {
			return
		}
		if inner = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); inner != nil {
			return
		}
		inner = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: uint16(columns)})
	})
	if err = errors.Join(err, inner); err != nil {
		return nil, nil, err
	}
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	return master, tty, err
}

// screen is what a terminal shows after output: the escapes that mpb uses are clearing lines and going up. It is not for
// other escapes; those stay visible, so that a test sees them.
func screen(output string) string {
	var lines []string
	at := 0
	for i, line := range strings.Split(output, "\n") {
		if i > 0 {
			at++
		}
		line = strings.ReplaceAll(line, "\r", "")
		for {
			up := goUp.FindStringSubmatchIndex(line)
			if up == nil {
				break
			}
			n := 0
			fmt.Sscan(line[up[2]:up[3]], &n)
			at = max(at-n, 0)
			lines = lines[:min(at, len(lines))]
			line = line[up[1]:]
		}
		for len(lines) <= at {
			lines = append(lines, "")
		}
		lines[at] += line
	}
	return strings.Join(lines, "\n")
}

var goUp = regexp.MustCompile(`\x1b\[(\d+)A(?:\x1b\[J)?`)
