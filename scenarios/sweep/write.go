package sweep

import (
	"bytes"
	"io"
	"path/filepath"

	"github.com/wireproof/wireproof/scenarios/page"
)

// Write writes what the results came to into the sweep's folder: runs.csv, summary.csv, a picture for each figure and the
// page. command is what the user typed, for the page. It returns the names of the files, without the folder.
func Write(dir string, p Plan, results []Result, command string) ([]string, error) {
	rows := Summarize(p, results)
	figures := Figures(p, rows)
	var names []string
	write := func(name string, fill func(io.Writer) error) error {
		var b bytes.Buffer
		if err := fill(&b); err != nil {
			return err
		}
		names = append(names, name)
		return replace(filepath.Join(dir, name), b.Bytes())
	}
	if err := write(runsFile, func(w io.Writer) error { return WriteRuns(w, p, results) }); err != nil {
		return names, err
	}
	if err := write(summaryFile, func(w io.Writer) error { return WriteSummary(w, p, rows) }); err != nil {
		return names, err
	}
	drawn := make([][]byte, len(figures))
	for i, f := range figures {
		var err error
		if drawn[i], err = f.SVG(); err != nil {
			return names, err
		}
		if err := write(f.Name+".svg", func(w io.Writer) error { _, err := w.Write(drawn[i]); return err }); err != nil {
			return names, err
		}
	}
	err := write(pageFile, func(w io.Writer) error {
		return page.Write(w, document(p, results, rows, figures, drawn, command))
	})
	return names, err
}
