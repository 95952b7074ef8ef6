package local

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// ownPeer reports whether the process at the other end of a loopback connection
// belongs to the signer's user or to root. The kernel's table of connections
// has the user of each.
func ownPeer(r *http.Request) bool {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	for _, table := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		f, err := os.Open(table)
		if err != nil {
			continue
		}
		uid, found := owner(f, at)
		f.Close()
		if found {
			return uid == 0 || uid == os.Getuid()
		}
	}
	return false
}

// owner returns the user of the connection whose local end is at.
func owner(table io.Reader, at netip.AddrPort) (uid int, found bool) {
	lines := bufio.NewScanner(table)
	for lines.Scan() {
		// sl local_address rem_address st queues tr tm->when retrnsmt uid …
		fields := strings.Fields(lines.Text())
		if len(fields) < 8 {
			continue
		}
		local, ok := kernelAddr(fields[1])
		if !ok || local.Port() != at.Port() || local.Addr().Unmap() != at.Addr().Unmap() {
			continue
		}
		if uid, err := strconv.Atoi(fields[7]); err == nil {
			return uid, true
		}
	}
	return 0, false
}

// kernelAddr parses an address of the table: 32-bit words in the byte order of
// the machine, and a port.
func kernelAddr(text string) (netip.AddrPort, bool) {
	host, port, ok := strings.Cut(text, ":")
	raw, err := hex.DecodeString(host)
	if !ok || err != nil || len(raw)%4 != 0 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(raw); i += 4 {
		binary.NativeEndian.PutUint32(raw[i:], binary.BigEndian.Uint32(raw[i:]))
	}
	addr, ok := netip.AddrFromSlice(raw)
	var n uint16
	_, err = fmt.Sscanf(port, "%04X", &n)
	return netip.AddrPortFrom(addr, n), ok && err == nil
}
