package profiles

import (
	"errors"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// errTarget means that credentials must not be sent to an address.
var errTarget = errors.New("an address that credentials may not go to")

// target is the address to which an application expects the response.
type target struct{ url *url.URL }

// Schemes that mean something to a browser or an operating system, and do not
// belong to applications of a person.
var foreignSchemes = []string{
	"javascript", "data", "vbscript", "file", "blob", "filesystem", "about", "view-source", "intent", "android-app", "content",
	"mailto", "tel", "sms", "news", "ftp", "ws", "wss", "jar", "chrome", "resource", "moz-extension", "chrome-extension", "ms-appx", "x-javascript",
	"mhtml", "livescript", "mocha", "feed", "res", "shell",
}

var (
	schemePattern = regexp.MustCompile(`^[a-z][a-z0-9+.-]+$`)
	hostPattern   = regexp.MustCompile(`^[A-Za-z0-9.-]+(:[0-9]{1,5})?$`)
)

// parseTarget parses an address given by an application: https anywhere, http
// on this computer (RFC 8252, section 7.3), or a scheme that an application has
// registered (section 7.1). It refuses everything ambiguous with errTarget.
func parseTarget(text string) (target, error) {
	if len(text) > 2000 || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune("\\\"'<>`", r) }) {
		return target{}, errTarget
	}
	u, err := url.Parse(text)
	if err != nil || u.User != nil || !schemePattern.MatchString(u.Scheme) || slices.Contains(foreignSchemes, u.Scheme) {
		return target{}, errTarget
	}
	switch u.Scheme {
	case "https":
		if !hostPattern.MatchString(u.Host) && !isLoopback(u) {
			return target{}, errTarget
		}
	case "http":
		if !isLoopback(u) {
			return target{}, errTarget
		}
	}
	if _, err := url.ParseQuery(u.RawQuery); err != nil {
		return target{}, errTarget
	}
	return target{u}, nil
}

func isLoopback(u *url.URL) bool {
	if u.Hostname() == "localhost" {
		return hostPattern.MatchString(u.Host)
	}
	addr, err := netip.ParseAddr(u.Hostname())
	return err == nil && addr.IsLoopback() && addr.Zone() == ""
}

// with is the address with more in its query. What was there under the same name goes.
func (t target) with(values map[string]string) string {
	u := *t.url
	q := u.Query()
	for name, value := range values {
		q.Set(name, value)
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// where is the place in words: the host, or the scheme.
func (t target) where() string {
	if t.url.Scheme == "https" || t.url.Scheme == "http" {
		return t.url.Scheme + "://" + t.url.Host
	}
	return t.url.Scheme + ":"
}

// source is the place as a source of Content-Security-Policy. The grammar there has no IPv6 addresses.
func (t target) source() string {
	if t.url.Scheme != "https" && t.url.Scheme != "http" || strings.Contains(t.url.Host, "[") {
		return t.url.Scheme + ":"
	}
	return t.where()
}
