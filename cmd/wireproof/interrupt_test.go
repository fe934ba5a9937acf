package main

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness/harnesstest"
)

// wireproof run, interrupted and killed at any moment: whatever was up is down afterwards.

// A strike is a run and the moment at which a signal hits it.
type strike struct {
	args  []string
	after time.Duration
	mark  mark
	out   string
}

// strikes returns n of them for one run, spread over its time by a seed that is logged.
func strikes(t *testing.T, n int, longest time.Duration, args ...string) []strike {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("run %s: seed %d", strings.Join(args, " "), seed)
	random := rand.New(rand.NewPCG(seed, 0))
	var all []strike
	for i := range n {
		// One in each nth of the time, so that early moments have as many as late ones.
		after := time.Duration((float64(i) + random.Float64()) / float64(n) * float64(longest))
		all = append(all, strike{args, after, newMark(), filepath.Join(t.TempDir(), "out")})
	}
	return all
}

// hit starts the run, and sends the signal when its time has come, to it alone. It returns the run, whether it was
// still there, and the network namespaces it had then.
func (s strike) hit(t *testing.T, signal os.Signal) (p *program, alive bool, namespaces map[string]bool, at time.Time) {
	t.Helper()
	cmd := exec.Command("wireproof", append([]string{"run", "--out", s.out}, s.args...)...)
	cmd.Env = append(os.Environ(), string(s.mark))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p = startProgram(t, cmd)
	select {
	case <-p.ended:
	case <-time.After(s.after):
		alive = true
	}
	namespaces = s.mark.namespaces()
	at = time.Now()
	if alive && p.cmd.Process.Signal(signal) != nil {
		alive = false
	}
	return p, alive, namespaces, at
}

// over is what a run says in which all scenarios had ended.
var over = regexp.MustCompile(`(?m)^[1-9][0-9]* PASS, 0 FAIL, 0 INCONCLUSIVE`)

// Ctrl-C: exit status 3, and a word.
func TestRunInterrupted(t *testing.T) {
	harnesstest.Require(t, "root")
	before := lookAround()
	all := strikes(t, 12, 1800*time.Millisecond, "k", "--variant", "A")
	all = append(all, strikes(t, 6, 6*time.Second, "m", "--variant", "A,storm")...)
	t.Run("at", func(t *testing.T) {
		for _, s := range all {
			t.Run(s.args[0]+"-"+s.after.String(), func(t *testing.T) {
				t.Parallel()
				p, alive, namespaces, at := s.hit(t, os.Interrupt)
				status := p.status(t)
				said := p.stderr.String()
				switch {
				case !alive && status == statusPass: // it was quicker
				case status == statusInconclusive && strings.Contains(said, "wireproof: interrupted: what had not ended is INCONCLUSIVE"):
					if strings.Contains(p.stdout.String(), "FAIL  ") {
						t.Errorf("an interruption is no failure:\n%s", p.stdout.String())
					}
				case status == -1 && said == "" && size(s.out) < 0: // before the program had its first instruction
				case status == statusPass && over.MatchString(p.stdout.String()): // it was over
				default:
					t.Errorf("exit status %d, want %d; it says %q and\n%s", status, statusInconclusive, said, p.stdout.String())
				}
				wantNothingLeft(t, s.mark, namespaces, at, before)
			})
		}
	})
}

// SIGKILL: nothing can be said, and still nothing is left.
func TestRunKilled(t *testing.T) {
	harnesstest.Require(t, "root")
	before := lookAround()
	all := strikes(t, 18, 1800*time.Millisecond, "k", "--variant", "A")
	all = append(all, strikes(t, 7, 6*time.Second, "m", "--variant", "A")...)
	all = append(all, strikes(t, 7, 4*time.Second, "m", "--variant", "storm")...)
	hits, met := make(chan bool, len(all)), make(chan int, len(all))
	t.Run("at", func(t *testing.T) {
		for _, s := range all {
			t.Run(s.args[0]+"-"+s.args[2]+"-"+s.after.String(), func(t *testing.T) {
				t.Parallel()
				p, alive, namespaces, at := s.hit(t, os.Kill)
				p.status(t)
				t.Logf("alive %v, %d network namespaces", alive, len(namespaces))
				hits <- alive
				met <- len(namespaces)
				wantNothingLeft(t, s.mark, namespaces, at, before)
			})
		}
	})
	close(hits)
	close(met)
	killed, networks := 0, 0
	for alive := range hits {
		if alive {
			killed++
		}
	}
	for n := range met {
		if n > 0 {
			networks++
		}
	}
	t.Logf("%d of %d runs were killed, %d of them with networks up", killed, len(all), networks)
	if killed < len(all)/2 || networks < len(all)/4 {
		t.Errorf("of %d runs %d were killed, %d with networks up: the moments are not those of a run", len(all), killed, networks)
	}
}
