//go:build !unix

package databasetest

import "syscall"

// runAs does nothing where users and process groups are something else.
func runAs(*account, bool) *syscall.SysProcAttr { return nil }
