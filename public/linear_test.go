package public

import (
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// shapes are texts, by the part that they repeat, for which some pass once
// needed time with the square of the length.
var longTexts = []struct{ name, before, piece, behind string }{
	{"unmatched ends", "", "<div></nav>", ""},
	{"open divs", "", "<div>", ""},
	{"open divs and other ends", strings.Repeat("<div>", 1000), "</nav>", ""},
	{"open formats", "", "<b>", ""},
	{"formats over paragraphs", strings.Repeat("<font title=x>", 20), "<p>x", ""},
	{"different formats over paragraphs", `<b title=1><i title=2><u title=3><s title=4><em><strong><small><tt>`, "<p>x", ""},
	{"formats over blocks", "", "<b><p>x</b>y", ""},
	{"formats that end in blocks", "", "<b><div>x</b>", ""},
	{"a long format over paragraphs", `<b title="` + strings.Repeat("x", 5000) + `">`, "<p>x", ""},
	{"open tables", "", "<table><tr><td>", ""},
	{"text in tables", "<table>", "x<tr>", ""},
	{"items", "<ul>", "<li>x", ""},
	{"nested lists", "", "<ul><li>", ""},
	{"links in links", "", "<a href=/x>x", ""},
	{"literals", "", "<pre>[gallery]</pre>", ""},
	{"open literals", "", "<pre [gallery]", ""},
	{"literals of two kinds", "", "<pre <code>[gallery]</code>", ""},
	{"open captions", "", "[caption]x", ""},
	{"open captions of two kinds", "", "[caption][audio]", ""},
	{"open quotes", "", `[audio a="`, ""},
	{"quotes of two kinds", "", `[audio a="[audio b='`, ""},
	{"brackets", "", "[", ""},
	{"remarks", "", "<!--more ", ""},
	{"reusable blocks", "", `<!-- wp:block {"ref":1 `, ""},
	{"divisions", "", "<!--nextpage-->", ""},
	{"blank lines", "", "a\n\n", ""},
	{"blank lines in a format", "<b title=xxxxxxxxxxxx>", "a\n\n", "</b>"},
	{"blank lines in formats", "<b><i><em>", "a\n\n", ""},
	{"white space", "", " ", "x"},
	{"line ends", "", "\n ", "x"},
	{"attributes", "<p ", "a=b class=c ", ">x"},
	{"styles", `<p style="`, "color:red;", `(">x`},
	{"ampersands", "", "&", ""},
	{"objects", "", "<object>", ""},
	{"films", "", "<embed src=http://x.example/>", ""},
	{"addresses", "", "http://a.example/ ", ""},
	{"addresses alone", "", "http://a.example/\n\n", ""},
	{"pictures", "", "<img src=/a.png>", ""},
}

// showLong processes a text as a page does.
func showLong(b testing.TB, r *rules, content string) int {
	n := 0
	for _, part := range pagesOf(content) {
		blockRefs(part)
		moreMark.FindStringSubmatchIndex(part)
		t := newSource(1, part)
		t.codes = shortcodesOf(part)
		a := &album{p: &Pages{policy: r}}
		root, err := a.prepare(b.Context(), &t)
		if err != nil {
			b.Fatal(err)
		}
		wordsOf(root)
		out, err := render(root)
		if err != nil {
			b.Fatal(err)
		}
		n += len(out)
	}
	return n
}

// BenchmarkLongTexts doubles texts that are meant to be slow. Twice the length
// should take twice the time; four times would be quadratic. ratio is the time
// for the longer text divided by that for the shorter one, the best of several
// turns.
func BenchmarkLongTexts(b *testing.B) {
	r := contentRules()
	for _, shape := range longTexts {
		b.Run(strings.ReplaceAll(shape.name, " ", "-"), func(b *testing.B) {
			ratio := 0.0
			for range b.N {
				ratio = doubling(b, r, shape.before, shape.piece, shape.behind, 128<<10)
				for turns := 1; ratio > 3 && turns < 3; turns++ {
					ratio = min(ratio, doubling(b, r, shape.before, shape.piece, shape.behind, 128<<10))
				}
			}
			b.ReportMetric(ratio, "ratio")
			if ratio > 3 {
				b.Errorf("twice the text takes %.1f times the time", ratio)
			}
		})
	}
}

// processorTime returns the processor time of this process, which does not
// depend on the load of the machine.
func processorTime(b testing.TB) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// doubling measures the processor time for a text and for one of twice the
// length, in turns.
func doubling(b testing.TB, r *rules, before, piece, behind string, size int) float64 {
	n := size / len(piece)
	short, long := before+strings.Repeat(piece, n)+behind, before+strings.Repeat(piece, 2*n)+behind
	best := [2]time.Duration{time.Hour, time.Hour}
	for range 4 {
		for i, text := range []string{short, long} {
			runtime.GC()
			start := processorTime(b)
			showLong(b, r, text)
			best[i] = min(best[i], processorTime(b)-start)
		}
	}
	return best[1].Seconds() / best[0].Seconds()
}

// A page is not much longer than the text that the author wrote, whatever that
// is.
func TestLongTextsStayInProportion(t *testing.T) {
	r := contentRules()
	for _, shape := range longTexts {
		text := shape.before + strings.Repeat(shape.piece, 20_000/len(shape.piece)) + shape.behind
		if n := showLong(t, r, text); n > 12*len(text)+1000 {
			t.Errorf("%s: %d bytes became %d", shape.name, len(text), n)
		}
	}
}
