package databasetest

import (
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Proxy forwards connections to a PostgreSQL server, with the faults of a
// network. It stops when the test ends.
type Proxy struct {
	url      string
	listener net.Listener

	target string

	trips  atomic.Int64 // for RoundTrips
	delay  atomic.Int64 // for each piece of data, in nanoseconds
	silent atomic.Bool

	mu   sync.Mutex
	ways []*way
}

// NewProxy returns a proxy for the server of a URL.
func NewProxy(t testing.TB, address string) *Proxy {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{listener: l, target: u.Host}
	u.Host = l.Addr().String()
	p.url = u.String()
	t.Cleanup(func() { l.Close(); p.Cut() })
	go p.accept()
	return p
}

// URL returns the URL of the database through the proxy.
func (p *Proxy) URL() string { return p.url }

// Delay delays every piece of data, in either direction.
func (p *Proxy) Delay(d time.Duration) { p.delay.Store(int64(d)) }

// Silence makes the proxy drop everything, as a dead host or a forgetful
// firewall does, on open and on new connections. When it is turned off, the
// connections that were open stay silent.
func (p *Proxy) Silence(on bool) {
	p.silent.Store(on)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range p.ways {
		w.swallow.Store(true)
	}
}

// RoundTrips returns how often a client has waited for an answer: how often a
// client began to send after the server had answered, or on a new connection.
func (p *Proxy) RoundTrips() int64 { return p.trips.Load() }

// Cut breaks all connections.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range p.ways {
		w.from.Close()
		w.to.Close()
	}
	p.ways = nil
}

func (p *Proxy) accept() {
	for {
		from, err := p.listener.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("tcp", p.target)
		if err != nil {
			from.Close()
			continue
		}
		w := &way{proxy: p, from: from, to: to}
		p.mu.Lock()
		w.swallow.Store(p.silent.Load())
		p.ways = append(p.ways, w)
		p.mu.Unlock()
		go w.pass(from, to)
		go w.pass(to, from)
	}
}

// way is a connection.
type way struct {
	proxy    *Proxy
	from, to net.Conn
	asked    atomic.Bool // the client was the last to send
	swallow  atomic.Bool // permanently
}

// pass forwards what it reads, or drops it.
func (w *way) pass(from, to net.Conn) {
	b := make([]byte, 64<<10)
	for {
		n, err := from.Read(b)
		switch {
		case w.swallow.Load():
		case err != nil:
			to.Close()
		default:
			if client := from == w.from; w.asked.Swap(client) != client && client {
				w.proxy.trips.Add(1)
			}
			if d := w.proxy.delay.Load(); d > 0 {
				time.Sleep(time.Duration(d))
			}
			if _, err := to.Write(b[:n]); err != nil {
				from.Close()
			}
		}
		if err != nil {
			from.Close()
			return
		}
	}
}
