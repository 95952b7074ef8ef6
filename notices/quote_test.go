package notices

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// FuzzQuoted looks for texts from strangers that break out of their quotation
// or line.
func FuzzQuoted(f *testing.F) {
	for _, text := range []string{"a\n\nb", "a\r\nb\rc\u2028d\u2029e\u0085f\vg\fh", "\x00", "\n", "", "> x", "&#10;a&#x2028;b", "<b\n>a", "\xff\n\xfe", "\xc2\x00\x85"} {
		f.Add(text)
	}
	ends := func(r rune) bool {
		return r == '\n' || r == '\r' || r == '\v' || r == '\f' || r == '\u0085' || r == '\u2028' || r == '\u2029'
	}
	f.Fuzz(func(t *testing.T, text string) {
		for l := range strings.SplitSeq(quoted(text), "\n") {
			if l != "" && l[0] != '>' || strings.ContainsFunc(l, ends) {
				t.Fatalf("%q leaves its quotation: %q", text, l)
			}
		}
		if l := line(text, "none"); strings.ContainsFunc(l, ends) || len(l) > 160 || l == "" {
			t.Fatalf("%q is not one line: %q", text, l)
		}
	})
}

// BenchmarkDoubled quotes texts, each twice as long as the one before. The time
// must not grow faster than the length.
func BenchmarkDoubled(b *testing.B) {
	for _, piece := range []string{"a\n", "word ", "&#10;", "<b>", "\u2028"} {
		b.Run(fmt.Sprintf("%q", piece), func(b *testing.B) {
			var times [2]time.Duration
			for b.Loop() {
				for i := range times {
					text := strings.Repeat(piece, 20_000<<i)
					began := time.Now()
					quoted(text)
					line(text, "none")
					times[i] += time.Since(began)
				}
			}
			b.ReportMetric(float64(times[1])/float64(times[0]), "times-for-twice")
		})
	}
}
