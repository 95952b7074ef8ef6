package interop

import (
	"encoding/json"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/signer/local"
	"github.com/quillgate/quillgate/upstream/upstreamtest"
)

var (
	consentPage = regexp.MustCompile(`http://[^/\s]+(/authorize\?\S*success_url=http%3A%2F%2F(127\.0\.0\.1)%3A(\d+)\S*)`)
	// wordPressPage is the page of a WordPress that gives an application password.
	wordPressPage = regexp.MustCompile(`https?://\S+/authorize-application\.php\S*`)
	entry         = regexp.MustCompile(`address +(\S+)\n +user +(\S+)\n +password +(\S+)\n`)
)

// newSigner is a signer without a blog, for the one at upstream.
func newSigner(t *testing.T, upstream string) *signing {
	t.Helper()
	traces.made("the pass-phrase of a signer", signPhrase)
	return &signing{dir: t.TempDir(), phrase: fileOf(t, []byte(signPhrase)), upstream: upstream, address: freeLoopback(t)}
}

// take reads what "sign add" has printed, and serves it.
func (s *signing) take(t *testing.T, out string) {
	t.Helper()
	m := entry.FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("sign add printed\n%s", out)
	}
	s.user, s.password = m[2], m[3]
	traces.made("the local password of a signer", s.password)
	s.serve(t)
	if m[1] != s.endpoint {
		t.Errorf("sign add printed the endpoint %s, the signer serves %s", m[1], s.endpoint)
	}
}

// site is what the signer has written down of its blog.
func (s *signing) site(t *testing.T) (site local.Site) {
	t.Helper()
	var sites []local.Site
	if err := json.Unmarshal([]byte(s.command(t, "list", "--json")), &sites); err != nil || len(sites) != 1 {
		t.Fatalf("sign list: %v, %d blogs", err, len(sites))
	}
	return sites[0]
}

// asking is a "sign add" that waits for a person.
type asking struct {
	*process
	in io.WriteCloser
}

// asking runs "sign add" with more arguments, for a person who opens the page that it prints.
func (s *signing) asking(t *testing.T, arguments ...string) *asking {
	t.Helper()
	p := &asking{process: &process{out: &lockedBuffer{}}}
	p.cmd = exec.Command(build(t), append([]string{"sign", "--dir", s.dir, "--pass-phrase-file", s.phrase, "add", s.upstream, "--name", "blog", "--no-browser", "--listen", s.address}, arguments...)...)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		traces.keep(answer, "quillgate sign add", []byte(p.out.String()))
	})
	return p
}

// paste answers the questions for a login and the password that the page shows, and waits for the end.
func (p *asking) paste(t *testing.T, login, password string) error {
	t.Helper()
	for _, q := range [][2]string{{"User name: ", login}, {"Application password: ", password}} {
		p.printed(t, regexp.MustCompile(q[0]))
		if _, err := io.WriteString(p.in, q[1]+"\n"); err != nil {
			t.Fatal(err)
		}
	}
	return p.cmd.Wait()
}

// The person of the walk, who signs in with a second factor, adds the blog to the signer: without a browser of its own the
// signer prints the address of the page. A rejection leaves nothing behind; after the approval an old program publishes,
// and after the removal the key is worth nothing.
func TestSignerAddInBrowser(t *testing.T) {
	t.Parallel()
	traces.made("the password of the walk", walkPassword)
	blog := seeded{folder: t.TempDir()}
	blog.inspect(t)
	w := &walk{p: start(t, blog), look: desktop, sources: make(map[string]string)}
	w.tab = openBrowser(t).tab(t, w.p.base, desktop)
	w.setUp(t)
	w.secondFactor(t)

	s := newSigner(t, w.p.base)
	ask := func(button string) (string, error) {
		t.Helper()
		p := s.asking(t)
		page := p.printed(t, consentPage)
		w.mu.Lock()
		w.allowed = "http://" + page[2] + ":" + page[3] + "/"
		w.mu.Unlock()
		w.open(t, page[1])
		w.judge(t, "consent-"+button)
		if button == "approve" {
			w.again(t)
		}
		w.press(t, `button[value="`+button+`"]`)
		if got := w.where(); strings.Contains(got, "state=") || strings.Contains(got, "public=") {
			t.Errorf("the answer stays in the address of the page: %s", got)
		}
		err := p.cmd.Wait()
		return p.out.String(), err
	}
	if out, err := ask("reject"); err == nil || !strings.Contains(out, "rejected") {
		t.Errorf("after the rejection: %v\n%s", err, out)
	}
	if out := s.command(t, "list", "--json"); strings.TrimSpace(out) != "[]" {
		t.Errorf("after the rejection there is %s", out)
	}
	out, err := ask("approve")
	if err != nil {
		t.Fatalf("after the approval: %v\n%s", err, out)
	}
	s.take(t, out)
	if what, odd := publishOnce(http.DefaultClient, s, "From an old program"); what != acknowledged {
		t.Errorf("an old program is told %d %s", what, odd)
	}
	if out := s.command(t, "check", "blog"); !strings.Contains(out, "The blog accepts the key as admin.") {
		t.Errorf("sign check says\n%s", out)
	}
	s.command(t, "rotate", "blog")
	if what, odd := publishOnce(http.DefaultClient, s, "With the new key"); what != acknowledged {
		t.Errorf("after the rotation an old program is told %d %s", what, odd)
	}
	w.open(t, "/profile")
	if list := w.text(t, "main"); !strings.Contains(list, "Quillgate signer on ") {
		t.Errorf("the list of applications does not name the signer:\n%s", list)
	}
	s.command(t, "remove", "blog")
	if out := s.command(t, "list", "--json"); strings.TrimSpace(out) != "[]" {
		t.Errorf("after the removal there is %s", out)
	}
}

