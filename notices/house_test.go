package notices_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/mail"
	"github.com/quillgate/quillgate/mail/mailtest"
	"github.com/quillgate/quillgate/server"
	"github.com/quillgate/quillgate/server/servertest"
)

const password = servertest.Password

// house is a running server that sends mail, with the administrator ada and the
// author bob.
type house struct {
	base     string
	blog     *server.Blog
	mail     *mailtest.Server
	ada, bob auth.User
	log      *servertest.Log
	clock    *databasetest.Clock
}

// each runs fn on a server for each database, both at the same time.
func each(t *testing.T, fn func(t *testing.T, h *house)) {
	t.Helper()
	t.Parallel() // they mostly wait
	databasetest.EachURL(t, func(t *testing.T, url string) { fn(t, open(t, url)) })
}

func open(t *testing.T, database string) *house {
	t.Helper()
	smtp := mailtest.Start(t, mailtest.Options{User: "u", Password: "p"})
	relay, err := mail.ParseRelay(smtp.URL())
	if err != nil {
		t.Fatal(err)
	}
	relay.Roots = smtp.Roots
	return openTo(t, database, smtp, relay)
}

// openTo opens a house that sends its mail to a relay.
func openTo(t *testing.T, database string, smtp *mailtest.Server, relay mail.Relay) *house {
	t.Helper()
	h := &house{log: &servertest.Log{}, clock: databasetest.NewClock(time.Now()), mail: smtp}
	logger := servertest.Logger(h.log)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.base = "http://" + listener.Addr().String()
	h.blog = servertest.OpenBlog(t, database, server.BlogConfig{BaseURL: h.base, Logger: logger, Clock: h.clock.Now})
	h.ada, h.bob = servertest.User(t, h.blog.Keys, "ada", auth.Administrator), servertest.User(t, h.blog.Keys, "bob", auth.Author)
	s, err := server.New(server.Config{
		Blog: h.blog, Logger: logger, Clock: h.clock.Now, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
		Mail: mail.New(mail.Config{Relay: relay, From: mail.Address{Mail: "blog@blog.example"}, Host: "blog.example"}),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, server.Listeners{Plain: listener}) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if strings.Contains(h.log.String(), "level=ERROR") {
			t.Errorf("the log has errors:\n%s", h.log)
		}
	})
	for told := 0; told == 0; time.Sleep(5 * time.Millisecond) { // until the trail is followed
		if err := h.blog.DB.Get(t.Context(), &told, `SELECT COUNT(*) FROM notices_told`); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// browser is a visitor from a network.
type browser struct {
	t      *testing.T
	h      *house
	from   string
	client *http.Client
}

func (h *house) browser(t *testing.T, from string) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{t, h, from, &http.Client{Jar: jar}}
	b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return b
}

type page struct {
	status int
	to     string // where a redirect leads
	body   string
}

func (b *browser) get(path string) page {
	b.t.Helper()
	return b.send(http.MethodGet, path, nil)
}

func (b *browser) post(path string, fields ...string) page {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	return b.send(http.MethodPost, path, strings.NewReader(form.Encode()))
}

func (b *browser) send(method, path string, body io.Reader) page {
	b.t.Helper()
	r, err := http.NewRequest(method, b.h.base+strings.TrimPrefix(path, b.h.base), body)
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("User-Agent", "a browser")
	r.Header.Set("X-Forwarded-For", b.from)
	r.Header.Set("X-Forwarded-Proto", "https")
	if body != nil {
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
	// The cookie is for TLS only. The test acts as the proxy that has
	// terminated TLS.
	if u, err := url.Parse(b.h.base); err == nil {
		var list []*http.Cookie
		for _, c := range resp.Cookies() {
			c.Secure = false
			list = append(list, c)
		}
		b.client.Jar.SetCookies(u, list)
	}
	return page{resp.StatusCode, resp.Header.Get("Location"), string(text)}
}

// signIn signs in, and fails the test if that fails.
func (b *browser) signIn(login, password string) *browser {
	b.t.Helper()
	if p := b.post("/signin", "login", login, "password", password); p.status != http.StatusSeeOther || p.to != "/profile" {
		b.t.Fatalf("sign in as %s: %d to %q\n%s", login, p.status, p.to, p.body)
	}
	return b
}

var anyLink = regexp.MustCompile(`http://\S+`)

// link returns the address in a mail that contains a part.
func link(t *testing.T, m mailtest.Mail, part string) string {
	t.Helper()
	for _, address := range anyLink.FindAllString(m.Text, -1) {
		if strings.Contains(address, part) {
			return address
		}
	}
	t.Fatalf("the mail has no link with %s:\n%s", part, m.Text)
	return ""
}

// codeOf returns the code in the address of a link.
func codeOf(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil || u.Query().Get("code") == "" {
		t.Fatalf("%s has no code, %v", address, err)
	}
	return u.Query().Get("code")
}
