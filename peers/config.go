package peers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/protocol"
)

// ServeConfig is a Server as a process.
type ServeConfig struct {
	Listen  string           `json:"listen"` // host:port, host or :port; zero ":12345"
	Dir     string           `json:"dir"`    // the folder served; zero "."
	Dialect protocol.Dialect `json:"dialect,omitempty"`
	Model   Model            `json:"model,omitempty"`
	Buffer  int              `json:"buffer,omitempty"`
	Socket  SocketOptions    `json:"socket,omitzero"`
	Limits  Limits           `json:"limits,omitzero"`
	// Verbose logs requests too, not only what was served.
	Verbose bool `json:"verbose,omitempty"`
}

// GetConfig is a Client as a process.
type GetConfig struct {
	Server  string           `json:"server"` // host or host:port; without a port 12345
	Names   []string         `json:"names"`
	Dir     string           `json:"dir"` // where the files go; zero "."
	Dialect protocol.Dialect `json:"dialect,omitempty"`
	Mode    Mode             `json:"mode,omitempty"`
	Buffer  int              `json:"buffer,omitempty"`
	Socket  SocketOptions    `json:"socket,omitzero"`
	Limits  Limits           `json:"limits,omitzero"`
	Resume  bool             `json:"resume,omitempty"`
	// Connect is the longest time that connection set-up may take. Zero is 30 s.
	Connect time.Duration `json:"connect,omitempty"`
	// StartDelay is waited before the first connection.
	StartDelay time.Duration `json:"start_delay,omitempty"`
	// StartAt, if set, is the time of the first connection, instead of StartDelay:
	// it leaves out how long the process took to start.
	StartAt time.Time `json:"start_at,omitzero"`
	// Progress as in Client. It does not travel to a process.
	Progress func(name string, done, total int64) `json:"-"`
}

// withPort adds the default port to an address without one.
func withPort(address string) string {
	if _, _, err := net.SplitHostPort(address); err == nil {
		return address
	}
	host := strings.TrimSuffix(strings.TrimPrefix(address, "["), "]")
	return net.JoinHostPort(host, strconv.Itoa(protocol.DefaultPort))
}

// server makes the Server and opens its folder, which the caller closes.
func (cfg ServeConfig) server(log io.Writer) (*Server, *os.Root, error) {
	dir := cfg.Dir
	if dir == "" {
		dir = "."
	}
	// A Root: a symbolic link in the folder cannot lead out of it.
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("serve: %w: choose a folder that can be read", err)
	}
	s := &Server{Files: root.FS(), Dialect: cfg.Dialect, Model: cfg.Model, Buffer: cfg.Buffer, Socket: cfg.Socket, Limits: cfg.Limits}
	if log != nil {
		level := slog.LevelInfo
		if cfg.Verbose {
			level = slog.LevelDebug
		}
		s.Log = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: level}))
	}
	return s, root, nil
}

// RunServe listens and serves until ctx is done. The log is slog text; nil
// discards it. In the fork model the program must call Main first.
func RunServe(ctx context.Context, cfg ServeConfig, log io.Writer) error {
	_, err := runServe(ctx, cfg, log)
	return err
}

func runServe(ctx context.Context, cfg ServeConfig, log io.Writer) (Stats, error) {
	if log != nil {
		log = oneAtATime(log)
	}
	s, root, err := cfg.server(log)
	if err != nil {
		return Stats{}, err
	}
	defer root.Close()
	if err := s.check(); err != nil {
		return Stats{}, err
	}
	if cfg.Model == Fork {
		command := ForkCommand(cfg)
		s.Command = func(conn *os.File) (*exec.Cmd, error) {
			cmd, err := command(conn)
			if err == nil {
				cmd.Stderr = log
			}
			return cmd, err
		}
	}
	address := withPort(cfg.Listen)
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	switch {
	case err != nil && ctx.Err() != nil:
		return Stats{}, nil
	case errors.Is(err, unix.EADDRINUSE):
		return Stats{}, fmt.Errorf("serve: %w: another program has the port (ss -ltnp shows which): stop it or choose another port", err)
	case errors.Is(err, unix.EADDRNOTAVAIL):
		return Stats{}, fmt.Errorf("serve: %w: no interface has the address (ip address lists them): choose one of them or none", err)
	case errors.Is(err, unix.EACCES):
		return Stats{}, fmt.Errorf("serve: %w: choose a port from 1024 on, or run as root", err)
	case err != nil:
		return Stats{}, fmt.Errorf("serve: %w", err)
	}
	err = s.Serve(ctx, l)
	return s.Stats(), err
}

// oneAtATime keeps the lines of several writers apart. A file does so by itself,
// and can be handed to processes.
func oneAtATime(w io.Writer) io.Writer {
	if _, ok := w.(*os.File); ok {
		return w
	}
	return &lockedWriter{w: w}
}

type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// RunGet fetches the files of cfg.
func RunGet(ctx context.Context, cfg GetConfig) (Transfer, error) {
	address := withPort(cfg.Server)
	connect := cfg.Connect
	if connect <= 0 {
		connect = 30 * time.Second
	}
	c := &Client{
		Dial: func(ctx context.Context) (net.Conn, error) {
			conn, err := (&net.Dialer{Timeout: connect}).DialContext(ctx, "tcp", address)
			if errors.Is(err, unix.ECONNREFUSED) {
				err = fmt.Errorf("%w: no server listens there: start one (wireproof serve) or check address and port", err)
			}
			return conn, err
		},
		Dialect: cfg.Dialect, Mode: cfg.Mode, Buffer: cfg.Buffer, Socket: cfg.Socket, Limits: cfg.Limits,
		Dir: cfg.Dir, Resume: cfg.Resume, Progress: cfg.Progress,
	}
	delay := cfg.StartDelay
	if !cfg.StartAt.IsZero() {
		delay = time.Until(cfg.StartAt)
	}
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return Transfer{}, context.Cause(ctx)
		}
	}
	return c.Fetch(ctx, cfg.Names)
}
