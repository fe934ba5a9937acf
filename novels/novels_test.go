package novels

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"unicode/utf8"
)

var update = flag.Bool("update", false, "write SHA256SUMS anew")

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func TestManifest(t *testing.T) {
	sizes := []int64{3_243_971, 2_347_572, 2_600_000, 2_672_192, 3_293_530}
	var sums strings.Builder
	for i, n := range All() {
		b, err := fs.ReadFile(FS(), n.File)
		if err != nil {
			t.Fatal(err)
		}
		if n.Number != i+1 || n.Size != sizes[i] || int64(len(b)) != n.Size {
			t.Errorf("%+v has %d bytes, want %d", n, len(b), sizes[i])
		}
		fmt.Fprintf(&sums, "%s  %s\n", digest(b), n.File)
		if again := compose(recipes[i]); !bytes.Equal(again, b) {
			t.Errorf("%s: made twice, differs", n.File)
		}
		if !*update && digest(b) != n.SHA256 {
			t.Errorf("%s: digest %s, the manifest has %s", n.File, digest(b), n.SHA256)
		}
	}
	if *update {
		if err := os.WriteFile("SHA256SUMS", []byte(sums.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if sums.String() != manifest {
		t.Errorf("SHA256SUMS is\n%swant\n%s", manifest, sums.String())
	}
	all := All()
	all[0].File = "changed"
	if All()[0].File == "changed" {
		t.Error("All does not return a copy")
	}
}

func TestByNumber(t *testing.T) {
	for want := 1; want <= 5; want++ {
		if n, err := ByNumber(want); err != nil || n.Number != want || n.SHA256 == "" {
			t.Errorf("%d: %+v, %v", want, n, err)
		}
	}
	for _, n := range []int{0, 6, -1} {
		if _, err := ByNumber(n); err == nil || !strings.Contains(err.Error(), "5 War and Peace") {
			t.Errorf("%d: %v", n, err)
		}
	}
}

func TestEncodings(t *testing.T) {
	mark := []byte("\ufeff")
	for i, want := range []struct{ mark, utf8, ascii, high bool }{
		{utf8: true, high: true},
		{mark: true, utf8: true, high: true},
		{utf8: true, ascii: true},
		{high: true},
		{mark: true, utf8: true, high: true},
	} {
		b := texts[i]()
		high := 0
		for _, c := range b {
			if c >= 0x80 {
				high++
			}
		}
		ascii := high == 0
		name := recipes[i].File
		if bytes.HasPrefix(b, mark) != want.mark || bytes.Contains(b[3:], mark) {
			t.Errorf("%s: byte-order mark, or one in the middle", name)
		}
		if utf8.Valid(b) != want.utf8 {
			t.Errorf("%s: valid UTF-8 is %v", name, !want.utf8)
		}
		if ascii != want.ascii || want.high && high < 1000 {
			t.Errorf("%s: %d bytes outside of ASCII", name, high)
		}
		for _, c := range b {
			if c < ' ' && c != '\n' || c == 0x7f {
				t.Errorf("%s: control character %#x", name, c)
				break
			}
		}
		if bytes.Count(b, []byte("\nCHAPTER ")) < 50 || !bytes.HasSuffix(b, []byte("\nTHE END\n")) {
			t.Errorf("%s is no book", name)
		}
		for line := range bytes.Lines(b) {
			if len(line) > 100 {
				t.Errorf("%s: a line of %d bytes: %q", name, len(line), line)
				break
			}
		}
	}
	if b := texts[0](); !bytes.Contains(b, []byte("\u201c")) || !bytes.Contains(b, []byte("\u2014")) {
		t.Error("novel 1 has no curly quotes or dashes")
	}
	// ISO-8859-1 has no characters from 0x80 to 0x9f that one can see.
	for i, c := range texts[3]() {
		if c >= 0x80 && c < 0xa0 {
			t.Fatalf("novel 4 has a C1 control, %#x, at %d", c, i)
		}
	}
}

// At whatever size the text is cut, no character is.
func TestComposeSizes(t *testing.T) {
	r := recipes[0]
	for r.Size = 1000; r.Size < 2000; r.Size++ {
		if b := compose(r); int64(len(b)) != r.Size || !utf8.Valid(b) {
			t.Fatalf("at %d: %d bytes, valid UTF-8 %v", r.Size, len(b), utf8.Valid(b))
		}
	}
}

func TestFS(t *testing.T) {
	var names []string
	for _, n := range All() {
		names = append(names, n.File)
	}
	if err := fstest.TestFS(FS(), names...); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]error{"missing": fs.ErrNotExist, "../x": fs.ErrInvalid, "a/b": fs.ErrNotExist} {
		if _, err := FS().Open(name); !strings.Contains(fmt.Sprint(err), want.Error()) {
			t.Errorf("%s: %v", name, err)
		}
	}
	f, err := FS().Open("Shogun.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, ok := f.(io.Seeker); !ok {
		t.Error("a file does not seek")
	}
	b := make([]byte, 10)
	if _, err := f.(io.ReaderAt).ReadAt(b, 2_600_000-10); err != nil || string(b) != "\n\nTHE END\n" {
		t.Errorf("the last bytes are %q, %v", b, err)
	}
}

func TestFSConcurrent(t *testing.T) {
	var wg sync.WaitGroup
	for range 8 {
		for _, n := range All() {
			wg.Go(func() {
				b, err := fs.ReadFile(FS(), n.File)
				if err != nil || digest(b) != n.SHA256 {
					t.Errorf("%s: %v", n.File, err)
				}
			})
		}
	}
	wg.Wait()
}

func TestWriteTo(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "folder")
	if err := WriteTo(dir); err != nil {
		t.Fatal(err)
	}
	stat := func(name string) os.FileInfo {
		st, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return st
	}
	before := map[string]os.FileInfo{}
	for _, n := range All() {
		before[n.File] = stat(n.File)
	}
	// Damage of four kinds: a byte, the length, a missing file, a link to elsewhere.
	damaged := func(n int) string { return filepath.Join(dir, All()[n-1].File) }
	f, err := os.OpenFile(damaged(2), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte{0}, 1_000_000); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if err := os.Truncate(damaged(3), 17); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(damaged(4)); err != nil {
		t.Fatal(err)
	}
	elsewhere := filepath.Join(t.TempDir(), "precious")
	if err := os.WriteFile(elsewhere, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(damaged(5)); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, damaged(5)); err != nil {
		t.Fatal(err)
	}
	if err := WriteTo(dir); err != nil {
		t.Fatal(err)
	}
	if !os.SameFile(before["Atlas Shrugged.txt"], stat("Atlas Shrugged.txt")) {
		t.Error("the intact file was written again")
	}
	if b, _ := os.ReadFile(elsewhere); string(b) != "precious" {
		t.Errorf("a file behind a link was overwritten: %q", b)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 5 {
		t.Errorf("%d files, %v: temporary ones are left", len(entries), err)
	}
	for _, n := range All() {
		if b, err := os.ReadFile(filepath.Join(dir, n.File)); err != nil || digest(b) != n.SHA256 {
			t.Errorf("%s: %v", n.File, err)
		}
	}
	if _, err := exec.LookPath("sha256sum"); err != nil {
		t.Skip("sha256sum is not installed: coreutils has it")
	}
	if err := os.WriteFile(filepath.Join(dir, "SHA256SUMS"), []byte(manifest), 0o644); err != nil {
		t.Fatal(err)
	}
	check := exec.Command("sha256sum", "--strict", "-c", "SHA256SUMS")
	check.Dir = dir
	if out, err := check.CombinedOutput(); err != nil || strings.Count(string(out), ": OK\n") != 5 {
		t.Errorf("sha256sum -c: %v\n%s", err, out)
	}
}

func TestWriteFails(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := WriteTo(filepath.Join(dir, "file")); err == nil {
		t.Error("a file is taken for a folder")
	}
	// A folder stands where a novel is to go: the temporary file goes again.
	if err := os.Mkdir(filepath.Join(dir, "Atlas Shrugged.txt"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := WriteTo(dir); err == nil || !strings.Contains(err.Error(), "novel 1") {
		t.Errorf("a folder in the way: %v", err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("left behind: %v", entries)
	}
	for _, name := range []string{"", ".", "..", "a/b", "/a"} {
		if err := WriteSource(dir, Bytes(name, nil)); err == nil {
			t.Errorf("source %q is written", name)
		}
	}
}

func BenchmarkCompose(b *testing.B) {
	b.SetBytes(recipes[0].Size)
	for b.Loop() {
		compose(recipes[0])
	}
}
