package server

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"time"
)

// A11, H17: the client's address is the peer of the connection, or the one that
// a trusted proxy names, however it is quoted.
func TestA11H17ClientAddress(t *testing.T) {
	trusted := proxies{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	tests := []struct {
		name    string
		peer    string
		tls     bool
		headers http.Header
		addr    string
		secure  bool
		local   bool
		fronted bool
	}{
		{name: "no proxy", peer: "192.0.2.7:4711", addr: "192.0.2.7"},
		{name: "TLS here", peer: "192.0.2.7:4711", tls: true, addr: "192.0.2.7", secure: true},
		{
			name: "a stranger's word counts for nothing", peer: "192.0.2.7:4711", addr: "192.0.2.7",
			headers: http.Header{"X-Forwarded-For": {"127.0.0.1"}, "X-Forwarded-Proto": {"https"}},
		},
		{
			name: "behind a proxy", peer: "10.1.1.1:80", addr: "198.51.100.9", secure: true,
			headers: http.Header{"X-Forwarded-For": {"198.51.100.9"}, "X-Forwarded-Proto": {"https"}},
		},
		{
			name: "what the client wrote stands further left", peer: "10.1.1.1:80", addr: "198.51.100.9",
			headers: http.Header{"X-Forwarded-For": {"127.0.0.1, 198.51.100.9"}},
		},
		{
			name: "behind two proxies", peer: "10.1.1.1:80", addr: "198.51.100.9",
			headers: http.Header{"X-Forwarded-For": {"203.0.113.5, 198.51.100.9", "10.9.9.9"}},
		},
		{name: "only proxies", peer: "10.1.1.1:80", addr: "10.2.2.2", headers: http.Header{"X-Forwarded-For": {"10.2.2.2"}}},
		{name: "a word that is no address", peer: "10.1.1.1:80", addr: "10.1.1.1", headers: http.Header{"X-Forwarded-For": {"198.51.100.9, unknown"}}},
		{name: "a port", peer: "10.1.1.1:80", addr: "198.51.100.9", headers: http.Header{"X-Forwarded-For": {"198.51.100.9:1234"}}},
		{name: "IPv6", peer: "[::1]:80", addr: "2001:db8::7", headers: http.Header{"X-Forwarded-For": {"[2001:db8::7]:99"}}},
		{name: "mapped IPv4", peer: "[::ffff:10.1.1.1]:80", addr: "198.51.100.9", headers: http.Header{"X-Forwarded-For": {"::ffff:198.51.100.9"}}},
		{name: "the nearest proxy says http", peer: "10.1.1.1:80", tls: true, addr: "10.1.1.1", headers: http.Header{"X-Forwarded-Proto": {"https, http"}}},
		{name: "no peer", peer: "@", addr: "invalid IP"},
		{name: "this machine", peer: "127.0.0.1:80", addr: "127.0.0.1", local: true},
		{name: "this machine, through a trusted proxy", peer: "10.1.1.1:80", addr: "127.0.0.1", local: true, headers: http.Header{"X-Forwarded-For": {"127.0.0.1"}}},
		{name: "an unlisted proxy on this machine", peer: "127.0.0.1:80", addr: "127.0.0.1", headers: http.Header{"X-Forwarded-For": {"198.51.100.9"}}},
		{name: "one that tells of TLS only", peer: "127.0.0.1:80", addr: "127.0.0.1", headers: http.Header{"X-Forwarded-Proto": {"https"}}},
		{name: "one that speaks RFC 7239", peer: "127.0.0.1:80", addr: "127.0.0.1", headers: http.Header{"Forwarded": {"for=198.51.100.9;proto=https"}}},
		{name: "RFC 7239", peer: "10.1.1.1:80", addr: "198.51.100.9", secure: true, headers: http.Header{"Forwarded": {"For=127.0.0.1, for=198.51.100.9;Proto=https;by=10.1.1.1"}}},
		{name: "RFC 7239, IPv6 with a port", peer: "10.1.1.1:80", addr: "2001:db8::7", headers: http.Header{"Forwarded": {`for="[2001:db8::7]:4711"; proto=http`}}},
		{name: "RFC 7239, a name that is hidden", peer: "10.1.1.1:80", addr: "10.1.1.1", headers: http.Header{"Forwarded": {"for=198.51.100.9, for=_hidden"}}},
		{
			name: "quoted commas separate nothing", peer: "10.1.1.1:80", addr: "198.51.100.9",
			headers: http.Header{"Forwarded": {`for=198.51.100.9;host="a,for=203.0.113.5;proto=https";proto=http`}},
		},
		{
			name: "a quoted quote ends nothing", peer: "10.1.1.1:80", addr: "198.51.100.9", secure: true,
			headers: http.Header{"Forwarded": {`for=198.51.100.9;host="a\",for=203.0.113.5";proto=https`}},
		},
		{name: "a parameter twice", peer: "10.1.1.1:80", tls: true, addr: "invalid IP", headers: http.Header{"Forwarded": {"for=198.51.100.9;For=203.0.113.5"}}},
		{
			name: "a parameter twice behind a host without quotes", peer: "10.1.1.1:80", addr: "invalid IP",
			headers: http.Header{"Forwarded": {"for=198.51.100.9;host=a,for=203.0.113.5;proto=https;proto=http"}},
		},
		{name: "a value that is missing", peer: "10.1.1.1:80", addr: "invalid IP", headers: http.Header{"Forwarded": {"for=198.51.100.9;host=a,for=203.0.113.5;b=;proto=http"}}},
		{name: "a string that does not end", peer: "10.1.1.1:80", addr: "invalid IP", headers: http.Header{"Forwarded": {`for="198.51.100.9`}}},
		{
			name: "another field does not reach into the proxy's", peer: "10.1.1.1:80", addr: "invalid IP",
			headers: http.Header{"Forwarded": {`for="x`, `for=198.51.100.9"`}},
		},
		{name: "a string that is no address", peer: "10.1.1.1:80", addr: "10.1.1.1", headers: http.Header{"Forwarded": {`for="_x, for=203.0.113.5"`}}},
		{name: "an element that says something else", peer: "10.1.1.1:80", addr: "10.1.1.1", headers: http.Header{"Forwarded": {"for=203.0.113.5, by=x"}}},
		{name: "this machine, where a proxy has to be in front", peer: "127.0.0.1:80", addr: "127.0.0.1", fronted: true},
		{
			name: "both, and they agree", peer: "10.1.1.1:80", addr: "198.51.100.9", secure: true,
			headers: http.Header{"X-Forwarded-For": {"198.51.100.9"}, "Forwarded": {"for=198.51.100.9;proto=https"}, "X-Forwarded-Proto": {"https"}},
		},
		{
			name: "both, and one is the client's", peer: "10.1.1.1:80", addr: "invalid IP",
			headers: http.Header{"X-Forwarded-For": {"198.51.100.9"}, "X-Forwarded-Proto": {"https"}, "Forwarded": {"for=127.0.0.1;proto=https"}},
		},
		{
			name: "both, and they disagree about TLS", peer: "10.1.1.1:80", addr: "invalid IP",
			headers: http.Header{"X-Forwarded-Proto": {"https"}, "Forwarded": {"proto=http"}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := &http.Request{RemoteAddr: tt.peer, Header: tt.headers}
			if tt.tls {
				r.TLS = &tls.ConnectionState{}
			}
			got := trusted.client(r, tt.fronted)
			if got.addr.String() != tt.addr || got.secure != tt.secure || got.local != tt.local {
				t.Errorf("got %v secure=%v local=%v, want %v secure=%v local=%v", got.addr, got.secure, got.local, tt.addr, tt.secure, tt.local)
			}
		})
	}
}

// pipes is a listener whose connections come from addresses that the test
// chooses.
type pipes chan net.Conn

type pipeFrom struct {
	net.Conn
	from string
}

func (p pipeFrom) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(p.from))
}

