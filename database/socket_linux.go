package database

import (
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
