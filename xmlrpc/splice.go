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

// A Source is a document that can be read at any place: a *[bytes.Reader], a
// *[Spool], a *[Spliced].
type Source interface {
	io.ReaderAt
	Size() int64
}

// MaxArgument is how many bytes of the text of an [Argument] are kept.
const MaxArgument = 4 << 10

// A Splice is a call whose arguments can be replaced in its own bytes, such as
// the user name and the password that a signed request leaves empty. It knows
// where each argument stands and what it says, also in the calls of a
// system.multicall, and keeps nothing else of the document.
type Splice struct {
	Method string // of the document
	// Calls are the calls that it asks for: those of a system.multicall in
	// their order, else the one of the document.
	Calls []SplicedCall

	src      Source
	recoded  bool // places count the bytes of the document as UTF-8, see windowsReader
	trace    *trace
	maxParam int
}

// A SplicedCall is one call of a [Splice].
type SplicedCall struct {
	// Method is the name, trimmed, as WordPress trims it in a nested call too.
	Method string
	// Args are the arguments, with those of a single array in place of the list
	// as a [Handler] takes them. Here nil keeps its place. WordPress drops an
	// argument that is nil, <value/> as well, and moves those behind it up.
	Args []Argument

	list argumentList
}

// An Argument is one argument of a call.
type Argument struct {
	// Value is a scalar as DecodeCall has it. Of an array, of a struct and of a
	// Long argument it has the kind and nothing else.
	Value Value
	Long  bool // the text is longer than about MaxArgument bytes, and was not kept
}

// Arg returns an argument by its position, from 0, and the zero Argument, which
// is nil, where there is none.
func (c *SplicedCall) Arg(i int) Argument {
	if i < 0 || i >= len(c.Args) {
		return Argument{}
	}
	return c.Args[i]
}

// NewSplice reads a call, once, through a window of 64 KiB. src must stay as it
// is while the Splice and what comes from it are used.
//
// A document that NewSplice reads is one that [DecodeCall] reads, to the same
// arguments. The other way round there are two exceptions: white space and
// member names of more than MaxArgument bytes are refused, and so is a
// system.multicall with an element that is not a call. The errors are those of
// DecodeCall and, for a batch, a [*Fault].
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

// noCall refuses a batch with an element that is not a call. A [Handler] runs
// the others; but WordPress takes a struct for a list of arguments too, so what
// stands in one cannot be left as it is.
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

// A Replacement puts a string in the place of an argument.
type Replacement struct {
	Call, Arg int // the place in Splice.Calls, and in the arguments of that call, both from 0
	Text      string
}

// errReplacement is an error of the caller.
var errReplacement = errors.New("there is no such argument to replace, or it is replaced twice")

// Replace returns the document with arguments replaced. Every byte outside of
// them is that of the document. A replaced argument is written as
// <value><string>…</string></value>, which WordPress keeps in its place also
// when it is empty; a text with white space at an end as <value>…</value>,
// since that of a <string> is trimmed. All characters beyond ASCII are written
// by number, so that the encoding of the document does not matter.
//
// An argument behind the last one is added, and those before it that are
// missing become empty strings.
//
// It is an error to replace an argument twice or one behind Limits.Params, and
// to write a text that XML cannot hold: one with a control character, or of
// nothing but white space.
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

// replace returns what is to be cut for the replacements of one call, which are
// in the order of the arguments.
func (s *Splice) replace(c *SplicedCall, with []Replacement) (cuts []cut, err error) {
	var added strings.Builder
	next := len(c.Args) // the first argument behind those that there are
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

// valueText writes a string as the value of an argument.
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
