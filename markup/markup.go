// Package markup filters HTML that people write: of a text it keeps the elements, attributes, addresses and styles that a
// policy allows, and takes out all other markup. It owns the lists of what is allowed; the rules are those of WordPress
// 6.1 (wp_kses), and each departure from them is named where it is made.
//
// A filter is one pass over a string. Text, shortcodes and the comments that mark blocks pass as they are; only tags are
// written again. What it promises to callers:
//
//   - Every "<" of the output begins a tag or a comment that the policy allows, wherever a browser meets it: attribute
//     values and comments never hold "<" or ">". So no context (a textarea, a table, a title) gives the output another
//     meaning.
//   - Filtering twice changes nothing.
//   - Time and memory grow with the length of the input. The output is at most ten times as long as the input ("\u0026amp;" for
//     a sign in the attributes of a block). A text that needs no change is returned as it is and costs no memory.
//
// Policies are safe for concurrent use. [Post], [Inline] and [Bio] are for what is stored, [Page] and [Remark] for what is shown. For a caller that holds a tree of
// nodes, [Policy.Element], [Policy.Attribute] and [Policy.Skips] answer the same questions node by node.
//
// [Slug] and [PlainText] make of a text what stands in addresses and in names, without any markup.
package markup

import (
	"slices"
	"strings"
)

// A Policy says which elements, attributes, addresses and styles a text may hold. Get one from [Post], [Inline], [Bio], [Page] or [Remark].
type Policy struct {
	elements   map[string]attributes // by lower-case name
	everywhere attributes            // what all elements may have
	data       bool                  // whether all elements may have data-* attributes
	skips      []string              // elements that go together with their text
	comments   bool                  // whether comments stay
}

// attributes are the attributes of an element by lower-case name.
type attributes map[string]kind

// A kind says what the value of an attribute is, and so how it is checked.
type kind uint8

const (
	plain     kind = iota + 1 // any text
	address                   // a URL
	addresses                 // candidates of a srcset
	style                     // CSS declarations
)

// Element reports whether an element may stand in a text. The name is in lower case, as html.Node has it.
func (p *Policy) Element(name string) bool {
	_, ok := p.elements[name]
	return ok
}

// Skips reports whether an element that the policy does not allow is to go together with all that it holds. Of other
// elements that are not allowed, only the tags go.
func (p *Policy) Skips(name string) bool { return slices.Contains(p.skips, name) }

// Attribute reports whether an attribute may stand in an element, and with which value: an address loses white space at
// its ends and has its scheme in lower case, a style loses the declarations that are not allowed, and the white space around the others. The names are in lower case; value is the text
// behind the references, as html.Attribute has it. An element that is not allowed has no attributes.
func (p *Policy) Attribute(element, name, value string) (string, bool) {
	allowed, ok := p.elements[element]
	if !ok {
		return "", false
	}
	return p.kind(allowed, name).check(value)
}

// kind is zero for an attribute that is not allowed.
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

// isDataName recognizes data-x and data-x-y, as WordPress does: no empty parts.
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

// Filter returns a text with the markup that the policy allows. The bytes between tags stay, but for what a browser could
// take for markup: a "<" or ">" that belongs to no tag, and a "&" that begins no character reference, become
// references. NUL goes.
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

// A filter is one pass over a text. It writes nothing until something differs: what lies between copied and the place it has
// reached is still to be copied.
type filter struct {
	scanner
	policy *Policy
	inJSON bool // whether the text stands in the attributes of a block
	copied int
	out    strings.Builder
	again  []byte          // the tag as it is written again
	seen   []string        // the attributes of this element so far, without data-*
	endOf  map[string]bool // elements that skip whose end tag does not come any more
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

// flush writes what is to be copied up to from, and goes on at to.
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

// angle treats a "<" and returns where to go on.
func (f *filter) angle(i int) int {
	rest := f.text[i:]
	switch {
	case strings.HasPrefix(rest, "<!--"):
		return f.comment(i)
	case len(rest) > 1 && (rest[1] == '!' || rest[1] == '?'):
		// A browser makes a comment of it, up to the next ">". What has another "<" first was meant as text.
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

// element writes a tag again, or takes it out.
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

// contentEnd is where the end tag of an element begins, or from itself when there is none.
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

// attributes appends the attributes of a tag that are allowed, each once.
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
	name := strings.ToLower(written) // allocates only where there are capitals
	k := f.policy.kind(allowed, name)
	if k == 0 {
		return b
	}
	if !strings.HasPrefix(name, "data-") {
		if slices.Contains(f.seen, name) {
			return b // a browser takes the first
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

// again is the value of an attribute as it is to be written. What is sent as it should be stays byte for byte, with its
// references.
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
