package desk_test

import (
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/options"
	"github.com/quillgate/quillgate/server"
	"github.com/quillgate/quillgate/server/servertest"
	"github.com/quillgate/quillgate/site"
)

// newsroom is a blog on a loopback address, with the administrator ada, the
// editor eve, the author bob and the subscriber sue.
type newsroom struct {
	base  string
	blog  *server.Blog
	users map[string]auth.User
}

// each runs fn on a blog for each database.
func each(t *testing.T, fn func(t *testing.T, n *newsroom)) {
	t.Helper()
	databasetest.EachURL(t, func(t *testing.T, database string) {
		web := httptest.NewUnstartedServer(nil)
		n := &newsroom{base: "http://" + web.Listener.Addr().String(), users: make(map[string]auth.User)}
		n.blog = servertest.OpenBlog(t, database, server.BlogConfig{BaseURL: n.base})
		s, err := server.New(server.Config{Blog: n.blog, Logger: servertest.Logger(t.Output()), ThrottleExempt: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
		if err != nil {
			t.Fatal(err)
		}
		web.Config.Handler = s.Handler()
		web.Start()
		t.Cleanup(web.Close)
		for login, role := range map[string]auth.Role{"ada": auth.Administrator, "eve": auth.Editor, "bob": auth.Author, "sue": auth.Subscriber} {
			n.users[login] = servertest.User(t, n.blog.Keys, login, role)
		}
		n.set(t, map[string]string{options.WhoMayComment: options.CommentersAnybody})
		fn(t, n)
	})
}

func (n *newsroom) set(t *testing.T, values map[string]string) {
	t.Helper()
	if bad, err := n.blog.Site.Options().SetAll(t.Context(), n.who("ada"), values); err != nil || len(bad) > 0 {
		t.Fatalf("set %v: %v, %v", values, bad, err)
	}
}

// another creates another user.
func another(t *testing.T, n *newsroom, login string, role auth.Role) auth.User {
	t.Helper()
	return servertest.User(t, n.blog.Keys, login, role)
}

// who returns a user as the caller of a method of the site.
func (n *newsroom) who(login string) auth.Identity { return auth.Identity{User: n.users[login]} }

// post creates a post.
func (n *newsroom) post(t *testing.T, by string, e site.PostEdit) int64 {
	t.Helper()
	id, err := n.blog.Site.CreatePost(t.Context(), n.who(by), e)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// comment creates a comment by a visitor. Visitors come from different
// networks.
func (n *newsroom) comment(t *testing.T, post int64, name, text string) int64 {
	t.Helper()
	id, err := n.blog.Site.CreateComment(t.Context(), auth.Identity{}, site.NewComment{
		Post: post, Content: text, Author: name, Email: name + "@example.net", IP: "192.0.2." + strconv.Itoa(len(text)%250), Agent: "a browser",
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// status returns the status of a comment, or "" if it does not exist.
func (n *newsroom) status(t *testing.T, id int64) string {
	t.Helper()
	c, err := n.blog.Site.GetComment(t.Context(), n.who("ada"), id)
	if err != nil {
		return ""
	}
	return c.Status
}

// as returns the browser of a user who is signed in, or of a visitor if login is
// empty.
func (n *newsroom) as(t *testing.T, login string) *servertest.Browser {
	t.Helper()
	b := servertest.NewBrowser(t, n.base)
	if login == "" {
		return b
	}
	return b.SignIn(login, servertest.Password)
}

// says checks that a page has a status and contains some texts, but not those
// after "NOT".
func says(t *testing.T, what string, p servertest.Page, status int, texts ...string) {
	t.Helper()
	if p.Status != status {
		t.Errorf("%s: status %d, want %d\n%s", what, p.Status, status, p.Body)
	}
	want := true
	for _, text := range texts {
		if text == "NOT" {
			want = false
		} else if strings.Contains(p.Body, text) != want {
			t.Errorf("%s: has %q is %v, want %v:\n%s", what, text, !want, want, p.Body)
		}
	}
}
