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

// The limits that hold before anything is known about a request. The endpoint
// paces the bodies that it reads by what they bring (package xmlrpc);
// readTimeout is for all others, which no one reads.
const (
	maxHeaderBytes = 16 << 10
	headerTimeout  = 10 * time.Second
	readTimeout    = 30 * time.Second
	idleTimeout    = 10 * time.Second // html2wordpress1 reads until the connection ends
	writeTimeout   = 60 * time.Second // for each piece that is written, not for the whole answer
	maxConnections = 1024
	maxPerAddress  = 64
	maxStreams     = 32 // requests at the same time on one connection of HTTP/2
)

// limitListener refuses connections beyond a total and beyond a number from one network, by closing them at
// once.
type limitListener struct {
	net.Listener
	total, perAddress int
	exempt            func(netip.Addr) bool // from the second number
	refused           func()                // called for each connection that is closed

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
