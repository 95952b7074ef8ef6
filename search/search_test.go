package search_test

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/search"
)

func TestGrams(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":              "",
		"a bc":          "",
		"Abc":           "abc",
		"abcde":         "abc bcd cde",
		"abc abc-abc":   "abc",
		"Łódź":          "lod odz",
		"c++ 3.14":      "",
		"3141":          "314 141",
		"東京都":           "東京 京都",
		"東":             "",
		"abc東京":         "abc bc東 東京 c東京",
		"東ab":           "東a",
		"<p>tea</p>":    "tea",
		"it's":          "",
		"x\u0301yz ﬁne": "xyz fin ine",
	} {
		if got := strings.Join(search.Grams(text), " "); got != want {
			t.Errorf("the grams of %q are %q, want %q", text, got, want)
		}
	}
}

// The index finds every post that contains a word: all grams of the word are
// grams of the text.
func FuzzGrams(f *testing.F) {
	f.Add("the harbour of Łódź", 4, 9)
	f.Add("東京都庁 c++", 1, 5)
	f.Add("\xffnaïve\u0301 ǅ ŉ ﷺ", 0, 7)
	f.Fuzz(func(t *testing.T, text string, from, to int) {
		text = database.Fold(strings.ToValidUTF8(text, ""))
		if from < 0 || to > len(text) || from > to {
			return
		}
		part := text[from:to]
		if !utf8.ValidString(part) || database.Fold(part) != part || database.Fold(text) != text {
			return // a character was cut, or is one that folding changes twice
		}
		all := search.Grams(text)
		for _, gram := range search.Grams(part) {
			if !slices.Contains(all, gram) {
				t.Errorf("%q is a gram of %q, and not of %q, which holds it: %q", gram, part, text, all)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add(`harbour "two words" -not the`)
	f.Fuzz(func(t *testing.T, text string) {
		if q := search.Parse(text); text != "" && q.Empty() && strings.Trim(text, "\r\n") != "" {
			t.Errorf("nothing is looked for in %q", text)
		}
	})
}

// BenchmarkDoubled shows that twice the text takes about twice the time.
func BenchmarkDoubled(b *testing.B) {
	text := strings.Repeat("A sentence of words, 東京 and Łódź among them. ", 2000)
	var one, two time.Duration
	for b.Loop() {
		began := time.Now()
		search.Grams(text)
		one += time.Since(began)
		began = time.Now()
		search.Grams(text + text)
		two += time.Since(began)
	}
	b.ReportMetric(two.Seconds()/one.Seconds(), "ratio")
}
