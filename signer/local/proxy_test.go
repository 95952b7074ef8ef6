package local_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quillgate/quillgate/signer/local"
	"github.com/quillgate/quillgate/xmlrpc"
)

const (
	localPassword = "local-password-of-the-test"
	appPassword   = "applicationpasswordOfTest"
	pairSecret    = "7647a19f5bf3e9fd001419900ad48a54"
	pairPublic    = "b730db0864b0d4453ba6a26ad6613cd4"
)

// blog is an upstream that answers as it is told and remembers what came.
type blog struct {
	*httptest.Server
	mu   sync.Mutex
	seen []http.Header
	body []string
}

func newBlog(t *testing.T, answer func(body string) string) *blog {
	t.Helper()
	b := &blog{}
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		b.mu.Lock()
		b.seen, b.body = append(b.seen, r.Header.Clone()), append(b.body, string(text))
		b.mu.Unlock()
		w.Header().Set("Content-Type", "text/xml")
		fmt.Fprint(w, answer(string(text)))
	}))
	t.Cleanup(b.Close)
	return b
}

// hello answers every call with true.
func hello(string) string {
	return `<?xml version="1.0"?><methodResponse><params><param><value><boolean>1</boolean></value></param></params></methodResponse>`
}

// proxied is a signer with one blog.
type proxied struct {
	*httptest.Server
	log logged
}

// logged is a log that is read while it is written.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func newProxy(t testing.TB, kind local.Kind, endpoint string, edit func(*local.Config)) *proxied {
	t.Helper()
	folder, err := local.OpenFolder(t.TempDir(), local.Keys{})
	if err != nil {
		t.Fatal(err)
	}
	p := &proxied{}
	add(t, folder, "blog", kind, endpoint)
	transport, err := local.NewTransport(nil, "")
	if err != nil {
		t.Fatal(err)
	}
	cfg := local.Config{Book: folder.Book, Vault: folder.Vault, Transport: transport, SpoolDir: t.TempDir(), Log: slog.New(slog.NewTextHandler(&p.log, nil))}
	if edit != nil {
		edit(&cfg)
	}
	proxy, err := local.NewProxy(cfg)
	if err != nil {
		t.Fatal(err)
	}
	p.Server = httptest.NewServer(proxy)
	t.Cleanup(func() {
		p.Close()
		transport.CloseIdleConnections()
		for _, secret := range []string{localPassword, appPassword, pairSecret} {
			if strings.Contains(p.log.String(), secret) {
				t.Errorf("the log holds the secret %s", secret)
			}
		}
	})
	return p
}

func add(t testing.TB, folder *local.Folder, name string, kind local.Kind, endpoint string) {
	t.Helper()
	site := local.Site{Name: name, Endpoint: endpoint, Home: strings.TrimSuffix(endpoint, "xmlrpc.php"), Kind: kind, User: "ada"}
	secret := local.Secret{Password: appPassword, Local: localPassword}
	if kind != local.WordPress {
		site.Public, secret = pairPublic, local.Secret{Public: pairPublic, Secret: pairSecret, Local: localPassword}
	}
	if _, err := folder.Add(t.Context(), site, secret, local.Unsealed); err != nil {
		t.Fatal(err)
	}
}

// send posts a body to the endpoint of the blog.
func (p *proxied) send(t *testing.T, body string, fields ...string) (status int, text string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.URL+"/blog/xmlrpc.php", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(fields); i += 2 {
		if req.Header.Set(fields[i], fields[i+1]); fields[i] == "Host" {
			req.Host = fields[i+1]
		}
	}
	resp, err := p.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(answer)
}

// newPost is a call that makes a post.
func newPost(password string) string {
	return string(xmlrpc.AppendCall(nil, "wp.newPost", xmlrpc.Int(1), xmlrpc.String("ada"), xmlrpc.String(password),
		xmlrpc.Struct(xmlrpc.M("post_title", xmlrpc.String("Ærø & 世界")))))
}

func faultOf(t *testing.T, text string) *xmlrpc.Fault {
	t.Helper()
	_, err := xmlrpc.DecodeResponse([]byte(text), xmlrpc.Limits{})
	fault, _ := errors.AsType[*xmlrpc.Fault](err)
	if err != nil && fault == nil {
		t.Errorf("this is not an answer: %v\n%s", err, text)
	}
	return fault
}

