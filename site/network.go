package site

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Network is a part of the network that pingbacks may reach although it is not public. A port of 0 stands for the two of
// the Web, 80 and 443.
type Network struct {
	Prefix netip.Prefix
	Port   uint16
}

// ParseNetworks reads the value of the option pingback_networks: networks or single addresses, with a port or without,
// between blanks or commas. An IPv6 network with a port stands in brackets: "10.0.0.0/8 127.0.0.1:8080 [fd00::/8]:80".
func ParseNetworks(text string) ([]Network, error) {
	var list []Network
	for _, word := range strings.FieldsFunc(text, func(c rune) bool { return c == ',' || c == ' ' || c == '\t' || c == '\n' || c == '\r' }) {
		n, err := parseNetwork(word)
		if err != nil {
			return nil, fmt.Errorf("%q is not a network", word)
		}
		list = append(list, n)
	}
	return list, nil
}

func parseNetwork(word string) (Network, error) {
	var n Network
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

// PingbackNetworks are the networks that pingbacks may reach next to public
// addresses.
func (o *Options) PingbackNetworks() []Network {
	list, _ := ParseNetworks(o.Text("pingback_networks")) // the table checks it on its way in
	return list
}
