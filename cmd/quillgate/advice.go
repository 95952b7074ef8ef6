package main

import (
	"errors"
	"io/fs"
	"net"
	"net/url"
	"syscall"

	"github.com/quillgate/quillgate/database"
)

// advice is a sentence on what to do about an error, for those whose own words do not say it; "" when there is none.
func advice(err error) string {
	if text := database.Advice(err); text != "" {
		return text
	}
	var call *url.Error
	if errors.As(err, &call) {
		return adviceOnCall(call)
	}
	var network *net.OpError // its permissions are not those of files
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return "The disk is full, or a quota is used up. Make room; nothing that was acknowledged is lost."
	case errors.Is(err, syscall.EROFS):
		return "The file system is mounted for reading only, and quillgate has to write there. With systemd, StateDirectory or ReadWritePaths lets it."
	case errors.Is(err, fs.ErrPermission) && !errors.As(err, &network):
		return "Run this as the user that the data folder belongs to, such as: sudo -u quillgate quillgate …"
	}
	return ""
}

// adviceOnCall is a sentence on what to do when a server could not be asked.
func adviceOnCall(err *url.Error) string {
	var name *net.DNSError
	switch {
	case errors.As(err, &name):
		return "The host of this address is not known here. Check --url, and the name service."
	case errors.Is(err, syscall.ECONNREFUSED):
		return "No server listens there. Start one with \"quillgate serve\", or give the address of the endpoint with --url."
	case err.Timeout():
		return "The server does not answer in time. Check --url and what is between here and there, or wait longer with --timeout."
	}
	return ""
}
