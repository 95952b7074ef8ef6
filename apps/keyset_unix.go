//go:build unix

package apps

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// giveToOwnerOf gives a file to the owner of the file that it will replace, so
// that a command run by root does not take the keyset away from the server.
func giveToOwnerOf(f *os.File, path string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	return f.Chown(int(stat.Uid), int(stat.Gid))
}

// lockAlone locks a file. It returns false if another process holds the lock.
func lockAlone(f *os.File) (bool, error) {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case errors.Is(err, syscall.EWOULDBLOCK):
			return false, nil
		case !errors.Is(err, syscall.EINTR):
			return err == nil, err
		}
	}
}
