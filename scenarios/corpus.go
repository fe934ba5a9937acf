package scenarios

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/wireproof/wireproof/novels"
	"github.com/wireproof/wireproof/protocol"
)

// A Corpus is the folder that every server serves, and its files in the order that a novel's number stands for.
type Corpus struct {
	Dir   string   // on this machine's disk: servers are processes of their own
	Names []string // Names[0] is novel 1
	sizes map[string]int64

	folder bool // of the user's own
}

// Novels writes the five generated novels into dir, where they are not already, and returns them as a corpus.
func Novels(dir string) (Corpus, error) {
	if err := novels.WriteTo(dir); err != nil {
		return Corpus{}, err
	}
	c := Corpus{Dir: dir, sizes: map[string]int64{}}
	for _, n := range novels.All() {
		c.Names = append(c.Names, n.File)
		c.sizes[n.File] = n.Size
	}
	return c, nil
}

// Folder takes a user's own files in place of the novels: the regular files of dir in the order of their names. Where
// there are fewer than five, the numbers start again from the first.
func Folder(dir string) (Corpus, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return Corpus{}, fmt.Errorf("%w: --files %s: %w: name a folder with the files to transfer", ErrUsage, dir, errors.Unwrap(err))
	}
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return Corpus{}, fmt.Errorf("files %s: %w", dir, err)
	}
	c := Corpus{Dir: absolute, sizes: map[string]int64{}, folder: true}
	var refused []error
	for _, e := range entries {
		info, err := fs.Stat(os.DirFS(dir), e.Name())
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		if err := protocol.CheckName(e.Name()); err != nil {
			refused = append(refused, err)
			continue
		}
		c.Names = append(c.Names, e.Name())
		c.sizes[e.Name()] = info.Size()
	}
	if len(refused) > 0 {
		return Corpus{}, fmt.Errorf("%w: --files %s: rename these: %w", ErrUsage, dir, errors.Join(refused...))
	}
	if len(c.Names) == 0 {
		return Corpus{}, fmt.Errorf("%w: --files %s: no regular file in it: put the files to transfer there", ErrUsage, dir)
	}
	return c, nil
}

// excerpt writes the first n bytes of each file into dir, and returns them as a corpus of their own.
func (c Corpus) excerpt(dir string, n int64) (Corpus, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Corpus{}, fmt.Errorf("excerpts: %w", err)
	}
	short := Corpus{Dir: dir, Names: c.Names, sizes: map[string]int64{}}
	for _, name := range c.Names {
		short.sizes[name] = min(n, c.sizes[name])
		if err := copyStart(filepath.Join(c.Dir, name), filepath.Join(dir, name), n); err != nil {
			return Corpus{}, fmt.Errorf("excerpt of %s: %w", name, err)
		}
	}
	return short, nil
}

func copyStart(from, to string, n int64) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, io.LimitReader(in, n))
	return errors.Join(err, out.Close())
}

// names turns novel numbers into file names. All five stand for the whole corpus, however many files it has.
func (c Corpus) names(numbers []int) []string {
	if len(numbers) == 5 {
		return append([]string(nil), c.Names...)
	}
	names := make([]string, len(numbers))
	for i, n := range numbers {
		names[i] = c.Names[(n-1)%len(c.Names)]
	}
	return names
}

// size is how many bytes the files of those numbers have.
func (c Corpus) size(numbers []int) int64 {
	var sum int64
	for _, name := range c.names(numbers) {
		sum += c.sizes[name]
	}
	return sum
}
