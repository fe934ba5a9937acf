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

// serveStream answers requests until the client ends the connection.
func (s *Server) serveStream(l *link, log *slog.Logger) error {
	r := protocol.NewReader(l)
	l.startHeader(true)
	for {
		req, err := r.ReadRequest()
		var badName *protocol.NameError
		var syntax *protocol.SyntaxError
		switch {
		case err == io.EOF:
			return nil
		case errors.As(err, &badName):
			l.endHeader()
			log.Warn("refused", "code", protocol.CodeName, "err", err)
			err = refuse(l, protocol.CodeName, badName.Error())
		case errors.As(err, &syntax):
			l.endHeader()
			if refuse(l, protocol.CodeRequest, syntax.Error()) == nil {
				l.linger()
			}
			return fmt.Errorf("request: %w", syntax)
		case err != nil:
			return fmt.Errorf("request: %w", err)
		default:
			l.endHeader()
			err = s.answer(l, req, log)
		}
		if err != nil {
			return err
		}
		// Between requests the idle limit counts; the header's starts with the first
		// byte, which may be here already.
		l.startHeader(r.Buffered() > 0)
	}
}

// answer serves one request. An error ends the connection.
func (s *Server) answer(l *link, req protocol.Request, log *slog.Logger) error {
	begun := time.Now()
	log = log.With("file", req.Name, "offset", req.Offset)
	f, info, err := s.open(req.Name)
	if err != nil {
		code := protocol.CodeFailed
		if errors.Is(err, fs.ErrNotExist) {
			code = protocol.CodeMissing
		}
		log.Warn("refused", "code", code, "err", err)
		return refuse(l, code, err.Error())
	}
	defer f.Close()
	size := info.Size()
	if req.Offset > size {
		log.Warn("refused", "code", protocol.CodeOffset, "bytes", size)
		return refuse(l, protocol.CodeOffset, fmt.Sprintf("offset %d is past the end of %q, which has %d bytes: ask from 0", req.Offset, req.Name, size))
	}
	log.Debug("request", "bytes", size-req.Offset)
	head, err := protocol.AppendAnswer(nil, protocol.Answer{OK: true, Name: req.Name, Offset: req.Offset, Length: size - req.Offset})
	if err != nil {
		return err
	}
	if _, err := l.Write(head); err != nil {
		return fmt.Errorf("answer for %q: %w", req.Name, err)
	}
	b := &body{file: f, info: info, offset: req.Offset, size: size, digests: &s.digests}
	before := l.moved.Load()
	sent, whole, err := b.send(l, s.Buffer)
	s.bytes.Add(l.moved.Load() - before)
	if err != nil {
		return fmt.Errorf("send %q: %w", req.Name, err)
	}
	tail := protocol.AppendTrailer(nil, protocol.Trailer{Sent: sent, Whole: whole, HasWhole: req.Offset > 0})
	if _, err := l.Write(tail); err != nil {
		return fmt.Errorf("send the digest of %q: %w", req.Name, err)
	}
	s.files.Add(1)
	log.Info("served", "bytes", size-req.Offset, "seconds", time.Since(begun).Seconds())
	return nil
}

func refuse(l *link, code protocol.Code, reason string) error {
	line, err := protocol.AppendAnswer(nil, protocol.Answer{Code: code, Reason: reason})
	if err != nil {
		return err
	}
	_, err = l.Write(line)
	return err
}

// open opens a regular file in the root of Files. It looks before it opens: to
// open a named pipe would wait for its other end.
func (s *Server) open(name string) (fs.File, fs.FileInfo, error) {
	info, err := fs.Stat(s.Files, name)
	if err != nil {
		return nil, nil, fmt.Errorf("no file %q here: %w", name, reason(err))
	}
	if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("%q is no regular file: %w", name, fs.ErrNotExist)
	}
	f, err := s.Files.Open(name)
	if err != nil {
		return nil, nil, fmt.Errorf("open %q: %w", name, reason(err))
	}
	if info, err = f.Stat(); err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("stat %q: %w", name, reason(err))
	}
	return f, info, nil
}

// reason leaves the server's own path out of what clients are told.
func reason(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
