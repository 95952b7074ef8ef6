package server_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/gateway"
	"github.com/quillgate/quillgate/methods"
	"github.com/quillgate/quillgate/server"
	"github.com/quillgate/quillgate/server/servertest"
	"github.com/quillgate/quillgate/upstream/upstreamtest"
	"github.com/quillgate/quillgate/xmlrpc"
)

// gate is a gateway in front of a small WordPress with one user.
type gate struct {
	*server.Server
	keys *server.Keys
	wp   *upstreamtest.WordPress
	user auth.User
}

func openGate(t *testing.T, dbURL string, change func(*server.Config, *gateway.Config)) *gate {
	t.Helper()
	g := &gate{keys: servertest.OpenKeys(t, dbURL, server.KeysConfig{}), wp: upstreamtest.Start(t)}
	g.serve(t, change)
	return g
}

// serve starts the gateway, or starts it again.
func (g *gate) serve(t *testing.T, change func(*server.Config, *gateway.Config)) {
	t.Helper()
	endpoint, err := url.Parse(g.wp.URL + "/xmlrpc.php")
	if err != nil {
		t.Fatal(err)
	}
	base := &url.URL{Scheme: "https", Host: "blog.example"}
	cfg := server.Config{Keys: g.keys, BaseURL: base.String()}
	behind := gateway.Config{Endpoint: endpoint, Host: "blog.example", BaseURL: base, Transport: gateway.NewTransport("")}
	if change != nil {
		change(&cfg, &behind)
	}
	if g.Server, err = server.NewGateway(cfg, behind); err != nil {
		t.Fatal(err)
	}
	if g.user, err = gateway.UserOf(t.Context(), g.keys.Users, audit.Operator, gateway.Profile{Login: "admin", Role: auth.Administrator}); err != nil {
		t.Fatal(err)
	}
	if err := g.keys.Apps.SetUpstream(t.Context(), audit.Operator, g.user.ID, apps.Upstream{Login: "admin", Secret: apps.NewSecret("app-password")}); err != nil {
		t.Fatal(err)
	}
}

// key creates a key with these rights, and returns a function that signs
// requests with it.
func (g *gate) key(t *testing.T, in apps.New) func(*http.Request) *http.Request {
	t.Helper()
	in.UserID, in.Name = g.user.ID, "a program"
	app, secret := servertest.Key(t, g.keys, in)
	return func(r *http.Request) *http.Request {
		sign(r, app.Public, secret.Reveal())
		return r
	}
}

// secure makes a request count as one over https from an address of the
// network.
func secure(method string, params ...xmlrpc.Value) *http.Request {
	r := post(method, params...)
	r.Header.Set("X-Forwarded-For", "192.0.2.7")
	r.Header.Set("X-Forwarded-Proto", "https")
	return r
}

func trusting(cfg *server.Config, _ *gateway.Config) {
	cfg.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
}

func faultCode(body string) string {
	_, rest, ok := strings.Cut(body, "faultCode")
	if !ok {
		return ""
	}
	_, rest, _ = strings.Cut(rest, "<int>")
	code, _, _ := strings.Cut(rest, "<")
	return code
}

func args(more ...xmlrpc.Value) []xmlrpc.Value {
	return append([]xmlrpc.Value{xmlrpc.Int(1), xmlrpc.String(""), xmlrpc.String("")}, more...)
}

func titled(title string, more ...xmlrpc.Member) xmlrpc.Value {
	return xmlrpc.Struct(append([]xmlrpc.Member{xmlrpc.M("post_title", xmlrpc.String(title))}, more...)...)
}

