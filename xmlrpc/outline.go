package xmlrpc

import (
	"bytes"
	"errors"
	"io"
	"slices"
)

// An Outline is the structure of an answer: its end, whether it is a fault, and
// the positions of members with some names. It does not hold the values.
type Outline struct {
	// Size is the number of bytes from the start of the document to the end of
	// its root element. What follows is not part of the answer.
	Size int64
	// Fault is set if the answer is a fault.
	Fault *Fault
	// Value is the position of the result: a <value> element, or a type element
	// without one. It is empty for a fault.
	Value Span
	// Texts are the scalar members with the requested names, in the order of
	// the document.
	Texts []MemberText
}

// A MemberText is a scalar member of a struct with its position.
type MemberText struct {
	Name, Text string
	Path       []int // the positions in the surrounding arrays, outermost first
	Scalar     Span  // the <value> of the member
	Struct     Span  // the <value> of the struct that holds the member

	depth int // of the struct
}

// A Span is a range of bytes, counted from the start of the document.
type Span struct{ Start, End int64 }

// Limits of an Outline. An answer may be as large as its reader allows, but
// only part of it is kept.
const (
	outlineTexts = 10000
	outlineText  = 64 << 10 // bytes of texts that are kept, and of a fault
)

var errOutlineText = errors.New("the answer holds too many texts of that name, or the fault is too long")

// OutlineResponse reads the answer to a call to the end of its root element. It
// keeps only the outline, so an answer of any size needs the memory of one
// window. It reads the first size bytes of src.
//
// Unlike [DecodeResponse], it accepts anything after the root element, does not
// check the text of numbers and dates, and does not check that bytes are
// characters: it is for programs that pass on an answer to its reader. If the
// document is not a complete answer, the error is a [*SyntaxError].
func OutlineResponse(src io.ReaderAt, size int64, names ...string) (*Outline, error) {
	d := newDecoder(Limits{Elements: int(max(size, 1)), Depth: 128}.withDefaults())
	defer d.release()
	if d.room == nil {
		d.room = make([]byte, windowSize)
	}
	head := d.room[:min(size, maxProlog, int64(len(d.room)))]
	if n, err := src.ReadAt(head, 0); err != nil && n < len(head) {
		return nil, err
	}
	skip, _, bad := declaration(head)
	if bad != nil {
		return nil, bad
	}
	d.src, d.size, d.looked = src, size, true
	d.buf, d.i = d.room[:0], 0
	d.free, d.hold = outlineText, func(int64) error { return errOutlineText }
	if !d.need(min(skip+1, int(size))) {
		return nil, d.ended()
	}
	d.i = skip
	o := outliner{d: d, names: names, out: &Outline{}}
	if err := o.response(); err != nil {
		return nil, err
	}
	o.out.Size = o.here()
	return o.out, nil
}

// An outliner reads an answer without keeping its values.
type outliner struct {
	d     *decoder
	names []string
	path  []int
	out   *Outline
}

func (o *outliner) response() error {
	d := o.d
	if empty, err := d.root(tagMethodResponse); err != nil {
		return err
	} else if empty {
		return d.misshapen("the response has no value")
	}
	t, empty, err := d.next(tagMethodResponse)
	switch {
	case err != nil:
		return err
	case t == tagFault && !empty:
		err = o.fault()
	case t == tagParams && !empty:
		err = o.params()
	default:
		return d.misshapen("the response has no value")
	}
	if err != nil {
		return err
	}
	if t, _, err = d.next(tagMethodResponse); err != nil {
		return err
	}
	if t != tagEnd {
		return d.misshapen("the response has more than one value")
	}
	return nil
}

func (o *outliner) fault() error {
	v, err := o.d.only(tagFault)
	if err != nil {
		return err
	}
	code, ok := v.Member("faultCode")
	if !ok {
		return o.d.misshapen("the fault has no code")
	}
	o.out.Fault = &Fault{int(code.Int64()), v.Get("faultString").Text()}
	return nil
}

func (o *outliner) params() error {
	d := o.d
	t, empty, err := d.next(tagParams)
	if err != nil {
		return err
	}
	if t != tagParam || empty {
		return d.misshapen("the response has no value")
	}
	start := o.here()
	if t, empty, err = d.next(tagParam); err != nil {
		return err
	}
	if err := o.value(t, empty, 1, start); err != nil {
		return err
	}
	o.out.Value = Span{start, o.here()}
	if t, _, err = d.next(tagParam); err != nil {
		return err
	}
	if t != tagEnd {
		return d.misshapen("there is more than one value")
	}
	if t, _, err = d.next(tagParams); err != nil {
		return err
	}
	if t != tagEnd {
		return d.misshapen("the response has more than one value")
	}
	return nil
}

// value skips a value whose start tag has been read. The value is preceded by
// start, with only white space and comments between.
func (o *outliner) value(t tag, empty bool, depth int, start int64) error {
	first := len(o.out.Texts)
	if err := o.inside(t, empty, depth); err != nil {
		return err
	}
	for i := range o.out.Texts[first:] {
		if m := &o.out.Texts[first+i]; m.depth == depth {
			m.Struct = Span{start, o.here()}
		}
	}
	return nil
}

func (o *outliner) here() int64 { return o.d.base + int64(o.d.i) }

