package server_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/gateway"
	"github.com/quillgate/quillgate/server"
	"github.com/quillgate/quillgate/server/servertest"
	"github.com/quillgate/quillgate/upstream/upstreamtest"
	"github.com/quillgate/quillgate/xmlrpc"
)

// hosting is a gateway in front of several blogs. Each is at HOST.example, and
// has a WordPress of its own.
type hosting struct {
	*server.Server
	keys *server.Keys
	list *gateway.Sites
	wp   map[string]*upstreamtest.WordPress
	ids  map[string]int64
}

func openHosting(t *testing.T, dbURL string, change func(*server.Config), hosts ...string) *hosting {
	t.Helper()
	h := &hosting{keys: servertest.OpenKeys(t, dbURL, server.KeysConfig{}), wp: map[string]*upstreamtest.WordPress{}, ids: map[string]int64{}}
	cfg := server.Config{Keys: h.keys}
	trusting(&cfg, nil)
	if change != nil {
		change(&cfg)
	}
	h.list = gateway.NewSites(h.keys.DB, h.keys.Apps, h.keys.Users, cfg.Clock)
	for _, host := range hosts {
		wp := upstreamtest.Start(t)
		wp.Users["admin"] = host + "-password"
		site, err := h.list.Add(t.Context(), audit.Operator, gateway.Site{Host: host + ".example", Upstream: wp.URL + "/xmlrpc.php"})
		if err != nil {
			t.Fatal(err)
		}
		h.wp[host], h.ids[host] = wp, site.ID
	}
	var err error
	if h.Server, err = server.NewGatewaySites(cfg, h.list, gateway.Config{}); err != nil {
		t.Fatal(err)
	}
	return h
}

// at sets the host of a request.
func at(host string, r *http.Request) *http.Request {
	r.Host = host + ".example"
	return r
}

// forwardedFor sets the host of a request as a trusted web server does.
func forwardedFor(host string, r *http.Request) *http.Request {
	r.Header.Set("X-Forwarded-Host", host)
	return r
}

// admin returns the user of a site for whom it stores a credential.
func (h *hosting) admin(t *testing.T, host string) auth.User {
	t.Helper()
	users, store := h.keys.Users.Of(h.ids[host]), h.keys.Apps.Of(h.ids[host])
	user, err := gateway.UserOf(t.Context(), users, audit.Operator, gateway.Profile{Login: "admin", Role: auth.Administrator})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.SetUpstream(t.Context(), audit.Operator, user.ID, apps.Upstream{Login: "admin", Secret: apps.NewSecret(host + "-password")}); err != nil {
		t.Fatal(err)
	}
	return user
}

// key creates a key of a site, and returns a function that signs requests with
// it.
func (h *hosting) key(t *testing.T, host string) func(*http.Request) *http.Request {
	t.Helper()
	app, secret, err := h.keys.Apps.Of(h.ids[host]).Create(t.Context(), audit.Operator, apps.New{UserID: h.admin(t, host).ID, Name: "a program"})
	if err != nil {
		t.Fatal(err)
	}
	return func(r *http.Request) *http.Request {
		sign(r, app.Public, secret.Reveal())
		return r
	}
}

func withPassword(password string) *http.Request {
	return secure("wp.getPost", xmlrpc.Int(1), xmlrpc.String("admin"), xmlrpc.String(password), xmlrpc.Int(1))
}