// A signed call reaches the WordPress with the user's stored credential, and
// without the client's own. Addresses in the answer lead to the gateway.
func TestGatewayRelaysSignedCalls(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, dbURL string) {
		g := openGate(t, dbURL, trusting)
		signed := g.key(t, apps.New{})
		w := send(g.Server, signed(secure("wp.newPost", args(titled("From outside"))...)))
		if w.Code != 200 || !strings.Contains(w.Body.String(), "<string>4</string>") || w.Header().Get("X-Deprecated") != "" {
			t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
		}
		call := g.wp.Calls()[0]
		if call.Params[1].Text() != "admin" || call.Params[2].Text() != "app-password" || call.Host != "blog.example" ||
			call.Header.Get("Authorization") != "" || call.Header.Get("X-Forwarded-For") != "192.0.2.7" || call.Header.Get("X-Forwarded-Proto") != "https" {
			t.Errorf("the WordPress got %+v", call)
		}
		w = send(g.Server, signed(secure("wp.getUsersBlogs", xmlrpc.String(""), xmlrpc.String(""))))
		if body := w.Body.String(); !strings.Contains(body, "https://blog.example/xmlrpc.php") || strings.Contains(body, g.wp.URL+"/xmlrpc.php") || !strings.Contains(body, "A &amp; B") {
			t.Errorf("the blogs: %s", body)
		}
		w = send(g.Server, signed(secure("wp.newPost", append([]xmlrpc.Value{xmlrpc.Int(1), xmlrpc.String("x"), xmlrpc.String("")}, titled("Named"))...)))
		if w.Header().Get("X-Deprecated") == "" {
			t.Error("a user name next to a signature: there is no deprecation notice")
		}
		forged := secure("wp.newPost", args(titled("Forged"))...)
		forged.Header.Set("Authorization", strings.Repeat("0", 32)+"||"+strings.Repeat("0", 64))
		n := len(g.wp.Calls())
		if w := send(g.Server, forged); faultCode(w.Body.String()) != "403" || len(g.wp.Calls()) != n {
			t.Errorf("a forged signature: %s", w.Body)
		}
	})
}

// The WordPress checks passwords. Guesses are counted before it is asked.
func TestGatewayPasswords(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, dbURL string) {
		g := openGate(t, dbURL, trusting)
		with := func(password string) *httptest.ResponseRecorder {
			return send(g.Server, secure("wp.getPost", xmlrpc.Int(1), xmlrpc.String("admin"), xmlrpc.String(password), xmlrpc.Int(1)))
		}
		if w := with("app-password"); !strings.Contains(w.Body.String(), "publish") || w.Header().Get("X-Deprecated") == "" {
			t.Fatalf("the right password: %v %s", w.Header(), w.Body)
		}
		for range 60 {
			if w := with("wrong"); faultCode(w.Body.String()) != "403" {
				t.Fatalf("a wrong password: %s", w.Body)
			}
		}
		guesses := 0
		for _, c := range g.wp.Calls() {
			if c.Method == "wp.getProfile" && c.Params[2].Text() == "wrong" {
				guesses++
			}
		}
		if guesses == 0 || guesses > 20 {
			t.Errorf("of 60 guesses %d reached the WordPress", guesses)
		}
	})
}

// A password that was right is not checked again for a while, unless the
// WordPress refuses it.
func TestGatewayRemembersPasswords(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, dbURL string) {
		g := openGate(t, dbURL, trusting)
		try := func(code string, want ...string) {
			t.Helper()
			before := len(g.wp.Calls())
			w := send(g.Server, secure("wp.getPost", xmlrpc.Int(1), xmlrpc.String("admin"), xmlrpc.String("app-password"), xmlrpc.Int(1)))
			if got := g.wp.Methods()[before:]; faultCode(w.Body.String()) != code || !slices.Equal(got, want) {
				t.Errorf("the WordPress was asked %v, want %v: %s", got, want, w.Body)
			}
		}
		try("", "wp.getProfile", "wp.getPost")
		try("", "wp.getPost")
		g.wp.SetPassword("admin", "changed")
		try("403", "wp.getPost", "wp.getUsersBlogs") // its fault shows how logins are refused
		try("403", "wp.getProfile")
		g.wp.SetPassword("admin", "app-password")
		try("", "wp.getProfile", "wp.getPost")
	})
}

// With password-mode refuse, no password reaches the WordPress.
func TestGatewayRefusesPasswords(t *testing.T) {
	g := openGate(t, databasetest.SQLite(t), func(c *server.Config, b *gateway.Config) {
		trusting(c, b)
		c.PasswordMode = auth.ModeRefuse
	})
	w := send(g.Server, secure("wp.getPost", xmlrpc.Int(1), xmlrpc.String("admin"), xmlrpc.String("app-password"), xmlrpc.Int(1)))
	if faultCode(w.Body.String()) != "403" || len(g.wp.Calls()) != 0 {
		t.Errorf("%s, %v", w.Body, g.wp.Methods())
	}
}

