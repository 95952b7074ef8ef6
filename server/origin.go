package server

import (
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/quillgate/quillgate/auth"
)

// origin tells which address the client used: that of the connection, unless the peer is a trusted proxy that says
// another. home is the address of the site.
func (p proxies) origin(r *http.Request, home *url.URL) auth.Origin {
	o := auth.Origin{Scheme: "http", Authority: r.Host}
	if recordOf(r.Context()).client.secure {
		o.Scheme = "https"
	}
	if p.contains(socketAddr(r.RemoteAddr)) {
		if host := lastOf(r.Header.Values("X-Forwarded-Host")); host != "" {
			o.Authority = host
		} else if host := forwarded(r.Header).host; host != "" {
			o.Authority = host
		}
	}
	o.Own = sameHost(o.Authority, home.Host) || onThisMachine(o.Authority)
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok && !o.Own {
		o.Own = o.Authority == local.String()
	}
	return o
}

// sameHost compares two authorities without their ports: a host is one site, whatever ports lead to it.
func sameHost(a, b string) bool {
	return a != "" && strings.EqualFold((&url.URL{Host: a}).Hostname(), (&url.URL{Host: b}).Hostname())
}

// onThisMachine tells the names that every machine has for itself.
func onThisMachine(authority string) bool {
	host := (&url.URL{Host: authority}).Hostname()
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
