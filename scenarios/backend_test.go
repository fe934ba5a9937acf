package scenarios

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/harness/harnesstest"
	"github.com/wireproof/wireproof/mininet"
)

// child is the child of a process whose command line matches.
func child(t *testing.T, parent int, pattern string) int {
	t.Helper()
	out, err := exec.Command("pgrep", "-P", fmt.Sprint(parent), "-f", pattern).Output()
	var pid int
	if _, scan := fmt.Sscan(string(out), &pid); scan != nil {
		t.Fatalf("no process %s: %q, %v", pattern, out, err)
	}
	return pid
}

// A host of Mininet, or its driver, that dies in the midst of a transfer ends the run at once: INCONCLUSIVE, with the
// reason, and nothing stays.
func TestMininetDiesInTheMidst(t *testing.T) {
	harnesstest.Require(t, "root", "mininet")
	if Backend(*backend) == Mininet {
		t.Skip("this test has Mininet for itself")
	}
	for name, c := range map[string]struct {
		victim func() int
		want   string
	}{
		"host":   {func() int { return child(t, child(t, os.Getpid(), "wireproof-mininet$"), "mininet:h2$") }, "h2 of Mininet (process "},
		"driver": {func() int { return child(t, os.Getpid(), "wireproof-mininet$") }, "the driver of Mininet (process "},
	} {
		t.Run(name, func(t *testing.T) {
			harnesstest.NoLeaks(t)
			release, err := mininet.Acquire(t.Context(), true)
			if err != nil {
				t.Fatal(err)
			}
			defer release()
			s := selectAll(t, Params{Rate: 1_000_000}, "g")[0] // 21 s for a novel
			o := optionsFor(t)
			o.Backend = Mininet
			type outcome struct {
				report Report
				err    error
			}
			done := make(chan outcome, 1)
			go func() {
				r, err := Run(t.Context(), s, o)
				done <- outcome{r, err}
			}()
			log := filepath.Join(o.Dir(s), "client-h2.log")
			for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
				if _, err := os.Stat(log); err == nil {
					break
				}
				if time.Now().After(deadline) {
					t.Fatal("no client has started")
				}
			}
			syscall.Kill(c.victim(), syscall.SIGKILL)
			got := <-done
			if got.err != nil {
				t.Fatal(got.err)
			}
			wantVerdict(t, got.report, flow.Inconclusive)
			if d := got.report.Checks[0].Detail; !strings.Contains(d, c.want) || !strings.Contains(d, "has died: signal: killed") {
				t.Errorf("the report says %q, want %q", d, c.want)
			}
		})
	}
}
