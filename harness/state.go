package harness

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// stateCommands are asked of each host, in this order.
var stateCommands = []string{"ss -tina", "tc -s qdisc", "ip -s link", "ip neigh"}

// stateAtOnce is how many hosts are asked at a time.
const stateAtOnce = 8

// WriteState writes into dir what each host's kernel says at this moment, a file for each host ("h1.txt"): its TCP sockets
// with their counters (ss -tina), its queueing disciplines (tc -s qdisc), interfaces and neighbours; and links.txt, with the
// counters of each link's two ends, switches' among them. It is meant for when something has failed: hosts are asked at the
// same time, and what does not answer before ctx ends is said in its file. The error is that of writing; what could not
// be asked is no error.
func (n *Network) WriteState(ctx context.Context, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("state of %s: %w", n.topo.Name, err)
	}
	errs := make([]error, len(n.topo.Hosts)+1)
	var all sync.WaitGroup
	slots := make(chan struct{}, stateAtOnce)
	for i, h := range n.topo.Hosts {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			errs[i] = writeState(filepath.Join(dir, h.Name+".txt"), func(f *os.File) { n.hosts[h.Name].state(ctx, f) })
		})
	}
	errs[len(n.topo.Hosts)] = writeState(filepath.Join(dir, "links.txt"), func(f *os.File) { n.linkState(f) })
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("state of %s: %w", n.topo.Name, err)
	}
	return nil
}

func writeState(path string, write func(*os.File)) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	fmt.Fprintf(f, "# %s\n", time.Now().UTC().Format(time.RFC3339Nano))
	write(f)
	return f.Close()
}

// state asks a host. Programs write into the file themselves, so that what they said before they were ended is there.
func (h *Host) state(ctx context.Context, f *os.File) {
	for _, line := range stateCommands {
		fmt.Fprintf(f, "\n$ %s\n", line)
		words := strings.Fields(line)
		c := h.Command(ctx, words[0], words[1:]...)
		c.Stdout, c.Stderr = f, f
		if err := c.Run(); err != nil {
			if ctx.Err() != nil {
				err = fmt.Errorf("%w: it took too long", context.Cause(ctx))
			}
			fmt.Fprintf(f, "# no answer: %v\n", err)
		}
	}
}

// linkState writes what both ends of each link count.
func (n *Network) linkState(w io.Writer) {
	for _, name := range n.topo.LinkNames() {
		stats, err := n.NamedLink(name).Stats()
		if err != nil {
			fmt.Fprintf(w, "\n%s\n# no answer: %v\n", name, err)
			continue
		}
		fmt.Fprintf(w, "\n%s\n", name)
		if stats.Err != nil {
			fmt.Fprintf(w, "  %v\n", stats.Err)
		}
		for _, e := range []EndStats{stats.A, stats.B} {
			fmt.Fprintf(w, "  %s: sent %d packets, %d bytes, %d dropped, %d errors; received %d packets, %d bytes, %d dropped, %d errors\n",
				e.Interface, e.TxPackets, e.TxBytes, e.TxDropped, e.TxErrors, e.RxPackets, e.RxBytes, e.RxDropped, e.RxErrors)
			fmt.Fprintf(w, "    engine %s; qdisc %s: sent %d packets, %d bytes, dropped %d, overlimits %d, requeues %d, waiting %d packets, %d bytes\n",
				e.Engine, e.Qdisc.Kind, e.Qdisc.Packets, e.Qdisc.Bytes, e.Qdisc.Drops, e.Qdisc.Overlimits, e.Qdisc.Requeues, e.Qdisc.Queued, e.Qdisc.Backlog)
			if e.Wire.In > 0 {
				fmt.Fprintf(w, "    wire %+v\n", e.Wire)
			}
		}
	}
}
