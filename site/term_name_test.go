package site

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestTermKeyOrder(t *testing.T) {
	// The order is that of WordPress's databases: signs, digits, letters
	// regardless of case and accents, other scripts.
	want := []string{"", "_a", "-a", "(a)", "#1", "1", "10", "a", "Ab", "äc", "ad", "Straße", "strassf", "z", "Ωmega", "ярко", "日本"}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortStableFunc(got, func(a, b string) int { return strings.Compare(TermKey(a), TermKey(b)) })
	if !slices.Equal(got, want) {
		t.Errorf("sorted %q, want %q", got, want)
	}
	for _, same := range [][2]string{{"News", "nEWS"}, {"Grün", "grun"}, {"Straße", "STRASSE"}, {"Ørsted", "orsted"}, {"ｗｉｄｅ", "wide"}, {"e\u0301", "é"}} {
		if TermKey(same[0]) != TermKey(same[1]) {
			t.Errorf("%q and %q have the keys %q and %q, want one", same[0], same[1], TermKey(same[0]), TermKey(same[1]))
		}
	}
}

func FuzzTermName(f *testing.F) {
	for _, s := range []string{"", "News", "R & D", "<b>x</b>", "a < b", "100%25", "%3<b>c", "&amp;lt;", "\xff\x00", "<script>x</script>", "&#x41;&", "% 41<i>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name := termName(s)
		if !utf8.ValidString(name) || strings.ContainsAny(name, "<>\x00\n\r\t") || name != strings.TrimSpace(name) && strings.TrimSpace(name) == "" {
			t.Errorf("name of %q is %q", s, name)
		}
		if again := termName(name); again != name {
			t.Errorf("the name of %q is %q, and its name is %q", s, name, again)
		}
		key := TermKey(name)
		if !utf8.ValidString(key) || strings.ContainsAny(key, "%_\\\x00") {
			t.Errorf("key of %q is %q", name, key)
		}
	})
}
