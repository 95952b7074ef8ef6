package server_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/auth/authtest"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/permalink"
	"github.com/quillgate/quillgate/server"
	"github.com/quillgate/quillgate/server/servertest"
	"github.com/quillgate/quillgate/xmlrpc"
)

const password = servertest.Password

// open opens a blog with the user ada. An empty database means SQLite.
func open(t testing.TB, database string, log *slog.Logger) *server.Blog {
	t.Helper()
	blog := servertest.OpenBlog(t, database, server.BlogConfig{BaseURL: "http://blog.example", Logger: log})
	servertest.User(t, blog.Keys, "ada", auth.Administrator)
	return blog
}

func newServer(t testing.TB, cfg server.Config) *server.Server {
	t.Helper()
	s, err := server.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func send(s *server.Server, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

func post(method string, params ...xmlrpc.Value) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/xmlrpc.php", bytes.NewReader(xmlrpc.AppendCall(nil, method, params...)))
	r.RemoteAddr = "127.0.0.1:1234"
	return r
}

func TestRoutes(t *testing.T) {
	s := newServer(t, server.Config{Blog: open(t, "", nil)})
	tests := []struct {
		method, target string
		status         int
		kind, contains string
	}{
		{"GET", "/", 200, "text/html; charset=UTF-8", `<link rel="EditURI" type="application/rsd+xml" title="RSD" href="http://blog.example/xmlrpc.php?rsd" />`},
		{"GET", "/", 200, "text/html; charset=UTF-8", `name="generator" content="WordPress `},
		{"GET", "/", 200, "text/html; charset=UTF-8", `<link rel="pingback" href="http://blog.example/xmlrpc.php" />`},
		{"GET", "/", 200, "text/html; charset=UTF-8", `<link rel="wlwmanifest" type="application/wlwmanifest+xml" href="http://blog.example/wp-includes/wlwmanifest.xml" />`},
		{"HEAD", "/", 200, "text/html; charset=UTF-8", ""},
		{"GET", "/nothing/here", 404, "text/html; charset=UTF-8", "nothing at this address"},
		{"GET", "/?p=999", 404, "text/html; charset=UTF-8", ""},
		{"POST", "/", 404, "text/plain; charset=utf-8", ""},
		{"GET", "/xmlrpc.php", 405, "text/plain;charset=UTF-8", "XML-RPC server accepts POST requests only."},
		{"POST", "/xmlrpc.php", 200, "text/xml; charset=UTF-8", "-32700"},
		{"GET", "/xmlrpc.php?rsd", 200, "text/xml; charset=UTF-8", `<api name="WordPress" blogID="1" preferred="true" apiLink="http://blog.example/xmlrpc.php" />`},
		{"POST", "/xmlrpc.php?rsd", 200, "text/xml; charset=UTF-8", "<engineName>WordPress</engineName>"},
		{"GET", "/wp-includes/wlwmanifest.xml", 200, "application/wlwmanifest+xml; charset=utf-8", "<clientType>WordPress</clientType>"},
		{"GET", "/wlwmanifest.xml", 200, "application/wlwmanifest+xml; charset=utf-8", "<supportsKeywords>Yes</supportsKeywords>"},
		{"GET", "/style.css", 200, "text/css; charset=utf-8", ""},
		{"GET", "/wp-content/uploads/2024/01/none.png", 404, "text/plain; charset=utf-8", ""},
		{"GET", "/healthz", 200, "text/plain; charset=utf-8", "ok"},
		{"GET", "/readyz", 200, "text/plain; charset=utf-8", "ready"},
		{"GET", "//xmlrpc.php", 405, "text/plain;charset=UTF-8", "XML-RPC server accepts POST requests only."}, // no redirect, which would turn a POST into a GET
		{"GET", "///xmlrpc.php", 405, "text/plain;charset=UTF-8", ""},
		{"GET", "/./xmlrpc.php", 405, "text/plain;charset=UTF-8", ""},
		{"GET", "/xmlrpc.php/", 405, "text/plain;charset=UTF-8", ""},
		{"GET", "/.//xmlrpc.php/x/", 405, "text/plain;charset=UTF-8", ""},
		{"POST", "//xmlrpc.php", 200, "text/xml; charset=UTF-8", ""},
		{"POST", "/xmlrpc.php/x", 200, "text/xml; charset=UTF-8", ""},
		{"GET", "//xmlrpc.php?rsd", 200, "text/xml; charset=UTF-8", "<engineName>WordPress</engineName>"},
		{"GET", "//wp-includes//wlwmanifest.xml", 200, "application/wlwmanifest+xml; charset=utf-8", ""},
		{"GET", "/a/../xmlrpc.php", 404, "text/html; charset=UTF-8", ""},
		{"GET", "/..//xmlrpc.php", 404, "text/html; charset=UTF-8", ""},
		{"GET", "/xmlrpc.phpx", 404, "text/html; charset=UTF-8", ""},
		{"GET", "/wp-json/wp/v2/posts", 404, "application/json; charset=utf-8", `"status":404`},
		{"POST", "/wp-json", 404, "application/json; charset=utf-8", ""},
		{"GET", "/?rest_route=/wp/v2", 404, "application/json; charset=utf-8", ""},
		{"GET", "/index.php?rest_route=/", 404, "application/json; charset=utf-8", ""},
		{"GET", "/wp-login.php", 303, "text/html; charset=utf-8", "/signin"},
		{"GET", "/wp-admin/", 303, "text/html; charset=utf-8", "/profile"},
		{"GET", "/wp-admin", 303, "text/html; charset=utf-8", "/profile"},
		{"GET", "/wp-admin/edit-comments.php", 303, "text/html; charset=utf-8", "/admin/comments"},
		{"GET", "/wp-admin/options-permalink.php", 303, "text/html; charset=utf-8", "/admin/settings"},
		{"GET", "/wp-admin/edit.php?post_type=page", 303, "text/html; charset=utf-8", "/admin/pages"},
		{"GET", "/wp-admin/upload.php", 303, "text/html; charset=utf-8", "/admin/media"},
		{"GET", "/.well-known/change-password", 303, "text/html; charset=utf-8", "/profile/security"},
		{"POST", "/wp-admin/", 404, "text/plain; charset=utf-8", ""},
		{"GET", "/debug/pprof/", 404, "text/html; charset=UTF-8", ""},
		{"GET", "/metrics", 404, "text/html; charset=UTF-8", ""},
		{"GET", "/quillgate.db", 404, "text/html; charset=UTF-8", ""},
	}
	for _, tt := range tests {
		t.Run(tt.method+" "+tt.target, func(t *testing.T) {
			w := send(s, httptest.NewRequest(tt.method, tt.target, nil))
			if w.Code != tt.status || w.Header().Get("Content-Type") != tt.kind || !strings.Contains(w.Body.String(), tt.contains) {
				t.Errorf("got %d %q\n%s\nwant %d %q with %q", w.Code, w.Header().Get("Content-Type"), w.Body, tt.status, tt.kind, tt.contains)
			}
			h := w.Header()
			if h.Get("X-Request-Id") == "" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cache-Control") == "" ||
				!strings.HasPrefix(h.Get("Content-Security-Policy"), "default-src 'none'") {
				t.Errorf("the answer lacks one of the headers that every answer has: %v", h)
			}
		})
	}
}

func TestManifestIsNotSentTwice(t *testing.T) {
	s := newServer(t, server.Config{Blog: open(t, "", nil)})
	first := send(s, httptest.NewRequest("GET", "/wp-includes/wlwmanifest.xml", nil))
	for _, condition := range [][2]string{{"If-None-Match", "ETag"}, {"If-Modified-Since", "Last-Modified"}} {
		r := httptest.NewRequest("GET", "/wp-includes/wlwmanifest.xml", nil)
		r.Header.Set(condition[0], first.Header().Get(condition[1]))
		if w := send(s, r); w.Code != http.StatusNotModified {
			t.Errorf("%s: got %d, want 304", condition[0], w.Code)
		}
	}
}

// The log records who called and why a call was refused, but never a secret.
func TestLog(t *testing.T) {
	var log servertest.Log
	blog := open(t, "", servertest.Logger(&log))
	s := newServer(t, server.Config{Blog: blog, Logger: servertest.Logger(&log)})
	user, err := blog.Users.ByLogin(context.Background(), "ada")
	if err != nil {
		t.Fatal(err)
	}
	app, secret := servertest.Key(t, blog.Keys, apps.New{UserID: user.ID, Name: "Program"})
	send(s, post("wp.getUsersBlogs", xmlrpc.String("ada"), xmlrpc.String(password)))
	send(s, post("wp.getUsersBlogs", xmlrpc.String("a\nlevel=ERROR msg=forged"), xmlrpc.String("wrong password")))
	r := post("wp.getUsersBlogs", xmlrpc.String(""), xmlrpc.String(""))
	r.Header.Set("Authorization", app.Public+"||"+strings.Repeat("0", 64))
	send(s, r)
	send(s, httptest.NewRequest("GET", "/?password="+strings.ReplaceAll(password, " ", "+")+"&x=query-secret", nil))
	send(s, post("made.up.by.a.stranger"))
	text := log.String()
	for _, want := range []string{
		`method=wp.getUsersBlogs outcome=ok`, `refusal=unknown-user`, `refusal=wrong-digest`, `app=` + app.Public, `client=127.0.0.1`,
		`outcome="fault -32601"`, `route=pages status=200`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the log does not say %s:\n%s", want, text)
		}
	}
	for _, not := range []string{password, "wrong password", secret.Reveal(), "battery", "query-secret", "\nlevel=ERROR", strings.Repeat("0", 64)} {
		if strings.Contains(text, not) {
			t.Errorf("the log holds %q", not)
		}
	}
	if strings.Contains(text, "method=made.up") {
		t.Error("a stranger's method name stands where only names of the table may stand")
	}
}

