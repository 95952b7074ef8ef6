package database

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// userTimeout is for how many milliseconds what was sent may stay without an acknowledgement of the other host.
const userTimeout = 8000

// tuneSocket has the system give up a connection whose other host does not acknowledge what it is sent.
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
