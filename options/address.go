package options

import (
	"net/netip"
	"net/url"
	"path"
	"strconv"
	"strings"
)

// Address is the option with the address of the home page. A server reads it
// when it opens the blog, unless its operator gives an address. It belongs to
// the server and not to the content, so bundles do not carry it.
const Address = "blog_address"

// longestAddress is how many characters the address of a home page may have.
const longestAddress = 300

// AddressProblem returns why an address cannot be that of a home page, in words
// that go on after "this", or "" if it can.
func AddressProblem(address string) string {
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		return "must be http:// or https:// with a host name, such as https://blog.example"
	}
	port, err := strconv.Atoi(u.Port())
	last := path.Base(u.Path)
	switch {
	case len(address) > longestAddress:
		return "must not be longer than " + strconv.Itoa(longestAddress) + " characters"
	case u.User != nil:
		return "must not contain a user name or a password"
	case strings.ContainsAny(address, "?#"):
		return "must not contain ? or #"
	case strings.Trim(strings.ToLower(u.Hostname()), letters+"-._:") != "":
		return "must have a host name of letters, digits, dots and hyphens; international names are written as xn--…"
	case !isHost(u):
		return "must have a host name such as blog.example, without a dot at its end, or an IP address"
	case u.Port() != "" && (err != nil || port < 1 || port > 65535):
		return "must have a port from 1 to 65535, or none"
	case strings.HasSuffix(last, ".php") || strings.HasSuffix(last, ".html"):
		return "must be the address of the home page, without " + last + " at its end"
	case !isPath(u.EscapedPath()):
		return "must have a path of letters, digits, dots, hyphens and underscores, such as /blog, or none"
	}
	return ""
}

const letters = "abcdefghijklmnopqrstuvwxyz0123456789"

// isHost reports whether the host of an address is an IP address or a name
// without empty parts, followed by a port or by nothing.
func isHost(u *url.URL) bool {
	name := u.Hostname()
	if strings.HasSuffix(u.Host, ":") {
		return false
	}
	if strings.Contains(name, ":") {
		_, err := netip.ParseAddr(name)
		return err == nil
	}
	for part := range strings.SplitSeq(name, ".") {
		if part == "" || len(part) > 63 || strings.Trim(part, "-") != part {
			return false
		}
	}
	return true
}

// isPath reports whether requests for a path arrive as it is written: browsers
// and proxies change dot segments and doubled slashes, and write other
// characters in several ways.
func isPath(escaped string) bool {
	escaped = strings.TrimRight(escaped, "/")
	if escaped == "" {
		return true
	}
	for part := range strings.SplitSeq(escaped[1:], "/") {
		if part == "" || part == "." || part == ".." || strings.Trim(strings.ToLower(part), letters+"-._~") != "" {
			return false
		}
	}
	return true
}

// storedAddress returns an address without a problem in stored form: scheme and
// host in lower case, without the usual port, no slash at its end. Browsers
// write it so.
func storedAddress(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	u.Host = strings.ToLower(u.Host)
	u.Host = strings.TrimSuffix(u.Host, map[string]string{"http": ":80", "https": ":443"}[u.Scheme])
	return strings.TrimRight(u.String(), "/")
}
