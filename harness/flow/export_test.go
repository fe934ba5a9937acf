package flow

import (
	"encoding/binary"
	"testing"
)

// ScriptedCaptures are fixtures that the tests outside the package compare with tshark.
func ScriptedCaptures(t testing.TB) map[string][]byte {
	names := map[string]bool{
		"two files": true, "five connections": true, "SYN retransmitted": true, "SYN-ACK retransmitted": true, "half-open": true, "refused": true,
		"unanswered": true, "reset in the middle": true, "port reused with a new ISN": true, "keep-alive": true,
		"retransmissions that agree": true, "retransmissions that disagree": true, "sequence numbers wrap": true, "hole": true, "IPv6": true,
	}
	captures := map[string][]byte{}
	for _, f := range fixtures() {
		if names[f.name] {
			s := newScript(t)
			f.build(s)
			s.each(func(frame []byte) []byte { // without Ethernet's padding, which tcpflow takes for data
				length := 14 + int(binary.BigEndian.Uint16(frame[16:]))
				if frame[14]>>4 == 6 {
					length = 54 + int(binary.BigEndian.Uint16(frame[18:]))
				}
				return frame[:length]
			})
			captures[f.name] = s.pcapng()
		}
	}
	return captures
}

// WebCapture is a file of 20,000 bytes fetched by HTTP in compressed chunks, then as it is, with or without a hole in the latter.
func WebCapture(t testing.TB, hole bool) (capture, content []byte) {
	s := newScript(t)
	s.talk(h2, server, 1000, 5000).open().get("A", inChunks+asGzip, chunked(gzipped(novelA), 700)).get("A", length(novelA), novelA).close()
	if hole {
		d := s.data(1460)
		s.remove(d[len(d)-3])
	}
	return s.pcapng(), novelA
}
