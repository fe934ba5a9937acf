package page

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"
	"sync"

	"github.com/wireproof/wireproof/harness/flow"
)

// A Document is a page of sections in the project's style. It stands by itself: style and script are inside, nothing is
// loaded. All strings are text, and are escaped.
type Document struct {
	Title   string       // of the browser's tab and of the page
	Over    string       // a line above the title: what kind of page it is; "": none
	Verdict flow.Verdict // shown beside the title; "": none
	Lead    string       // a sentence or two below the title; "": none
	Facts   []Fact       // the figures that count, few
	// Sections follow each other in this order; the navigation has a link to each.
	Sections []Section
	Foot     string // the last line; "": none
}

// A Fact is one figure and what it is.
type Fact struct{ Value, Unit, Name string }

// A Section is a part of a page with a heading of its own. Of its contents those that are there are shown, in this order.
type Section struct {
	ID      string   // for links, unique on the page: letters, digits and '-'
	Title   string   //
	Text    []string // paragraphs
	Figures []Figure
	Tables  []Table
	Command string // a command that shows or makes the same, for people to copy; "": none

	body template.HTML // of this package's own making
}

// A Figure is a picture made elsewhere, such as a plot that gonum drew. It is shown as an image, on white, so that nothing
// in it can run.
type Figure struct {
	Title string // above it
	Text  string // below it; "": nothing
	Alt   string // what it shows, for those who do not see it
	SVG   []byte
}

// A Table can be sorted by each of its columns.
type Table struct {
	Caption string
	Columns []Column
	Rows    [][]Cell
}

// A Column is one of a table. Numbers are set to the right, and sorted as numbers.
type Column struct {
	Name   string
	Number bool
}

// A Cell is one of a table's cells.
type Cell struct {
	Text string
	// Sort is what the cell is sorted by; "": Text. In a column of numbers it is a number as strconv writes it.
	Sort string
	Link string // a relative path or "#id"; "": none
	// Verdict shows the cell as a badge.
	Verdict flow.Verdict
}

// Text returns a cell that is nothing but text.
func Text(s string) Cell { return Cell{Text: s} }

// Number returns a cell that is sorted by value. text says it for people.
func Number(value float64, text string) Cell {
	return Cell{Text: text, Sort: fmt.Sprintf("%g", value)}
}

//go:embed assets
var assets embed.FS

func asset(name string) string {
	b, err := assets.ReadFile("assets/" + name)
	if err != nil {
		panic(err) // it is part of the program
	}
	return string(b)
}

var (
	style  = strings.TrimSpace(asset("style.css"))
	script = strings.TrimSpace(asset("script.js"))
)

// shell holds the templates. They are parsed when the first page is made: peers are the same program, and make none.
var shell = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("document.tmpl").Funcs(template.FuncMap{
		"badge":  badge,
		"unsure": func() flow.Verdict { return flow.Inconclusive },
		"style":  func() template.CSS { return template.CSS(style) },
		"script": func() template.JS { return template.JS(script) },
		"policy": policy,
		"image":  image,
	}).ParseFS(assets, "assets/*.tmpl"))
})

// policy lets the page's own script run, known by its digest, and nothing else: whatever might get past the escaping.
func policy() string {
	sum := sha256.Sum256([]byte(script))
	return "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; script-src 'sha256-" +
		base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

func image(svg []byte) template.URL {
	return template.URL("data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString(svg))
}

// A mark is how a verdict is shown: never by its colour alone.
type mark struct{ Class, Sign, Word string }

func badge(v flow.Verdict) mark {
	switch v {
	case flow.Pass:
		return mark{"pass", "✓", "PASS"}
	case flow.Fail:
		return mark{"fail", "✕", "FAIL"}
	}
	return mark{"unsure", "?", "INCONCLUSIVE"}
}

// Body returns the section's own drawing, for the template.
func (s Section) Body() template.HTML { return s.body }

// Write writes the page.
func Write(w io.Writer, d Document) error {
	if err := shell().ExecuteTemplate(w, "document.tmpl", d); err != nil {
		return fmt.Errorf("page %s: %w", d.Title, err)
	}
	return nil
}
