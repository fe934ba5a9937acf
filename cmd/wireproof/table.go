package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/scenarios"
)

// A column of a table. Numbers stand to the right.
type column struct {
	head   string
	number bool
	drop   int // on a terminal that is too narrow columns go, those with the highest number first; 0 stays
}

var reportColumns = []column{
	{"VERDICT", false, 0}, {"PART", false, 0}, {"VARIANT", false, 0}, {"DIALECT", false, 0}, {"SERVER", false, 2}, {"CLIENT", false, 4},
	{"CONNECTIONS", true, 1}, {"FILES", true, 5}, {"MB", true, 6}, {"SECONDS", true, 0}, {"MBIT/S", true, 3},
}

// table prints a line for each report, and below it what was not right.
func table(w io.Writer, reports []scenarios.Report, out string) error {
	count := map[flow.Verdict]int{}
	var rows [][]string
	for _, r := range reports {
		count[r.Verdict]++
		files, bytes, rate := 0, int64(0), 0.0
		for _, tr := range r.Transfers {
			files += len(tr.Files)
			bytes += tr.Bytes
			rate += tr.MbitPerSecond
		}
		if len(r.Transfers) > 0 {
			rate /= float64(len(r.Transfers))
		}
		rows = append(rows, []string{
			string(r.Verdict), r.Part, r.Variant, r.Dialect, r.ServerModel, r.ClientMode, strconv.Itoa(len(r.Connections)), strconv.Itoa(files),
			fmt.Sprintf("%.1f", float64(bytes)/1e6), fmt.Sprintf("%.2f", r.Seconds.Up+r.Seconds.Run+r.Seconds.Down), fmt.Sprintf("%.0f", rate),
		})
	}
	width := terminalWidth(w)
	text := render(reportColumns, rows, width)
	for _, r := range reports {
		for _, c := range r.Checks {
			if c.Verdict != flow.Pass {
				text += "\n" + wrap(fmt.Sprintf("%s  %s  %s: %s", c.Verdict, r.Name(), c.Name, c.Detail), width, "  ")
			}
		}
		if r.Failure != nil {
			text += "\n" + wrap("expected "+r.Failure.Expected, width, "  ")
			if r.Dir() != "" {
				text += wrap("kept in "+shorter(r.Dir())+": failure.txt says what is there", width, "  ")
			}
			text += wrap("again: "+r.Again, width, "  ")
		}
	}
	text += "\n" + wrap(fmt.Sprintf("%d PASS, %d FAIL, %d INCONCLUSIVE. MBIT/S is the mean of the clients' own figures. Pages, captures, files and logs: %s",
		count[flow.Pass], count[flow.Fail], count[flow.Inconclusive], strings.TrimSuffix(out, "/")+"/"), width, "")
	_, err := io.WriteString(w, text)
	return err
}

// shorter is a path as seen from the working directory, where it lies below it.
func shorter(path string) string {
	if wd, err := os.Getwd(); err == nil {
		if relative, err := filepath.Rel(wd, path); err == nil && filepath.IsLocal(relative) {
			return relative
		}
	}
	return path
}

// terminalWidth is the number of columns of the terminal that w is, 0 where it is none: nothing is cut or wrapped then.
func terminalWidth(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// render lays rows out below the columns' heads, in lines of at most width characters where that can be; 0: any width.
func render(columns []column, rows [][]string, width int) string {
	widths := make([]int, len(columns))
	for i, c := range columns {
		widths[i] = len(c.head)
		for _, row := range rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	shown := make([]int, len(columns))
	for i := range shown {
		shown[i] = i
	}
	total := func() int {
		sum := 2 * (len(shown) - 1)
		for _, i := range shown {
			sum += widths[i]
		}
		return sum
	}
	for width > 0 && total() > width {
		last := slices.MaxFunc(shown, func(a, b int) int { return columns[a].drop - columns[b].drop })
		if columns[last].drop == 0 {
			break
		}
		shown = slices.DeleteFunc(shown, func(i int) bool { return i == last })
	}
	var b strings.Builder
	line := func(cell func(i int) string) {
		var l strings.Builder
		for n, i := range shown {
			if n > 0 {
				l.WriteString("  ")
			}
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell(i)))
			if columns[i].number {
				l.WriteString(pad + cell(i))
			} else {
				l.WriteString(cell(i) + pad)
			}
		}
		b.WriteString(strings.TrimRight(l.String(), " ") + "\n")
	}
	line(func(i int) string { return columns[i].head })
	for _, row := range rows {
		line(func(i int) string { return row[i] })
	}
	return b.String()
}

// wrapLast wraps the last column of a table, which begins where its head does in the first line.
func wrapLast(table string, width int, head string) string {
	indent := strings.Index(table, head)
	if width <= indent+20 {
		return table
	}
	var b strings.Builder
	for line := range strings.Lines(table) {
		b.WriteString(wrap(strings.TrimRight(line, "\n"), width, strings.Repeat(" ", indent)))
	}
	return b.String()
}

// wrap breaks text between words into lines of at most width characters, those after the first with an indent; 0: one line.
func wrap(text string, width int, indent string) string {
	if width <= 0 {
		return text + "\n"
	}
	var b strings.Builder
	at := 0
	for i, word := range strings.Split(text, " ") {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case at+1+n > width:
			b.WriteString("\n" + indent)
			at = len(indent)
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += n
	}
	b.WriteByte('\n')
	return b.String()
}
