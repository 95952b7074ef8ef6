package desk_test

import (
	"fmt"
	"testing"

	"github.com/quillgate/quillgate/site"
)

// The form makes a post sticky and undoes it, and gives a page a parent.
func TestPlaceOfAPost(t *testing.T) {
	each(t, func(t *testing.T, n *newsroom) {
		post := n.post(t, "ada", site.PostEdit{Title: new("Post"), Status: new("publish")})
		above := n.post(t, "ada", site.PostEdit{Type: new("page"), Title: new("Above"), Status: new("publish")})
		below := n.post(t, "ada", site.PostEdit{Type: new("page"), Title: new("Below"), Status: new("publish")})
		ada := n.as(t, "ada")
		path := fmt.Sprint("/admin/posts/", post)
		says(t, "stick", ada.Post(path, fields(form(t, ada.Get(path)), "pinned", "1", "sticky", "1")...), 303)
		if !n.full(t, post).Sticky {
			t.Error("the post is not on top")
		}
		says(t, "the form", ada.Get(path), 200, `name="sticky" value="1" checked`, "NOT", `id="parent"`)
		says(t, "a form without the box", ada.Post(path, fields(form(t, ada.Get(path)), "title", "Another")...), 303)
		if !n.full(t, post).Sticky {
			t.Error("a form without the box lets the post go")
		}
		says(t, "let go", ada.Post(path, fields(form(t, ada.Get(path)), "pinned", "1")...), 303)
		if n.full(t, post).Sticky {
			t.Error("the post is still on top")
		}
		path = fmt.Sprint("/admin/pages/", below)
		says(t, "the form of a page", ada.Get(path), 200, fmt.Sprintf(`<option value="%d">Above</option>`, above), "NOT", ">Below</option>", `id="sticky"`)
		says(t, "put below", ada.Post(path, fields(form(t, ada.Get(path)), "parent", fmt.Sprint(above))...), 303)
		if got := n.full(t, below).Parent; got != above {
			t.Errorf("the parent is %d, want %d", got, above)
		}
		says(t, "no page", ada.Post(path, fields(form(t, ada.Get(path)), "parent", "x")...), 422, "Choose one of the pages.")
	})
}
