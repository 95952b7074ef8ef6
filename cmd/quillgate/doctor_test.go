package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/server"
	"github.com/quillgate/quillgate/server/servertest"
)

// patient is a server behind a proxy, both real, for the doctor to examine.
type patient struct {
	url, roots         string // of the proxy
	public, secretFile string
	secret             string

	mu   sync.Mutex
	seen bytes.Buffer // everything that came to the proxy
}

// way is the connection between the doctor and the server.
type way struct {
	tls     bool
	base    string                                        // base-url, the proxy's when empty
	config  func(*server.Config)                          // the operator's settings
	out     func(*http.Request)                           // changes a request on its way
	in      func(*http.Response) error                    // changes an answer
	instead func(http.ResponseWriter, *http.Request) bool // answers itself
}

func newPatient(t *testing.T, w way) *patient {
	t.Helper()
	p := &patient{}
	var forward http.Handler
	front := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		head, _ := httputil.DumpRequest(r, false)
		p.seen.Write(head)
		p.mu.Unlock()
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.TeeReader(r.Body, (*seen)(p)), r.Body}
		if w.instead == nil || !w.instead(rw, r) {
			forward.ServeHTTP(rw, r)
		}
	}))
	front.EnableHTTP2 = true
	if w.tls {
		front.StartTLS()
		p.roots = filepath.Join(t.TempDir(), "roots.pem")
		if err := os.WriteFile(p.roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: front.Certificate().Raw}), 0o600); err != nil {
			t.Fatal(err)
		}
	} else {
		front.Start()
	}
	t.Cleanup(front.Close)
	p.url = front.URL
	if w.base == "" {
		w.base = p.url
	}
	blog := servertest.OpenBlog(t, "", server.BlogConfig{BaseURL: w.base})
	p.key(t, blog)
	config := server.Config{Blog: blog, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	if w.config != nil {
		w.config(&config)
	}
	s, err := server.New(config)
	if err != nil {
		t.Fatal(err)
	}
	back := httptest.NewServer(s.Handler())
	t.Cleanup(back.Close)
	to, err := url.Parse(back.URL)
	if err != nil {
		t.Fatal(err)
	}
	forward = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Host = r.In.Host
			r.SetXForwarded()
			r.Out.Header.Set("X-Forwarded-For", "198.51.100.9") // a client that is not on this machine
			if w.out != nil {
				w.out(r.Out)
			}
		},
		ModifyResponse: w.in,
	}
	return p
}

// seen records what a proxy receives.
type seen patient

func (s *seen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen.Write(b)
}