// Whatever a WordPress, its plugins, its web server or a network in between
// answers, an old program gets an answer that it can read, and none that makes
// it ask the person for another password. Nothing that makes a post is sent
// twice.
func TestTroublesNeverAskForThePassword(t *testing.T) {
	lines, err := filepath.Glob("../../upstream/testdata/lines/*.http")
	if err != nil || len(lines) < 50 {
		t.Fatalf("%d captured answers, %v", len(lines), err)
	}
	for _, kind := range []local.Kind{local.Quillgate, local.Plugin, local.WordPress} {
		for _, path := range lines {
			t.Run(string(kind)+"/"+strings.TrimSuffix(filepath.Base(path), ".http"), func(t *testing.T) {
				t.Parallel()
				raw, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				address, calls := play(t, raw)
				p := newProxy(t, kind, "http://"+address+"/xmlrpc.php", nil)
				status, text := p.send(t, newPost(localPassword))
				if status != http.StatusOK || !strings.HasPrefix(text, "<?xml") {
					t.Errorf("status %d, %.60q", status, text)
				}
				fault := faultOf(t, text)
				if fault != nil && (fault.Code == http.StatusForbidden || fault.Code == http.StatusUnauthorized) {
					t.Errorf("the fault %v makes programs ask for the password", fault)
				}
				if fault == nil && kind == local.Quillgate {
					t.Error("an answer that nobody signed is believed")
				}
				if n := calls(); n != 1 {
					t.Errorf("the call was sent %d times", n)
				}
			})
		}
	}
}

// play answers each connection with the same bytes.
func play(t *testing.T, raw []byte) (address string, calls func() int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	var mu sync.Mutex
	n := 0
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				buf := make([]byte, 64<<10)
				if _, err := conn.Read(buf); err != nil {
					return
				}
				mu.Lock()
				n++
				mu.Unlock()
				_, _ = conn.Write(raw)
				if tcp, ok := conn.(*net.TCPConn); ok {
					_ = tcp.CloseWrite()
				}
				_, _ = io.Copy(io.Discard, conn)
			}()
		}
	}()
	return l.Addr().String(), func() int { mu.Lock(); defer mu.Unlock(); return n }
}

// Bad input gets the fault that the server has for it, and nothing of it
// reaches the blog.
func TestBadCallsReachNothing(t *testing.T) {
	b := newBlog(t, hello)
	p := newProxy(t, local.WordPress, b.URL+"/xmlrpc.php", func(c *local.Config) { c.MaxBody = 1 << 20 })
	batch := func(calls ...string) string {
		var all []xmlrpc.Value
		for _, password := range calls {
			all = append(all, xmlrpc.Struct(xmlrpc.M("methodName", xmlrpc.String("wp.getProfile")),
				xmlrpc.M("params", xmlrpc.Array(xmlrpc.Int(1), xmlrpc.String("ada"), xmlrpc.String(password)))))
		}
		return string(xmlrpc.AppendCall(nil, "system.multicall", xmlrpc.Array(all...)))
	}
	for _, tt := range []struct {
		name, body string
		fields     []string
		status     int
		code       int // 0: no fault, but the status
	}{
		{"a wrong password", newPost("wrong"), nil, 200, 403},
		{"an empty password", newPost(""), nil, 200, 403},
		{"the blog's own password", newPost(appPassword), nil, 200, 403},
		{"no password", string(xmlrpc.AppendCall(nil, "wp.getUsersBlogs")), nil, 200, 400},
		{"one wrong password in a batch", batch(localPassword, "wrong"), nil, 200, 403},
		{"an unknown method", string(xmlrpc.AppendCall(nil, "no.such", xmlrpc.Int(1), xmlrpc.String("ada"), xmlrpc.String(localPassword))), nil, 200, -32601},
		{"no call", "<html></html>", nil, 200, -32700},
		{"nothing", "", nil, 200, -32700},
		{"a cut call", newPost(localPassword)[:120], nil, 200, -32700},
		{"a body over the limit", newPost(strings.Repeat("x", 1<<20)), nil, 200, 413},
		{"a name that leads here", newPost(localPassword), []string{"Host", "blog.example"}, 421, 0},
		{"a name that ends like ours", newPost(localPassword), []string{"Host", "127.0.0.1.blog.example"}, 421, 0},
		{"a web page", newPost(localPassword), []string{"Origin", "https://blog.example"}, 403, 0},
		{"a web page without a name", newPost(localPassword), []string{"Origin", "null"}, 403, 0},
		{"a form of a web page", newPost(localPassword), []string{"Sec-Fetch-Site", "cross-site"}, 403, 0},
		{"a page of our own", newPost(localPassword), []string{"Sec-Fetch-Site", "same-origin"}, 403, 0},
		{"a compressed call", newPost(localPassword), []string{"Content-Encoding", "gzip"}, 415, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, text := p.send(t, tt.body, tt.fields...)
			if status != tt.status {
				t.Errorf("status %d, want %d", status, tt.status)
			}
			if tt.code != 0 {
				if f := faultOf(t, text); f == nil || f.Code != tt.code {
					t.Errorf("got %v, want fault %d", f, tt.code)
				}
			}
		})
	}
	if len(b.seen) != 0 {
		t.Errorf("%d calls reached the blog", len(b.seen))
	}
}

