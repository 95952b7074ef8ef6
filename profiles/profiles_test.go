package profiles_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/server"
	"github.com/quillgate/quillgate/server/servertest"
)

const password = servertest.Password

// house is a server on a loopback address, with the administrator ada and the
// author bob.
type house struct {
	base     string
	blog     *server.Blog
	ada, bob auth.User
	log      *servertest.Log
	clock    *databasetest.Clock
}

// each runs fn on a server for each database.
func each(t *testing.T, fn func(t *testing.T, h *house)) {
	t.Helper()
	eachAt(t, "127.0.0.1", fn)
}

// eachAt is each for a server with another host name.
func eachAt(t *testing.T, name string, fn func(t *testing.T, h *house)) {
	t.Helper()
	databasetest.EachURL(t, func(t *testing.T, url string) { fn(t, open(t, url, name)) })
}

func open(t *testing.T, database, name string) *house {
	t.Helper()
	return openAt(t, database, name, func(base string, c *server.BlogConfig) { c.BaseURL = base })
}

// openAt is open with a function that sets the address of the blog.
func openAt(t *testing.T, database, name string, address func(base string, c *server.BlogConfig)) *house {
	t.Helper()
	h := serve(t, name, func(base string, c server.BlogConfig) *server.Blog {
		address(base, &c)
		return servertest.OpenBlog(t, database, c)
	})
	h.ada = h.user(t, "ada", auth.Administrator)
	h.bob = h.user(t, "bob", auth.Author)
	return h
}

// serve serves the blog that a function opens, whose server has the address base.
func serve(t *testing.T, name string, open func(base string, c server.BlogConfig) *server.Blog) *house {
	t.Helper()
	h := &house{log: &servertest.Log{}, clock: databasetest.NewClock(time.Now())}
	logger := servertest.Logger(h.log)
	web := httptest.NewUnstartedServer(nil)
	h.base = "http://" + strings.Replace(web.Listener.Addr().String(), "127.0.0.1", name, 1)
	h.blog = open(h.base, server.BlogConfig{Logger: logger, Clock: h.clock.Now})
	s, err := server.New(server.Config{
		Blog: h.blog, Logger: logger, Clock: h.clock.Now,
		ThrottleExempt: []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")}, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
	})
	if err != nil {
		t.Fatal(err)
	}
	web.Config.Handler = s.Handler()
	web.Start()
	t.Cleanup(web.Close)
	return h
}

func (h *house) user(t *testing.T, login string, role auth.Role) auth.User {
	t.Helper()
	return servertest.User(t, h.blog.Keys, login, role)
}

// logged waits until the log has a text.
func (h *house) logged(t *testing.T, text string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !strings.Contains(h.log.String(), text); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("the log lacks %q:\n%s", text, h.log)
		}
	}
}

// browser is a browser on the account pages.
type browser struct {
	*servertest.Browser
	t *testing.T
}

func (h *house) browser(t *testing.T) *browser {
	t.Helper()
	return &browser{servertest.NewBrowser(t, h.base), t}
}

// as returns the browser of a user who is signed in.
func (h *house) as(t *testing.T, login string) *browser {
	t.Helper()
	b := h.browser(t)
	b.SignIn(login, password)
	return b
}

// page is an answer.
type page struct {
	status int
	header http.Header
	body   string
}

func (b *browser) get(path string) page {
	b.t.Helper()
	p := b.Get(path)
	return page{p.Status, p.Header, p.Body}
}

// post sends a form of names and values.
func (b *browser) post(path string, fields ...string) page {
	b.t.Helper()
	p := b.Post(path, fields...)
	return page{p.Status, p.Header, p.Body}
}

// cookie returns the value of the session cookie.
func (b *browser) cookie() string {
	u, err := url.Parse(b.Base)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range b.Client.Jar.Cookies(u) {
		if c.Name == "quillgate" {
			return c.Value
		}
	}
	return ""
}

// setCookie puts a session cookie into the browser.
func (b *browser) setCookie(value string) {
	u, err := url.Parse(b.Base)
	if err != nil {
		b.t.Fatal(err)
	}
	b.Client.Jar.SetCookies(u, []*http.Cookie{{Name: "quillgate", Value: value, Path: "/"}})
}

var (
	secretShown = regexp.MustCompile(`id="v-secret">([^<]+)<`)
	publicShown = regexp.MustCompile(`id="v-public">([^<]+)<`)
)

// key makes an application on the page, and returns what is shown of it.
func (b *browser) key(fields ...string) (public, secret string) {
	b.t.Helper()
	if !slices.Contains(fields, "scope") {
		fields = append(fields, "scope", "all")
	}
	p := b.post("/profile/applications", append([]string{"kind", "key"}, fields...)...)
	if p.status != http.StatusOK {
		b.t.Fatalf("add an application: %d\n%s", p.status, p.body)
	}
	return found(b.t, publicShown, p.body), found(b.t, secretShown, p.body)
}

func found(t *testing.T, pattern *regexp.Regexp, text string) string {
	t.Helper()
	m := pattern.FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("the page has no %s:\n%s", pattern, text)
	}
	return m[1]
}

// pages lists the paths of all pages that can be opened.
func (h *house) pages(public string) []string {
	return []string{
		"/profile", "/profile?all=1", "/profile/applications/new", "/profile/applications/" + public,
		"/profile/applications/" + public + "/rotate", "/profile/applications/" + public + "/revoke",
		"/profile/activity", "/profile/security", "/profile/account", "/signin/again", "/authorize?app_name=A+program",
		"/admin/users", "/admin/users/1", "/admin/applications", "/admin/applications/" + public, "/admin/activity", "/admin/settings", "/admin/refusals",
	}
}
