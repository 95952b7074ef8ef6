package server_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/server"
	"github.com/quillgate/quillgate/server/servertest"
	"github.com/quillgate/quillgate/xmlrpc"
)

// H3: a connection over which a request with Transfer-Encoding has come, with
// or without Content-Length, is closed after the answer (RFC 9112 section 6.1).
// Bytes that a proxy took for part of that request are not read as the next
// one.
func TestH3ChunksEndTheConnection(t *testing.T) {
	s := newServer(t, server.Config{Blog: open(t, "", nil)})
	listener := httptest.NewServer(s.Handler())
	defer listener.Close()
	body := string(xmlrpc.AppendCall(nil, "demo.sayHello"))
	chunked := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)
	for _, test := range []struct {
		name, head, body string
		kept             bool
	}{
		{"a length", fmt.Sprintf("Content-Length: %d", len(body)), body, true},
		{"both", "Transfer-Encoding: chunked\r\nContent-Length: 4", chunked, false},
		{"both, the other way round", "content-length: 4\r\ntransfer-encoding: chunked", chunked, false},
		{"chunks", "Transfer-Encoding: chunked", chunked, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", listener.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprintf(conn, "POST /xmlrpc.php HTTP/1.1\r\nHost: blog.example\r\n%s\r\n\r\n%sGET /healthz HTTP/1.1\r\nHost: blog.example\r\n\r\n", test.head, test.body)
			r := bufio.NewReader(conn)
			first, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			text, _ := io.ReadAll(first.Body)
			if !strings.Contains(string(text), "Hello!") {
				t.Errorf("the call is answered with %s", text)
			}
			second, err := http.ReadResponse(r, nil)
			if kept := err == nil; kept != test.kept {
				t.Errorf("a second request on the connection is answered: %v, want %v", kept, test.kept)
			}
			if err == nil {
				second.Body.Close()
			}
		})
	}
}

// The value at the login position of a signed call is ignored, whatever its
// type.
func TestSignedCallsIgnoreTheLogin(t *testing.T) {
	blog := open(t, "", nil)
	s := newServer(t, server.Config{Blog: blog})
	app, secret := servertest.Key(t, blog.Keys, apps.New{UserID: 1, Name: "a client"})
	odd := map[string]xmlrpc.Value{
		"array": xmlrpc.Array(xmlrpc.String("ada")), "struct": xmlrpc.Struct(xmlrpc.M("a", xmlrpc.Int(1))), "boolean": xmlrpc.Bool(true),
		"false": xmlrpc.Bool(false), "number": xmlrpc.Int(7), "double": xmlrpc.Double(1.5), "base64": xmlrpc.Bytes([]byte("x")), "nothing": {}, "text": xmlrpc.String("bob"),
	}
	calls := map[string]func(a, b xmlrpc.Value) []xmlrpc.Value{
		"wp.getProfile":       func(a, b xmlrpc.Value) []xmlrpc.Value { return []xmlrpc.Value{xmlrpc.Int(1), a, b} },
		"wp.getUsersBlogs":    func(a, b xmlrpc.Value) []xmlrpc.Value { return []xmlrpc.Value{a, b} },
		"blogger.getUserInfo": func(a, b xmlrpc.Value) []xmlrpc.Value { return []xmlrpc.Value{xmlrpc.String(""), a, b} },
		"wp.newComment": func(a, b xmlrpc.Value) []xmlrpc.Value {
			return []xmlrpc.Value{xmlrpc.Int(1), a, b, xmlrpc.Int(999), xmlrpc.Struct(xmlrpc.M("content", xmlrpc.String("x")))}
		},
	}
	for name, v := range odd {
		for method, params := range calls {
			for i, p := range [][]xmlrpc.Value{params(v, xmlrpc.String("")), params(xmlrpc.String(""), v), params(v, v)} {
				r := post(method, p...)
				sign(r, app.Public, secret.Reveal())
				fault := faultOf(t, send(s, r))
				if fault != nil && (method != "wp.newComment" || fault.Code != 404) {
					t.Errorf("%s with a %s (%d): %v", method, name, i, fault)
				}
			}
		}
		r := post("wp.getProfile", xmlrpc.Int(1), v, v)
		if fault := faultOf(t, send(s, r)); fault == nil {
			t.Errorf("a call with a %s that nobody has signed passes", name)
		}
	}
}

// If a blog is public over https, but this server does not do TLS and trusts no
// proxy, there is a proxy in front of it. If that one sends no forwarding
// fields, calls from loopback do not count as local.
func TestA6NobodyIsLocalBehindASilentProxy(t *testing.T) {
	logged := new(servertest.Log)
	blog := secureBlog(t, "")
	call := func(s *server.Server) *xmlrpc.Fault {
		t.Helper()
		return faultOf(t, send(s, post("wp.getUsersBlogs", xmlrpc.String("ada"), xmlrpc.String(password))))
	}
	silent := newServer(t, server.Config{Blog: blog, Logger: servertest.Logger(logged)})
	if fault := call(silent); fault == nil || !strings.Contains(fault.Message, "https") {
		t.Errorf("a password through a proxy without forwarding fields: %v, want the fault about https", fault)
	}
	if !strings.Contains(logged.String(), "--trusted-proxies") {
		t.Errorf("the log does not name the setting:\n%s", logged)
	}
	listed := newServer(t, server.Config{Blog: blog, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	if fault := call(listed); fault != nil {
		t.Errorf("a client on this machine, where the proxy is listed: %v", fault)
	}
	here := newServer(t, server.Config{Blog: open(t, "", nil)})
	if fault := call(here); fault != nil {
		t.Errorf("a client on this machine, at a blog over http: %v", fault)
	}
}
