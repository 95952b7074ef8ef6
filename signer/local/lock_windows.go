package local

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/windows"
)

// locked changes a file while no other process does.
func locked(path string, change func() error) (err error) {
	f, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("lock %s: %w", path, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var at windows.Overlapped
	if err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK, 0, 1, 0, &at); err != nil {
		return fmt.Errorf("lock %s: %w", path, err)
	}
	return change()
}

// syncFolder does nothing: Windows has no such call, and orders renames itself.
func syncFolder(string) error { return nil }
