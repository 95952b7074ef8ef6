package profiles_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/options"
	"github.com/quillgate/quillgate/permalink"
	"github.com/quillgate/quillgate/site"
)

// The page offers the usual structures for the addresses of posts, and a field
// for another one. A structure that cannot be used is refused with the text of
// package permalink, and nothing changes. Old addresses lead to the post, as
// the page promises.
func TestPermalinksOnThePage(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		edit := site.PostEdit{Title: new("Sea air"), Status: new("publish")}
		id, err := h.blog.Site.CreatePost(t.Context(), auth.Identity{User: h.ada}, edit)
		if err != nil {
			t.Fatal(err)
		}
		options := func() *options.Values {
			t.Helper()
			o, err := h.blog.Site.Options().Current(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return o
		}
		chosen := regexp.MustCompile(`name="permalink_structure" value="([^"]*)" checked`)
		ada, nora := h.as(t, "ada"), h.browser(t)
		former := []string{fmt.Sprintf("/?p=%d", id)}

		first := ada.get("/admin/settings")
		for _, shape := range permalink.Shapes {
			if example := permalink.Example(shape.Structure, h.clock.Now()); !strings.Contains(first.body, shape.Name+" <code>"+example+"</code>") {
				t.Errorf("the page lacks %s with %s:\n%s", shape.Name, example, first.body)
			}
		}
		if strings.Contains(first.body, "%!") {
			t.Errorf("the page has a hint that was taken for a format:\n%s", first.body)
		}
		for _, want := range []struct{ radio, typed, structure string }{
			{"/archives/%post_id%", "", "/archives/%post_id%"},
			{"/%year%/%monthnum%/%postname%/", "not used", "/%year%/%monthnum%/%postname%/"},
			{"/", "/notes/%postname%.html", "/notes/%postname%.html"},
			{"/%postname%/", "", "/%postname%/"},
			{"", "", ""},
		} {
			if p := ada.post("/admin/settings", "permalink_structure", want.radio, "permalink_structure-other", want.typed); p.status != http.StatusSeeOther {
				t.Fatalf("choose %q: %d\n%s", want.radio, p.status, p.body)
			}
			if got := options().Text("permalink_structure"); got != want.structure {
				t.Errorf("choose %q and type %q: the structure is %q", want.radio, want.typed, got)
			}
			if got := found(t, chosen, ada.get("/admin/settings").body); got != want.radio {
				t.Errorf("the page has chosen %q, want %q", got, want.radio)
			}
			full, err := h.blog.Site.FindPost(t.Context(), auth.Identity{}, fmt.Sprintf("%s/?p=%d", h.base, id), 0)
			if err != nil {
				t.Fatal(err)
			}
			now := strings.TrimPrefix(full.Link, h.base)
			for _, old := range former {
				if p := nora.get(old); old != now && p.header.Get("Location") != full.Link {
					t.Errorf("with %q, the former address %s: %d to %q, want %s", want.structure, old, p.status, p.header.Get("Location"), full.Link)
				}
			}
			former = append(former, now)
		}

		before := options().Stored()
		for _, bad := range []string{"foo", "/blog/", "/%postname%/%nothing%/", "/profile/%postname%/", ""} {
			p := ada.post("/admin/settings", "blog_title", "Not this", "permalink_structure", "/", "permalink_structure-other", bad)
			why := permalink.Problem(bad)
			if bad == "" {
				why = permalink.Problem("/")
			}
			for _, want := range []string{"This " + why + ".", `href="#permalink_structure"`, `id="permalink_structure-wrong"`, `name="permalink_structure" value="/" checked`, `value="` + bad + `" aria-label`} {
				if p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, want) {
					t.Errorf("structure %q: %d, lacks %q\n%s", bad, p.status, want, p.body)
				}
			}
		}
		if got := fmt.Sprint(options().Stored()); got != fmt.Sprint(before) {
			t.Errorf("refused forms changed the options to %s, from %v", got, before)
		}

		// A form without this field leaves the structure unchanged.
		ada.post("/admin/settings", "permalink_structure", "/%postname%/")
		if p := ada.post("/admin/settings", "blog_title", "Quay"); p.status != http.StatusSeeOther || options().Title() != "Quay" || options().Text("permalink_structure") != "/%postname%/" {
			t.Errorf("another field: %d, the structure is %q", p.status, options().Text("permalink_structure"))
		}
	})
}

// The sizes of future pictures are set on the page, all or none.
func TestSizesOfPicturesOnThePage(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ada := h.as(t, "ada")
		sizes := func(want string) {
			t.Helper()
			o, err := h.blog.Site.Options().Current(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, size := range site.PictureOrder(o).Sizes[:3] {
				got = append(got, fmt.Sprint(size.Name, " ", size.Width, "x", size.Height, " ", size.Crop))
			}
			if strings.Join(got, ", ") != want {
				t.Errorf("the sizes are %q, want %s", got, want)
			}
		}
		sizes("medium 300x300 false, large 1024x1024 false, thumbnail 150x150 true")
		if p := ada.get("/admin/settings"); !strings.Contains(p.body, `name="thumbnail_size_w" value="150" aria-describedby="thumbnail_size_w-hint"`) || !strings.Contains(p.body, `name="thumbnail_crop" value="1" checked`) {
			t.Errorf("the page lacks the size of thumbnails:\n%s", p.body)
		}
		form := []string{"thumbnail_size_w", "200", "thumbnail_size_h", "120", "medium_size_w", "640", "medium_size_h", "0", "large_size_w", "1600", "large_size_h", "1200"}
		if p := ada.post("/admin/settings", form...); p.status != http.StatusSeeOther {
			t.Fatalf("sizes: %d\n%s", p.status, p.body)
		}
		after := "medium 640x0 false, large 1600x1200 false, thumbnail 200x120 false"
		sizes(after)
		for _, bad := range []string{"-1", "wide", "", "1.5"} {
			p := ada.post("/admin/settings", "thumbnail_size_w", "99", "thumbnail_crop", "1", "large_size_h", bad)
			if p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, `id="large_size_h-wrong">This must be a whole number, 0 or above.`) || !strings.Contains(p.body, `name="thumbnail_size_w" value="99"`) {
				t.Errorf("height %q: %d\n%s", bad, p.status, p.body)
			}
		}
		sizes(after)
	})
}
