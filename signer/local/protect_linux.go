package local

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Protect hides the memory of this process from other processes of the user: it
// writes no core file, and cannot be traced (prctl(2), PR_SET_DUMPABLE).
func Protect() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("forbid core files: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("protect the memory from other processes: %w", err)
	}
	return nil
}
