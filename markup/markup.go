// Package markup filters HTML that people write: it keeps the elements,
// attributes, addresses and styles that a policy allows, and removes all other
// markup. It owns the lists of what is allowed. The rules are those of
// WordPress 6.1 (wp_kses); each deviation is named where it is made.
//
// A filter is one pass over a string. Text, shortcodes and the comments that
// mark blocks pass unchanged; only tags are rewritten. Its promises to callers:
//
//   - Every "<" of the output begins a tag or a comment that the policy allows,
//     wherever a browser meets it: attribute values and comments never contain
//     "<" or ">". So no context (a textarea, a table, a title) gives the output
//     another meaning.
//   - Filtering twice changes nothing.
//   - Time and memory grow with the length of the input. The output is at most
//     ten times as long as the input ("\u0026amp;" for a character in the
//     attributes of a block). A text that needs no change is returned as it is,
//     without allocation.
//
// Policies are safe for concurrent use. [Post], [Inline] and [Bio] are for
// stored texts, [Page] and [Remark] for displayed ones. For callers with a tree
// of nodes, [Policy.Element], [Policy.Attribute] and [Policy.Skips] answer the
// same questions node by node.
//
// [Slug] and [PlainText] turn a text into a part of an address and into a name,
// without markup.
package markup

import (
	"slices"
	"strings"
)

// A Policy determines which elements, attributes, addresses and styles a text
// may contain. Get one from [Post], [Inline], [Bio], [Page] or [Remark].
type Policy struct {
	elements   map[string]attributes // by lower-case name
	everywhere attributes            // allowed for all elements
	data       bool                  // all elements may have data-* attributes
	skips      []string              // elements that are removed with their content
	comments   bool                  // comments stay
}

// attributes maps the lower-case names of an element's attributes to their
// kinds.
type attributes map[string]kind

// A kind is the type of an attribute's value, which determines how it is
// checked.
type kind uint8

const (
	plain     kind = iota + 1 // any text
	address                   // a URL
	addresses                 // candidates of a srcset
	style                     // CSS declarations
)

// Element reports whether a text may contain an element. The name is in lower
// case, as in html.Node.
func (p *Policy) Element(name string) bool {
	_, ok := p.elements[name]
	return ok
}

// Skips reports whether an element that the policy does not allow is removed
// together with its content. For other such elements, only the tags are
// removed.
func (p *Policy) Skips(name string) bool { return slices.Contains(p.skips, name) }

// Attribute reports whether an element may have an attribute, and returns its
// value: an address without white space at its ends and with its scheme in
// lower case, a style without declarations that are not allowed and without
// white space around the others. The names are in lower case; value has its
// references resolved, as in html.Attribute. An element that is not allowed has
// no attributes.
func (p *Policy) Attribute(element, name, value string) (string, bool) {
	allowed, ok := p.elements[element]
	if !ok {
		return "", false
	}
	return p.kind(allowed, name).check(value)
}

// kind returns the kind of an attribute, or zero if it is not allowed.
func (p *Policy) kind(of attributes, name string) kind {
	if k := of[name]; k != 0 {
		return k
	}
	if k := p.everywhere[name]; k != 0 {
		return k
	}
	if p.data && isDataName(name) {
		return plain
	}
	return 0
}

func (k kind) check(value string) (string, bool) {
	switch k {
	case plain:
		return value, true
	case address:
		value = lowerScheme(strings.Trim(value, space))
		return value, harmlessAddress(value)
	case addresses:
		return value, harmlessAddresses(value)
	case style:
		value = filterStyle(value)
		return value, value != ""
	}
	return "", false
}

// isDataName reports whether a name has the form data-x or data-x-y. As in
// WordPress, no part may be empty.
func isDataName(name string) bool {
	rest, ok := strings.CutPrefix(name, "data-")
	if !ok {
		return false
	}
	for i := range len(rest) {
		switch c := rest[i]; {
		case c == '-' && (i == 0 || rest[i-1] == '-'):
			return false
		case c != '-' && c != '_' && !('a' <= c && c <= 'z') && !('0' <= c && c <= '9'):
			return false
		}
	}
	return rest != "" && rest[len(rest)-1] != '-'
}

// Filter returns a text with only the markup that the policy allows. The bytes
// between tags stay, except what a browser could take for markup: a "<" or ">"
// that belongs to no tag, and a "&" that begins no character reference, become
// references. It removes NUL.
func (p *Policy) Filter(text string) string {
	text = withoutNUL(text)
	f := filter{policy: p, scanner: scanner{text: text}}
	return f.run()
}

func withoutNUL(text string) string {
	if strings.IndexByte(text, 0) < 0 {
		return text
	}
	return strings.ReplaceAll(text, "\x00", "")
}

// A filter is one pass over a text. It writes nothing until something differs:
// the text from copied to the current position is still to be copied.
type filter struct {
	scanner
	policy *Policy
	inJSON bool // the text is in the attributes of a block
	copied int
	out    strings.Builder
	again  []byte          // the rewritten tag
	seen   []string        // the attributes of this element so far, without data-*
	endOf  map[string]bool // skipped elements that have no further end tag
}

