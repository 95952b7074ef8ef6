package server

import (
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/quillgate/quillgate/auth"
)

// origin returns the address that the client used: that of the connection,
// unless the peer is a trusted proxy that names another. home is the address of
// the site.
func (p proxies) origin(r *http.Request, home *url.URL) auth.Origin {
	o := auth.Origin{Scheme: "http"}
	if recordOf(r.Context()).client.secure {
		o.Scheme = "https"
	}
	o.Authority = p.authority(r)
	o.Own = sameHost(o.Authority, home.Host) || onThisMachine(o.Authority)
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok && !o.Own {
		o.Own = o.Authority == local.String()
	}
	return o
}

// authority returns the host that the client requested: that of the request,
// unless the peer is a trusted proxy that names another.
func (p proxies) authority(r *http.Request) string {
	if p.contains(socketAddr(r.RemoteAddr)) {
		if host := lastOf(r.Header.Values("X-Forwarded-Host")); host != "" {
			return host
		}
		if host := forwarded(r.Header).host; host != "" {
			return host
		}
	}
	return r.Host
}

// sameHost compares two authorities without their ports: a host is one site on
// any port.
func sameHost(a, b string) bool {
	return a != "" && strings.EqualFold((&url.URL{Host: a}).Hostname(), (&url.URL{Host: b}).Hostname())
}

// onThisMachine reports whether an authority is a name that every machine has
// for itself.
func onThisMachine(authority string) bool {
	host := (&url.URL{Host: authority}).Hostname()
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
