package mininet_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness"
	"github.com/wireproof/wireproof/harness/harnesstest"
	"github.com/wireproof/wireproof/harness/topo"
	"github.com/wireproof/wireproof/mininet"
)

// BenchmarkUpAndDown brings a network up and takes it down, in our own namespaces and in real Mininet in turn, and reports both,
// and how many times longer Mininet takes. Of Mininet's only its own work counts: building, starting and stopping, not Python's start
// nor what Attach does. Memory is that of the processes, as far as it is theirs alone (PSS): our process 1 and what our program grew by,
// against Mininet's and its shells. Switches are Linux bridges on both sides.
func BenchmarkUpAndDown(b *testing.B) {
	named := func(name string, t topo.Topo) topo.Topo { t.Name = name; return t }
	for _, t := range []topo.Topo{
		named("e", topo.Single(6)), harnesstest.Tree(), named("j", topo.Linear(8, topo.LinkParams{Rate: 1000 * topo.Mbit})),
		named("tree-1024", topo.Tree(2, 32, topo.LinkParams{})),
	} {
		b.Run(t.Name, func(b *testing.B) {
			harnesstest.Require(b, "root", "mininet")
			var ours, theirs cost
			for b.Loop() {
				if err := ours.own(t); err != nil {
					b.Fatal(err)
				}
				if err := theirs.mininet(t); err != nil {
					b.Fatal(err)
				}
			}
			n := float64(b.N)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(ours.up*1e3/n, "up-ms")
			b.ReportMetric(theirs.up*1e3/n, "mininet-up-ms")
			b.ReportMetric(theirs.up/ours.up, "up-ratio")
			b.ReportMetric(ours.down*1e3/n, "down-ms")
			b.ReportMetric(theirs.down*1e3/n, "mininet-down-ms")
			b.ReportMetric(theirs.down/ours.down, "down-ratio")
			b.ReportMetric(ours.megabytes/n, "MB")
			b.ReportMetric(theirs.megabytes/n, "mininet-MB")
		})
	}
}

// A cost is the sum over several times.
type cost struct{ up, down, megabytes float64 }

func (c *cost) own(t topo.Topo) error {
	before := pss(os.Getpid())
	began := time.Now()
	n, err := harness.Start(context.Background(), t, nil)
	if err != nil {
		return err
	}
	c.up += time.Since(began).Seconds()
	c.megabytes += max(0, pss(os.Getpid())-before)
	began = time.Now()
	err = n.Close()
	c.down += time.Since(began).Seconds()
	return err
}

func (c *cost) mininet(t topo.Topo) error {
	n, err := mininet.Start(context.Background(), t, &mininet.Options{Switch: mininet.SwitchBridge})
	if err != nil {
		return err
	}
	c.up += n.Seconds()
	c.megabytes += pss(n.PID())
	err = n.Close()
	c.down += n.StopSeconds()
	return err
}

// pss is the memory of a process and its descendants in MB, of what several share the share of each.
func pss(pid int) float64 {
	sum := 0.0
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	for line := range bytes.Lines(text) {
		if kb, ok := strings.CutPrefix(string(line), "Pss:"); ok {
			n, _ := strconv.ParseFloat(strings.Fields(kb)[0], 64)
			sum += n * 1024 / 1e6
		}
	}
	tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	for _, task := range tasks {
		children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, task.Name()))
		for child := range strings.FieldsSeq(string(children)) {
			if n, err := strconv.Atoi(child); err == nil {
				sum += pss(n)
			}
		}
	}
	return sum
}
