package server

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// client is where a request came from, as far as it can be known.
type client struct {
	addr   netip.Addr
	secure bool // TLS, here or at a trusted proxy
}

// proxies are the networks whose X-Forwarded-For and X-Forwarded-Proto are believed.
type proxies []netip.Prefix

func (p proxies) contains(addr netip.Addr) bool {
	for _, prefix := range p {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// client finds the address behind a request: the socket's, unless the peer is a trusted proxy, then the rightmost
// hop of X-Forwarded-For that is not one. What stands further left was written by the client and proves nothing.
func (p proxies) client(r *http.Request) client {
	c := client{addr: socketAddr(r.RemoteAddr), secure: r.TLS != nil}
	if !p.contains(c.addr) {
		return c
	}
	if proto := lastOf(r.Header.Values("X-Forwarded-Proto")); proto != "" {
		c.secure = strings.EqualFold(proto, "https")
	}
	hops := listOf(r.Header.Values("X-Forwarded-For"))
	for i := len(hops) - 1; i >= 0; i-- {
		addr, err := parseHop(hops[i])
		if err != nil {
			break // the proxy wrote something else, such as "unknown": its own address is the last that is known
		}
		c.addr = addr
		if !p.contains(addr) {
			break
		}
	}
	return c
}

// socketAddr reads "address:port"; a mapped IPv4 address becomes plain. The zero address stands for none.
func socketAddr(s string) netip.Addr {
	ap, err := netip.ParseAddrPort(s)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

// parseHop reads one hop of X-Forwarded-For, which some proxies write with a port.
func parseHop(s string) (netip.Addr, error) {
	if host, _, err := net.SplitHostPort(s); err == nil {
		s = host
	}
	addr, err := netip.ParseAddr(strings.Trim(s, "[]"))
	return addr.Unmap().WithZone(""), err
}

// listOf joins the fields of a list header, in the order of arrival.
func listOf(fields []string) []string {
	var out []string
	for _, f := range fields {
		for _, s := range strings.Split(f, ",") {
			if s = strings.TrimSpace(s); s != "" {
				out = append(out, s)
			}
		}
	}
	return out
}

func lastOf(fields []string) string {
	all := listOf(fields)
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1]
}
