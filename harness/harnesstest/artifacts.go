package harnesstest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness"
	"github.com/wireproof/wireproof/harness/flow"
)

// EnvArtifacts names the environment variable with the folder for what failed tests leave; where it is not set, that is
// wireproof-out in the package's own folder.
const EnvArtifacts = "WIREPROOF_ARTIFACTS"

// Artifacts makes a folder for what a test leaves: captures, logs. When the test passes it is removed; when it fails it stays,
// and the test says where it is and how to run it again. testing.TB.TempDir is removed in either case.
func Artifacts(tb testing.TB) string {
	tb.Helper()
	dir, err := artifacts(tb)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if tb.Failed() {
			tb.Logf("kept in %s; again: %s", dir, Again(tb))
			return
		}
		if err := removeArtifacts(tb, dir); err != nil {
			tb.Error(err)
		}
	})
	return dir
}

// Again is the command that runs a test again.
func Again(tb testing.TB) string {
	var patterns []string
	for part := range strings.SplitSeq(tb.Name(), "/") {
		patterns = append(patterns, "^"+regexp.QuoteMeta(part)+"$")
	}
	dir, err := os.Getwd() // of a test it is the package's folder
	if err != nil {
		dir = "."
	}
	return fmt.Sprintf("cd %s && sudo go test -count=1 -run '%s' .", dir, strings.ReplaceAll(strings.Join(patterns, "/"), "'", `'\''`))
}

var (
	artifactsMu sync.Mutex                // also since a root is removed where it has become empty
	artifactsOf = map[testing.TB]string{} // of tests that have one
)

// artifacts is the folder of a test. It is made when it is first asked for, named after the test, with a number where an
// earlier run of it has left one already.
func artifacts(tb testing.TB) (string, error) {
	artifactsMu.Lock()
	defer artifactsMu.Unlock()
	if dir, ok := artifactsOf[tb]; ok {
		return dir, nil
	}
	root, err := artifactsRoot()
	if err != nil {
		return "", err
	}
	name := strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\: '"*?<>|`, r) || r < ' ' {
			return '-'
		}
		return r
	}, tb.Name())
	for n := 1; ; n++ {
		dir := filepath.Join(root, name)
		if n > 1 {
			dir = fmt.Sprintf("%s-%d", dir, n)
		}
		err := os.Mkdir(dir, 0o755)
		if err == nil {
			artifactsOf[tb] = dir
		}
		if err == nil || !errors.Is(err, fs.ErrExist) {
			return dir, err
		}
	}
}

func artifactsRoot() (string, error) {
	root := os.Getenv(EnvArtifacts)
	if root == "" {
		root = "wireproof-out"
	}
	root, err := filepath.Abs(root)
	if err == nil {
		err = os.MkdirAll(root, 0o755)
	}
	if errors.Is(err, fs.ErrPermission) && os.Getenv(EnvArtifacts) == "" { // somebody else's checkout
		root, err = os.MkdirTemp("", "wireproof-out-")
	}
	if err != nil {
		return "", fmt.Errorf("folder for what tests leave: %w: set %s to one that can be written", err, EnvArtifacts)
	}
	return root, nil
}

// removeArtifacts removes a folder, and with the last one the root, unless that is the user's.
func removeArtifacts(tb testing.TB, dir string) error {
	artifactsMu.Lock()
	defer artifactsMu.Unlock()
	delete(artifactsOf, tb)
	err := os.RemoveAll(dir)
	if os.Getenv(EnvArtifacts) == "" {
		_ = os.Remove(filepath.Dir(dir)) // fails where others are in it
	}
	return err
}

// stateLimit is how long the hosts of a network have to say what they know when a test has failed.
const stateLimit = 5 * time.Second

// keepState writes what each host's kernel says, at the end of a test that has failed and before its network is gone.
func keepState(tb testing.TB, n *harness.Network) {
	tb.Helper()
	dir, err := artifacts(tb)
	if err != nil {
		tb.Log(err)
		return
	}
	t := n.Topo()
	dir = filepath.Join(dir, "state-"+t.Name)
	ctx, cancel := context.WithTimeout(context.Background(), stateLimit)
	defer cancel()
	if err := n.WriteState(ctx, dir); err != nil {
		tb.Log(err)
	}
	tb.Logf("sockets and queues of network %s at the failure are in %s; seed %d; again: %s", t.Name, dir, t.Seed, Again(tb))
}

// Judged fails the test unless all checks pass, and says in two lines what each that does not has seen and what was expected.
func Judged(tb testing.TB, checks []flow.Check) {
	tb.Helper()
	if len(checks) == 0 {
		tb.Error("saw:      no check at all\nexpected: a judgement")
	}
	for _, c := range checks {
		if c.Verdict == flow.Pass {
			continue
		}
		expected := flow.Expected(c.Name)
		if expected == "" {
			expected = "the check " + c.Name
		}
		tb.Errorf("saw:      %s: %s: %s\nexpected: PASS: %s: %s", c.Verdict, c.Name, c.Detail, c.Name, expected)
	}
}
