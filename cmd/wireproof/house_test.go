package main_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/wireproof/wireproof"

// A rule forbids packages to import others, directly or by way of packages of this module.
type rule struct {
	from   []string // packages of this module, each with what is below it; a leading '!' makes an exception
	to     []string // import paths, or folders of this module that begin with "./", each with what is below; or "std", "ours"; '!' again
	reason string
}

// The house's rules, as the drawing in README has it: imports go one way.
var rules = []rule{
	{[]string{"novels"}, []string{"!std"}, "the corpus is the standard library's only: it is the same bytes wherever Go runs"},
	{[]string{"protocol"}, []string{"net", "os", "syscall", "golang.org"}, "a wire format is bytes in, bytes out: it opens no socket"},
	{[]string{"protocol"}, []string{"ours"}, "a wire format depends on nobody"},
	{[]string{"peers"}, []string{"ours", "!./protocol"}, "a peer runs on any net.Conn, and knows no emulator"},
	{[]string{"harness"}, []string{"./peers", "./protocol", "./novels"}, "the emulator must not know what runs in it, and the judge must not share code with the judged"},
	{[]string{"harness"}, []string{"./scenarios", "./cmd", "./mininet"}, "the harness is below what is made with it"},
	{[]string{"mininet", "!mininet/scripts"}, []string{"./peers", "./protocol", "./novels", "./scenarios", "./cmd", "testing"}, "a back end knows nothing of what runs in it"},
	{[]string{"harness/topo"}, []string{"!std"}, "a topology is a value, the same on every machine"},
	{[]string{"harness/topo", "harness/flow"}, []string{"os/exec", "syscall", "golang.org/x/sys", "github.com/vishvananda", "./harness/internal"}, "a topology and a verdict need no kernel"},
	{[]string{"harness/flow"}, []string{"./harness/capture", "./harness/harnesstest"}, "the judge reads captures wherever they come from"},
	{[]string{"novels", "protocol", "peers", "mininet", "scenarios", "cmd", "harness", "!harness/internal", "!harness/harnesstest"},
		[]string{"direct github.com/vishvananda/netlink"}, "netlink's units clash and its calls act on the caller's namespace: one package below harness/internal deals with it"},
	{[]string{"novels", "protocol", "peers", "mininet", "scenarios", "cmd", "harness/topo", "harness/flow", "harness/capture"},
		[]string{"direct github.com/vishvananda/netns"}, "namespaces are the harness's business"},
	{[]string{"harness/frames"}, []string{"!std"}, "who reads captures back, to check the writer and the judge, shares no code with them"},
	{[]string{"novels", "protocol", "peers", "harness", "scenarios", "mininet", "cmd"}, []string{"github.com/google/gopacket"},
		"it takes 3 ms to start in every process, and each peer of a scenario is one: package frames reads captures, and gopacket is what tests hold it to"},
	{[]string{"scenarios/page"}, []string{"./harness", "!./harness/flow", "!./harness/topo", "net/http", "os/exec", "syscall"}, "a page is made from files, on any machine: it runs nothing and asks nobody"},
	{[]string{"scenarios"}, []string{"./cmd", "testing"}, "a scenario gives the command and the tests the same verdict"},
	{[]string{"cmd"}, []string{"testing", "./harness/harnesstest"}, "the command is no test"},
	{[]string{"harness", "!harness/harnesstest"}, []string{"testing", "./harness/harnesstest"}, "only the adapter knows of tests"},
	{[]string{"novels", "protocol", "peers", "harness", "scenarios", "mininet"}, []string{"github.com/spf13", "github.com/vbauerster", "golang.org/x/term"},
		"flags, bars and terminals are the command's"},
	{[]string{"novels", "protocol", "peers", "harness", "mininet"}, []string{"gonum.org"}, "figures are drawn of results, by package sweep"},
}

func inside(name, folder string) bool { return name == folder || strings.HasPrefix(name, folder+"/") }

// matches reports whether an import path is one of what a list names. A later
// word of the list overrules an earlier one.
func matches(list []string, imported string, ours map[string][]string) bool {
	_, isOurs := ours[imported]
	hit := len(list) > 0 && strings.HasPrefix(list[0], "!") // a list of exceptions is about everything else
	for _, word := range list {
		word, not := strings.CutPrefix(strings.TrimPrefix(word, "direct "), "!")
		var is bool
		switch {
		case word == "std":
			is = !isOurs && !strings.Contains(strings.Split(imported, "/")[0], ".")
		case word == "ours":
			is = isOurs
		case strings.HasPrefix(word, "./"):
			is = isOurs && inside(imported, word[2:])
		default:
			is = !isOurs && inside(imported, word)
		}
		if is {
			hit = !not
		}
	}
	return hit
}

