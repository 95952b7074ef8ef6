package auth

import (
	"net/http"
	"strings"

	"github.com/quillgate/quillgate/database"
)

// maxAgent bounds what a client can make a row hold, in bytes.
const maxAgent = 200

// Agent is what the client of a request calls itself, as text that every database takes: the first 200 bytes, without
// NUL and what is not UTF-8.
func Agent(r *http.Request) string {
	agent := database.CleanText(r.UserAgent())
	return strings.ToValidUTF8(agent[:min(len(agent), maxAgent)], "") // the last character may be cut
}

// Text replaces what PostgreSQL does not take in text, NUL and bytes that are not UTF-8, by the character for that. Text
// from outside passes it once, where it comes in.
func Text(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\x00", "\ufffd")
}
