package mediatest

import (
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Proxy stands between a client and an S3 server and simulates a bad network.
type Proxy struct {
	Endpoint string // http://127.0.0.1:PORT

	listener net.Listener
	to       string
	mu       sync.Mutex
	conns    map[net.Conn]bool
	mode     atomic.Int32
	delay    atomic.Int64 // for each 64 KiB on the way to the server
	answers  atomic.Int64 // if positive, the bytes that come back before the connection is cut
}

// The modes of a Proxy.
const (
	Passes  = iota
	Refuses // accepts connections and closes them
	Silent  // accepts connections and bytes, and answers nothing
	Says503 // answers every request with 503
)

// StartProxy starts a proxy in front of the server, which ends with the test.
func StartProxy(t testing.TB, s *S3) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Endpoint: "http://" + l.Addr().String(), listener: l, to: strings.TrimPrefix(s.Endpoint, "http://"), conns: map[net.Conn]bool{}}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { p.serve(c) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		p.cut()
		wg.Wait()
	})
	return p
}

// Set changes the mode of the proxy, also for open connections, which are cut.
func (p *Proxy) Set(mode int32) {
	p.mode.Store(mode)
	p.cut()
}

// Slow delays every 64 KiB on the way to the server.
func (p *Proxy) Slow(delay time.Duration) { p.delay.Store(int64(delay)) }

// LoseAnswers loses the next answer after the server has carried out the
// request.
func (p *Proxy) LoseAnswers() { p.answers.Store(1) }

func (p *Proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
	}
}

func (p *Proxy) hold(c net.Conn) (release func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns[c] = true
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.conns, c)
		c.Close()
	}
}

func (p *Proxy) serve(c net.Conn) {
	defer p.hold(c)()
	switch p.mode.Load() {
	case Refuses:
		return
	case Silent:
		_, _ = io.Copy(io.Discard, c)
		return
	case Says503:
		l := &one{conn: c, done: make(chan struct{})}
		_ = (&http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/xml")
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, `<Error><Code>SlowDown</Code><Message>reduce your request rate</Message></Error>`)
		}), ConnState: l.state}).Serve(l)
		return
	}
	server, err := net.Dial("tcp", p.to)
	if err != nil {
		return
	}
	defer p.hold(server)()
	var wg sync.WaitGroup
	wg.Go(func() {
		defer server.Close()
		p.forward(server, c)
	})
	wg.Go(func() {
		defer c.Close()
		p.back(c, server)
	})
	wg.Wait()
}

func (p *Proxy) forward(to io.Writer, from io.Reader) {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if d := p.delay.Load(); d > 0 {
				time.Sleep(time.Duration(d) * time.Duration(n) / time.Duration(len(buf)))
			}
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (p *Proxy) back(to io.Writer, from io.Reader) {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if p.answers.CompareAndSwap(1, 0) {
				return
			}
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// one is a listener for a single connection.
type one struct {
	conn  net.Conn
	given bool
	done  chan struct{}
	once  sync.Once
}

func (o *one) Accept() (net.Conn, error) {
	if !o.given {
		o.given = true
		return o.conn, nil
	}
	<-o.done
	return nil, net.ErrClosed
}

func (o *one) Close() error   { return nil }
func (o *one) Addr() net.Addr { return o.conn.LocalAddr() }

func (o *one) state(_ net.Conn, s http.ConnState) {
	if s == http.StateClosed {
		o.once.Do(func() { close(o.done) })
	}
}
