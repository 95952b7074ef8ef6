package server_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/gateway"
	"github.com/quillgate/quillgate/server"
	"github.com/quillgate/quillgate/xmlrpc"
)

// gateSite is a blog as people see it: the gateway and the WordPress have one
// address, over https.
type gateSite struct {
	*gate
	web *httptest.Server
}

func openGateSite(t *testing.T, dbURL string, change func(*server.Config, *gateway.Config)) *gateSite {
	t.Helper()
	s := &gateSite{}
	mux := http.NewServeMux()
	s.web = httptest.NewTLSServer(mux)
	t.Cleanup(s.web.Close)
	base, err := url.Parse(s.web.URL)
	if err != nil {
		t.Fatal(err)
	}
	s.gate = openGate(t, dbURL, func(c *server.Config, b *gateway.Config) {
		c.BaseURL, b.BaseURL, b.Host = base.String(), base, base.Host
		trusting(c, b)
		if change != nil {
			change(c, b)
		}
	})
	s.wp.Home = s.web.URL
	forwarded := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("X-Forwarded-Proto", "https")
		r.Header.Set("X-Forwarded-For", "192.0.2.7")
		s.Server.Handler().ServeHTTP(w, r)
	})
	mux.Handle("/quillgate/", forwarded)
	mux.Handle("/quillgate", forwarded)
	mux.Handle("/xmlrpc.php", forwarded)
	mux.Handle("/", s.wp)
	return s
}

// person has a browser that follows redirects and keeps cookies.
type person struct {
	t      *testing.T
	s      *gateSite
	client *http.Client
	seen   []string // requested addresses, in order
	at     *url.URL
	body   string
	status int
}

func (s *gateSite) person(t *testing.T) *person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	p := &person{t: t, s: s, client: s.web.Client()}
	c := *p.client
	c.Jar = jar
	c.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		p.seen = append(p.seen, r.URL.String())
		return nil
	}
	p.client = &c
	return p
}

func (p *person) open(path string) { p.t.Helper(); p.send(http.MethodGet, path, nil) }

// post sends a form of names and values.
func (p *person) post(path string, fields ...string) {
	p.t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	p.send(http.MethodPost, path, form)
}

func (p *person) send(method, path string, form url.Values) {
	p.t.Helper()
	address, err := url.Parse(p.s.web.URL)
	if err == nil {
		address, err = address.Parse(path)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	r, err := http.NewRequest(method, address.String(), strings.NewReader(form.Encode()))
	if err != nil {
		p.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	p.seen = nil
	resp, err := p.client.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	p.at, p.body, p.status = resp.Request.URL, string(text), resp.StatusCode
}

var hidden = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)

// fields returns the hidden fields of the open page.
func (p *person) fields(more ...string) []string {
	var out []string
	for _, m := range hidden.FindAllStringSubmatch(p.body, -1) {
		out = append(out, m[1], strings.NewReplacer("&amp;", "&", "&#43;", "+").Replace(m[2]))
	}
	return append(out, more...)
}

// signIn goes from the first page through the page of the WordPress to the
// applications.
func (p *person) signIn() {
	p.t.Helper()
	p.open("/quillgate/")
	if p.at.Path == "/wp-login.php" {
		p.post("/wp-login.php", p.fields("log", "admin", "pwd", "app-password")...)
	}
	if p.at.Path != "/wp-admin/authorize-application.php" {
		p.t.Fatalf("the entrance leads to %s: %s", p.at, p.body)
	}
	p.post("/wp-admin/authorize-application.php", p.fields("approve", "1")...)
}

// The first sign-in uses the page of the WordPress, and brings back a
// credential, which is stored sealed and is in no address that the browser
// keeps. The next sign-in replaces it, and revokes it at the WordPress.
func TestGatewayFirstSignIn(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, dbURL string) {
		s := openGateSite(t, dbURL, nil)
		p := s.person(t)
		p.open("/quillgate")
		if p.at.Path != "/wp-login.php" {
			t.Errorf("/quillgate leads to %s", p.at)
		}
		p.signIn()
		if p.at.Path != "/quillgate/profile" || !strings.Contains(p.body, "Remote Publishing Permissions") || !strings.Contains(p.body, "ADMIN") || !strings.Contains(p.body, "A small WordPress") {
			t.Fatalf("after the sign-in: %s\n%s", p.at, p.body)
		}
		made := s.wp.Passwords()
		if len(made) != 1 || made[0].Login != "admin" || made[0].App == "" {
			t.Fatalf("application passwords: %+v", made)
		}
		up, err := s.keys.Apps.Upstream(t.Context(), s.user.ID)
		if err != nil || up.UUID != made[0].UUID || len(up.Secret.Reveal()) != 24 || up.Login != "admin" {
			t.Errorf("kept: %+v, %v", up, err)
		}
		for _, c := range p.client.Jar.Cookies(must(p.at.Parse("/xmlrpc.php"))) {
			if strings.Contains(c.Name, "quillgate") {
				t.Errorf("the WordPress gets the cookie %s", c.Name)
			}
		}
		// The address that leads back does not work a second time, for
		// anyone.
		way := p.seen[0]
		if !strings.Contains(way, "password=") {
			t.Fatalf("the way back: %v", p.seen)
		}
		for _, q := range []*person{p, s.person(t)} {
			if q.open(strings.TrimPrefix(way, s.web.URL)); !strings.Contains(q.at.String(), "outcome=late") && q.at.Path != "/quillgate/profile" || strings.Contains(q.at.String(), "password=") {
				t.Errorf("the way back again: %s", q.at)
			}
		}
		if n := len(s.wp.Passwords()); n != 1 {
			t.Errorf("%d application passwords", n)
		}
		p.post("/quillgate/signout")
		if p.at.Path != "/quillgate/signin" || !strings.Contains(p.body, "Sign in at A small WordPress") {
			t.Fatalf("signed out: %s\n%s", p.at, p.body)
		}
		p.signIn()
		again := s.wp.Passwords()
		if p.at.Path != "/quillgate/profile" || len(again) != 1 || again[0].UUID == made[0].UUID {
			t.Errorf("signed in again: %s, %+v", p.at, again)
		}
	})
}

