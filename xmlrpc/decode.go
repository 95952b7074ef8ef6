package xmlrpc

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"unicode/utf8"
)

// A MethodCall is the content of a request.
type MethodCall struct {
	Name   string  // trimmed; empty if the request names none
	Params []Value // as sent; a Handler puts a single array in place of the list
}

// DecodeCall decodes a request. The error is a [*SyntaxError].
//
// It does not keep body: texts are copied.
func DecodeCall(body []byte, lim Limits) (*MethodCall, error) {
	d := newDecoder(lim.withDefaults())
	defer d.release()
	d.call = true
	if err := d.take(body); err != nil {
		return nil, err
	}
	return d.methodCall()
}

// DecodeResponse decodes the answer to a call. If the server answered with a
// fault, the error is a [*Fault]; if the answer is invalid, a [*SyntaxError].
// The text of strings is not trimmed.
func DecodeResponse(body []byte, lim Limits) (Value, error) {
	if lim.Elements == 0 {
		lim.Elements = responseLimit
	}
	d := newDecoder(lim.withDefaults())
	defer d.release()
	if err := d.take(body); err != nil {
		return Value{}, err
	}
	return d.methodResponse()
}

// A decoder parses the grammar of XML-RPC. Values are collected on stacks while
// their container is open, and then moved to the arenas in one piece.
type decoder struct {
	scanner
	lim   Limits
	call  bool   // read as WordPress reads a call: <string> is trimmed, an untyped value without text is nil
	batch bool   // the call is a system.multicall
	spool *Spool // where large base64 values stay; nil if they are not needed
	trace *trace // for a document of which only positions are needed, not values; otherwise nil

	open     []Value
	named    []Member
	used     used
	patterns []pattern // the first one stands for the document; none without patterns
	around   int       // the pattern of the value that is being read
	learning int       // the pattern of the value that follows
	shut     int       // the end of the last text

	values  arena[Value]
	members arena[Member]
	boxes   arena[box]
}

// decoders saves each call the stacks of values, which grow with use.
var decoders = sync.Pool{New: func() any { return new(decoder) }}

func newDecoder(lim Limits) *decoder {
	d := decoders.Get().(*decoder)
	d.lim = lim
	d.mostOpen = lim.Elements
	return d
}

// used is how far the stacks of values were filled. What is taken off a stack
// stays until the end: clearing it each time would be slow while the garbage
// collector runs.
type used struct{ open, named int }

// release returns the decoder to the pool, without references to the document.
func (d *decoder) release() {
	clear(d.open[:max(len(d.open), d.used.open)])
	clear(d.named[:max(len(d.named), d.used.named)])
	clear(d.attributes)
	clear(d.patterns)
	var keep decoder
	if cap(d.open) <= 4096 && cap(d.named) <= 4096 && cap(d.scratch) <= windowSize {
		keep.open, keep.named, keep.scratch = d.open[:0], d.named[:0], d.scratch[:0]
	}
	keep.room, keep.attributes, keep.patterns = d.room, d.attributes[:0], d.patterns[:0]
	*d = keep
	decoders.Put(d)
}

// take starts with a document in memory.
func (d *decoder) take(body []byte) error {
	skip, cs, bad := declaration(body[:min(len(body), maxProlog)])
	if bad != nil {
		return bad
	}
	if cs != charsetUTF8 && !utf8.Valid(body) {
		if cs == charsetOther {
			return errOtherCharset
		}
		body = fromWindows(make([]byte, 0, len(body)+len(body)/8), body)
	}
	seen := look(body)
	if seen.good < len(body) {
		return &SyntaxError{CodeParse, "a byte is not a character of XML in this encoding", int64(seen.good)}
	}
	d.buf, d.i = body, skip
	d.patterns = append(d.patterns, pattern{})
	d.cr, d.ends = seen.cr, bytes.Contains(body, cdataEnd)
	return nil
}

// takeSpool starts with a document in the spool, of which only a window is in
// memory. hold is called once, before texts use more than freeText.
func (d *decoder) takeSpool(sp *Spool, hold func(int64) error) error {
	skip, cs, err := d.prolog(sp, sp.size)
	if err != nil {
		return err
	}
	if cs != charsetUTF8 {
		if err := sp.toUTF8(cs); err != nil {
			return err
		}
	}
	d.spool, d.free, d.hold = sp, freeText, hold
	return d.through(sp, sp.size, skip)
}