// The host selects the blog. A key, a token or a password of one site does not
// work at another: none of its calls passes.
func TestGatewaySitesDoNotCross(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, dbURL string) {
		h := openHosting(t, dbURL, nil, "one", "two")
		signed := map[string]func(*http.Request) *http.Request{"one": h.key(t, "one"), "two": h.key(t, "two")}
		_, token, err := h.keys.Apps.Of(h.ids["one"]).CreateToken(t.Context(), audit.Operator, apps.NewToken{UserID: h.admin(t, "one").ID, Kind: apps.AccessToken, Name: "a program"})
		if err != nil {
			t.Fatal(err)
		}
		basic := func(r *http.Request) *http.Request {
			r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("admin:"+token.Reveal())))
			return r
		}
		get := func() *http.Request { return secure("wp.getPost", args(xmlrpc.Int(1))...) }
		for _, test := range []struct {
			name string
			r    *http.Request
			wp   string // the called WordPress; empty: none
		}{
			{"the key of one at two", at("two", signed["one"](get())), ""},
			{"the key of one at one", at("one", signed["one"](get())), "one"},
			{"the key of one at two again", at("two", signed["one"](get())), ""},
			{"the key of two at two", at("two", signed["two"](get())), "two"},
			{"the key of two at one", at("one", signed["two"](get())), ""},
			{"the token of one at two", at("two", basic(get())), ""},
			{"the token of one at one", at("one", basic(get())), "one"},
			{"the password of one at one", at("one", withPassword("one-password")), "one"},
			{"another port and case", func() *http.Request { r := signed["one"](get()); r.Host = "ONE.example.:8443"; return r }(), "one"},
			{"an inner host, forwarded for one", forwardedFor("one.example", at("inside", signed["one"](get()))), "one"},
			{"the host of two, forwarded for one", forwardedFor("one.example", at("two", signed["one"](get()))), ""},
			{"the host of one, forwarded for one in another form", forwardedFor("ONE.example:443", at("one", signed["one"](get()))), "one"},
			{"the host of one, forwarded for nobody", forwardedFor("three.example", at("one", signed["one"](get()))), ""},
			{"an unknown host", at("three", signed["one"](get())), ""},
			{"an address", func() *http.Request { r := signed["one"](get()); r.Host = "127.0.0.1:8080"; return r }(), ""},
			{"no host", func() *http.Request { r := signed["one"](get()); r.Host = ""; return r }(), ""},
		} {
			before := map[string]int{"one": len(h.wp["one"].Calls()), "two": len(h.wp["two"].Calls())}
			w := send(h.Server, test.r)
			if (test.wp != "") != strings.Contains(w.Body.String(), "publish") {
				t.Errorf("%s: %d %s", test.name, w.Code, w.Body)
			}
			for host, n := range before {
				if called := len(h.wp[host].Calls()) > n; called != (host == test.wp) {
					t.Errorf("%s: the WordPress of %s is called: %v", test.name, host, called)
				}
			}
		}
		// A wrong password is only tried at the WordPress of its site.
		n := len(h.wp["one"].Calls())
		if w := send(h.Server, at("two", withPassword("one-password"))); faultCode(w.Body.String()) != "403" || len(h.wp["one"].Calls()) != n {
			t.Errorf("the password of one at two: %s", w.Body)
		}
		unknown := send(h.Server, at("three", get()))
		if text := unknown.Body.String(); unknown.Code != http.StatusMisdirectedRequest || strings.Contains(text, "one") || strings.Contains(text, "two") {
			t.Errorf("an unknown host: %d %s", unknown.Code, text)
		}
		rsd := httptest.NewRequest(http.MethodGet, "/xmlrpc.php?rsd", nil)
		if w := send(h.Server, at("two", rsd)); !strings.Contains(w.Body.String(), "https://two.example/xmlrpc.php") || strings.Contains(w.Body.String(), "one.") {
			t.Errorf("the discovery document: %s", w.Body)
		}
		trailsDoNotCross(t, h)
	})
}

// A browser's session at one site does not work at another, and neither does a
// code for enrolment.
func TestGatewaySitesSessionsDoNotCross(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, dbURL string) {
		ctx := t.Context()
		h := openHosting(t, dbURL, nil, "one", "two")
		user := h.admin(t, "one")
		h.admin(t, "two")
		end := time.Now().Add(time.Hour)
		data, err := scs.GobCodec{}.Encode(end, map[string]any{auth.SessionNew: true, auth.SessionUser: user.ID})
		if err != nil {
			t.Fatal(err)
		}
		store := auth.NewSessionStore(h.keys.DB.Of(h.ids["one"]), nil)
		if err := store.CommitCtx(ctx, auth.SessionID("a-token"), data, end); err != nil {
			t.Fatal(err)
		}
		for host, want := range map[string]int{"one": http.StatusOK, "two": http.StatusSeeOther} {
			r := httptest.NewRequest(http.MethodGet, "/quillgate/profile", nil)
			r.RemoteAddr = "127.0.0.1:1234"
			r.Header.Set("X-Forwarded-For", "192.0.2.7")
			r.Header.Set("X-Forwarded-Proto", "https")
			r.Header.Set("Cookie", "__Secure-quillgate=a-token")
			if w := send(h.Server, at(host, r)); w.Code != want {
				t.Errorf("the session at %s: %d %v, want %d", host, w.Code, w.Header(), want)
			}
		}
		code, _, err := h.keys.Apps.Of(h.ids["one"]).OpenEnrolment(ctx, audit.Operator, apps.New{UserID: user.ID}, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.keys.Apps.Of(h.ids["two"]).EnrolByCode(ctx, audit.Operator, code.Reveal(), "intruder", apps.VerificationKey{}); !errors.Is(err, apps.ErrNoEnrolment) {
			t.Errorf("the code at the other site: %v", err)
		}
	})
}

