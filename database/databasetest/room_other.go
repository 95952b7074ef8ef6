//go:build !linux

package databasetest

// freeBytes returns 0: a memory file system is used on Linux only.
func freeBytes(string) uint64 { return 0 }