func must(u *url.URL, err error) *url.URL {
	if err != nil {
		panic(err)
	}
	return u
}

// An invalid response signs nobody in, and the page explains what was wrong.
func TestGatewayWrongWaysBack(t *testing.T) {
	s := openGateSite(t, databasetest.SQLite(t), nil)
	p := s.person(t)
	state := func() string {
		t.Helper()
		p.open("/quillgate/signin/blog")
		to := must(url.Parse(must(url.Parse("?" + p.at.RawQuery)).Query().Get("redirect_to")))
		return must(url.Parse(to.Query().Get("success_url"))).Query().Get("state")
	}
	made := func() url.Values {
		return url.Values{"site_url": {s.web.URL}, "user_login": {"admin"}, "password": {"app-password"}}
	}
	for name, tt := range map[string]struct {
		change func(url.Values)
		want   string
	}{
		"rejected":      {func(q url.Values) { q.Set("success", "false"); q.Del("password") }, "You declined"},
		"disabled":      {func(q url.Values) { q.Set("success", "false"); q.Set("error", "disabled") }, "offers you no application passwords"},
		"another site":  {func(q url.Values) { q.Set("site_url", "https://other.example") }, "comes from another blog"},
		"a folder":      {func(q url.Values) { q.Set("site_url", s.web.URL+"/two") }, "comes from another blog"},
		"no site":       {func(q url.Values) { q.Del("site_url") }, "comes from another blog"},
		"wrong":         {func(q url.Values) { q.Set("password", "guess") }, "rejects the application password"},
		"no state":      {func(q url.Values) { q.Del("state") }, "not started in this browser"},
		"another state": {func(q url.Values) { q.Set("state", strings.Repeat("A", 54)) }, "not started in this browser"},
	} {
		q := made()
		q.Set("state", state())
		tt.change(q)
		p.open("/quillgate/signin/blog/back?" + q.Encode())
		if p.at.Path != "/quillgate/signin" || !strings.Contains(p.body, tt.want) || strings.Contains(p.at.String(), "password=") {
			t.Errorf("%s: %s\n%s", name, p.at, p.body)
		}
		if p.open("/quillgate/profile"); p.at.Path != "/quillgate/signin" {
			t.Errorf("%s: signed in", name)
		}
	}
	// The state of one browser is invalid in another.
	other := s.person(t)
	q := made()
	q.Set("state", state())
	if other.open("/quillgate/signin/blog/back?" + q.Encode()); !strings.Contains(other.body, "not started in this browser") {
		t.Errorf("in another browser: %s", other.body)
	}
	// Guesses are counted together, whichever way they come.
	before := len(s.wp.Calls())
	for range 40 {
		q := made()
		q.Set("state", state())
		q.Set("password", "guess")
		p.open("/quillgate/signin/blog/back?" + q.Encode())
	}
	if !strings.Contains(p.body, "too many attempts") || len(s.wp.Calls())-before > 20 {
		t.Errorf("40 guesses, %d of them reached the WordPress: %s", len(s.wp.Calls())-before, p.body)
	}
}

// If the WordPress has no application passwords, the page explains why and what
// to do, and accepts a password.
func TestGatewaySignInByPassword(t *testing.T) {
	s := openGateSite(t, databasetest.SQLite(t), nil)
	s.wp.HTTPS = false
	p := s.person(t)
	p.open("/quillgate/")
	if p.at.Path != "/quillgate/signin" || !strings.Contains(p.body, "fastcgi_param HTTPS on;") || strings.Contains(p.body, "/signin/blog?") {
		t.Fatalf("without application passwords: %s\n%s", p.at, p.body)
	}
	p.post("/quillgate/signin", p.fields("login", "admin", "password", "wrong")...)
	if p.status != http.StatusForbidden || !strings.Contains(p.body, "User name or password is wrong") || !strings.Contains(p.body, "fastcgi_param HTTPS on;") {
		t.Errorf("a wrong password: %d %s", p.status, p.body)
	}
	if err := s.keys.Apps.RefuseUpstream(t.Context(), s.user.ID, upstreamOf(t, s).Given); err != nil {
		t.Fatal(err)
	}
	p.post("/quillgate/signin", p.fields("login", "admin", "password", "app-password")...)
	if up := upstreamOf(t, s); p.at.Path != "/quillgate/profile" || !up.Refused.IsZero() || up.Secret.Reveal() != "app-password" {
		t.Errorf("the right password: %s, %+v\n%s", p.at, up, p.body)
	}
}

