package databasetest

import "syscall"

// freeBytes is how much can be written into a folder; 0 when it is not there.
func freeBytes(folder string) uint64 {
	var s syscall.Statfs_t
	if err := syscall.Statfs(folder, &s); err != nil {
		return 0
	}
	return s.Bavail * uint64(s.Bsize)
}
