package signature

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/dunglas/httpsfv"
)

// maxField bounds the fields of structured values, all lines together.
const maxField = 16 << 10

// dictionary reads a field that is a dictionary (RFC 9651 section 3.2). The
// same key twice, or the same parameter twice, is legal there, and the last
// one counts; here it is refused, since not every reader takes the last. raw
// holds each member's value as it was spelt.
func dictionary(values []string) (d *httpsfv.Dictionary, raw map[string]string, err error) {
	text := strings.Trim(strings.Join(values, ", "), " ")
	if len(text) > maxField {
		return nil, nil, fmt.Errorf("longer than %d bytes", maxField)
	}
	if d, err = httpsfv.UnmarshalDictionary([]string{text}); err != nil {
		return nil, nil, err
	}
	if text == "" {
		return d, nil, nil
	}
	members, semicolons := split(text)
	if len(members) != len(d.Names()) {
		return nil, nil, errors.New("a key is there twice")
	}
	raw = make(map[string]string, len(members))
	parameters := 0
	for i, name := range d.Names() {
		member, _ := d.Get(name)
		n, err := countParameters(member)
		if err != nil {
			return nil, nil, err
		}
		parameters += n
		raw[name] = strings.TrimPrefix(strings.TrimPrefix(members[i], name), "=")
	}
	if parameters != semicolons {
		return nil, nil, errors.New("a parameter is there twice")
	}
	return d, raw, nil
}

// split cuts a valid dictionary at the commas between its members, and counts
// the semicolons, each of which begins a parameter. It does not know display
// strings, which countParameters refuses.
func split(text string) (members []string, semicolons int) {
	quoted, start := false, 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == ';':
			semicolons++
		case c == ',':
			members = append(members, strings.Trim(text[start:i], " \t"))
			start = i + 1
		}
	}
	return append(members, strings.Trim(text[start:], " \t")), semicolons
}

// countParameters counts those of a member and of the items in it. A value of
// a kind that RFC 8941 does not have is an error.
func countParameters(m httpsfv.Member) (int, error) {
	count := func(p *httpsfv.Params) (int, error) {
		for _, name := range p.Names() {
			if v, _ := p.Get(name); !oldKind(v) {
				return 0, fmt.Errorf("parameter %s is of a kind that is not understood", name)
			}
		}
		return len(p.Names()), nil
	}
	switch m := m.(type) {
	case httpsfv.InnerList:
		n, err := count(m.Params)
		for _, item := range m.Items {
			more, bad := countParameters(item)
			n, err = n+more, errors.Join(err, bad)
		}
		return n, err
	case httpsfv.Item:
		if !oldKind(m.Value) {
			return 0, errors.New("a value is of a kind that is not understood")
		}
		return count(m.Params)
	}
	return 0, errors.New("a member is of a kind that is not understood")
}

// oldKind tells the kinds of RFC 8941, which RFC 9421 is built on, from those
// that came later.
func oldKind(v any) bool {
	switch v.(type) {
	case bool, int64, float64, string, httpsfv.Token, []byte:
		return true
	}
	return false
}

// serialize writes a member of a dictionary on its own (RFC 9421 section
// 2.1.2).
func serialize(m httpsfv.Member) (string, error) {
	switch m := m.(type) {
	case httpsfv.InnerList:
		return httpsfv.Marshal(m)
	case httpsfv.Item:
		return httpsfv.Marshal(m)
	}
	return "", errors.New("neither item nor list")
}

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
