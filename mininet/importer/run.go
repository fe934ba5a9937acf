package importer

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The stand-in for mininet, in the order in which its files are run.
//
//go:embed standin
var standin embed.FS

var order = []string{"record", "link", "node", "topo", "net", "modules", "main"}

func program() (string, error) {
	var b strings.Builder
	for _, name := range order {
		text, err := standin.ReadFile("standin/" + name + ".py")
		if err != nil {
			return "", err
		}
		b.Write(text)
	}
	return b.String(), nil
}

const (
	defaultTimeout = 10 * time.Second
	// grace is what the stand-in has after the deadline to write down what there is by then.
	grace = 5 * time.Second
	// maxRecord is the longest record, some hundred thousand links.
	maxRecord = 64 << 20
	// maxOutput is how much is kept of what the script prints.
	maxOutput = 16 << 10
)

// errStart marks, without a word, that the interpreter did not start.
var errStart = errors.New("")

// run runs the script below the stand-in. Whatever it starts in its process group is ended with it.
func run(ctx context.Context, script, python string, o Options) (recorded *record, output string, err error) {
	if info, err := os.Stat(script); err != nil {
		return nil, "", errors.Unwrap(err)
	} else if !info.Mode().IsRegular() {
		return nil, "", errors.New("it is no regular file")
	}
	source, err := program()
	if err != nil {
		return nil, "", err
	}
	timeout := o.Timeout
	if timeout == 0 {
		timeout = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout+grace)
	defer cancel()
	in, out, err := os.Pipe()
	if err != nil {
		return nil, "", err
	}
	defer in.Close()

	const descriptor = 3 // the first of ExtraFiles
	args := []string{"-B", "-c", source, strconv.Itoa(descriptor), strconv.FormatFloat(timeout.Seconds(), 'f', -1, 64), o.Name, script}
	cmd := exec.CommandContext(ctx, python, append(args, o.Args...)...)
	cmd.ExtraFiles = []*os.File{out}
	printed := &tail{limit: maxOutput}
	cmd.Stdout, cmd.Stderr = printed, printed
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: o.User}
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGKILL) }
	cmd.WaitDelay = time.Second
	err = cmd.Start()
	out.Close()
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
		return nil, "", fmt.Errorf("%w%w: %w: apt-get install python3", errStart, ErrPython, err)
	}
	if err != nil {
		return nil, "", fmt.Errorf("%w%w", errStart, err)
	}
	// What the script has left behind may hold the pipe open, so the record's end is its own; the group ends with it.
	stop := context.AfterFunc(ctx, func() { in.SetReadDeadline(time.Now()) })
	recorded = new(record)
	readErr := json.NewDecoder(io.LimitReader(in, maxRecord)).Decode(recorded)
	stop()
	_ = cmd.Cancel()
	waitErr := cmd.Wait()
	switch {
	case readErr == nil:
		return recorded, printed.String(), nil
	case ctx.Err() == context.DeadlineExceeded:
		return nil, "", fmt.Errorf("the script did not end within %v: make it start its network sooner, or allow more with --timeout", timeout)
	case ctx.Err() != nil:
		return nil, "", context.Cause(ctx)
	}
	return nil, "", fmt.Errorf("python3 ended without a record (%v): %s", waitErr, lastLine(printed.String()))
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}

// A tail keeps the end of what is written to it.
type tail struct {
	limit int
	kept  bytes.Buffer
}

func (t *tail) Write(p []byte) (int, error) {
	n := len(p)
	if over := t.kept.Len() + n - t.limit; over > 0 {
		t.kept.Next(over)
		p = p[max(0, n-t.limit):]
	}
	t.kept.Write(p)
	return n, nil
}

func (t *tail) String() string { return t.kept.String() }