// prolog parses what precedes the root of a document that is not in memory.
func (d *decoder) prolog(src io.ReaderAt, size int64) (skip int, cs charset, err error) {
	if d.room == nil {
		d.room = make([]byte, windowSize)
	}
	head := d.room[:min(size, maxProlog, int64(len(d.room)))]
	if n, err := src.ReadAt(head, 0); err != nil && n < len(head) {
		return 0, 0, err
	}
	skip, cs, bad := declaration(head)
	if bad != nil {
		return 0, 0, bad
	}
	return skip, cs, nil
}

// through starts with a document of which only a window is in memory, after its
// prolog.
func (d *decoder) through(src io.ReaderAt, size int64, skip int) error {
	d.src, d.size = src, size
	d.buf = d.room[:0]
	if !d.need(min(skip+1, int(size))) {
		return d.ended()
	}
	d.i = skip
	return nil
}

// root consumes the start tag of the root, and refuses any name other than
// want. empty reports whether the root is an empty element.
func (d *decoder) root(want tag) (empty bool, err error) {
	for {
		for d.i < len(d.buf) && isSpace(d.buf[d.i]) {
			d.i++
		}
		if !d.need(2) {
			return false, d.malformed("there is no element")
		}
		if isSpace(d.buf[d.i]) {
			continue
		}
		if d.buf[d.i] != '<' {
			return false, d.malformed("there is text before the root element")
		}
		if c := d.buf[d.i+1]; c != '!' && c != '?' {
			break
		}
		cdata, err := d.aside()
		if err != nil {
			return false, err
		}
		if cdata {
			return false, d.malformed("there is text before the root element")
		}
	}
	t, empty, err := d.start()
	if err != nil {
		return false, err
	}
	if t != want {
		if t == tagMethodResponse || t == tagMethodCall {
			return false, d.misshapen("the root is not <" + strings.Trim(endTags[want], "</>") + ">")
		}
		// WordPress treats a document of another kind as invalid XML.
		return false, d.malformed("the root is not <" + strings.Trim(endTags[want], "</>") + ">")
	}
	return empty, nil
}

// finish checks that only comments, processing instructions and white space
// follow the root. Something appended to a document must not be overlooked,
// because a signature might cover it.
func (d *decoder) finish() error {
	for {
		for d.i < len(d.buf) && isSpace(d.buf[d.i]) {
			d.i++
		}
		if !d.need(1) {
			if d.failed != nil {
				return d.failed
			}
			return nil
		}
		if isSpace(d.buf[d.i]) {
			continue
		}
		if !d.need(2) || d.buf[d.i] != '<' || d.buf[d.i+1] != '!' && d.buf[d.i+1] != '?' {
			return d.malformed("something follows the root element")
		}
		cdata, err := d.aside()
		if err != nil {
			return err
		}
		if cdata {
			return d.malformed("something follows the root element")
		}
	}
}

func (d *decoder) methodCall() (*MethodCall, error) {
	empty, err := d.root(tagMethodCall)
	if err != nil {
		return nil, err
	}
	call := &MethodCall{}
	if empty {
		return call, d.finish()
	}
	named, listed := false, false
	for {
		t, empty, err := d.next(tagMethodCall)
		switch {
		case err != nil:
			return nil, err
		case t == tagEnd:
			if d.trace != nil {
				d.trace.end = d.tagAt
			}
			return call, d.finish()
		case t == tagMethodName && !named:
			named = true
			if call.Name, err = d.scalar(tagMethodName, empty); err != nil {
				return nil, err
			}
			if call.Name = trim(call.Name); len(call.Name) > maxMethodName {
				return nil, d.misshapen("the method name is too long")
			}
			d.batch = call.Name == multicallName
		case t == tagParams && !listed:
			listed = true
			start := d.tagAt
			if call.Params, err = d.params(empty); err != nil {
				return nil, err
			}
			if d.trace != nil {
				d.trace.params = Span{start, d.here()}
			}
		default:
			return nil, d.misshapen("an element is not allowed here")
		}
	}
}

