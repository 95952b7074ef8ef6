package main

import (
	"errors"
	"io/fs"
	"net"
	"syscall"

	"github.com/quillgate/quillgate/database"
)

// advice is a sentence on what to do about an error, for those whose own words do not say it; "" when there is none.
func advice(err error) string {
	if text := database.Advice(err); text != "" {
		return text
	}
	var other net.Error
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return "The disk is full, or a quota is used up. Make room; nothing that was acknowledged is lost."
	case errors.Is(err, syscall.EROFS):
		return "The file system is mounted for reading only, and quillgate has to write there. With systemd, StateDirectory or ReadWritePaths lets it."
	case errors.Is(err, fs.ErrPermission) && !errors.As(err, &other):
		return "Run this as the user that the data folder belongs to, such as: sudo -u quillgate quillgate …"
	}
	return ""
}