// trailsDoNotCross checks the trails and the counts of two sites after one of
// them was attacked.
func trailsDoNotCross(t *testing.T, h *hosting) {
	t.Helper()
	ctx := t.Context()
	one, err := audit.List(ctx, h.keys.DB.Of(h.ids["one"]), audit.Filter{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	two, err := audit.List(ctx, h.keys.DB.Of(h.ids["two"]), audit.Filter{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	kind := func(k audit.Kind) func(audit.Line) bool { return func(l audit.Line) bool { return l.Kind == k } }
	if !slices.ContainsFunc(one, kind(apps.TokenCreated)) || slices.ContainsFunc(two, kind(apps.TokenCreated)) || len(two) == 0 {
		t.Errorf("the trails: %d lines, %d lines", len(one), len(two))
	}
	for _, l := range append(one, two...) {
		if strings.HasPrefix(string(l.Kind), "site.") {
			t.Errorf("the trail of a site mentions sites: %v", l)
		}
	}
	operator, err := audit.List(ctx, h.keys.DB, audit.Filter{})
	if err != nil || len(operator) != 2 || operator[0].Kind != gateway.SiteAdded {
		t.Errorf("the operator's trail: %v, %v", operator, err)
	}
}

// The same bytes create one post at each of two sites, and no second one when
// they are sent again.
func TestGatewaySitesRepeatApart(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, dbURL string) {
		h := openHosting(t, dbURL, nil, "one", "two")
		for range 2 {
			for _, host := range []string{"one", "two"} {
				signed := h.key(t, host)
				for range 3 {
					if w := send(h.Server, at(host, signed(secure("wp.newPost", args(titled("Once"))...)))); !strings.Contains(w.Body.String(), "<string>") {
						t.Fatalf("%s: %s", host, w.Body)
					}
				}
			}
		}
		for host, wp := range h.wp {
			n := 0
			for _, c := range wp.Calls() {
				if c.Method == "wp.newPost" {
					n++
				}
			}
			if n != 2 { // one for each key
				t.Errorf("%s: %d posts, want 2", host, n)
			}
		}
	})
}

// Guesses, modes and users of one site do not affect another.
func TestGatewaySitesPasswords(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, dbURL string) {
		h := openHosting(t, dbURL, nil, "one", "two")
		throttled := false
		for i := range 12 {
			w := send(h.Server, at("one", withPassword(fmt.Sprint("guess-", i))))
			throttled = throttled || strings.Contains(w.Body.String(), "Too many")
		}
		if !throttled {
			t.Error("guesses are not slowed down")
		}
		if w := send(h.Server, at("two", withPassword("two-password"))); !strings.Contains(w.Body.String(), "publish") {
			t.Errorf("the other site: %s", w.Body)
		}
		w := send(h.Server, at("two", secure("xmlrpcs.createApplication", xmlrpc.Int(1), xmlrpc.String("admin"), xmlrpc.String("two-password"), xmlrpc.String("MarsEdit"))))
		if !strings.Contains(w.Body.String(), "secret") {
			t.Fatalf("make a key: %s", w.Body)
		}
		for host, want := range map[string]int{"one": 0, "two": 1} {
			users, err := h.keys.Users.Of(h.ids[host]).List(t.Context(), auth.Filter{})
			if err != nil || len(users) != want {
				t.Errorf("%s has %d users, %v; want %d", host, len(users), err, want)
			}
		}
		if _, err := h.list.Set(t.Context(), audit.Operator, gateway.Site{Host: "two.example", Upstream: h.wp["two"].URL + "/xmlrpc.php", PasswordMode: auth.ModeRefuse}); err != nil {
			t.Fatal(err)
		}
		if w := send(h.Server, at("two", withPassword("two-password"))); faultCode(w.Body.String()) != "403" {
			t.Errorf("a site that refuses passwords: %s", w.Body)
		}
	})
}

