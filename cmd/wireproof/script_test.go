package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/wireproof/wireproof/harness"
	"github.com/wireproof/wireproof/harness/harnesstest"
	"github.com/wireproof/wireproof/peers"
)

func TestMain(m *testing.M) {
	peers.Main()
	if filepath.Base(os.Args[0]) != "wireproof" {
		// What these tests start mostly waits, so more of them run at once than there are processors, unless -parallel says
		// otherwise.
		flag.Parse()
		given := false
		flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
		if !given {
			_ = flag.Set("test.parallel", "6")
		}
	}
	testscript.Main(m, map[string]func(){"wireproof": main, "webserver": webserver})
}

// What anyone can do with the command, each of the scripts a document.
func TestScripts(t *testing.T) {
	testscript.Run(t, params("testdata/script"))
}

// What needs root.
func TestKernelScripts(t *testing.T) {
	harnesstest.Require(t, "root")
	testscript.Run(t, params("testdata/kernel"))
}

// servers is the key of a script's own servers, by name.
type servers struct{}

// params are the commands that the scripts have besides testscript's own:
//
//	exits STATUS PROGRAM…           runs it, and wants exactly this exit status
//	terminal COLUMNS STATUS [-in FILE] PROGRAM…
//	                                the same on a terminal of that width; what it shows is stdout then
//	server NAME FLAG…               starts wireproof serve on loopback, waits until it listens; $NAME is its address
//	ends NAME                       ends that server by Ctrl-C; its log is stderr then
//	fields FILE PATH…               the JSON document has all these fields: a.b, and a[].b for each element of a list, not empty
//	flip FILE OFFSET                inverts a byte
//	exits-any ONE OTHER PROGRAM…    runs it, and wants one of two exit statuses
//	port-of NAME ADDRESS            $NAME is the address's port
//	truncate FILE SIZE              cuts a file
//	vacant NAME                     $NAME is a loopback address where nobody listens, to the script's end
//	wide COLUMNS                    stdout has no line that is wider, but for one that is a single word
func params(dir string) testscript.Params {
	return testscript.Params{
		Dir:                dir,
		RequireUniqueNames: true,
		Setup: func(e *testscript.Env) error {
			e.Values[servers{}] = map[string]*serverProcess{}
			e.Vars = append(e.Vars, "LC_ALL=C", "TERM=xterm")
			captures, err := filepath.Abs("testdata")
			e.Vars = append(e.Vars, "TESTDATA="+captures, "MININET="+filepath.Join(captures, "../../../mininet"), "PYTHONDONTWRITEBYTECODE=1")
			if python, err := harness.MininetPython(context.Background()); err == nil {
				e.Vars = append(e.Vars, "PYTHON="+python)
			}
			return err
		},
		Condition: func(what string) (bool, error) {
			switch what {
			case "root", "tshark", "mininet", "netem", "tun":
				return harness.Probe(context.Background(), what)[0].OK, nil
			case "uml":
				return os.Getenv("WIREPROOF_VM") == "" && harness.Probe(context.Background(), "user-mode linux")[0].OK, nil
			}
			return false, fmt.Errorf("there is no condition %q", what)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits": cmdExits,
			"exits-any": func(ts *testscript.TestScript, neg bool, args []string) {
				arguments(ts, neg, args, 3, "exits-any ONE OTHER PROGRAM…")
				if got, ended := exitStatus(ts.Exec(args[2], args[3:]...)); !ended || strconv.Itoa(got) != args[0] && strconv.Itoa(got) != args[1] {
					ts.Fatalf("exit status %d, want %s or %s", got, args[0], args[1])
				}
			},
			"port-of": func(ts *testscript.TestScript, neg bool, args []string) {
				arguments(ts, neg, args, 2, "port-of NAME ADDRESS")
				_, port, err := net.SplitHostPort(args[1])
				ts.Check(err)
				ts.Setenv(args[0], port)
			},
			"truncate": func(ts *testscript.TestScript, neg bool, args []string) {
				arguments(ts, neg, args, 2, "truncate FILE SIZE")
				size, err := strconv.ParseInt(args[1], 10, 64)
				ts.Check(err)
				ts.Check(os.Truncate(ts.MkAbs(args[0]), size))
			},
			"terminal": cmdTerminal,
			"server":   cmdServer,
			"ends":     cmdEnds,
			"fields":   cmdFields,
			"flip":     cmdFlip,
			"vacant":   cmdVacant,
			"wide":     cmdWide,
		},
	}
}

