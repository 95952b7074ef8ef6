//go:build !linux

package database

import "syscall"

// tuneSocket does nothing: other systems know no time-out for what is not acknowledged. The deadlines of link hold there.
func tuneSocket(string, string, syscall.RawConn) error { return nil }
