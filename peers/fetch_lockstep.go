package peers

import (
	"bufio"
	"fmt"
	"io"
	"time"

	"github.com/wireproof/wireproof/protocol"
)

// fetchLockstep fetches jobs one after the other over one connection. An error
// ends the connection, and is that of the jobs not done.
func (c *Client) fetchLockstep(l *link, jobs []*job) error {
	var (
		m   = protocol.NewLockstepClient(c.Buffer)
		rx  = newReceiver(l)
		buf = make([]byte, max(64<<10, m.Buffer()))
	)
	for _, j := range jobs {
		if err := c.lockstepFile(l, m, rx, buf, j); err != nil {
			return fmt.Errorf("receive %q: %w", j.name, err)
		}
	}
	return nil
}

func (c *Client) lockstepFile(l *link, m *protocol.LockstepClient, rx *receiver, buf []byte, j *job) (err error) {
	p, err := openPart(c.Dir, j.name, false)
	if err != nil {
		return err
	}
	defer func() {
		if p != nil {
			p.abandon(false) // lockstep cannot resume
		}
	}()
	progress := func(done, total int64) {
		if c.Progress != nil {
			c.Progress(j.name, done, total)
		}
	}
	s := newSink(l, p, 0, func(done int64) { progress(done, -1) })
	w := bufio.NewWriterSize(s, digestUnit)
	defer func() { j.file.Bytes = s.part.size }()

	j.begun = time.Now()
	progress(0, -1)
	send, err := m.Request(j.name)
	if err != nil {
		return err
	}
	if err := rx.write(send); err != nil {
		return err
	}
	l.startHeader(true)
	inHeader := true
	for m.State() != protocol.LockstepDone {
		if inHeader && m.State() == protocol.LockstepReceiving {
			inHeader = false
			l.endHeader()
		}
		quiet := time.Duration(0)
		if m.WantsQuiet() {
			quiet = quietPeriod
		}
		var content, send []byte
		n, err := rx.read(buf, quiet)
		switch {
		case err == nil:
			content, send, err = m.Feed(buf[:n])
		case err == errQuiet:
			content, send, err = m.Quiet()
		case err == io.EOF:
			err = m.Closed()
			if err == nil && m.State() != protocol.LockstepDone {
				err = io.ErrUnexpectedEOF
			}
		}
		if err != nil {
			return err
		}
		if len(send) > 0 {
			if err := rx.write(send); err != nil {
				return err
			}
		}
		if _, err := w.Write(content); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	last := time.Now()
	if err := m.Ambiguous(); err != nil {
		return err
	}
	_, whole, err := s.finish()
	if err != nil {
		return err
	}
	p = nil
	if err := s.part.commit(); err != nil {
		return diskError(s.part.final, err)
	}
	j.done = true
	j.file.Bytes = s.part.size
	j.file.SHA256 = hexSum(whole)
	j.file.took(j.begun, last, time.Now())
	progress(s.part.size, s.part.size)
	return nil
}
