package options

import (
	"net/url"
	"strconv"
	"strings"
)

// Address is the option with the address of the home page. A server reads it
// when it opens the blog, unless its operator gives an address. It belongs to
// the server and not to the content, so bundles do not carry it.
const Address = "blog_address"

// AddressProblem returns why an address cannot be that of a home page, in words
// that go on after "this", or "" if it can.
func AddressProblem(address string) string {
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		return "must be http:// or https:// with a host name, such as https://blog.example"
	}
	port, err := strconv.Atoi(u.Port())
	switch {
	case u.User != nil:
		return "must not contain a user name or a password"
	case strings.ContainsAny(address, "?#"):
		return "must not contain ? or #"
	case strings.Trim(strings.ToLower(u.Hostname()), "abcdefghijklmnopqrstuvwxyz0123456789-._:") != "":
		return "must have a host name of letters, digits, dots and hyphens; international names are written as xn--…"
	case u.Port() != "" && (err != nil || port < 1 || port > 65535):
		return "must have a port from 1 to 65535, or none"
	}
	return ""
}

// storedAddress returns an address without a problem in stored form: scheme and
// host in lower case, no slash at its end.
func storedAddress(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	u.Host = strings.ToLower(u.Host)
	return strings.TrimRight(u.String(), "/")
}
