package site

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/quillgate/quillgate/markup"
)

// FuzzGuessNames extracts names from any address. Each must fit into a query.
func FuzzGuessNames(f *testing.F) {
	f.Add("/2013/11/2/My_Post.html")
	f.Add("%e3%81%82/%zz/" + strings.Repeat("a/", 400))
	f.Fuzz(func(t *testing.T, address string) {
		g := guessNames(address)
		for _, name := range append(append([]string{g.start}, g.slugs...), g.others...) {
			if len(name) > 4*maxGuess || strings.ContainsRune(name, 0) || !utf8.ValidString(name) {
				t.Errorf("%q: the name %q", address, name)
			}
		}
		for _, slug := range g.slugs {
			if len(slug) > markup.MaxSlug || slug != strings.ToLower(slug) {
				t.Errorf("%q: the slug %q", address, slug)
			}
		}
	})
}
