//go:build darwin || windows

package local

import "context"

// available returns nil: these systems always have a keyring, and prompt the
// person themselves if it is locked.
func available(context.Context) error { return nil }
