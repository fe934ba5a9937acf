package peers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/wireproof/wireproof/protocol"
)

// Server serves the files in the root of Files. Set its fields before the first
// call of a method and not after it. The methods are safe for concurrent use.
type Server struct {
	Files   fs.FS            // what is served; files that are *os.File go out fastest
	Dialect protocol.Dialect // zero: protocol.Stream
	Model   Model            // zero: Sequential
	// Buffer is the lockstep dialect's chunk and the stream dialect's unit of
	// reading and writing, in bytes. Zero: 1024 for lockstep; for stream, what is fastest.
	Buffer int
	Socket SocketOptions
	Limits Limits
	Log    *slog.Logger // zero: nothing is logged
	// Command makes the fork model's process for a connection. It must hand conn
	// over as its ExtraFiles[0], file descriptor 3; Serve adds one more file, a pipe
	// that ends when the server does. See ForkCommand.
	Command func(conn *os.File) (*exec.Cmd, error)

	digests                                digestCache
	accepted, active, failed, files, bytes atomic.Int64
}

// Serve accepts connections on l and serves them until ctx is done; then it
// closes l, cuts the connections that are still open, waits for all that it
// started, and returns nil. Any other end is an error.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	defer l.Close()
	if err := s.check(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { l.Close() })()

	var handle func(net.Conn) // returns when the connection is done
	switch s.Model {
	case "", Sequential, Thread:
		handle = func(c net.Conn) { s.ServeConn(ctx, c) }
	case Fork:
		f, err := s.newForker()
		if err != nil {
			return err
		}
		defer f.close()
		handle = func(c net.Conn) { f.handle(ctx, c) }
	}
	room := make(chan struct{}, s.Limits.resolved(serverHeader).MaxConns)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()

	log := s.log()
	log.Info("serving", "listen", l.Addr().String(), "model", s.model(), "dialect", s.dialect(), "pid", os.Getpid())
	defer func() {
		log.Info("ended", "accepted", s.accepted.Load(), "files", s.files.Load(), "bytes", s.bytes.Load())
	}()
	for pause := time.Duration(0); ; {
		select {
		case room <- struct{}{}: // beyond this many, connections wait in the backlog
		case <-ctx.Done():
			return nil
		}
		conn, err := l.Accept()
		switch {
		case err == nil:
			pause = 0
		case ctx.Err() != nil:
			return nil
		case passing(err):
			<-room
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			log.Warn("accept", "err", err, "again_in", pause)
			select {
			case <-time.After(pause):
			case <-ctx.Done():
			}
			continue
		default:
			return fmt.Errorf("accept on %s: %w", l.Addr(), err)
		}
		s.accepted.Add(1)
		serve := func() {
			defer func() { <-room }()
			handle(conn)
		}
		if s.model() == Sequential {
			serve()
		} else {
			running.Go(serve)
		}
	}
}

// passing says whether Accept may succeed later: the machine is short of
// something, or the client left before it was accepted.
func passing(err error) bool {
	for _, e := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED, syscall.EPROTO} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// ServeConn serves one connection to its end and closes it. It returns nil when
// the client ended the connection between two requests.
func (s *Server) ServeConn(ctx context.Context, conn net.Conn) error {
	s.active.Add(1)
	defer s.active.Add(-1)
	log := s.log().With("client", conn.RemoteAddr().String())
	log.Info("connected")
	begun := time.Now()
	l, err := newLink(ctx, conn, s.Socket, s.Limits.resolved(serverHeader))
	if err == nil {
		if s.dialect() == protocol.Lockstep {
			err = s.serveLockstep(l, log)
		} else {
			err = s.serveStream(l, log)
		}
		l.Close()
	}
	log = log.With("seconds", time.Since(begun).Seconds())
	if err != nil {
		s.failed.Add(1)
		log.Warn("cut", "err", err)
		return fmt.Errorf("serve %s: %w", conn.RemoteAddr(), err)
	}
	log.Info("closed")
	return nil
}

// Stats returns the counts so far.
func (s *Server) Stats() Stats {
	return Stats{
		Accepted: s.accepted.Load(),
		Active:   s.active.Load(),
		Failed:   s.failed.Load(),
		Files:    s.files.Load(),
		Bytes:    s.bytes.Load(),
	}
}

func (s *Server) check() error {
	if s.Files == nil {
		return errors.New("server: no files: set Files")
	}
	if _, err := protocol.ParseDialect(string(s.Dialect)); err != nil {
		return fmt.Errorf("server: %w", err)
	}
	if _, err := ParseModel(string(s.model())); err != nil {
		return err
	}
	if err := checkBuffer(s.Buffer); err != nil {
		return fmt.Errorf("server: %w", err)
	}
	if err := s.Socket.check(); err != nil {
		return fmt.Errorf("server: %w", err)
	}
	return nil
}

func (s *Server) model() Model {
	if s.Model == "" {
		return Sequential
	}
	return s.Model
}

func (s *Server) dialect() protocol.Dialect {
	if s.Dialect == "" {
		return protocol.Stream
	}
	return s.Dialect
}

func (s *Server) log() *slog.Logger {
	if s.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Log
}
