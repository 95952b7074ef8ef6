package notices_test

import (
	"context"
	"net"
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

// browser returns the browser of a visitor from a network.
func (h *house) browser(t *testing.T, from string) *servertest.Browser {
	t.Helper()
	b := servertest.NewBrowser(t, h.base)
	b.Header.Set("X-Forwarded-For", from)
	b.Header.Set("X-Forwarded-Proto", "https")
	b.BehindTLS = true
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
