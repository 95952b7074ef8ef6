//go:build wordpress

package interop

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/quillgate/quillgate/signer"
	"github.com/quillgate/quillgate/signer/local"
	"github.com/quillgate/quillgate/xmlrpc"
)

// testSignAdd adds the WordPress to a signer in each way that it offers. Client programs that know nothing of it publish
// through the signer; a check finds no problem; after a rotation the old credential is worth nothing, and after the removal
// the new one.
func (w *wordpress) testSignAdd(t *testing.T) {
	t.Setenv("QUILLGATE_SIGN_ROOTS", w.roots)
	t.Run("application password", w.testApplicationPassword)
	t.Run("authorise page", w.testAuthorizePage)
	t.Run("plugin", w.testPlugin)
}

// add runs "sign add" and serves what it has added.
func (s *signing) add(t *testing.T, entered string, arguments ...string) {
	t.Helper()
	out := s.answered(t, entered, append([]string{"add", s.upstream, "--name", "blog", "--listen", s.address}, arguments...)...)
	s.take(t, out)
}

// misread are the client programs whose calls this WordPress reads otherwise
// than they mean them, with what they then complain of. The signer passes them
// on as they are; the gateway writes them again.
var misread = map[string]string{
	"java aXMLRPC": "date: got ", // dates with dashes are now
}

// publishes lets the client programs publish through the signer.
func (w *wordpress) publishes(t *testing.T, s *signing, misread map[string]string) {
	for _, c := range oldPrograms() {
		t.Run(c.name, func(t *testing.T) {
			w.reached(t)
			out, err := publication(t, s.process, c.command, c.install, "QG_USER="+s.user, "QG_PASSWORD="+s.password, "QG_SIGNER=1", "SSL_CERT_FILE="+w.roots)
			if complaint := misread[c.name]; complaint != "" {
				if err == nil || !strings.Contains(out, complaint) {
					t.Errorf("the program does not complain of %q: %v\n%s", complaint, err, out)
				}
			} else if err != nil {
				t.Error(err)
			}
			if n := len(w.reached(t)); n < 3 {
				t.Errorf("%d calls reached PHP", n)
			}
		})
	}
}

// checks expects that "sign check" finds nothing wrong.
func (s *signing) checks(t *testing.T) {
	t.Helper()
	out := s.command(t, "check", "blog")
	if !strings.Contains(out, "The blog accepts the key as admin.") || regexp.MustCompile(`(?m)^problem`).MatchString(out) {
		t.Errorf("sign check:\n%s", out)
	}
}

// uuids are the numbers of the application passwords that the WordPress has for admin.
func (w *wordpress) uuids(t *testing.T) string {
	t.Helper()
	return w.sql(t, "SELECT meta_value FROM wp_usermeta WHERE user_id = 1 AND meta_key = '_application_passwords'")
}

// knows reports whether the WordPress takes a password of admin, when it is asked directly.
func (w *wordpress) knows(t *testing.T, password string) bool {
	t.Helper()
	_, err := w.call(t, http.DefaultTransport, "wp.getProfile", xmlrpc.Int(1), xmlrpc.String("admin"), xmlrpc.String(password))
	return err == nil
}

// call asks the WordPress, with nothing in between.
func (w *wordpress) call(t *testing.T, transport http.RoundTripper, method string, params ...xmlrpc.Value) (xmlrpc.Value, error) {
	t.Helper()
	return callAt(t.Context(), transport, w.inside+"/xmlrpc.php", method, params...)
}

