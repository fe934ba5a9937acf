package page

import (
	"bytes"
	"strings"
	"testing"

	"github.com/wireproof/wireproof/harness/flow"
)

// Whatever a document's strings hold, they are shown and not obeyed.
func TestDocumentEscapes(t *testing.T) {
	const evil = `<script>alert(1)</script>"'><img src=x onerror=alert(2)>`
	d := Document{
		Title: evil, Over: evil, Lead: evil, Foot: evil, Verdict: flow.Fail, Facts: []Fact{{evil, evil, evil}},
		Sections: []Section{
			{ID: "one", Title: evil, Text: []string{evil}, Command: evil},
			{
				ID: "two", Title: "two",
				Figures: []Figure{{Title: evil, Text: evil, Alt: evil, SVG: []byte("<svg><script>alert(3)</script></svg>")}},
				Tables: []Table{{Caption: evil, Columns: []Column{{evil, true}, {Name: evil}},
					Rows: [][]Cell{{Number(1, evil), {Text: evil, Link: "javascript:alert(4)"}}}}},
			},
		},
	}
	var b bytes.Buffer
	if err := Write(&b, d); err != nil {
		t.Fatal(err)
	}
	got := b.String()
	if n := strings.Count(got, "<script"); n != 1 {
		t.Errorf("%d scripts, want the page's own only", n)
	}
	for _, bad := range []string{"<img src=x", "javascript:alert", "<svg"} {
		if strings.Contains(got, bad) {
			t.Errorf("%q is in the page", bad)
		}
	}
	if !strings.Contains(got, "&lt;script&gt;alert(1)&lt;/script&gt;") {
		t.Error("the text is not shown")
	}
}

// Nothing is loaded from anywhere.
func TestDocumentStandsByItself(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, Document{Title: "t", Sections: []Section{{ID: "a", Title: "a", Figures: []Figure{{SVG: []byte("<svg/>")}}}}}); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"http://", "https://", "@import", "url(", "src=\"/", "ZgotmplZ"} {
		if strings.Contains(b.String(), bad) {
			t.Errorf("%q is in the page", bad)
		}
	}
	if !strings.Contains(b.String(), `src="data:image/svg&#43;xml;base64,PHN2Zy8&#43;"`) {
		t.Error("the figure is not in the page")
	}
}
