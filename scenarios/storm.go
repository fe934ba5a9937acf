package scenarios

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/wireproof/wireproof/harness/capture"
	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/harness/frames"
	"github.com/wireproof/wireproof/harness/topo"
)

// The storm of part m: without a spanning tree one ARP request goes round the loop s1 - s2 - s3 for ever, in both
// directions, and every switch sends every copy to every host. It is let loose for a second, counted at S, and ended by
// cutting the loop.

const (
	stormSeconds = time.Second // how long it may rage
	stormSnap    = 64          // bytes kept of each frame: an ARP request is 42 bytes and padded to 60
	// stormProof is how many copies of one request make a storm. Retries of an unanswered request stay below ten
	// (net.ipv4.neigh.default.mcast_solicit is 3), so a hundred can only come from the loop.
	stormProof = 100
)

// stormEvidence is what the storm left.
type stormEvidence struct {
	seconds   float64 // from the first packet to the cut
	copies    int     // of the ARP request that was copied most
	frames    int     // all frames in the capture
	dropped   uint64  // frames that the ring had no room for: they make the storm larger, not smaller
	calm      float64 // seconds from the cut until nothing moved any more
	calmError error
}

// storm starts a broadcast storm, lets it rage for its second, cuts the loop, and waits until it is over.
func (r *run) storm(ctx context.Context) (*stormEvidence, error) {
	client, server := r.fetches[0].Client, r.fetches[0].Server
	c, err := r.startCapture(ctx, r.firstInterface(server), "-storm", capture.Options{SnapLen: stormSnap})
	if err != nil {
		return nil, err
	}
	e := &stormEvidence{}
	began := time.Now()
	spark := func() error {
		raging, cancel := context.WithTimeout(ctx, stormSeconds)
		defer cancel()
		// The address is resolved by a broadcast, and that is the spark. Nothing listens on the discard port.
		conn, err := r.network.Host(client).Dial(raging, "tcp", server+":9")
		if err == nil {
			conn.Close()
		}
		<-raging.Done()
		return ctx.Err()
	}
	err = spark()
	e.seconds = time.Since(began).Seconds()
	cut := r.network.Link("s2", "s3")
	if err == nil {
		err = cut.Down(ctx)
	}
	if err == nil {
		cutAt := time.Now()
		e.calmError = r.waitCalm(ctx, server)
		e.calm = time.Since(cutAt).Seconds()
		if e.calmError == nil {
			e.calmError = r.waitUsable(ctx, client, server)
		}
	}
	c.stop()
	r.describeCapture(c)
	if err != nil {
		return nil, fmt.Errorf("storm: %w", err)
	}
	e.dropped = c.stats.Dropped
	if e.copies, e.frames, err = countCopies(c.path); err != nil {
		return nil, fmt.Errorf("storm: %w", err)
	}
	return e, nil
}

// firstInterface is a host's first.
func (r *run) firstInterface(host string) topo.Interface {
	all := r.scenario.Topo.Interfaces()
	return all[slices.IndexFunc(all, func(i topo.Interface) bool { return i.Node == host })]
}

// waitCalm waits until the server's link has carried nothing for a while.
func (r *run) waitCalm(ctx context.Context, server string) error {
	const still = 100 * time.Millisecond
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	tick := time.NewTicker(still)
	defer tick.Stop()
	link := r.network.Link(server, "s1")
	var last uint64
	for {
		stats, err := link.Stats()
		if err != nil {
			return err
		}
		if last != 0 && stats.A.RxPackets == last {
			return nil
		}
		last = stats.A.RxPackets
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("frames still come after the loop was cut: %w", ctx.Err())
		}
	}
}

// waitUsable waits until the client reaches the server again. The address that the storm kept from being resolved fails for
// up to 3 s after its first request (net.ipv4.neigh.default.mcast_solicit), and takes new connections down with it.
func (r *run) waitUsable(ctx context.Context, client, server string) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := r.network.Host(client).Dial(ctx, "tcp", server+":9")
		if err == nil {
			return conn.Close()
		}
		if errors.Is(err, syscall.ECONNREFUSED) {
			return nil // by the server's host, which is all that was asked
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%s does not reach %s after the loop was cut: %w", client, server, err)
		}
	}
}

// checks judges the evidence.
func (e *stormEvidence) checks() []flow.Check {
	detail := fmt.Sprintf("%d copies of one ARP request in %.2f s, %d frames in all, %d more than the ring could take", e.copies, e.seconds, e.frames, e.dropped)
	storm := flow.Check{Name: "storm", Verdict: flow.Pass, Detail: detail}
	if e.copies < stormProof {
		storm.Verdict = flow.Inconclusive
		storm.Detail = fmt.Sprintf("there was no storm to be cured: %s; at least %d copies were expected", detail, stormProof)
	}
	calm := flow.Check{Name: "calm", Verdict: flow.Pass, Detail: fmt.Sprintf("%.1f s after the loop was cut nothing moved any more", e.calm)}
	if e.calmError != nil {
		calm.Verdict, calm.Detail = flow.Fail, e.calmError.Error()
	}
	return []flow.Check{storm, calm}
}

// countCopies counts the frames of a capture, and the copies of the ARP request that is there most often.
func countCopies(path string) (copies, count int, err error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer file.Close()
	requests := map[frames.ARPRequest]int{}
	for frame, err := range frames.Read(file) {
		if err != nil {
			return 0, 0, fmt.Errorf("%s: after frame %d: %w", path, count, err)
		}
		count++
		if request, ok := frame.ARPRequest(); ok {
			requests[request]++
			copies = max(copies, requests[request])
		}
	}
	return copies, count, nil
}