// key creates a user and a key.
func (p *patient) key(t *testing.T, blog *server.Blog) {
	t.Helper()
	user, err := blog.Users.Create(t.Context(), audit.Operator, auth.NewUser{Login: "ada", Password: "correct horse battery staple", Role: auth.Author})
	if err != nil {
		t.Fatal(err)
	}
	app, secret := servertest.Key(t, blog.Keys, apps.New{UserID: user.ID, Name: "Doctor"})
	p.public, p.secret = app.Public, secret.Reveal()
	p.secretFile = filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(p.secretFile, []byte(p.secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// examined runs the command, and returns the state of each check and the exit
// code.
func examined(t *testing.T, args ...string) (map[string]string, string, int) {
	t.Helper()
	var out, complaints bytes.Buffer
	code := run(context.Background(), append([]string{"doctor", "--json", "--timeout", "20s", "--largest", "1MiB", "--data", t.TempDir()}, args...), streams{strings.NewReader(""), &out, &complaints})
	var report struct{ Findings []finding }
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		t.Fatalf("%v\n%s%s", err, &out, &complaints)
	}
	states := make(map[string]string)
	for _, f := range report.Findings {
		states[f.Check] = f.State
		if !strings.HasSuffix(f.Advice, ".") {
			t.Errorf("%s: %q is not a sentence", f.Check, f.Advice)
		}
	}
	return states, out.String(), code
}

func TestH16Doctor(t *testing.T) {
	healthy := map[string]string{
		"tls": fine, "clock": fine, "endpoint": fine, "answers": fine, "compression": fine, "authorization": fine, "fallback": fine,
		"discovery": fine, "forwarded": fine, "chunked": fine, "size": fine, "signature": fine, "bytes": fine,
	}
	for _, tt := range []struct {
		name string
		way  way
		args []string
		want map[string]string // where it differs from a healthy one; "" for a check that is not made
		code int
	}{
		{name: "healthy", way: way{tls: true}},
		{name: "in clear on this machine", want: map[string]string{"tls": warning, "forwarded": ""}},
		{
			name: "strips Authorization", way: way{tls: true, out: func(r *http.Request) { r.Header.Del("Authorization") }}, code: 1,
			want: map[string]string{"authorization": problem, "fallback": warning, "signature": fine},
		},
		{name: "strips Authorization, with the other field taken", way: way{
			tls: true, out: func(r *http.Request) { r.Header.Del("Authorization") },
			config: func(c *server.Config) { c.AuthorizationFallback = true },
		}, want: map[string]string{"authorization": warning}},
		{
			name: "wants a password of its own", code: 1, want: map[string]string{"authorization": problem, "signature": problem, "fallback": warning, "bytes": ""},
			way: way{tls: true, instead: func(w http.ResponseWriter, r *http.Request) bool {
				if r.Header.Get("Authorization") == "" {
					return false
				}
				http.Error(w, "Unauthorized", http.StatusUnauthorized)
				return true
			}},
		},
		{name: "413 at 1 MiB", code: 1, want: map[string]string{"size": problem}, way: way{tls: true, instead: func(w http.ResponseWriter, r *http.Request) bool {
			if r.ContentLength < 1<<20 {
				return false
			}
			http.Error(w, "413 Request Entity Too Large", http.StatusRequestEntityTooLarge)
			return true
		}}},
		{name: "the server's own limit", way: way{tls: true, config: func(c *server.Config) { c.MaxBody = 2 << 20 }}},
		{name: "compresses when asked", way: way{tls: true, in: compressed(false)}, want: map[string]string{"compression": warning}},
		{name: "compresses always", way: way{tls: true, in: compressed(true)}, code: 1, want: map[string]string{"compression": warning, "answers": problem}},
		{name: "puts a line in front", code: 1, want: map[string]string{"answers": problem}, way: way{tls: true, in: func(r *http.Response) error {
			return rewritten(r, func(b []byte) []byte { return append([]byte("\n"), b...) })
		}}},
		{name: "redirects calls", code: 1, want: map[string]string{"redirect": problem}, args: []string{"old/"}, way: way{tls: true, instead: func(w http.ResponseWriter, r *http.Request) bool {
			rest, old := strings.CutPrefix(r.URL.Path, "/old/")
			if old {
				http.Redirect(w, r, "/"+rest, http.StatusMovedPermanently)
			}
			return old
		}}},
		{name: "a clock that is an hour off", way: way{tls: true, in: dated(time.Hour)}, code: 1, want: map[string]string{"clock": problem}},
		{name: "a clock that is a minute off", way: way{tls: true, in: dated(-55 * time.Second)}, want: map[string]string{"clock": warning}},
		{name: "no date", way: way{tls: true, in: func(r *http.Response) error { r.Header["Date"] = []string{"yesterday"}; return nil }}, want: map[string]string{"clock": warning}},
		{name: "changes line breaks", code: 1, want: map[string]string{"bytes": problem}, way: way{tls: true, out: func(r *http.Request) {
			if r.Method != http.MethodPost {
				return
			}
			body, _ := io.ReadAll(r.Body)
			body = bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n"))
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		}}},
		{name: "demands a length", want: map[string]string{"chunked": warning}, way: way{tls: true, instead: func(w http.ResponseWriter, r *http.Request) bool {
			if r.ContentLength >= 0 {
				return false
			}
			http.Error(w, "Length Required", http.StatusLengthRequired)
			return true
		}}},
		{name: "says nothing of TLS", way: way{tls: true, out: func(r *http.Request) { r.Header.Del("X-Forwarded-Proto") }}, code: 1, want: map[string]string{"forwarded": problem}},
		{name: "is not listed", way: way{tls: true, config: func(c *server.Config) { c.TrustedProxies = nil }}, code: 1, want: map[string]string{"forwarded": problem}},
		{name: "another address in base-url", way: way{tls: true, base: "https://blog.example"}, code: 1, want: map[string]string{"discovery": problem}},
		{name: "another site in front", code: 1, want: map[string]string{"discovery": problem}, way: way{tls: true, instead: func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != "/" {
				return false
			}
			fmt.Fprint(w, "<html>another site</html>")
			return true
		}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPatient(t, tt.way)
			args := []string{p.url + "/", "--public", p.public, "--secret-file", p.secretFile}
			if len(tt.args) > 0 {
				args[0] += tt.args[0]
			}
			if p.roots != "" {
				args = append(args, "--roots", p.roots)
			}
			got, text, code := examined(t, args...)
			want := make(map[string]string)
			for check, state := range healthy {
				want[check] = state
			}
			for check, state := range tt.want {
				if want[check] = state; state == "" {
					delete(want, check)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" || code != tt.code {
				t.Errorf("exit code %d, want %d; states (-want +got):\n%s\n%s", code, tt.code, diff, text)
			}
			if strings.Contains(p.seen.String(), p.secret) || strings.Contains(text, p.secret) {
				t.Error("the secret has been sent or printed")
			}
		})
	}
}

// compressed compresses answers, either for clients that accept it or for all.
func compressed(always bool) func(*http.Response) error {
	return func(r *http.Response) error {
		if !always && !strings.Contains(r.Request.Header.Get("Accept-Encoding"), "gzip") {
			return nil
		}
		r.Header.Set("Content-Encoding", "gzip")
		return rewritten(r, func(b []byte) []byte {
			var packed bytes.Buffer
			w := gzip.NewWriter(&packed)
			w.Write(b)
			w.Close()
			return packed.Bytes()
		})
	}
}

// rewritten changes the bodies of the endpoint's answers.
func rewritten(r *http.Response, change func([]byte) []byte) error {
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "text/xml") || r.Request.Method != http.MethodPost {
		r.Header.Del("Content-Encoding")
		return nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	body = change(body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.Header.Set("Content-Length", strconv.Itoa(len(body)))
	return nil
}

// dated changes the clock.
func dated(off time.Duration) func(*http.Response) error {
	return func(r *http.Response) error {
		r.Header.Set("Date", time.Now().UTC().Add(off).Format(http.TimeFormat))
		return nil
	}
}

// Problems that end the examination early.
func TestH16DoctorGivesUp(t *testing.T) {
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	untrusted := httptest.NewTLSServer(http.NotFoundHandler())
	defer untrusted.Close()
	elsewhere := httptest.NewServer(http.RedirectHandler("http://elsewhere.example/", http.StatusFound))
	defer elsewhere.Close()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	answering := func(status int, text string) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, text, status) }))
		t.Cleanup(server.Close)
		return server.URL
	}
	hangUp := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer hangUp.Close()
	roots := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: untrusted.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	noCall := map[string]string{"tls": warning, "clock": fine, "endpoint": problem}
	for _, tt := range []struct {
		name, url string
		want      map[string]string
		advice    string
		more      []string
	}{
		{"no XML-RPC", plain.URL, noCall, "Check the address", nil},
		{"a certificate of nobody", untrusted.URL, map[string]string{"tls": problem}, "is self-signed", nil},
		{"a certificate for others", strings.Replace(untrusted.URL, "127.0.0.1", "localhost", 1), map[string]string{"tls": problem}, "127.0.0.1", []string{"--roots", roots}},
		{"another host", elsewhere.URL, map[string]string{"redirect": problem}, "Use that address everywhere", nil},
		{"nobody there", gone.URL, map[string]string{"endpoint": problem}, "Nothing listens at this address", nil},
		{"no such name", "https://nowhere.invalid", map[string]string{"endpoint": problem}, "nam", nil},
		{"no TLS where TLS is asked for", strings.Replace(plain.URL, "http:", "https:", 1), map[string]string{"tls": problem}, "does not speak TLS", nil},
		{"TLS where none is asked for", strings.Replace(untrusted.URL, "https:", "http:", 1), map[string]string{"tls": warning, "clock": warning, "endpoint": problem}, "use the address with https://", nil},
		{"no answer", hangUp.URL, map[string]string{"endpoint": problem}, "closed without an answer", nil},
		{"a proxy alone", answering(http.StatusBadGateway, "Bad Gateway"), noCall, "cannot reach the server", nil},
		{"a firewall", answering(http.StatusForbidden, "no"), noCall, "seems to block calls", nil},
		{"a proxy with passwords", answering(http.StatusUnauthorized, "no"), noCall, "for its own password", nil},
	} {
		got, text, code := examined(t, append(tt.more, tt.url)...)
		if diff := cmp.Diff(tt.want, got); diff != "" || code != 1 {
			t.Errorf("%s: exit code %d\n%s\n%s", tt.name, code, diff, text)
		}
		if !strings.Contains(text, tt.advice) {
			t.Errorf("%s: nothing says %q\n%s", tt.name, tt.advice, text)
		}
	}
	for _, bad := range []string{"https://user:hush@blog.example", "ftp://blog.example", "https://"} {
		var out bytes.Buffer
		if code := run(context.Background(), []string{"doctor", bad, "--data", t.TempDir()}, streams{strings.NewReader(""), &out, &out}); code != 2 || strings.Contains(out.String(), "hush") {
			t.Errorf("%s: exit code %d\n%s", bad, code, &out)
		}
	}
}

// Without --json, the output is one line for each finding.
func TestH16DoctorPrints(t *testing.T) {
	p := newPatient(t, way{})
	var out bytes.Buffer
	if code := run(context.Background(), []string{"doctor", p.url, "--data", t.TempDir()}, streams{strings.NewReader(""), &out, io.Discard}); code != 0 {
		t.Errorf("exit code %d", code)
	}
	for _, line := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		state, rest, _ := strings.Cut(line, " ")
		if state != fine && state != warning || !strings.HasSuffix(rest, ".") {
			t.Errorf("the line %q", line)
		}
	}
	if !strings.Contains(out.String(), "ok       authorization") {
		t.Errorf("it prints\n%s", &out)
	}
}
