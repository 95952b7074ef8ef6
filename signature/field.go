package signature

import (
	"encoding/base64"
	"errors"
	"strings"

	"github.com/dunglas/httpsfv"
)

// structured tells which fields of structured values are which, for ;sf. A
// text can be valid as several kinds and mean different things, so that only
// what is known can be covered this way.
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

// strictly is a field in the one spelling that its kind has (RFC 9421 section
// 2.1.1).
func strictly(name string, lines []string) (string, error) {
	var v httpsfv.StructuredFieldValue
	var err error
	switch structured[name] {
	case "dictionary":
		v, err = httpsfv.UnmarshalDictionary(lines)
	case "list":
		v, err = httpsfv.UnmarshalList(lines)
	case "item":
		v, err = httpsfv.UnmarshalItem(lines)
	default:
		return "", errors.New("its structure is not known")
	}
	if err != nil {
		return "", err
	}
	return httpsfv.Marshal(v)
}

// wrapped is a field whose lines stay apart, each as a byte sequence (RFC 9421
// section 2.1.3).
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
