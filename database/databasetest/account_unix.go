//go:build unix

package databasetest

import "syscall"

// runAs starts a program as another user, unless owner is nil, and in its own
// process group if group is set.
func runAs(owner *account, group bool) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: group}
	if owner != nil {
		attr.Credential = &syscall.Credential{Uid: owner.uid, Gid: owner.gid}
	}
	return attr
}