func (d *decoder) params(empty bool) ([]Value, error) {
	if empty {
		return nil, nil
	}
	for {
		t, empty, err := d.next(tagParams)
		switch {
		case err != nil:
			return nil, err
		case t == tagEnd:
			return d.cut(0), nil
		case len(d.open) == d.lim.Params:
			return nil, d.misshapen("there are too many parameters")
		}
		place := d.enter(1)
		v, err := d.param(t, empty)
		if err != nil {
			return nil, err
		}
		v = d.leave(place, v)
		d.open = append(d.open, v)
	}
}

// param reads the element of a start tag inside <params>: a <param>, or a value
// without one. A <param> without a value is a nil, so that the following
// parameters keep their positions.
func (d *decoder) param(t tag, empty bool) (v Value, err error) {
	switch {
	case !d.call && (t != tagParam || empty):
		return Value{}, d.misshapen("the response has no value")
	case t != tagParam:
		return d.value(t, empty, 1)
	case empty:
		return Value{}, nil
	}
	return d.only(tagParam)
}

// only reads the single value in parent, and the end tag of parent. A <param>
// of a call may be empty; a response without a value is invalid.
func (d *decoder) only(parent tag) (v Value, err error) {
	t, empty, err := d.next(parent)
	if err != nil || t == tagEnd && parent == tagParam && d.call {
		return v, err
	}
	if v, err = d.value(t, empty, 1); err != nil {
		return v, err
	}
	if t, _, err = d.next(parent); err != nil {
		return v, err
	}
	if t != tagEnd {
		return v, d.misshapen("there is more than one value")
	}
	return v, nil
}

func (d *decoder) methodResponse() (v Value, err error) {
	if empty, err := d.root(tagMethodResponse); err != nil {
		return v, err
	} else if empty {
		return v, d.misshapen("the response has no value")
	}
	t, empty, err := d.next(tagMethodResponse)
	switch {
	case err != nil:
		return v, err
	case t == tagFault && !empty:
		if v, err = d.only(tagFault); err != nil {
			return v, err
		}
	case t == tagParams && !empty:
		list, err := d.params(false)
		if err != nil {
			return v, err
		}
		if len(list) != 1 {
			return v, d.misshapen("the response does not have exactly one value")
		}
		v = list[0]
	default:
		return v, d.misshapen("the response has no value")
	}
	if end, _, err := d.next(tagMethodResponse); err != nil {
		return Value{}, err
	} else if end != tagEnd {
		return Value{}, d.misshapen("the response has more than one value")
	}
	if err := d.finish(); err != nil {
		return Value{}, err
	}
	if t == tagFault {
		code, ok := v.Member("faultCode")
		if !ok {
			return Value{}, d.misshapen("the fault has no code")
		}
		return Value{}, &Fault{int(code.Int64()), v.Get("faultString").Text()}
	}
	return v, nil
}

// value reads the element of a start tag where a value is expected: a <value>,
// or a type element without one (KBlog puts structs directly under <param>,
// metaweblog.el base64 directly under <member>).
func (d *decoder) value(t tag, empty bool, depth int) (Value, error) {
	if d.trace == nil || depth == 1 {
		return d.untraced(t, empty, depth)
	}
	place := d.enter(depth)
	v, err := d.untraced(t, empty, depth)
	return d.leave(place, v), err
}

func (d *decoder) untraced(t tag, empty bool, depth int) (Value, error) {
	learning := d.learning
	d.learning = 0
	if depth > d.lim.Depth {
		return Value{}, d.malformed("values are nested too deep")
	}
	if t >= tagString {
		return d.typed(t, empty, depth)
	}
	if t != tagValue {
		return Value{}, d.misshapen("a value is missing")
	}
	if empty {
		return d.untyped(""), nil
	}
	return d.content(depth, learning)
}

