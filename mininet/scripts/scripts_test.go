package scripts

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wireproof/wireproof/harness/topo"
	"github.com/wireproof/wireproof/mininet/importer"
	"github.com/wireproof/wireproof/scenarios"
)

var update = flag.Bool("update", false, "write the scripts")

// The committed scripts are what the values in scenarios/ come to, and there is none for what is no part.
func TestScriptsAreUpToDate(t *testing.T) {
	var want []string
	for _, part := range scenarios.Parts() {
		s, err := Render(part)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, s.File)
		path := filepath.Join("..", s.File)
		if *update {
			if err := os.WriteFile(path, s.Text, 0o755); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(got, s.Text) {
			t.Errorf("%s is not what part %s is now (%v): go generate ./mininet/scripts: %s", path, part.Name, err, cmp.Diff(string(got), string(s.Text)))
		}
	}
	files, err := filepath.Glob("../*.py")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if name := filepath.Base(f); name != "driver.py" && name != "transfer.py" && !slices.Contains(want, name) {
			t.Errorf("%s belongs to no part", f)
		}
	}
}

// The scripts, run as Python, make the topologies that the namespaces come from: whatever the template writes.
func TestScriptsMakeTheSameTopologies(t *testing.T) {
	for _, part := range scenarios.Parts() {
		t.Run(part.Name, func(t *testing.T) {
			s, err := Render(part)
			if err != nil {
				t.Fatal(err)
			}
			all, err := scenarios.Select([]string{part.Name}, scenarios.Params{})
			if err != nil {
				t.Fatal(err)
			}
			// A script that takes the class alone, and does not run what the script does.
			folder, err := filepath.Abs("..")
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "take.py")
			take := fmt.Sprintf("import sys\nsys.path.insert(0, %q)\nfrom %s import %s\ntopos = {'it': %[3]s}\n", folder, strings.TrimSuffix(s.File, ".py"), s.Class)
			if err := os.WriteFile(path, []byte(take), 0o644); err != nil {
				t.Fatal(err)
			}
			got, err := importer.Import(t.Context(), path, importer.Options{Name: "it"})
			if errors.Is(err, importer.ErrPython) {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(ends(all[0].Topo), ends(got.Topo)); diff != "" {
				t.Errorf("-scenario +script: %s", diff)
			}
		})
	}
}

// ends are a topology's interfaces, each with all that is asked for it, in an order of their own: Mininet makes links in
// that of their nodes.
func ends(t topo.Topo) []string {
	var all []string
	for _, i := range t.Interfaces() {
		all = append(all, fmt.Sprintf("%s to %s, %v, %s", i.Name, i.PeerName, i.Addr, i.Send.Text()))
	}
	slices.Sort(all)
	return all
}
