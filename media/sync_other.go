//go:build !unix

package media

import "os"

// syncDirectory does nothing where folders cannot be synced.
func syncDirectory(*os.File) error { return nil }
