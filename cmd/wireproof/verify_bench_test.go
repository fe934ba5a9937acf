package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness/harnesstest"
)

// syntheticMSS is the data of one frame: 1514 bytes in all.
const syntheticMSS = 1460

// synthetic writes a pcap of connections, one after the other, each of which carries file, until it has size bytes.
func synthetic(to io.Writer, file []byte, size int64) (connections int, err error) {
	w := bufio.NewWriterSize(to, 1<<20)
	head := binary.LittleEndian.AppendUint32(nil, 0xA1B23C4D) // nanoseconds
	head = append(head, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0)
	w.Write(head)
	var record [16 + 54]byte
	copy(record[16:], []byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 6, 0, 0})
	now, written := int64(1_700_000_000_000_000_000), int64(24)
	frame := func(fromServer bool, flags byte, seq, ack uint32, data []byte) {
		now += 10_000
		b := record[:]
		binary.LittleEndian.PutUint32(b, uint32(now/1e9))
		binary.LittleEndian.PutUint32(b[4:], uint32(now%1e9))
		binary.LittleEndian.PutUint32(b[8:], uint32(54+len(data)))
		binary.LittleEndian.PutUint32(b[12:], uint32(54+len(data)))
		ip := b[30:]
		binary.BigEndian.PutUint16(ip[2:], uint16(40+len(data)))
		binary.BigEndian.PutUint16(ip[4:], uint16(now/10_000)|1)
		client, server := []byte{10, 0, byte(connections >> 8), byte(connections) | 2}, []byte{10, 1, 0, 1}
		ports := [2]uint16{uint16(40000 + connections), 80}
		if fromServer {
			client, server = server, client
			ports[0], ports[1] = ports[1], ports[0]
		}
		copy(ip[12:], client)
		copy(ip[16:], server)
		tcp := ip[20:]
		binary.BigEndian.PutUint16(tcp, ports[0])
		binary.BigEndian.PutUint16(tcp[2:], ports[1])
		binary.BigEndian.PutUint32(tcp[4:], seq)
		binary.BigEndian.PutUint32(tcp[8:], ack)
		copy(tcp[12:], []byte{0x50, flags, 0xFF, 0xFF, 0, 0, 0, 0}) // the checksum is left to the card
		w.Write(b)
		_, err = w.Write(data)
		written += int64(len(b) + len(data))
	}
	const fin, syn, psh, ack = 1, 2, 8, 16
	for written < size && err == nil {
		frame(false, syn, 1000, 0, nil)
		frame(true, syn|ack, 5000, 1001, nil)
		frame(false, ack, 1001, 5001, nil)
		seq := uint32(5001)
		for at := 0; at < len(file) && err == nil; at += syntheticMSS {
			n := min(syntheticMSS, len(file)-at)
			frame(true, psh|ack, seq, 1001, file[at:at+n])
			if seq += uint32(n); at/syntheticMSS%2 == 1 {
				frame(false, ack, 1001, seq, nil)
			}
		}
		frame(false, fin|ack, 1001, seq, nil)
		frame(true, fin|ack, seq, 1002, nil)
		frame(false, ack, 1002, seq+1, nil)
		connections++
	}
	if e := w.Flush(); err == nil {
		err = e
	}
	return connections, err
}

// build compiles the command.
func build(b testing.TB) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "wireproof")
	cmd := exec.Command("go", "build", "-o", path, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("go build: %v: %s", err, out)
	}
	return path
}

func bigFile(b testing.TB, size int) (dir string, content []byte) {
	b.Helper()
	dir, content = b.TempDir(), make([]byte, size)
	r := rand.NewChaCha8([32]byte{7})
	r.Read(content)
	if err := os.WriteFile(filepath.Join(dir, "big"), content, 0o644); err != nil {
		b.Fatal(err)
	}
	return dir, content
}

// verify against tshark and tcpflow, by turns on the same capture of 1 GB; medians of three rounds.
func BenchmarkVerifyPrograms(b *testing.B) {
	harnesstest.Require(b, "tshark", "tcpflow")
	wireproof := build(b)
	files, content := bigFile(b, 64<<20)
	capture := filepath.Join(b.TempDir(), "big.pcap")
	f, err := os.Create(capture)
	if err != nil {
		b.Fatal(err)
	}
	connections, err := synthetic(f, content, 1e9)
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	if err != nil {
		b.Fatal(err)
	}
	programs := map[string]func() *exec.Cmd{
		"verify": func() *exec.Cmd {
			return exec.Command(wireproof, "verify", capture, "--files", files, "--connections", strconv.Itoa(connections))
		},
		"tshark": func() *exec.Cmd { return exec.Command("tshark", "-r", capture, "-q", "-z", "conv,tcp") },
		"tcpflow": func() *exec.Cmd {
			return exec.Command("tcpflow", "-r", capture, "-o", filepath.Join(b.TempDir(), "tcpflow"))
		},
	}
	seconds := map[string][]float64{}
	for b.Loop() {
		for range 3 {
			for _, name := range []string{"verify", "tshark", "tcpflow"} {
				start := time.Now()
				if out, err := programs[name]().CombinedOutput(); err != nil {
					b.Fatalf("%s: %v: %s", name, err, out)
				}
				seconds[name] = append(seconds[name], time.Since(start).Seconds())
			}
		}
	}
	median := func(name string) float64 {
		slices.Sort(seconds[name])
		return seconds[name][len(seconds[name])/2]
	}
	for name := range programs {
		b.ReportMetric(median(name), name+"-s")
	}
	b.ReportMetric(median("tshark")/median("verify"), "x-tshark")
	b.ReportMetric(median("tcpflow")/median("verify"), "x-tcpflow")
}

// highWater is the most memory that a process had in use, in KiB.
func highWater(pid int) int {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(status)) {
		if text, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, _ := strconv.Atoi(strings.Fields(text)[0])
			return kib
		}
	}
	return 0
}

// The memory of verify, of a capture of 10 GB from a pipe: made while it is read, and never stored.
func BenchmarkVerifyPipe(b *testing.B) {
	wireproof := build(b)
	files, content := bigFile(b, 64<<20)
	size := int64(10e9)
	if testing.Short() {
		size = 1e9
	}
	b.SetBytes(size)
	for b.Loop() {
		cmd := exec.Command(wireproof, "verify", "-", "--files", files)
		in, err := cmd.StdinPipe()
		if err != nil {
			b.Fatal(err)
		}
		var out lockedBuffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		connections, err := synthetic(in, content, size)
		// While it waits for the end: what the kernel tells after it (ru_maxrss) includes this process's own, from the fork.
		kib := highWater(cmd.Process.Pid)
		in.Close()
		if e := cmd.Wait(); err != nil || e != nil {
			b.Fatalf("%v, %v: %s", err, e, out.String())
		}
		b.ReportMetric(float64(kib)/1024, "MiB")
		if kib <= 0 || kib > 64<<10 {
			b.Errorf("%d KiB of memory, more than 64 MiB", kib)
		}
		b.Log(fmt.Sprintf("%d connections, %d KiB", connections, kib))
	}
}
