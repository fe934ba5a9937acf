package peers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/wireproof/wireproof/protocol"
)

// Client fetches files into a folder. Set its fields before the first Fetch and
// not after it. Fetch is safe for concurrent use with different names.
type Client struct {
	Dial    func(ctx context.Context) (net.Conn, error)
	Dialect protocol.Dialect // zero: protocol.Stream
	Mode    Mode             // zero: Persistent
	// Buffer is the lockstep dialect's chunk, which must be the server's too, and
	// the stream dialect's unit of reading, in bytes. Zero: 1024 for lockstep; for
	// stream, splice.
	Buffer int
	Socket SocketOptions
	Limits Limits
	// Dir is where the files go; it is made where it is missing. A file is written
	// as .NAME.part and renamed to NAME once it is whole. Zero is the working
	// directory.
	Dir string
	// Resume continues at the end of a .NAME.part that an earlier stream transfer
	// left. The lockstep dialect cannot, and starts anew.
	Resume bool
	// Progress, if set, is told of each file's progress, a few times a second, at
	// its start (done is what a resumed transfer has already) and at its end.
	// total is -1 where the dialect does not tell it. Calls for
	// one connection come one after the other.
	Progress func(name string, done, total int64)
}

// Fetch fetches the named files. Files that fail do not keep the others from
// being fetched where the connection survives; the error joins all failures, and the
// Transfer is filled in as far as things went.
//
// A broken stream transfer leaves its .part for Resume; a broken lockstep
// transfer, which cannot be resumed, and one whose digest disagrees leave nothing.
func (c *Client) Fetch(ctx context.Context, names []string) (Transfer, error) {
	mode, dialect := c.Mode, c.Dialect
	if mode == "" {
		mode = Persistent
	}
	if dialect == "" {
		dialect = protocol.Stream
	}
	t := Transfer{Dialect: string(dialect), Mode: string(mode), Files: make([]FileResult, len(names))}
	if err := c.check(mode, dialect, names); err != nil {
		return t, err
	}
	var jobs, good []*job
	for i, name := range names {
		t.Files[i].Name = name
		j := &job{name: name, file: &t.Files[i]}
		jobs = append(jobs, j)
		if err := protocol.CheckName(name); err != nil {
			j.fail(err)
		} else {
			good = append(good, j)
		}
	}
	begun := time.Now()
	switch {
	case len(good) == 0:
	case mode == Persistent:
		c.connection(ctx, &t, dialect, good)
	case mode == NonPersistent:
		for _, j := range good {
			c.connection(ctx, &t, dialect, []*job{j})
		}
	case mode == Concurrent:
		c.concurrently(ctx, &t, dialect, good)
	}
	t.total(begun)
	var errs []error
	for _, j := range jobs {
		if j.err != nil {
			j.file.Error = j.err.Error()
			errs = append(errs, fmt.Errorf("fetch %q: %w", j.name, j.err))
		}
	}
	return t, errors.Join(errs...)
}

func (c *Client) check(mode Mode, dialect protocol.Dialect, names []string) error {
	if len(names) == 0 {
		return errors.New("no files asked for: name at least one")
	}
	if c.Dial == nil {
		return errors.New("client: no way to connect: set Dial")
	}
	if err := checkBuffer(c.Buffer); err != nil {
		return fmt.Errorf("client: %w", err)
	}
	if _, err := ParseMode(string(mode)); err != nil {
		return err
	}
	if _, err := protocol.ParseDialect(string(dialect)); err != nil {
		return fmt.Errorf("client: %w", err)
	}
	if err := c.Socket.check(); err != nil {
		return fmt.Errorf("client: %w", err)
	}
	if c.Dir != "" {
		if err := os.MkdirAll(c.Dir, 0o755); err != nil {
			return fmt.Errorf("%w: choose a folder that you can write to", err)
		}
	}
	return nil
}

// concurrently fetches each job over a connection of its own, all at once.
func (c *Client) concurrently(ctx context.Context, t *Transfer, dialect protocol.Dialect, jobs []*job) {
	parts := make([]Transfer, len(jobs))
	var running sync.WaitGroup
	for i, j := range jobs {
		running.Go(func() { c.connection(ctx, &parts[i], dialect, []*job{j}) })
	}
	running.Wait()
	for _, p := range parts {
		if t.Client == "" {
			t.Client, t.Server = p.Client, p.Server
		}
		t.Connections += p.Connections
		t.ConnectSeconds = max(t.ConnectSeconds, p.ConnectSeconds)
	}
}

// connection fetches jobs over one connection and leaves each of them done.
func (c *Client) connection(ctx context.Context, t *Transfer, dialect protocol.Dialect, jobs []*job) {
	err := func() error {
		begun := time.Now()
		conn, err := c.Dial(ctx)
		if err != nil {
			return err
		}
		t.ConnectSeconds += time.Since(begun).Seconds()
		t.Connections++
		local := conn.LocalAddr().String()
		if t.Client == "" {
			t.Client, t.Server = local, conn.RemoteAddr().String()
		}
		l, err := newLink(ctx, conn, c.Socket, c.Limits.resolved(clientHeader))
		if err != nil {
			return err
		}
		defer l.Close()
		for _, j := range jobs {
			j.file.Client = local
		}
		if dialect == protocol.Lockstep {
			return c.fetchLockstep(l, jobs)
		}
		return c.fetchStream(l, jobs)
	}()
	// The first job that is not done is the one the connection failed at.
	first := true
	for _, j := range jobs {
		switch {
		case j.done:
		case err == nil:
			j.fail(errors.New("not received"))
		case first:
			j.fail(err)
			first = false
		default:
			j.fail(fmt.Errorf("not received, since the connection ended: %w", err))
		}
	}
}

// FetchAll runs clients at once, the i-th for names[i], and returns their
// transfers in that order, with their errors joined.
func FetchAll(ctx context.Context, clients []*Client, names [][]string) ([]Transfer, error) {
	if len(clients) != len(names) {
		return nil, fmt.Errorf("fetch: %d clients and %d lists of names: give each client one", len(clients), len(names))
	}
	transfers := make([]Transfer, len(clients))
	errs := make([]error, len(clients))
	var running sync.WaitGroup
	for i, c := range clients {
		running.Go(func() { transfers[i], errs[i] = c.Fetch(ctx, names[i]) })
	}
	running.Wait()
	return transfers, errors.Join(errs...)
}