func upstreamOf(t *testing.T, s *gateSite) apps.Upstream {
	t.Helper()
	up, err := s.keys.Apps.Upstream(t.Context(), s.user.ID)
	if err != nil {
		t.Fatal(err)
	}
	return up
}

var shownKey = regexp.MustCompile(`id="v-(public|secret)">([^<]+)<`)

// A key is created on the page, and works. If the WordPress refuses the stored
// credential, the page says so, and signing in renews it.
func TestGatewayPages(t *testing.T) {
	s := openGateSite(t, databasetest.SQLite(t), nil)
	p := s.person(t)
	p.signIn()
	p.post("/quillgate/profile/applications", "kind", "key", "name", "MarsEdit", "scope", "all")
	shown := map[string]string{}
	for _, m := range shownKey.FindAllStringSubmatch(p.body, -1) {
		shown[m[1]] = m[2]
	}
	if p.status != http.StatusOK || !strings.Contains(p.body, s.web.URL+"/xmlrpc.php") {
		t.Fatalf("a new key: %d %s", p.status, p.body)
	}
	use := func() string {
		r := secure("wp.getPost", args(xmlrpc.Int(1))...)
		sign(r, shown["public"], shown["secret"])
		return send(s.Server, r).Body.String()
	}
	if body := use(); !strings.Contains(body, "publish") {
		t.Fatalf("the key: %s", body)
	}
	for _, path := range []string{"/profile/security", "/profile/account", "/profile/activity", "/profile/applications/new", "/signin/again", "/admin/users", "/admin/users/1", "/admin/settings", "/admin/applications", "/admin/activity", "/admin/refusals"} {
		if p.open("/quillgate" + path); p.status != http.StatusOK || strings.Contains(p.body, "no longer accepts") {
			t.Errorf("%s: %d", path, p.status)
		}
		for _, form := range []string{`name="new-password"`, `/security/code"`, "/security/passkeys", `value="role"`} {
			if strings.Contains(p.body, form) {
				t.Errorf("%s offers what the WordPress keeps: %s", path, form)
			}
		}
	}
	p.post("/quillgate/profile/zone", "zone", "Europe/Berlin")
	if !strings.Contains(p.body, "Your account was changed") {
		t.Errorf("the zone: %s", p.body)
	}
	for path, fields := range map[string][]string{"/profile/account": {"display-name", "x"}, "/profile/security/password": {"new-password", "x"}, "/admin/users": {"login", "x"}, "/admin/users/1": {"do", "password", "new-password", "12345678"}} {
		if p.post("/quillgate"+path, fields...); p.status != http.StatusNotFound && p.status != http.StatusMethodNotAllowed && p.status != http.StatusUnprocessableEntity || strings.Contains(p.body, "was set") {
			t.Errorf("%s: %d", path, p.status)
		}
	}
	s.wp.RevokeAll()
	if body := use(); faultCode(body) != "503" && !strings.Contains(body, "Sign in on the blog") {
		t.Errorf("after the revocation: %s", body)
	}
	p.open("/quillgate/profile")
	if !strings.Contains(p.body, "no longer accepts the credential") {
		t.Fatalf("the page does not offer to renew it: %s", p.body)
	}
	p.open("/quillgate/signin/blog?next=/profile/activity")
	p.post("/wp-admin/authorize-application.php", p.fields("approve", "1")...)
	if p.at.Path != "/quillgate/profile/activity" || strings.Contains(p.body, "no longer accepts") {
		t.Errorf("renewed: %s\n%s", p.at, p.body)
	}
	if body := use(); !strings.Contains(body, "publish") {
		t.Errorf("the key after the renewal: %s", body)
	}
}

// Over plain HTTP on this machine, the page of a WordPress before 7.0 cannot
// send the browser back, so the user pastes the password.
func TestGatewayPastes(t *testing.T) {
	for version, sends := range map[int]bool{6: false, 7: true} {
		s := openGateSite(t, databasetest.SQLite(t), func(c *server.Config, b *gateway.Config) {
			base := &url.URL{Scheme: "http", Host: "127.0.0.1:8080"}
			c.BaseURL, b.BaseURL = base.String(), base
			c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		})
		s.wp.Version = version
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1:8080/quillgate/signin", nil)
		r.RemoteAddr = "127.0.0.1:1"
		s.Server.Handler().ServeHTTP(w, r)
		body := w.Body.String()
		if strings.Contains(body, "/signin/blog?") != sends || !strings.Contains(body, "Create one in a new tab") {
			t.Errorf("version %d: %d %s", version, w.Code, body)
		}
	}
}
