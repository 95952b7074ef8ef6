package server

import (
	"math"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quillgate/quillgate/network"
)

// Limits that apply before anything is known about a request. The endpoint
// limits the pace of the bodies that it reads (package xmlrpc); readTimeout
// applies to all others, which nobody reads.
const (
	maxHeaderBytes = 16 << 10
	headerTimeout  = 10 * time.Second
	readTimeout    = 30 * time.Second
	idleTimeout    = 10 * time.Second // html2wordpress1 reads until the connection ends
	writeTimeout   = 60 * time.Second // for each write, not for the whole response
	maxConnections = 1024
	maxPerAddress  = 64
	maxStreams     = 32 // concurrent requests on one HTTP/2 connection
)

// limitListener closes connections at once beyond a total number and beyond a
// number from one network.
type limitListener struct {
	net.Listener
	total, perAddress int
	exempt            func(netip.Addr) bool // networks without the second limit
	refused           func()                // called for each closed connection

	open atomic.Int64
	from network.Share[netip.Prefix]
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
	most := int64(l.perAddress)
	if l.exempt(addr) {
		most = math.MaxInt64
	}
	if !l.from.Take(network.Of(addr), 1, most) {
		return false
	}
	if l.open.Add(1) > int64(l.total) {
		l.leave(addr)
		return false
	}
	return true
}

func (l *limitListener) leave(addr netip.Addr) {
	l.open.Add(-1)
	l.from.Give(network.Of(addr), 1)
}

type limitedConn struct {
	net.Conn
	release func()
}

func (c *limitedConn) Close() error {
	c.release()
	return c.Conn.Close()
}
