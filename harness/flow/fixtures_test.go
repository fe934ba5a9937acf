package flow

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"testing"
)

// The corpus of the fixtures.
var (
	novelA = text(20_000, 1)
	novelB = text(30_011, 2)
	novelC = append(bytes.Clone(novelA[:5000]), text(12_000, 3)...) // begins as A does
	inside = novelB[7000:9000]                                      // a file inside another
	sents  = bytes.Repeat([]byte("sent"), 2500)
	zeros  = make([]byte, 9000)
)

func corpus() []File {
	return []File{
		fileOf("A", novelA), fileOf("B", novelB), fileOf("C", novelC), fileOf("inside", inside),
		fileOf("sents", sents), fileOf("zeros", zeros), fileOf("empty", nil), fileOf("x", []byte("x")), fileOf("EOF", []byte("EOF")),
		fileOf("medium", []byte("a medium file of 31 bytes, yes.")),
	}
}

const (
	h2     = "10.0.0.2:40112"
	h3     = "10.0.0.3:40999"
	server = "10.0.0.1:12345"
)

func claim(files ...string) []Session { return []Session{session("10.0.0.2", files...)} }

func session(client string, files ...string) Session {
	return Session{Client: netip.MustParseAddr(client), Server: netip.MustParseAddrPort(server), Files: files, Label: "h2"}
}

// want is the verdicts in the order of Judge: P, F or I each.
type fixture struct {
	name   string
	build  func(s *script)
	claim  []Session
	want   string // capture connections streams wire... close
	detail string // a piece of the details
	look   func(t *testing.T, a *Analysis)
}

func flip(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 0x20
	return b
}

func count(n int) func(*testing.T, *Analysis) {
	return func(t *testing.T, a *Analysis) {
		if len(a.Connections) != n {
			t.Errorf("%d connections, want %d", len(a.Connections), n)
		}
	}
}

func field(what string, get func(c *Connection) uint64, want uint64) func(*testing.T, *Analysis) {
	return func(t *testing.T, a *Analysis) {
		if len(a.Connections) == 0 {
			t.Fatal("no connection")
		}
		if got := get(&a.Connections[0]); got != want {
			t.Errorf("%s: %d, want %d", what, got, want)
		}
	}
}

func retransmissions(n uint64) func(*testing.T, *Analysis) {
	return field("retransmissions", func(c *Connection) uint64 { return c.Retransmissions }, n)
}

func attempt(handshake string) func(*testing.T, *Analysis) {
	return func(t *testing.T, a *Analysis) {
		if len(a.Attempts) != 1 || a.Attempts[0].Handshake != handshake {
			t.Errorf("attempts %+v, want one that is %s", a.Attempts, handshake)
		}
	}
}

