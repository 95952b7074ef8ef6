package site

import (
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/markup"
)

// maxTermName is the longest name of a term, in characters, as in WordPress.
const maxTermName = 200

var termSpace = regexp.MustCompile(`[\r\n\t ]+`)

// termName converts a name that a client sent to its stored form, as WordPress
// does: one line of text without elements and percent-encoded octets, with &, <
// and > as entities. Clients get it back in this form.
func termName(name string) string {
	name = database.CleanText(name)
	name = markup.WithoutElements(name)
	name = strings.TrimSpace(termSpace.ReplaceAllString(name, " "))
	if rest := markup.WithoutOctets(name); rest != name {
		name = strings.TrimSpace(termSpace.ReplaceAllString(rest, " "))
	}
	return markup.Escape(name)
}

// keyOrder are the ASCII characters that sort before the digits, in the order
// of WordPress's databases. A character's code in a key is its position in this
// text plus one.
const keyOrder = " _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$"

// TermKey returns the form in which names are compared and sorted, ignoring
// case and accents. The column name_key holds it, and both databases sort it by
// its bytes. None of its characters has a meaning to LIKE.
func TermKey(name string) string {
	var b strings.Builder
	for _, c := range norm.NFKD.String(name) {
		if unicode.Is(unicode.Mn, c) {
			continue
		}
		c = unicode.ToLower(c)
		if plain := database.PlainLetter(c); plain != "" {
			b.WriteString(plain)
		} else if c == 'þ' {
			b.WriteString("th")
		} else if i := strings.IndexRune(keyOrder, c); i >= 0 {
			b.WriteByte(byte(i + 1))
		} else if c != 0 {
			b.WriteRune(c)
		}
	}
	return b.String()
}

// termDescription returns the stored form of a description: text with the
// elements that a title may have, whoever wrote it.
func termDescription(text string) string { return markup.Inline().Filter(database.CleanText(text)) }
