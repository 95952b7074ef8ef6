//go:build darwin || windows

package local

import "context"

// available returns nil: these systems always have a keyring, and ask the
// person themselves when it is locked.
func available(context.Context) error { return nil }
