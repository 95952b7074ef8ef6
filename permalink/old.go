package permalink

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// MaxOld bounds an address that is stored, in bytes. Escaped, it may be three
// times as long.
const MaxOld = 1000

// Old returns the form in which an earlier address of a post is stored: its
// path and its query. Escapes are decoded unless that would change the meaning,
// and the path is in lower case. Scheme, host and a leading index.php are
// removed; a slash at the end is kept.
//
// It returns "" for addresses that cannot be those of a post: the home page,
// schemes other than http, relative addresses that do not begin with a slash,
// and addresses that are longer than MaxOld.
func Old(address string) string {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil || u.Opaque != "" {
		return ""
	}
	switch scheme := strings.ToLower(u.Scheme); {
	case scheme != "" && scheme != "http" && scheme != "https":
		return ""
	case scheme == "" && u.Host == "" && !strings.HasPrefix(u.Path, "/"):
		return ""
	}
	old := oldPath(u.EscapedPath()) + OldQuery(u.RawQuery)
	if !ValidOld(old) {
		return ""
	}
	return old
}

// ValidOld reports whether a text from a file may be an address in the form of
// Old.
func ValidOld(text string) bool {
	return len(text) > 1 && len(text) <= MaxOld && text[0] == '/' && utf8.ValidString(text) && !strings.ContainsFunc(text, control)
}

func control(c rune) bool { return c < ' ' || c == 0x7f }

// OldQuery returns a query in the form that Old gives it, with the question
// mark, or "" if it has no parameters or is invalid.
func OldQuery(raw string) string {
	if len(raw) > MaxOld {
		return ""
	}
	values, err := url.ParseQuery(raw)
	if err != nil || len(values) == 0 {
		return ""
	}
	query := values.Encode() // in the order of the names
	if !plain(query) {
		return ""
	}
	return "?" + query
}

// OldForms returns the forms in which a requested address may be stored, the
// most likely first: with each of the queries, and with and without the slash
// at the end. The queries are in the form of OldQuery, and one of them may be
// "". path is escaped.
func OldForms(path string, queries ...string) []string {
	path = oldPath(path)
	other := path + "/"
	if cut, slash := strings.CutSuffix(path, "/"); slash {
		other = cut
	}
	var forms []string
	for _, query := range queries {
		for _, p := range []string{path, other} {
			if form := p + query; ValidOld(form) {
				forms = append(forms, form)
			}
		}
	}
	return forms
}

// oldPath returns an escaped path in the form of Old, which begins with a
// slash, or "" if it is too long.
func oldPath(escaped string) string {
	if len(escaped) > 3*MaxOld {
		return ""
	}
	var b strings.Builder
	first := true
	for part := range strings.SplitSeq(escaped, "/") {
		if part == "" {
			continue
		}
		if plain, err := url.PathUnescape(part); err == nil {
			part = plain
		}
		part = strings.ToLower(norm.NFC.String(strings.ToValidUTF8(part, "")))
		part = strings.Map(func(c rune) rune {
			if control(c) {
				return -1
			}
			return c
		}, part)
		if part == "" || first && part == "index.php" {
			first = false
			continue
		}
		first = false
		b.WriteByte('/')
		b.WriteString(strings.ReplaceAll(part, "?", "%3f"))
	}
	if b.Len() == 0 || strings.HasSuffix(escaped, "/") {
		b.WriteByte('/')
	}
	return b.String()
}

// plain reports whether a text is printable ASCII, as escaped text is.
func plain(text string) bool {
	return !strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c > '~' })
}
