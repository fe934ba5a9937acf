package main

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A blockAt is a block of a pcapng file: its type, where it begins, and its length.
type blockAt struct {
	kind       uint32
	at, length int
}

func blocks(b []byte) (list []blockAt) {
	for at := 0; at+12 <= len(b); {
		n := int(binary.LittleEndian.Uint32(b[at+4:]))
		list = append(list, blockAt{binary.LittleEndian.Uint32(b[at:]), at, n})
		at += n
	}
	return list
}

// Captures that are broken in one way each: a sentence that says so, the right exit status, and what came before is judged.
func TestVerifyBadInput(t *testing.T) {
	good, err := os.ReadFile("testdata/two.pcapng")
	if err != nil {
		t.Fatal(err)
	}
	var packets []blockAt
	var iface blockAt
	for _, k := range blocks(good) {
		switch k.kind {
		case 6:
			packets = append(packets, k)
		case 1:
			iface = k
		}
	}
	if len(packets) != 22 {
		t.Fatalf("%d packets", len(packets))
	}
	at12 := packets[12].at // behind the whole of the first file
	files := t.TempDir()
	harbour := "The harbour master counts the boats at dawn,\nand writes each name into a book with lines.\nWhat left without a line was never gone.\nWhat came without a line is none of mine.\n"
	if err := os.WriteFile(filepath.Join(files, "harbour.txt"), []byte(harbour), 0o644); err != nil {
		t.Fatal(err)
	}
	put := func(b []byte, at int, v uint32) []byte {
		b = bytes.Clone(b)
		binary.LittleEndian.PutUint32(b[at:], v)
		return b
	}
	for _, c := range []struct {
		name    string
		capture []byte
		status  int
		says    []string
	}{
		{"whole", good, statusPass, []string{"PASS          wire         harbour.txt: 173 bytes"}},
		{"cut in the middle of a block", good[:at12+20], statusInconclusive, []string{"the input ends in the middle of a packet block", "PASS          wire         harbour.txt: 173 bytes"}},
		{"a packet block that claims 4 GB", put(good, at12+4, 0xFFFFFFFC), statusInconclusive, []string{"claims 4294967292 bytes, more than any capture holds", "PASS          wire         harbour.txt"}},
		{"another block that claims 4 GB", put(put(good, at12, 0x0BAD), at12+4, 0xFFFFFFFC), statusInconclusive, []string{"a block of type 0xbad that claims 4294967292 bytes", "PASS          wire         harbour.txt"}},
		{"a packet longer than its block", put(good, at12+20, 60000), statusInconclusive, []string{"a packet of 60000 bytes in a block of", "PASS          wire         harbour.txt"}},
		{"a packet of no interface", put(good, at12+8, 7), statusInconclusive, []string{"a packet of interface 7, and the section describes 1"}},
		{"two lengths", put(good, at12+packets[12].length-4, 16), statusInconclusive, []string{"has the lengths"}},
		{"time goes backwards", put(good, at12+12, 0), statusPass, []string{"Note: ", "older than the one before"}},
		{"an unknown link type", put(good, iface.at+8, 147), statusInconclusive, []string{"22 packets of a link type that is not known", "Note: 22 packets are of a link type that is not known: 147."}},
		{"no packet", good[:packets[0].at], statusInconclusive, []string{"it holds no packet"}},
		{"nothing", nil, statusUsage, []string{"not a packet capture: it is empty"}},
		{"no capture", []byte("PK\x03\x04 some archive"), statusUsage, []string{"not a packet capture: it begins with 50 4b 03 04, neither pcap nor pcapng (it is a zip archive: unpack it first)"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "capture")
			if err := os.WriteFile(path, c.capture, 0o644); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			r := root()
			r.SetArgs([]string{"verify", path, "--files", files})
			r.SetOut(&out)
			err := r.ExecuteContext(t.Context())
			said := out.String()
			if err != nil {
				said += err.Error()
			}
			if got := status(err); got != c.status {
				t.Errorf("exit status %d, want %d", got, c.status)
			}
			for _, part := range c.says {
				if !strings.Contains(said, part) {
					t.Errorf("does not say %q:\n%s", part, said)
				}
			}
		})
	}
}
