//go:build !linux

package databasetest

// freeBytes is 0: memory in the form of files is looked for on Linux only.
func freeBytes(string) uint64 { return 0 }