// broken returns each forbidden import, with the way to it and the reason. The
// packages of this module are named by their folder; others by import path.
func broken(imports map[string][]string) []string {
	var all []string
	for _, r := range rules {
		direct := strings.HasPrefix(r.to[0], "direct ")
		for from := range imports {
			subject := false
			for _, word := range r.from {
				word, not := strings.CutPrefix(word, "!")
				if inside(from, word) {
					subject = !not
				}
			}
			if !subject {
				continue
			}
			way := map[string]string{from: from}
			for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
				for _, imported := range imports[queue[0]] {
					if way[imported] != "" || inside(imported, r.from[0]) && len(r.from) == 1 {
						continue // a package and what is below it are one
					}
					way[imported] = way[queue[0]] + " imports " + imported
					if matches(r.to, imported, imports) {
						all = append(all, way[imported]+": "+r.reason)
					} else if _, ours := imports[imported]; ours && !direct {
						queue = append(queue, imported)
					}
				}
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// A source is a file of this module, by its path from the top.
type source struct {
	path  string
	lines int
	test  bool
	file  *ast.File
}

var files = token.NewFileSet()

func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	top := os.DirFS("../..")
	err := fs.WalkDir(top, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if base := entry.Name(); entry.IsDir() && (base == "testdata" || base == "wireproof-out" || base != "." && base[0] == '.') {
			return fs.SkipDir
		}
		if entry.IsDir() || path.Ext(name) != ".go" {
			return nil
		}
		text, err := fs.ReadFile(top, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(files, name, text, parser.ParseComments|parser.SkipObjectResolution)
		all = append(all, source{name, bytes.Count(text, []byte("\n")), strings.HasSuffix(name, "_test.go"), file})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 20 {
		t.Fatalf("only %d files: the walk has missed the module", len(all))
	}
	return all
}

func importsOf(all []source) map[string][]string {
	imports := make(map[string][]string)
	for _, s := range all {
		if s.test {
			continue
		}
		folder := path.Dir(s.path)
		imports[folder] = slices.Clip(imports[folder]) // the folder counts also where it imports nothing
		for _, spec := range s.file.Imports {
			name, _ := strconv.Unquote(spec.Path.Value)
			if own, ok := strings.CutPrefix(name, module+"/"); ok {
				name = own
			}
			imports[folder] = append(imports[folder], name)
		}
	}
	return imports
}

func TestImportsGoOneWay(t *testing.T) {
	for _, b := range broken(importsOf(sources(t))) {
		t.Error(b)
	}
}

// The twin: each rule sees what it forbids, also by way of another package, and
// lets the house as it is drawn pass.
func TestForbiddenImportsAreSeen(t *testing.T) {
	house := func() map[string][]string {
		return map[string][]string{
			"novels": {"io/fs"}, "protocol": {"bytes"}, "peers": {"net", "protocol"}, "mininet": {"harness"},
			"harness": {"harness/topo", "harness/internal/rtnl"}, "harness/topo": {"net/netip"}, "harness/flow": {"io"}, "harness/frames": {"iter"},
			"harness/capture": {"net"}, "harness/internal/rtnl": {"github.com/vishvananda/netlink/nl"}, "harness/harnesstest": {"harness", "testing"},
			"scenarios": {"harness", "peers", "novels"}, "scenarios/page": {"harness/flow"}, "cmd/wireproof": {"scenarios", "github.com/spf13/cobra"},
		}
	}
	if got := broken(house()); len(got) != 0 {
		t.Errorf("the house as it should be is refused: %q", got)
	}
	for _, edge := range [][2]string{
		{"novels", "golang.org/x/sys/unix"}, {"novels", "protocol"}, {"protocol", "net"}, {"protocol", "net/netip"}, {"protocol", "novels"},
		{"peers", "harness"}, {"peers", "novels"}, {"harness", "peers"}, {"harness/flow", "protocol"}, {"harness/capture", "novels"},
		{"harness/internal/rtnl", "novels"}, {"harness", "scenarios"}, {"harness/topo", "github.com/google/gopacket"}, {"harness/flow", "harness/capture"},
		{"harness/flow", "golang.org/x/sys/unix"}, {"harness", "github.com/vishvananda/netlink"}, {"scenarios", "github.com/vishvananda/netlink"},
		{"peers", "github.com/vishvananda/netns"}, {"scenarios", "testing"}, {"scenarios", "harness/harnesstest"}, {"cmd/wireproof", "harness/harnesstest"},
		{"harness", "testing"}, {"scenarios", "github.com/spf13/cobra"}, {"mininet", "peers"}, {"mininet", "github.com/vishvananda/netns"},
		{"harness/flow", "gonum.org/v1/plot"}, {"harness/frames", "harness/capture"}, {"cmd/wireproof", "github.com/google/gopacket/layers"},
	} {
		imports := house()
		imports[edge[0]] = append(imports[edge[0]], edge[1])
		want := edge[0] + " imports " + edge[1]
		if got := broken(imports); !slices.ContainsFunc(got, func(b string) bool { return strings.Contains(b, want) }) {
			t.Errorf("%s: not seen, only %q", want, got)
		}
	}
	imports := house()
	imports["harness/internal/helper"] = []string{"peers"}
	imports["harness"] = append(imports["harness"], "harness/internal/helper")
	if got := broken(imports); len(got) == 0 {
		t.Error("an edge by way of another package is not seen")
	}
}

func TestFilesAreShort(t *testing.T) {
	for _, s := range sources(t) {
		if s.lines > 500 {
			t.Errorf("%s has %d lines: a file is one noun, 60 to 200 lines as a rule, and never above 500", s.path, s.lines)
		}
	}
}

func TestPackagesAreDocumented(t *testing.T) {
	documented := make(map[string]bool)
	for _, s := range sources(t) {
		if !s.test {
			folder := path.Dir(s.path)
			documented[folder] = documented[folder] || s.file.Doc != nil
		}
	}
	for folder, ok := range documented {
		if !ok {
			t.Errorf("package %s says nowhere what it is for: begin a file with a package comment", folder)
		}
	}
}

// leaks returns where an exported declaration of a file names something of netlink.
func leaks(file *ast.File) []string {
	netlink := make(map[string]bool) // the names under which the file knows it
	for _, spec := range file.Imports {
		name, _ := strconv.Unquote(spec.Path.Value)
		if !inside(name, "github.com/vishvananda/netlink") {
			continue
		}
		local := path.Base(name)
		if spec.Name != nil {
			local = spec.Name.Name
		}
		netlink[local] = true
	}
	var all []string
	visible := func(what string, n ast.Node) {
		ast.Inspect(n, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.Field: // a field of a struct, a parameter, a method of an interface
				if len(n.Names) > 0 && !slices.ContainsFunc(n.Names, (*ast.Ident).IsExported) && what[0] == '*' {
					return false
				}
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && netlink[x.Name] {
					all = append(all, fmt.Sprintf("%s: exported %s shows %s.%s", files.Position(n.Pos()), strings.TrimPrefix(what, "*"), x.Name, n.Sel.Name))
				}
			}
			return true
		})
	}
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() {
				visible(d.Name.Name, d.Type)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					if s.Name.IsExported() {
						visible("*"+s.Name.Name, s.Type) // of a type, only the exported fields
					}
				case *ast.ValueSpec:
					if s.Type != nil && slices.ContainsFunc(s.Names, (*ast.Ident).IsExported) {
						visible(s.Names[0].Name, s.Type)
					}
				}
			}
		}
	}
	return all
}

