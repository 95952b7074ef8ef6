package databasetest

import "syscall"

// freeBytes returns the free space for a folder, or 0 if it does not exist.
func freeBytes(folder string) uint64 {
	var s syscall.Statfs_t
	if err := syscall.Statfs(folder, &s); err != nil {
		return 0
	}
	return s.Bavail * uint64(s.Bsize)
}
