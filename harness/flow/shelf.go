package flow

import (
	"errors"
	"sync"

	"github.com/wireproof/wireproof/harness/flow/internal/find"
)

// maxOpen bounds the files that are open at once.
const maxOpen = 64

// shelf opens files when they are read, and closes the one opened first when there
// are too many.
type shelf struct {
	mu   sync.Mutex
	open []*book
}

type book struct {
	shelf *shelf
	file  File
	at    ReaderAtCloser
}

func (s *shelf) sources(files []File) []find.Source {
	list := make([]find.Source, len(files))
	for i, f := range files {
		list[i] = find.Source{Name: f.Name, Size: f.Size, At: &book{shelf: s, file: f}}
	}
	return list
}

// ReadAt implements io.ReaderAt.
func (b *book) ReadAt(p []byte, off int64) (int, error) {
	b.shelf.mu.Lock()
	defer b.shelf.mu.Unlock()
	if err := b.take(); err != nil {
		return 0, err
	}
	return b.at.ReadAt(p, off)
}

// View implements Viewer, where the file does.
func (b *book) View(size int64) ([]byte, func(), func(), error) {
	b.shelf.mu.Lock()
	defer b.shelf.mu.Unlock()
	if err := b.take(); err != nil {
		return nil, nil, nil, err
	}
	if v, ok := b.at.(Viewer); ok {
		return v.View(size)
	}
	return nil, nil, nil, errors.ErrUnsupported
}

// take opens the file where it is closed.
func (b *book) take() error {
	if b.at != nil {
		return nil
	}
	at, err := b.file.Open()
	if err != nil {
		return err
	}
	if open := b.shelf.open; len(open) >= maxOpen {
		open[0].at.Close()
		open[0].at = nil
		b.shelf.open = append(open[:0], open[1:]...)
	}
	b.at = at
	b.shelf.open = append(b.shelf.open, b)
	return nil
}

func (s *shelf) close() {
	for _, b := range s.open {
		b.at.Close()
		b.at = nil
	}
	s.open = nil
}
