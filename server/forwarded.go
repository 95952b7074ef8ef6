package server

import (
	"errors"
	"net/http"
	"strings"
)

// hop is an element of the field Forwarded (RFC 7239 section 4), which one
// proxy has added. Missing parameters are "".
type hop struct{ from, host, proto string }

// maxParameters is the largest number of parameters of an element; RFC 7239
// defines four.
const maxParameters = 16

var errForwarded = errors.New("the field Forwarded is not a list of RFC 7239")

// parseForwarded parses all fields Forwarded of a request, the nearest proxy
// last. Commas and semicolons inside of quoted strings do not separate: some
// proxies quote the client's Host there. It parses each field by itself, so
// that a field of the client cannot affect that of a proxy. It refuses an
// element with a duplicate parameter, since a client may have written one of
// the two.
//
// It is more tolerant than the grammar in two places, for the sake of existing
// proxies: white space around separators, and ports and IPv6 addresses without
// quotes.
func parseForwarded(fields []string) ([]hop, error) {
	var hops []hop
	for _, field := range fields {
		for rest := field; ; {
			var h hop
			var there bool
			var err error
			if h, there, rest, err = parseHopElement(rest); err != nil {
				return nil, err
			}
			if there {
				hops = append(hops, h)
			}
			if rest == "" {
				break
			}
			rest = rest[1:] // the comma
		}
	}
	return hops, nil
}

// parseHopElement parses the parameters up to the next comma or the end. there
// is false for an element without any, which the grammar of lists allows (RFC
// 9110 section 5.6.1).
func parseHopElement(s string) (h hop, there bool, rest string, err error) {
	names := make([]string, 0, 4)
	for {
		s = strings.TrimLeft(s, " \t")
		if s == "" || s[0] == ',' {
			return h, there, s, nil
		}
		if s[0] == ';' {
			s = s[1:]
			continue
		}
		var name, value string
		if name, value, s, err = parseParameter(s); err != nil {
			return hop{}, false, "", err
		}
		for _, known := range names {
			if known == name {
				return hop{}, false, "", errForwarded
			}
		}
		if names = append(names, name); len(names) > maxParameters {
			return hop{}, false, "", errForwarded
		}
		there = true
		switch name {
		case "for":
			h.from = value
		case "host":
			h.host = value
		case "proto":
			h.proto = value
		}
		s = strings.TrimLeft(s, " \t")
		if s != "" && s[0] != ',' && s[0] != ';' {
			return hop{}, false, "", errForwarded
		}
	}
}

// parseParameter parses NAME=VALUE, where the value may be a quoted string. It
// returns the name in lower case.
func parseParameter(s string) (name, value, rest string, err error) {
	i := 0
	for i < len(s) && isToken(s[i]) {
		i++
	}
	if i == 0 || i == len(s) || s[i] != '=' {
		return "", "", "", errForwarded
	}
	name, s = strings.ToLower(s[:i]), s[i+1:]
	if s != "" && s[0] == '"' {
		value, rest, err = parseQuoted(s[1:])
		return name, value, rest, err
	}
	i = 0
	for i < len(s) && (isToken(s[i]) || s[i] == ':' || s[i] == '[' || s[i] == ']') {
		i++
	}
	if i == 0 {
		return "", "", "", errForwarded
	}
	return name, s[:i], s[i:], nil
}

// parseQuoted parses a quoted string (RFC 9110 section 5.6.4) after its first
// quote.
func parseQuoted(s string) (value, rest string, err error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], nil
		case '\\':
			if i++; i == len(s) {
				return "", "", errForwarded
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", errForwarded
}

// isToken reports whether a byte is allowed in a token (RFC 9110 section
// 5.6.2).
func isToken(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// forwarded returns the content of the field of RFC 7239. A hop that does not
// say whom it forwards for is unknown.
func forwarded(h http.Header) forwarding {
	fields := h.Values("Forwarded")
	if len(fields) == 0 {
		return forwarding{}
	}
	f := forwarding{there: true}
	hops, err := parseForwarded(fields)
	if err != nil {
		f.broken = true
		return f
	}
	for _, hop := range hops {
		f.proto, f.host = hop.proto, hop.host
		if hop.from == "" {
			hop.from = "unknown"
		}
		f.hops = append(f.hops, hop.from)
	}
	return f
}
