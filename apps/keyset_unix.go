//go:build unix

package apps

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// giveToOwnerOf gives a file to the owner of the one that it is to replace: a
// command that the administrator of the machine runs must not take the keyset away from the server.
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

// lockAlone takes the lock of a file; false says that another process holds it.
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
