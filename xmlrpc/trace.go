package xmlrpc

import (
	"strings"
	"unicode/utf8"
)

// A trace is where the values of a call stand, down to traceDepth. While there
// is one, the decoder keeps no values.
type trace struct {
	places []place // in the order of the document, each before what is inside it
	params Span    // the <params> element; zero when there is none
	end    int64   // where the end tag of the root begins
}

// traceDepth is how deep an argument can stand: a system.multicall whose list
// of calls lies in an array, and their arguments in an array again.
const traceDepth = 6

// A place is one value. At depth 1 it is the whole <param>.
type place struct {
	at    Span
	depth int
	name  memberName // when it is a member
	value Value      // a scalar; else its kind alone
	long  bool       // the text of value was not kept
}

type memberName uint8

const (
	memberOther memberName = iota
	memberMethod
	memberParams
)

// enter notes that a value begins with the tag that was read last, and returns
// its place.
func (d *decoder) enter(depth int) int {
	if d.trace == nil || depth > traceDepth {
		return -1
	}
	d.trace.places = append(d.trace.places, place{at: Span{Start: d.tagAt}, depth: depth})
	return len(d.trace.places) - 1
}

// leave notes what the value was, and returns it; or nothing in its place,
// while there is a trace.
func (d *decoder) leave(at int, v Value) Value {
	if d.trace == nil {
		return v
	}
	if at >= 0 {
		p := &d.trace.places[at]
		p.at.End = d.here()
		p.value = Value{kind: v.kind, num: v.num}
		if p.long = len(v.str) > MaxArgument || v.kind == KindBase64 && v.box != nil; !p.long {
			p.value.str = strings.Clone(v.str) // of a buffer that it would keep
		}
	}
	return Value{}
}

// nameMember notes the name of a member whose value has that place.
func (d *decoder) nameMember(at int, name string) {
	if d.trace == nil || at < 0 || at >= len(d.trace.places) {
		return
	}
	switch name {
	case "methodName":
		d.trace.places[at].name = memberMethod
	case "params":
		d.trace.places[at].name = memberParams
	}
}

// inside returns the places right inside of another, or with -1 those of the
// parameters.
func (t *trace) inside(at int) (list []int) {
	depth := 1
	if at >= 0 {
		depth = t.places[at].depth + 1
	}
	for i := at + 1; i < len(t.places) && t.places[i].depth >= depth; i++ {
		if t.places[i].depth == depth {
			list = append(list, i)
		}
	}
	return list
}

// member returns the place of a member of a struct, and -1 when there is none.
func (t *trace) member(at int, name memberName) int {
	if t.places[at].value.kind == KindStruct {
		for _, i := range t.inside(at) {
			if t.places[i].name == name {
				return i
			}
		}
	}
	return -1
}

// isList reports whether a value holds arguments: an array, or an empty struct,
// which is how some clients write an empty one.
func (t *trace) isList(at int) bool {
	kind := t.places[at].value.kind
	return kind == KindArray || kind == KindStruct && len(t.inside(at)) == 0
}

// An argumentList is where the arguments of a call stand.
type argumentList struct {
	places    []int
	container int // the array that holds them; -1 for <params>
}

// arguments takes a single array in place of the list, as the function of this
// name does.
func (t *trace) arguments(list argumentList) argumentList {
	if len(list.places) == 1 && t.places[list.places[0]].value.kind == KindArray {
		return argumentList{t.inside(list.places[0]), list.places[0]}
	}
	return list
}

// wrap makes an element of the list of a value.
func (l argumentList) wrap(value string) string {
	if l.container < 0 {
		return "<param>" + value + "</param>"
	}
	return value
}

// legalText reports whether XML can hold a text.
func legalText(text string) bool {
	for _, r := range text {
		if !legal(r) {
			return false
		}
	}
	return utf8.ValidString(text)
}
