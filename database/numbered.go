package database

import (
	"strconv"
	"strings"
)

// positional writes a statement whose placeholders are $1, $2, … in this order, each once, with ? in their place, for SQLite.
// To it $1 is a name, and it looks for each name among all that came before: a list of 2,000 values takes half as many
// comparisons as there are pairs of them. Any other statement stays as it is.
func positional(query string) string {
	var b strings.Builder
	from, next := 0, 1
	for i := 0; i < len(query); i++ {
		switch c := query[i]; c {
		case '\'', '"', '`':
			end := strings.IndexByte(query[i+1:], c)
			if end < 0 {
				return query
			}
			i += end + 1 // a doubled quote begins another one
		case '-':
			if strings.HasPrefix(query[i:], "--") {
				return query
			}
		case '/':
			if strings.HasPrefix(query[i:], "/*") {
				return query
			}
		case '?', ':', '@', '[':
			return query
		case '$':
			end := i + 1
			for end < len(query) && query[end] >= '0' && query[end] <= '9' {
				end++
			}
			if query[i+1:end] != strconv.Itoa(next) || end < len(query) && wordByte(query[end]) {
				return query
			}
			b.WriteString(query[from:i])
			b.WriteByte('?')
			from, i = end, end-1
			next++
		}
	}
	if next == 1 {
		return query
	}
	b.WriteString(query[from:])
	return b.String()
}

func wordByte(c byte) bool {
	return c == '_' || c == '$' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}
