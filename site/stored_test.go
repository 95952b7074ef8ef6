package site_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/site"
)

// WordPress 6.1 stores these texts in this form, except for spaces between the
// declarations of a style.
func TestTextsAreStoredAsWordPressStoresThem(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		post := n.create(t, n.author, site.PostEdit{Title: new("T"), Content: new("x")})
		for _, test := range []struct{ in, want string }{
			{`<img src="http://example.org/my photo.jpg" alt="p" />`, ""},
			{`<a href="http://example.org/100%">sale</a> <a href="http://example.org/a b.pdf">doc</a>`, ""},
			{`<a href="http://example.org/ü">x</a>`, ""},
			{
				`<img title="image" style="border-top: 0px; background-image: none; float: left; margin: 0px 10px 0px 0px; display: inline" src="http://example.org/image_thumb.png" />`,
				`<img title="image" style="border-top: 0px;background-image: none;float: left;margin: 0px 10px 0px 0px" src="http://example.org/image_thumb.png" />`,
			},
			{`<div style="background-image:url(http://example.org/x.jpg);min-height:200px">x</div>`, ""},
			{
				`<table style="width: 100%; border-collapse: collapse"><tr><td>x</td></tr></table>`,
				`<table style="width: 100%;border-collapse: collapse"><tr><td>x</td></tr></table>`,
			},
			{`<p class="MsoNormal" style="margin: 0cm 0cm 0pt; mso-fareast-language: DE">x</p>`, `<p class="MsoNormal" style="margin: 0cm 0cm 0pt">x</p>`},
			{`<p>one</p><!-- a -- b --><p>two</p>`, `<p>one</p><!-- a - b --><p>two</p>`},
			{`text <!-- todo: <b>fix</b> this --> more text after`, `text &lt;!-- todo: <b>fix</b> this --&gt; more text after`},
			{`before <!-- never closed <p>all of this</p> is after`, `before &lt;!-- never closed <p>all of this</p> is after`},
			{`<a href="http://example.org/" target="_blank" rel="nofollow">x</a>`, `<a href="http://example.org/" target="_blank" rel="nofollow noopener">x</a>`},
		} {
			if test.want == "" {
				test.want = test.in
			}
			n.edit(t, n.author, post, site.PostEdit{Content: &test.in, Excerpt: &test.in})
			if p := n.get(t, post); p.Content != test.want || p.Excerpt != test.want {
				t.Errorf("an author's %q\nis stored as %q\nand %q\nwant %q", test.in, p.Content, p.Excerpt, test.want)
			}
		}
		tel := `<a href="tel:+123">call</a> <a href="ftp://x/y z">f</a>`
		term, err := n.CreateTerm(t.Context(), n.editor, site.NewTerm{Taxonomy: site.Category, Name: "before <!-- never closed <p>this</p>", Description: tel})
		if err != nil || term.Description != tel || term.Name != "before &lt;!-- never closed this" {
			t.Errorf("the term is stored as %q, %q, %v", term.Name, term.Description, err)
		}
		if err := n.EditProfile(t.Context(), n.author, auth.Profile{Bio: &tel}); err != nil {
			t.Fatal(err)
		}
		n.edit(t, n.author, post, site.PostEdit{Title: &tel})
		if p := n.get(t, post); p.Title != tel {
			t.Errorf("the title %q is stored as %q", tel, p.Title)
		}
	})
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		g := openGuestbook(t, db)
		for _, test := range []struct{ in, want string }{
			{`see <a href="http://example.org/a b.html">x</a>`, `see <a href="http://example.org/a b.html" rel="nofollow ugc">x</a>`},
			{"before <!-- never closed and the rest", "before &lt;!-- never closed and the rest"},
			{`<a title="x rel='y" href='" onmouseover=alert(1) z="'>q</a>`, `<a title="x rel='y" href='" onmouseover=alert(1) z="' rel="nofollow ugc">q</a>`},
		} {
			got, err := g.comment(t, "ines", site.NewComment{Post: 3, Content: test.in})
			if err != nil {
				t.Errorf("an author's %q is refused: %v", test.in, err)
			} else if got.Content != test.want {
				t.Errorf("an author's %q\nis stored as %q\nwant %q", test.in, got.Content, test.want)
			}
		}
	})
}

// A comment of 175 KB once took minutes and gigabytes; a draft of 111 KB was
// stored as 180 MB.
func TestMarksMakeNoTextLarger(t *testing.T) {
	marked := func(letters, marks int) string {
		return strings.Repeat("A", letters) + `<a href="http://e.example/" title="` + strings.Repeat("&#xE0F0;0&#xE0F1;", marks) + `">x</a>`
	}
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		start := time.Now()
		text := marked(60_000, 3_000)
		post := n.create(t, n.contributor, site.PostEdit{Title: &text, Content: &text, Excerpt: &text})
		if p := n.get(t, post); p.Content != text || p.Excerpt != text {
			t.Errorf("%d bytes are stored as %d, and %d of the excerpt", len(text), len(p.Content), len(p.Excerpt))
		}
		if took := time.Since(start); took > 30*time.Second {
			t.Errorf("it took %v", took)
		}
	})
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		g := openGuestbook(t, db)
		if _, err := g.comment(t, "ines", site.NewComment{Post: 3, Content: marked(60_000, 6_800)}); !errors.Is(err, site.ErrCommentLength) {
			t.Errorf("a comment of 175 KB: got %v, want that it is too long", err)
		}
	})
}
