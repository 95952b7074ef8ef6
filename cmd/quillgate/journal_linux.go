package main

import (
	"fmt"
	"io"
	"os"
	"syscall"
)

// inJournal reports whether w writes to the journal of systemd. JOURNAL_STREAM
// holds the device and inode of the journal's stream. That the variable is set
// proves nothing, since child processes inherit it.
func inJournal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	if err != nil {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && os.Getenv("JOURNAL_STREAM") == fmt.Sprintf("%d:%d", stat.Dev, stat.Ino)
}
