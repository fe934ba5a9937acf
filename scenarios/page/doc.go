// Package page makes a run's result something to look at: one HTML file that needs no network, no server and no script.
//
//	report.json ──┐
//	              ├─▶ report.html   topology, verdict, timeline, plots, sequence diagrams, tables
//	captures ─────┘   index.html    a row for each report
//
// It reads what a run has kept, by the names that are part of the command's interface, so that a page can be made again
// at any time, from any folder, by any later version. It runs nothing and judges nothing.
//
// Everything that comes from a capture, a file name or a log is text: package html/template escapes what the templates
// show, (*drawing).text what drawings show, and the page's own policy lets no script run but the one that is part of it.
package page
