package markup_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/microcosm-cc/bluemonday"
	"golang.org/x/net/html"

	"github.com/quillgate/quillgate/markup"
)

// Another filter with the same list of elements finds nothing to take out of
// what ours lets through.
func TestAnotherFilterFindsNothingMore(t *testing.T) {
	other := bluemonday.NewPolicy()
	other.AllowElements(strings.Fields(postElements)...)
	other.AllowNoAttrs().OnElements(strings.Fields(postElements)...)
	other.AllowAttrs("class", "id", "title", "style", "href", "src", "alt").Globally()
	other.AllowURLSchemes("http", "https", "ftp", "mailto", "tel", "feed")
	other.AllowRelativeURLs(true)
	for _, text := range slices.Concat(treeCases(t), bluemondayInputs(t)) {
		out := markup.Post().Filter(text)
		if strings.Contains(strings.ToLower(out), "<textarea") {
			continue // the other one reads tags in it, a browser does not
		}
		if got, want := tagNames(other.Sanitize(out)), tagNames(out); !slices.Equal(got, want) {
			t.Errorf("%q\nbecomes %q\nof which the other filter leaves %q", text, want, got)
		}
	}
}

func tagNames(text string) []string {
	var names []string
	for z := html.NewTokenizer(strings.NewReader(text)); ; {
		switch z.Next() {
		case html.ErrorToken:
			return names
		case html.StartTagToken, html.EndTagToken, html.SelfClosingTagToken:
			name, _ := z.TagName()
			names = append(names, string(name))
		}
	}
}
