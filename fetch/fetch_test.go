package fetch_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/quillgate/quillgate/fetch"
	"github.com/quillgate/quillgate/network"
)

// client gives up early, for tests that reach nothing, unless the configuration
// says otherwise.
func client(cfg fetch.Config) *fetch.Client {
	cfg.UserAgent = "Test/1"
	if cfg.Reach == 0 {
		cfg.Reach = 50 * time.Millisecond
	}
	return fetch.New(cfg)
}

// reach is how long a hop of a test may take that ends as kind says. What is to
// be reached gets the time of a busy machine; what fails after something was
// reached takes all of its time.
func reach(kind string) time.Duration {
	if kind == "" {
		return time.Minute
	}
	return time.Second
}

// networksOf allows exactly the address of a server.
func networksOf(t *testing.T, s *httptest.Server) []network.Destination {
	t.Helper()
	at := netip.MustParseAddrPort(s.Listener.Addr().String())
	return []network.Destination{{Prefix: netip.PrefixFrom(at.Addr(), at.Addr().BitLen()), Port: at.Port()}}
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func kind(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, fetch.ErrURL):
		return "url"
	case errors.Is(err, fetch.ErrUnreachable):
		return "unreachable"
	}
	return err.Error()
}

func TestRefusedAddresses(t *testing.T) {
	var asked atomic.Int64
	server := serve(t, func(http.ResponseWriter, *http.Request) { asked.Add(1) })
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	elsewhere := []network.Destination{{Prefix: netip.MustParsePrefix("198.51.100.0/24"), Port: netip.MustParseAddrPort(server.Listener.Addr().String()).Port()}}
	for _, test := range []struct{ name, url, want string }{
		{"other port", "http://127.0.0.1:22/", "url"},
		{"other port of a name", "http://localhost:6379/", "url"},
		{"other port, IPv6", "http://[::1]:22/", "url"},
		{"other port of a public host", "http://example.com:22/", "url"},
		{"port beyond ports", "http://127.0.0.1:65616/", "url"},
		{"loopback", "http://127.0.0.1/", "unreachable"},
		{"loopback at the port of another network", "http://127.0.0.1:" + port + "/", "unreachable"},
		{"loopback by name", "http://localhost:" + port + "/", "unreachable"},
		{"loopback, https", "https://127.0.0.1/", "unreachable"},
		{"loopback, IPv6", "http://[::1]/", "unreachable"},
		{"loopback, mapped", "http://[::ffff:127.0.0.1]/", "unreachable"},
		{"mapped at the port of another network", "http://[::ffff:127.0.0.1]:" + port + "/", "unreachable"},
		{"NAT64", "http://[64:ff9b::7f00:1]/", "unreachable"},
		{"6to4", "http://[2002:7f00:1::]/", "unreachable"},
		{"metadata of clouds", "http://169.254.169.254/latest/meta-data/", "unreachable"},
		{"metadata of clouds, IPv6", "http://[fd00:ec2::254]/latest/meta-data/", "unreachable"},
		{"link-local, IPv6", "http://[fe80::1]/", "unreachable"},
		{"unspecified", "http://0.0.0.0/", "unreachable"},
		{"unspecified at the port of another network", "http://0.0.0.0:" + port + "/", "unreachable"},
		{"unspecified, IPv6", "http://[::]/", "unreachable"},
		{"private 10", "http://10.0.0.1/", "unreachable"},
		{"private 172", "http://172.16.0.1/", "unreachable"},
		{"private 192", "http://192.168.0.1/", "unreachable"},
		{"carrier-grade NAT", "http://100.64.0.1/", "unreachable"},
		{"multicast", "http://224.0.0.1/", "unreachable"},
		{"broadcast", "http://255.255.255.255/", "unreachable"},
		{"host before a fragment", "http://127.0.0.1#@example.com/", "unreachable"},
		{"file", "file:///etc/passwd", "url"},
		{"gopher", "gopher://127.0.0.1:25/_HELO", "url"},
		{"ftp", "ftp://127.0.0.1/", "url"},
		{"user name", "http://example.com@127.0.0.1/", "url"},
		{"nothing", "", "url"},
		{"path alone", "/xmlrpc.php", "url"},
		{"no scheme", "//127.0.0.1/", "url"},
		{"no host", "http:///x", "url"},
		{"opaque", "http:127.0.0.1", "url"},
		{"zone", "http://[fe80::1%25lo]/", "url"},
		{"line break", "http://127.0.0.1/\r\nX: y", "url"},
		{"long", "http://" + strings.Repeat("a", 100000) + "/", "url"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := client(fetch.Config{}).Do(t.Context(), fetch.Request{URL: test.url, Networks: elsewhere})
			if got := kind(err); got != test.want {
				t.Errorf("fetch %.60q: %v, want %q", test.url, err, test.want)
			}
		})
	}
	t.Cleanup(func() {
		if n := asked.Load(); n != 0 {
			t.Errorf("%d requests came through, want none", n)
		}
	})
}

