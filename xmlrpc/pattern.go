package xmlrpc

import "bytes"

// A pattern is how a member of a struct was written: the bytes before and after
// its content. Most answers are lists of structs whose members have the same
// names and types in the same order. A member that begins with the bytes of
// another one in the same place needs no parsing, only a comparison: the same
// bytes mean the same. What differs is parsed as ever.
//
// Patterns are positions in the document, which must be in memory.
type pattern struct {
	head, open int // from the end of what precedes the member to the start of its content
	shut, tail int // from the end of its content to its own; tail is 0 for a pattern that cannot be used
	name       string
	mark       uint64 // of the name
	tag        tag    // the type, or tagValue if there is none
	empty      bool   // the type is an empty element

	next   int // the pattern of the member that followed last time
	other  int // another pattern that was seen in its place
	inside int // the pattern of the first member of structs in its content
}

const (
	patternsKept  = 1024 // patterns of a document
	patternsTried = 4    // patterns that are compared with a member
	patternLength = 512  // bytes before and after the content
	patternOpens  = 4    // elements that begin before the content: member, name, value and type
)

// learn begins the pattern of a member, of which the name was read. It returns
// 0 if the member needs none.
func (d *decoder) learn(head int, name string) int {
	if len(d.patterns) == 0 || len(d.patterns) == patternsKept {
		return 0
	}
	d.patterns = append(d.patterns, pattern{head: head, name: name})
	return len(d.patterns) - 1
}

// learned completes a pattern at the end of its member, and puts it in the
// place behind last, or, if that is 0, in the first place inside of around. It
// reports whether the pattern can be used.
func (d *decoder) learned(at int, mark uint64, around, last int) bool {
	p := &d.patterns[at]
	if p.open == 0 || p.open-p.head > patternLength || d.i-p.shut > patternLength {
		return false
	}
	p.tail, p.mark = d.i, mark
	slot := &d.patterns[around].inside
	if last > 0 {
		slot = &d.patterns[last].next
	}
	if p.other = *slot; p.other > 0 {
		p.next = p.other
		if before := &d.patterns[p.other]; before.name == p.name {
			p.next = before.next
		}
	}
	*slot = at
	return true
}

// expect returns the pattern that the next member begins with: guess, another
// one in its place, or the one behind it, if a member is left out. It returns 0
// if there is none.
func (d *decoder) expect(guess int) int {
	rest := d.buf[d.i:]
	for at, n := guess, 0; at > 0 && n < patternsTried; n++ {
		p := &d.patterns[at]
		if bytes.HasPrefix(rest, d.buf[p.head:p.open]) {
			return at
		}
		at = p.other
	}
	at := d.patterns[guess].next
	if p := &d.patterns[at]; at > 0 && bytes.HasPrefix(rest, d.buf[p.head:p.open]) {
		return at
	}
	return 0
}

// expected reads the member that begins with a pattern.
func (d *decoder) expected(at, depth int) (v Value, err error) {
	p := &d.patterns[at]
	d.i += p.open - p.head
	d.opened += patternOpens
	t, tail := p.tag, d.buf[p.shut:p.tail]
	switch {
	case t == tagValue:
		d.opened--
		v, err = d.content(depth, 0)
	case t >= tagBase64 || p.empty:
		d.around = at
		v, err = d.typed(t, p.empty, depth)
	default:
		v, err = d.simple(t)
	}
	if err != nil {
		return v, err
	}
	if bytes.HasPrefix(d.buf[d.i:], tail) {
		d.i += len(tail)
		return v, nil
	}
	if t != tagValue {
		if t < tagBase64 && !p.empty {
			if err := d.end(t); err != nil {
				return v, err
			}
		}
		if err := d.endValue(); err != nil {
			return v, err
		}
	}
	return v, d.endMember()
}
