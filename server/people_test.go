package server_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/server"
	"github.com/quillgate/quillgate/server/servertest"
	"github.com/quillgate/quillgate/xmlrpc"
)

// S17, A7, K9: a token sent with Basic calls methods within its scope, whatever
// the arguments say. The answer has no deprecation notice, unlike that to a
// password.
func TestS17TokenCalls(t *testing.T) {
	blog := open(t, "", nil)
	s := newServer(t, server.Config{Blog: blog})
	_, token, err := blog.Apps.CreateToken(t.Context(), audit.Operator, apps.NewToken{
		UserID: 1, Kind: apps.AccessToken, Name: "reader", Scope: apps.Scope{Rights: []apps.Right{apps.Read}},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, appPassword, err := blog.Apps.CreateToken(t.Context(), audit.Operator, apps.NewToken{UserID: 1, Kind: apps.ApplicationPassword, Name: "desk"})
	if err != nil {
		t.Fatal(err)
	}
	empty := []xmlrpc.Value{xmlrpc.Int(1), xmlrpc.String(""), xmlrpc.String("")}
	basic := func(user, password, method string, params ...xmlrpc.Value) *http.Request {
		r := post(method, params...)
		r.SetBasicAuth(user, password)
		return r
	}
	newPost := append(empty[:3:3], xmlrpc.Struct(xmlrpc.M("post_title", xmlrpc.String("x"))))
	tests := []struct {
		name       string
		r          *http.Request
		want       string
		deprecated bool
	}{
		{"token reads", basic(token.Reveal(), "x", "wp.getPosts", empty...), "<array>", false},
		{"token writes", basic("ada", token.Reveal(), "wp.newPost", newPost...), "<fault>", false},
		{"application password writes", basic("ada", appPassword.Reveal(), "wp.newPost", newPost...), "<string>", false},
		{"account password over Basic", basic("ada", password, "wp.getPosts", empty...), "<int>403</int>", false},
		{"and for a public method", basic("ada", password, "demo.sayHello"), "<int>403</int>", false},
		{"token makes a key", basic(token.Reveal(), "", "xmlrpcs.createApplication", xmlrpc.Int(1), xmlrpc.String("ada"), xmlrpc.String(password), xmlrpc.String("n")), "<int>403</int>", true},
		{"password argument", post("wp.getPosts", xmlrpc.Int(1), xmlrpc.String("ada"), xmlrpc.String(password)), "<array>", true},
		{"application password argument", post("wp.getPosts", xmlrpc.Int(1), xmlrpc.String("ada"), xmlrpc.String(appPassword.Reveal())), "<array>", true},
	}
	for _, test := range tests {
		w := send(s, test.r)
		if !strings.Contains(w.Body.String(), test.want) || (w.Header().Get("X-Deprecated") != "") != test.deprecated {
			t.Errorf("%s: X-Deprecated %q, %s; want %s", test.name, w.Header().Get("X-Deprecated"), w.Body, test.want)
		}
	}
	far := basic(token.Reveal(), "", "wp.getPosts", empty...)
	far.RemoteAddr = "192.0.2.1:99"
	if w := send(s, far); !strings.Contains(w.Body.String(), "https") || !strings.Contains(w.Body.String(), "<int>403</int>") {
		t.Errorf("unencrypted from elsewhere: %s", w.Body)
	}
	if err := blog.Apps.Close(); err != nil {
		t.Fatal(err)
	}
	list, err := blog.Apps.Tokens(t.Context(), apps.TokenFilter{UserID: 1})
	if err != nil || len(list) != 2 || list[0].LastUse.Method == "" || list[1].LastUse.Method != "wp.getPosts" {
		t.Errorf("last uses: %+v, %v", list, err)
	}
}

// A8: accounts with a second factor create keys with a code, and cannot use
// their password in calls.
func TestA8KeyWithCode(t *testing.T) {
	blog := open(t, "", nil)
	s := newServer(t, server.Config{Blog: blog, ThrottleExempt: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	e, err := blog.Users.BeginSecondFactor(t.Context(), 1, "blog")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	code := func(at time.Time) string {
		c, err := totp.GenerateCode(e.Secret.Reveal(), at)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	if _, err := blog.Users.ConfirmSecondFactor(t.Context(), audit.Operator, 1, code(now)); err != nil {
		t.Fatal(err)
	}
	create := func(settings ...xmlrpc.Value) string {
		return send(s, post("xmlrpcs.createApplication", append([]xmlrpc.Value{xmlrpc.Int(1), xmlrpc.String("ada"), xmlrpc.String(password), xmlrpc.String("n")}, settings...)...)).Body.String()
	}
	login := func(password string) string {
		return send(s, post("wp.getPosts", xmlrpc.Int(1), xmlrpc.String("ada"), xmlrpc.String(password))).Body.String()
	}
	if right, wrong := login(password), login("wrong"); right != wrong || !strings.Contains(right, "<int>403</int>") {
		t.Errorf("the right password: %s\na wrong one: %s", right, wrong)
	}
	with := func(code string) xmlrpc.Value { return xmlrpc.Struct(xmlrpc.M("code", xmlrpc.String(code))) }
	used, next := code(now), code(now.Add(30*time.Second))
	for name, got := range map[string]string{"no code": create(), "a used code": create(with(used))} {
		if !strings.Contains(got, "<int>403</int>") {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := create(with(next)); !strings.Contains(got, "qgs_") {
		t.Errorf("with a code: %s", got)
	}
}

// A7: a site that accepts no passwords says so, in the same words for every
// name.
func TestA7Refused(t *testing.T) {
	s := newServer(t, server.Config{Blog: open(t, "", nil), PasswordMode: auth.ModeRefuse})
	var answers []string
	for _, login := range []string{"ada", "nobody"} {
		w := send(s, post("wp.getUsersBlogs", xmlrpc.String(login), xmlrpc.String(password)))
		if w.Header().Get("X-Deprecated") == "" {
			t.Errorf("%s: no X-Deprecated", login)
		}
		answers = append(answers, w.Body.String())
	}
	if answers[0] != answers[1] || !strings.Contains(answers[0], "does not accept account passwords") {
		t.Errorf("ada: %s\nnobody: %s", answers[0], answers[1])
	}
}

// K12: after a signed call, the key shows when, from where and by which client
// it was used, and the called method. Uses of a pair that has a successor are
// counted too.
func TestK12LastUse(t *testing.T) {
	blog := open(t, "", nil)
	s := newServer(t, server.Config{Blog: blog})
	app, secret := servertest.Key(t, blog.Keys, apps.New{UserID: 1, Name: "used"})
	ask := func(app apps.App, secret apps.Secret, method, from, agent string) {
		t.Helper()
		r := post(method, xmlrpc.Int(1), xmlrpc.String(""), xmlrpc.String(""))
		sign(r, app.Public, secret.Reveal())
		r.RemoteAddr = from
		r.Header.Set("User-Agent", agent)
		if fault := faultOf(t, send(s, r)); fault != nil {
			t.Fatal(fault)
		}
	}
	count := func() string {
		t.Helper()
		w := httptest.NewRecorder()
		s.Metrics().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		return regexp.MustCompile(`(?m)^quillgate_superseded_keys_total .*$`).FindString(w.Body.String())
	}
	started := time.Now().Add(-time.Second)
	ask(app, secret, "wp.getPosts", "192.0.2.1:10", "First/1")
	ask(app, secret, "wp.getProfile", "192.0.2.7:10", "Editor/2.0")
	if got := count(); got != "quillgate_superseded_keys_total 0" {
		t.Errorf("before the rotation: %q", got)
	}
	next, nextSecret, err := blog.Apps.Rotate(t.Context(), audit.Operator, 1, app.Public, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	ask(app, secret, "wp.getTags", "192.0.2.8:10", "Editor/2.1")
	ask(next, nextSecret, "wp.getPages", "192.0.2.9:10", "Editor/3.0")
	if got := count(); got != "quillgate_superseded_keys_total 1" {
		t.Errorf("after a call with the old pair and one with the new: %q", got)
	}
	if err := blog.Apps.Close(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct {
		public, addr, agent, method string
		uses                        int64
	}{{app.Public, "192.0.2.8", "Editor/2.1", "wp.getTags", 3}, {next.Public, "192.0.2.9", "Editor/3.0", "wp.getPages", 1}} {
		got, err := blog.Apps.Get(t.Context(), want.public)
		use := got.LastUse
		if err != nil || use.Addr.String() != want.addr || use.Agent != want.agent || use.Method != want.method || got.Uses != want.uses ||
			use.At.Before(started) || use.At.After(time.Now()) {
			t.Errorf("%s: %+v, %d uses, %v; want %+v", got.Name, use, got.Uses, err, want)
		}
	}
}
