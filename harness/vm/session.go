package vm

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A session is a guest that is up, seen from Run.
type session struct {
	o        Options
	keeper   *keeper
	line     *frameWriter // towards the guest
	in, out  *os.File     // the serial line
	log      *tail
	logEnded chan struct{}
	terminal *hostTerminal
}

// An event is what the guest's end of the line said last.
type event struct {
	kind   kind
	status int
	text   string
	err    error
}

func startSession(o Options, c config, work, memory string, xstate int) (_ *session, err error) {
	var files []*os.File // linux.uml's
	var ours []*os.File
	defer func() {
		closeAll(files)
		if err != nil {
			closeAll(ours)
		}
	}()
	pipe := func() (r, w *os.File) {
		if err == nil {
			r, w, err = os.Pipe()
		}
		return r, w
	}
	inR, inW := pipe()
	outR, outW := pipe()
	logR, logW := pipe()
	ours, files = []*os.File{inW, outR, logR}, []*os.File{inR, outW, logW}
	if err != nil {
		return nil, err
	}
	shim, err := shimFile(xstate)
	if err != nil {
		return nil, err
	}
	files = append(files, shim)
	env := []string{"PATH=/usr/bin:/bin", "HOME=" + work, "TMPDIR=" + memory, fmt.Sprintf("LD_PRELOAD=/proc/self/fd/%d", fdShim)}
	s := &session{o: o, line: &frameWriter{w: inW}, in: inW, out: outR, log: &tail{more: o.Log}, logEnded: make(chan struct{})}
	if s.keeper, err = startKeeper(work, append([]string{o.Kernel}, kernelArguments(work, o.Memory)...), env, files, o.plain); err != nil {
		return nil, err
	}
	go func() {
		_, _ = io.Copy(s.log, logR)
		logR.Close()
		close(s.logEnded)
	}()
	s.terminal = openHostTerminal(o.Stdin, c)
	return s, nil
}

// run passes on what goes in and out until the command ends, the guest dies, or the context's grace is over.
func (s *session) run(ctx context.Context) (result Result, err error) {
	events := make(chan event, 16)
	credit := make(chan int, 16)
	done := make(chan struct{})
	go s.receive(events, credit, done)
	defer func() {
		s.terminal.restore()
		stopErr := s.keeper.stop()
		<-s.logEnded
		close(done)
		s.in.Close()
		s.out.Close()
		result.OutOfMemory = s.log.outOfMemory()
		if err == nil {
			err = stopErr
		}
	}()

	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGWINCH)
	defer signal.Stop(signals)
	boot := time.NewTimer(bootLimit)
	defer boot.Stop()
	cancelled, grace := ctx.Done(), (<-chan time.Time)(nil)
	ready := false
	for {
		select {
		case e := <-events:
			switch e.kind {
			case kindReady:
				ready = true
				boot.Stop()
				go s.feed(credit, done)
				if ctx.Err() != nil {
					_ = s.line.write(kindSignal, []byte{byte(unix.SIGTERM)})
				}
			case kindExit:
				result.Status = e.status
				if ctx.Err() != nil {
					return result, context.Cause(ctx)
				}
				return result, nil
			case kindFailed:
				return result, fmt.Errorf("%s", e.text)
			default:
				if ctx.Err() != nil {
					return result, context.Cause(ctx)
				}
				return result, s.died(e.err)
			}
		case sig := <-signals:
			if sig == syscall.SIGWINCH {
				if body := s.terminal.window(); body != nil && ready {
					_ = s.line.write(kindWindow, body)
				}
			} else if ready {
				_ = s.line.write(kindSignal, []byte{byte(sig.(syscall.Signal))})
			}
		case <-cancelled:
			cancelled = nil
			limit := s.o.Grace
			if limit == 0 {
				limit = defaultGrace
			}
			if !ready {
				limit = 0 // there is no command yet that could end in good order
			} else {
				_ = s.line.write(kindSignal, []byte{byte(unix.SIGTERM)})
			}
			grace = time.After(limit)
		case <-grace:
			return result, context.Cause(ctx)
		case <-boot.C:
			return result, s.died(fmt.Errorf("no command was started in %v", bootLimit))
		}
	}
}

