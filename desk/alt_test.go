package desk_test

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"testing"

	"github.com/quillgate/quillgate/site"
)

// A picture has an alternative text, a caption and a description. Pages for
// visitors have the alternative text wherever the theme shows the picture.
func TestAlternativeText(t *testing.T) {
	each(t, func(t *testing.T, n *newsroom) {
		var picture bytes.Buffer
		if err := png.Encode(&picture, image.NewGray(image.Rect(0, 0, 40, 30))); err != nil {
			t.Fatal(err)
		}
		a, err := n.blog.Site.CreateAttachment(t.Context(), n.who("bob"), site.Upload{Name: "pier.png", Type: "image/png", Bytes: &picture})
		if err != nil {
			t.Fatal(err)
		}
		post := n.post(t, "bob", site.PostEdit{Title: new("By the sea"), Content: new("text"), Status: new("publish"), Thumbnail: &a.ID})
		b, path, own := n.as(t, "bob"), fmt.Sprint("/admin/media/", a.ID), fmt.Sprint("/?attachment_id=", a.ID)
		says(t, "at first", b.Get(path), 200, `name="alt" value=""`, "Caption", "Description (HTML)")
		says(t, "save", b.Post(path, fields(form(t, b.Get(path)), "alt", " A \"pier\"\nin <b>fog</b> ", "excerpt", "The old pier", "content", "Built in 1890")...), 303)
		says(t, "the form again", b.Get(path), 200, `name="alt" value="A &#34;pier&#34; in &lt;b&gt;fog&lt;/b&gt;"`, "The old pier</textarea>", "Built in 1890</textarea>")
		for what, at := range map[string]string{"its own page": own, "the post that it illustrates": fmt.Sprint("/?p=", post)} {
			says(t, what, b.Get(at), 200, `alt="A &#34;pier&#34; in &lt;b&gt;fog&lt;/b&gt;"`)
		}
		says(t, "an unchanged form", b.Post(path, fields(form(t, b.Get(path)))...), 303)
		if got := n.full(t, a.ID); got.Alt() != `A "pier" in <b>fog</b>` || got.Excerpt != "The old pier" || got.Content != "Built in 1890" {
			t.Errorf("alt %q, caption %q, description %q", got.Alt(), got.Excerpt, got.Content)
		}
		says(t, "somebody else", n.as(t, "sue").Post(path, "alt", "not mine"), 403)
		says(t, "only decoration", b.Post(path, fields(form(t, b.Get(path)), "alt", "")...), 303)
		if got := n.full(t, a.ID); got.Alt() != "" {
			t.Errorf("the text that was removed is %q", got.Alt())
		}
		// A post has no alternative text.
		says(t, "a post", b.Post(fmt.Sprint("/admin/posts/", post), "alt", "none"), 303)
		if got := n.full(t, post); got.Alt() != "" {
			t.Errorf("a post has the text %q", got.Alt())
		}
	})
}
