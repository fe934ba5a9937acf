package peers

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/exec"

	"github.com/wireproof/wireproof/protocol"
)

// Server serves the files in the root of Files. Set its fields before the first
// call of a method and not after it. The methods are safe for concurrent use.
type Server struct {
	Files   fs.FS            // what is served; files that are *os.File go out by sendfile
	Dialect protocol.Dialect // zero: protocol.Stream
	Model   Model            // zero: Sequential
	// Buffer is the lockstep dialect's chunk and the stream dialect's unit of
	// writing, in bytes. Zero: 1024 for lockstep; for stream, sendfile in
	// pieces as large as the socket takes.
	Buffer int
	Socket SocketOptions
	Limits Limits
	Log    *slog.Logger // zero: nothing is logged
	// Command makes the fork model's process for a connection. It must hand conn
	// over as its ExtraFiles[0], file descriptor 3; Serve adds one more file, a pipe
	// that the process reads and that ends when the server does. See ForkCommand.
	Command func(conn *os.File) (*exec.Cmd, error)
}

// Serve accepts connections on l and serves them until ctx is done; then it
// closes l, cuts the connections that are still open, waits for all that it
// started, and returns nil. Any other end is an error.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	return errors.ErrUnsupported
}

// ServeConn serves one connection to its end and closes it. It returns nil when
// the client ended the connection between two requests.
func (s *Server) ServeConn(ctx context.Context, conn net.Conn) error {
	return errors.ErrUnsupported
}

// Stats returns the counts so far.
func (s *Server) Stats() Stats { return Stats{} }
