//go:build unix

package media

import (
	"errors"
	"os"
	"syscall"
)

// tryLockAlone takes the lock if no other process holds it, not even shared,
// and reports whether it did.
func tryLockAlone(file *os.File) (bool, error) {
	err := flock(file, syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}

// lockShared takes the lock together with others; one that was held alone becomes shared.
func lockShared(file *os.File) error { return flock(file, syscall.LOCK_SH) }

func flock(file *os.File, how int) error {
	for {
		err := syscall.Flock(int(file.Fd()), how)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

func syncDirectory(d *os.File) error { return d.Sync() }
