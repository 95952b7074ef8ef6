//go:build unix

package databasetest

import "syscall"

// runAs starts a program as another user, unless owner is nil, and in a process group of its own if it is to have one.
func runAs(owner *account, group bool) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: group}
	if owner != nil {
		attr.Credential = &syscall.Credential{Uid: owner.uid, Gid: owner.gid}
	}
	return attr
}
