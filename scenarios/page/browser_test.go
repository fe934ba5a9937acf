package page

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/wireproof/wireproof/harness/harnesstest"
)

var shots = flag.String("shots", "", "folder for screenshots and a print, to be looked at")

// A browser is the tab of a real Chromium without a window, in one test.
type browser struct {
	t       *testing.T
	ctx     context.Context
	console iter.Seq2[chromedp.ConsoleMessage, error]
}

// end is what a test's last line on the console says.
const end = "the end of this test"

// chromium is the one process of all tests, with one tab: to start either takes as much processor time as what a test does in it.
// Tests that use it do not run in parallel.
var chromium struct {
	once sync.Once
	dir  string
	ctx  context.Context // nil where nobody has asked for it
	err  error
}

func TestMain(m *testing.M) {
	status := m.Run()
	if err := endChromium(); err != nil {
		fmt.Fprintln(os.Stderr, "end the browser:", err)
		status = max(status, 1)
	}
	os.Exit(status)
}

func startChromium() error {
	dir, err := os.MkdirTemp("/tmp", "wp-") // a socket of its is in it, whose path has at most 107 bytes
	if err != nil {
		return err
	}
	// Its sandbox needs to be no root, and a helper or user namespaces that not every machine has. The pages are our own.
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.Env("HOME="+dir, "TMPDIR="+dir))
	ctx, _ := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, _ = chromedp.NewContext(ctx)
	chromium.dir, chromium.ctx = dir, ctx
	return chromedp.Do(ctx) // without a limit of its own, which would be the browser's
}

// endChromium ends it, and then removes what it has left in its folders.
func endChromium() error {
	if chromium.ctx == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(chromium.ctx, time.Minute)
	defer cancel()
	return errors.Join(chromedp.Cancel(ctx), os.RemoveAll(chromium.dir))
}

// start gives the test the tab, as the test before has left it: open is to be next.
func start(t *testing.T) *browser {
	t.Helper()
	harnesstest.Require(t, "chromium")
	if chromium.once.Do(func() { chromium.err = startChromium() }); chromium.err != nil {
		t.Fatal(chromium.err)
	}
	ctx, cancel := context.WithTimeout(chromium.ctx, 2*time.Minute)
	t.Cleanup(cancel)
	return &browser{t: t, ctx: ctx}
}

// open shows a file in a window of so many pixels, by day or by night ("light", "dark").
func (b *browser) open(path string, width, height int64, scheme string) {
	b.t.Helper()
	b.console = chromedp.Console(b.ctx)
	b.do(chromedp.EmulateViewport(width, height))
	b.media(emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
	b.do(chromedp.Navigate("file://" + filepath.ToSlash(path)))
}

func (b *browser) media(p emulation.SetEmulatedMediaParams) {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, emulation.SetEmulatedMedia, p)
		return err
	}))
}

func (b *browser) do(a chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, a); err != nil {
		b.t.Fatal(err)
	}
}