// A wrong password waits; a right one does not, whatever others try.
func TestGuessesAreSlowAndLockNobodyOut(t *testing.T) {
	p := newProxy(t, local.WordPress, newBlog(t, hello).URL+"/xmlrpc.php", nil)
	begun := time.Now()
	if p.send(t, newPost("wrong")); time.Since(begun) < 500*time.Millisecond {
		t.Errorf("a wrong password was answered after %v", time.Since(begun))
	}
	var guessing sync.WaitGroup
	for range 20 {
		guessing.Go(func() { p.send(t, newPost("wrong")) })
	}
	for range 5 {
		if _, text := p.send(t, newPost(localPassword)); faultOf(t, text) != nil {
			t.Errorf("the right password is refused while others guess: %s", text)
		}
	}
	guessing.Wait()
}

// Into the call for a WordPress goes its user and application password, in each
// call of a batch; all other bytes stay.
func TestWordPressGetsItsPassword(t *testing.T) {
	b := newBlog(t, hello)
	p := newProxy(t, local.WordPress, b.URL+"/xmlrpc.php", nil)
	odd := "<?xml version='1.0'?>\r\n<!-- by hand --><methodCall><methodName> wp.getProfile </methodName>\n<params><param><value>1</value></param><param><value>me</value></param>" +
		"<param><value><![CDATA[" + localPassword + "]]></value></param></params></methodCall>\n"
	p.send(t, odd)
	want := strings.NewReplacer("<value>me</value>", "<value><string>ada</string></value>", "<value><![CDATA["+localPassword+"]]></value>", "<value><string>"+appPassword+"</string></value>").Replace(odd)
	if len(b.body) != 1 || b.body[0] != want {
		t.Errorf("the blog got\n%q\nwant\n%q", b.body, want)
	}
	nested := xmlrpc.Struct(xmlrpc.M("methodName", xmlrpc.String("wp.getProfile")), xmlrpc.M("params", xmlrpc.Array(xmlrpc.Int(1), xmlrpc.String("me"), xmlrpc.String(localPassword))))
	p.send(t, string(xmlrpc.AppendCall(nil, "system.multicall", xmlrpc.Array(nested, nested))))
	if got := b.body[len(b.body)-1]; strings.Count(got, appPassword) != 2 || strings.Contains(got, localPassword) {
		t.Errorf("the blog got the batch\n%s", got)
	}
}

// The plugin gets its header over the bytes that are sent, and typed empty
// strings: it drops untyped ones.
func TestPluginGetsItsHeader(t *testing.T) {
	b := newBlog(t, hello)
	p := newProxy(t, local.Plugin, b.URL+"/xmlrpc.php", nil)
	p.send(t, newPost(localPassword), "Authorization", "Basic YWRhOng=", "X-Idempotency-Key", "1")
	if len(b.body) != 1 {
		t.Fatalf("%d calls reached the blog", len(b.body))
	}
	hash := func(s string) string { sum := sha256.Sum256([]byte(s)); return hex.EncodeToString(sum[:]) }
	if got, want := b.seen[0].Get("Authorization"), pairPublic+"||"+hash(pairSecret+hash(pairSecret+b.body[0])); got != want {
		t.Errorf("Authorization: %s, want %s", got, want)
	}
	if !strings.Contains(b.body[0], "<value><string></string></value>") || strings.Contains(b.body[0], localPassword) || strings.Contains(b.body[0], "ada") {
		t.Errorf("the blog got\n%s", b.body[0])
	}
	if b.seen[0].Get("X-Idempotency-Key") != "" {
		t.Error("a field with which Go sends a call twice is passed on")
	}
}