// content reads what follows the start tag of a <value>, and its end tag. It
// fills in the pattern in learning, unless that is 0.
func (d *decoder) content(depth, learning int) (Value, error) {
	// Usually the type element follows at once.
	start := d.i
	if len(d.buf)-d.i < 2 || d.buf[d.i] != '<' || !isName[d.buf[d.i+1]] {
		text, err := d.chars()
		if err != nil {
			return Value{}, err
		}
		if !d.need(2) {
			return Value{}, d.ended()
		}
		if d.buf[d.i+1] == '/' {
			if err := d.end(tagValue); err != nil {
				return Value{}, err
			}
			if learning > 0 {
				p := &d.patterns[learning]
				p.open, p.shut, p.tag = start, d.i, tagValue
			}
			return d.untyped(text), nil
		}
		if d.sawCDATA || trim(text) != "" {
			return Value{}, d.misshapen("there is text next to an element")
		}
	}
	t, empty, err := d.start()
	if err != nil {
		return Value{}, err
	}
	if t < tagString {
		return Value{}, d.misshapen("<value> contains an element that is not a type")
	}
	if learning > 0 {
		p := &d.patterns[learning]
		p.open, p.tag, p.empty = d.i, t, empty
		d.around = learning
	}
	v, err := d.typed(t, empty, depth)
	if err != nil {
		return Value{}, err
	}
	if learning > 0 {
		if d.patterns[learning].shut = d.i; t < tagBase64 && !empty {
			d.patterns[learning].shut = d.shut
		}
	}
	return v, d.endValue()
}

// endValue reads the end of a <value> after its element.
func (d *decoder) endValue() error {
	t, _, err := d.next(tagValue)
	if err == nil && t != tagEnd {
		err = d.misshapen("<value> holds more than one element")
	}
	return err
}

// untyped returns the value of a <value> with text and no type element. In a
// call, white space alone is nil, "not given": WordPress ignores it, and
// clients' templates write <value/> for members that were not filled in.
func (d *decoder) untyped(text string) Value {
	if d.call && trim(text) == "" {
		return Value{}
	}
	return String(text)
}

// typed reads the content of a type element and its end tag.
func (d *decoder) typed(t tag, empty bool, depth int) (Value, error) {
	switch t {
	case tagStruct:
		return d.structure(empty, depth)
	case tagArray:
		return d.array(empty, depth)
	case tagBase64:
		return d.base64(empty)
	}
	if empty {
		return d.parsed(t, "")
	}
	v, err := d.simple(t)
	if err != nil {
		return Value{}, err
	}
	d.shut = d.i
	return v, d.end(t)
}

// simple reads the content of a type element that has only text, up to its end
// tag.
func (d *decoder) simple(t tag) (Value, error) {
	if d.src == nil {
		from := d.i
		if b, next := d.plain(); next == '/' {
			if t == tagString {
				if d.call {
					b = trim(b)
				}
				return String(d.copied(b)), nil
			}
			if v, ok := parsePlain(t, b); ok {
				return v, nil
			}
		}
		d.i = from
	}
	text, err := d.chars()
	if err != nil {
		return Value{}, err
	}
	if !d.need(2) {
		return Value{}, d.ended()
	}
	if d.buf[d.i+1] != '/' {
		return Value{}, d.intruder()
	}
	v, err := d.parsed(t, text)
	if err != nil {
		// A document that is not XML is refused for that.
		if err := d.end(t); err != nil {
			return Value{}, err
		}
		return d.parsed(t, text)
	}
	return v, nil
}

// parsed returns the value of a type element with a text.
func (d *decoder) parsed(t tag, text string) (Value, error) {
	if t == tagString {
		if d.call {
			// WordPress trims <string>, but not an untyped value.
			text = trim(text)
		}
		return String(text), nil
	}
	v, ok := parseScalar(t, text)
	if !ok {
		return Value{}, d.misshapen("the text is not a valid " + strings.Trim(endTags[t], "</>"))
	}
	return v, nil
}

// scalar reads the text of an element without child elements, and its end tag.
func (d *decoder) scalar(t tag, empty bool) (string, error) {
	if empty {
		return "", nil
	}
	text, err := d.chars()
	if err != nil {
		return "", err
	}
	if !d.need(2) {
		return "", d.ended()
	}
	if d.buf[d.i+1] != '/' {
		return "", d.intruder()
	}
	return text, d.end(t)
}

// cut moves the open values from first on to their final place.
func (d *decoder) cut(first int) []Value {
	d.used.open = max(d.used.open, len(d.open))
	done := d.values.take(d.open[first:])
	d.open = d.open[:first]
	return done
}

func (d *decoder) box() *box {
	return d.boxes.one()
}

// trim removes white space around a text.
func trim[T string | []byte](s T) T {
	for len(s) > 0 && isSpace(s[0]) {
		s = s[1:]
	}
	for len(s) > 0 && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}
