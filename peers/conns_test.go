package peers

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
)

// plainConn hides what a TCP connection can do, so that bytes pass through the
// process, where a test can change them.
type plainConn struct {
	net.Conn
	mu  sync.Mutex
	at  int64
	cut int64 // the stream ends after so many bytes; -1: never
	xor int64 // the byte at this offset is changed; -1: none
}

func (c *plainConn) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut >= 0 {
		if c.at >= c.cut {
			return 0, io.EOF
		}
		p = p[:min(int64(len(p)), c.cut-c.at)]
	}
	n, err := c.Conn.Read(p)
	if i := c.xor - c.at; c.xor >= 0 && i >= 0 && i < int64(n) {
		p[i] ^= 0x20
	}
	c.at += int64(n)
	return n, err
}

type dialFunc func(ctx context.Context) (net.Conn, error)

func (d dialFunc) through(cut, xor int64) dialFunc {
	return func(ctx context.Context) (net.Conn, error) {
		conn, err := d(ctx)
		if err != nil {
			return nil, err
		}
		return &plainConn{Conn: conn, cut: cut, xor: xor}, nil
	}
}

// answer runs a server of the test's own: handle has each connection.
func answer(tb testing.TB, handle func(net.Conn)) dialFunc {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer conn.Close()
				handle(conn)
			})
		}
	})
	tb.Cleanup(func() {
		l.Close()
		running.Wait()
	})
	return func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", l.Addr().String())
	}
}
