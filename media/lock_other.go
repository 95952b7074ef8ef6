//go:build !unix

package media

import "os"

// Without locks between processes a folder belongs to one process at a time.

func tryLockAlone(*os.File) (bool, error) { return true, nil }
func lockShared(*os.File) error           { return nil }

// syncDirectory does nothing where folders cannot be synced.
func syncDirectory(*os.File) error { return nil }