// A token, or an application password that was created here, uses the stored
// credential for calls; the WordPress never sees it.
func TestGatewayTokens(t *testing.T) {
	g := openGate(t, databasetest.SQLite(t), trusting)
	_, token, err := g.keys.Apps.CreateToken(t.Context(), audit.Operator, apps.NewToken{UserID: g.user.ID, Kind: apps.AccessToken, Name: "t"})
	if err != nil {
		t.Fatal(err)
	}
	_, password, err := g.keys.Apps.CreateToken(t.Context(), audit.Operator, apps.NewToken{UserID: g.user.ID, Kind: apps.ApplicationPassword, Name: "p"})
	if err != nil {
		t.Fatal(err)
	}
	basic := secure("wp.getPost", args(xmlrpc.Int(1))...)
	basic.SetBasicAuth("admin", token.Reveal())
	for name, r := range map[string]*http.Request{
		"token": basic, "application password": secure("wp.getPost", xmlrpc.Int(1), xmlrpc.String("admin"), xmlrpc.String(password.Reveal()), xmlrpc.Int(1)),
	} {
		w := send(g.Server, r)
		calls := g.wp.Calls()
		if !strings.Contains(w.Body.String(), "publish") || len(calls) == 0 || calls[len(calls)-1].Params[2].Text() != "app-password" {
			t.Errorf("%s: %s", name, w.Body)
		}
	}
}

// Every method is called with every single right, directly and in a multicall:
// calls for which the key lacks the right do not reach the WordPress.
func TestGatewayScopes(t *testing.T) {
	g := openGate(t, databasetest.SQLite(t), nil)
	for _, right := range apps.Rights() {
		signed := g.key(t, apps.New{Scope: apps.Scope{Rights: []apps.Right{right}}})
		for _, m := range methods.All() {
			if m.Protocol || m.Login == methods.NoLogin || len(m.Rights) == 0 || m.SignIn == methods.PasswordOnly || m.SignIn == methods.KeyOnly || m.SignIn == methods.CodeOnly {
				continue
			}
			params := sample(m)
			for _, nested := range []bool{false, true} {
				r := post(m.Name, params...)
				if nested {
					r = post("system.multicall", xmlrpc.Array(xmlrpc.Struct(xmlrpc.M("methodName", xmlrpc.String(m.Name)), xmlrpc.M("params", xmlrpc.Array(params...)))))
				}
				before := len(g.wp.Calls())
				w := send(g.Server, signed(r))
				reached := slices.ContainsFunc(g.wp.Calls()[before:], func(c upstreamtest.Call) bool {
					return c.Method == m.Name || strings.HasSuffix(m.Name, ".getUsersBlogs") && c.Method == "wp.getUsersBlogs"
				})
				allowed := slices.Contains(m.Rights, string(right))
				if !allowed && (reached || faultCode(w.Body.String()) != "403") {
					t.Errorf("%s with %s, nested %v: reached %v, %s", m.Name, right, nested, reached, w.Body)
				}
				if allowed && m.Effect == methods.Reads && !reached {
					t.Errorf("%s with %s, nested %v, was kept back: %s", m.Name, right, nested, w.Body)
				}
			}
		}
	}
}

// sample returns arguments that fit a row.
func sample(m *methods.Method) []xmlrpc.Value {
	var out []xmlrpc.Value
	for i, p := range m.Params {
		switch {
		case i == m.Login || i == m.Login+1:
			out = append(out, xmlrpc.String(""))
		case p.Type == "struct":
			out = append(out, xmlrpc.Struct())
		case p.Type == "array":
			out = append(out, xmlrpc.Array())
		case p.Type == "boolean":
			out = append(out, xmlrpc.Bool(false))
		case p.Type == "int" || strings.HasSuffix(p.Name, "_id"):
			out = append(out, xmlrpc.Int(2))
		default:
			out = append(out, xmlrpc.String("x"))
		}
	}
	return out
}

