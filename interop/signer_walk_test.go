package interop

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	consentPage = regexp.MustCompile(`http://[^/\s]+(/authorize\?\S*success_url=http%3A%2F%2F(127\.0\.0\.1)%3A(\d+)\S*)`)
	entry       = regexp.MustCompile(`address +(\S+)\n +user +(\S+)\n +password +(\S+)\n`)
)

// The person of the walk, who signs in with a second factor, adds the blog to the signer: without a browser of its own the
// signer prints the address of the page. A rejection leaves nothing behind; after the approval an old program publishes,
// and after the removal the key is worth nothing.
func TestSignerAddInBrowser(t *testing.T) {
	traces.made("the password of the walk", walkPassword)
	blog := seeded{folder: t.TempDir()}
	blog.inspect(t)
	w := &walk{p: start(t, blog), look: desktop, sources: make(map[string]string)}
	w.tab = openBrowser(t).tab(t, w.p.base, desktop)
	w.setUp(t)
	w.secondFactor(t)

	traces.made("the pass-phrase of a signer", signPhrase)
	s := &signing{dir: t.TempDir(), phrase: filepath.Join(t.TempDir(), "phrase"), address: freeLoopback(t)}
	if err := os.WriteFile(s.phrase, []byte(signPhrase), 0o600); err != nil {
		t.Fatal(err)
	}
	ask := func(button string) (string, error) {
		t.Helper()
		p := &process{out: &lockedBuffer{}}
		p.cmd = exec.Command(build(t), "sign", "--dir", s.dir, "--pass-phrase-file", s.phrase, "add", w.p.base, "--name", "blog", "--no-browser", "--listen", s.address)
		p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
		if err := p.cmd.Start(); err != nil {
			t.Fatal(err)
		}
		defer p.cmd.Process.Kill()
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
	m := entry.FindStringSubmatch(out)
	if err != nil || m == nil {
		t.Fatalf("after the approval: %v\n%s", err, out)
	}
	s.user, s.password = m[2], m[3]
	traces.made("the local password of a signer", s.password)
	s.serve(t)
	if m[1] != s.endpoint {
		t.Errorf("sign add printed the endpoint %s, the signer serves %s", m[1], s.endpoint)
	}
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
