package servertest

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
)

// Browser opens the pages of a server as a person's browser does: it keeps
// cookies and tells the server where requests come from. It does not follow
// redirects, so that tests see them.
type Browser struct {
	Base   string      // the address of the server
	Header http.Header // sent with every request
	Client *http.Client
	// BehindTLS means that the test acts as a proxy that has terminated TLS:
	// the browser also keeps cookies that are for TLS only.
	BehindTLS bool

	t testing.TB
}

// NewBrowser returns a browser without cookies.
func NewBrowser(t testing.TB, base string) *Browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return &Browser{Base: base, Header: http.Header{"Sec-Fetch-Site": {"same-origin"}, "User-Agent": {"a browser"}}, Client: client, t: t}
}

// Page is an answer that a Browser got.
type Page struct {
	Status int
	Header http.Header
	Body   string
}

// To returns the address that a redirect leads to, or "".
func (p Page) To() string { return p.Header.Get("Location") }

// Get opens a page by its path, or by its whole address on the server.
func (b *Browser) Get(path string) Page {
	b.t.Helper()
	return b.send(http.MethodGet, path, nil)
}

// Post sends a form. fields are names and values in turn.
func (b *Browser) Post(path string, fields ...string) Page {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	return b.send(http.MethodPost, path, strings.NewReader(form.Encode()))
}

// SignIn signs in to the account pages. It ends the test if that fails.
func (b *Browser) SignIn(login, password string) *Browser {
	b.t.Helper()
	if p := b.Post("/signin", "login", login, "password", password); p.Status != http.StatusSeeOther || p.To() != "/profile" {
		b.t.Fatalf("sign in as %s: status %d, to %q, want 303 to /profile\n%s", login, p.Status, p.To(), p.Body)
	}
	return b
}

func (b *Browser) send(method, path string, body io.Reader) Page {
	b.t.Helper()
	r, err := http.NewRequest(method, b.Base+strings.TrimPrefix(path, b.Base), body)
	if err != nil {
		b.t.Fatal(err)
	}
	for name, values := range b.Header {
		r.Header[name] = values
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := b.Client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	if b.BehindTLS {
		b.keep(resp.Cookies())
	}
	return Page{resp.StatusCode, resp.Header, string(text)}
}

func (b *Browser) keep(cookies []*http.Cookie) {
	u, err := url.Parse(b.Base)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range cookies {
		c.Secure = false
	}
	b.Client.Jar.SetCookies(u, cookies)
}
