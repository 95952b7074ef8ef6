package site

import (
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// maxTermName bounds the name of a term, in characters; WordPress has room for as many.
const maxTermName = 200

var (
	termElement = regexp.MustCompile(`(?is)<script\b.*?</script\s*>|<style\b.*?</style\s*>|<[^\s>][^>]*>`)
	termSpace   = regexp.MustCompile(`[\r\n\t ]+`)
	termOctet   = regexp.MustCompile(`(?i)%[0-9a-f]{2}`)
)

// termName turns a name as a client sent it into what is stored, as WordPress does: one line of text without
// elements and without percent-encoded octets, with &, < and > as entities. Clients get it back in this form.
func termName(name string) string {
	name = cleanText(name)
	if strings.Contains(name, "<") {
		name = termElement.ReplaceAllString(name, "")
	}
	name = strings.TrimSpace(termSpace.ReplaceAllString(name, " "))
	for octets := false; ; octets = true {
		next := termOctet.ReplaceAllString(name, "")
		if next == name {
			if octets {
				name = strings.TrimSpace(termSpace.ReplaceAllString(name, " "))
			}
			return escapeText(name)
		}
		name = next
	}
}

// keyOrder are the ASCII characters that sort before the digits, in the order that people and WordPress's databases
// expect. The place in this text plus one is the character's code in a key.
const keyOrder = " _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$"

// keyLetters are the letters that Unicode does not take apart into a plain letter and a mark.
var keyLetters = map[rune]string{
	'ß': "ss", 'æ': "ae", 'œ': "oe", 'ø': "o", 'ł': "l", 'đ': "d", 'ð': "d", 'þ': "th", 'ı': "i", 'ħ': "h",
}

// termKey is the form in which names are compared and sorted, so that the case and the accents of a name do not
// count. The column name_key holds it, and both databases sort it by its bytes. No character of it means anything
// to LIKE.
func termKey(name string) string {
	var b strings.Builder
	for _, c := range norm.NFKD.String(name) {
		if unicode.Is(unicode.Mn, c) {
			continue
		}
		c = unicode.ToLower(c)
		if plain, ok := keyLetters[c]; ok {
			b.WriteString(plain)
		} else if i := strings.IndexRune(keyOrder, c); i >= 0 {
			b.WriteByte(byte(i + 1))
		} else if c != 0 {
			b.WriteRune(c)
		}
	}
	return b.String()
}

// termDescription is a description as it is stored: text with those elements that a title may have, whoever wrote it.
func termDescription(text string) string { return filterHTML(cleanText(text), titlePolicy()) }

// termSlug makes the slug of a term from its name or from the slug that a client gave.
func termSlug(name string) string { return Slug(name) }
