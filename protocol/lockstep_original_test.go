package protocol

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
)

// A party is one end of a lockstep connection as the search below sees it: a
// value that can be copied, to which a read or silence happens.
type party interface {
	clone() party
	recv(b []byte) (send []byte) // what one recv returned
	quiet() (send []byte)
	limit() int // the argument of the recv it is blocked in; 0: it reads no more
	key() string
	patient() bool // silence would change it
}

// The original server, from its description: recv(1024) is the name, recv(100)
// is an acknowledgement whatever it says, and a name that it cannot open kills
// it.
type originalServer struct {
	files  map[string]string
	buffer int
	state  string // "name", "ack", "dead"
	rest   string
}

func (s *originalServer) clone() party  { c := *s; return &c }
func (s *originalServer) patient() bool { return false }
func (s *originalServer) quiet() []byte { return nil }
func (s *originalServer) key() string   { return s.state + "/" + s.rest }
func (s *originalServer) limit() int {
	return map[string]int{"name": 1024, "ack": 100}[s.state]
}

func (s *originalServer) recv(b []byte) []byte {
	if s.state == "name" {
		content, ok := s.files[string(b)]
		if !ok {
			s.state = "dead"
			return nil
		}
		s.rest, s.state = content, "ack"
		return []byte("sent")
	}
	n := min(s.buffer, len(s.rest))
	chunk := s.rest[:n]
	if s.rest = s.rest[n:]; chunk == "" {
		s.state = "name"
		return []byte("EOF")
	}
	return []byte(chunk)
}

// The original client: recv(1024) and "sent" for every read that is not exactly
// "EOF".
type originalClient struct {
	names  []string
	buffer int
	ready  bool
	got    []string
}

func (c *originalClient) clone() party {
	d := *c
	d.got = slices.Clone(c.got)
	return &d
}
func (c *originalClient) patient() bool { return false }
func (c *originalClient) quiet() []byte { return nil }
func (c *originalClient) key() string   { return fmt.Sprintf("%q %v", c.got, c.ready) }
func (c *originalClient) limit() int {
	if len(c.got) == len(c.names) && !c.ready {
		return 0
	}
	return c.buffer
}

func (c *originalClient) recv(b []byte) []byte {
	if !c.ready {
		c.ready = true
		c.got = append(c.got, "")
		return []byte("sent")
	}
	if string(b) != "EOF" {
		c.got[len(c.got)-1] += string(b)
		return []byte("sent")
	}
	c.ready = false
	if len(c.got) < len(c.names) {
		return []byte(c.names[len(c.got)])
	}
	return nil
}

// Our server with its driver.
type ourServer struct {
	LockstepServer
	files  map[string]string
	chunks [][]byte
	closed bool
}

func newOurServer(buffer int, files map[string]string) *ourServer {
	s := &ourServer{files: files}
	s.LockstepServer = *NewLockstepServer(buffer, func(name string) bool { _, ok := files[name]; return ok })
	return s
}

func (s *ourServer) clone() party {
	c := *s
	c.name = slices.Clone(s.name)
	return &c
}
func (s *ourServer) patient() bool { return s.WantsQuiet() }
func (s *ourServer) limit() int {
	if s.closed {
		return 0
	}
	return 1024
}
func (s *ourServer) key() string {
	return fmt.Sprintf("%d %q %q %d %v %d %v", s.state, s.name, s.file, s.ack, s.surplus, len(s.chunks), s.closed)
}
func (s *ourServer) recv(b []byte) []byte { return s.do(s.Feed(b)) }
func (s *ourServer) quiet() []byte        { return s.do(s.Quiet()) }

func (s *ourServer) do(act LockstepAction) []byte {
	switch act {
	case LockstepOpen:
		s.chunks = cutAll(s.files[s.Name()], s.Buffer())
		return LockstepReady()
	case LockstepSend:
		if len(s.chunks) == 0 {
			return s.do(s.Finish())
		}
		chunk := s.chunks[0]
		s.chunks = s.chunks[1:]
		return chunk
	case LockstepFinish:
		return LockstepEnd()
	case LockstepClose:
		s.closed = true
	}
	return nil
}

// Our client with its driver.
type ourClient struct {
	LockstepClient
	names []string
	got   []string
	ambig []int // case of each file
	err   error
}

func newOurClient(buffer int, names []string) *ourClient {
	return &ourClient{LockstepClient: *NewLockstepClient(buffer), names: names}
}