// A WordPress that is down affects no other site, and the metrics of a site
// carry its name.
func TestGatewaySitesFailApart(t *testing.T) {
	h := openHosting(t, databasetest.SQLite(t), nil, "one", "two", "idle")
	signed := map[string]func(*http.Request) *http.Request{"one": h.key(t, "one"), "two": h.key(t, "two")}
	get := func(host string) *httptest.ResponseRecorder {
		return send(h.Server, at(host, signed[host](secure("wp.getPost", args(xmlrpc.Int(1))...))))
	}
	h.wp["one"].Play(func(w http.ResponseWriter, _ string) bool {
		w.WriteHeader(http.StatusBadGateway)
		return true
	})
	for range 6 {
		get("one")
	}
	n := len(h.wp["one"].Calls())
	if w := get("one"); w.Header().Get("Retry-After") == "" || len(h.wp["one"].Calls()) != n {
		t.Errorf("the site that is down: %v %s", w.Header(), w.Body)
	}
	if w := get("two"); !strings.Contains(w.Body.String(), "publish") {
		t.Errorf("the other site: %s", w.Body)
	}
	for _, test := range []struct {
		host, path string
		want       int
	}{
		{"one", "/readyz", 200},
		{"two", "/readyz", 200},
		{"three", "/readyz", 200},
		{"one", "/readyz/upstream", 503},
		{"two", "/readyz/upstream", 200},
		{"three", "/readyz/upstream", 421},
	} {
		if w := send(h.Server, at(test.host, httptest.NewRequest(http.MethodGet, test.path, nil))); w.Code != test.want {
			t.Errorf("%s of %s: %d %s, want %d", test.path, test.host, w.Code, w.Body, test.want)
		}
	}
	scrape := httptest.NewRecorder()
	h.Metrics().ServeHTTP(scrape, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	numbers := scrape.Body.String()
	for _, want := range []string{
		`quillgate_upstream_available{site="one.example"} 0`, `quillgate_upstream_available{site="two.example"} 1`,
		`quillgate_upstream_failures_total{site="two.example"} 0`, `quillgate_site_requests_total{site="two.example"} 2`,
	} {
		if !strings.Contains(numbers, want+"\n") {
			t.Errorf("the numbers lack %s", want)
		}
	}
	for _, never := range []string{"idle.example", "three"} {
		if strings.Contains(numbers, never) {
			t.Errorf("the metrics mention %s", never)
		}
	}
}

// A site without requests is released, a changed one is created again, and the
// data of a removed one is deleted.
func TestGatewaySitesComeAndGo(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, dbURL string) {
		ctx := t.Context()
		clock := databasetest.NewClock(time.Now())
		h := openHosting(t, dbURL, func(c *server.Config) { c.Clock = clock.Now }, "one", "two")
		signed := h.key(t, "one")
		get := func() string {
			return send(h.Server, at("one", signed(secure("wp.getPost", args(xmlrpc.Int(1))...)))).Body.String()
		}
		if body := get(); !strings.Contains(body, "publish") || server.OpenSites(h.Server) != 1 {
			t.Fatalf("%d sites are open; %s", server.OpenSites(h.Server), body)
		}
		clock.Add(11 * time.Minute)
		if err := server.KeepHouse(ctx, h.Server); err != nil || server.OpenSites(h.Server) != 0 {
			t.Errorf("%d sites are open when nobody asks, %v", server.OpenSites(h.Server), err)
		}
		other := upstreamtest.Start(t)
		other.Users["admin"] = "one-password"
		if _, err := h.list.Set(ctx, audit.Operator, gateway.Site{Host: "one.example", Upstream: other.URL + "/xmlrpc.php"}); err != nil {
			t.Fatal(err)
		}
		if body := get(); !strings.Contains(body, "publish") || len(other.Calls()) != 1 {
			t.Errorf("after a change: %v %s", other.Calls(), body)
		}
		if r, err := h.list.Removal(ctx, "one.example"); err != nil || r.Users != 1 || r.Apps != 1 || r.Lines == 0 {
			t.Errorf("what goes: %+v, %v", r, err)
		}
		h.admin(t, "two")
		if err := h.list.Remove(ctx, audit.Operator, "one.example"); err != nil {
			t.Fatal(err)
		}
		if w := send(h.Server, at("one", signed(secure("wp.getPost", args(xmlrpc.Int(1))...)))); w.Code != http.StatusMisdirectedRequest {
			t.Errorf("a site that is gone: %d %s", w.Code, w.Body)
		}
		// A removed host that is added again is a new site: it has none
		// of the old data.
		again, err := h.list.Add(ctx, audit.Operator, gateway.Site{Host: "one.example", Upstream: other.URL + "/xmlrpc.php"})
		if err != nil || again.ID == h.ids["one"] {
			t.Fatalf("the host again is %+v, %v", again, err)
		}
		if body := get(); faultCode(body) != "403" {
			t.Errorf("a key of the site that is gone: %s", body)
		}
		for _, table := range []string{"users", "apps", "upstream_credentials", "audit", "audit_head", "refusals", "last_refusals", "throttle", "sessions"} {
			var n int
			if err := h.keys.DB.Get(ctx, &n, `SELECT COUNT(*) FROM `+table+` WHERE site_id = $1`, h.ids["one"]); err != nil || n != 0 {
				t.Errorf("%d rows of %s are left, %v", n, table, err)
			}
		}
		if n, err := h.keys.Users.Of(h.ids["two"]).Count(ctx, auth.Filter{}); err != nil || n != 1 {
			t.Errorf("the other site has %d users, %v", n, err)
		}
		if _, _, err := audit.Verify(ctx, h.keys.DB.Of(h.ids["two"]), nil, nil); err != nil {
			t.Error(err)
		}
		if err := h.list.Remove(ctx, audit.Operator, "one.example"); err != nil {
			t.Error(err)
		}
		if _, err := h.list.Get(ctx, "one.example"); !errors.Is(err, gateway.ErrNoSite) {
			t.Error(err)
		}
	})
}

