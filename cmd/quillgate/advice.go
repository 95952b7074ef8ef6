package main

import (
	"errors"
	"io/fs"
	"net"
	"net/url"
	"syscall"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/media"
	"github.com/quillgate/quillgate/network"
)

// advice returns a sentence on what to do about an error whose own text does
// not explain it, or "" if there is no advice.
func advice(err error) string {
	if text := database.Advice(err); text != "" {
		return text
	}
	if text := adviceOnMedia(err); text != "" {
		return text
	}
	var call *url.Error
	if errors.As(err, &call) {
		return adviceOnCall(call)
	}
	var network *net.OpError // a permission error of the network is not about files
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

// adviceOnMedia returns a sentence on what to do about the store of uploads.
func adviceOnMedia(err error) string {
	elsewhere, ok := errors.AsType[*media.Elsewhere](err)
	switch {
	case ok && elsewhere.Foreign:
		return "Each blog needs a place of its own: give another prefix, s3://BUCKET/PREFIX, or another folder. If it is this blog's after all, run \"quillgate media accept\"."
	case ok:
		return "Servers of one blog need the same folder or bucket: check --media, and that shared folders are mounted. To change the place, run \"quillgate media move --to PLACE\" first. If the files are gone for good, run \"quillgate media accept\"."
	case errors.Is(err, media.ErrRefused):
		return "The S3 server refuses access. Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, what they may do (get, put, delete and list objects), and the name of the bucket."
	case errors.Is(err, media.ErrUnavailable):
		return "The S3 server does not answer as it should. Check the endpoint in --media, and the network in between."
	}
	return ""
}

// adviceOnCall returns a sentence on what to do if a server could not be
// called.
func adviceOnCall(err *url.Error) string {
	switch network.FailureOf(err) {
	case network.NameUnknown, network.NameNotFound:
		return "The host name in this address is unknown. Check --url and DNS."
	case network.Refused:
		return "No server listens there. Start one with \"quillgate serve\", or give the address of the endpoint with --url."
	case network.TimedOut:
		return "The server does not answer in time. Check --url and the network in between, or wait longer with --timeout."
	}
	return ""
}