func fixtures() []fixture {
	one := func(s *script) *talk { return s.talk(h2, server, 1000, 5000).open() }
	whole := func(s *script) { one(s).serve("A", novelA).serve("B", novelB).close() }
	v6 := func(s *script) *talk { return s.talk("[fd00::2]:40112", "[fd00::1]:12345", 1000, 5000).open() }
	claim6 := []Session{{Client: netip.MustParseAddr("fd00::2"), Server: netip.MustParseAddrPort("[fd00::1]:12345"), Files: []string{"A"}}}
	return append(pathFixtures(), []fixture{
		{name: "two files", build: whole, claim: claim("A", "B"), want: "PPPPP", look: count(1)},
		{name: "two files, other order claimed", build: whole, claim: claim("B", "A"), want: "PPPFP", detail: "the order seen is A; B"},
		{name: "two files, any order", build: whole, claim: []Session{{Client: netip.MustParseAddr("10.0.0.2"), Server: netip.MustParseAddrPort(server), Files: []string{"B", "A"}, AnyOrder: true}}, want: "PPPPP"},
		{name: "two files, one claimed", build: whole, claim: claim("A"), want: "PPPFP", detail: "it carries B too"},
		{name: "two files, three claimed", build: whole, claim: claim("A", "B", "C"), want: "PPPFP", detail: "C: differs at file offset 5,000"},
		{name: "two files, none claimed", build: whole, claim: claim(), want: "PPPFP"},
		{name: "unknown name claimed", build: whole, claim: claim("A", "nobody"), want: "PPPIP", detail: "nobody is not among"},
		{name: "two sessions claimed", build: whole, claim: append(claim("A"), claim("B")...), want: "PFPFFP", detail: "h2 to 10.0.0.1:12345: 1 connection, expected 2"},
		{name: "any client", build: whole, claim: []Session{{Server: netip.AddrPortFrom(netip.Addr{}, 12345), Files: []string{"A", "B"}}}, want: "PPPPP"},
		{name: "IPv6", build: func(s *script) { v6(s).serve("A", novelA).close() }, claim: claim6, want: "PPPPP"},
		{name: "IPv6, flipped", build: func(s *script) { v6(s).serve("A", flip(novelA, 9)).close() }, claim: claim6, want: "PPPFP", detail: "A: differs at file offset 9 "},

		{name: "flipped byte", build: func(s *script) { one(s).serve("A", flip(novelA, 12345)).close() }, claim: claim("A"), want: "PPPFP",
			detail: fmt.Sprintf("A: differs at file offset 12,345 (stream offset 12,358, packet 24, time 22:13:20.002400000): expected %#02x, saw %#02x", novelA[12345], novelA[12345]^0x20)},
		{name: "flipped first byte", build: func(s *script) { one(s).serve("A", flip(novelA, 0)).close() }, claim: claim("A"), want: "PPPFP", detail: "A: differs at file offset 0 "},
		{name: "flipped last byte", build: func(s *script) { one(s).serve("A", flip(novelA, len(novelA)-1)).close() }, claim: claim("A"), want: "PPPFP", detail: "A: differs at file offset 19,999 "},
		{name: "a byte left out", build: func(s *script) { one(s).serve("A", slices.Delete(bytes.Clone(novelA), 5000, 5001)).close() }, claim: claim("A"), want: "PPPFP", detail: "A: differs at file offset 5,00"},
		{name: "cut at its end", build: func(s *script) { one(s).say(true, novelA[:15000]).close() }, claim: claim("A"), want: "PPPFP", detail: "A: only its first 15,000 of 20,000 bytes are there"},

		{name: "five connections", build: func(s *script) {
			for i := range 5 {
				s.talk(fmt.Sprintf("10.0.0.2:%d", 40000+i), server, 1000, 5000).open().serve("A", novelA).close()
			}
		}, claim: claim("A", "A", "A", "A", "A"), want: "PFPFP", detail: "5 connections, expected 1 (:40000; :40001; :40002; :40003; :40004)", look: count(5)},
		{name: "five connections and drops", build: func(s *script) {
			s.drops = 7
			for i := range 5 {
				s.talk(fmt.Sprintf("10.0.0.2:%d", 40000+i), server, 1000, 5000).open().serve("A", novelA).close()
			}
		}, claim: claim("A", "A", "A", "A", "A"), want: "IFPFP"},
		{name: "five sessions", build: func(s *script) {
			for i, f := range [][]byte{novelA, novelB, novelC, inside, sents} {
				s.talk(fmt.Sprintf("10.0.0.2:%d", 40000+i), server, 1000, 5000).open().serve("f", f).close()
			}
		}, claim: append(append(append(append(claim("sents"), claim("inside")...), claim("C")...), claim("A")...), claim("B")...), want: "PPPPPPPPP"},
		{name: "spread over two connections", build: func(s *script) {
			one(s).say(true, novelA[:9000]).close()
			s.talk("10.0.0.2:40113", server, 1, 2).open().say(true, novelA[9000:]).close()
		}, claim: claim("A"), want: "PFPFP"},
		{name: "two clients", build: func(s *script) {
			one(s).serve("A", novelA).close()
			s.talk(h3, server, 7, 8).open().serve("B", novelB).close()
		}, claim: append(claim("A"), session("10.0.0.3", "B")), want: "PPPPPP"},
		{name: "two clients, swapped", build: func(s *script) {
			one(s).serve("A", novelA).close()
			s.talk(h3, server, 7, 8).open().serve("B", novelB).close()
		}, claim: append(claim("B"), session("10.0.0.3", "A")), want: "PPPFFP", detail: "B is not on this connection, but on that of 10.0.0.3:40999, which begins with packet"},

		{name: "SYN retransmitted", build: func(s *script) {
			k := s.talk(h2, server, 1000, 5000)
			k.syn()
			k.raw(false, "S", 1000, 0, nil)
			k.synAck()
			k.ackClient()
			k.serve("A", novelA).close()
		}, claim: claim("A"), want: "PPPPP", look: retransmissions(1)},
		{name: "SYN-ACK retransmitted", build: func(s *script) {
			k := s.talk(h2, server, 1000, 5000)
			k.syn()
			k.synAck()
			k.raw(true, "SA", 5000, 1001, nil)
			k.raw(true, "SA", 5000, 1001, nil)
			k.ackClient()
			k.serve("A", novelA).close()
		}, claim: claim("A"), want: "PPPPP", look: retransmissions(2)},
		{name: "half-open", build: func(s *script) {
			k := s.talk(h2, server, 1000, 5000)
			k.syn()
			k.synAck()
		}, claim: claim("A"), want: "PFPFP", detail: "1 attempt half-open", look: attempt(HandshakeHalfOpen)},
		{name: "refused", build: func(s *script) {
			k := s.talk(h2, server, 1000, 5000)
			k.syn()
			k.raw(true, "RA", 0, 1001, nil)
		}, claim: claim("A"), want: "PFPFP", detail: "1 attempt refused", look: attempt(HandshakeRefused)},
		{name: "refused, then served from the same port", build: func(s *script) {
			k := s.talk(h2, server, 1000, 5000)
			k.syn()
			k.raw(true, "RA", 0, 1001, nil)
			s.talk(h2, server, 99000, 5000).open().serve("A", novelA).close()
		}, claim: claim("A"), want: "PPPPP", look: attempt(HandshakeRefused)},
		{name: "unanswered", build: func(s *script) { s.talk(h2, server, 1000, 5000).syn() }, claim: claim("A"), want: "PFPFP", look: attempt(HandshakeUnanswered)},
		{name: "SYN cookie with another number", build: func(s *script) {
			k := s.talk(h2, server, 1000, 5000)
			k.syn()
			k.raw(true, "SA", 777000, 1001, nil)
			k.synAck()
			k.ackClient()
			k.serve("A", novelA).close()
		}, claim: claim("A"), want: "PPPPP", look: attempt(HandshakeHalfOpen)},
		{name: "reset in the middle", build: func(s *script) {
			k := one(s)
			k.say(true, novelA[:12000])
			k.raw(false, "RA", k.cSeq, k.sSeq, nil)
		}, claim: claim("A"), want: "PPPFF", detail: "reset by the client"},
		{name: "reset after all", build: func(s *script) {
			k := one(s)
			k.serve("A", novelA)
			k.raw(true, "RA", k.sSeq, k.cSeq, nil)
		}, claim: claim("A"), want: "PPPPF", detail: "reset by the server"},
		{name: "reset after both FINs", build: func(s *script) {
			k := one(s).serve("A", novelA).close()
			k.raw(false, "R", k.cSeq, 0, nil)
		}, claim: claim("A"), want: "PPPPP"},
		{name: "port reused with a new ISN", build: func(s *script) {
			one(s).serve("A", novelA).close()
			s.talk(h2, server, 900_000, 800_000).open().serve("B", novelB).close()
		}, claim: append(claim("A"), claim("B")...), want: "PPPPPP", look: func(t *testing.T, a *Analysis) {
			if len(a.Connections) != 2 || a.Connections[0].Reused || !a.Connections[1].Reused {
				t.Errorf("%d connections, the second must be marked as reused", len(a.Connections))
			}
		}},
		{name: "port reused, one claimed", build: func(s *script) {
			one(s).serve("A", novelA).close()
			s.talk(h2, server, 900_000, 800_000).open().serve("B", novelB).close()
		}, claim: claim("A", "B"), want: "PFPFP", detail: ":40112 (again)"},
		{name: "port reused without a close", build: func(s *script) {
			one(s).serve("A", novelA)
			s.talk(h2, server, 900_000, 800_000).open().serve("B", novelB).close()
		}, claim: append(claim("A"), claim("B")...), want: "PPPIPI", detail: ClosedReused},
		{name: "simultaneous open", build: func(s *script) {
			k := s.talk(h2, server, 1000, 5000)
			k.raw(false, "S", 1000, 0, nil)
			k.raw(true, "S", 5000, 0, nil)
			k.cSeq, k.sSeq = 1001, 5001
			k.raw(false, "SA", 1000, 5001, nil)
			k.raw(true, "SA", 5000, 1001, nil)
			k.serve("A", novelA).close()
		}, claim: claim("A"), want: "PPPPP", look: func(t *testing.T, a *Analysis) {
			if len(a.Connections) != 1 || a.Connections[0].Handshake != HandshakeSimultaneous {
				t.Errorf("%+v", a.Connections)
			}
		}},
		{name: "data in the SYN", build: func(s *script) {
			k := s.talk(h2, server, 1000, 5000)
			k.raw(false, "S", 1000, 0, []byte("GET 0 A\n"))
			k.cSeq = 1009
			k.synAck()
			k.ackClient()
			k.say(true, novelA).close()
		}, claim: claim("A"), want: "PPPPP", look: field("bytes to the server", func(c *Connection) uint64 { return c.BytesToServer }, 8)},
		{name: "data in the SYN, not taken", build: func(s *script) {
			k := s.talk(h2, server, 1000, 5000)
			k.raw(false, "S", 1000, 0, []byte("GET 0 A\n"))
			k.cSeq = 1001
			k.synAck()
			k.ackClient()
			k.say(false, []byte("GET 0 A\n")).say(true, novelA).close()
		}, claim: claim("A"), want: "PPPPP", look: retransmissions(1)},
		{name: "keep-alive", build: func(s *script) {
			k := one(s).serve("A", novelA)
			k.raw(false, "A", k.cSeq-1, k.sSeq, nil)
			k.ackServer()
			k.raw(true, "A", k.sSeq-1, k.cSeq, []byte{0})
			k.ackClient()
			k.close()
		}, claim: claim("A"), want: "PPPPP", look: field("keep-alives", func(c *Connection) uint64 { return c.KeepAlives - c.Retransmissions }, 2)},
		{name: "zero-window probes", build: func(s *script) {
			k := one(s).say(true, novelA[:8000])
			k.window = 0
			k.ackClient()
			k.window = 64240
			k.raw(true, "A", k.sSeq-1, k.cSeq, nil)
			k.window = 0
			k.ackClient()
			k.window = 64240
			k.raw(true, "A", k.sSeq, k.cSeq, novelA[8000:8001]) // a probe with data, refused
			k.window = 0
			k.ackClient()
			k.window = 64240
			k.ackClient()
			k.say(true, novelA[8000:]).close()
		}, claim: claim("A"), want: "PPPPP", look: field("zero windows", func(c *Connection) uint64 { return c.ZeroWindows }, 3)},

		{name: "retransmissions that agree", build: func(s *script) {
			k := one(s)
			k.say(true, novelA[:10000])
			k.raw(true, "PA", k.sSeq-3000, k.cSeq, novelA[7000:8460])
			k.raw(true, "PA", k.sSeq-1000, k.cSeq, novelA[9000:10460]) // half old, half new
			k.sSeq += 460
			k.ackClient()
			k.say(true, novelA[10460:]).close()
		}, claim: claim("A"), want: "PPPPP", look: retransmissions(2)},
		{name: "retransmissions that disagree", build: func(s *script) {
			k := one(s)
			k.say(true, novelA[:10000])
			k.raw(true, "PA", k.sSeq-3000, k.cSeq, flip(novelA, 7100)[7000:8460])
			k.say(true, novelA[10000:]).close()
		}, claim: claim("A"), want: "PPFPP", detail: "to-client, stream offset 7,100, packet"},
		{name: "overlap that disagrees ahead of a hole", build: func(s *script) {
			k := one(s)
			at := k.sSeq
			k.raw(true, "PA", at+1000, k.cSeq, novelA[1000:2000])
			k.raw(true, "PA", at+500, k.cSeq, flip(novelA, 1500)[500:2000])
			k.raw(true, "PA", at, k.cSeq, novelA[:500])
			k.sSeq += 2000
			k.ackClient()
			k.say(true, novelA[2000:]).close()
		}, claim: claim("A"), want: "PPFPP", detail: "stream offset 1,500"},
		{name: "sequence numbers wrap", build: func(s *script) {
			s.talk(h2, server, 1<<32-5, 1<<32-9000).open().serve("A", novelA).close()
		}, claim: claim("A"), want: "PPPPP"},
		{name: "sequence numbers wrap, flipped", build: func(s *script) {
			s.talk(h2, server, 1<<32-5, 1<<32-9000).open().serve("A", flip(novelA, 8999)).close()
		}, claim: claim("A"), want: "PPPFP"},
		{name: "ISN is the last number", build: func(s *script) {
			s.talk(h2, server, 1<<32-1, 1<<32-1).open().serve("A", novelA).close()
		}, claim: claim("A"), want: "PPPPP"},
		{name: "the client's numbers wrap", build: func(s *script) {
			k := s.talk(h2, server, 1<<32-500, 5000).open()
			k.say(false, text(4000, 9)).serve("A", novelA).close()
		}, claim: claim("A"), want: "PPPPP"},
		{name: "reordered", build: func(s *script) {
			one(s).serve("A", novelA).close()
			d := s.data(1460)
			for i := 0; i+3 < len(d); i += 4 {
				s.packets[d[i]], s.packets[d[i+3]] = s.packets[d[i+3]], s.packets[d[i]]
			}
		}, claim: claim("A"), want: "PPPPP", look: retransmissions(0)},
		{name: "every packet captured twice", build: func(s *script) {
			whole(s)
			var list []packet
			for _, p := range s.packets {
				list = append(list, p, p)
			}
			s.packets = list
		}, claim: claim("A", "B"), want: "PPPPP", look: func(t *testing.T, a *Analysis) {
			retransmissions(0)(t, a)
			if a.Duplicates != a.Packets/2 {
				t.Errorf("%d duplicates of %d packets", a.Duplicates, a.Packets)
			}
		}},
		{name: "two interfaces", build: func(s *script) {
			s.names = []string{"h1-eth0", "s1-eth1"}
			k := one(s)
			k.say(true, novelA[:10000])
			k.raw(true, "PA", k.sSeq-1460, k.cSeq, novelA[8540:10000])
			k.say(true, novelA[10000:]).close()
			var list []packet
			for _, p := range s.packets {
				far := p
				far.iface, far.time = 1, p.time+3e6
				far.data = bytes.Clone(p.data)
				far.data[22]-- // time to live
				list = append(list, p, far)
			}
			s.packets = list
		}, claim: claim("A"), want: "PPPPP", look: func(t *testing.T, a *Analysis) {
			retransmissions(1)(t, a)
			if a.Connections[0].Interface != "h1-eth0" {
				t.Errorf("counted at %q", a.Connections[0].Interface)
			}
		}},
		{name: "frames of 64 KB", build: func(s *script) {
			k := one(s)
			k.mss = 65000
			k.serve("A", novelA).serve("B", novelB).say(true, text(200_000, 8)).close()
		}, claim: claim("A", "B"), want: "PPPPP"},

		{name: "truncated", build: func(s *script) {
			whole(s)
			for i := range s.packets {
				s.packets[i].data = s.packets[i].data[:min(len(s.packets[i].data), 96)]
			}
		}, claim: claim("A", "B"), want: "IPIIP", detail: "cut short by the snap length"},
		{name: "one packet truncated", build: func(s *script) {
			whole(s)
			i := s.data(1460)[3]
			s.packets[i].data = s.packets[i].data[:1000]
		}, claim: claim("A", "B"), want: "IPIIP", detail: "514 of its 20,000 bytes are not in the capture, all others agree"},
		{name: "tail dropped", build: func(s *script) { whole(s); s.packets = s.packets[:len(s.packets)-20] }, claim: claim("A", "B"), want: "PPPII", detail: "B: only its first"},
		{name: "cut in the middle of a block", build: func(s *script) { whole(s); s.cut = 3000 }, claim: claim("A", "B"), want: "IIPII", detail: "the input ends in the middle of a packet block"},
		{name: "hole", build: func(s *script) { whole(s); s.remove(s.data(1460)[5]) }, claim: claim("A", "B"), want: "PPIIP", detail: "acknowledged by the receiver, not in the capture"},
		{name: "hole at the end", build: func(s *script) { whole(s); s.remove(len(s.packets) - 5) }, claim: claim("A", "B"), want: "PPIIP"},
		{name: "hole and flipped byte", build: func(s *script) {
			one(s).serve("A", flip(novelA, 15000)).close()
			s.remove(s.data(1460)[5])
		}, claim: claim("A"), want: "PPIIP", detail: "A: differs at file offset 15,000"},
		{name: "hole where the file begins", build: func(s *script) { one(s).serve("A", novelA).close(); s.remove(s.data(1460)[0]) }, claim: claim("A"), want: "PPIIP"},
		{name: "lost and sent again", build: func(s *script) {
			one(s).serve("A", novelA).close()
			d := s.data(1460)
			p := s.remove(d[4])
			s.insert(d[7], p)
		}, claim: claim("A"), want: "PPPPP", look: field("out of order", func(c *Connection) uint64 { return c.OutOfOrder }, 1)},
		{name: "drops", build: func(s *script) { whole(s); s.drops = 3 }, claim: claim("A", "B"), want: "IIPPP", detail: "3 packets lost by its own count"},
		{name: "drops and no connection", build: func(s *script) { s.drops = 3; s.talk(h3, server, 1, 2).open().close() }, claim: claim("A"), want: "IIIII"},
		{name: "began late", build: func(s *script) { whole(s); s.packets = s.packets[8:] }, claim: claim("A", "B"), want: "PIIIP", detail: "the handshake of 1 is not in the capture"},
		{name: "SYN not captured", build: func(s *script) { whole(s); s.remove(0) }, claim: claim("A", "B"), want: "PPPPP"},
		{name: "SYN-ACK not captured", build: func(s *script) { whole(s); s.remove(1) }, claim: claim("A", "B"), want: "PIIIP"},
		{name: "still open", build: func(s *script) { one(s).serve("A", novelA) }, claim: claim("A"), want: "PPPII", detail: "whether more followed is not known"},
		{name: "damaged segment, sent again", build: func(s *script) {
			one(s).serve("A", novelA).close()
			d := s.data(1460)[4]
			bad := s.packets[d]
			bad.data = flip(bad.data, 700)
			s.insert(d, bad)
		}, claim: claim("A"), want: "PPPPP", look: func(t *testing.T, a *Analysis) {
			if a.BadChecksums != 1 {
				t.Errorf("%d bad checksums", a.BadChecksums)
			}
		}},
		{name: "damaged segment, acknowledged", build: func(s *script) {
			one(s).serve("A", novelA).close()
			d := s.data(1460)[4]
			s.packets[d].data = flip(s.packets[d].data, 700)
		}, claim: claim("A"), want: "PPIIP"},
		{name: "nothing", build: func(s *script) {}, claim: claim("A"), want: "IIIII", detail: "it holds no packet"},

		{name: "same file twice", build: func(s *script) { one(s).serve("A", novelA).serve("A", novelA).close() }, claim: claim("A", "A"), want: "PPPPP"},
		{name: "same file twice without a byte between", build: func(s *script) { one(s).say(true, novelA).say(true, novelA).close() }, claim: claim("A", "A"), want: "PPPPP"},
		{name: "same file twice, claimed once", build: func(s *script) { one(s).serve("A", novelA).serve("A", novelA).close() }, claim: claim("A"), want: "PPPFP", detail: "it carries A once more than claimed"},
		{name: "same file once, claimed twice", build: func(s *script) { one(s).serve("A", novelA).close() }, claim: claim("A", "A"), want: "PPPFP", detail: "A is there only once"},
		{name: "equal beginnings", build: func(s *script) { one(s).serve("C", novelC).serve("A", novelA).close() }, claim: claim("C", "A"), want: "PPPPP"},
		{name: "file inside another", build: func(s *script) { one(s).serve("B", novelB).close() }, claim: claim("B"), want: "PPPPP", look: func(t *testing.T, a *Analysis) {
			if len(a.Connections[0].Files) != 2 {
				t.Errorf("%+v", a.Connections[0].Files)
			}
		}},
		{name: "file inside another, both claimed", build: func(s *script) { one(s).serve("B", novelB).close() }, claim: claim("B", "inside"), want: "PPPFP"},
		{name: "file inside another, both sent", build: func(s *script) { one(s).serve("B", novelB).serve("inside", inside).close() }, claim: claim("B", "inside"), want: "PPPPP"},
		{name: "inner file sent before", build: func(s *script) { one(s).serve("inside", inside).serve("B", novelB).close() }, claim: claim("inside", "B"), want: "PPPPP"},
		{name: "outer file alone, inner claimed", build: func(s *script) { one(s).serve("B", novelB).close() }, claim: claim("inside"), want: "PPPFP"},
		{name: "lockstep", build: func(s *script) { lockstep(one(s), "A", novelA).close() }, claim: claim("A"), want: "PPPPP"},
		{name: "lockstep, words of the protocol", build: func(s *script) { lockstep(one(s), "sents", sents).close() }, claim: claim("sents"), want: "PPPPP"},
		{name: "lockstep, words of the protocol twice", build: func(s *script) { lockstep(lockstep(one(s), "sents", sents), "sents", sents).close() }, claim: claim("sents", "sents"), want: "PPPPP"},
		{name: "lockstep, words of the protocol, one missing", build: func(s *script) { one(s).say(true, sents[4:]).close() }, claim: claim("sents"), want: "PPPFP", detail: "only its first 9,996"},
		{name: "more places than are followed", build: func(s *script) {
			one(s).say(true, sents[4:]).say(true, []byte("stop")).say(true, sents[4:]).close()
		}, claim: claim("sents"), want: "PPPIP", detail: "more places"},
		{name: "zeros", build: func(s *script) { one(s).serve("zeros", zeros).close() }, claim: claim("zeros"), want: "PPPPP"},
		{name: "zeros twice", build: func(s *script) { one(s).say(true, zeros).say(true, zeros).close() }, claim: claim("zeros"), want: "PPPFP"},
		{name: "medium", build: func(s *script) {
			one(s).serve("medium", []byte("a medium file of 31 bytes, yes.")).serve("A", novelA).close()
		}, claim: claim("medium", "A"), want: "PPPPP"},
		{name: "medium, changed", build: func(s *script) {
			one(s).serve("medium", []byte("a medium file of 31 bytes, no..")).serve("A", novelA).close()
		}, claim: claim("medium", "A"), want: "PPPFP"},
		{name: "empty", build: func(s *script) { one(s).serve("empty", nil).close() }, claim: claim("empty"), want: "PPPPP", detail: "empty is empty: nothing to carry"},
		{name: "one byte, perhaps", build: func(s *script) { one(s).say(true, []byte("OK 0 1 x\nx")).close() }, claim: claim("x"), want: "PPPIP", detail: "by chance"},
		{name: "one byte, nothing else", build: func(s *script) { one(s).say(true, []byte("x")).close() }, claim: claim("x"), want: "PPPPP"},
		{name: "one byte, not there", build: func(s *script) { one(s).say(true, []byte("y")).close() }, claim: claim("x"), want: "PPPFP"},
		{name: "short between long", build: func(s *script) { one(s).say(true, novelA).say(true, []byte("EOF")).say(true, novelB).close() }, claim: claim("A", "EOF", "B"), want: "PPPPP"},
		{name: "short between long, another", build: func(s *script) { one(s).say(true, novelA).say(true, []byte("EOX")).say(true, novelB).close() }, claim: claim("A", "EOF", "B"), want: "PPPFP"},
	}...)
}

// lockstep serves in the shape of the lockstep dialect: 1024 bytes, then a word back.
func lockstep(k *talk, name string, content []byte) *talk {
	k.say(false, []byte(name)).say(true, []byte("sent")).say(false, []byte("sent"))
	for len(content) > 0 {
		n := min(1024, len(content))
		k.say(true, content[:n]).say(false, []byte("sent"))
		content = content[n:]
	}
	return k.say(true, []byte("EOF"))
}
