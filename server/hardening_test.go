package server_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/server"
	"github.com/quillgate/quillgate/server/servertest"
	"github.com/quillgate/quillgate/xmlrpc"
)

// The answers for every route and method forbid sniffing and scripts, forbid
// storing unless the page allows it, allow no other origin, and reveal no
// version.
func TestH7HeadersOnEveryRoute(t *testing.T) {
	s := newServer(t, server.Config{Blog: open(t, "", nil)})
	for _, path := range append(s.Paths(), "/nothing", "/xmlrpc.php?rsd", "/xmlrpc.php/more", "/wp-content/uploads/2024/none.png", "/debug/vars") {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PROPFIND"} {
			r := httptest.NewRequest(method, path, nil)
			r.Header.Set("Origin", "https://elsewhere.example")
			r.Header.Set("Access-Control-Request-Method", "POST")
			w := send(s, r)
			h := w.Header()
			if h.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s %s: X-Content-Type-Options is %q", method, path, h.Get("X-Content-Type-Options"))
			}
			if !strings.HasPrefix(h.Get("Content-Security-Policy"), "default-src 'none'") {
				t.Errorf("%s %s: Content-Security-Policy is %q", method, path, h.Get("Content-Security-Policy"))
			}
			if h.Get("Cache-Control") == "" {
				t.Errorf("%s %s: no Cache-Control", method, path)
			}
			for name, values := range h {
				if strings.HasPrefix(name, "Access-Control-") || name == "Server" || name == "X-Powered-By" ||
					strings.Contains(strings.ToLower(strings.Join(values, " ")), "quillgate/") {
					t.Errorf("%s %s: the answer has %s: %q", method, path, name, values)
				}
			}
		}
	}
}

// The endpoint accepts POST only, and nothing outside the table is served.
func TestH4FixedSurface(t *testing.T) {
	s := newServer(t, server.Config{Blog: open(t, "", nil)})
	for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"} {
		w := send(s, httptest.NewRequest(method, "/xmlrpc.php", nil))
		if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "POST" {
			t.Errorf("%s: got %d, Allow %q; want 405, POST", method, w.Code, w.Header().Get("Allow"))
		}
	}
	for _, path := range []string{
		"/debug/pprof/", "/debug/vars", "/metrics", "/XMLRPC.PHP", "/xmlrpc.php%00", "/keyset", "/.well-known/acme-challenge/x",
		"/wp-admin/admin-ajax.php", "/wp-admin/install.php", "/wp-json/", "/?rest_route=/", "/wp-content/uploads/../quillgate.db", "/wp-content/uploads/%2e%2e/keyset", "/wp-content/uploads/",
	} {
		if w := send(s, httptest.NewRequest("GET", path, nil)); w.Code != http.StatusNotFound {
			t.Errorf("GET %s: got %d, want 404", path, w.Code)
		}
	}
}

// A panic affects one request: the client gets an id, under which the log has
// the stack.
func TestH14PanicIsContained(t *testing.T) {
	var log servertest.Log
	s := newServer(t, server.Config{Blog: open(t, "", nil), Logger: servertest.Logger(&log)})
	calls, err := xmlrpc.New(xmlrpc.Config[string]{Log: servertest.Logger(&log), SpoolDir: t.TempDir(), Methods: []xmlrpc.Method[string]{
		{Name: "test.panic", Func: func(context.Context, *xmlrpc.Call[string]) (xmlrpc.Value, error) { panic("the inside") }},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name    string
		handler http.Handler
		status  int
		want    string
	}{
		{"a method", calls, 200, "-32603"},
		{"a page", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("the inside") }), 500, "under request "},
	} {
		w := httptest.NewRecorder()
		s.Wrap(tt.handler).ServeHTTP(w, post("test.panic"))
		text := w.Body.String()
		if w.Code != tt.status || !strings.Contains(text, tt.want) || strings.Contains(text, "the inside") || strings.Contains(text, "goroutine") {
			t.Errorf("%s: got %d %s", tt.name, w.Code, text)
		}
		if h := w.Header(); h.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(log.String(), "request="+h.Get("X-Request-Id")) {
			t.Errorf("%s: the headers are %v, the log is\n%s", tt.name, h, &log)
		}
		if !strings.Contains(log.String(), "hardening_test.go") || !strings.Contains(log.String(), "the inside") {
			t.Errorf("%s: the log lacks the stack:\n%s", tt.name, &log)
		}
	}
}

