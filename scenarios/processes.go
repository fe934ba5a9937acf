package scenarios

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/wireproof/wireproof/harness"
	"github.com/wireproof/wireproof/peers"
	"github.com/wireproof/wireproof/protocol"
)

// A process is a peer in its host. Its standard output is kept for the result, its standard error is its log.
type process struct {
	label  string
	cmd    *harness.Cmd
	stdout bytes.Buffer
	log    *os.File
	ended  chan struct{} // closed when err is set
	err    error
}

// start starts this program again on a host, in the role that env says.
func (r *run) start(ctx context.Context, host, label, env string) (*process, error) {
	log, err := os.Create(filepath.Join(r.dir, label+".log"))
	if err != nil {
		return nil, err
	}
	p := &process{label: label, log: log, ended: make(chan struct{})}
	p.cmd = r.network.Host(host).Command(ctx, r.options.Program)
	p.cmd.Env = append(os.Environ(), env)
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, log
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", label, err), log.Close())
	}
	go func() {
		p.err = errors.Join(p.cmd.Wait(), log.Close())
		close(p.ended)
	}()
	return p, nil
}

// lastLog returns the last line of the process's log, for an error message.
func (p *process) lastLog() string {
	b, err := os.ReadFile(p.log.Name())
	if err != nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return lines[len(lines)-1]
}

// startServers starts every server and returns once all of them listen.
func (r *run) startServers(ctx context.Context) error {
	s := r.scenario
	for _, host := range s.Servers {
		p, err := r.start(ctx, host, "server-"+host, peers.ServeEnv(peers.ServeConfig{
			Listen: ":" + strconv.Itoa(protocol.DefaultPort), Dir: r.options.Corpus.Dir,
			Dialect: s.Dialect, Model: s.Model, Buffer: s.Buffer, Socket: s.Socket,
		}))
		if err != nil {
			return err
		}
		r.servers = append(r.servers, p)
	}
	for i, host := range s.Servers {
		if err := r.listening(ctx, host, r.servers[i]); err != nil {
			return err
		}
	}
	return nil
}

// listening waits until the server listens, or has ended instead.
func (r *run) listening(ctx context.Context, host string, p *process) error {
	waitCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-p.ended:
			cancel()
		case <-stop:
		}
	}()
	err := r.network.Host(host).WaitListen(waitCtx, protocol.DefaultPort)
	select {
	case <-p.ended:
		return fmt.Errorf("%s ended before it listened: %s", p.label, p.lastLog())
	default:
		return err
	}
}

// stopServers ends the servers with SIGTERM, and with SIGKILL those that do not heed it.
func (r *run) stopServers() error {
	var errs []error
	for _, p := range r.servers {
		if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
			errs = append(errs, fmt.Errorf("stop %s: %w", p.label, err))
		}
	}
	deadline := time.NewTimer(stopTimeout)
	defer deadline.Stop()
	for _, p := range r.servers {
		select {
		case <-p.ended:
		case <-deadline.C:
			_ = p.cmd.Process.Kill()
			<-p.ended
			errs = append(errs, fmt.Errorf("stop %s: it did not end within %v of SIGTERM and was killed", p.label, stopTimeout))
		}
	}
	return errors.Join(errs...)
}

// A result is what came of one fetch.
type result struct {
	ran      bool
	transfer peers.Transfer
	failure  string // empty: the client says that it has everything
}

// runClients runs the steps, each client a process. What a client fails at is its result, not an error.
func (r *run) runClients(ctx context.Context) error {
	r.results = make([]result, len(r.fetches))
	next := 0
	for _, step := range r.scenario.Steps {
		// Client processes are started right away and hold their first connection until its time has come, so that
		// how long a process takes to start moves nothing.
		begin := time.Now()
		var all sync.WaitGroup
		errs := make([]error, len(step))
		for i, f := range step {
			n := next + i
			all.Go(func() { errs[i] = r.fetch(ctx, n, f, begin.Add(f.At)) })
		}
		all.Wait()
		if err := errors.Join(errs...); err != nil {
			return err
		}
		next += len(step)
	}
	return nil
}

// fetch runs the n-th client to its end.
func (r *run) fetch(ctx context.Context, n int, f Fetch, at time.Time) error {
	name := label(r.fetches, n)
	server, _ := r.scenario.Topo.HostAddr(f.Server)
	s := r.scenario
	p, err := r.start(ctx, f.Client, "client-"+name, peers.GetEnv(peers.GetConfig{
		Server: netip.AddrPortFrom(server, protocol.DefaultPort).String(), Names: r.options.Corpus.names(f.Novels),
		Dir: r.received(name), Dialect: s.Dialect, Mode: s.modeOf(f), Buffer: s.Buffer, Socket: s.Socket, StartAt: at,
	}))
	if err != nil {
		return err
	}
	<-p.ended
	var told peers.GetResult
	switch err := json.Unmarshal(p.stdout.Bytes(), &told); {
	case err == nil && told.Error != "":
		r.results[n] = result{ran: true, transfer: told.Transfer, failure: told.Error}
	case err == nil && p.err == nil:
		r.results[n] = result{ran: true, transfer: told.Transfer}
	default:
		r.results[n] = result{failure: fmt.Sprintf("ended with %v and no result; its log ends with %q", exitOf(p.err), p.lastLog())}
	}
	if failure := r.results[n].failure; failure != "" {
		r.look(fmt.Sprintf("client %s: %s", name, failure))
	}
	return nil
}

func exitOf(err error) string {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ProcessState.String()
	}
	if err != nil {
		return err.Error()
	}
	return "exit status 0"
}

// received is the folder of the files that a client got.
func (r *run) received(label string) string {
	return filepath.Join(r.dir, "received", label)
}
