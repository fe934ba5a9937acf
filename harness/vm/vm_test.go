package vm

import (
	"bytes"
	"debug/elf"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// What is written in frames is read in frames, however reads are cut; and a body longer than a frame comes in several.
func TestFrames(t *testing.T) {
	var line bytes.Buffer
	w := &frameWriter{w: &line}
	long := bytes.Repeat([]byte("0123456789"), 10_000)
	for _, body := range [][]byte{nil, []byte("x"), long} {
		if err := w.write(kindOutput, body); err != nil {
			t.Fatal(err)
		}
	}
	r := iotest.OneByteReader(&line)
	buf := make([]byte, frameMost)
	var all []byte
	n := 0
	for {
		k, body, err := readFrame(r, buf)
		if err == io.EOF {
			break
		}
		if err != nil || k != kindOutput {
			t.Fatalf("%c, %v", k, err)
		}
		all = append(all, body...)
		n++
	}
	if want := append([]byte("x"), long...); !bytes.Equal(all, want) || n != 2+4 {
		t.Errorf("%d bytes in %d frames, want %d in 6", len(all), n, len(want))
	}
}

func FuzzReadFrame(f *testing.F) {
	f.Add([]byte("o\x00\x00\x00\x03abc"))
	f.Add([]byte("x\x00\x00\x00\x01"))
	f.Add([]byte("o\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, buf := bytes.NewReader(b), make([]byte, frameMost)
		var again bytes.Buffer
		w := &frameWriter{w: &again}
		for {
			k, body, err := readFrame(r, buf)
			if err != nil {
				break
			}
			if err := w.write(k, body); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.HasPrefix(b, again.Bytes()) {
			t.Errorf("%q is read as %q", b, again.Bytes())
		}
	})
}

func TestFrameIsRefused(t *testing.T) {
	if _, _, err := readFrame(strings.NewReader("o\x00\x01\x00\x00"), make([]byte, frameMost)); err == nil || !strings.Contains(err.Error(), "at most") {
		t.Errorf("a body of 64 KiB: %v", err)
	}
	if _, _, err := readFrame(strings.NewReader("o\x00\x00\x00\x02a"), make([]byte, frameMost)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("half a body: %v", err)
	}
}

const dep = `kernel/net/llc/llc.ko:
kernel/net/802/stp.ko: kernel/net/llc/llc.ko
kernel/net/bridge/bridge.ko: kernel/net/802/stp.ko kernel/net/llc/llc.ko
kernel/drivers/net/vxlan-core.ko.xz:
`

func TestModuleFiles(t *testing.T) {
	for name, want := range map[string]string{
		"bridge":     "kernel/net/llc/llc.ko kernel/net/802/stp.ko kernel/net/bridge/bridge.ko",
		"llc":        "kernel/net/llc/llc.ko",
		"vxlan_core": "kernel/drivers/net/vxlan-core.ko.xz",
		"vxlan-core": "kernel/drivers/net/vxlan-core.ko.xz",
	} {
		if got, ok := moduleFiles(dep, name); !ok || strings.Join(got, " ") != want {
			t.Errorf("%s: %q, %v", name, got, ok)
		}
	}
	if got, ok := moduleFiles(dep, "brid"); ok {
		t.Errorf("half a name: %q", got)
	}
}

func TestModuleAlias(t *testing.T) {
	const aliases = "# a comment\nalias rtnl-link-bridge bridge\nalias net-pf-16-proto-4-type-2-* any_diag\nalias char-major-10-200 tun\n"
	for name, want := range map[string]string{"rtnl-link-bridge": "bridge", "net-pf-16-proto-4-type-2-17": "any_diag", "char-major-10-200": "tun", "rtnl-link": ""} {
		if got, ok := moduleAlias(aliases, name); got != want || ok != (want != "") {
			t.Errorf("%s: %q, %v", name, got, ok)
		}
	}
}

// The shared object is one that a linker would have made: debug/elf reads its segments and its symbols.
func TestShimObject(t *testing.T) {
	const size = 11008
	b := shimObject(size)
	f, err := elf.NewFile(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if f.Type != elf.ET_DYN || f.Machine != elf.EM_X86_64 {
		t.Errorf("%v for %v", f.Type, f.Machine)
	}
	kinds := map[elf.ProgType]elf.ProgFlag{}
	for _, p := range f.Progs {
		kinds[p.Type] |= p.Flags
		if p.Type == elf.PT_LOAD && p.Flags == elf.PF_R|elf.PF_W {
			if need := uint64(shimBuf-shimData) + size; p.Memsz < need {
				t.Errorf("%d bytes of data, want %d", p.Memsz, need)
			}
			if p.Flags&elf.PF_X != 0 {
				t.Error("data can be executed")
			}
		}
	}
	if kinds[elf.PT_GNU_STACK] != elf.PF_R|elf.PF_W {
		t.Errorf("the stack is %v: without this segment it can be executed", kinds[elf.PT_GNU_STACK])
	}
	// The jumps in the code are of fixed lengths.
	if got := len(shimCode(size)); got != 0x93 {
		t.Errorf("%d bytes of code, want 147", got)
	}
	if shimText+len(shimCode(size)) > shimData {
		t.Error("the code runs into the data")
	}
}

// The program, its arguments and the folder are shared where the guest has its own /tmp, and only then.
func TestShared(t *testing.T) {
	dir, err := os.MkdirTemp("/tmp", "wp-shared-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	program, data := filepath.Join(dir, "b", "x.test"), filepath.Join(dir, "data")
	for _, d := range []string{filepath.Dir(program), data} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(program, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	o := Options{
		Command: []string{program, "-test.testlogfile=" + filepath.Join(dir, "b", "testlog.txt"), "--in", data, "/usr/bin", "-o", "/tmp/new"},
		Env:     []string{"PATH=/usr/bin:" + dir, "GOCOVERDIR=" + data},
	}
	if got, want := shared("/usr/share", program, o), []string{dir, filepath.Join(dir, "b"), data}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if got, want := shared(data, "", Options{Command: []string{"true"}}), []string{dir, data}; !slices.Equal(got, want) {
		t.Errorf("in a module: %q, want %q", got, want)
	}
	if got := shared("/tmp", "", Options{Command: []string{"true"}}); !slices.Equal(got, []string{"/tmp"}) || slices.Contains(guestFolders(got), "/tmp") {
		t.Errorf("started in /tmp: %q is shared, the guest has %q of its own", got, guestFolders(got))
	}
}

// A command in a folder below this program's own does not hide the program: the guest's kernel loads modules by it.
func TestSharedFoldersComeBeforeWhatIsInThem(t *testing.T) {
	dir, err := os.MkdirTemp("/tmp", "wp-shared-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	inner := filepath.Join(dir, "inner")
	own, program := filepath.Join(dir, "wireproof"), filepath.Join(inner, "program")
	if err := os.Mkdir(inner, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{own, program} {
		if err := os.WriteFile(name, nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := sharedWithOwn("/", program, own, Options{Command: []string{program}}), []string{dir, inner}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestGuestEnv(t *testing.T) {
	env := guestEnv([]string{"A=1", "TMPDIR=/x", "SUDO_UID=7", "PATH=/usr/bin"}, "/opt/wireproof", ownFolders)
	for _, want := range []string{"A=1", "WIREPROOF_VM=1", "PATH=/usr/bin:/usr/local/sbin:/usr/sbin:/sbin:/opt/wireproof"} {
		if !slices.Contains(env, want) {
			t.Errorf("%q is missing in %q", want, env)
		}
	}
	if len(env) != 3 {
		t.Errorf("%q", env)
	}
}

func TestParseMemory(t *testing.T) {
	for text, want := range map[string]int64{"2G": 2 << 30, "512M": 512 << 20, "1.5g": 3 << 29, "300000K": 300000 << 10, "1GiB": 1 << 30} {
		if got, err := ParseMemory(text); err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "G", "2", "-1G", "much", "2T", "NaNG", "InfG"} {
		if got, err := ParseMemory(text); err == nil || !strings.Contains(err.Error(), "such as 512M") {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
}

func TestTail(t *testing.T) {
	var more bytes.Buffer
	l := &tail{more: &more}
	for range 3 * tailKept {
		_, _ = l.Write([]byte("ab\n"))
	}
	_, _ = l.Write([]byte("Out of memory: Killed process 7 (x)\r\nlast\n"))
	if got := l.last(1); got != "last" {
		t.Errorf("%q", got)
	}
	if got := l.outOfMemory(); got != "Out of memory: Killed process 7 (x)" {
		t.Errorf("%q", got)
	}
	if len(l.kept) > 2*tailKept || more.Len() < 9*tailKept {
		t.Errorf("%d kept, %d passed on", len(l.kept), more.Len())
	}
}

// A kernel that would not load the shim is not run.
func TestKernelThatLoadsNothing(t *testing.T) {
	if os.Getenv(guestEnvName) != "" {
		t.Skip("in a guest no kernel is started at all")
	}
	static := filepath.Join(t.TempDir(), "linux")
	script := filepath.Join(t.TempDir(), "linux.uml")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(static, shimObject(0), 0o755); err != nil { // which names no interpreter
		t.Fatal(err)
	}
	for kernel, want := range map[string]string{static: "not a dynamically linked program", script: "is no program"} {
		_, err := Run(t.Context(), Options{Kernel: kernel, Command: []string{"true"}})
		if !errors.Is(err, ErrNotInstalled) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", kernel, err)
		}
	}
}
