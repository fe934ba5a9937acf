package peers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// forker runs a process for each connection.
//
// Its processes die with the server in two ways. The kernel kills them when
// the thread that forked them ends (PR_SET_PDEATHSIG follows the thread, so one
// thread does all the forking, and lives as long as the server). And each of
// them reads a pipe whose other end only the server holds: when it ends, by
// whatever means, the pipe does.
type forker struct {
	s        *Server
	lifeline *os.File // the processes' end
	hold     *os.File // ours
	start    chan func()
	ended    chan struct{}
}

func (s *Server) newForker() (*forker, error) {
	if s.Command == nil {
		return nil, errors.New("server model fork: no command: set Command, as ForkCommand does")
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("server model fork: make a pipe: %w", err)
	}
	f := &forker{s: s, lifeline: r, hold: w, start: make(chan func()), ended: make(chan struct{})}
	go func() {
		defer close(f.ended)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		for start := range f.start {
			start()
		}
	}()
	return f, nil
}

func (f *forker) close() {
	close(f.start)
	<-f.ended
	f.hold.Close()
	f.lifeline.Close()
}

// handle hands conn to a new process and waits for it.
func (f *forker) handle(ctx context.Context, conn net.Conn) {
	log := f.s.log().With("client", conn.RemoteAddr().String())
	cmd, err := f.spawn(conn)
	conn.Close() // the process has its own
	if err != nil {
		f.s.failed.Add(1)
		log.Error("fork", "err", err)
		return
	}
	f.s.active.Add(1)
	defer f.s.active.Add(-1)
	log = log.With("child", cmd.Process.Pid)
	log.Info("forked")
	stop := context.AfterFunc(ctx, func() { cmd.Process.Kill() })
	err = cmd.Wait()
	stop()
	if err != nil {
		f.s.failed.Add(1)
		log.Log(context.Background(), slog.LevelWarn, "child ended", "err", err)
	}
}

func (f *forker) spawn(conn net.Conn) (*exec.Cmd, error) {
	fc, ok := conn.(interface{ File() (*os.File, error) })
	if !ok {
		return nil, fmt.Errorf("a %T has no file descriptor to hand over: use another server model", conn)
	}
	file, err := fc.File()
	if err != nil {
		return nil, fmt.Errorf("file descriptor of the connection: %w", err)
	}
	defer file.Close()
	cmd, err := f.s.Command(file)
	if err != nil {
		return nil, fmt.Errorf("make the command: %w", err)
	}
	cmd.ExtraFiles = append(cmd.ExtraFiles, f.lifeline)
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = new(syscall.SysProcAttr)
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	started := make(chan error, 1)
	f.start <- func() { started <- cmd.Start() }
	return cmd, <-started
}