// A row that cannot be opened disables its key only.
func TestH14CorruptedKeyRow(t *testing.T) {
	ctx := t.Context()
	blog := open(t, "", nil)
	s := newServer(t, server.Config{Blog: blog})
	user, err := blog.Users.ByLogin(ctx, "ada")
	if err != nil {
		t.Fatal(err)
	}
	signedCall := func() (string, func() string) {
		app, secret := servertest.Key(t, blog.Keys, apps.New{UserID: user.ID, Name: "Program"})
		return app.Public, func() string {
			r := post("wp.getUsersBlogs", xmlrpc.String(""), xmlrpc.String(""))
			sign(r, app.Public, secret.Reveal())
			return send(s, r).Body.String()
		}
	}
	broken, callBroken := signedCall()
	_, callWhole := signedCall()
	if _, err := blog.DB.Exec(ctx, `UPDATE apps SET secret = $2 WHERE public = $1`, broken, []byte("no ciphertext")); err != nil {
		t.Fatal(err)
	}
	if got := callBroken(); !strings.Contains(got, "<int>403</int>") {
		t.Errorf("the corrupted key: %s", got)
	}
	if got := callWhole(); !strings.Contains(got, "blogName") {
		t.Errorf("the other key: %s", got)
	}
}

// Refusals say when to come back, and have an HTTP status of their own if the
// operator wants that.
func TestH5Refusals(t *testing.T) {
	for _, withStatus := range []bool{false, true} {
		s := newServer(t, server.Config{Blog: open(t, "", nil), FaultStatus: withStatus})
		login := func(password string) *httptest.ResponseRecorder {
			return send(s, post("wp.getUsersBlogs", xmlrpc.String("ada"), xmlrpc.String(password)))
		}
		expect := func(name string, w *httptest.ResponseRecorder, code string, status int) {
			t.Helper()
			if !withStatus {
				status = http.StatusOK
			}
			if w.Code != status || !strings.Contains(w.Body.String(), "<int>"+code+"</int>") || w.Header().Get("Content-Type") != "text/xml; charset=UTF-8" {
				t.Errorf("%s, statuses %v: got %d %s, want %d with fault %s", name, withStatus, w.Code, w.Body, status, code)
			}
			if needs := w.Code == http.StatusUnauthorized; needs != (w.Header().Get("WWW-Authenticate") != "") {
				t.Errorf("%s: status %d with WWW-Authenticate %q", name, w.Code, w.Header().Get("WWW-Authenticate"))
			}
		}
		expect("wrong password", login("wrong"), "403", http.StatusUnauthorized)
		r := post("wp.getUsersBlogs", xmlrpc.String("ada"), xmlrpc.String(password))
		r.RemoteAddr = "192.0.2.1:99"
		expect("clear text", send(s, r), "403", http.StatusForbidden)
		r = post("wp.getUsersBlogs")
		sign(r, strings.Repeat("0", 32), "no secret")
		expect("unknown key", send(s, r), "403", http.StatusUnauthorized)
		w := login(password)
		if w.Code != http.StatusOK || w.Header().Get("Retry-After") != "" {
			t.Errorf("right password: got %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
		}
		for range 20 {
			if w = login("wrong"); w.Header().Get("Retry-After") != "" {
				break
			}
		}
		expect("throttled", w, "403", http.StatusTooManyRequests)
		if got := w.Header().Get("Retry-After"); got == "" || got == "0" {
			t.Errorf("throttled: Retry-After is %q", got)
		}
	}
}

// Requests through a proxy that is not trusted must not count as coming from
// this machine.
func TestA6UnlistedProxyIsNotThisMachine(t *testing.T) {
	var log servertest.Log
	s := newServer(t, server.Config{Blog: open(t, "", nil), Logger: servertest.Logger(&log)})
	for _, tt := range []struct{ field, value, want string }{
		{"", "", "blogName"},
		{"X-Forwarded-For", "198.51.100.9", "https only"},
		{"X-Forwarded-For", "127.0.0.1", "https only"},
		{"X-Forwarded-Proto", "https", "https only"},
		{"Forwarded", "for=198.51.100.9;proto=https", "https only"},
	} {
		r := post("wp.getUsersBlogs", xmlrpc.String("ada"), xmlrpc.String(password))
		if tt.field != "" {
			r.Header.Set(tt.field, tt.value)
		}
		if got := send(s, r).Body.String(); !strings.Contains(got, tt.want) {
			t.Errorf("%s: %s\n%s\nwant %q", tt.field, tt.value, got, tt.want)
		}
	}
	if n := strings.Count(log.String(), "--trusted-proxies"); n != 1 {
		t.Errorf("the log says %d times what to set, want once:\n%s", n, &log)
	}
}

// Under ten times its capacity the server stays healthy, refuses the excess,
// and recovers when the flood ends.
func TestH8Overload(t *testing.T) {
	blog := open(t, "", nil)
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	s := newServer(t, server.Config{Blog: blog, Calls: 1, ThrottleExempt: loopback})
	listener := listen(t)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, server.Listeners{Plain: listener}) }()
	base := "http://" + listener.Addr().String()
	get(t, base+"/healthz")
	send(s, post("wp.getUsersBlogs", xmlrpc.String("ada"), xmlrpc.String(password))) // the first call starts the goroutine that writes the use
	http.DefaultClient.CloseIdleConnections()
	before := settled(t, 1<<30)

	transport := &http.Transport{MaxIdleConnsPerHost: 50}
	client := &http.Client{Transport: transport, Timeout: time.Minute}
	statuses := make(map[int]int)
	var mu sync.Mutex
	var flood sync.WaitGroup
	for i := range 50 {
		flood.Go(func() {
			for j := range 4 {
				call := xmlrpc.AppendCall(nil, "wp.getUsersBlogs", xmlrpc.String("ada"), xmlrpc.String(fmt.Sprintf("guess %d %d", i, j)))
				resp, err := client.Post(base+"/xmlrpc.php", "text/xml", bytes.NewReader(call))
				if err != nil {
					t.Errorf("call: %v", err)
					return
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if resp.StatusCode == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") == "" {
					t.Error("503 without Retry-After")
				}
				mu.Lock()
				statuses[resp.StatusCode]++
				mu.Unlock()
			}
		})
	}
	for range 20 {
		if got := get(t, base+"/healthz"); got != "ok\n" {
			t.Errorf("health under load: %q", got)
		}
	}
	flood.Wait()
	if statuses[200] == 0 || statuses[503] == 0 || statuses[200]+statuses[503] != 200 {
		t.Errorf("statuses %v, want some of 200 and of 503 and no other", statuses)
	}
	if w := send(s, post("wp.getUsersBlogs", xmlrpc.String("ada"), xmlrpc.String(password))); !strings.Contains(w.Body.String(), "blogName") {
		t.Errorf("after the flood: %d %s", w.Code, w.Body)
	}
	transport.CloseIdleConnections()
	http.DefaultClient.CloseIdleConnections()
	if after := settled(t, before+before/10); after > before+before/10 {
		t.Errorf("%d goroutines before, %d after", before, after)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// settled waits until the number of goroutines is stable and at most most, and
// returns it. It waits at most a minute.
func settled(t *testing.T, most int) int {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	last, same := 0, 0
	for range 3000 {
		n := runtime.NumGoroutine()
		if n == last {
			same++
		} else {
			last, same = n, 0
		}
		if n <= most && same >= 5 {
			break
		}
		<-tick.C
	}
	return last
}

// sign adds the header of the plain scheme to a request of post.
func sign(r *http.Request, public, secret string) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.Header.Set("Authorization", public+"||"+digest(secret+digest(secret+string(body))))
}

