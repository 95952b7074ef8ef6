package local_test

import (
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quillgate/quillgate/signer/local"
	"github.com/quillgate/quillgate/xmlrpc"
)

// secureBlog is a blog with TLS and HTTP/2, with the file of the certificate
// authority that no one else knows, and the number of connections that it has
// had.
func secureBlog(t *testing.T, h http.HandlerFunc) (blog *httptest.Server, roots string, connections *atomic.Int32) {
	t.Helper()
	blog, connections = httptest.NewUnstartedServer(h), new(atomic.Int32)
	blog.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	blog.EnableHTTP2 = true
	blog.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	blog.StartTLS()
	t.Cleanup(blog.Close)
	roots = filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: blog.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return blog, roots, connections
}

// through is a signer whose calls go by a transport.
func through(t *testing.T, transport *local.Wakeful, endpoint string) *proxied {
	t.Helper()
	t.Cleanup(transport.CloseIdleConnections)
	return newProxy(t, local.WordPress, endpoint, func(c *local.Config) { c.Transport = transport })
}

// A certificate of a private authority is refused in words that name it, and
// taken when its file is given. Calls then share one connection, by HTTP/2 and
// TLS 1.3, and their length is known.
func TestPrivateRootsAndHTTP2(t *testing.T) {
	var odd atomic.Int32
	blog, roots, connections := secureBlog(t, func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 || r.TLS.Version < 0x0304 || r.ContentLength <= 0 || r.Header.Get("Expect") != "" {
			odd.Add(1)
		}
		fmt.Fprint(w, hello(""))
	})
	strange, err := local.NewTransport(nil, "")
	if err != nil {
		t.Fatal(err)
	}
	_, text := through(t, strange, blog.URL+"/xmlrpc.php").send(t, newPost(localPassword))
	if f := faultOf(t, text); f == nil || f.Code != 503 || !strings.Contains(f.Message, "Acme Co") || !strings.Contains(f.Message, "Nothing was changed") {
		t.Errorf("an unknown authority: %v", f)
	}
	connections.Store(0)
	known, err := local.NewTransport([]string{roots}, "")
	if err != nil {
		t.Fatal(err)
	}
	p := through(t, known, blog.URL+"/xmlrpc.php")
	for range 3 {
		if _, text := p.send(t, newPost(localPassword), "Expect", "100-continue"); faultOf(t, text) != nil {
			t.Errorf("with the roots: %s", text)
		}
	}
	if connections.Load() != 1 || odd.Load() != 0 {
		t.Errorf("3 calls took %d connections; %d were not as they should be", connections.Load(), odd.Load())
	}
	for name, content := range map[string]string{"absent": "", "empty": "\n", "other": "-----BEGIN X-----\n-----END X-----\n"} {
		path := filepath.Join(t.TempDir(), name)
		if content != "" {
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := local.NewTransport([]string{path}, ""); err == nil {
			t.Errorf("a file of roots that is %s is taken", name)
		}
	}
}

