package peers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// Env is the environment variable that makes Main turn a program into a peer.
const Env = "WIREPROOF_PEER"

// role is the value of Env: exactly one field is set.
type role struct {
	Serve *ServeConfig `json:"serve,omitempty"`
	Get   *GetConfig   `json:"get,omitempty"`
	Conn  *ServeConfig `json:"conn,omitempty"` // the fork model's process: socket on 3, lifeline on 4
}

func (r role) env() string {
	value, err := json.Marshal(r)
	if err != nil { // strings, numbers and times always encode
		value = []byte(fmt.Sprintf("%q", err))
	}
	return Env + "=" + string(value)
}

// ServeEnv returns the environment entry, NAME=value, that makes Main run cfg.
func ServeEnv(cfg ServeConfig) string { return role{Serve: &cfg}.env() }

// GetEnv returns the environment entry, NAME=value, that makes Main run cfg.
func GetEnv(cfg GetConfig) string { return role{Get: &cfg}.env() }

// ForkCommand returns a Server.Command that runs this program again as the
// process of a connection, with its log on standard error. The program must
// call Main first.
func ForkCommand(cfg ServeConfig) func(conn *os.File) (*exec.Cmd, error) {
	entry := role{Conn: &cfg}.env()
	return func(conn *os.File) (*exec.Cmd, error) {
		cmd := exec.Command("/proc/self/exe") // also when the file was replaced or removed
		cmd.Args[0] = os.Args[0]
		cmd.Env = append(withoutEnv(os.Environ()), entry)
		cmd.Stderr = os.Stderr
		cmd.ExtraFiles = []*os.File{conn}
		return cmd, nil
	}
}

func withoutEnv(env []string) []string {
	var kept []string
	for _, e := range env {
		if !strings.HasPrefix(e, Env+"=") {
			kept = append(kept, e)
		}
	}
	return kept
}

// ServeResult is the line that a serving process writes on its standard output
// when it ends.
type ServeResult struct {
	Stats Stats  `json:"stats"`
	Error string `json:"error,omitempty"`
}

// GetResult is the line that a fetching process writes on its standard output.
type GetResult struct {
	Transfer Transfer `json:"transfer"`
	Error    string   `json:"error,omitempty"` // empty when all went well
}

// Main returns at once unless Env is set. Then this process is a peer: Main runs
// it, writes its result as one line of JSON on standard output and its log and
// errors on standard error, and exits: 0 done, 1 failed, 2 the environment is
// not understood. SIGTERM and SIGINT end a server with 0.
//
// Call it before anything else in main and in TestMain.
func Main() {
	value, ok := os.LookupEnv(Env)
	if !ok {
		return
	}
	os.Unsetenv(Env) // not for processes that we start
	os.Exit(run(value, os.Stdout, os.Stderr))
}

// run runs the role and returns the exit status.
func run(value string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	var r role
	err := json.Unmarshal([]byte(value), &r)
	switch {
	case err != nil:
	case r.Serve != nil:
		var result ServeResult
		result.Stats, err = runServe(ctx, *r.Serve, stderr)
		return report(stdout, stderr, err, &result, &result.Error)
	case r.Get != nil:
		var result GetResult
		result.Transfer, err = RunGet(ctx, *r.Get)
		return report(stdout, stderr, err, &result, &result.Error)
	case r.Conn != nil:
		return runConn(ctx, *r.Conn, stderr)
	default:
		err = errors.New("no role")
	}
	fmt.Fprintf(stderr, "%s: %v: set it as ServeEnv or GetEnv say\n", Env, err)
	return 2
}

// report writes result as a line, with err in its field.
func report(stdout, stderr io.Writer, err error, result any, field *string) int {
	status := 0
	if err != nil {
		fmt.Fprintln(stderr, err)
		*field = err.Error()
		status = 1
	}
	if err := json.NewEncoder(stdout).Encode(result); err != nil {
		fmt.Fprintln(stderr, "write the result:", err)
		status = 1
	}
	return status
}

// runConn is the process of one connection.
func runConn(ctx context.Context, cfg ServeConfig, stderr io.Writer) int {
	const socket, lifeline = 3, 4
	err := func() error {
		s, root, err := cfg.server(stderr)
		if err != nil {
			return err
		}
		defer root.Close()
		f := os.NewFile(socket, "connection")
		conn, err := net.FileConn(f)
		f.Close()
		if err != nil {
			return fmt.Errorf("file descriptor %d: %w", socket, err)
		}
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		go func() { // ends with the process
			os.NewFile(lifeline, "lifeline").Read(make([]byte, 1))
			cancel(errors.New("the server ended"))
			time.Sleep(5 * time.Second)
			os.Exit(1)
		}()
		s.ServeConn(ctx, conn) // an error is the connection's, and logged
		return nil
	}()
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}
