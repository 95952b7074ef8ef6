package xmlrpc

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Source is a document that can be read at any offset: a *[bytes.Reader], a
// *[Spool], a *[Spliced].
type Source interface {
	io.ReaderAt
	Size() int64
}

// MaxArgument is how many bytes of the text of an [Argument] are kept.
const MaxArgument = 4 << 10

// A Splice is a call whose arguments can be replaced in its own bytes, such as
// the user name and the password that a signed request leaves empty. It knows
// the position and the value of each argument, also in the calls of a
// system.multicall, and keeps nothing else of the document.
type Splice struct {
	Method string // of the document
	// Calls are the calls in the document: those of a system.multicall in their
	// order, otherwise the single one.
	Calls []SplicedCall

	src      Source
	recoded  bool // positions count the bytes of the document as UTF-8, see windowsReader
	trace    *trace
	maxParam int
}

// A SplicedCall is one call of a [Splice].
type SplicedCall struct {
	// Method is the name, trimmed, as WordPress trims it in a nested call too.
	Method string
	// Args are the arguments. As in a [Handler], a single array is replaced by
	// its elements. A nil keeps its position here. WordPress drops an argument
	// that is nil, or <value/>, and moves the following ones up.
	Args []Argument

	list argumentList
}

// An Argument is one argument of a call.
type Argument struct {
	// Value is a scalar as DecodeCall returns it. For an array, a struct and a
	// Long argument it has only the kind.
	Value Value
	Long  bool // the text is longer than about MaxArgument bytes, and was not kept
}

// Arg returns an argument by its position, from 0, or the zero Argument, which
// is nil, if there is none.
func (c *SplicedCall) Arg(i int) Argument {
	if i < 0 || i >= len(c.Args) {
		return Argument{}
	}
	return c.Args[i]
}

// NewSplice reads a call, once, through a window of 64 KiB. src must not change
// while the Splice and its results are used.
//
// Every document that NewSplice accepts is accepted by [DecodeCall], with the
// same arguments. The reverse has two exceptions: NewSplice refuses white space
// and member names of more than MaxArgument bytes, and a system.multicall with
// an element that is not a call. Errors: those of DecodeCall and, for a batch,
// a [*Fault].
func NewSplice(src Source, lim Limits) (*Splice, error) {
	lim = lim.withDefaults()
	lim.Name = min(lim.Name, MaxArgument)
	d := newDecoder(lim)
	defer d.release()
	d.call, d.keep, d.trace = true, MaxArgument, new(trace)
	s := &Splice{src: src, trace: d.trace, maxParam: lim.Params}
	skip, cs, err := d.prolog(src, src.Size())
	if err != nil {
		return nil, err
	}
	reader, size := io.ReaderAt(src), src.Size()
	if cs != charsetUTF8 {
		switch valid, err := validUTF8(src, size); {
		case err != nil:
			return nil, err
		case valid:
		case cs == charsetOther:
			return nil, errOtherCharset
		default:
			s.recoded = true
			if size, err = recodedSize(src); err != nil {
				return nil, err
			}
			reader = &windowsReader{src: src}
		}
	}
	if err := d.through(reader, size, skip); err != nil {
		return nil, err
	}
	call, err := d.methodCall()
	if err != nil {
		return nil, err
	}
	s.Method = strings.Clone(call.Name)
	return s, s.find(lim)
}

// find finds the calls among the places of the trace.
func (s *Splice) find(lim Limits) error {
	list := s.trace.arguments(argumentList{places: s.trace.inside(-1), container: -1})
	if s.Method != multicallName {
		s.add(s.Method, list)
		return nil
	}
	list = s.trace.arguments(list)
	if len(list.places) > lim.Calls {
		return tooManyCalls(lim.Calls)
	}
	for i, at := range list.places {
		name, params := s.trace.member(at, memberMethod), s.trace.member(at, memberParams)
		if name < 0 || params < 0 || s.trace.places[name].long || !s.trace.isList(params) {
			return noCall(i)
		}
		method := trim(s.trace.places[name].value.Text())
		if method == "" {
			return noCall(i)
		}
		list := argumentList{places: s.trace.inside(params), container: params}
		s.add(method, s.trace.arguments(list))
	}
	return nil
}

// noCall returns the fault for a batch with an element that is not a call. A
// [Handler] runs the others. But WordPress also accepts a struct as a list of
// arguments, so its content cannot be left as it is.
func noCall(i int) *Fault {
	return &Fault{CodeInvalidParams, "Call " + strconv.Itoa(i+1) + " of the system.multicall is not a struct with methodName and an array params."}
}

