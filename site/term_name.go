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
)

// termName turns a name as a client sent it into what is stored, as WordPress does: one line of text without
// elements and without percent-encoded octets, with &, < and > as entities. Clients get it back in this form.
func termName(name string) string {
	name = cleanText(name)
	if strings.Contains(name, "<") {
		name = termElement.ReplaceAllString(name, "")
	}
	name = strings.TrimSpace(termSpace.ReplaceAllString(name, " "))
	if rest := withoutOctets(name); rest != name {
		name = strings.TrimSpace(termSpace.ReplaceAllString(rest, " "))
	}
	return escapeText(name)
}

// withoutOctets takes out percent-encoded octets, those too that come to be when others go. It goes over the text once,
// however deep they are nested.
func withoutOctets(text string) string {
	if !strings.Contains(text, "%") {
		return text
	}
	out := make([]byte, 0, len(text))
	for i := range len(text) {
		out = append(out, text[i])
		if n := len(out); n >= 3 && out[n-3] == '%' && isHex(out[n-2]) && isHex(out[n-1]) {
			out = out[:n-3]
		}
	}
	return string(out)
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