// Other ways to write an address reach what the system's resolver makes of
// them, which is refused like the address itself.
func TestRefusedNames(t *testing.T) {
	for _, host := range []string{"0", "2130706433", "0177.0.0.1", "0x7f000001", "127.1"} {
		t.Run(host, func(t *testing.T) {
			t.Parallel()
			_, err := client(fetch.Config{Resolver: answering(t, "127.0.0.1")}).Do(t.Context(), fetch.Request{URL: "http://" + host + "/"})
			if got := kind(err); got != "unreachable" {
				t.Errorf("fetch http://%s/: %v, want it not reached", host, err)
			}
		})
	}
}

func TestNobodyListens(t *testing.T) {
	server := serve(t, func(http.ResponseWriter, *http.Request) {})
	networks := networksOf(t, server)
	server.Close()
	_, err := client(fetch.Config{}).Do(t.Context(), fetch.Request{URL: server.URL, Networks: networks})
	if got := kind(err); got != "unreachable" {
		t.Errorf("fetch from a closed port: %v, want it not reached", err)
	}
}

func TestDo(t *testing.T) {
	type seen struct{ Method, Path, Agent, Type, Body, Cookie, Referer string }
	var mu sync.Mutex
	var requests []seen
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		requests = append(requests, seen{r.Method, r.URL.Path, r.UserAgent(), r.Header.Get("Content-Type"), string(body), r.Header.Get("Cookie"), r.Referer()})
		mu.Unlock()
		var n int
		if _, err := fmt.Sscanf(r.URL.Path, "/hop%d", &n); err == nil && n > 0 {
			http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
			http.Redirect(w, r, fmt.Sprintf("/hop%d", n-1), http.StatusTemporaryRedirect)
			return
		}
		switch r.URL.Path {
		case "/missing":
			w.WriteHeader(http.StatusNotFound)
			io.WriteString(w, "no such page")
		case "/large":
			io.WriteString(w, strings.Repeat("x", 3000))
		case "/elsewhere":
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
		case "/inside":
			http.Redirect(w, r, "http://10.0.0.1/", http.StatusFound)
		case "/file":
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		default:
			io.WriteString(w, "hello")
		}
	})
	get := func(path string) seen { return seen{Method: "GET", Path: path, Agent: "Test/1"} }
	post := func(path string) seen { return seen{"POST", path, "Test/1", "text/xml", "<x/>", "", ""} }
	for _, test := range []struct {
		name, path string
		post       bool
		redirects  int
		status     int
		body, err  string
		seen       []seen
	}{
		{name: "page", path: "/page#part", status: 200, body: "hello", seen: []seen{get("/page")}},
		{name: "status other than 200", path: "/missing", status: 404, body: "no such page", seen: []seen{get("/missing")}},
		{name: "redirects not wanted", path: "/hop1", status: 307, seen: []seen{get("/hop1")}},
		{name: "as many redirects as wanted", path: "/hop2", redirects: 2, status: 200, body: "hello", seen: []seen{get("/hop2"), get("/hop1"), get("/hop0")}},
		{name: "never more than three", path: "/hop4", redirects: 9, status: 307, seen: []seen{get("/hop4"), get("/hop3"), get("/hop2"), get("/hop1")}},
		{name: "redirect to another port", path: "/elsewhere", redirects: 3, err: "unreachable", seen: []seen{get("/elsewhere")}},
		{name: "redirect to a private network", path: "/inside", redirects: 3, err: "unreachable", seen: []seen{get("/inside")}},
		{name: "redirect to a file", path: "/file", redirects: 3, err: "unreachable", seen: []seen{get("/file")}},
		{name: "larger than allowed", path: "/large", status: 200, body: strings.Repeat("x", 2000), seen: []seen{get("/large")}},
		{name: "post", path: "/page", post: true, status: 200, body: "hello", seen: []seen{post("/page")}},
		{name: "redirect of a post", path: "/hop1", post: true, redirects: 3, status: 307, seen: []seen{post("/hop1")}},
	} {
		t.Run(test.name, func(t *testing.T) {
			requests = nil
			r := fetch.Request{URL: server.URL + test.path, Redirects: test.redirects, Networks: networksOf(t, server)}
			if test.post {
				r.Body, r.ContentType = []byte("<x/>"), "text/xml"
			}
			got, err := client(fetch.Config{MaxBytes: 2000, Timeout: 2 * time.Minute, Reach: reach(test.err)}).Do(t.Context(), r)
			if kind(err) != test.err {
				t.Fatalf("got error %v, want %q", err, test.err)
			}
			if err == nil {
				body := string(got.Body)
				if strings.HasPrefix(body, "<a href") { // what http.Redirect says
					body = ""
				}
				if got.Status != test.status || body != test.body || got.Truncated != (test.path == "/large") {
					t.Errorf("got status %d, %d bytes, truncated %t; want %d, %d bytes", got.Status, len(body), got.Truncated, test.status, len(test.body))
				}
			}
			if diff := cmp.Diff(test.seen, requests); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCallerGoes(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := fetch.New(fetch.Config{Reach: time.Hour, Timeout: 2 * time.Hour}).Do(ctx, fetch.Request{URL: "http://127.0.0.1/"})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that nobody waits", err)
	}
}

// A server that never ends its answer is left at the deadline.
func TestEndlessAnswer(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(200)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	_, err := client(fetch.Config{Timeout: 200 * time.Millisecond}).Do(t.Context(), fetch.Request{URL: server.URL, Networks: networksOf(t, server)})
	if got := kind(err); got != "unreachable" {
		t.Errorf("got %v, want it not reached", err)
	}
}

// A name answers with an address that may be reached, and with another one when
// it is asked again.
func TestRebinding(t *testing.T) {
	var forbidden, allowed atomic.Int64
	inside := serve(t, func(http.ResponseWriter, *http.Request) { forbidden.Add(1) })
	_, port, _ := net.SplitHostPort(inside.Listener.Addr().String())
	listener, err := net.Listen("tcp", "127.0.0.2:"+port)
	if err != nil {
		t.Fatal(err)
	}
	outside := &httptest.Server{Listener: listener, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		allowed.Add(1)
		if r.URL.Path == "/first" {
			http.Redirect(w, r, "/second", http.StatusFound)
		}
	})}}
	outside.Start()
	t.Cleanup(outside.Close)
	for _, test := range []struct {
		name    string
		answers []string // one for each time that the name is looked up
		want    string
		allowed int64
	}{
		{"the same address twice", []string{"127.0.0.2", "127.0.0.2"}, "", 2},
		{"another address for the second hop", []string{"127.0.0.2", "127.0.0.1"}, "unreachable", 1},
		{"the forbidden address first", []string{"127.0.0.1", "127.0.0.2"}, "unreachable", 0},
		{"both at once", []string{"127.0.0.1,127.0.0.2", "127.0.0.1,127.0.0.2"}, "", 2},
		{"no address", []string{""}, "unreachable", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			allowed.Store(0)
			_, err := client(fetch.Config{Timeout: 2 * time.Minute, Reach: reach(test.want), Resolver: answering(t, test.answers...)}).Do(t.Context(), fetch.Request{
				URL: "http://rebinding.example.:" + port + "/first", Redirects: 3, Networks: networksOf(t, outside),
			})
			if kind(err) != test.want {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if n := allowed.Load(); n != test.allowed {
				t.Errorf("the server that may be reached got %d requests, want %d", n, test.allowed)
			}
			if n := forbidden.Load(); n != 0 {
				t.Errorf("the server that may not be reached got %d requests", n)
			}
		})
	}
}