func (c *ourClient) clone() party {
	d := *c
	d.out, d.got, d.ambig = nil, slices.Clone(c.got), slices.Clone(c.ambig)
	return &d
}
func (c *ourClient) patient() bool { return c.WantsQuiet() }
func (c *ourClient) limit() int {
	if c.err != nil || c.State() != LockstepAsked && c.State() != LockstepReceiving {
		return 0
	}
	return 1 << 16
}
func (c *ourClient) key() string {
	return fmt.Sprintf("%v %d %d %d %d %v %v %d %q %v", c.state, c.reply, c.fill, c.since, c.held, c.LockstepClient.quiet, c.credit, c.maybe, c.got, c.err)
}

func (c *ourClient) next() []byte {
	if len(c.got) == len(c.names) {
		return nil
	}
	send, err := c.Request(c.names[len(c.got)])
	c.err = err
	c.got = append(c.got, "")
	return send
}
func (c *ourClient) recv(b []byte) []byte {
	return c.take(c.Feed(bytes.Clone(b)))
}
func (c *ourClient) quiet() []byte { return c.take(c.Quiet()) }

func (c *ourClient) take(content, send []byte, err error) []byte {
	c.got[len(c.got)-1] += string(content)
	c.err = err
	if err == nil && c.State() == LockstepDone {
		which := 0
		if err := c.Ambiguous(); err != nil {
			which = err.(*AmbiguousError).Case
		}
		c.ambig = append(c.ambig, which)
		return c.next()
	}
	return bytes.Clone(send)
}

// A world is a connection: two parties and the bytes on their way.
type world struct {
	client, server     party
	toClient, toServer []byte
}

// A search plays a connection in every order of events and with every cut of
// every read that it allows, and collects how it can end.
type search struct {
	cutClient, cutServer bool // reads may return less than is there
	whole                bool // but the client reads "sent" and "EOF" whole
	liar                 bool // silence is also given to the client while bytes are on their way
	seen                 map[string]bool
	ends                 map[string]world
}

func (s *search) play(w world) {
	key := fmt.Sprintf("%s|%s|%s|%s", w.client.key(), w.server.key(), w.toClient, w.toServer)
	if s.seen[key] {
		return
	}
	if s.seen[key] = true; len(s.seen) > 2_000_000 {
		panic("the search has no end")
	}
	moved := false
	cutClient := s.cutClient
	if c, ok := w.client.(*originalClient); ok && s.whole {
		cutClient = cutClient && c.ready && string(w.toClient) != "EOF"
	}
	for n := range cuts(w.toClient, w.client.limit(), cutClient) {
		moved = true
		v := world{w.client.clone(), w.server.clone(), slices.Clone(w.toClient[n:]), slices.Clone(w.toServer)}
		v.toServer = append(v.toServer, v.client.recv(w.toClient[:n])...)
		s.play(v)
	}
	for n := range cuts(w.toServer, w.server.limit(), s.cutServer) {
		moved = true
		v := world{w.client.clone(), w.server.clone(), slices.Clone(w.toClient), slices.Clone(w.toServer[n:])}
		v.toClient = append(v.toClient, v.server.recv(w.toServer[:n])...)
		s.play(v)
	}
	// Silence is a fact only when nothing is on its way. It comes to both sides,
	// in either order.
	if !moved || s.liar {
		if w.client.patient() {
			v := world{w.client.clone(), w.server.clone(), slices.Clone(w.toClient), slices.Clone(w.toServer)}
			v.toServer = append(v.toServer, v.client.quiet()...)
			moved = true
			s.play(v)
		}
	}
	if w.server.patient() && len(w.toClient)+len(w.toServer) == 0 {
		v := world{w.client.clone(), w.server.clone(), nil, nil}
		v.toClient = append(v.toClient, v.server.quiet()...)
		moved = true
		s.play(v)
	}
	if !moved {
		s.ends[key] = w
	}
}

// cuts yields the lengths that a recv(limit) may return of what is there.
func cuts(there []byte, limit int, cut bool) func(func(int) bool) {
	return func(yield func(int) bool) {
		most := min(len(there), limit)
		if most == 0 {
			return
		}
		for n := 1; n < most; n++ {
			if cut && !yield(n) {
				return
			}
		}
		yield(most)
	}
}

// run starts the client with its first name and gives all ends.
func (s *search) run(t *testing.T, first []byte, client, server party) []world {
	t.Helper()
	s.seen, s.ends = map[string]bool{}, map[string]world{}
	s.play(world{client: client, server: server, toServer: first})
	var ends []world
	for _, w := range s.ends {
		ends = append(ends, w)
	}
	if len(ends) == 0 {
		t.Fatal("the connection never comes to rest")
	}
	return ends
}

func cutAll(content string, buffer int) (chunks [][]byte) {
	c := NewLockstepChunks(bytes.NewReader([]byte(content)), buffer)
	for {
		chunk, err := c.Next()
		if err != nil {
			return chunks
		}
		chunks = append(chunks, bytes.Clone(chunk))
	}
}
