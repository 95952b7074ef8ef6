package interop

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/pquerna/otp/totp"

	"github.com/quillgate/quillgate/xmlrpc"
)

var (
	setUpLink     = regexp.MustCompile(`(/setup\?code=(\S+))`)
	firstPassword = regexp.MustCompile(`Password: +(\S+)`)
)

// walkPassword is the password that the person chooses.
const walkPassword = "a long walk through the woods"

// A person goes from the first start of the server to a client that gets a key,
// a new key, and no more access. Everything works without scripts too.
func TestWalk(t *testing.T) {
	t.Parallel()
	traces.made("the password of the walk", walkPassword)
	for _, l := range []look{desktop, bare} {
		t.Run(l.name, func(t *testing.T) {
			blog := seeded{folder: t.TempDir()}
			blog.inspect(t)
			w := &walk{p: start(t, blog), look: l, sources: make(map[string]string)}
			w.tab = openBrowser(t).tab(t, w.p.base, l)
			w.setUp(t)
			w.secondFactor(t)
			w.key(t)
			w.other(t)
			w.authorise(t)
			if !l.noScript {
				validate(t, w.sources)
			}
		})
	}
}

type walk struct {
	*tab
	p     *process
	look  look
	codes []string // recovery codes

	sources map[string]string // by the names of the checked pages
}

// judge checks the open page once: in the browser with scripts, which the
// checks need.
func (w *walk) judge(t *testing.T, name string) {
	t.Helper()
	if w.look.noScript {
		return
	}
	t.Run(name, func(t *testing.T) { w.sources[name] = judgeHere(t, w.tab, w.look) })
}

// setUp chooses the first administrator's password with the link that the
// server prints, and signs in.
func (w *walk) setUp(t *testing.T) {
	t.Helper()
	link := w.p.printed(t, setUpLink)
	traces.carried("the one-time code", link[2])
	traces.made("the first password", w.p.printed(t, firstPassword)[1])
	w.open(t, link[1])
	w.judge(t, "setup")
	w.write(t, "#email", "ada@example.org")
	w.write(t, "#blog-title", "Ada writes")
	w.write(t, "#new-password", walkPassword)
	w.write(t, "#new-password-again", walkPassword)
	w.press(t, "main form button")
	if w.where() != w.base+"/profile/first-steps" {
		t.Fatalf("after the set-up: %s", w.where())
	}
	w.judge(t, "first-steps")
	w.press(t, "form.out button")
	w.signIn(t)
	if got := w.text(t, "h1"); w.where() != w.base+"/profile" {
		t.Fatalf("after the sign-in: %q at %s", got, w.where())
	}
	// The link works once.
	if w.open(t, link[1]); w.has(t, "#new-password") {
		t.Error("the link of the set-up works again")
	}
}

func (w *walk) signIn(t *testing.T) {
	t.Helper()
	w.open(t, "/profile")
	w.write(t, "#login", "admin")
	w.write(t, "#password", walkPassword)
	w.press(t, "main form button")
}

