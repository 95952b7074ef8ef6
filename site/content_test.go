package site_test

import (
	"testing"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/site"
)

const block = `<!-- wp:image {"id":5,"sizeSlug":"large","caption":"\u003cb\u003e&amp; \"x\"\u003c/b\u003e"} -->
<figure class="wp-block-image size-large"><img src="https://example.com/a.png" alt="" class="wp-image-5"/></figure>
<!-- /wp:image -->`

func TestFilteredContent(t *testing.T) {
	same := []string{
		"plain text",
		"Quotes \"stay\" and so do 'these', – dashes —, 日本語 and 😀.",
		"a &amp; b &lt; c &#8212; &eacute; &nbsp;",
		"line\nbreaks\r\n\r\nand\ttabs",
		"[gallery ids=\"1,2\" link='none'] [caption id=\"a\"]text[/caption] [[escaped]]",
		"before<!--more-->after<!--nextpage-->third<!--more But read on--><!--noteaser-->",
		`<!-- wp:paragraph --><p>Text &amp; more</p><!-- /wp:paragraph -->`,
		`<!-- wp:separator /-->`,
		`<!-- wp:my-plugin/block {"a":{"b":[1,2]}} /-->`,
		block,
		`<p>A <strong>b</strong> <em>i</em> <a href="https://example.com/?a=1&amp;b=2" title="t">link</a></p>`,
		`<a href="mailto:x@example.com">m</a><a href="/relative">r</a><a href="#top">t</a>`,
		`<h2 class="title" id="x">H</h2><ul><li>1</li></ul><pre><code>x &lt; y</code></pre>`,
		`<table><tbody><tr><td colspan="2">x</td></tr></tbody></table>`,
		`<blockquote cite="https://example.com"><p>q</p></blockquote>`,
		`<div data-id="5" aria-label="x">d</div>`,
		`<br><hr><br/>`,
		`<p style="color:red;text-align:center">t</p><img src="a" style="width:100px;height:auto" alt="">`,
		`<p style="padding-top: var(--wp--preset--spacing--40);background-color: rgba(1, 2, 3, .5)">t</p>`,
		`<video controls="" src="https://example.com/v.mp4" poster="https://example.com/p.png"></video>`,
		`<img src="/a.png" srcset="/a-300.png 300w, https://example.com/a-600.png 600w" sizes="(max-width: 300px) 100vw">`,
	}
	changed := []struct{ in, want string }{
		{"AT&T", "AT&amp;T"},
		{"1 < 2 > 0", "1 &lt; 2 &gt; 0"},
		{`x<script>alert(1)</script>y`, `xalert(1)y`},
		{`<p onclick="x()">t</p>`, `<p>t</p>`},
		{`<a href=" java&#115;cript:alert(1)">t</a>`, `<a>t</a>`},
		{`<p style="position:fixed;top:0">t</p><p style="width:expression(alert(1))">t</p><p style="color:red/**/;b:c">t</p>`, `<p>t</p><p>t</p><p>t</p>`},
		{`<p style="color: red; background-image: url(https://example.com); position: fixed">t</p>`, `<p style="color: red;background-image: url(https://example.com)">t</p>`},
		{"before <!-- never closed <p>all of this</p> is after", "before &lt;!-- never closed <p>all of this</p> is after"},
		{`<p`, `&lt;p`},
	}
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		filtered := n.create(t, n.contributor, site.PostEdit{Title: new("T"), Content: new("x")})
		whole := n.create(t, n.editor, site.PostEdit{Title: new("T"), Content: new("x")})
		check := func(in, want string) {
			t.Helper()
			n.edit(t, n.contributor, filtered, site.PostEdit{Content: &in, Excerpt: &in})
			p := n.get(t, filtered)
			if p.Content != want || p.Excerpt != want {
				t.Errorf("a contributor's %q\nbecomes %q\nand as an excerpt %q\nwant %q", in, p.Content, p.Excerpt, want)
			}
			n.edit(t, n.editor, whole, site.PostEdit{Content: &in})
			if got := n.get(t, whole).Content; got != in {
				t.Errorf("an editor's %q becomes %q", in, got)
			}
		}
		for _, text := range same {
			check(text, text)
		}
		for _, test := range changed {
			check(test.in, test.want)
		}
	})
}

func TestFilteredTitle(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		for in, want := range map[string]string{
			"  A & B  ":                      "A &amp; B",
			"<b>bold</b> <i>i</i>":           "<b>bold</b> <i>i</i>",
			"<h1>big</h1><img src=x>":        "big",
			`<a href="javascript:x()">a</a>`: `<a>a</a>`,
			"it's \"quoted\" \\ 日本":          "it's \"quoted\" \\ 日本",
			"nul\x00 and invalid \xff":       "nul and invalid",
		} {
			id := n.create(t, n.author, site.PostEdit{Title: &in})
			if got := n.get(t, id).Title; got != want {
				t.Errorf("an author's title %q becomes %q, want %q", in, got, want)
			}
		}
	})
}

// The text belongs to the caller, and stays unchanged.
func TestEditLeavesTheCallersTextsAlone(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		text := "a & b"
		n.create(t, n.author, site.PostEdit{Title: new("T"), Content: &text})
		if text != "a & b" {
			t.Errorf("the text is %q now", text)
		}
	})
}
