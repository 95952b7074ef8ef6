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
		return "The disk is full, or a quota is used up. Free some space. Nothing that was acknowledged is lost."
	case errors.Is(err, syscall.EROFS):
		return "The file system is mounted read-only, but quillgate needs to write there. With systemd, allow that with StateDirectory or ReadWritePaths."
	case errors.Is(err, fs.ErrPermission) && !errors.As(err, &network):
		return "Run this as the user that owns the data folder, for example: sudo -u quillgate quillgate …"
	}
	return ""
}

// adviceOnCall is a sentence on what to do when a server could not be asked.
func adviceOnCall(err *url.Error) string {
	var name *net.DNSError
	switch {
	case errors.As(err, &name):
		return "The host name in this address is unknown. Check --url and DNS."
	case errors.Is(err, syscall.ECONNREFUSED):
		return "No server listens there. Start one with \"quillgate serve\", or give the address of the endpoint with --url."
	case err.Timeout():
		return "The server does not answer in time. Check --url and the network in between, or wait longer with --timeout."
	}
	return ""
}
