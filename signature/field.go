package signature

import (
	"encoding/base64"
	"errors"
	"strings"
)

// structured maps each field of known structure to its kind, for ;sf. A text
// can be valid as several kinds with different meanings, so only these fields
// can be covered with ;sf.
var structured = map[string]string{
	"accept-signature":    "dictionary",
	"cdn-cache-control":   "dictionary",
	"client-cert":         "item",
	"client-cert-chain":   "list",
	"content-digest":      "dictionary",
	"priority":            "dictionary",
	"repr-digest":         "dictionary",
	"signature":           "dictionary",
	"signature-input":     "dictionary",
	"want-content-digest": "dictionary",
	"want-repr-digest":    "dictionary",
}

// strictly returns a field in the canonical form of its kind (RFC 9421 section
// 2.1.1, RFC 8941 section 4.1).
func strictly(name string, lines []string) (string, error) {
	var members []member
	var err error
	kind := structured[name]
	switch kind {
	case "dictionary":
		members, err = dictionary(lines)
	case "list":
		members, err = list(lines)
	case "item":
		var m member
		if m, err = lone(lines); err == nil {
			return string(m.append(nil)), nil
		}
	default:
		err = errors.New("its structure is unknown")
	}
	if err != nil {
		return "", err
	}
	return string(appendMembers(nil, members, kind == "dictionary")), nil
}

// wrapped returns a field whose lines stay separate, each as a byte sequence
// (RFC 9421 section 2.1.3).
func wrapped(lines []string) string {
	var b strings.Builder
	for i, line := range lines {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteByte(':')
		b.WriteString(base64.StdEncoding.EncodeToString([]byte(line)))
		b.WriteByte(':')
	}
	return b.String()
}