// secondFactor sets up an authenticator app, signs out, and signs in again with
// a recovery code.
func (w *walk) secondFactor(t *testing.T) {
	t.Helper()
	w.open(t, "/profile/security")
	w.again(t)
	w.press(t, `form[action$="/profile/security/code"] button`)
	w.judge(t, "factor")
	secret := strings.ReplaceAll(w.text(t, "#secret"), " ", "")
	traces.made("the secret of an authenticator", secret)
	code, err := totp.GenerateCode(secret, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	w.write(t, "#code", code)
	w.press(t, "main form button")
	w.judge(t, "codes")
	w.codes = strings.Fields(w.text(t, "#codes"))
	if len(w.codes) < 8 {
		t.Fatalf("%d recovery codes at %s, want at least 8", len(w.codes), w.where())
	}
	for _, c := range w.codes {
		traces.made("a recovery code", c)
	}
	w.press(t, "form.out button")
	w.signIn(t)
	if w.where() == w.base+"/profile" {
		t.Error("the password alone opens the profile")
	}
	w.judge(t, "code")
	w.write(t, "#code", code) // of the set-up: each works once
	if w.press(t, "main form button"); w.where() == w.base+"/profile" {
		t.Error("a code of the authenticator works twice")
	}
	w.judge(t, "code-refused")
	w.write(t, "#code", w.codes[0])
	w.press(t, "main form button")
	if w.where() != w.base+"/profile" {
		t.Fatalf("after the recovery code: %s", w.where())
	}
}

// again enters the password again if the page asks for it.
func (w *walk) again(t *testing.T) {
	t.Helper()
	if w.has(t, "main #password") {
		w.write(t, "main #password", walkPassword)
	}
}

// key creates a key, uses it, sees the use and the post, rotates it, and
// revokes both keys.
func (w *walk) key(t *testing.T) {
	t.Helper()
	w.open(t, "/profile/applications/new")
	w.write(t, "#name", "The walk's program")
	w.again(t)
	w.press(t, "main form button")
	w.judge(t, "secret")
	old := signingKey{w.text(t, "#v-public"), w.text(t, "#v-secret")}
	if got := w.has(t, "[data-copy]:not([hidden])"); got == w.look.noScript {
		t.Errorf("buttons that copy are shown: %v, without scripts: %v", got, w.look.noScript)
	}
	python := examples[0]
	publish := func(k signingKey, title string) {
		t.Helper()
		id := runExample(t, python.command, python.install, w.p.endpoint, k, title, "by a program")
		for _, page := range []string{"/", "/?feed=rss2", "/?p=" + id} {
			if !strings.Contains(read(t, w.base+page), title) {
				t.Errorf("%s does not show the post %q at once", page, title)
			}
		}
		if w.open(t, "/"); !strings.Contains(w.text(t, "main"), title) {
			t.Errorf("the browser does not see %q on the home page", title)
		}
	}
	publish(old, "First of the walk")
	if w.open(t, "/profile/applications/"+old.public); !strings.Contains(w.text(t, "main"), "Python") {
		t.Fatalf("the page does not show which program used the key:\n%s", w.text(t, "main"))
	}

	w.open(t, "/profile/applications/"+old.public+"/rotate")
	w.again(t)
	w.press(t, "main form button")
	next := signingKey{w.text(t, "#v-public"), w.text(t, "#v-secret")}
	publish(next, "With the new key")
	publish(old, "With the old key, which still works")
	for _, k := range []signingKey{old, next} {
		w.open(t, "/profile/applications/"+k.public+"/revoke")
		w.press(t, "main button.danger")
		cmd := exampleCommand(t.Context(), python.command, w.p.endpoint, k, "Refused", "text")
		if out, err := cmd.CombinedOutput(); err == nil || printedID.Match(out) {
			t.Errorf("a revoked key publishes: %s", out)
		}
	}
}

// other creates a token, and opens an enrolment for a client with a key of its
// own.
func (w *walk) other(t *testing.T) {
	t.Helper()
	for _, kind := range []string{"token", "enrolment"} {
		w.open(t, "/profile/applications/new")
		w.write(t, "#name", "By "+kind)
		do(t, w.tab, chromedp.Click(chromedp.CSS(`fieldset details summary`)))
		do(t, w.tab, chromedp.Click(chromedp.CSS(`input[name="kind"][value="`+kind+`"]`)))
		w.again(t)
		w.press(t, "main form button")
		w.judge(t, kind)
		shown := "#v-secret"
		if kind == "enrolment" {
			shown = "#code"
		}
		traces.made("what is shown for "+kind, w.text(t, shown))
	}
}

// authorise makes an application request a credential three times: it is
// rejected, approved with a redirect, and approved with the credential shown.
func (w *walk) authorise(t *testing.T) {
	t.Helper()
	arrived := make(chan url.Values, 4)
	program := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/back/") {
			q := r.URL.Query()
			q.Set("path", r.URL.Path)
			arrived <- q
		}
		rw.Header().Set("Content-Type", "text/html; charset=utf-8")
		rw.Write([]byte("<!DOCTYPE html><html lang=en><title>back</title><link rel=icon href=data:,><p>Back in the program."))
	}))
	t.Cleanup(program.Close)
	w.mu.Lock()
	w.allowed = program.URL
	w.mu.Unlock()
	ask := "/authorize?" + url.Values{
		"app_name": {"A reader"}, "success_url": {program.URL + "/back/yes"}, "reject_url": {program.URL + "/back/no"},
	}.Encode()
	w.open(t, ask)
	if page := w.text(t, "main"); !strings.Contains(page, "A reader") || !strings.Contains(page, "127.0.0.1") {
		t.Errorf("the page does not say who asks and where the credential goes:\n%s", page)
	}
	w.press(t, `button[value="reject"]`)
	if got := <-arrived; got.Get("path") != "/back/no" || got.Has("password") {
		t.Errorf("after the rejection the program got %v", got)
	}
	w.open(t, ask)
	w.again(t)
	w.press(t, `button[value="approve"]`)
	got := <-arrived
	traces.made("an application password", got.Get("password"))
	if got.Get("path") != "/back/yes" || got.Get("user_login") != "admin" {
		t.Errorf("after the approval the program got %v", got)
	}
	_, err := call(t.Context(), w.p, nil, "wp.getProfile", xmlrpc.Int(1), xmlrpc.String("admin"), xmlrpc.String(got.Get("password")))
	if err != nil {
		t.Errorf("the credential of the redirect does not work: %v", err)
	}
	w.open(t, "/authorize?"+url.Values{"app_name": {"A script"}}.Encode())
	w.again(t)
	w.press(t, `button[value="approve"]`)
	w.judge(t, "password")
	shown := w.text(t, "#v-secret")
	traces.made("an application password", strings.ReplaceAll(shown, " ", ""))
	if _, err := call(t.Context(), w.p, nil, "wp.getProfile", xmlrpc.Int(1), xmlrpc.String("admin"), xmlrpc.String(shown)); err != nil {
		t.Errorf("the credential that was shown does not work: %v", err)
	}
}

