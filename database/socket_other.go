//go:build !linux

package database

import (
	"net"
	"syscall"
)

// tuneSocket does nothing: other systems have no time limit for unacknowledged
// data. The deadlines of link apply there.
func tuneSocket(string, string, syscall.RawConn) error { return nil }

// stillOpen cannot know.
func stillOpen(net.Conn) bool { return true }