func TestNetlinkStaysInside(t *testing.T) {
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		for _, l := range leaks(s.file) {
			t.Errorf("%s: netlink's types stay inside: give it a type of our own", l)
		}
	}
}

func TestLeaksAreSeen(t *testing.T) {
	for declaration, want := range map[string]int{
		"func F(netlink.Link)": 1, "func F(a int) []*netlink.Link": 1, "func (t T) F() nl.X": 1, "type T struct{ L netlink.Link }": 1,
		"type T struct{ netlink.Link }": 1, "type T interface{ F() netlink.Link }": 1, "type T = netlink.Link": 1, "var V netlink.Link": 1,
		"func f(netlink.Link)": 0, "type T struct{ l netlink.Link }": 0, "type t struct{ L netlink.Link }": 0, "var v netlink.Link": 0,
		"func F() { var l netlink.Link; _ = l }": 0,
	} {
		text := "package p\nimport \"github.com/vishvananda/netlink\"\nimport \"github.com/vishvananda/netlink/nl\"\n" + declaration
		file, err := parser.ParseFile(files, "p.go", text, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if got := leaks(file); len(got) != want {
			t.Errorf("%s: %d leaks, want %d: %q", declaration, len(got), want, got)
		}
	}
}

// The whole module builds without cgo, so that the program is one static file.
func TestBuildsWithoutCgo(t *testing.T) {
	out, err := exec.Command("go", "env", "GOCACHE", "GOMODCACHE").Output()
	if err != nil {
		t.Skipf("cannot ask go: %v", err)
	}
	caches := strings.Fields(string(out))
	for _, dir := range caches {
		if entries, err := os.ReadDir(dir); err != nil || len(entries) < 3 {
			t.Skipf("%s is not filled or not ours to read: building from nothing would take minutes: .ci/test builds the module without cgo too", dir)
		}
	}
	cmd := exec.Command("go", "build", "-buildvcs=false", "./...")
	cmd.Dir = filepath.Join("..", "..")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("go build ./... without cgo: %v\n%s", err, out)
	}
}
