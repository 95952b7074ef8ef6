package public

import (
	"context"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// nasty lists pieces of markup that have broken trees before.
var nasty = []string{
	"<div>", "</div>", "<p>", "</p>", "<b>", "</b>", "<i title=x>", "</i>", "<a href=/x>", "</a>", "<a>", "<table>", "</table>", "<tr>", "</tr>", "<td>", "</td>",
	"<th>", "<tbody>", "</tbody>", "<caption>", "</caption>", "<col>", "<colgroup>", "<ul>", "</ul>", "<li>", "</li>", "<dl>", "<dt>", "<dd>", "</dl>", "<h1>", "</h1>", "<h2>",
	"<pre>", "</pre>", "\n", "\n\n", "text ", "&amp;", "&lt;b", "<br>", "</br>", "<hr>", "<img src=/a.png>", "<script>", "</script>", "<style>", "<!--", "-->",
	"<svg>", "<math>", "<mtext>", "<template>", "<select>", "<option>", "<button>", "<form>", "</form>", "<input>", "<textarea>", "</textarea>", "<xmp>", "<iframe src=/x>", "</iframe>",
	"<object data=/x>", "<param name=movie value=/y>", "<embed src=/z>", "</object>", "<noscript>", "</noscript>", "<ruby>", "<rt>", "<rp>", "<rb>", "<rtc>", "<main>", "<address>", "<menu>", "<picture>", "</ruby>", "<nobr>", "<font>", "</font>",
	"<header>", "</header>", "<center>", "<blockquote>", "</blockquote>", "<span>", "</span>", "<frameset>", "<body>", "</body>", "<html>", "</html>", "<plaintext>", "<title>",
	"<details>", "<summary>", "<figure>", "<figcaption>", "<video>", "<source src=/a>", "</video>", "<code>", "</code>", "<marquee>", "<applet>", "\x00", "<dir>", "<menu>",
}

func shownTree(t testing.TB, r *rules, text string) (*html.Node, string) {
	made, err := r.parse(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	if !blockText(text) {
		makeParagraphs(made, len(text))
	}
	linkLonely(made.root)
	out, err := render(made.root)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return made.root, string(out)
}

// FuzzTree: whatever the text is, a browser reads from the page the tree that
// was rendered. The text closes no element around it, has nothing that the
// rules forbid, and does not become much longer.
func FuzzTree(f *testing.F) {
	for _, piece := range nasty {
		f.Add(strings.Repeat(piece, 3) + "x")
	}
	// Sequences of pieces, in the same order in every run.
	for seed := range 400 {
		var b strings.Builder
		for at := seed; b.Len() < 300; at = (at*31 + seed*7 + 11) % 100_003 {
			b.WriteString(nasty[at%len(nasty)])
		}
		f.Add(b.String())
	}
	content, remarks := contentRules(), commentRules()
	f.Fuzz(func(t *testing.T, text string) {
		for _, r := range []*rules{content, remarks} {
			checkTree(t, r, text)
		}
	})
}

func checkTree(t *testing.T, r *rules, text string) {
	root, out := shownTree(t, r, text)
	if most := 12*len(text) + 1000; len(out) > most {
		t.Errorf("%.200q: %d bytes became %d", text, len(text), len(out))
	}
	page, err := html.Parse(strings.NewReader(`<!DOCTYPE html><html><body><main><div id="content">` + out + `</div><footer id="end"></footer></main></body></html>`))
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	var around *html.Node
	for n := range page.Descendants() {
		if n.Data == "footer" && nodeAttribute(n, "id") == "end" {
			around = n
		}
	}
	if around == nil || around.Parent.Data != "main" || nodeAttribute(around.PrevSibling, "id") != "content" {
		t.Fatalf("%q ends an element of the page:\n%s", text, out)
	}
	inside := around.PrevSibling
	for n := range inside.Descendants() {
		if n.Type == html.CommentNode {
			t.Errorf("%q has a comment: %s", text, out)
		}
		if n.Type != html.ElementNode {
			continue
		}
		if !r.policy.Element(n.Data) && n.Data != "div" {
			t.Errorf("%q has <%s>: %s", text, n.Data, out)
		}
		for _, a := range n.Attr {
			if _, ok := r.policy.Attribute(n.Data, a.Key, a.Val); !ok && !(n.Data == "div" && a.Key == "class") {
				t.Errorf("%q has <%s %s=%q>: %s", text, n.Data, a.Key, a.Val, out)
			}
		}
	}
	out = sorted(t, root)
	again := sorted(t, inside)
	if again != out {
		t.Errorf("%q: rendered\n%s\nis read as\n%s", text, out, again)
	}
}

// sorted renders nodes with sorted attributes, because the parser sorts those
// of some elements.
func sorted(t *testing.T, root *html.Node) string {
	for n := range root.Descendants() {
		slices.SortFunc(n.Attr, func(a, b html.Attribute) int { return strings.Compare(a.Key, b.Key) })
	}
	out, err := render(root)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// Work for a visitor who has left does not continue.
func TestTreeStopsWithItsReader(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := contentRules().parse(ctx, strings.Repeat("<b>x</b>", checkEvery)); err == nil {
		t.Error("a text was read for nobody")
	}
}