func (s *Splice) add(method string, list argumentList) {
	c := SplicedCall{Method: method, Args: make([]Argument, len(list.places)), list: list}
	for i, at := range list.places {
		p := &s.trace.places[at]
		c.Args[i] = Argument{p.value, p.long}
	}
	s.Calls = append(s.Calls, c)
}

// A Replacement replaces an argument by a string.
type Replacement struct {
	Call, Arg int // positions in Splice.Calls and in the arguments of that call, from 0
	Text      string
}

// errReplacement is an error of the caller.
var errReplacement = errors.New("there is no such argument to replace, or it is replaced twice")

// Replace returns the document with arguments replaced. All other bytes are
// those of the document. A replaced argument is written as
// <value><string>…</string></value>, which keeps its position in WordPress even
// if it is empty; a text with white space at an end as <value>…</value>, since
// a <string> is trimmed. All characters outside of ASCII are written as numeric
// references, so that the encoding of the document does not matter.
//
// An argument after the last one is added, and missing ones before it become
// empty strings.
//
// It is an error to replace an argument twice or one beyond Limits.Params, and
// to write a text that XML cannot represent, or that is white space only.
func (s *Splice) Replace(with ...Replacement) (*Spliced, error) {
	with = slices.Clone(with)
	slices.SortFunc(with, func(a, b Replacement) int {
		return cmp.Or(cmp.Compare(a.Call, b.Call), cmp.Compare(a.Arg, b.Arg))
	})
	var cuts []cut
	for len(with) > 0 {
		n := 1
		for n < len(with) && with[n].Call == with[0].Call {
			n++
		}
		if with[0].Call < 0 || with[0].Call >= len(s.Calls) {
			return nil, errReplacement
		}
		more, err := s.replace(&s.Calls[with[0].Call], with[:n])
		if err != nil {
			return nil, err
		}
		cuts = append(cuts, more...)
		with = with[n:]
	}
	slices.SortFunc(cuts, func(a, b cut) int { return cmp.Compare(a.at.Start, b.at.Start) })
	if s.recoded {
		if err := unrecode(s.src, cuts); err != nil {
			return nil, err
		}
	}
	return newSpliced(s.src, cuts), nil
}

// replace returns the cuts for the replacements of one call, which are in the
// order of the arguments.
func (s *Splice) replace(c *SplicedCall, with []Replacement) (cuts []cut, err error) {
	var added strings.Builder
	next := len(c.Args) // the first argument after the existing ones
	for i, r := range with {
		if r.Arg < 0 || r.Arg >= s.maxParam || i > 0 && r.Arg == with[i-1].Arg {
			return nil, errReplacement
		}
		text, err := valueText(r.Text)
		if err != nil {
			return nil, fmt.Errorf("write argument %d of %s: %w", r.Arg+1, Shown(c.Method), err)
		}
		if r.Arg < len(c.Args) {
			cuts = append(cuts, cut{s.trace.places[c.list.places[r.Arg]].at, c.list.wrap(text)})
			continue
		}
		for ; next < r.Arg; next++ {
			added.WriteString(c.list.wrap(emptyText))
		}
		added.WriteString(c.list.wrap(text))
		next++
	}
	if added.Len() > 0 {
		cuts = append(cuts, s.append(c, added.String()))
	}
	return cuts, nil
}

// append returns the cut that adds arguments to a call.
func (s *Splice) append(c *SplicedCall, added string) cut {
	t, list := s.trace, c.list
	switch {
	case len(list.places) > 0:
		end := t.places[list.places[len(list.places)-1]].at.End
		return cut{Span{end, end}, added}
	case list.container >= 0:
		p := t.places[list.container]
		text := "<value><array><data>" + added + "</data></array></value>"
		if p.depth == 1 {
			text = "<param>" + text + "</param>"
		}
		return cut{p.at, text}
	case t.params.End > 0:
		return cut{t.params, "<params>" + added + "</params>"}
	}
	return cut{Span{t.end, t.end}, "<params>" + added + "</params>"}
}

const emptyText = "<value><string></string></value>"

// valueText formats a string as the value of an argument.
func valueText(text string) (string, error) {
	inner := trim(text)
	if inner == "" && text != "" {
		return "", errors.New("white space alone cannot be written")
	}
	if !legalText(text) {
		return "", errors.New("it holds a character that XML cannot hold")
	}
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '<' || r == '>' || r == '&' || r == '\r' || r >= utf8.RuneSelf:
			b.WriteString("&#" + strconv.Itoa(int(r)) + ";")
		default:
			b.WriteRune(r)
		}
	}
	if inner != text {
		return "<value>" + b.String() + "</value>", nil
	}
	return "<value><string>" + b.String() + "</string></value>", nil
}