// printed waits until the process has printed something that an expression
// matches.
func (p *process) printed(t *testing.T, what *regexp.Regexp) []string {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); ; <-tick.C {
		if m := what.FindStringSubmatch(p.out.String()); m != nil {
			return m
		}
		if time.Now().After(deadline) {
			t.Fatalf("the server did not print %s:\n%s", what, p.out)
		}
	}
}

func read(t *testing.T, address string) string {
	t.Helper()
	body, err := fetch(address)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// Set-up suggests the address at which the browser has reached the server. The
// chosen address takes effect at the next start.
func TestSetUpSuggestsTheAddress(t *testing.T) {
	t.Parallel()
	traces.made("the password of the walk", walkPassword)
	p := start(t, seeded{folder: t.TempDir()})
	link := p.printed(t, setUpLink)
	traces.carried("the one-time code", link[2])
	traces.made("the first password", p.printed(t, firstPassword)[1])
	base := strings.Replace(p.base, "127.0.0.1", "blog.test", 1)
	v := openBrowserWith(t, chromedp.Flag("host-resolver-rules", "MAP blog.test 127.0.0.1")).tab(t, base, desktop)
	v.open(t, link[1])
	if got := do(t, v, chromedp.Evaluate[string](`document.querySelector("#blog-address").value`)); got != base {
		t.Errorf("the address is %q, want %q", got, base)
	}
	v.write(t, "#new-password", walkPassword)
	v.write(t, "#new-password-again", walkPassword)
	v.press(t, "main form button")
	v.sees(t, "Restart the server: then the address of the blog is "+base+".")
}
