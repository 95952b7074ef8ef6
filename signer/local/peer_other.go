//go:build !linux

package local

import "net/http"

// ownPeer returns true: these systems have no simple way to find out. The page
// shows no password.
func ownPeer(*http.Request) bool { return true }