func TestReadiness(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, url string) {
		if !strings.HasPrefix(url, "postgres") {
			url = ""
		}
		blog := open(t, url, nil)
		s := newServer(t, server.Config{Blog: blog})
		if w := send(s, httptest.NewRequest("GET", "/readyz", nil)); w.Code != http.StatusOK {
			t.Errorf("ready: got %d, want 200", w.Code)
		}
		if err := blog.DB.Close(); err != nil {
			t.Fatal(err)
		}
		if w := send(s, httptest.NewRequest("GET", "/readyz", nil)); w.Code != http.StatusServiceUnavailable {
			t.Errorf("without its database: got %d, want 503", w.Code)
		}
		if w := send(s, httptest.NewRequest("GET", "/healthz", nil)); w.Code != http.StatusOK {
			t.Errorf("healthy without its database: got %d, want 200", w.Code)
		}
	})
}

// A stop waits for the request that is being answered, and accepts no other.
func TestRunDrains(t *testing.T) {
	blog := open(t, "", nil)
	s := newServer(t, server.Config{Blog: blog, ThrottleExempt: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	listener, metrics := listen(t), listen(t)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, server.Listeners{Plain: listener, Metrics: metrics}) }()

	numbers := get(t, "http://"+metrics.Addr().String()+"/metrics")
	if !strings.Contains(numbers, "quillgate_requests_in_flight 0") {
		t.Errorf("the metrics do not count requests:\n%s", numbers)
	}
	body, w := io.Pipe()
	req, err := http.NewRequest(http.MethodPost, "http://"+listener.Addr().String()+"/xmlrpc.php", body)
	if err != nil {
		t.Fatal(err)
	}
	answer := make(chan string, 1)
	go func() {
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			answer <- err.Error()
			return
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		answer <- string(text)
	}()
	call := xmlrpc.AppendCall(nil, "demo.sayHello")
	if _, err := w.Write(call[:10]); err != nil {
		t.Fatal(err)
	}
	// The request is in progress as soon as the metrics count it.
	for !strings.Contains(numbers, "quillgate_requests_in_flight 1") {
		numbers = get(t, "http://"+metrics.Addr().String()+"/metrics")
	}
	cancel()
	for { // until no connection is accepted any more
		c, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			break
		}
		c.Close()
	}
	if _, err := w.Write(call[10:]); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if got := <-answer; !strings.Contains(got, "Hello!") {
		t.Errorf("the request that was running got %q", got)
	}
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func get(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestOpenBlogKeepsItsKeyset(t *testing.T) {
	ctx := context.Background()
	folder := t.TempDir()
	cfg := server.BlogConfig{Folder: filepath.Join(folder, "blog"), Hash: authtest.CheapHash}
	blog, err := server.OpenBlog(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if password, err := blog.FirstAdministrator(ctx); err != nil || len(password) < 20 {
		t.Errorf("first administrator: got a password of %d characters, %v", len(password), err)
	}
	if password, err := blog.FirstAdministrator(ctx); err != nil || password != "" {
		t.Errorf("first administrator a second time: got a password of %d characters, %v", len(password), err)
	}
	if err := blog.Close(); err != nil {
		t.Fatal(err)
	}
	keyset := filepath.Join(cfg.Folder, "keyset")
	info, err := os.Stat(keyset)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("keyset: %v, %v", info.Mode(), err)
	}
	if err := os.Rename(keyset, filepath.Join(folder, "away")); err != nil {
		t.Fatal(err)
	}
	if blog, err := server.OpenBlog(ctx, cfg); err == nil {
		blog.Close()
		t.Error("a database opens with another keyset than its own")
	}
	if _, err := os.Stat(keyset); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a keyset that is not the database's stays in its place: %v", err)
	}
	if err := os.Rename(filepath.Join(folder, "away"), keyset); err != nil {
		t.Fatal(err)
	}
	if blog, err = server.OpenBlog(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	blog.Close()
}

// Posts cannot have addresses below paths of the server's own pages: no
// permalink structure may begin with one.
func TestPermalinksKeepClearOfRoutes(t *testing.T) {
	s := newServer(t, server.Config{Blog: open(t, "", nil)})
	for _, path := range s.Paths() {
		first, below, deeper := strings.Cut(strings.TrimPrefix(path, "/"), "/")
		if !deeper {
			continue // a single address, without those below it
		}
		if structure := "/" + first + "/%postname%/"; permalink.Problem(structure) == "" {
			t.Errorf("the server answers %s with %q below it, and posts may be at %s", first, below, structure)
		}
	}
}
