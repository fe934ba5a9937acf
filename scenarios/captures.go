package scenarios

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/wireproof/wireproof/harness/capture"
	"github.com/wireproof/wireproof/harness/capture/pcapng"
	"github.com/wireproof/wireproof/protocol"
)

// A hostCapture is the capture at one server's interface.
type hostCapture struct {
	host, ifname, path string
	file               *os.File
	capture            *capture.Capture
	stats              capture.Stats
	problem            error // what the capture itself reported at its end
}

// startCaptures captures at each server's own interface, where each connection passes exactly once.
func (r *run) startCaptures(ctx context.Context) error {
	for _, server := range r.scenario.Servers {
		c, err := r.startCapture(ctx, server, "", capture.Options{RingBytes: r.ringFor(server)})
		if err != nil {
			return err
		}
		r.captures = append(r.captures, c)
	}
	return nil
}

// The ring is sized to the work: where the machine is so busy that its reader comes late, all that a server sends waits in
// the ring and nothing is lost. It is memory that cannot be swapped, so there is a limit.
const (
	smallestRing = 16 << 20
	largestRing  = 256 << 20
)

// ringFor is the size of the ring that holds everything one server will send, and half as much again for headers and for
// the acknowledgements that come back. The lockstep dialect's small frames take several times their content.
func (r *run) ringFor(server string) int {
	var content int64
	for _, f := range r.fetches {
		if f.Server == server {
			content += r.options.Corpus.size(f.Novels)
		}
	}
	if r.scenario.Dialect == protocol.Lockstep {
		content *= 2
	}
	return int(min(max(content+content/2, smallestRing), largestRing))
}

// startCapture captures at the first interface of a host, into HOST-eth0.pcapng with a suffix before the extension.
func (r *run) startCapture(ctx context.Context, host, suffix string, o capture.Options) (*hostCapture, error) {
	h := r.network.Host(host)
	c := &hostCapture{host: host, ifname: h.Interface()}
	c.path = filepath.Join(r.dir, c.ifname+suffix+".pcapng")
	file, err := os.Create(c.path)
	if err != nil {
		return nil, fmt.Errorf("capture at %s: %w", c.ifname, err)
	}
	o.Name = c.ifname
	o.Description = fmt.Sprintf("%s of host %s, %s", c.ifname, host, h.Addr())
	o.Comment = fmt.Sprintf("wireproof %s, topology %s", r.scenario.Name(), r.scenario.Topo.Name)
	for _, host := range r.scenario.Topo.Hosts {
		o.Names = append(o.Names, pcapng.Name{Addr: r.network.Host(host.Name).Addr(), Names: []string{host.Name}})
	}
	c.capture, err = h.Capture(ctx, "", file, o)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("capture at %s: %w", c.ifname, err), file.Close())
	}
	c.file = file
	return c, nil
}

// stop ends the capture with its barrier; the file is complete then. It takes its own time, since a capture has to be
// ended in good order when the run was cut short, too.
func (c *hostCapture) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	c.stats, c.problem = c.capture.Stop(ctx)
	c.problem = errors.Join(c.problem, c.file.Close())
}

func (r *run) stopCaptures() error {
	for _, c := range r.captures {
		c.stop()
		r.describeCapture(c)
	}
	return nil
}

func (r *run) describeCapture(c *hostCapture) {
	r.report.Captures = append(r.report.Captures, Capture{
		Host: c.host, Interface: c.ifname, Path: shorter(c.path), Packets: c.stats.Packets, Dropped: c.stats.Dropped,
	})
}

// shorter is a path as seen from the working directory, where it lies below it.
func shorter(path string) string {
	if wd, err := os.Getwd(); err == nil {
		if relative, err := filepath.Rel(wd, path); err == nil && filepath.IsLocal(relative) {
			return relative
		}
	}
	return path
}
