package desk_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
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

// newsroom is a blog on loopback with an administrator ada, an editor eve, an author bob and a subscriber sue.
type newsroom struct {
	base  string
	blog  *server.Blog
	users map[string]auth.User
}

// each runs fn on a blog over each database.
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

// another makes another user.
func another(t *testing.T, n *newsroom, login string, role auth.Role) auth.User {
	t.Helper()
	return servertest.User(t, n.blog.Keys, login, role)
}

// who is a user as the methods of the site take one.
func (n *newsroom) who(login string) auth.Identity { return auth.Identity{User: n.users[login]} }

// post makes a post.
func (n *newsroom) post(t *testing.T, by string, e site.PostEdit) int64 {
	t.Helper()
	id, err := n.blog.Site.CreatePost(t.Context(), n.who(by), e)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// comment makes a comment by a visitor, who is from another network each time.
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

// status is that of a comment, "" when there is none.
func (n *newsroom) status(t *testing.T, id int64) string {
	t.Helper()
	c, err := n.blog.Site.GetComment(t.Context(), n.who("ada"), id)
	if err != nil {
		return ""
	}
	return c.Status
}

// browser is someone who is signed in.
type browser struct {
	t      *testing.T
	base   string
	client *http.Client
	origin string // what the browser says of where a form comes from
}

func (n *newsroom) as(t *testing.T, login string) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{t: t, base: n.base, client: &http.Client{Jar: jar}, origin: "same-origin"}
	b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if login == "" {
		return b
	}
	if p := b.post("/signin", "login", login, "password", servertest.Password); p.status != http.StatusSeeOther {
		t.Fatalf("sign in as %s: %d\n%s", login, p.status, p.body)
	}
	return b
}

// page is an answer.
type page struct {
	status         int
	location, body string
}

func (b *browser) get(path string) page {
	b.t.Helper()
	return b.send(http.MethodGet, path, "")
}

// post sends a form of names and values.
func (b *browser) post(path string, fields ...string) page {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	return b.send(http.MethodPost, path, form.Encode())
}

func (b *browser) send(method, path, body string) page {
	b.t.Helper()
	r, err := http.NewRequest(method, b.base+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Sec-Fetch-Site", b.origin)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return page{resp.StatusCode, resp.Header.Get("Location"), string(text)}
}

// says checks the status of a page, and that it has some texts and, after "NOT", lacks others.
func says(t *testing.T, what string, p page, status int, texts ...string) {
	t.Helper()
	if p.status != status {
		t.Errorf("%s: status %d, want %d\n%s", what, p.status, status, p.body)
	}
	want := true
	for _, text := range texts {
		if text == "NOT" {
			want = false
		} else if strings.Contains(p.body, text) != want {
			t.Errorf("%s: has %q is %v, want %v:\n%s", what, text, !want, want, p.body)
		}
	}
}