func arguments(ts *testscript.TestScript, neg bool, args []string, least int, usage string) {
	if neg || len(args) < least {
		ts.Fatalf("usage: %s", usage)
	}
}

func exitStatus(err error) (int, bool) {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, true
	case errors.As(err, &exit):
		return exit.ExitCode(), true
	}
	return 0, false
}

func wantStatus(ts *testscript.TestScript, err error, want string) {
	got, ended := exitStatus(err)
	if !ended {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(got) != want {
		ts.Fatalf("exit status %d, want %s", got, want)
	}
}

func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 2, "exits STATUS PROGRAM…")
	wantStatus(ts, ts.Exec(args[1], args[2:]...), args[0])
}

func cmdServer(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 1, "server NAME FLAG…")
	s, err := startServer(ts.MkAbs("."), args[1:]...)
	ts.Check(err)
	ts.Defer(func() { s.kill() })
	ts.Setenv(args[0], s.address)
	ts.Value(servers{}).(map[string]*serverProcess)[args[0]] = s
}

func cmdEnds(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 1, "ends NAME")
	s := ts.Value(servers{}).(map[string]*serverProcess)[args[0]]
	if s == nil {
		ts.Fatalf("there is no server %s", args[0])
	}
	ts.Check(s.cmd.Process.Signal(os.Interrupt))
	err := s.wait()
	_, _ = io.WriteString(ts.Stderr(), s.log())
	wantStatus(ts, err, "0")
}

func cmdFields(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 2, "fields FILE PATH…")
	var document any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &document))
	for _, path := range args[1:] {
		if err := hasField(document, strings.Split(path, ".")); err != nil {
			ts.Fatalf("%s: %s: %v", args[0], path, err)
		}
	}
}

// hasField says whether a decoded JSON value has a field, in every element of the lists on the way.
func hasField(v any, path []string) error {
	if len(path) == 0 {
		return nil
	}
	name, list := strings.CutSuffix(path[0], "[]")
	if name != "" {
		object, ok := v.(map[string]any)
		if !ok {
			return fmt.Errorf("%q is looked for in what is no object", name)
		}
		if v, ok = object[name]; !ok {
			return fmt.Errorf("there is no field %q", name)
		}
	}
	if !list {
		return hasField(v, path[1:])
	}
	elements, ok := v.([]any)
	if !ok || len(elements) == 0 {
		return fmt.Errorf("%q is no list with an element", path[0])
	}
	for _, e := range elements {
		if err := hasField(e, path[1:]); err != nil {
			return err
		}
	}
	return nil
}

func cmdFlip(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 2, "flip FILE OFFSET")
	offset, err := strconv.Atoi(args[1])
	ts.Check(err)
	name := ts.MkAbs(args[0])
	b, err := os.ReadFile(name)
	ts.Check(err)
	if offset >= len(b) {
		ts.Fatalf("%s has only %d bytes", args[0], len(b))
	}
	b[offset] ^= 0xff
	ts.Check(os.WriteFile(name, b, 0o644))
}

func cmdVacant(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 1, "vacant NAME")
	address, release, err := vacant()
	ts.Check(err)
	ts.Defer(release)
	ts.Setenv(args[0], address)
}

func cmdWide(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 1, "wide COLUMNS")
	most, err := strconv.Atoi(args[0])
	ts.Check(err)
	for line := range strings.Lines(ts.ReadFile("stdout")) {
		words := strings.Fields(line) // a path may be longer than any terminal is wide
		if n := len([]rune(strings.TrimRight(line, "\r\n"))); n > most && len(words) > 1 {
			ts.Fatalf("%d columns: %q", n, line)
		}
	}
}

func cmdTerminal(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 3, "terminal COLUMNS STATUS [-in FILE] PROGRAM…")
	columns, err := strconv.Atoi(args[0])
	ts.Check(err)
	status, input := args[1], ""
	args = args[2:]
	if args[0] == "-in" {
		input, args = ts.ReadFile(args[1]), args[2:]
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = ts.MkAbs(".")
	var shown bytes.Buffer
	err = onTerminal(cmd, columns, input, &shown)
	_, _ = io.WriteString(ts.Stdout(), screen(shown.String()))
	wantStatus(ts, err, status)
}
