// Package series turns a packet capture into what a plot of each connection needs: how much passed when, how far each
// direction had come and was acknowledged, what was sent again, and how long the round trip took.
//
//	capture ──▶ segments ──▶ connections ──▶ 300 to 600 bins of time each, and a list of events
//
// A capture is read once, front to back. How long a connection lasts is not known before its end, so the bins begin narrow,
// and whenever the last one is passed two neighbours become one: a connection of a millisecond and one of an hour have as
// many, and memory does not grow with the capture. In a plot no wider than the bins are many nothing is lost by it: of what
// lies within a bin the lowest and the highest are kept.
//
// The package is pure, as flow is, and decides nothing: what counts as evidence is flow's business.
package series