// A key for drafts cannot publish, whatever form the call has.
func TestGatewayDraftKeysPublishNothing(t *testing.T) {
	g := openGate(t, databasetest.SQLite(t), nil)
	signed := g.key(t, apps.New{Scope: apps.Scope{Rights: []apps.Right{apps.Draft}}})
	before := g.wp.Posts()
	forms := map[string][]xmlrpc.Value{
		"metaWeblog.newPost publish":  args(titled("a"), xmlrpc.Bool(true)),
		"metaWeblog.newPost 1":        args(titled("a"), xmlrpc.Int(1)),
		"metaWeblog.newPost status":   args(titled("a", xmlrpc.M("post_status", xmlrpc.String(" publish "))), xmlrpc.Bool(false)),
		"metaWeblog.newPost word":     args(titled("a"), xmlrpc.String("false")),
		"metaWeblog.newPost nil":      args(titled("a"), xmlrpc.Value{}, xmlrpc.Bool(true)),
		"wp.newPost status":           args(titled("a", xmlrpc.M("post_status", xmlrpc.String("publish")))),
		"wp.newPost private":          args(titled("a", xmlrpc.M("post_status", xmlrpc.String("private")))),
		"wp.newPost another's ID":     args(titled("a", xmlrpc.M("ID", xmlrpc.Int(1)))),
		"wp.editPost published":       args(xmlrpc.Int(1), titled("a")),
		"wp.editPost publish a draft": args(xmlrpc.Int(2), titled("a", xmlrpc.M("post_status", xmlrpc.String("publish")))),
		"wp.editPost ID":              args(xmlrpc.Int(2), titled("a", xmlrpc.M("ID", xmlrpc.String("1")))),
		"wp.deletePost published":     args(xmlrpc.Int(1)),
		"wp.deletePost 1x":            args(xmlrpc.String("1x")),
	}
	for name, params := range forms {
		method, _, _ := strings.Cut(name, " ")
		w := send(g.Server, signed(post(method, params...)))
		for id, p := range g.wp.Posts() {
			if old, ok := before[id]; p.Status == "publish" && !ok || ok && p != old {
				t.Fatalf("%s: post %d is now %+v: %s", name, id, p, w.Body)
			}
		}
		if len(g.wp.Posts()) < len(before) {
			t.Fatalf("%s deleted a post", name)
		}
	}
	if w := send(g.Server, signed(post("wp.newPost", args(titled("fine"))...))); faultCode(w.Body.String()) != "" {
		t.Errorf("a draft: %s", w.Body)
	}
}

// The same creating call is carried out once, and answered twice. If the
// gateway dies in between, the second one gets no result.
func TestGatewayRepeats(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, dbURL string) {
		g := openGate(t, dbURL, nil)
		signed := g.key(t, apps.New{})
		request := func(title string) *http.Request { return signed(post("wp.newPost", args(titled(title))...)) }
		first, second := send(g.Server, request("once")), send(g.Server, request("once"))
		if first.Body.String() != second.Body.String() || len(g.wp.Calls()) != 1 {
			t.Errorf("first %s, second %s, calls %v", first.Body, second.Body, g.wp.Methods())
		}
		if w := send(g.Server, request("twice")); faultCode(w.Body.String()) != "" || len(g.wp.Calls()) != 2 {
			t.Errorf("another call: %s", w.Body)
		}
		// The answer is lost, although the post was created.
		g.wp.PlayLate(func(http.ResponseWriter, string) bool { panic(http.ErrAbortHandler) })
		lost := send(g.Server, request("lost"))
		g.wp.Play(nil)
		g.serve(t, nil) // another process
		again := send(g.Server, request("lost"))
		made := 0
		for _, p := range g.wp.Posts() {
			if p.Title == "lost" {
				made++
			}
		}
		for _, w := range []*httptest.ResponseRecorder{lost, again} {
			if !strings.Contains(w.Body.String(), "not known whether") {
				t.Errorf("a lost answer: %s", w.Body)
			}
		}
		if made != 1 {
			t.Errorf("%d posts were made", made)
		}
		// A call that was certainly not carried out may be sent again.
		g.wp.Play(func(w http.ResponseWriter, _ string) bool { w.WriteHeader(http.StatusForbidden); return true })
		if w := send(g.Server, request("shut")); !strings.Contains(w.Body.String(), "Nothing was changed") {
			t.Errorf("a closed door: %s", w.Body)
		}
		g.wp.Play(nil)
		if w := send(g.Server, request("shut")); faultCode(w.Body.String()) != "" {
			t.Errorf("the door is open again: %s", w.Body)
		}
	})
}

// If the WordPress refuses the stored credential, it is used only once, and the
// client is not told that its own credential is wrong. Any other 403 is passed
// on as 401.
func TestGatewayRefusedCredential(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, dbURL string) {
		g := openGate(t, dbURL, func(_ *server.Config, b *gateway.Config) { b.Allow = map[string]int{"plugin.no": 1} })
		signed := g.key(t, apps.New{})
		if w := send(g.Server, signed(post("plugin.no", args()...))); faultCode(w.Body.String()) != "401" || !strings.Contains(w.Body.String(), "A plugin says no.") {
			t.Errorf("a plugin's refusal: %s", w.Body)
		}
		g.wp.SetPassword("admin", "another")
		before := len(g.wp.Calls())
		for range 5 {
			w := send(g.Server, signed(post("wp.getPost", args(xmlrpc.Int(1))...)))
			if faultCode(w.Body.String()) != "503" {
				t.Errorf("a refused credential: %s", w.Body)
			}
		}
		if n := len(g.wp.Calls()) - before; n != 1 {
			t.Errorf("the refused credential was tried %d times", n)
		}
		if err := g.keys.Apps.SetUpstream(t.Context(), audit.Operator, g.user.ID, apps.Upstream{Login: "admin", Secret: apps.NewSecret("another")}); err != nil {
			t.Fatal(err)
		}
		if w := send(g.Server, signed(post("wp.getPost", args(xmlrpc.Int(1))...))); faultCode(w.Body.String()) != "" {
			t.Errorf("with the new credential: %s", w.Body)
		}
	})
}