// credentialOf opens the signer's folder, as its owner can.
func (s *signing) credentialOf(t *testing.T) local.Secret {
	t.Helper()
	folder, err := local.OpenFolder(s.dir, local.Keys{PassPhrase: func() ([]byte, error) { return []byte(signPhrase), nil }})
	if err != nil {
		t.Fatal(err)
	}
	secret, err := folder.Secret(t.Context(), "blog")
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

func (w *wordpress) testApplicationPassword(t *testing.T) {
	w.reset(t, "bed_files", w.files)
	s := newSigner(t, w.public)
	s.add(t, w.passwords["admin"]+"\n", "--user", "admin")
	site := s.site(t)
	if site.Kind != local.WordPress || site.UUID == "" || !strings.Contains(w.uuids(t), site.UUID) {
		t.Errorf("the signer has written down %+v; the WordPress has %s", site, w.uuids(t))
	}
	s.checks(t)
	w.publishes(t, s, misread)

	s.command(t, "rotate", "blog")
	if w.knows(t, w.passwords["admin"]) {
		t.Error("after the rotation the WordPress still takes the old password")
	}
	again := s.site(t)
	if again.UUID == site.UUID || !strings.Contains(w.uuids(t), again.UUID) || strings.Contains(w.uuids(t), site.UUID) {
		t.Errorf("after the rotation the signer has %s; the WordPress has %s", again.UUID, w.uuids(t))
	}
	if what, odd := publishOnce(http.DefaultClient, s, "With the new password"); what != acknowledged {
		t.Errorf("after the rotation an old program is told %d %s", what, odd)
	}
	fresh := s.credentialOf(t).Password
	traces.made("an application password that the signer made", fresh)
	if !w.knows(t, fresh) {
		t.Error("the WordPress does not take the new password")
	}

	// While nothing answers, the password is not revoked, and the signer says so and keeps it.
	w.web.kill()
	if out, err := s.fails(t, "remove", "blog"); err == nil || !strings.Contains(out, "not revoked") {
		t.Errorf("sign remove without a WordPress: %v\n%s", err, out)
	}
	w.web.start(t)
	if !w.knows(t, fresh) {
		t.Error("the password was revoked without the WordPress")
	}
	s.command(t, "remove", "blog")
	if w.knows(t, fresh) || strings.Contains(w.uuids(t), again.UUID) {
		t.Errorf("after the removal the WordPress still takes the password, and has %s", w.uuids(t))
	}
	if out := s.command(t, "list", "--json"); strings.TrimSpace(out) != "[]" {
		t.Errorf("after the removal there is %s", out)
	}
}

// fails runs one of the signer's commands, which may end with an error, and returns all that it says.
func (s *signing) fails(t *testing.T, arguments ...string) (string, error) {
	t.Helper()
	out, err := exec.Command(build(t), append([]string{"sign", "--dir", s.dir, "--pass-phrase-file", s.phrase}, arguments...)...).CombinedOutput()
	traces.keep(logged, "quillgate sign "+arguments[0], out)
	return string(out), err
}

// The page of WordPress that gives an application password, in Chromium: before WordPress 7.0 it refuses addresses on
// loopback, so it shows the password, and the person pastes it.
func (w *wordpress) testAuthorizePage(t *testing.T) {
	w.reset(t)
	s := newSigner(t, w.public)
	p := s.asking(t)
	password := w.approve(t, p.printed(t, wordPressPage)[0])
	traces.made("an application password of the authorise page", strings.ReplaceAll(password, " ", ""))
	if err := p.paste(t, "admin", password); err != nil {
		t.Fatalf("sign add: %v\n%s", err, p.out)
	}
	s.take(t, p.out.String())
	if site := s.site(t); site.UUID == "" || !strings.Contains(w.uuids(t), site.UUID) {
		t.Errorf("the signer has written down %+v; the WordPress has %s", site, w.uuids(t))
	}
	if what, odd := publishOnce(http.DefaultClient, s, "By the page"); what != acknowledged {
		t.Errorf("an old program is told %d %s", what, odd)
	}
	s.command(t, "remove", "blog")
	if w.knows(t, password) {
		t.Error("after the removal the WordPress still takes the password")
	}
}

// approve signs in at the WordPress as a person does, approves the page, and returns the password that it shows.
func (w *wordpress) approve(t *testing.T, page string) string {
	t.Helper()
	b := openBrowserWith(t, chromedp.Flag("ignore-certificate-errors", true))
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	defer cancel()
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	v := &tab{ctx: ctx, base: w.public}
	if _, err := chromedp.RunResponse(ctx, chromedp.Navigate(page)); err != nil {
		t.Fatal(err)
	}
	v.write(t, "#user_login", seedUser)
	v.write(t, "#user_pass", seedPassword)
	if _, err := chromedp.RunResponse(ctx, chromedp.Click(chromedp.CSS("#wp-submit"))); err != nil {
		t.Fatal(err)
	}
	do(t, v, chromedp.Click(chromedp.CSS("#approve")))
	do(t, v, chromedp.WaitVisible(chromedp.CSS("#new-application-password-value")))
	return do(t, v, chromedp.Value(chromedp.CSS("#new-application-password-value")))
}

func (w *wordpress) testPlugin(t *testing.T) {
	w.reset(t, "bed_files", w.files)
	if !w.plugin(t) {
		return
	}
	defer w.reset(t)
	s := newSigner(t, w.public)
	s.add(t, seedPassword+"\n", "--user", "admin")
	site, secret := s.site(t), s.credentialOf(t)
	if site.Kind != local.Plugin || site.Public == "" || secret.Password != "" {
		t.Errorf("the signer has written down %+v", site)
	}
	traces.made("the secret of a key of the plugin", secret.Secret)
	if kept, err := s.holds(seedPassword); err != nil || kept {
		t.Errorf("the signer keeps the password of the user: %v", err)
	}
	s.checks(t)
	w.publishes(t, s, misread)

	works := func(public, secret string) bool {
		_, err := w.call(t, signer.Transport{Public: public, Secret: secret}, "wp.getProfile", xmlrpc.Int(1), xmlrpc.String(""), xmlrpc.String(""))
		return err == nil
	}
	if !works(secret.Public, secret.Secret) {
		t.Error("the key does not work without the signer")
	}
	if out := s.command(t, "rotate", "blog"); !strings.Contains(out, "delete it on your profile page") {
		t.Errorf("sign rotate does not say that the old key goes on:\n%s", out)
	}
	fresh := s.credentialOf(t)
	traces.made("the secret of a key of the plugin", fresh.Secret)
	if fresh.Public == secret.Public || !works(fresh.Public, fresh.Secret) {
		t.Error("the new key does not work")
	}
	if what, odd := publishOnce(http.DefaultClient, s, "With the new key"); what != acknowledged {
		t.Errorf("after the rotation an old program is told %d %s", what, odd)
	}
	if out := s.command(t, "remove", "blog"); !strings.Contains(out, "delete it on your profile page") {
		t.Errorf("sign remove does not say that the key goes on:\n%s", out)
	}
	if out := s.command(t, "list", "--json"); strings.TrimSpace(out) != "[]" {
		t.Errorf("after the removal there is %s", out)
	}
}

// holds reports whether any file of the signer's folder holds a text.
func (s *signing) holds(text string) (found bool, err error) {
	err = filepath.WalkDir(s.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		found = found || bytes.Contains(content, []byte(text))
		return err
	})
	return found, err
}
