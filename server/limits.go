package server

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// The limits that hold before anything is known about a request. The endpoint paces the bodies that it reads by what
// they bring (package xmlrpc); readTimeout is for all others, which nobody reads.
const (
	maxHeaderBytes = 16 << 10
	headerTimeout  = 10 * time.Second
	readTimeout    = 30 * time.Second
	idleTimeout    = 10 * time.Second // html2wordpress1 reads until the connection ends
	writeTimeout   = 60 * time.Second // for each piece that is written, not for the whole answer
	maxConnections = 1024
	maxPerAddress  = 64
	maxStreams     = 32 // requests at one time on one connection of HTTP/2
)

// limitListener refuses connections beyond a number in all and a number from one address, by closing them at once.
type limitListener struct {
	net.Listener
	total, perAddress int
	exempt            func(netip.Addr) bool // from the second number
	refused           func()                // called for each connection that is closed

	mu   sync.Mutex
	open int
	from map[netip.Addr]int
}

func (l *limitListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		addr := socketAddr(conn.RemoteAddr().String())
		if l.admit(addr) {
			return &limitedConn{Conn: conn, release: sync.OnceFunc(func() { l.leave(addr) })}, nil
		}
		l.refused()
		conn.Close()
	}
}

func (l *limitListener) admit(addr netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open >= l.total || (l.from[addr] >= l.perAddress && !l.exempt(addr)) {
		return false
	}
	if l.from == nil {
		l.from = make(map[netip.Addr]int)
	}
	l.open++
	l.from[addr]++
	return true
}

func (l *limitListener) leave(addr netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	if l.from[addr]--; l.from[addr] == 0 {
		delete(l.from, addr)
	}
}

type limitedConn struct {
	net.Conn
	release func()
}

func (c *limitedConn) Close() error {
	c.release()
	return c.Conn.Close()
}