// A proxy of the network is used when it is named, by flag or by the variables,
// and not for what NO_PROXY excepts. It sees the name of a blog with TLS and
// nothing else.
func TestProxyOfTheNetwork(t *testing.T) {
	blog, roots, _ := secureBlog(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, hello("")) })
	var asked atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.Method != http.MethodConnect {
			t.Errorf("the proxy sees %s %s", r.Method, r.URL)
			return
		}
		upstream, err := net.Dial("tcp", blog.Listener.Addr().String()) // whatever name was asked for
		if err != nil {
			t.Error(err)
			return
		}
		defer upstream.Close()
		w.WriteHeader(http.StatusOK)
		conn, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		go func() { _, _ = io.Copy(upstream, buffered) }()
		_, _ = io.Copy(conn, upstream)
	}))
	defer proxy.Close()
	call := func(transport *local.Wakeful, endpoint string) {
		t.Helper()
		if _, text := through(t, transport, endpoint).send(t, newPost(localPassword)); faultOf(t, text) != nil {
			t.Errorf("by the proxy: %s", text)
		}
	}
	// net/http reads the variables once, so each try of them is a process of
	// its own.
	if endpoint := os.Getenv("TEST_PROXY_ENDPOINT"); endpoint != "" {
		transport, err := local.NewTransport([]string{os.Getenv("TEST_PROXY_ROOTS")}, "")
		if err != nil {
			t.Fatal(err)
		}
		call(transport, endpoint)
		return
	}
	named, err := local.NewTransport([]string{roots}, proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	if call(named, blog.URL+"/xmlrpc.php"); asked.Load() != 1 {
		t.Errorf("the proxy of --proxy was asked %d times", asked.Load())
	}
	// The certificate of the test is good for example.com too; no proxy is used
	// for loopback.
	_, port, err := net.SplitHostPort(blog.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	run := func(endpoint string, env ...string) error {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestProxyOfTheNetwork$")
		cmd.Env = append(append(os.Environ(), "TEST_PROXY_ENDPOINT="+endpoint, "TEST_PROXY_ROOTS="+roots), env...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	}
	away := "https://example.com:" + port + "/xmlrpc.php"
	asked.Store(0)
	if err := run(away, "HTTPS_PROXY="+proxy.URL, "NO_PROXY=other.example"); err != nil || asked.Load() != 1 {
		t.Errorf("the proxy of HTTPS_PROXY was asked %d times: %v", asked.Load(), err)
	}
	asked.Store(0)
	if err := run(blog.URL+"/xmlrpc.php", "HTTPS_PROXY="+proxy.URL, "NO_PROXY=127.0.0.1"); err != nil || asked.Load() != 0 {
		t.Errorf("the proxy was asked %d times for what NO_PROXY excepts: %v", asked.Load(), err)
	}
	for _, wrong := range []string{"proxy.example:3128", "http://", "::"} {
		if _, err := local.NewTransport(nil, wrong); err == nil {
			t.Errorf("the proxy %q is taken", wrong)
		}
	}
}

// A blog that is reached over IPv6 is called there, and the signer answers
// programs on ::1 as on 127.0.0.1, each with the address that the program has
// used.
func TestIPv6(t *testing.T) {
	six, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Fatalf("the tests need IPv6 on the loopback interface: %v", err)
	}
	var base string
	blog := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "%s", xmlrpc.AppendResponse(nil, xmlrpc.Array(xmlrpc.Struct(xmlrpc.M("xmlrpc", xmlrpc.String(base+"/xmlrpc.php"))))))
	}))
	blog.Listener.Close()
	blog.Listener = six
	blog.Start()
	t.Cleanup(blog.Close)
	base = blog.URL
	p := newProxy(t, local.WordPress, base+"/xmlrpc.php", nil)
	on, err := local.Listen(t.Context(), "127.0.0.1:0")
	if err != nil || len(on) != 2 {
		t.Fatalf("the signer listens on %v, %v", on, err)
	}
	for _, l := range on {
		server := &http.Server{Handler: p.Config.Handler}
		go func() { _ = server.Serve(l) }()
		t.Cleanup(func() { _ = server.Close() })
		address := "http://" + l.Addr().String()
		q := &proxied{Server: &httptest.Server{URL: address}}
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		resp, err := client.Post(q.URL+"/blog/xmlrpc.php", "text/xml", strings.NewReader(string(xmlrpc.AppendCall(nil, "wp.getUsersBlogs", xmlrpc.String("ada"), xmlrpc.String(localPassword)))))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || !strings.Contains(string(text), address+"/blog/xmlrpc.php") {
			t.Errorf("at %s: %v\n%s", address, err, text)
		}
	}
	if a, b := on[0].Addr().(*net.TCPAddr), on[1].Addr().(*net.TCPAddr); a.Port != b.Port {
		t.Errorf("the two ports are %d and %d", a.Port, b.Port)
	}
	// A second start, and one on the other family, name the reason.
	if _, err := local.Listen(t.Context(), on[1].Addr().String()); err == nil || !strings.Contains(err.Error(), "a signer is already running at") {
		t.Errorf("a second start: %v", err)
	}
	if _, err := local.Listen(t.Context(), blog.Listener.Addr().String()); err == nil || !strings.Contains(err.Error(), "another HTTP server uses it") {
		t.Errorf("another program with HTTP: %v", err)
	}
	dumb, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer dumb.Close()
	go func() {
		for {
			conn, err := dumb.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
	if _, err := local.Listen(t.Context(), dumb.Addr().String()); err == nil || !strings.Contains(err.Error(), "another program uses it, so choose") {
		t.Errorf("another program without HTTP: %v", err)
	}
}

// The clock is corrected by the field of the answer, once for all calls; words
// in a fault correct nothing.
func TestClockIsCorrectedByTheField(t *testing.T) {
	for _, ahead := range []int64{-7200, 7200} {
		b := newStrictBlog(t, hello(""))
		b.ahead.Store(ahead)
		p := newProxy(t, local.Quillgate, b.URL+"/xmlrpc.php", nil)
		for range 3 {
			if _, text := p.send(t, newPost(localPassword)); faultOf(t, text) != nil {
				t.Errorf("%d seconds ahead: %s", ahead, text)
			}
		}
		if n := b.seen.Load(); n != 4 {
			t.Errorf("3 calls were %d requests, want one more for the clock", n)
		}
	}
	b := newStrictBlog(t, hello(""))
	b.field = false
	b.ahead.Store(7200)
	p := newProxy(t, local.Quillgate, b.URL+"/xmlrpc.php", nil)
	_, text := p.send(t, newPost(localPassword))
	if f := faultOf(t, text); f == nil || f.Code == 403 || b.seen.Load() != 1 {
		t.Errorf("words correct the clock: %d requests, %s", b.seen.Load(), text)
	}
}

var progressShown = regexp.MustCompile(`Sending a call: [0-9]+ % done`)

// What takes long is shown on the page, with how much of it is sent, and in the
// log.
func TestProgressIsShown(t *testing.T) {
	release := make(chan struct{})
	begun := make(chan struct{}, 1)
	blog := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadFull(r.Body, make([]byte, 1<<20))
		begun <- struct{}{}
		<-release
		_, _ = io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, hello(""))
	}))
	defer blog.Close()
	p := newProxy(t, local.WordPress, blog.URL+"/xmlrpc.php", nil)
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.send(t, string(xmlrpc.AppendCall(nil, "wp.uploadFile", xmlrpc.Int(1), xmlrpc.String("ada"), xmlrpc.String(localPassword),
			xmlrpc.Struct(xmlrpc.M("name", xmlrpc.String("a.bin")), xmlrpc.M("bits", xmlrpc.Bytes(make([]byte, 40<<20)))))))
	}()
	<-begun
	page := func() string {
		resp, err := p.Client().Get(p.URL + "/")
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
	if text := page(); !progressShown.MatchString(text) {
		t.Errorf("the page does not show the progress:\n%s", text)
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); !strings.Contains(p.log.String(), "msg=sending blog=blog"); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("the log does not show the progress")
		}
	}
	close(release)
	<-done
	if text := page(); progressShown.MatchString(text) {
		t.Errorf("the page shows the progress of what is done:\n%s", text)
	}
}
