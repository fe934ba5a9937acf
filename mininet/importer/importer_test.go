package importer

import (
	"context"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

var update = flag.Bool("update", false, "write the golden files anew")

// python skips the test where there is none.
func python(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("needs python3: apt-get install python3")
	}
}

// The ways people write their scripts, each with the drawing and the notes that come of it.
func TestImport(t *testing.T) {
	python(t)
	t.Chdir("testdata")
	for _, c := range []struct{ script, name, golden string }{
		{"subclass.py", "", "subclass"}, {"subclass.py", "my,5", "subclass-my"}, {"imperative.py", "", "imperative"},
		{"topos.py", "star,4,speed=5", "star"}, {"topos.py", "line", "line"}, {"topos.py", "torus", "torus"},
		{"topos.py", "tree,2,fanout=3", "tree"}, {"plainlink.py", "", "plainlink"}, {"scratch.py", "", "scratch"},
	} {
		t.Run(c.golden, func(t *testing.T) {
			timeout := 10 * time.Second
			if c.script == "imperative.py" {
				timeout = 4 * time.Second // it goes on for ever once its network runs
			}
			r, err := Import(t.Context(), c.script, Options{Name: c.name, Timeout: timeout})
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			b.WriteString(r.Topo.Draw() + "\n")
			for _, n := range r.Notes {
				b.WriteString(n.String() + "\n")
			}
			if *update {
				if err := os.WriteFile(c.golden+".txt", []byte(b.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(c.golden + ".txt")
			if err != nil {
				t.Fatal(err)
			}
			if b.String() != string(want) {
				t.Errorf("got\n%s\nwant\n%s", b.String(), want)
			}
		})
	}
}

// write writes a script, and returns its name.
func write(t *testing.T, text string) string {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile("x.py", []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return "x.py"
}

// What goes wrong in a script is told at its line, with the remedy where one is known.
func TestScriptErrors(t *testing.T) {
	python(t)
	for name, c := range map[string]struct{ script, want string }{
		"python 2":  {"import os\nprint 'hi'\n", "x.py:2: SyntaxError: .*2to3"},
		"exception": {"from mininet.net import Mininet\n\nnet = Mininet()\nnet.get('h7')\n", "x.py:4: KeyError: 'h7'"},
		"module":    {"import nosuchmodule\n", "x.py:1: ModuleNotFoundError: .*install the module"},
		"exit":      {"raise SystemExit('usage: x.py FILE')\n", "the script ended itself: usage: x.py FILE"},
		"nothing":   {"print('hello')\n", "makes no network"},
		"several":   {"topos = {'a': None, 'b': None}\n", "several topologies: name one of them with --name: a, b"},
		"unsound":   {"from mininet.net import Mininet\nn = Mininet()\nn.addHost('averyveryverylongname')\nn.start()\n", "shorten the name"},
		"killed":    {"import os\nos.kill(os.getpid(), 9)\n", "ended without a record .*killed"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Import(t.Context(), write(t, c.script), Options{})
			if err == nil || !matches(c.want, err.Error()) {
				t.Errorf("%v does not match %s", err, c.want)
			}
		})
	}
	if _, err := Import(t.Context(), "none.py", Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// matches says whether the pieces between ".*" stand in s, in this order.
func matches(pattern, s string) bool {
	for piece := range strings.SplitSeq(pattern, ".*") {
		_, rest, ok := strings.Cut(s, piece)
		if !ok {
			return false
		}
		s = rest
	}
	return true
}

func TestNoPython(t *testing.T) {
	if _, err := Import(t.Context(), write(t, ""), Options{Python: filepath.Join(t.TempDir(), "python3")}); !errors.Is(err, ErrPython) {
		t.Errorf("%v", err)
	}
}

const twoHosts = "from mininet.net import Mininet\nnet = Mininet()\nh1, s1 = net.addHost('h1'), net.addSwitch('s1')\nnet.addLink(h1, s1)\n"

// A script that is stuck before it has a network ends at the deadline, with all that it started.
func TestStuck(t *testing.T) {
	python(t)
	script := write(t, "import os, time\nif os.fork() == 0:\n    open('pid', 'w').write(str(os.getpid()))\n    os.rename('pid', 'child')\n"+
		"while True:\n    try:\n        while True: pass\n    except BaseException: pass\n")
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for _, err := os.Stat("child"); err != nil; _, err = os.Stat("child") {
			time.Sleep(5 * time.Millisecond)
		}
		cancel()
	}()
	_, err := Import(ctx, script, Options{})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	text, err := os.ReadFile("child")
	if err != nil {
		t.Fatal(err)
	}
	pid, _ := strconv.Atoi(string(text))
	for deadline := time.Now().Add(10 * time.Second); unix.Kill(pid, 0) == nil && !zombie(pid); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("process %d, a child of the script, is still there", pid)
		}
	}
}

func zombie(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || strings.Contains(string(stat), ") Z ")
}

// A script that prints without end, and leaves a thread and a process behind, costs no more memory or time for it.
func TestFlood(t *testing.T) {
	python(t)
	script := write(t, twoHosts+"import os, threading\nfor i in range(20000): print('x' * 100)\n"+
		"threading.Thread(target=lambda: threading.Event().wait()).start()\nif os.fork() == 0: threading.Event().wait()\nprint('last')\n")
	r, err := Import(t.Context(), script, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Output) > maxOutput || !strings.HasSuffix(r.Output, "last\n") {
		t.Errorf("%d bytes of output, ending in %q", len(r.Output), r.Output[max(0, len(r.Output)-20):])
	}
	if len(r.Topo.Hosts) != 1 {
		t.Errorf("%+v", r.Topo)
	}
}

// What the script would do to the machine is not done.
func TestMachineIsLeftAlone(t *testing.T) {
	python(t)
	r, err := Import(t.Context(), write(t, twoHosts+`
import os, subprocess
os.system('touch a')
os.popen('touch b').read()
subprocess.call(['touch', 'c'])
subprocess.run(['touch', 'd'])
subprocess.Popen('touch e', shell=True).wait()
h1.cmd('touch f')
h1.popen('touch g')
net.start()
`), Options{})
	if err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob("*")
	if len(files) != 1 {
		t.Errorf("there is %q beside the script", files)
	}
	if len(r.Notes) != 7 {
		t.Errorf("%d notes, want one for each of 7: %v", len(r.Notes), r.Notes)
	}
}

func TestTCTime(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"10ms": 10 * time.Millisecond, "1s": time.Second, "5": 5 * time.Microsecond, "2.5msec": 2500 * time.Microsecond, "7us": 7 * time.Microsecond,
		"1 s": time.Second, "3SECS": 3 * time.Second, "0": 0,
	} {
		if got, ok := tcTime(text); !ok || got != want {
			t.Errorf("%q is %v, %v, want %v", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "ms", "-1ms", "1m", "two", "1e9s", "NaN", "99999999s"} {
		if got, ok := tcTime(text); ok {
			t.Errorf("%q is read as %v", text, got)
		}
	}
}

// A python3 on PATH that cannot be run leaves the machine's own.
func TestPythonThatDoesNotStart(t *testing.T) {
	if _, err := os.Stat("/usr/bin/python3"); err != nil {
		t.Skip("needs /usr/bin/python3: apt-get install python3")
	}
	script := write(t, twoHosts)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "python3"), []byte("no program"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	if r, err := Import(t.Context(), script, Options{}); err != nil || len(r.Topo.Hosts) != 1 {
		t.Errorf("%+v, %v", r.Topo, err)
	}
}
