package flow

import (
	"bytes"
	"context"
	"net/netip"
	"testing"
)

// No input crashes the judge, hangs it, or makes it keep more than its bounds.
func FuzzAnalyze(f *testing.F) {
	for _, x := range fixtures() {
		s := newScript(f)
		x.build(s)
		if len(s.packets) < 60 {
			f.Add(s.pcapng())
		}
	}
	web := newScript(f)
	k := web.talk(h2, server, 1, 2).open()
	k.get("A", inChunks+asGzip, chunked(gzipped(novelA[:3000]), 700)).put("B", inChunks, chunked(novelB[:3000], 900)).close()
	f.Add(web.pcapng())
	f.Add(gzipped(web.pcapng()))
	files := corpus()
	f.Fuzz(func(t *testing.T, capture []byte) {
		a, err := Analyze(context.Background(), bytes.NewReader(capture), Options{Files: files, MemoryBytes: 4 << 20})
		if err != nil {
			return
		}
		if len(a.Problems) > 64 || len(a.Attempts) > maxAttempts || len(a.Connections) > maxListed {
			t.Errorf("%d problems, %d attempts, %d connections", len(a.Problems), len(a.Attempts), len(a.Connections))
		}
		for _, c := range a.Judge(append(claim("A", "B"), Session{Server: netip.MustParseAddrPort(server), Files: []string{"x", "empty"}, AnyOrder: true})) {
			if c.Detail == "" || c.Verdict == "" {
				t.Errorf("%+v", c)
			}
		}
		for _, c := range a.SurveyClaim(Claim{Connections: 1, Order: []string{"A", "B"}}) {
			if c.Detail == "" || c.Verdict == "" {
				t.Errorf("%+v", c)
			}
		}
		// The same capture twice is two places that saw the same: no packet is new.
		inputs := []Input{{"one", bytes.NewReader(capture)}, {"two", bytes.NewReader(capture)}}
		if b, err := AnalyzeAll(context.Background(), inputs, Options{Files: files, MemoryBytes: 4 << 20}); err != nil || b.Packets != 2*a.Packets {
			t.Errorf("twice: %v, %d packets, once %d", err, b.Packets, a.Packets)
		}
	})
}

// However the segments of a stream are shuffled, repeated and overlapped, the stream is the
// same: what the fuzzer chooses is an order of pieces, never their bytes.
func FuzzOrder(f *testing.F) {
	f.Add([]byte{0, 40, 10, 90, 3, 20, 200, 255, 7, 7})
	f.Fuzz(func(t *testing.T, plan []byte) {
		if len(plan) > 400 {
			return
		}
		s := newScript(t)
		k := s.talk(h2, server, 1<<32-3, 1<<32-6000).open()
		base := k.sSeq
		for i := 0; i+1 < len(plan); i += 2 {
			at := int(plan[i]) * len(novelA) / 256
			n := min(1+int(plan[i+1])*8, len(novelA)-at)
			k.raw(true, "PA", base+uint32(at), k.cSeq, novelA[at:at+n])
		}
		for at := 0; at < len(novelA); at += 1000 { // then all of it, so that it is whole
			k.raw(true, "PA", base+uint32(at), k.cSeq, novelA[at:min(at+1000, len(novelA))])
		}
		k.sSeq = base + uint32(len(novelA))
		k.ackClient()
		k.close()
		a := analyze(t, s.pcapng(), corpus()...)
		if got := a.Judge(claim("A")); letters(got) != "PPPPP" {
			t.Errorf("%+v", got)
		}
	})
}