// eval is the value of an expression in the page.
func eval[T any](b *browser, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// say has the page write text to the console.
func (b *browser) say(text string) {
	b.t.Helper()
	eval[chromedp.Void](b, `console.log("`+text+`")`)
}

// quiet fails the test for each thing that the page wrote to the console. It ends the listening.
func (b *browser) quiet() {
	b.t.Helper()
	b.say(end)
	for m, err := range b.console {
		switch {
		case err != nil:
			b.t.Fatal(err)
		case m.Text == end:
			return
		}
		b.t.Errorf("console: %s: %s", m.Type, m.Text)
	}
}

// shoot keeps a picture of the whole page where somebody asked for it.
func (b *browser) shoot(name string) {
	b.t.Helper()
	if *shots == "" {
		return
	}
	picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(filepath.Join(*shots, name), picture, 0o644)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// In a browser every section is seen, nothing is wider than the window, and the console stays empty: in windows of every width,
// by day and by night.
func TestInTheBrowser(t *testing.T) {
	path := small(t, t.TempDir())
	b := start(t)
	for _, window := range []struct {
		name, scheme  string
		width, height int64
	}{{"phone", "light", 360, 740}, {"desktop", "light", 1280, 900}, {"desktop-dark", "dark", 1280, 900}, {"phone-dark", "dark", 360, 740}} {
		t.Run(window.name, func(t *testing.T) {
			b := &browser{t: t, ctx: b.ctx}
			b.open(path, window.width, window.height, window.scheme)
			if wide := eval[int64](b, "document.documentElement.scrollWidth"); wide > window.width {
				t.Errorf("the page is %d wide in a window of %d", wide, window.width)
			}
			for _, id := range sectionIDs {
				if !eval[bool](b, `document.querySelector("#`+id+` h2").getBoundingClientRect().height > 0`) {
					t.Errorf("section %s is not seen", id)
				}
			}
			for _, drawing := range []string{"onwide", "onnarrow"} {
				seen := eval[bool](b, `document.querySelector(".`+drawing+`").checkVisibility()`)
				if want := (drawing == "onwide") == (window.width > 1000); seen != want {
					t.Errorf("the drawing %s is seen: %t", drawing, seen)
				}
			}
			drawn := eval[int](b, `Array.from(document.querySelectorAll("svg.area, svg.graph")).filter(s => s.getBoundingClientRect().width > 200).length`)
			if drawn < 10 { // a topology, a timeline, and at least three plots of each connection that is unfolded
				t.Errorf("%d drawings are seen", drawn)
			}
			dark := eval[string](b, "getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
			if dark != (window.scheme == "dark") {
				t.Errorf("dark is %t", dark)
			}
			if title := eval[string](b, "document.title"); title != "PASS: Part e, all, stream, thread" {
				t.Errorf("the title is %q", title)
			}
			b.quiet()
			b.shoot(window.name + ".png")
		})
	}
}

// Whatever can be done with the pointer can be done with the keyboard, and is seen: the skip link, sorting, unfolding.
func TestByKeyboard(t *testing.T) {
	b := start(t)
	b.open(small(t, t.TempDir()), 1280, 900, "light")
	key := func(k string) { t.Helper(); b.do(chromedp.KeyEvent(k)) }
	key(kb.Tab)
	if got := eval[string](b, "document.activeElement.className"); got != "skip" {
		t.Fatalf("the first tab leads to %q, want the skip link", got)
	}
	if left := eval[float64](b, "document.activeElement.getBoundingClientRect().left"); left < 0 {
		t.Error("the skip link is not seen when it has the focus")
	}
	key(kb.Enter)
	if got := eval[string](b, "document.activeElement.id"); got != "main" {
		t.Errorf("the skip link leads to %q", got)
	}
	column := func(n string) string {
		return eval[string](b, `Array.from(document.querySelectorAll("#connections tbody tr")).map(r => r.cells[`+n+`].textContent).join(" ")`)
	}
	eval[chromedp.Void](b, `document.querySelectorAll("#connections th button")[6].focus()`)
	if width := eval[string](b, "getComputedStyle(document.activeElement).outlineWidth"); width == "0px" {
		t.Error("the focus is not seen")
	}
	key(kb.Enter)
	if got := column("0"); got != "2 3 1" {
		t.Errorf("sorted by bytes the connections are %s", got)
	}
	key(" ")
	if got := column("0"); got != "1 3 2" {
		t.Errorf("sorted the other way they are %s", got)
	}
	if got := eval[string](b, `document.activeElement.closest("th").getAttribute("aria-sort")`); got != "descending" {
		t.Errorf("aria-sort is %q", got)
	}
	eval[chromedp.Void](b, `document.querySelector("#c1 > summary").focus()`)
	open := eval[bool](b, `document.querySelector("#c1").open`)
	key(kb.Enter)
	if eval[bool](b, `document.querySelector("#c1").open`) == open {
		t.Error("Enter does not fold or unfold a connection")
	}
	b.quiet()
}

// The pointer in a plot has its figures told.
func TestPointer(t *testing.T) {
	b := start(t)
	b.open(small(t, t.TempDir()), 1280, 900, "light")
	eval[chromedp.Void](b, `document.querySelector("#c1 .chart").scrollIntoView({behavior: "instant", block: "center"})`)
	type point struct{ X, Y float64 }
	p := eval[point](b, `(() => { const r = document.querySelector("#c1 svg.area").getBoundingClientRect(); return {X: r.left + r.width / 2, Y: r.top + r.height / 2} })()`)
	b.do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, p.X, p.Y))
	if got := eval[string](b, `document.querySelector("#c1 .tip")?.textContent ?? "nothing"`); !strings.HasPrefix(got, "124 ms, ") || !strings.HasSuffix(got, " Mbit/s") {
		t.Errorf("the pointer in the middle of a plot of 248 ms shows %s", got)
	}
	b.do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, p.X, p.Y-300))
	if eval[bool](b, `document.querySelector("#c1 .chart .tip") !== null`) {
		t.Error("it stays when the pointer has left")
	}
	b.quiet()
}

// On paper everything is there, without the navigation.
func TestInPrint(t *testing.T) {
	b := start(t)
	b.open(small(t, t.TempDir()), 1280, 900, "dark")
	paper, err := chromedp.Run(b.ctx, chromedp.PrintToPDF())
	if err != nil || !strings.HasPrefix(string(paper), "%PDF") {
		t.Fatalf("%v, %.20q", err, paper)
	}
	if *shots != "" {
		if err := os.WriteFile(filepath.Join(*shots, "print.pdf"), paper, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b.media(emulation.SetEmulatedMediaParams{Media: "print"})
	if got := eval[string](b, `getComputedStyle(document.querySelector("nav")).display`); got != "none" {
		t.Errorf("the navigation is printed: %s", got)
	}
	if got := eval[string](b, "getComputedStyle(document.body).backgroundColor"); got != "rgb(255, 255, 255)" {
		t.Errorf("it is printed on %s", got)
	}
	eval[chromedp.Void](b, `document.querySelector("#c1").open = false`)
	if !eval[bool](b, `document.querySelector("#c1 .plot").checkVisibility()`) {
		t.Error("a folded connection is not printed")
	}
	b.quiet()
}

// The twin: what is wrong with a page is seen by these tests.
func TestTheBrowserComplains(t *testing.T) {
	path := filepath.Join(t.TempDir(), "wrong.html")
	const wrong = `<!DOCTYPE html><meta http-equiv="Content-Security-Policy" content="script-src 'none'"><link rel="icon" href="data:,"><script>alert(1)</script>`
	if err := os.WriteFile(path, []byte(wrong), 0o644); err != nil {
		t.Fatal(err)
	}
	b := start(t)
	b.open(path, 500, 500, "light")
	seen := false
	for m, err := range b.console {
		switch {
		case err != nil:
			t.Fatal(err) // the test's time is over, and nothing was seen
		case m.Text == end:
			return
		case !seen && strings.Contains(m.Text, "Content Security Policy"):
			seen = true
			b.say(end) // what else there is comes before it, and not to the next test
		}
	}
}
