package scenarios

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/wireproof/wireproof/harness/capture"
	"github.com/wireproof/wireproof/harness/topo"
)

// A nodeCapture is the capture at one interface.
type nodeCapture struct {
	node, ifname, path string
	server             bool // of a server, where each of its connections passes exactly once
	file               *os.File
	capture            *capture.Capture
	stats              capture.Stats
	problem            error               // what the capture itself reported at its end
	comments           map[uint64][]string // of its packets, nil while nobody has looked
}

// startCaptures captures at each server's own interface, and at both ends of every link that does more than limit a rate;
// at every interface there is where that was asked for.
func (r *run) startCaptures(ctx context.Context) error {
	want := map[string]bool{} // interface name: of a server
	interfaces := r.scenario.Topo.Interfaces()
	for i, l := range r.scenario.Topo.Links {
		if impaired(l) {
			want[interfaces[2*i].Name], want[interfaces[2*i+1].Name] = false, false
		}
	}
	for _, server := range r.scenario.Servers {
		want[r.network.Host(server).Interface()] = true
	}
	for _, i := range interfaces {
		server, needed := want[i.Name]
		if !needed && !r.options.CaptureAll {
			continue
		}
		o := r.ringFor(i.Node, server)
		if !needed {
			o.RingBytes = min(o.RingBytes, extraRings/len(interfaces))
		}
		c, err := r.startCapture(ctx, i, "", o)
		if err != nil {
			return err
		}
		c.server = server
		r.captures = append(r.captures, c)
	}
	return nil
}

// impaired says whether a link is asked for more than rates.
func impaired(l topo.Link) bool {
	return !l.AB.Equal(topo.LinkParams{Rate: l.AB.Rate}) || !l.BA.Equal(topo.LinkParams{Rate: l.BA.Rate})
}

// The ring is sized to the work: where the machine is so busy that its reader comes late, all that a server sends waits in
// the ring and nothing is lost. It is memory that cannot be swapped, so there is a limit.
const (
	smallestRing = 16 << 20
	largestRing  = 256 << 20
	// extraRings is for all interfaces together that are captured and that no verdict needs.
	extraRings = 256 << 20
)

// retire is how long the kernel keeps a block of the ring that does not fill, so that even the smallest ring of 64 blocks
// bears a reader that waits for the disk for 2.5 s. At 10 ms, 6 of 136 runs of the cookbook lost packets while another
// program wrote gigabytes.
const retire = 40 * time.Millisecond

// ringFor is the ring that holds everything one server will send, and half as much again for headers and for the
// acknowledgements that come back: the lockstep dialect's small frames take 1.35 times their content. Elsewhere than at a
// server less passes at a time.
//
// Where nothing is sent twice, and all that will ever pass is little, a ring for all of it is smaller than the smallest: 64
// blocks more let its reader be late for as long as there. It costs 1 ms of processor time where that one costs 3.
func (r *run) ringFor(node string, server bool) capture.Options {
	var content, all int64
	for _, f := range r.fetches {
		size := r.options.Corpus.size(f.Novels)
		all += size
		if f.Server == node {
			content += size
		}
	}
	if server {
		all = content
	} else {
		content = 0
	}
	whole := all + all/2 + 64*smallBlock
	if whole < smallestRing && r.options.Backend != Mininet && nothingTwice(r.scenario.Topo) {
		return capture.Options{RingBytes: int(whole), BlockBytes: smallBlock}
	}
	return capture.Options{RingBytes: int(min(max(content+content/2, smallestRing), largestRing))}
}

// smallBlock is the block of a ring for little: it has room for 40 frames of a link without offloads.
const smallBlock = 64 << 10

// nothingTwice says that no link loses or doubles packets, but where a queue overflows.
func nothingTwice(t topo.Topo) bool {
	return !slices.ContainsFunc(t.Links, func(l topo.Link) bool {
		return !l.AB.Equal(topo.LinkParams{Rate: l.AB.Rate, Delay: l.AB.Delay}) || !l.BA.Equal(topo.LinkParams{Rate: l.BA.Rate, Delay: l.BA.Delay})
	})
}

// startCapture captures at an interface, into NODE-ethN.pcapng with a suffix before the extension.
func (r *run) startCapture(ctx context.Context, i topo.Interface, suffix string, o capture.Options) (*nodeCapture, error) {
	c := &nodeCapture{node: i.Node, ifname: i.Name, path: filepath.Join(r.dir, i.Name+suffix+".pcapng")}
	file, err := os.Create(c.path)
	if err != nil {
		return nil, fmt.Errorf("capture at %s: %w", c.ifname, err)
	}
	o.Name, o.Retire = c.ifname, retire
	o.Description = fmt.Sprintf("%s of %s, towards %s", c.ifname, i.Node, i.Peer)
	o.Comment = r.sectionComment()
	c.capture, err = r.network.Capture(ctx, i.Name, file, o)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("capture at %s: %w", c.ifname, err), file.Close())
	}
	c.file = file
	return c, nil
}

// stop ends the capture with its barrier; the file is complete then. It takes its own time, a minute and what the link
// delays at the most, since a capture has to be ended in good order when the run was cut short, too.
func (c *nodeCapture) stop() {
	c.stats, c.problem = c.capture.Stop(context.Background())
	c.problem = errors.Join(c.problem, c.file.Close())
}

// incomplete says why the capture may lack something, "" where it does not.
func (c *nodeCapture) incomplete() string {
	switch {
	case c.problem != nil:
		return c.problem.Error()
	case !c.stats.Complete:
		return c.stats.Reason
	}
	return ""
}

func (r *run) stopCaptures() {
	for _, c := range r.captures {
		c.stop()
		r.describeCapture(c)
	}
}

func (r *run) describeCapture(c *nodeCapture) {
	r.report.Captures = append(r.report.Captures, Capture{
		Host: c.node, Interface: c.ifname, Path: shorter(c.path), Packets: c.stats.Packets, Dropped: c.stats.Dropped, Problem: c.incomplete(),
	})
}

// captureAt is the capture at an interface, nil where there is none.
func (r *run) captureAt(ifname string) *nodeCapture {
	for _, c := range r.captures {
		if c.ifname == ifname {
			return c
		}
	}
	return nil
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
