package flow

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// CompareDisk compares what was written to dir with want, byte for byte: each
// file there, none else (a name that begins with a dot and ends in .part is a
// transfer that was not finished), the same size and content. label begins the
// detail. The check's name is disk.
func CompareDisk(label, dir string, want []File) Check {
	var bad, unknown []string
	entries, err := os.ReadDir(dir)
	if err != nil && !(errors.Is(err, fs.ErrNotExist) && len(want) == 0) {
		if !errors.Is(err, fs.ErrNotExist) {
			return Check{"disk", Inconclusive, fmt.Sprintf("%s: the folder cannot be read: %v.", label, err)}
		}
		return Check{"disk", Fail, fmt.Sprintf("%s: nothing was written: the folder %s does not exist.", label, dir)}
	}
	var total int64
	for i, f := range want {
		if slices.ContainsFunc(want[:i], func(o File) bool { return o.Name == f.Name }) {
			continue // fetched twice, written once
		}
		total += f.Size
		text, err := compareFile(filepath.Join(dir, f.Name), f)
		if err != nil {
			unknown = append(unknown, err.Error())
		} else if text != "" {
			bad = append(bad, f.Name+" "+text)
		}
	}
	for _, e := range entries {
		name := e.Name()
		switch {
		case slices.ContainsFunc(want, func(f File) bool { return f.Name == name }):
		case strings.HasPrefix(name, ".") && strings.HasSuffix(name, ".part"):
			bad = append(bad, fmt.Sprintf("%s is left of a transfer that was not finished", name))
		default:
			bad = append(bad, fmt.Sprintf("%s is there and was not claimed", name))
		}
	}
	switch {
	case len(bad) > 0:
		return Check{"disk", Fail, fmt.Sprintf("%s: %s.", label, few(bad, 4))}
	case len(unknown) > 0:
		return Check{"disk", Inconclusive, fmt.Sprintf("%s: %s.", label, few(unknown, 4))}
	}
	return Check{"disk", Pass, fmt.Sprintf("%s: %s, %s bytes, each equal to its source byte for byte.", label, plural(len(want), "file"), thousands(total))}
}

// compareFile says how the file at path differs from f, or "". An error means that it could
// not be found out.
func compareFile(path string, f File) (string, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "is missing", nil
	}
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "is " + kindOf(info.Mode()), nil
	}
	got, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer got.Close()
	source, err := f.Open()
	if err != nil {
		return "", fmt.Errorf("source of %s: %w", f.Name, err)
	}
	defer source.Close()
	at, saw, expected, err := firstDifference(got, io.NewSectionReader(source, 0, f.Size))
	switch {
	case err != nil:
		return "", fmt.Errorf("compare %s: %w", f.Name, err)
	case at < 0:
		return "", nil
	case saw < 0:
		return fmt.Sprintf("ends after %s of %s bytes, all equal so far", thousands(at), thousands(f.Size)), nil
	case expected < 0:
		return fmt.Sprintf("has bytes past its end: %s instead of %s, all equal up to there", thousands(info.Size()), thousands(f.Size)), nil
	}
	return fmt.Sprintf("differs first at offset %s of %s: expected %#02x, found %#02x", thousands(at), thousands(f.Size), expected, saw), nil
}

// firstDifference compares two readers and returns the offset of the first byte that
// differs (-1: none) and both bytes there, -1 for the end of one.
func firstDifference(got, want io.Reader) (at int64, saw, expected int, err error) {
	const size = 128 << 10
	a, b := make([]byte, size), make([]byte, size)
	for at = 0; ; {
		n, err := io.ReadFull(got, a)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return 0, 0, 0, err
		}
		m, err := io.ReadFull(want, b)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return 0, 0, 0, err
		}
		if n == m && bytes.Equal(a[:n], b[:m]) {
			if n < size {
				return -1, 0, 0, nil
			}
			at += int64(n)
			continue
		}
		for i := range min(n, m) {
			if a[i] != b[i] {
				return at + int64(i), int(a[i]), int(b[i]), nil
			}
		}
		at += int64(min(n, m))
		if n < m {
			return at, -1, int(b[n]), nil
		}
		return at, int(a[m]), -1, nil
	}
}
