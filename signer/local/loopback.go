package local

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// Listen listens on a loopback address and on its counterpart of the other
// family, at the same port: for some clients localhost is 127.0.0.1, for others
// ::1. On a computer without IPv6 there is only one. Addresses that other
// computers can reach are refused.
func Listen(ctx context.Context, address string) ([]net.Listener, error) {
	at, err := loopbackAddress(address)
	if err != nil {
		return nil, err
	}
	var lc net.ListenConfig
	first, err := lc.Listen(ctx, "tcp", at.String())
	if err != nil {
		return nil, occupied(ctx, at, err)
	}
	all := []net.Listener{first}
	twin := netip.IPv6Loopback()
	if at.Addr().Is6() {
		twin = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	port := first.Addr().(*net.TCPAddr).Port
	second, err := lc.Listen(ctx, "tcp", netip.AddrPortFrom(twin, uint16(port)).String())
	switch {
	case err == nil:
		all = append(all, second)
	case isInUse(err):
		return nil, errors.Join(occupied(ctx, netip.AddrPortFrom(twin, uint16(port)), err), first.Close())
	}
	return all, nil
}

// loopbackAddress parses an address with a port that only this computer can
// reach.
func loopbackAddress(address string) (netip.AddrPort, error) {
	number, isNamed := strings.CutPrefix(address, "localhost:")
	if isNamed {
		address = "127.0.0.1:" + number
	}
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return at, fmt.Errorf("listen on %q: that is not an address with a port, such as 127.0.0.1:8787", address)
	}
	if !at.Addr().IsLoopback() {
		return at, fmt.Errorf("listen on %s: the signer serves this computer only; use 127.0.0.1", address)
	}
	return at, nil
}

// occupied explains why a port is not available. It requests the page of a
// signer there: the usual reason is a second start.
func occupied(ctx context.Context, at netip.AddrPort, err error) error {
	if !isInUse(err) {
		return inUse(at, err)
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, reqErr := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+at.String()+"/", nil)
	if reqErr != nil {
		return inUse(at, err)
	}
	resp, reqErr := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if reqErr != nil {
		return fmt.Errorf("%w; another program uses it, so choose another port with --listen", inUse(at, err))
	}
	defer resp.Body.Close()
	if resp.Header.Get(signerHeader) != "" {
		return fmt.Errorf("a signer is already running at http://%s/: %w", at, inUse(at, err))
	}
	return fmt.Errorf("%w; another HTTP server uses it, so choose another port with --listen", inUse(at, err))
}

// signerHeader is the header field by which a signer recognizes another.
const signerHeader = "X-Quillgate-Signer"

// isLoopbackHost reports whether a Host field names this computer. The
// comparison with a list prevents a web page from reaching the signer under a
// name of its own that resolves to this computer (DNS rebinding).
func isLoopbackHost(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	if strings.EqualFold(name, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(name)
	return err == nil && addr.Zone() == "" && addr.IsLoopback()
}

// fromWebPage reports whether a browser sent the request on behalf of a page.
// Publishing clients send neither field. For an address that a person entered,
// browsers send Sec-Fetch-Site: none.
func fromWebPage(r *http.Request) bool {
	if len(r.Header.Values("Origin")) > 0 {
		return true
	}
	for _, site := range r.Header.Values("Sec-Fetch-Site") {
		if site != "none" && !(site == "same-origin" && (r.Method == http.MethodGet || r.Method == http.MethodHead)) || r.Method == http.MethodPost {
			return true
		}
	}
	return false
}