// Invalid settings of a site are refused with the name of the setting.
func TestGatewaySiteSettings(t *testing.T) {
	h := openHosting(t, databasetest.SQLite(t), nil, "one")
	up := "http://127.0.0.1:8081/xmlrpc.php"
	for _, test := range []struct {
		site  gateway.Site
		field string
	}{
		{gateway.Site{Host: "https://blog.example", Upstream: up}, "host"},
		{gateway.Site{Host: "blog.example:80", Upstream: up}, "host"},
		{gateway.Site{Host: "192.0.2.1", Upstream: up}, "host"},
		{gateway.Site{Host: "blog.example/two", Upstream: up}, "host"},
		{gateway.Site{Host: "blog.example"}, "upstream"},
		{gateway.Site{Host: "blog.example", Upstream: "ftp://127.0.0.1/xmlrpc.php"}, "upstream"},
		{gateway.Site{Host: "blog.example", Upstream: "http://user:password@127.0.0.1/xmlrpc.php"}, "upstream"},
		{gateway.Site{Host: "blog.example", Upstream: up, BaseURL: "https://other.example"}, "base-url"},
		{gateway.Site{Host: "blog.example", Upstream: up, UpstreamHost: "a/b"}, "upstream-host"},
		{gateway.Site{Host: "blog.example", Upstream: up, PasswordMode: "never"}, "password-mode"},
		{gateway.Site{Host: "blog.example", Upstream: up, AllowMethods: "a.b"}, "allow-method"},
		{gateway.Site{Host: "blog.example", Upstream: up, AllowMethods: "system.x=1"}, "allow-method"},
	} {
		_, err := h.list.Add(t.Context(), audit.Operator, test.site)
		var bad *gateway.InvalidSite
		if !errors.As(err, &bad) || bad.Field != test.field {
			t.Errorf("%+v: %v, want a refusal of %s", test.site, err, test.field)
		}
	}
	if _, err := h.list.Add(t.Context(), audit.Operator, gateway.Site{Host: "One.Example.", Upstream: up}); !errors.Is(err, gateway.ErrSiteTaken) {
		t.Errorf("the same host again: %v", err)
	}
	site, err := h.list.Add(t.Context(), audit.Operator, gateway.Site{Host: "Blog.Example", Upstream: up, BaseURL: "http://blog.example:8080/two", AllowMethods: "ngg.getImages=1 wpStats.get_posts=none"})
	if err != nil || site.Host != "blog.example" {
		t.Errorf("%+v, %v", site, err)
	}
	if w := send(h.Server, at("blog", post("system.listMethods"))); !strings.Contains(w.Body.String(), "ngg.getImages") {
		t.Errorf("methods of a plugin: %s", w.Body)
	}
	if w := send(h.Server, at("one", post("system.listMethods"))); strings.Contains(w.Body.String(), "ngg.getImages") {
		t.Errorf("methods of the other site's plugin: %s", w.Body)
	}
}
