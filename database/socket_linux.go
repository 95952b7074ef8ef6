package database

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// userTimeout is how long sent data may remain unacknowledged by the other
// host, in milliseconds.
const userTimeout = 8000

// tuneSocket makes the system give up a connection whose other host does not
// acknowledge data.
func tuneSocket(network, _ string, raw syscall.RawConn) error {
	if network == "unix" {
		return nil
	}
	var err error
	if outer := raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, userTimeout)
	}); outer != nil {
		return outer
	}
	return err
}

// stillOpen reports whether nothing has arrived on a connection on which nothing
// was asked. The end of the connection would have, and so would the last words
// of the server.
func stillOpen(c net.Conn) bool {
	inner, ok := c.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := inner.SyscallConn()
	if err != nil {
		return false
	}
	var read error
	err = raw.Control(func(fd uintptr) {
		_, _, read = unix.Recvfrom(int(fd), make([]byte, 1), unix.MSG_PEEK|unix.MSG_DONTWAIT)
	})
	return err == nil && read == unix.EAGAIN
}
