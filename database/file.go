package database

import (
	"errors"
	"fmt"
	"os"
)

// ErrReplaced means that the file of a SQLite database was removed or replaced
// since it was opened. Nothing is written then, since nobody could read it
// later.
var ErrReplaced = errors.New("the database file was removed or replaced while it was in use: put it back, or restart quillgate to use what is there now")

// file is the file of a SQLite database as it was when it was opened.
type file struct {
	path string
	info os.FileInfo
}

func fileOf(f *os.File, path string) (*file, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("look at the file: %w", err)
	}
	return &file{path, info}, nil
}

// check returns ErrReplaced if the name now belongs to another file, or to
// none.
func (f *file) check() error {
	info, err := os.Stat(f.path)
	if err == nil && os.SameFile(info, f.info) {
		return nil
	}
	if err == nil || errors.Is(err, os.ErrNotExist) {
		return ErrReplaced
	}
	return fmt.Errorf("look at the database file: %w", err)
}