// Each recorded bad answer becomes a result, a fault of the WordPress, or a
// fault that states whether the call was carried out. It never becomes a
// refused login.
func TestGatewayBadAnswers(t *testing.T) {
	g := openGate(t, databasetest.SQLite(t), nil)
	signed := g.key(t, apps.New{})
	lines, err := filepath.Glob("../upstream/testdata/lines/*.http")
	if err != nil || len(lines) < 50 {
		t.Fatalf("%d lines, %v", len(lines), err)
	}
	for _, path := range lines {
		name := strings.TrimSuffix(filepath.Base(path), ".http")
		line, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		g.serve(t, nil) // after its breaker has closed
		g.wp.Play(func(w http.ResponseWriter, method string) bool {
			if method != "wp.newPost" {
				return false
			}
			if err := upstreamtest.Line(w, line); err != nil {
				t.Error(err)
			}
			return true
		})
		w := send(g.Server, signed(post("wp.newPost", args(titled(name))...)))
		body := w.Body.String()
		if code := faultCode(body); code == "403" && name != "wrong-password" || !strings.HasPrefix(body, "<?xml") {
			t.Errorf("%s: %s", name, body)
		}
		if _, err := xmlrpc.DecodeResponse(w.Body.Bytes(), xmlrpc.Limits{}); err != nil && faultCode(body) == "" {
			t.Errorf("%s: %v: %s", name, err, body)
		}
		if strings.Contains(body, "app-password") {
			t.Errorf("%s: the answer holds the credential", name)
		}
	}
}

// A WordPress that is down does not get all calls: clients are told when to
// come back, and in each pause one call is tried.
func TestGatewayBreaker(t *testing.T) {
	clock := databasetest.NewClock(time.Now())
	g := openGate(t, databasetest.SQLite(t), func(c *server.Config, b *gateway.Config) {
		c.Clock, b.Clock = clock.Now, clock.Now
	})
	signed := g.key(t, apps.New{})
	get := func() *httptest.ResponseRecorder {
		return send(g.Server, signed(post("wp.getPost", args(xmlrpc.Int(1))...)))
	}
	g.wp.Play(func(w http.ResponseWriter, _ string) bool { w.WriteHeader(http.StatusBadGateway); return true })
	for range 10 {
		get()
	}
	asked := len(g.wp.Calls())
	if w := get(); faultCode(w.Body.String()) != "503" || w.Header().Get("Retry-After") != "5" || asked != 5 {
		t.Errorf("asked %d times; Retry-After %q, %s", asked, w.Header().Get("Retry-After"), w.Body)
	}
	g.wp.Play(nil)
	clock.Add(6 * time.Second)
	for range 2 {
		if w := get(); faultCode(w.Body.String()) != "" {
			t.Errorf("it is up again: %s", w.Body)
		}
	}
}

// The queue is limited: clients that find no place are told to come back.
func TestGatewayQueue(t *testing.T) {
	g := openGate(t, databasetest.SQLite(t), func(_ *server.Config, b *gateway.Config) { b.Calls, b.Wait = 1, 20*time.Millisecond })
	signed := g.key(t, apps.New{})
	busy, free := make(chan struct{}), make(chan struct{})
	g.wp.Play(func(http.ResponseWriter, string) bool { close(busy); <-free; return false })
	done := make(chan *httptest.ResponseRecorder)
	first, second := signed(post("wp.getPost", args(xmlrpc.Int(1))...)), signed(post("wp.getPost", args(xmlrpc.Int(2))...))
	go func() { done <- send(g.Server, first) }()
	<-busy
	if w := send(g.Server, second); faultCode(w.Body.String()) != "503" || w.Header().Get("Retry-After") == "" {
		t.Errorf("a second call: %v %s", w.Header(), w.Body)
	}
	close(free)
	if w := <-done; faultCode(w.Body.String()) != "" {
		t.Errorf("the first call: %s", w.Body)
	}
}
