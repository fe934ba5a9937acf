package capfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// named is a capture of one interface with packets at these times.
func named(name string, drops uint64, times ...uint64) []byte {
	w := &writer{order: binary.LittleEndian}
	w.section("").iface(1, 0, name, 9)
	for _, t := range times {
		w.packet(0, t, fmt.Appendf(nil, "%d", t), 0, 0)
	}
	return w.stats(0, drops, 0).Bytes()
}

func merged(t *testing.T, captures ...[]byte) (string, *Merged) {
	t.Helper()
	var in []Input
	for i, c := range captures {
		in = append(in, Input{Name: string(rune('a' + i)), Reader: bytes.NewReader(c)})
	}
	m, err := Merge(in)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	var b strings.Builder
	var p Packet
	for m.Next(&p) == nil {
		fmt.Fprintf(&b, "%s=%c%d/%d ", p.Data, 'a'+p.Capture, p.Number, p.Interface)
	}
	if err := m.Next(&p); err != io.EOF {
		t.Errorf("after the end: %v", err)
	}
	return strings.TrimSpace(b.String()), m
}

// Packets come in the order of time, with their number in their own capture.
func TestMerge(t *testing.T) {
	got, m := merged(t, named("eth0", 1, 10, 40, 50), named("eth0", 2, 20, 30, 60), named("eth1", 4))
	if want := "10=a1/0 20=b1/1 30=b2/1 40=a2/0 50=a3/0 60=b3/1"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	list := m.Interfaces()
	if len(list) != 3 || list[0].Dropped != 1 || list[1].Dropped != 2 || list[2].Dropped != 4 || list[1].Capture != 1 {
		t.Errorf("%+v", list)
	}
}

// The files of a rotated capture, in any order, are one capture of one interface.
func TestMergeRotated(t *testing.T) {
	got, m := merged(t, named("eth0", 1, 30, 40), named("eth0", 2, 50), named("eth0", 4, 10, 20))
	if want := "10=c1/0 20=c2/0 30=a1/0 40=a2/0 50=b1/0"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if list := m.Interfaces(); len(list) != 1 || list[0].Dropped != 7 || !list[0].DropsKnown {
		t.Errorf("%+v", list)
	}
	// Another interface that begins later is another one.
	if got, _ := merged(t, named("eth0", 0, 10), named("eth1", 0, 20)); got != "10=a1/0 20=b1/1" {
		t.Error(got)
	}
}

// One that breaks off is named, and the others go on; one that is none is named.
func TestMergeBroken(t *testing.T) {
	cut := named("eth0", 0, 10, 20)
	got, m := merged(t, cut[:len(cut)-80], named("eth1", 0, 15, 25))
	if want := "10=a1/0 15=b1/1 25=b2/1"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	var f *FormatError
	if list := m.Broken(); len(list) != 1 || !errors.As(list[0], &f) || !strings.HasPrefix(list[0].Error(), "a: capture breaks off") {
		t.Errorf("%v", list)
	}
	_, err := Merge([]Input{{"x", bytes.NewReader(cut)}, {"y", strings.NewReader("text")}})
	if !errors.Is(err, ErrNotCapture) || !strings.HasPrefix(err.Error(), "y: ") {
		t.Errorf("%v", err)
	}
}
