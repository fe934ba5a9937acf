package page

import (
	"fmt"
	"os"
	"testing"

	"github.com/wireproof/wireproof/harness/topo"
)

// The page of a run of 1 GB: 20 clients, five files of 10 MB each. The aim is 5 s and 3 MB.
func BenchmarkPage(b *testing.B) {
	f := newFixture(b, b.TempDir(), topo.Single(21))
	for i := range 20 {
		var names []string
		for n := range 5 {
			names = append(names, fmt.Sprintf("file %d.txt", n+1))
		}
		f.connect(fmt.Sprintf("h%d", i+2), 40_000+i, names, 6906)
	}
	path := f.keep()
	info, err := os.Stat(f.f.Name())
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(info.Size())
	b.ReportAllocs()
	for b.Loop() {
		if err := Make(b.Context(), f.dir); err != nil {
			b.Fatal(err)
		}
	}
	if info, err = os.Stat(path); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(info.Size())/1e6, "MB-page")
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/page")
}

// Pages of many connections stay within bounds, too.
func TestPageOfManyConnections(t *testing.T) {
	f := newFixture(t, t.TempDir(), topo.Single(4))
	for i := range maxPlotted {
		f.connect("h2", 20_000+i, []string{"a", "b"}, 250)
	}
	for i := range 1000 - maxPlotted {
		f.connect("h3", 20_000+i, []string{"a", "b"}, 2)
	}
	info, err := os.Stat(f.keep())
	if err != nil {
		t.Fatal(err)
	}
	if size := info.Size(); size > 3e6 || size < 1e6 {
		t.Errorf("the page of 1000 connections has %d bytes, want one to three MB", size)
	}
}
