//go:build unix && !linux

package local

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Protect keeps the secrets of this process out of core files.
func Protect() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("forbid core files: %w", err)
	}
	return nil
}
