package auth

import (
	"net/http"
	"strings"

	"github.com/quillgate/quillgate/database"
)

// maxAgent is the most bytes of a client's name that a row stores.
const maxAgent = 200

// Agent returns the User-Agent of a request in a form that every database
// accepts: the first 200 bytes, without NUL and bytes that are not UTF-8.
func Agent(r *http.Request) string {
	agent := database.CleanText(r.UserAgent())
	return strings.ToValidUTF8(agent[:min(len(agent), maxAgent)], "") // the cut may have split the last character
}

// Text replaces what PostgreSQL does not accept in text, NUL and bytes that are
// not UTF-8, by U+FFFD. Text from outside passes through it once, where it
// enters.
func Text(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\x00", "\ufffd")
}
