package fetch

import (
	"iter"
	"strings"

	"golang.org/x/net/html"
)

// Links returns the rel and href of each <link> element of an HTML page, in the
// order of the page, with character references resolved. A missing attribute is
// empty.
func Links(page string) iter.Seq2[string, string] {
	return func(yield func(rel, href string) bool) {
		for z := html.NewTokenizer(strings.NewReader(page)); ; {
			switch z.Next() {
			case html.ErrorToken:
				return
			case html.StartTagToken, html.SelfClosingTagToken:
			default:
				continue
			}
			t := z.Token()
			if t.Data != "link" {
				continue
			}
			var rel, href string
			for _, a := range t.Attr {
				switch a.Key {
				case "rel":
					rel = a.Val
				case "href":
					href = a.Val
				}
			}
			if !yield(rel, href) {
				return
			}
		}
	}
}
