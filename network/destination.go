package network

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Destination is a network that requests of this server may reach although it
// is not public. Port 0 means the two ports of the Web, 80 and 443.
type Destination struct {
	Prefix netip.Prefix
	Port   uint16
}

// Contains reports whether the destination includes an address and port.
func (d Destination) Contains(at netip.AddrPort) bool {
	return d.Prefix.Contains(at.Addr().Unmap()) && (at.Port() == d.Port || d.Port == 0 && WebPort(at.Port()))
}

// WebPort reports whether a port is one of the two of the Web, 80 and 443.
func WebPort(port uint16) bool { return port == 80 || port == 443 }

// ParseDestinations reads networks or single addresses, each with or without a
// port, separated by white space or commas. An IPv6 network with a port is
// written in brackets: "10.0.0.0/8 127.0.0.1:8080 [fd00::/8]:80".
func ParseDestinations(text string) ([]Destination, error) {
	var list []Destination
	for _, word := range strings.FieldsFunc(text, func(c rune) bool { return c == ',' || c == ' ' || c == '\t' || c == '\n' || c == '\r' }) {
		n, err := parseDestination(word)
		if err != nil {
			return nil, fmt.Errorf("%q is not a network", word)
		}
		list = append(list, n)
	}
	return list, nil
}

func parseDestination(word string) (Destination, error) {
	var n Destination
	address := word
	if at := strings.LastIndexByte(word, ':'); at >= 0 && (strings.Count(word, ":") == 1 || word[at-1] == ']') {
		port, err := strconv.ParseUint(word[at+1:], 10, 16)
		if err != nil || port == 0 {
			return n, fmt.Errorf("port of %s", word)
		}
		n.Port, address = uint16(port), word[:at]
	}
	if inside, ok := strings.CutPrefix(address, "["); ok {
		// [fd00::]/8 and [fd00::/8] are the same.
		address = strings.Replace(inside, "]", "", 1)
	}
	if !strings.Contains(address, "/") {
		addr, err := netip.ParseAddr(address)
		if err != nil || addr.Zone() != "" {
			return n, fmt.Errorf("address %s", address)
		}
		addr = addr.Unmap()
		n.Prefix = netip.PrefixFrom(addr, addr.BitLen())
		return n, nil
	}
	var err error
	n.Prefix, err = netip.ParsePrefix(address)
	n.Prefix = n.Prefix.Masked()
	return n, err
}
