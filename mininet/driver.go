package mininet

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

//go:embed driver.py
var driverText []byte

// An event is a line of the driver's.
type event struct {
	Event     string               `json:"event"`     // up, down, making, made, removed, died, error
	Seconds   float64              `json:"seconds"`   // up, down: how long it took
	Switch    Switch               `json:"switch"`    // up
	Nodes     map[string]nodeEvent `json:"nodes"`     // up, by name
	Interface string               `json:"interface"` // making, made, removed
	Bridge    string               `json:"bridge"`    // making, removed: of Open vSwitch
	Index     int                  `json:"index"`     // made
	Node      string               `json:"node"`      // died
	PID       int                  `json:"pid"`       // died
	Status    int                  `json:"status"`    // died: exit status, or minus the signal
	Text      string               `json:"text"`      // error
}

type nodeEvent struct {
	PID        int      `json:"pid"`
	Bridge     string   `json:"bridge"`
	Interfaces []string `json:"interfaces"`
}

// A driver is the process that runs Mininet.
type driver struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stderr tail
	ready  chan struct{} // closed at up
	ended  chan struct{} // closed when the process has ended and all it said was read
	lost   chan struct{} // closed when the network is no longer what it was

	mu       sync.Mutex // guards what follows
	up       event
	down     bool
	stopped  float64 // seconds that it took
	stopping bool
	failed   []string // texts of error events
	why      error    // of lost
	things   things
	exit     error
}

// startDriver starts the driver and gives it the topology.
func startDriver(ctx context.Context, asked spec) (*driver, error) {
	python, err := interpreter(ctx)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(asked)
	if err != nil {
		return nil, err
	}
	lock, err := lockFile()
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	program, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer program.Close()
	d := &driver{ready: make(chan struct{}), ended: make(chan struct{}), lost: make(chan struct{})}
	d.things.interfaces = make(map[string]int)
	d.cmd = exec.Command(python, "/dev/fd/4", "wireproof-mininet")
	d.cmd.ExtraFiles = []*os.File{lock, program}
	d.cmd.Env = append(os.Environ(), "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin", "PYTHONDONTWRITEBYTECODE=1", "LC_ALL=C")
	d.cmd.Dir = "/"
	d.cmd.Stderr = &d.stderr
	// Ctrl-C on the terminal is for this program, which then ends the driver in good order.
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	d.cmd.WaitDelay = time.Second // a shell of Mininet's may have its standard error
	stdout, err := d.cmd.StdoutPipe()
	if err == nil {
		d.stdin, err = d.cmd.StdinPipe()
	}
	if err == nil {
		err = d.cmd.Start()
	}
	if err != nil {
		write.Close()
		return nil, err
	}
	go func() {
		_, _ = write.Write(driverText) // where it fails the driver says so itself
		write.Close()
	}()
	go func() { _, _ = d.stdin.Write(append(text, '\n')) }()
	go d.read(stdout)
	return d, nil
}

// read takes the driver's events until it ends.
func (d *driver) read(stdout io.Reader) {
	lines := bufio.NewReader(stdout)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			break
		}
		var e event
		if err := json.Unmarshal(line, &e); err != nil {
			d.fail(fmt.Sprintf("the driver says %q, which is no event", line))
			continue
		}
		d.heed(e)
	}
	err := d.cmd.Wait()
	d.mu.Lock()
	d.exit = err
	if !d.stopping && !d.down {
		d.loseLocked(fmt.Errorf("the driver of Mininet (process %d) has died: %s", d.cmd.Process.Pid, d.lastWords()))
	}
	d.mu.Unlock()
	close(d.ended)
}

func (d *driver) heed(e event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch e.Event {
	case "up":
		d.up = e
		close(d.ready)
	case "down":
		d.down, d.stopped = true, e.Seconds
	case "making", "made":
		d.things.note(e)
	case "removed":
		d.things.forget(e)
	case "died":
		d.loseLocked(fmt.Errorf("%s of Mininet (process %d) has died: %s", e.Node, e.PID, statusText(e.Status)))
	case "error":
		d.failed = append(d.failed, e.Text)
	}
}

func (d *driver) fail(text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failed = append(d.failed, text)
}

// loseLocked notes the first reason for which the network is lost.
func (d *driver) loseLocked(why error) {
	if d.why == nil && !d.stopping {
		d.why = why
		close(d.lost)
	}
}

// seconds is how long Mininet took to come up; zero if it has not.
func (d *driver) seconds() float64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.up.Seconds
}

func (d *driver) lostError() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.why
}

// statusText is a status as Python's subprocess has it.
func statusText(status int) string {
	if status < 0 {
		return "signal: " + syscall.Signal(-status).String()
	}
	return fmt.Sprintf("exit status %d", status)
}

// lastWords are what is known of a driver that ended: its errors, its exit, and the last line of its standard error.
func (d *driver) lastWords() string {
	var all []string
	all = append(all, d.failed...)
	if d.exit != nil && len(all) == 0 {
		all = append(all, d.exit.Error())
	}
	if last := d.stderr.last(); last != "" && len(d.failed) == 0 {
		all = append(all, last)
	}
	if len(all) == 0 {
		return "without a word"
	}
	return strings.Join(all, ": ")
}

// waitUp waits until Mininet has brought the network up.
func (d *driver) waitUp(ctx context.Context) (event, error) {
	select {
	case <-d.ready:
	case <-d.ended:
	case <-ctx.Done():
		return event{}, context.Cause(ctx)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.up.Nodes == nil {
		return event{}, errors.New(d.lastWords())
	}
	return d.up, nil
}

// stop has the driver take the network down, kills it if it does not within the limit, and removes what is left then.
func (d *driver) stop(limit time.Duration) error {
	d.mu.Lock()
	d.stopping = true
	told := len(d.failed)
	d.mu.Unlock()
	d.stdin.Close()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	var errs []error
	select {
	case <-d.ended:
	case <-timer.C:
		errs = append(errs, fmt.Errorf("it has not stopped within %v, and was killed", limit))
		_ = d.cmd.Process.Kill()
		<-d.ended
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, text := range d.failed[told:] {
		errs = append(errs, errors.New(text))
	}
	for name, node := range d.up.Nodes {
		errs = append(errs, endShell(name, node.PID))
	}
	return errors.Join(append(errs, d.things.remove())...)
}

// A tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	t.text = t.text[max(0, len(t.text)-4096):]
	return len(b), nil
}

// last is the last line.
func (t *tail) last() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := bytes.Split(bytes.TrimSpace(t.text), []byte("\n"))
	return string(lines[len(lines)-1])
}
