package server_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/gateway"
	"github.com/quillgate/quillgate/methods"
	"github.com/quillgate/quillgate/server"
	"github.com/quillgate/quillgate/server/servertest"
	"github.com/quillgate/quillgate/signer"
	"github.com/quillgate/quillgate/xmlrpc"
)

// The gateway serves discovery documents that lead to it. Methods of plugins,
// pingbacks and methods of the table without a login do not pass.
func TestGatewayDiscoveryAndMethods(t *testing.T) {
	g := openGate(t, databasetest.SQLite(t), nil)
	for path, want := range map[string]string{"/xmlrpc.php?rsd": `apiLink="https://blog.example/xmlrpc.php"`, "/wp-includes/wlwmanifest.xml": "<manifest"} {
		w := send(g.Server, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != 200 || !strings.Contains(w.Body.String(), want) || strings.Contains(w.Body.String(), "WP-API") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	signed := g.key(t, apps.New{})
	for _, name := range []string{"pingback.ping", "pingback.extensions.getPingbacks", "ngg.getImages", "jetpack.testConnection"} {
		if w := send(g.Server, signed(post(name, xmlrpc.String("http://a/"), xmlrpc.String("http://b/")))); faultCode(w.Body.String()) != "-32601" {
			t.Errorf("%s: %s", name, w.Body)
		}
	}
	if n := len(g.wp.Calls()); n != 0 {
		t.Errorf("%d calls reached the WordPress", n)
	}
}

// Methods that the operator allows keep their arguments, in the gateway's own
// form.
func TestGatewayAllowedMethods(t *testing.T) {
	g := openGate(t, databasetest.SQLite(t), func(_ *server.Config, b *gateway.Config) {
		b.Allow = map[string]int{"ngg.getImages": 1, "old.list": methods.NoLogin}
	})
	signed := g.key(t, apps.New{})
	send(g.Server, signed(post("ngg.getImages", args(xmlrpc.Int(5), xmlrpc.Value{}, xmlrpc.String("z"))...)))
	calls := g.wp.Calls()
	if len(calls) != 1 || len(calls[0].Params) != 6 || calls[0].Params[2].Text() != "app-password" || calls[0].Params[3].Int64() != 5 || calls[0].Params[5].Text() != "z" {
		t.Errorf("%+v", calls)
	}
	limited := g.key(t, apps.New{Scope: apps.Scope{Rights: []apps.Right{apps.Publish}}})
	if w := send(g.Server, limited(post("ngg.getImages", args()...))); faultCode(w.Body.String()) != "403" {
		t.Errorf("a limited key: %s", w.Body)
	}
	if w := send(g.Server, signed(post("old.list"))); faultCode(w.Body.String()) == "-32601" {
		t.Errorf("a method without a login: %s", w.Body)
	}
}

// A client can create a key once with the WordPress user's own password.
func TestGatewayCreateApplication(t *testing.T) {
	g := openGate(t, databasetest.SQLite(t), trusting)
	g.wp.SetPassword("eve", "eve-password")
	create := func(password string) string {
		return send(g.Server, secure("xmlrpcs.createApplication", xmlrpc.Int(1), xmlrpc.String("eve"), xmlrpc.String(password), xmlrpc.String("Live Writer"))).Body.String()
	}
	if body := create("wrong"); faultCode(body) != "403" {
		t.Errorf("a wrong password: %s", body)
	}
	limited := send(g.Server, secure("xmlrpcs.createApplication", xmlrpc.Int(1), xmlrpc.String("eve"), xmlrpc.String("eve-password"), xmlrpc.String("Drafts"),
		xmlrpc.Struct(xmlrpc.M("scope", xmlrpc.String("draft")))))
	if v, err := xmlrpc.DecodeResponse(limited.Body.Bytes(), xmlrpc.Limits{}); err != nil {
		t.Errorf("a limited key: %v", err)
	} else if app, err := g.keys.Apps.Get(t.Context(), v.Get("key").Text()); err != nil || !slices.Equal(app.Scope.Rights, []apps.Right{apps.Draft}) {
		t.Errorf("a limited key: %+v, %v", app.Scope, err)
	}
	odd := send(g.Server, secure("xmlrpcs.createApplication", xmlrpc.Int(1), xmlrpc.String("eve"), xmlrpc.String("eve-password"), xmlrpc.String("Odd"),
		xmlrpc.Struct(xmlrpc.M("limit", xmlrpc.String("draft")))))
	if faultCode(odd.Body.String()) != "400" {
		t.Errorf("an unknown limit: %s", odd.Body)
	}
	v, err := xmlrpc.DecodeResponse([]byte(create("eve-password")), xmlrpc.Limits{})
	if err != nil || v.Get("key").Text() == "" {
		t.Fatalf("%v %v", v, err)
	}
	r := post("wp.getPost", args(xmlrpc.Int(1))...)
	sign(r, v.Get("key").Text(), v.Get("secret").Text())
	if w := send(g.Server, r); !strings.Contains(w.Body.String(), "publish") {
		t.Errorf("the new key: %s", w.Body)
	}
	if calls := g.wp.Calls(); calls[len(calls)-1].Params[1].Text() != "eve" {
		t.Error(fmt.Sprint(calls[len(calls)-1].Params))
	}
}

// A strict request passes once, and its answer is signed on request, even a
// fault of the WordPress.
func TestGatewayStrictRequests(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, dbURL string) {
		g := openGate(t, dbURL, nil)
		app, secret := servertest.Key(t, g.keys, apps.New{UserID: g.user.ID, Name: "strict", Strict: true})
		var mu sync.Mutex
		var sent *http.Request
		var body []byte
		client := http.Client{Transport: &signer.Transport{
			Public: app.Public, Secret: secret.Reveal(), Scheme: signer.MessageSignatures, Answers: true,
			Base: roundTrip(func(r *http.Request) (*http.Response, error) {
				mu.Lock()
				defer mu.Unlock()
				body, _ = io.ReadAll(r.Body)
				sent = r.Clone(r.Context())
				return strictly(g.Server, sent, body).Result(), nil
			}),
		}}
		for _, id := range []int64{1, 404} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://blog.example/xmlrpc.php", bytes.NewReader(xmlrpc.AppendCall(nil, "wp.getPost", args(xmlrpc.Int(id))...)))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "text/xml")
			resp, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(resp.Body)
			if err != nil || (faultCode(string(text)) == "404") != (id == 404) {
				t.Errorf("post %d: %v %s", id, err, text)
			}
			before := len(g.wp.Calls())
			for range 3 {
				if w := strictly(g.Server, sent, body); faultCode(w.Body.String()) != "403" || len(g.wp.Calls()) != before {
					t.Errorf("a copy: %s", w.Body)
				}
			}
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// strictly passes a client's request to the server.
func strictly(s *server.Server, r *http.Request, body []byte) *httptest.ResponseRecorder {
	in := httptest.NewRequest(r.Method, r.URL.String(), bytes.NewReader(body))
	in.Header, in.RemoteAddr = r.Header.Clone(), "127.0.0.1:1234"
	return send(s, in)
}

// A file of 60 MB passes with little memory.
func TestGatewayLargeUpload(t *testing.T) {
	g := openGate(t, databasetest.SQLite(t), func(c *server.Config, _ *gateway.Config) { c.MaxBody = 128 << 20 })
	var size int64
	g.wp.Upload = func(n int64) { size = n }
	signed := g.key(t, apps.New{})
	r := signed(post("metaWeblog.newMediaObject", args(xmlrpc.Struct(xmlrpc.M("name", xmlrpc.String("film.mp4")), xmlrpc.M("type", xmlrpc.String("video/mp4")),
		xmlrpc.M("bits", xmlrpc.Bytes(make([]byte, 60<<20)))))...))
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	w := send(g.Server, r)
	runtime.ReadMemStats(&after)
	if faultCode(w.Body.String()) != "" || size < 80<<20 {
		t.Errorf("%d bytes came: %s", size, w.Body)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 40<<20 {
		t.Errorf("%d MB were allocated on the way", took>>20)
	}
}

// Each call of a batch is checked separately: a call that the key may not make
// becomes a fault in its place, and the others are carried out, only once even
// if the batch is sent again.
func TestGatewayMulticall(t *testing.T) {
	g := openGate(t, databasetest.SQLite(t), nil)
	signed := g.key(t, apps.New{Scope: apps.Scope{Rights: []apps.Right{apps.Draft}}})
	call := func(status string) xmlrpc.Value {
		return xmlrpc.Struct(xmlrpc.M("methodName", xmlrpc.String("wp.newPost")), xmlrpc.M("params", xmlrpc.Array(args(titled("x", xmlrpc.M("post_status", xmlrpc.String(status))))...)))
	}
	var first string
	for range 2 {
		w := send(g.Server, signed(post("system.multicall", xmlrpc.Array(call("draft"), call("publish"), call("draft")))))
		v, err := xmlrpc.DecodeResponse(w.Body.Bytes(), xmlrpc.Limits{})
		if err != nil || v.Len() != 3 {
			t.Fatalf("%v: %s", err, w.Body)
		}
		if v.Index(0).Index(0).Text() != "4" || v.Index(1).Get("faultCode").Int64() != 403 || v.Index(2).Index(0).Text() != "5" {
			t.Errorf("%s", w.Body)
		}
		if first == "" {
			first = w.Body.String()
		}
		if w.Body.String() != first || len(g.wp.Calls()) != 2 {
			t.Errorf("again: %v, %s", g.wp.Methods(), w.Body)
		}
	}
}

// The filter for fail2ban finds the refusals in the log, with the client's
// address, and nothing else, even if an attacker imitates a log line.
func TestGatewayRefusalsForFail2ban(t *testing.T) {
	text, err := os.ReadFile("../deploy/fail2ban/filter.d/quillgate.conf")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^failregex = (.*)$`).FindSubmatch(text)
	if m == nil {
		t.Fatal("the filter has no failregex")
	}
	filter := regexp.MustCompile(strings.Replace(string(m[1]), "<ADDR>", `(\S+)`, 1))
	var log bytes.Buffer
	g := openGate(t, databasetest.SQLite(t), func(c *server.Config, b *gateway.Config) {
		trusting(c, b)
		c.Logger = slog.New(server.LogHandler(slog.NewTextHandler(&log, nil)))
	})
	signed := g.key(t, apps.New{})
	forged := secure("wp.getPost", args(xmlrpc.Int(1))...)
	forged.Header.Set("Authorization", strings.Repeat("0", 32)+"||"+strings.Repeat("0", 64))
	wrong := secure("wp.getPost", xmlrpc.Int(1), xmlrpc.String("admin"), xmlrpc.String("wrong"), xmlrpc.Int(1))
	lie := signed(secure("x msg=answered client=198.51.100.1 refusal=wrong-password", args()...))
	lie.Header.Set("User-Agent", "msg=answered client=198.51.100.1 http=POST refusal=wrong-password")
	good := signed(secure("wp.getPost", args(xmlrpc.Int(1))...))
	for _, c := range []struct {
		name string
		r    *http.Request
		want int
	}{{"unknown key", forged, 1}, {"wrong password", wrong, 1}, {"lie", lie, 0}, {"good", good, 0}} {
		log.Reset()
		send(g.Server, c.r)
		found := 0
		for line := range strings.Lines(log.String()) {
			if m := filter.FindStringSubmatch(strings.TrimSuffix(line, "\n")); m != nil {
				found++
				if m[1] != "192.0.2.7" {
					t.Errorf("%s: the address is %s: %s", c.name, m[1], line)
				}
			}
		}
		if found != c.want {
			t.Errorf("%s: the filter finds %d refusals in %s", c.name, found, log.String())
		}
	}
}

// All calls of a multicall are checked before the first is sent, and each
// refused call has its fault in its place.
func TestGatewayChecksBatchesFirst(t *testing.T) {
	g := openGate(t, databasetest.SQLite(t), nil)
	signed := g.key(t, apps.New{Scope: apps.Scope{Rights: []apps.Right{apps.Draft}}})
	call := func(method string, params ...xmlrpc.Value) xmlrpc.Value {
		return xmlrpc.Struct(xmlrpc.M("methodName", xmlrpc.String(method)), xmlrpc.M("params", xmlrpc.Array(params...)))
	}
	w := send(g.Server, signed(post("system.multicall", xmlrpc.Array(
		call("wp.newPost", args(titled("One"))...),
		call("wp.editPost", args(xmlrpc.Int(2), titled("Two"))...),
		call("wp.editPost", args(xmlrpc.Array(), titled("An array as id"))...),
		call("wp.editPost", args(xmlrpc.Int(1), titled("Published"))...),
		xmlrpc.Struct(xmlrpc.M("methodName", xmlrpc.String("wp.newPost")), xmlrpc.M("params", xmlrpc.String("no list"))),
		call("system.multicall", xmlrpc.Array()),
		call("no.such"),
		call("wp.newPost", args(titled("Last"))...),
	))))
	if got, want := strings.Join(g.wp.Methods(), " "), "wp.getPost wp.getPost wp.newPost wp.editPost wp.newPost"; got != want {
		t.Errorf("the WordPress was asked %s, want %s", got, want)
	}
	var codes []string
	for _, m := range regexp.MustCompile(`<int>(-?\d+)</int>|<string>(\d)</string>|<boolean>(1)</boolean>`).FindAllStringSubmatch(w.Body.String(), -1) {
		codes = append(codes, m[1]+m[2]+m[3])
	}
	if got, want := strings.Join(codes, " "), "4 1 -32602 403 -32602 -32600 -32601 5"; got != want {
		t.Errorf("the answers are %s, want %s\n%s", got, want, w.Body)
	}
}

// A client manages its own key at the gateway as at a server, without a call to
// the WordPress.
func TestGatewayOwnKeys(t *testing.T) {
	g := openGate(t, databasetest.SQLite(t), trusting)
	app, secret := servertest.Key(t, g.keys, apps.New{UserID: g.user.ID, Name: "MarsEdit", Scope: apps.Scope{Rights: []apps.Right{apps.Draft}}})
	ask := func(public, secret, method string, params ...xmlrpc.Value) (xmlrpc.Value, string) {
		t.Helper()
		r := secure(method, params...)
		sign(r, public, secret)
		body := send(g.Server, r).Body.String()
		v, err := xmlrpc.DecodeResponse([]byte(body), xmlrpc.Limits{})
		if err != nil {
			v = xmlrpc.Value{}
		}
		return v, faultCode(body)
	}
	v, _ := ask(app.Public, secret.Reveal(), "xmlrpcs.introspect")
	if v.Get("key").Text() != app.Public || v.Get("user").Get("username").Text() != "admin" || v.Get("blogs").Elements()[0].Get("xmlrpc").Text() != "https://blog.example/xmlrpc.php" {
		t.Errorf("introspect: %v", v)
	}
	next, code := ask(app.Public, secret.Reveal(), "xmlrpcs.rotate", xmlrpc.Int(1))
	if next.Get("secret").Text() == "" {
		t.Fatalf("rotate: %v %s", next, code)
	}
	if _, code := ask(app.Public, secret.Reveal(), "xmlrpcs.rotate", xmlrpc.Int(1)); code != "409" {
		t.Errorf("rotate again: %s", code)
	}
	public, fresh := next.Get("key").Text(), next.Get("secret").Text()
	if v, code := ask(public, fresh, "xmlrpcs.revoke"); !v.Bool() {
		t.Errorf("revoke: %s", code)
	}
	if _, code := ask(public, fresh, "xmlrpcs.introspect"); code != "403" {
		t.Errorf("after the revocation: %s", code)
	}
	enrol := func(code string) string {
		return send(g.Server, secure("xmlrpcs.enrol", xmlrpc.String(code), xmlrpc.String("n"), xmlrpc.String("ed25519"), xmlrpc.String(verification))).Body.String()
	}
	if body := enrol("wrong"); faultCode(body) != "403" {
		t.Errorf("enrol with a wrong code: %s", body)
	}
	code2, _, err := g.keys.Apps.OpenEnrolment(t.Context(), audit.Operator, apps.New{UserID: g.user.ID}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if body := enrol(code2.Reveal()); !strings.Contains(body, "ed25519") {
		t.Errorf("enrol: %s", body)
	}
	if w := send(g.Server, httptest.NewRequest(http.MethodGet, "/.well-known/quillgate", nil)); !strings.Contains(w.Body.String(), `"endpoint":"https://blog.example/xmlrpc.php","authorize":"https://blog.example/quillgate/authorize"`) {
		t.Errorf("/.well-known/quillgate: %s", w.Body)
	}
	if n := len(g.wp.Calls()); n != 0 {
		t.Errorf("the WordPress was asked %v", g.wp.Methods())
	}
}

// verification is the public half of an Ed25519 key, from RFC 8410 section
// 10.1.
const verification = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n"
