package harnesstest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wireproof/wireproof/harness"
	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/harness/harnesstest"
	"github.com/wireproof/wireproof/harness/topo"
)

// What a test leaves goes when it passes, and stays, named, when it fails; nothing takes the place of what an earlier run left.
func TestArtifacts(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv(harnesstest.EnvArtifacts, "")
	leave := func(failed bool) (*fake, string) {
		f := &fake{name: "TestX/it's a: case"}
		dir := harnesstest.Artifacts(f)
		if err := os.WriteFile(filepath.Join(dir, "trace"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		f.failed = failed
		f.finish()
		return f, dir
	}
	f, dir := leave(false)
	if _, err := os.Stat(filepath.Dir(dir)); err == nil || len(f.said) > 0 {
		t.Errorf("%s is still there, or something was said: %q", filepath.Dir(dir), f.said)
	}
	f, first := leave(true)
	if filepath.Base(filepath.Dir(first)) != "wireproof-out" || filepath.Base(first) != "TestX-it-s-a--case" {
		t.Errorf("folder %s", first)
	}
	for _, want := range []string{"kept in " + first + ";", `sudo go test -count=1 -run '^TestX$/^it'\''s a: case$' .`, "again: cd " + filepath.Dir(filepath.Dir(first)) + " "} {
		if !strings.Contains(f.text(), want) {
			t.Errorf("%q does not say %q", f.text(), want)
		}
	}
	_, second := leave(true)
	leave(false)
	for _, dir := range []string{first, second} {
		if _, err := os.Stat(filepath.Join(dir, "trace")); err != nil || first == second {
			t.Errorf("%s and %s: %v", first, second, err)
		}
	}

	root := t.TempDir()
	t.Setenv(harnesstest.EnvArtifacts, root)
	if _, dir := leave(false); filepath.Dir(dir) != root {
		t.Errorf("%s is not in %s", dir, root)
	}
	if _, err := os.Stat(root); err != nil {
		t.Errorf("the user's own folder: %v", err)
	}
}

// A test that fails keeps the state of its network from before it is gone, and names the folder; one that passes nothing.
func TestStartKeepsTheStateOfAFailure(t *testing.T) {
	harnesstest.Require(t, "root")
	harnesstest.NoLeaks(t)
	root := t.TempDir()
	t.Setenv(harnesstest.EnvArtifacts, root)
	for _, failed := range []bool{false, true} {
		f := &fake{name: "TestY"}
		var n *harness.Network
		f.run(func() { n = harnesstest.Start(f, topo.Single(2), nil) })
		if n == nil {
			t.Fatal(f.text())
		}
		listener, err := n.Host("h2").Listen(t.Context(), "tcp", ":777")
		if err != nil {
			t.Fatal(err)
		}
		f.failed = failed
		f.finish()
		listener.Close()
		text, err := os.ReadFile(filepath.Join(root, "TestY", "state-single", "h2.txt"))
		if (err == nil) != failed || failed && !strings.Contains(string(text), "0.0.0.0:777") && !strings.Contains(string(text), "*:777") {
			t.Errorf("failed %v: %v\n%s", failed, err, text)
		}
		if says := strings.Contains(f.text(), filepath.Join(root, "TestY")) && strings.Contains(f.text(), "-run '^TestY$' ."); says != failed {
			t.Errorf("failed %v: it says %q", failed, f.text())
		}
	}
}

// Two lines for each check that did not pass: what was seen, what was expected.
func TestJudged(t *testing.T) {
	f := new(fake)
	harnesstest.Judged(f, []flow.Check{
		{Name: "disk", Verdict: flow.Pass}, {Name: "connections", Verdict: flow.Fail, Detail: "5 connections"},
		{Name: "own", Verdict: flow.Inconclusive, Detail: "nothing seen"},
	})
	want := "saw:      FAIL: connections: 5 connections\nexpected: PASS: connections: exactly the connections that were claimed, counted by their handshakes\n" +
		"saw:      INCONCLUSIVE: own: nothing seen\nexpected: PASS: own: the check own"
	if f.text() != want {
		t.Errorf("%s\nwant\n%s", f.text(), want)
	}
	f = new(fake)
	if harnesstest.Judged(f, []flow.Check{{Name: "disk", Verdict: flow.Pass}}); f.failed {
		t.Error(f.text())
	}
	if harnesstest.Judged(f, nil); !f.failed {
		t.Error("no check at all passes")
	}
}
