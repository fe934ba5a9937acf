package novels

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// WriteTo puts the five novels into a folder, which is made where it is missing.
// A file that is already there with the right size and digest is left alone;
// any other of that name is replaced. Each is written under a temporary name in
// the same folder and then renamed, so that no file is ever half there. It
// returns the first error; the temporary file of a failed one is removed.
func WriteTo(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write the novels: make folder: %w", err)
	}
	for i, r := range recipes {
		path := filepath.Join(dir, r.File)
		if intact(path, r.Novel) {
			continue
		}
		if err := replace(path, bytes.NewReader(texts[i]())); err != nil {
			return fmt.Errorf("write novel %d: %w", r.Number, err)
		}
	}
	return nil
}

// WriteSource puts a source into a folder, which is made where it is missing,
// under the source's name, in the same way; a file of that name is replaced
// whatever is in it.
func WriteSource(dir string, s Source) error {
	if !fs.ValidPath(s.name) || filepath.Base(s.name) != s.name || s.name == "." {
		return fmt.Errorf("write source %q: its name is no file name: give it one without separators", s.name)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write source %q: make folder: %w", s.name, err)
	}
	if err := replace(filepath.Join(dir, s.name), s.NewReader()); err != nil {
		return fmt.Errorf("write source %q: %w", s.name, err)
	}
	return nil
}

// intact says whether a file with the novel's bytes is there, or a link to one.
func intact(path string, n Novel) bool {
	if st, err := os.Stat(path); err != nil || st.Size() != n.Size {
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return false
	}
	return hex.EncodeToString(h.Sum(nil)) == n.SHA256
}

// replace writes what r gives to path by way of a temporary file.
func replace(path string, r io.Reader) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+shorten(filepath.Base(path))+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close() // twice where Close was what failed, which does no harm
			os.Remove(f.Name())
		}
	}()
	if _, err = io.CopyBuffer(struct{ io.Writer }{f}, r, make([]byte, 1<<20)); err != nil {
		return err
	}
	if err = f.Chmod(0o644); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// shorten leaves room in a name of 255 bytes for what CreateTemp adds.
func shorten(name string) string { return name[:min(len(name), 200)] }
