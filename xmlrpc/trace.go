package xmlrpc

import (
	"strings"
	"unicode/utf8"
)

// A trace holds the positions of the values of a call, down to traceDepth. With
// a trace, the decoder keeps no values.
type trace struct {
	places []place // in the order of the document, each before its content
	params Span    // the <params> element; zero if there is none
	end    int64   // start of the end tag of the root
}

// traceDepth is the deepest level of an argument: a system.multicall whose list
// of calls is in an array, with their arguments in another array.
const traceDepth = 6

// A place is one value. At depth 1 it is the whole <param>.
type place struct {
	at    Span
	depth int
	name  memberName // if it is a member
	value Value      // a scalar; otherwise only its kind
	long  bool       // the text of value was not kept
}

type memberName uint8

const (
	memberOther memberName = iota
	memberMethod
	memberParams
)

// enter records that a value begins with the last tag that was read, and
// returns its place.
func (d *decoder) enter(depth int) int {
	if d.trace == nil || depth > traceDepth {
		return -1
	}
	d.trace.places = append(d.trace.places, place{at: Span{Start: d.tagAt}, depth: depth})
	return len(d.trace.places) - 1
}

// leave records the value and returns it; with a trace, it returns nothing
// instead.
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

// nameMember records the name of the member whose value is at a place.
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

// inside returns the places directly inside of another, or, for -1, those of
// the parameters.
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

// member returns the place of a member of a struct, or -1 if there is none.
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
// as which some clients write an empty array.
func (t *trace) isList(at int) bool {
	kind := t.places[at].value.kind
	return kind == KindArray || kind == KindStruct && len(t.inside(at)) == 0
}

// An argumentList is the position of the arguments of a call.
type argumentList struct {
	places    []int
	container int // the array that holds them; -1 for <params>
}

// arguments replaces a single array by its elements, like the function with
// this name.
func (t *trace) arguments(list argumentList) argumentList {
	if len(list.places) == 1 && t.places[list.places[0]].value.kind == KindArray {
		return argumentList{t.inside(list.places[0]), list.places[0]}
	}
	return list
}

// wrap formats a value as an element of the list.
func (l argumentList) wrap(value string) string {
	if l.container < 0 {
		return "<param>" + value + "</param>"
	}
	return value
}

// legalText reports whether XML can represent a text.
func legalText(text string) bool {
	for _, r := range text {
		if !legal(r) {
			return false
		}
	}
	return utf8.ValidString(text)
}
