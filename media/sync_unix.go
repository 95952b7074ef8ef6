//go:build unix

package media

import "os"

func syncDirectory(d *os.File) error { return d.Sync() }