func (p pipes) Accept() (net.Conn, error) {
	c, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (p pipes) Close() error   { close(p); return nil }
func (p pipes) Addr() net.Addr { return nil }

// dial offers a connection, and reports whether it is accepted.
func dial(t *testing.T, l *limitListener, from string) (net.Conn, bool) {
	t.Helper()
	inner := make(pipes)
	l.Listener, l.refused = inner, func() { inner.Close() }
	client, server := net.Pipe()
	go func() { inner <- pipeFrom{server, from} }()
	c, err := l.Accept()
	if err == nil {
		return c, true
	}
	client.SetReadDeadline(time.Now().Add(time.Minute))
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("a refused connection was not closed: %v", err)
	}
	return nil, false
}

func TestConnectionLimits(t *testing.T) {
	exempt := netip.MustParseAddr("198.51.100.1")
	l := &limitListener{total: 5, perAddress: 2, exempt: func(a netip.Addr) bool { return a == exempt }}
	var open []net.Conn
	for i, step := range []struct {
		from string
		want bool
	}{
		{"192.0.2.1:1", true}, {"192.0.2.1:2", true}, {"192.0.2.1:3", false}, // two for each address
		{"198.51.100.1:1", true}, {"198.51.100.1:2", true}, {"198.51.100.1:3", true}, // but not for this one
		{"203.0.113.1:1", false}, {"198.51.100.1:4", false}, // five in all
	} {
		c, got := dial(t, l, step.from)
		if got != step.want {
			t.Fatalf("connection %d from %s: taken %v, want %v", i+1, step.from, got, step.want)
		}
		if got {
			open = append(open, c)
		}
	}
	for range 2 { // closing twice counts once
		if err := open[0].Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, ok := dial(t, l, "192.0.2.1:4"); !ok {
		t.Error("a connection that was closed still counts")
	}
	if _, ok := dial(t, l, "192.0.2.1:5"); ok {
		t.Error("a connection that was closed twice counts twice")
	}
	for _, c := range open[1:] {
		c.Close()
	}
	if n := l.open.Load(); n != 1 {
		t.Errorf("after all but one were closed %d are open", n)
	}
}
