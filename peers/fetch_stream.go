package peers

import (
	"fmt"
	"io"
	"time"

	"github.com/wireproof/wireproof/protocol"
)

// pipelined is how many requests may be on their way at once.
const pipelined = 32

// job is one file of a Fetch.
type job struct {
	name  string
	file  *FileResult
	err   error
	done  bool
	begun time.Time // of its request
	part  *part     // a resumed transfer's, from the request on
}

func (j *job) offset() int64 {
	if j.part == nil {
		return 0
	}
	return j.part.size
}

func (j *job) fail(err error) {
	j.done, j.err = true, err
}

// fetchStream fetches jobs over one connection: requests ahead, answers in
// order. An error ends the connection, and is that of the jobs not done.
func (c *Client) fetchStream(l *link, jobs []*job) error {
	var (
		r     = protocol.NewReader(l)
		queue = jobs // not yet asked for
		asked []*job // in the order of their answers
		end   time.Time
	)
	defer func() {
		for _, j := range asked {
			if j.part != nil {
				j.part.abandon(true)
			}
		}
	}()
	for len(queue)+len(asked) > 0 {
		var lines []byte
		for len(queue) > 0 && len(asked) < pipelined {
			j := queue[0]
			queue = queue[1:]
			if c.Resume && j.part == nil {
				var err error
				if j.part, err = openPart(c.Dir, j.name, true); err != nil {
					j.fail(err)
					continue
				}
			}
			asked = append(asked, j)
			line, err := protocol.AppendRequest(lines, protocol.Request{Name: j.name, Offset: j.offset()})
			if err != nil {
				return err
			}
			lines = line
			j.begun = time.Now()
		}
		if len(lines) > 0 {
			if _, err := l.Write(lines); err != nil {
				return fmt.Errorf("request: %w", err)
			}
		}
		if len(asked) == 0 {
			break
		}
		j := asked[0]
		if end.After(j.begun) {
			j.begun = end
		}
		l.startHeader(true)
		a, err := r.ReadAnswer()
		l.endHeader()
		if err == io.EOF {
			err = fmt.Errorf("the server closed the connection without an answer (does it speak the stream dialect?): %w", io.ErrUnexpectedEOF)
		}
		if err != nil {
			return fmt.Errorf("answer for %q: %w", j.name, err)
		}
		switch again, err := c.answered(l, r, j, a); {
		case err != nil:
			return err
		case again:
			queue = append(queue, j)
		}
		asked = asked[1:]
		end = time.Now()
	}
	return nil
}

// answered takes one answer and what follows it. It asks for the job to be
// done again where its part proved useless. An error ends the connection.
func (c *Client) answered(l *link, r *protocol.Reader, j *job, a protocol.Answer) (again bool, err error) {
	if !a.OK {
		if a.Code == protocol.CodeRequest {
			return false, a.Err()
		}
		if a.Code == protocol.CodeOffset && j.offset() > 0 {
			// What we have is longer than the file: it is of another version.
			return true, j.part.restart()
		}
		if j.part != nil {
			j.part.abandon(true)
			j.part = nil
		}
		j.fail(a.Err())
		return false, nil
	}
	if a.Name != j.name || a.Offset != j.offset() {
		return false, fmt.Errorf("answer for %q from %d: the server sends %q from %d", j.name, j.offset(), a.Name, a.Offset)
	}
	if j.part == nil {
		if j.part, err = openPart(c.Dir, j.name, false); err != nil {
			return false, err
		}
	}
	p, keep := j.part, true
	defer func() {
		if p != nil {
			j.part = nil
			p.abandon(keep)
		}
	}()
	j.file.Offset = a.Offset
	progress := func(done int64) {
		if c.Progress != nil {
			c.Progress(j.name, done, a.Offset+a.Length)
		}
	}
	progress(p.size)
	s := newSink(l, p, c.Buffer, progress)
	stop := s.beside()
	_, err = r.Body(a.Length).(io.WriterTo).WriteTo(s)
	last := time.Now()
	stop()
	j.file.Bytes = p.size - a.Offset
	if err != nil {
		return false, fmt.Errorf("receive %q: %w", j.name, err)
	}
	sent, whole, err := s.finish()
	if err != nil {
		return false, fmt.Errorf("digest of %q: %w", j.name, err)
	}
	t, err := r.ReadTrailer()
	if err != nil {
		return false, fmt.Errorf("digest of %q: %w", j.name, err)
	}
	if t.HasWhole != (a.Offset > 0) {
		return false, fmt.Errorf("digest of %q: the server sends the wrong number of digests for offset %d", j.name, a.Offset)
	}
	switch {
	case sent != t.Sent:
		keep = false
		j.fail(&DigestError{Name: j.name, Got: hexSum(sent), Want: hexSum(t.Sent)})
		return false, nil
	case t.HasWhole && whole != t.Whole:
		keep = false
		j.fail(&DigestError{Name: j.name, Got: hexSum(whole), Want: hexSum(t.Whole), Resumed: true})
		return false, nil
	}
	j.part, p = nil, nil
	if err := s.part.commit(); err != nil {
		j.fail(diskError(s.part.final, err))
		return false, nil
	}
	j.done = true
	j.file.SHA256 = hexSum(whole)
	j.file.took(j.begun, last, time.Now())
	progress(s.part.size)
	return false, nil
}

// DigestError says that the bytes received are not those that the server
// digested. The file was removed.
type DigestError struct {
	Name      string
	Got, Want string // SHA-256, hexadecimal
	Resumed   bool   // it is the whole file's digest; what was sent now agrees
}

func (e *DigestError) Error() string {
	why := "the bytes changed on the way"
	if e.Resumed {
		why = "the part received earlier is of another version of the file"
	}
	return fmt.Sprintf("%q has SHA-256 %s, the server's has %s: %s: fetch it again", e.Name, e.Got, e.Want, why)
}
