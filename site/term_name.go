package site

import (
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/markup"
)

// maxTermName bounds the name of a term, in characters; WordPress has room for as many.
const maxTermName = 200

var termSpace = regexp.MustCompile(`[\r\n\t ]+`)

// termName turns a name as a client sent it into what is stored, as WordPress does: one line of text without
// elements and without percent-encoded octets, with &, < and > as entities. Clients get it back in this form.
func termName(name string) string {
	name = database.CleanText(name)
	name = withoutElements(name)
	name = strings.TrimSpace(termSpace.ReplaceAllString(name, " "))
	if rest := withoutOctets(name); rest != name {
		name = strings.TrimSpace(termSpace.ReplaceAllString(rest, " "))
	}
	return markup.Escape(name)
}

// withoutElements takes out elements, and scripts and styles with what is in them. It goes over the text once.
func withoutElements(text string) string {
	if !strings.Contains(text, "<") {
		return text
	}
	var b strings.Builder
	endless := map[string]bool{} // the elements whose end does not come any more
	for {
		at := strings.IndexByte(text, '<')
		if at < 0 || at+1 == len(text) {
			break
		}
		b.WriteString(text[:at])
		text = text[at:]
		end := strings.IndexAny(text[1:], "<>") + 1
		if end == 0 {
			break
		}
		// A "<" before a space, or with another one before its ">", is text.
		if text[end] == '<' || strings.IndexByte("> \t\n\f\r", text[1]) >= 0 {
			b.WriteString(text[:1])
			text = text[1:]
			continue
		}
		name, rest := text[1:end], text[end+1:]
		if n := strings.IndexAny(name, " \t\n\f\r/"); n >= 0 {
			name = name[:n]
		}
		if name = strings.ToLower(name); (name == "script" || name == "style") && !endless[name] {
			if n := indexFold(rest, "</"+name); n >= 0 {
				rest = rest[n:]
			} else {
				endless[name] = true
			}
		}
		text = rest
	}
	b.WriteString(text)
	return b.String()
}

// indexFold is where a text in lower case comes in another, whatever the case of its letters, or -1.
func indexFold(text, what string) int {
	for i := 0; i+len(what) <= len(text); i++ {
		n := strings.IndexByte(text[i:], what[0])
		if n < 0 {
			return -1
		}
		i += n
		if i+len(what) <= len(text) && strings.EqualFold(text[i:i+len(what)], what) {
			return i
		}
	}
	return -1
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

// TermKey is the form in which names are compared and sorted, so that the case and the accents of a name do not
// count. The column name_key holds it, and both databases sort it by its bytes. No character of it means anything
// to LIKE.
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

// termDescription is a description as it is stored: text with those elements that a title may have, whoever wrote it.
func termDescription(text string) string { return markup.Inline().Filter(database.CleanText(text)) }