// A WordPress shows the password on its own page, and the person pastes it, in the groups of four in which it stands there.
// What does not fit is refused and leaves nothing behind; after the removal the password is worth nothing.
func TestSignerAddByPaste(t *testing.T) {
	t.Parallel()
	wp := upstreamtest.Start(t)
	wp.SetPassword("bob", "another-password")
	s := newSigner(t, wp.URL)
	v := openBrowser(t).tab(t, wp.URL, desktop)
	// shown approves a page as a person does, and returns the password that it shows.
	shown := func(p *asking) string {
		t.Helper()
		page := p.printed(t, wordPressPage)[0]
		if strings.Contains(page, "success_url") {
			t.Errorf("the page is to send the password to an address: %s", page)
		}
		v.open(t, strings.TrimPrefix(page, wp.URL))
		if v.has(t, "#user_login") {
			v.write(t, "#user_login", "admin")
			v.write(t, "#user_pass", "app-password")
			v.press(t, "#wp-submit")
		}
		v.press(t, "#approve")
		password := v.text(t, "#text")
		traces.made("an application password that a page shows", password)
		return password
	}

	first := s.asking(t)
	password := shown(first)
	for _, wrong := range []struct{ login, password, says string }{
		{"admin", "wrong wrong wrong", "Wrong login, in the words of this site"},
		{"bob", password, "Wrong login, in the words of this site"}, // who is not signed in at the page
	} {
		p := s.asking(t)
		if err := p.paste(t, wrong.login, wrong.password); err == nil || !strings.Contains(p.out.String(), wrong.says) {
			t.Errorf("%s pastes the wrong password: %v\n%s", wrong.login, err, p.out)
		}
	}
	if out := s.command(t, "list", "--json"); strings.TrimSpace(out) != "[]" {
		t.Errorf("after wrong passwords there is %s", out)
	}
	if err := first.paste(t, "admin", inFours.ReplaceAllString(password, "$0 ")); err != nil {
		t.Fatalf("sign add: %v\n%s", err, first.out)
	}
	s.take(t, first.out.String())
	if strings.Contains(first.out.String(), password) {
		t.Error("sign add prints the application password")
	}
	site := s.site(t)
	if made := wp.Passwords(); site.Kind != local.WordPress || site.User != "admin" || len(made) != 1 || made[0].UUID != site.UUID {
		t.Errorf("the signer has written down %+v; the WordPress has %+v", site, made)
	}
	if what, odd := publishOnce(http.DefaultClient, s, "By the page"); what != acknowledged {
		t.Errorf("an old program is told %d %s", what, odd)
	}
	// The WordPress takes the password away. The same person authorises the signer again, and no one else can.
	wp.RevokeAll()
	other := s.asking(t, "--again")
	if err := other.paste(t, "bob", "another-password"); err == nil || !strings.Contains(other.out.String(), "it belongs to bob") {
		t.Errorf("another person authorises the signer again: %v\n%s", err, other.out)
	}
	if kept := s.site(t); kept != site {
		t.Errorf("after another person's try the signer has %+v, had %+v", kept, site)
	}
	again := s.asking(t, "--again")
	if err := again.paste(t, "admin", shown(again)); err != nil {
		t.Fatalf("sign add --again: %v\n%s", err, again.out)
	}
	// The signer that runs reads its settings once a second; until then its calls are refused.
	for deadline := time.Now().Add(patience); ; {
		what, odd := publishOnce(http.DefaultClient, s, "Authorised again")
		if what == acknowledged {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("with the new password an old program, unchanged, is told %d %s", what, odd)
		}
	}
	if strings.Contains(again.out.String(), "may still work") {
		t.Errorf("sign add --again does not see that the old password is gone:\n%s", again.out)
	}
	s.command(t, "remove", "blog")
	if made := wp.Passwords(); len(made) != 0 {
		t.Errorf("after the removal the WordPress has %+v", made)
	}
	if err := traces.keepFolder(s.dir); err != nil {
		t.Error(err)
	}
}

var inFours = regexp.MustCompile(`....`)
