// Package sweep runs a part again and again while something about it varies, and draws what comes of it.
//
//	part, values, repeats ──▶ plan ──▶ run, judge ──▶ results.jsonl ──▶ summary ──▶ CSV, figures, page
//	                            ▲                          │
//	                            └── what is there already ─┘
//
// A Setup is what was asked for. Its plan is every combination of the values, once in each round, with the rounds one after the
// other and each in an order of its own: a machine that is slower at some time is so to every value. Each result is
// written and synced before the next run starts, so that a sweep that was stopped goes on where it was. Only runs whose
// verdict is PASS count in summaries and figures; what the others lack is in the results.
package sweep
