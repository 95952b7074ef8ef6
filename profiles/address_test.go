package profiles_test

import (
	"strings"
	"testing"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth/authtest"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/options"
	"github.com/quillgate/quillgate/server"
)

// Whoever sets up the blog is asked for its address. A wrong one is refused before anything is made. The address takes
// effect when the server is started again; the settings page has the one in use, and where it comes from.
func TestAddressOfTheBlog(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, url string) {
		listening := func(base string, c *server.BlogConfig) { c.ListenURL = base }
		h := openAt(t, url, "127.0.0.1", listening)
		stored := func(h *house, want string) {
			t.Helper()
			if o, err := h.blog.Site.Options().Current(t.Context()); err != nil || o.Text(options.Address) != want {
				t.Errorf("the stored address is %q (%v), want %q", o.Text(options.Address), err, want)
			}
		}
		secret, err := h.blog.Users.NewSetUpCode(t.Context(), audit.Operator, h.ada.ID)
		if err != nil {
			t.Fatal(err)
		}
		b, code := h.browser(t), secret.Reveal()
		b.get("/setup?code="+code).says(t, "the link", 200, `name="blog-address" value="`+h.base+`" `, "data-address", "Another one than "+h.base+" takes effect when the server is restarted.")
		form := func(address string) []string {
			return []string{"code", code, "new-password", password, "new-password-again", password, "blog-title", "Quay", "blog-address", address}
		}
		for address, why := range map[string]string{
			"blog.example":               "must be http:// or https:// with a host name, such as https://blog.example",
			"https://blog.example/?p=1":  "must not contain ? or #",
			"https://ada@blog.example":   "must not contain a user name or a password",
			"https://bücher.example":     "must have a host name of letters, digits, dots and hyphens; international names are written as xn--…",
			"https://blog.example:99999": "must have a port from 1 to 65535, or none",
		} {
			b.post("/setup", form(address)...).says(t, address, 422, "This "+why+".", `id="blog-address-wrong"`, `value="`+address+`"`, "NOT", "data-address")
		}
		stored(h, "")
		if p := b.post("/setup", form("https://blog.example/")...); p.header.Get("Location") != "/profile/first-steps" {
			t.Fatalf("set up: %d to %q\n%s", p.status, p.header.Get("Location"), p.body)
		}
		b.get("/profile/first-steps").says(t, "first steps", 200, "Restart the server: then the address of the blog is https://blog.example.")
		stored(h, "https://blog.example")
		b.get("/admin/settings").says(t, "the settings", 200, `<input type="url" id="blog_address" name="blog_address" value="https://blog.example"`, "In use now: "+h.base+".", "It follows from the address that the server listens on.")

		// The next start.
		restarted := func(address func(base string, c *server.BlogConfig)) *house {
			t.Helper()
			return serve(t, "127.0.0.1", func(base string, c server.BlogConfig) *server.Blog {
				c.Folder, c.Hash = h.blog.Folder, authtest.CheapHash
				if strings.HasPrefix(url, "postgres") {
					c.Database = url
				}
				address(base, &c)
				blog, err := server.OpenBlog(t.Context(), c)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { blog.Close() })
				return blog
			})
		}
		again := restarted(listening)
		ada := again.as(t, "ada")
		ada.get("/admin/settings").says(t, "after a restart", 200, "In use now: https://blog.example.", "run “quillgate relocate --moved” before")
		ada.get("/").says(t, "the blog after a restart", 200, `<link rel="canonical" href="https://blog.example/" />`)
		ada.post("/admin/settings", "blog_address", "https://blog.example/#x").says(t, "a bad one", 422, "This must not contain ? or #.", `id="blog_address-wrong"`)
		ada.post("/admin/settings", "blog_address", "https://new.example/").says(t, "another one", 303)
		stored(again, "https://new.example")
		ada.get("/admin/settings").says(t, "before the restart", 200, `value="https://new.example"`, "In use now: https://blog.example.")

		// The operator's takes precedence.
		given := restarted(func(base string, c *server.BlogConfig) { c.BaseURL, c.ListenURL = base, "http://127.0.0.1:1" })
		ada = given.as(t, "ada")
		ada.get("/admin/settings").says(t, "a given one", 200, "Address of the blog: <code>"+given.base+"</code>", "It was given when the server was started", "NOT", `name="blog_address"`, "https://new.example")
		ada.post("/admin/settings", "blog_address", "https://forged.example").says(t, "a field that the page does not have", 303)
		stored(given, "https://new.example")
	})
}

// An address that is left as it is is not stored: it goes on to follow the server.
func TestAddressLeftAsItIs(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, url string) {
		h := openAt(t, url, "127.0.0.1", func(base string, c *server.BlogConfig) { c.ListenURL = base })
		secret, err := h.blog.Users.NewSetUpCode(t.Context(), audit.Operator, h.ada.ID)
		if err != nil {
			t.Fatal(err)
		}
		b := h.browser(t)
		b.post("/setup", "code", secret.Reveal(), "new-password", password, "new-password-again", password, "blog-title", "Quay", "blog-address", h.base+"/").says(t, "set up", 303)
		b.get("/profile/first-steps").says(t, "first steps", 200, "NOT", "Restart the server")
		if o, err := h.blog.Site.Options().Current(t.Context()); err != nil || o.Title() != "Quay" || o.Has(options.Address) {
			t.Errorf("title %q, address %q, %v", o.Title(), o.Text(options.Address), err)
		}
	})
}