// On a network of WordPress sites the old names fail for everyone: the signer
// asks by the new one. Of the sites in the answer it names its own address for
// those that it serves, and leaves the others out.
func TestBlogsOfANetwork(t *testing.T) {
	var b *blog
	b = newBlog(t, func(body string) string {
		if !strings.Contains(body, "<methodName>wp.getUsersBlogs</methodName>") {
			return string(xmlrpc.AppendFault(nil, &xmlrpc.Fault{Code: 403, Message: "no"}))
		}
		var all []xmlrpc.Value
		for _, path := range []string{"/", "/two/", "/three/"} {
			all = append(all, xmlrpc.Struct(xmlrpc.M("blogid", xmlrpc.String("1")), xmlrpc.M("url", xmlrpc.String(b.URL+path)), xmlrpc.M("xmlrpc", xmlrpc.String(b.URL+path+"xmlrpc.php"))))
		}
		return string(xmlrpc.AppendResponse(nil, xmlrpc.Array(all...)))
	})
	p := newProxy(t, local.WordPress, b.URL+"/xmlrpc.php", func(c *local.Config) {
		add(t, &local.Folder{Book: c.Book, Vault: c.Vault}, "second", local.WordPress, b.URL+"/two/xmlrpc.php")
	})
	for _, call := range []string{
		string(xmlrpc.AppendCall(nil, "blogger.getUsersBlogs", xmlrpc.String("key"), xmlrpc.String("ada"), xmlrpc.String(localPassword))),
		string(xmlrpc.AppendCall(nil, "wp.getUsersBlogs", xmlrpc.String("ada"), xmlrpc.String(localPassword))),
	} {
		_, text := p.send(t, call)
		for _, want := range []string{p.URL + "/blog/xmlrpc.php", p.URL + "/second/xmlrpc.php", b.URL + "/two/"} {
			if !strings.Contains(text, want) {
				t.Errorf("the answer lacks %s:\n%s", want, text)
			}
		}
		for _, bad := range []string{"/three/", b.URL + "/xmlrpc.php"} {
			if strings.Contains(text, bad) {
				t.Errorf("the answer leads to %s:\n%s", bad, text)
			}
		}
		if f := faultOf(t, text); f != nil {
			t.Error(f)
		}
	}
}

// A signer starts with keys that are locked, says so in a fault, and asks
// again: no one must start it again.
func TestLockedKeysAreAskedForAgain(t *testing.T) {
	dir := t.TempDir()
	open := func(phrase func() ([]byte, error)) *local.Folder {
		folder, err := local.OpenFolder(dir, local.Keys{PassPhrase: phrase})
		if err != nil {
			t.Fatal(err)
		}
		return folder
	}
	b := newBlog(t, hello)
	folder := open(func() ([]byte, error) { return []byte("phrase"), nil })
	site := local.Site{Name: "blog", Endpoint: b.URL + "/xmlrpc.php", Kind: local.WordPress, User: "ada"}
	if _, err := folder.Add(t.Context(), site, local.Secret{Password: appPassword, Local: localPassword}, local.SealedByPassPhrase); err != nil {
		t.Fatal(err)
	}
	var locked atomic.Bool
	locked.Store(true)
	folder = open(func() ([]byte, error) {
		if locked.Load() {
			return nil, errors.New("nobody is there")
		}
		return []byte("phrase"), nil
	})
	p := newProxy(t, local.WordPress, b.URL+"/xmlrpc.php", func(c *local.Config) { c.Book, c.Vault = folder.Book, folder.Vault })
	_, text := p.send(t, newPost(localPassword))
	if f := faultOf(t, text); f == nil || f.Code != 503 || !strings.Contains(f.Message, "locked") || len(b.body) != 0 {
		t.Errorf("with locked keys: %v, %d calls", f, len(b.body))
	}
	locked.Store(false)
	if _, text = p.send(t, newPost(localPassword)); faultOf(t, text) != nil || len(b.body) != 1 {
		t.Errorf("with open keys: %s, %d calls", text, len(b.body))
	}
}

// A program that is given the address of the blog on the signer finds
// everything there, and nothing that leads around it.
func TestDiscoveryLeadsToTheSigner(t *testing.T) {
	b := newBlog(t, hello)
	p := newProxy(t, local.Quillgate, b.URL+"/xmlrpc.php", nil)
	for path, want := range map[string]string{
		"/blog/":                   `rel="EditURI"`,
		"/blog/xmlrpc.php?rsd":     `apiLink="` + p.URL + `/blog/xmlrpc.php"`,
		"/blog/wlwmanifest.xml":    "<manifest",
		"/":                        p.URL + "/blog/xmlrpc.php",
		"/blog/wp-admin/post.php?": "",
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := p.Client().Transport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		switch {
		case err != nil || !strings.Contains(string(text), want):
			t.Errorf("%s lacks %s: %v\n%s", path, want, err, text)
		case strings.Contains(string(text), "WP-API") || strings.Contains(string(text), b.URL+"/xmlrpc.php"):
			t.Errorf("%s leads around the signer:\n%s", path, text)
		case strings.Contains(string(text), localPassword) || strings.Contains(string(text), pairSecret):
			t.Errorf("%s holds a secret", path)
		case want == "" && !strings.HasPrefix(resp.Header.Get("Location"), b.URL+"/wp-admin/"):
			t.Errorf("%s leads to %s", path, resp.Header.Get("Location"))
		}
	}
	if len(b.body) != 0 {
		t.Errorf("%d requests reached the blog", len(b.body))
	}
}