func (o *outliner) inside(t tag, empty bool, depth int) error {
	d := o.d
	if depth > d.lim.Depth {
		return d.malformed("values are nested too deep")
	}
	if t >= tagString {
		return o.typed(t, empty, depth)
	}
	if t != tagValue {
		return d.misshapen("a value is missing")
	}
	if empty {
		return nil
	}
	blank, err := d.skipChars()
	if err != nil {
		return err
	}
	if d.buf[d.i+1] == '/' {
		return d.end(tagValue)
	}
	if !blank {
		return d.misshapen("there is text next to an element")
	}
	if t, empty, err = d.start(); err != nil {
		return err
	}
	if t < tagString {
		return d.misshapen("<value> contains an element that is not a type")
	}
	if err := o.typed(t, empty, depth); err != nil {
		return err
	}
	if t, _, err = d.next(tagValue); err != nil {
		return err
	}
	if t != tagEnd {
		return d.misshapen("<value> holds more than one element")
	}
	return nil
}

func (o *outliner) typed(t tag, empty bool, depth int) error {
	switch {
	case empty:
		return nil
	case t == tagArray:
		return o.array(depth)
	case t == tagStruct:
		return o.structure(depth)
	}
	if _, err := o.d.skipChars(); err != nil {
		return err
	}
	return o.d.end(t)
}

func (o *outliner) array(depth int) error {
	d := o.d
	for seen := false; ; seen = true {
		t, empty, err := d.next(tagArray)
		if err != nil {
			return err
		}
		if t == tagEnd {
			return nil
		}
		if t != tagData || seen {
			return d.misshapen("<array> holds something else than one <data>")
		}
		if empty {
			continue
		}
		if err := o.data(depth); err != nil {
			return err
		}
	}
}

func (o *outliner) data(depth int) error {
	o.path = append(o.path, 0)
	defer func() { o.path = o.path[:len(o.path)-1] }()
	for n := 0; ; n++ {
		o.path[len(o.path)-1] = n
		start := o.here()
		t, empty, err := o.d.next(tagData)
		if err != nil {
			return err
		}
		if t == tagEnd {
			return nil
		}
		if err := o.value(t, empty, depth+1, start); err != nil {
			return err
		}
	}
}

func (o *outliner) structure(depth int) error {
	d := o.d
	for {
		t, empty, err := d.next(tagStruct)
		if err != nil {
			return err
		}
		if t == tagEnd {
			return nil
		}
		if t == tagNil { // as in decoder.structure
			if err := o.typed(t, empty, depth); err != nil {
				return err
			}
			continue
		}
		if t != tagMember || empty {
			return d.misshapen("<struct> holds something else than <member> with a name")
		}
		if err := o.member(depth); err != nil {
			return err
		}
	}
}

func (o *outliner) member(depth int) error {
	d := o.d
	var name string
	named, valued := false, false
	for {
		start := o.here()
		t, empty, err := d.next(tagMember)
		switch {
		case err != nil:
			return err
		case t == tagEnd:
			if !named {
				return d.misshapen("a member lacks its name")
			}
			return nil
		case t == tagName && !named:
			named = true
			if name, err = o.name(empty); err != nil {
				return err
			}
		case valued:
			return d.misshapen("a member has two values")
		default:
			valued = true
			if named && slices.Contains(o.names, name) {
				err = o.wanted(name, t, empty, depth+1, start)
			} else {
				err = o.value(t, empty, depth+1, start)
			}
			if err != nil {
				return err
			}
		}
	}
}

// name reads the name of a member.
func (o *outliner) name(empty bool) (string, error) {
	free := o.d.free
	name, err := o.d.scalar(tagName, empty)
	o.d.free = free // names are not kept
	if err != nil {
		return "", err
	}
	if name = trim(name); len(name) > o.d.lim.Name {
		return "", o.d.misshapen("the name of a member is too long")
	}
	return name, nil
}

// wanted keeps the text of a member if it is a scalar. Its value is preceded by
// start.
func (o *outliner) wanted(name string, t tag, empty bool, depth int, start int64) error {
	d := o.d
	if t == tagArray || t == tagStruct {
		return o.value(t, empty, depth, start)
	}
	m := MemberText{Name: name, Path: slices.Clone(o.path), depth: depth - 1}
	inner := t
	if t == tagValue && !empty {
		text, err := d.chars()
		if err != nil {
			return err
		}
		m.Text = text
		if inner = tagEnd; d.buf[d.i+1] != '/' {
			if inner, empty, err = d.start(); err != nil {
				return err
			}
		}
	}
	switch {
	case inner == tagArray || inner == tagStruct:
		if err := o.typed(inner, empty, depth); err != nil {
			return err
		}
	case inner >= tagString:
		text, err := d.scalar(inner, empty)
		if err != nil {
			return err
		}
		m.Text = text
	}
	if t == tagValue && (inner != tagValue || !empty) {
		if t, _, err := d.next(tagValue); err != nil {
			return err
		} else if t != tagEnd {
			return d.misshapen("<value> holds more than one element")
		}
	}
	if inner == tagArray || inner == tagStruct {
		return nil
	}
	if len(o.out.Texts) == outlineTexts {
		return errOutlineText
	}
	m.Scalar = Span{start, o.here()}
	o.out.Texts = append(o.out.Texts, m)
	return nil
}

// skipChars skips text up to the next start or end tag. It reports whether the
// text is white space only.
func (s *scanner) skipChars() (blank bool, err error) {
	blank = true
	for {
		b := s.buf[s.i:]
		k := bytes.IndexByte(b, '<')
		if k < 0 {
			k = len(b)
		}
		blank = blank && len(bytes.TrimLeft(b[:k], " \t\r\n")) == 0
		if s.i += k; !s.need(2) {
			return false, s.ended()
		}
		if s.buf[s.i] != '<' {
			continue
		}
		if c := s.buf[s.i+1]; c != '!' && c != '?' {
			return blank, nil
		}
		cdata, err := s.aside()
		if err != nil {
			return false, err
		}
		if cdata {
			blank = false
			if err := s.skipTo("]]>"); err != nil {
				return false, err
			}
		}
	}
}