// answering is a resolver to which a name has one answer after the other; the
// last stays. An answer may hold several IPv4 addresses.
func answering(t *testing.T, answers ...string) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buffer := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if err := m.Unpack(buffer[:n]); err != nil || len(m.Questions) != 1 {
				continue
			}
			m.Response, m.Additionals = true, nil
			if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
				for _, a := range strings.FieldsFunc(answers[0], func(c rune) bool { return c == ',' }) {
					m.Answers = append(m.Answers, dnsmessage.Resource{
						Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
						Body:   &dnsmessage.AResource{A: netip.MustParseAddr(a).As4()},
					})
				}
				answers = answers[min(1, len(answers)-1):]
			}
			reply, err := m.Pack()
			if err != nil {
				continue
			}
			conn.WriteTo(reply, from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func TestText(t *testing.T) {
	for _, test := range []struct{ name, kind, body, want string }{
		{"UTF-8", "text/html; charset=utf-8", "caf\u00e9", "café"},
		{"declared by the answer", "text/html; charset=iso-8859-1", "caf\xe9", "café"},
		{"declared by the page", "text/html", "<meta charset=\"windows-1251\">\xcf", "<meta charset=\"windows-1251\">П"},
		{"declared and wrong", "text/html; charset=utf-8", "a\xffb", "a\ufffdb"},
		{"unknown encoding", "text/html; charset=none", "abc", "abc"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := &fetch.Response{Header: http.Header{"Content-Type": {test.kind}}, Body: []byte(test.body)}
			if got := r.Text(); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