// receive takes frames from the guest. Output goes straight to where it belongs; the rest are events.
func (s *session) receive(events chan<- event, credit chan<- int, done <-chan struct{}) {
	outputs := map[kind]io.Writer{kindOutput: s.o.Stdout, kindError: s.o.Stderr}
	buf := make([]byte, frameMost)
	for {
		k, body, err := readFrame(s.out, buf)
		e := event{kind: k, err: err}
		switch {
		case err != nil:
			e.kind = 0
		case k == kindOutput || k == kindError:
			if to := outputs[k]; to != nil {
				if _, err := to.Write(body); err != nil {
					outputs[k] = nil // nobody reads it: what a program in a pipe learns by SIGPIPE
					_ = s.line.write(kindSignal, []byte{byte(unix.SIGPIPE)})
				}
			}
			continue
		case k == kindCredit && len(body) == 4:
			select {
			case credit <- int(binary.BigEndian.Uint32(body)):
			case <-done:
				return
			}
			continue
		case k == kindExit && len(body) == 1:
			e.status = int(body[0])
		case k == kindFailed:
			e.text = string(body)
		}
		select {
		case events <- e:
		case <-done:
			return
		}
		if e.kind == 0 || e.kind == kindExit || e.kind == kindFailed {
			return
		}
	}
}

// feed sends standard input, no more of it than the guest has given credit for.
func (s *session) feed(credit <-chan int, done <-chan struct{}) {
	window := inputWindow
	buf := make([]byte, frameMost)
	for s.o.Stdin != nil {
		for window <= frameHeader {
			select {
			case n := <-credit:
				window += n
			case <-done:
				return
			}
		}
		n, err := s.o.Stdin.Read(buf[:min(len(buf), window-frameHeader)])
		if n > 0 && s.line.write(kindInput, buf[:n]) != nil {
			return
		}
		window -= frameHeader + n
		if err != nil {
			break
		}
		for more := true; more; {
			select {
			case n := <-credit:
				window += n
			default:
				more = false
			}
		}
	}
	_ = s.line.write(kindInput, nil)
	for {
		select {
		case <-credit: // of nobody's interest any more, and not to be waited for
		case <-done:
			return
		}
	}
}

// died is the error of a guest that ended before its command, with the last that its kernel said.
func (s *session) died(err error) error {
	_ = s.keeper.life.Close()
	select {
	case <-s.logEnded:
	case <-time.After(time.Second):
	}
	if err == io.EOF {
		return fmt.Errorf("%w before the command did; its last words:\n%s", ErrBoot, s.log.last(20))
	}
	return fmt.Errorf("%w: %w; its kernel's last words:\n%s", ErrBoot, err, s.log.last(20))
}

// A tail keeps the end of what the guest's kernel prints.
type tail struct {
	more io.Writer // gets everything; nil: nobody does

	mu   sync.Mutex
	kept []byte
	oom  string
}

const tailKept = 64 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.more != nil {
		_, _ = t.more.Write(b)
	}
	if t.kept = append(t.kept, b...); len(t.kept) > 2*tailKept {
		t.note()
		t.kept = append(t.kept[:0], t.kept[len(t.kept)-tailKept:]...)
	}
	return len(b), nil
}

// note remembers what mm/oom_kill.c prints.
func (t *tail) note() {
	for line := range bytes.Lines(t.kept) {
		if t.oom == "" && bytes.Contains(line, []byte("ut of memory: Killed process")) {
			t.oom = strings.TrimSpace(string(line))
		}
	}
}

func (t *tail) outOfMemory() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.note()
	return t.oom
}

// last returns the last n lines.
func (t *tail) last(n int) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := strings.Split(strings.TrimRight(strings.ReplaceAll(string(t.kept), "\r", ""), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
