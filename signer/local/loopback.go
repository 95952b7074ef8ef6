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

// Listen listens on a loopback address and on its twin of the other family, at
// the same port: to some programs localhost is 127.0.0.1, to others ::1. A
// computer without IPv6 has the one only. Addresses that others can reach are
// refused.
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

// loopbackAddress reads an address with a port on which only this computer can
// reach the signer.
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

// occupied says why a port cannot be had, and asks whoever has it for the page
// of a signer: a second start is the usual reason.
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

// signerHeader is the field by which a signer knows another.
const signerHeader = "X-Quillgate-Signer"

// isLoopbackHost reports whether a Host field names this computer. Comparing
// with a list is what keeps a web page from reaching the signer under a name of
// its own that leads here (DNS rebinding).
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
// Programs that publish send neither field. A person who opens the address by
// hand sends Sec-Fetch-Site: none.
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
