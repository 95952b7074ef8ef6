//go:build !unix

package databasetest

import "syscall"

// runAs does nothing on systems without Unix users and process groups.
func runAs(*account, bool) *syscall.SysProcAttr { return nil }
