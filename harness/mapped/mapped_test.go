package mapped

import (
	"bytes"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"
	"testing/fstest"
)

func folder(t *testing.T, size int) (dir string, content []byte) {
	t.Helper()
	dir, content = t.TempDir(), make([]byte, size)
	rand.NewChaCha8([32]byte{3}).Read(content)
	if err := os.WriteFile(filepath.Join(dir, "big"), content, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir, content
}

func view(t *testing.T, dir string, size int) (f fs.File, b []byte, forget func()) {
	t.Helper()
	f, err := Dir(dir).Open("big")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	b, forget, release, err := f.(*File).View(int64(size))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	return f, b, forget
}

// Only files that are worth it are mapped; a folder of others is that of os.DirFS.
func TestDir(t *testing.T) {
	dir, content := folder(t, Least)
	f, _, _ := view(t, dir, Least)
	if b, err := io.ReadAll(f); err != nil || !bytes.Equal(b, content) {
		t.Errorf("read: %d bytes, %v", len(b), err)
	}
	dir, _ = folder(t, 5000)
	if err := fstest.TestFS(Dir(dir), "big"); err != nil {
		t.Error(err)
	}
	f, err := Dir(dir).Open("big")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, ok := f.(*File); ok {
		t.Error("a small file would be mapped")
	}
}

func TestView(t *testing.T) {
	const size = Least + 4097
	dir, content := folder(t, size)
	f, b, forget := view(t, dir, size)
	for range 2 {
		if !bytes.Equal(b, content) {
			t.Fatal("other bytes than the file's")
		}
		forget()
		f.Close() // the view stays
	}
}

// A file that is cut while it is looked at is a panic to recover from, if that was asked for.
func TestCutFile(t *testing.T) {
	const size = 2 * Least
	dir, _ := folder(t, size)
	_, b, _ := view(t, dir, size)
	if err := os.Truncate(filepath.Join(dir, "big"), Least); err != nil {
		t.Fatal(err)
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r, ok := recover().(interface{ Addr() uintptr }); !ok || r.Addr() == 0 {
			t.Errorf("%v", r)
		}
	}()
	t.Error(bytes.Equal(b[Least:], make([]byte, Least)), "a byte behind the end was seen")
}