func (f *filter) run() string {
	text := f.text
	for i := 0; i < len(text); {
		switch text[i] {
		case '<':
			i = f.angle(i)
		case '>':
			i = f.put(i, i+1, "&gt;")
		case '&':
			i = f.ampersand(i)
		default:
			i++
		}
	}
	if f.copied == 0 {
		return text
	}
	f.out.WriteString(text[f.copied:])
	return f.out.String()
}

// put replaces text[from:to] and returns to.
func (f *filter) put(from, to int, with string) int {
	f.flush(from, to)
	f.out.WriteString(with)
	return to
}

// flush copies the text up to from, and continues at to.
func (f *filter) flush(from, to int) {
	if f.copied == 0 {
		f.out.Grow(len(f.text) + len(f.text)/16 + 16)
	}
	f.out.WriteString(f.text[f.copied:from])
	f.copied = to
}

func (f *filter) ampersand(i int) int {
	if n := reference(f.text[i:]); n > 0 {
		return i + n
	}
	return f.put(i, i+1, "&amp;")
}

// angle handles a "<" and returns where to continue.
func (f *filter) angle(i int) int {
	rest := f.text[i:]
	switch {
	case strings.HasPrefix(rest, "<!--"):
		return f.comment(i)
	case len(rest) > 1 && (rest[1] == '!' || rest[1] == '?'):
		// A browser turns this into a comment up to the next ">". If another
		// "<" comes first, it was meant as text.
		if end := strings.IndexAny(rest[2:], "<>"); end >= 0 && rest[2+end] == '>' {
			return f.put(i, i+2+end+1, "")
		}
	default:
		if t, ok := f.tag(i); ok {
			return f.element(t)
		}
	}
	return f.put(i, i+1, "&lt;")
}

// element rewrites a tag, or removes it.
func (f *filter) element(t tag) int {
	var buffer [maxName]byte
	name := lower(buffer[:0], f.text[t.name:t.nameEnd])
	allowed, ok := f.policy.elements[string(name)]
	if !ok {
		end := t.end
		if !t.closing && f.policy.Skips(string(name)) {
			end = f.contentEnd(t.end, string(name))
		}
		return f.put(t.start, end, "")
	}
	b := append(f.again[:0], f.text[t.start:t.nameEnd]...)
	if !t.closing {
		b = f.attributes(b, t, allowed)
		if t.slash > 0 {
			if isSpace(f.text[t.slash-1]) {
				b = append(b, ' ')
			}
			b = append(b, '/')
		}
	}
	f.again = append(b, '>')
	if string(f.again) != f.text[t.start:t.end] {
		f.flush(t.start, t.end)
		f.out.Write(f.again)
	}
	return t.end
}

// contentEnd returns where the end tag of an element begins, or from if there
// is none.
func (f *filter) contentEnd(from int, name string) int {
	if f.endOf[name] {
		return from
	}
	for i := from; ; {
		next := strings.Index(f.text[i:], "</")
		if next < 0 {
			break
		}
		i += next + 2
		if len(f.text)-i > len(name) && strings.EqualFold(f.text[i:i+len(name)], name) && strings.IndexByte(space+"/>", f.text[i+len(name)]) >= 0 {
			return i - 2
		}
	}
	if f.endOf == nil {
		f.endOf = map[string]bool{}
	}
	f.endOf[name] = true
	return from
}

// attributes appends the allowed attributes of a tag, each once.
func (f *filter) attributes(b []byte, t tag, allowed attributes) []byte {
	f.seen = f.seen[:0]
	for at := t.nameEnd; ; {
		a, next := f.attribute(at)
		if a.none {
			return b
		}
		at = next
		b = f.appendAttribute(b, a, allowed)
	}
}

func (f *filter) appendAttribute(b []byte, a attribute, allowed attributes) []byte {
	written := f.text[a.name:a.nameEnd]
	if !isASCII(written) {
		return b
	}
	name := strings.ToLower(written) // allocates only if there are capitals
	k := f.policy.kind(allowed, name)
	if k == 0 {
		return b
	}
	if !strings.HasPrefix(name, "data-") {
		if slices.Contains(f.seen, name) {
			return b // a browser uses the first
		}
		f.seen = append(f.seen, name)
	}
	if !a.hasValue {
		if k == style {
			return b
		}
		return append(append(b, ' '), written...)
	}
	value, ok := again(k, f.text[a.value:a.valueEnd])
	if !ok {
		return b
	}
	quote := byte('"')
	if a.quote == '\'' {
		quote = '\''
	}
	b = append(append(append(b, ' '), written...), '=', quote)
	return append(appendEscaped(b, value, quote), quote)
}

// again returns the value of an attribute to be written. A value that needs no
// change stays byte for byte, with its references.
func again(k kind, raw string) (string, bool) {
	if k == plain {
		return raw, true
	}
	sent := decode(raw)
	value, ok := k.check(sent)
	if !ok || value == sent {
		return raw, ok
	}
	if trimmed := strings.Trim(raw, space); decode(trimmed) == value {
		return trimmed, true
	}
	return strings.ReplaceAll(value, "&", "&amp;"), true
}
