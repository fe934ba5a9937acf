package peers

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"time"

	"github.com/wireproof/wireproof/protocol"
)

// quietPeriod is how long nothing may come before a lockstep message that may
// be a part of one is taken for whole. It is waited only where the dialect
// leaves a doubt: at an unknown name, and at a file's last chunk.
const quietPeriod = 20 * time.Millisecond

// errRefused says that a lockstep server had no other way to say no than to
// close.
var errRefused = errors.New("refused by closing the connection")

// serveLockstep drives the dialect's state machine until the client ends the
// connection.
func (s *Server) serveLockstep(l *link, log *slog.Logger) error {
	var (
		m      = protocol.NewLockstepServer(s.Buffer, s.serves)
		rx     = newReceiver(l)
		buf    = make([]byte, protocol.LockstepMaxName)
		chunks *protocol.LockstepChunks
		file   fs.File
		info   fs.FileInfo
		begun  time.Time
		bytes  int64
		err    error
	)
	defer func() {
		if file != nil {
			file.Close()
		}
	}()
	l.startHeader(true)
	for act := protocol.LockstepRead; ; {
		switch act {
		case protocol.LockstepOpen:
			l.endHeader()
			begun, bytes = time.Now(), 0
			if file, info, err = s.open(m.Name()); err != nil {
				return fmt.Errorf("%w: %w", errRefused, err)
			}
			chunks = protocol.NewLockstepChunks(file, m.Buffer())
			log.Debug("request", "file", m.Name(), "bytes", info.Size())
			if err := rx.write(protocol.LockstepReady()); err != nil {
				return fmt.Errorf("answer for %q: %w", m.Name(), err)
			}
		case protocol.LockstepSend:
			chunk, err := chunks.Next()
			if err == io.EOF {
				if err := unchanged(file, info); err != nil {
					return fmt.Errorf("send %q: %w", m.Name(), err)
				}
				act = m.Finish()
				continue
			}
			if err == nil {
				err = rx.write(chunk)
			}
			if err != nil {
				return fmt.Errorf("send %q at offset %d: %w", m.Name(), bytes, err)
			}
			bytes += int64(len(chunk))
		case protocol.LockstepFinish:
			if err := rx.write(protocol.LockstepEnd()); err != nil {
				return fmt.Errorf("send the end of %q: %w", m.Name(), err)
			}
			file.Close()
			file = nil
			s.files.Add(1)
			s.bytes.Add(bytes)
			log.Info("served", "file", m.Name(), "bytes", bytes, "seconds", time.Since(begun).Seconds())
			l.startHeader(false)
		case protocol.LockstepClose:
			return fmt.Errorf("%w: %w", errRefused, m.Err())
		}
		quiet := time.Duration(0)
		if m.WantsQuiet() {
			quiet = quietPeriod
		}
		n, err := rx.read(buf, quiet)
		switch {
		case err == nil:
			act = m.Feed(buf[:n])
		case err == errQuiet:
			act = m.Quiet()
		case err == io.EOF && m.Between():
			return nil
		case err == io.EOF:
			return fmt.Errorf("the client ended the connection inside an exchange: %w", io.ErrUnexpectedEOF)
		default:
			return fmt.Errorf("read: %w", err)
		}
	}
}

// serves says whether open would find the file.
func (s *Server) serves(name string) bool {
	info, err := fs.Stat(s.Files, name)
	return err == nil && info.Mode().IsRegular()
}
