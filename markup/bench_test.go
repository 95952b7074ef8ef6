package markup_test

import (
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/markup"
)

// shapes are texts that a careless filter reads over and over, or makes much
// larger.
var shapes = []struct{ name, unit, end string }{
	{"text", "Words, and no markup. ", ""},
	{"elements", `<p class="a">text</p> `, ""},
	{"clean tags", "a<b>", ""},
	{"marks in an attribute", "&#xE0F0;0&#xE0F1;", `">x</a>`},
	{"angles", "<", ""},
	{"closing angles", ">", ""},
	{"ampersands", "&", ""},
	{"references", "&notx;&#1;&half;", ""},
	{"long references", "&aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", ""},
	{"open tags", "<b ", ""},
	{"open quotes", `<a b="`, ""},
	{"quotes in turns", `<a x='" y="`, ""},
	{"quotes of both kinds", `<a b="<a c='`, ""},
	{"unquoted", "<a b=<a c=", ""},
	{"attributes", " a", ">"},
	{"data attributes", " data-a=b", ">"},
	{"the same attribute", ` class="a"`, ">"},
	{"slashes", "/", ">"},
	{"open comments", "<!--", ""},
	{"comments in a comment", "<!-- ", "-->"},
	{"hyphens", "-", "-->"},
	{"blocks in a block", "<!-- wp:x {", "} -->"},
	{"blocks with markup", `<!-- wp:x {"a":"<b>&"} -->`, ""},
	{"strings in a block", `"<&":["\u003c"],`, `"a":1} -->`},
	{"arrays in a block", "[", "} -->"},
	{"declarations", "<!a", ""},
	{"instructions", "<?", ">"},
	{"end tags", "</", ""},
	{"stray end tags", "</b>", ""},
	{"scripts without an end", "<script>", ""},
	{"styles and scripts", "<style><script></style>", ""},
	{"declarations of a style", "color:red;x:y;", `">`},
	{"open parentheses", "width:calc((;", `">`},
	{"URLs", "background:url(x;", `">`},
	{"candidates", "a:b,", `">`},
	{"long scheme", "j\n", `:x">`},
	{"long name", "aA", ">"},
}

// begin is what stands before the units of some shapes.
var begin = map[string]string{
	"marks in an attribute": `<a href="http://e.example/" title="`, "attributes": "<a", "data attributes": "<a", "the same attribute": "<a",
	"slashes": "<a", "hyphens": "<!--", "strings in a block": "<!-- wp:x {", "arrays in a block": `<!-- wp:x {"a":`,
	"declarations of a style": `<p style="`, "open parentheses": `<p style="`, "URLs": `<p style="`, "candidates": `<img srcset="`,
	"long scheme": `<a href="`, "long name": "<a ",
}

func shape(i, size int) string {
	s := shapes[i]
	return begin[s.name] + strings.Repeat(s.unit, size/len(s.unit)) + s.end
}

func filterAll(text string) int {
	out := markup.AddRel(markup.Inline().Filter(text), func(markup.Link) []string { return []string{"nofollow"} })
	return len(out) + len(markup.Post().Filter(text)) + len(markup.Page().Filter(text)) + len(markup.Escape(text))
}

// BenchmarkDoubled reports, for every shape, how many times as long a text of
// twice the size takes: 2 is linear, 4 is quadratic.
func BenchmarkDoubled(b *testing.B) {
	for i, s := range shapes {
		b.Run(strings.ReplaceAll(s.name, " ", "_"), func(b *testing.B) {
			one, two := shape(i, 256<<10), shape(i, 512<<10)
			b.SetBytes(int64(len(one) + len(two)))
			small, large := time.Hour, time.Hour // the best of all turns, which other work on the machine disturbs least
			for b.Loop() {
				start := time.Now()
				filterAll(one)
				middle := time.Now()
				filterAll(two)
				small, large = min(small, middle.Sub(start)), min(large, time.Since(middle))
			}
			b.ReportMetric(float64(large)/float64(small), "ratio")
		})
	}
}

// What the filter allocates is counted, garbage as well, so this holds on a
// busy machine too: memory grows as the text does, and the output stays within
// its bound. A quadratic pass over any of these texts would take hours.
func TestNastyTextsTakeTimeAndMemoryInProportion(t *testing.T) {
	for i, s := range shapes {
		const size = 1 << 20
		text := shape(i, size)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		out := markup.Post().Filter(text)
		runtime.ReadMemStats(&after)
		if limit := uint64(80 * len(text)); after.TotalAlloc-before.TotalAlloc > limit {
			t.Errorf("%s: %d bytes of text take %d of memory", s.name, len(text), after.TotalAlloc-before.TotalAlloc)
		}
		if len(out) > 10*len(text) {
			t.Errorf("%s: %d bytes of text become %d", s.name, len(text), len(out))
		}
	}
}

// Marks of an earlier filter, written as references, made gigabytes of one
// comment.
func TestMarksAreOrdinaryText(t *testing.T) {
	text := strings.Repeat("A", 60_000) + `<a href="http://e.example/" title="` + strings.Repeat("&#xE0F0;0&#xE0F1;", 3_000) + `">x</a>`
	for _, p := range []*markup.Policy{markup.Post(), markup.Inline(), markup.Page(), markup.Remark()} {
		if out := p.Filter(text); out != text {
			t.Errorf("%d bytes become %d", len(text), len(out))
		}
	}
	if n := testing.AllocsPerRun(10, func() { markup.Post().Filter(text) }); n > 40 {
		t.Errorf("a text that needs no change costs %v allocations", n)
	}
	for i := range 12 { // a number at the place of each mark
		text := `" onmouseover="alert(1)" x="<b title="` + "\ue0f0" + strconv.Itoa(i) + "\ue0f1" + `">hi</b>`
		if out := markup.Post().Filter(text); out != text {
			t.Errorf("%q becomes %q", text, out)
		}
	}
}
