package flow

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

func TestCompareDisk(t *testing.T) {
	want := []File{fileOf("A", novelA), fileOf("B", novelB), fileOf("empty", nil)}
	for _, c := range []struct {
		name    string
		change  func(dir string)
		verdict Verdict
		says    string
	}{
		{"equal", func(string) {}, Pass, "h2: 3 files, 50,011 bytes, each equal to its source byte for byte."},
		{"flipped", func(dir string) { os.WriteFile(filepath.Join(dir, "A"), flip(novelA, 12345), 0o600) }, Fail, "A differs first at offset 12,345 of 20,000: expected 0x"},
		{"missing", func(dir string) { os.Remove(filepath.Join(dir, "B")) }, Fail, "B is missing"},
		{"cut", func(dir string) { os.Truncate(filepath.Join(dir, "B"), 30000) }, Fail, "B ends after 30,000 of 30,011 bytes"},
		{"longer", func(dir string) { os.WriteFile(filepath.Join(dir, "empty"), []byte("more"), 0o600) }, Fail, "empty has bytes past its end: 4 instead of 0"},
		{"part left", func(dir string) { os.WriteFile(filepath.Join(dir, ".A.part"), nil, 0o600) }, Fail, ".A.part is left of a transfer that was not finished"},
		{"not claimed", func(dir string) { os.WriteFile(filepath.Join(dir, "C"), nil, 0o600) }, Fail, "C is there and was not claimed"},
		{"a folder", func(dir string) { os.Remove(filepath.Join(dir, "A")); os.Mkdir(filepath.Join(dir, "A"), 0o700) }, Fail, "A is a folder"},
		{"no folder", func(dir string) { os.RemoveAll(dir) }, Fail, "does not exist"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, content := range map[string][]byte{"A": novelA, "B": novelB, "empty": nil} {
				if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			c.change(dir)
			got := CompareDisk("h2", dir, want)
			if got.Name != "disk" || got.Verdict != c.verdict || !strings.Contains(got.Detail, c.says) {
				t.Errorf("%+v, want %s with %q", got, c.verdict, c.says)
			}
		})
	}
}

func TestFiles(t *testing.T) {
	fsys := fstest.MapFS{"b": {Data: []byte("bb")}, "a": {Data: []byte("a")}, "dir/c": {Data: []byte("c")}}
	list, err := Files(fsys)
	if err != nil || len(list) != 2 || list[0].Name != "a" || list[1].Size != 2 {
		t.Errorf("%+v, %v", list, err)
	}
	if list, err = Files(fsys, "dir/c", "a"); err != nil || len(list) != 2 || list[0].Name != "c" {
		t.Errorf("%+v, %v", list, err)
	}
	for _, name := range []string{"nobody", "dir"} {
		if _, err := Files(fsys, name); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := Files(fstest.MapFS{"dir/c": {}}); err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("a folder without files: %v", err)
	}
}

func TestWorst(t *testing.T) {
	for want, of := range map[Verdict][]Verdict{Pass: {Pass, Pass}, Inconclusive: {Pass, Inconclusive}, Fail: {Inconclusive, Fail, Pass}} {
		if got := Worst(of...); got != want {
			t.Errorf("worst of %v: %s", of, got)
		}
	}
	if Worst() != Pass || Worst("") != Inconclusive {
		t.Error("of none, or of no verdict")
	}
}
