package server

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// client is where a request came from, as far as that is known.
type client struct {
	addr     netip.Addr
	secure   bool // over TLS, here or at a trusted proxy
	local    bool // from a program on this machine that is not a proxy for others
	unlisted bool // from an apparent proxy on this machine that is not trusted
}

// proxies are the networks whose X-Forwarded-For, X-Forwarded-Proto and
// Forwarded are trusted.
type proxies []netip.Prefix

func (p proxies) contains(addr netip.Addr) bool {
	for _, prefix := range p {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// client returns the origin of a request. The address is the socket's, unless
// the peer is a trusted proxy: then it is the rightmost hop that is not one.
// Hops further left were written by the client and prove nothing.
//
// With fronted, no client counts as local; see Server.fronted.
//
// Proxies set X-Forwarded-For and X-Forwarded-Proto, or Forwarded (RFC 7239),
// and pass the others on as the client wrote them. If both are there and
// disagree, it is unknown which one the proxy set: then neither the address is
// known, nor that TLS was used. The same holds if the field Forwarded cannot be
// parsed.
func (p proxies) client(r *http.Request, fronted bool) client {
	c := client{addr: socketAddr(r.RemoteAddr), secure: r.TLS != nil}
	plain, standard := xForwarded(r.Header), forwarded(r.Header)
	if !p.contains(c.addr) {
		c.unlisted = c.addr.IsLoopback() && (plain.there || standard.there || fronted)
		c.local = c.addr.IsLoopback() && !c.unlisted
		return c
	}
	told := plain
	switch {
	case standard.broken:
		return client{}
	case !plain.there:
		told = standard
	case standard.there && !plain.agrees(standard):
		return client{}
	}
	if told.proto != "" {
		c.secure = strings.EqualFold(told.proto, "https")
	}
	for i := len(told.hops) - 1; i >= 0; i-- {
		addr, err := parseHop(told.hops[i])
		if err != nil {
			break // the proxy wrote something else, such as "unknown": its own address is the last known one
		}
		c.addr = addr
		if !p.contains(addr) {
			break
		}
	}
	c.local = c.addr.IsLoopback()
	return c
}

// forwarding is what a proxy says about a request.
type forwarding struct {
	there bool
	hops  []string // as written, nearest last
	proto string   // between the nearest proxy and the one before it; "" if unknown
	host  string   // the host that the nearest proxy was asked for, in RFC 7239 only; "" if unknown

	broken bool // the field cannot be parsed, and is ignored
}

func xForwarded(h http.Header) forwarding {
	f := forwarding{hops: listOf(h.Values("X-Forwarded-For")), proto: lastOf(h.Values("X-Forwarded-Proto"))}
	f.there = len(f.hops) > 0 || f.proto != ""
	return f
}

// agrees reports whether two fields describe the nearest hop alike, as far as
// both describe it.
func (f forwarding) agrees(g forwarding) bool {
	if f.proto != "" && g.proto != "" && !strings.EqualFold(f.proto, g.proto) {
		return false
	}
	if len(f.hops) == 0 || len(g.hops) == 0 {
		return true
	}
	a, errA := parseHop(f.hops[len(f.hops)-1])
	b, errB := parseHop(g.hops[len(g.hops)-1])
	return errA == nil && errB == nil && a == b
}

// socketAddr parses "address:port". A mapped IPv4 address becomes plain. The
// zero address stands for none.
func socketAddr(s string) netip.Addr {
	ap, err := netip.ParseAddrPort(s)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

// parseHop parses one hop, which some proxies write with a port.
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
