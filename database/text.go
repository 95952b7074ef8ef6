package database

import (
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// texts replaces the text arguments of a statement by text that both engines
// accept. PostgreSQL refuses a text with the character U+0000 or with bytes
// that are not UTF-8, and SQLite stores them. Strangers send both: in base64
// where a text belongs, in queries, paths, forms, cookies and header fields.
// Each such character and byte becomes U+FFFD, so that a name with one matches
// nothing and is not an internal error. Bytes that are not text are a []byte,
// and stay.
func texts(args []any) []any {
	out := args
	for i, a := range args {
		text, ok := textIn(a)
		if !ok || good(text) {
			continue
		}
		if &out[0] == &args[0] {
			out = slices.Clone(args)
		}
		out[i] = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
	}
	return out
}

// textIn returns the text of an argument: a string, a type based on string, or
// what a pointer to one points to.
func textIn(a any) (string, bool) {
	switch a := a.(type) {
	case string:
		return a, true
	case nil, int, int64, bool, []byte:
		return "", false
	}
	v := reflect.ValueOf(a)
	if v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if v.Kind() != reflect.String {
		return "", false
	}
	return v.String(), true
}

func good(text string) bool { return utf8.ValidString(text) && strings.IndexByte(text, 0) < 0 }

// CleanText removes what no database and no XML can hold: bytes that are not
// UTF-8, and the character U+0000.
func CleanText(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\x00", "")
}