func digest(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }

// If a proxy removes the Authorization field, the other field is read if the
// operator wants that, and never together with the first.
func TestS16HeaderFallback(t *testing.T) {
	ctx := t.Context()
	for _, allowed := range []bool{false, true} {
		blog := open(t, "", nil)
		s := newServer(t, server.Config{Blog: blog, AuthorizationFallback: allowed})
		user, err := blog.Users.ByLogin(ctx, "ada")
		if err != nil {
			t.Fatal(err)
		}
		app, secret := servertest.Key(t, blog.Keys, apps.New{UserID: user.ID, Name: "Program"})
		behind := httptest.NewServer(s.Handler())
		defer behind.Close()
		stripping := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme, p.Out.URL.Host = "http", behind.Listener.Addr().String()
			p.Out.Header.Del("Authorization")
		}})
		defer stripping.Close()
		for _, tt := range []struct {
			name, url       string
			fields          []string
			wrong           bool
			without, within string // content of the answer without and with the setting
		}{
			{"stripped", stripping.URL, []string{"Authorization"}, false, "<int>403</int>", "<int>403</int>"},
			{"the other field", stripping.URL, []string{auth.FallbackField}, false, "<int>403</int>", "blogName"},
			{"the other field, wrong", stripping.URL, []string{auth.FallbackField}, true, "<int>403</int>", "<int>403</int>"},
			{"both, one stripped", stripping.URL, []string{"Authorization", auth.FallbackField}, false, "<int>403</int>", "blogName"},
			{"both", behind.URL, []string{"Authorization", auth.FallbackField}, false, "blogName", "<int>403</int>"},
			{"twice", behind.URL, []string{auth.FallbackField, auth.FallbackField}, false, "<int>403</int>", "<int>403</int>"},
		} {
			body := string(xmlrpc.AppendCall(nil, "wp.getUsersBlogs", xmlrpc.String(""), xmlrpc.String("")))
			value := app.Public + "||" + digest(secret.Reveal()+digest(secret.Reveal()+body))
			if tt.wrong {
				value = app.Public + "||" + digest(body)
			}
			r, err := http.NewRequest("POST", tt.url+"/xmlrpc.php", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			for _, field := range tt.fields {
				r.Header.Add(field, value)
			}
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			want := tt.without
			if allowed {
				want = tt.within
			}
			if err != nil || !strings.Contains(string(text), want) {
				t.Errorf("%s, allowed %v: %v %s, want %q", tt.name, allowed, err, text, want)
			}
		}
	}
}
