package xmlrpc

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"unicode/utf8"
)

// A MethodCall is what a request asks for.
type MethodCall struct {
	Name   string  // trimmed; empty when the request names none
	Params []Value // as sent; a Handler puts a single array in place of the list
}

// DecodeCall reads a request. The error is a [*SyntaxError].
//
// body is not kept: the call shares one copy of it.
func DecodeCall(body []byte, lim Limits) (*MethodCall, error) {
	d := newDecoder(lim.withDefaults())
	defer d.release()
	d.trim = true
	if err := d.take(body); err != nil {
		return nil, err
	}
	return d.methodCall()
}

// DecodeResponse reads the answer to a call. When the server answered with a
// fault the error is a [*Fault], when the answer cannot be read a
// [*SyntaxError]. The text of strings is kept as it was sent.
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

// A decoder reads the grammar of XML-RPC. Values are gathered on stacks while
// their container is open, and then cut from the arenas in one piece.
type decoder struct {
	scanner
	lim   Limits
	trim  bool   // the text of <string>
	batch bool   // the call is a system.multicall
	spool *spool // where large base64 values stay; nil when all is in memory

	open    []Value
	named   []Member
	values  arena[Value]
	members arena[Member]
	boxes   arena[box]
	scratch []byte
}

var decoders = sync.Pool{New: func() any { return new(decoder) }}

func newDecoder(lim Limits) *decoder {
	d := decoders.Get().(*decoder)
	d.lim = lim
	d.mostOpen = lim.Elements
	return d
}

// release gives the decoder back without what belongs to the document.
func (d *decoder) release() {
	clear(d.open[:cap(d.open)])
	clear(d.named[:cap(d.named)])
	clear(d.attribute[:])
	keep := decoder{open: d.open[:0], named: d.named[:0], scratch: d.scratch[:0]}
	if cap(keep.open) > 4096 || cap(keep.named) > 4096 || cap(keep.scratch) > windowSize {
		keep = decoder{}
	}
	keep.room = d.room
	d.text.Reset()
	*d = keep
	decoders.Put(d)
}

// take begins with a document that is in memory.
func (d *decoder) take(body []byte) error {
	skip, cs, bad := declaration(body[:min(len(body), maxProlog)])
	if bad != nil {
		return bad
	}
	if cs == charsetWindows && !utf8.Valid(body) {
		body = fromWindows(make([]byte, 0, len(body)+len(body)/8), body)
	}
	seen := look(body)
	if seen.good < len(body) {
		return &SyntaxError{CodeParse, "a byte is not a character of XML in this encoding", int64(seen.good)}
	}
	d.buf, d.i, d.cr, d.str = body, skip, seen.cr, string(body)
	return nil
}

// takeSpool begins with a document in the spool, of which only a window comes
// into memory. hold is asked once, before texts take more than freeText.
func (d *decoder) takeSpool(sp *spool, hold func(int64) error) error {
	if d.room == nil {
		d.room = make([]byte, windowSize)
	}
	head := d.room[:min(sp.size, maxProlog)]
	if _, err := sp.ReadAt(head, 0); err != nil && err != io.EOF {
		return err
	}
	skip, cs, bad := declaration(head)
	if bad != nil {
		return bad
	}
	if cs == charsetWindows {
		if err := sp.toUTF8(); err != nil {
			return err
		}
	}
	d.spool, d.src, d.size = sp, sp, sp.size
	d.tail = make([]byte, 0, utf8.UTFMax)
	d.buf = d.room[:0]
	d.free, d.hold = freeText, hold
	if !d.need(min(skip+1, int(sp.size))) {
		return d.ended()
	}
	d.i = skip
	return nil
}

// root consumes the start tag of the root and refuses every other name than
// want. It reports whether the root is an empty element.
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
			return false, d.malformed("text stands before the root element")
		}
		if c := d.buf[d.i+1]; c != '!' && c != '?' {
			break
		}
		cdata, err := d.aside()
		if err != nil {
			return false, err
		}
		if cdata {
			return false, d.malformed("text stands before the root element")
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
		// WordPress treats a document of another kind as no XML at all.
		return false, d.malformed("the root is not <" + strings.Trim(endTags[want], "</>") + ">")
	}
	return empty, nil
}

// finish checks that nothing but comments, processing instructions and white
// space follows the root. Something appended to a document must not be
// overlooked: a signature might cover it.
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
			if call.Params, err = d.params(empty); err != nil {
				return nil, err
			}
		default:
			return nil, d.misshapen("an element stands where it may not")
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
		case t != tagParam || empty:
			return nil, d.misshapen("<params> holds something else than <param> with a value")
		case len(d.open) == d.lim.Params:
			return nil, d.misshapen("there are too many parameters")
		}
		v, err := d.only(tagParam)
		if err != nil {
			return nil, err
		}
		d.open = append(d.open, v)
	}
}

// only reads the one value that parent holds, and the end of parent.
func (d *decoder) only(parent tag) (v Value, err error) {
	t, empty, err := d.next(parent)
	if err != nil {
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
		return v, d.misshapen("the response holds no value")
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
			return v, d.misshapen("the response holds not one value")
		}
		v = list[0]
	default:
		return v, d.misshapen("the response holds no value")
	}
	if end, _, err := d.next(tagMethodResponse); err != nil {
		return Value{}, err
	} else if end != tagEnd {
		return Value{}, d.misshapen("the response holds more than one value")
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

// value reads what a start tag begins that stands where a value belongs: a
// <value>, or a type element that lacks its <value> (KBlog puts structs
// directly under <param>, metaweblog.el base64 directly under <member>).
func (d *decoder) value(t tag, empty bool, depth int) (Value, error) {
	if depth > d.lim.Depth {
		return Value{}, d.malformed("values are nested too deep")
	}
	if t >= tagString {
		return d.typed(t, empty, depth)
	}
	if t != tagValue {
		return Value{}, d.misshapen("there is no value where one belongs")
	}
	if empty {
		return String(""), nil
	}
	for {
		// The common case: the type element follows at once.
		if len(d.buf)-d.i >= 2 && d.buf[d.i] == '<' && isName[d.buf[d.i+1]] {
			break
		}
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
			return String(text), nil
		}
		if d.sawCDATA || trim(text) != "" {
			return Value{}, d.misshapen("text stands beside an element")
		}
		break
	}
	t, empty, err := d.start()
	if err != nil {
		return Value{}, err
	}
	if t < tagString {
		return Value{}, d.misshapen("<value> holds an element that is no type")
	}
	v, err := d.typed(t, empty, depth)
	if err != nil {
		return Value{}, err
	}
	if t, _, err = d.next(tagValue); err != nil {
		return Value{}, err
	}
	if t != tagEnd {
		return Value{}, d.misshapen("<value> holds more than one element")
	}
	return v, nil
}

// typed reads the inside of a type element and its end.
func (d *decoder) typed(t tag, empty bool, depth int) (Value, error) {
	switch t {
	case tagStruct:
		return d.structure(empty, depth)
	case tagArray:
		return d.array(empty, depth)
	case tagBase64:
		return d.base64(empty)
	}
	text, err := d.scalar(t, empty)
	if err != nil {
		return Value{}, err
	}
	if t == tagString {
		if d.trim {
			// WordPress trims <string>, and not the untyped value.
			text = trim(text)
		}
		return String(text), nil
	}
	v, ok := parseScalar(t, text)
	if !ok {
		return Value{}, d.misshapen("the text is no " + strings.Trim(endTags[t], "</>"))
	}
	return v, nil
}

// scalar reads the text of an element that holds nothing else, and its end.
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
		return "", d.misshapen("an element stands in text")
	}
	return text, d.end(t)
}

func (d *decoder) array(empty bool, depth int) (Value, error) {
	first := len(d.open)
	seen := false
	for !empty {
		t, none, err := d.next(tagArray)
		if err != nil {
			return Value{}, err
		}
		if t == tagEnd {
			break
		}
		if t != tagData || seen {
			return Value{}, d.misshapen("<array> holds something else than one <data>")
		}
		seen = true
		if none {
			continue
		}
		if err := d.data(depth); err != nil {
			return Value{}, err
		}
	}
	b := d.box()
	b.elements = d.cut(first)
	return Value{kind: KindArray, box: b}, nil
}

func (d *decoder) data(depth int) error {
	for n := 0; ; n++ {
		t, empty, err := d.next(tagData)
		if err != nil {
			return err
		}
		if t == tagEnd {
			return nil
		}
		// Stopping here spares the work of building a batch that is refused.
		if d.batch && depth <= 2 && n == d.lim.Calls {
			return d.errorAt(CodeInvalidParams, "there are too many calls in one system.multicall")
		}
		v, err := d.value(t, empty, depth+1)
		if err != nil {
			return err
		}
		d.open = append(d.open, v)
	}
}

func (d *decoder) structure(empty bool, depth int) (Value, error) {
	first := len(d.named)
	var names nameSet
	for !empty {
		t, none, err := d.next(tagStruct)
		if err != nil {
			return Value{}, err
		}
		if t == tagEnd {
			break
		}
		if t == tagNil {
			// metaweblog.el leaves an empty <nil/> in place of a member that
			// has no value. Nothing else may stand between members.
			if text, err := d.scalar(t, none); err != nil || trim(text) != "" {
				return Value{}, cmpErr(err, d.misshapen("<nil> is not empty"))
			}
			continue
		}
		if t != tagMember || none {
			return Value{}, d.misshapen("<struct> holds something else than <member> with name and value")
		}
		if len(d.named)-first == d.lim.Members {
			return Value{}, d.misshapen("a struct has too many members")
		}
		m, err := d.member(depth)
		if err != nil {
			return Value{}, err
		}
		if !names.add(d.named[first:], m.Name) {
			return Value{}, d.misshapen("a struct has two members of one name")
		}
		d.named = append(d.named, m)
	}
	b := d.box()
	b.members = d.members.take(d.named[first:])
	d.named = d.named[:first]
	return Value{kind: KindStruct, box: b}, nil
}

func (d *decoder) member(depth int) (m Member, err error) {
	named, valued := false, false
	for {
		t, empty, err := d.next(tagMember)
		switch {
		case err != nil:
			return m, err
		case t == tagEnd:
			if !named || !valued {
				return m, d.misshapen("a member lacks its name or its value")
			}
			return m, nil
		case t == tagName:
			if named {
				return m, d.misshapen("a member has two names")
			}
			named = true
			if m.Name, err = d.scalar(tagName, empty); err != nil {
				return m, err
			}
			if m.Name = trim(m.Name); len(m.Name) > d.lim.Name {
				return m, d.misshapen("the name of a member is too long")
			}
		case valued:
			return m, d.misshapen("a member has two values")
		default:
			valued = true
			if m.Value, err = d.value(t, empty, depth+1); err != nil {
				return m, err
			}
		}
	}
}

// cut moves the open values from first on into their final place.
func (d *decoder) cut(first int) []Value {
	done := d.values.take(d.open[first:])
	d.open = d.open[:first]
	return done
}

func (d *decoder) box() *box {
	return &d.boxes.take(oneBox[:])[0]
}

var oneBox [1]box

// An arena cuts many small slices from few allocations.
type arena[T any] struct {
	free []T
	next int
}

// take returns a copy of list that has no room to grow.
func (a *arena[T]) take(list []T) []T {
	n := len(list)
	if n == 0 {
		return nil
	}
	if n > len(a.free) {
		a.next = min(max(2*a.next, 8), 512)
		a.free = make([]T, max(a.next, n))
	}
	cut := a.free[:n:n]
	a.free = a.free[n:]
	copy(cut, list)
	return cut
}

// A nameSet notices the second member of one name. Small structs are compared
// member by member, and mostly not even that: few names share their mark.
type nameSet struct {
	marks uint64
	all   map[string]struct{}
}

const namesCompared = 48

func (s *nameSet) add(before []Member, name string) bool {
	if s.all != nil || len(before) == namesCompared {
		if s.all == nil {
			s.all = make(map[string]struct{}, 4*namesCompared)
			for i := range before {
				s.all[before[i].Name] = struct{}{}
			}
		}
		n := len(s.all)
		s.all[name] = struct{}{}
		return len(s.all) > n
	}
	h := uint32(len(name))
	for i := 0; i < len(name); i++ {
		h = h*31 + uint32(name[i])
	}
	mark := uint64(1) << (h * 0x9e3779b1 >> 26)
	if s.marks&mark == 0 {
		s.marks |= mark
		return true
	}
	for i := range before {
		if before[i].Name == name {
			return false
		}
	}
	return true
}

// trim removes the white space that may stand around a text in XML.
func trim(s string) string {
	for len(s) > 0 && isSpace(s[0]) {
		s = s[1:]
	}
	for len(s) > 0 && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

func cmpErr(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

// base64 reads the inside of a <base64> and its end.
func (d *decoder) base64(empty bool) (Value, error) {
	if empty {
		return Value{kind: KindBase64}, nil
	}
	if d.spool != nil {
		return d.spooledBase64()
	}
	text, err := d.scalar(tagBase64, false)
	if err != nil {
		return Value{}, err
	}
	b, ok := appendBase64(d.scratch[:0], text)
	if !ok {
		return Value{}, d.misshapen("the text is no base64")
	}
	d.scratch = b[:0]
	return Value{kind: KindBase64, str: string(b)}, nil
}

// spooledBase64 checks a base64 value while it goes by. A small one is kept
// decoded; of a large one only the place is kept, and the bytes are decoded
// when they are read.
func (d *decoder) spooledBase64() (Value, error) {
	place := &blob{spool: d.spool, start: d.base + int64(d.i)}
	var check base64Check
	kept := d.scratch[:0]
	for {
		run, err := d.base64Run()
		if err != nil {
			return Value{}, err
		}
		if run == nil {
			break
		}
		if !check.add(run) {
			return Value{}, d.misshapen("the text is no base64")
		}
		if len(kept) <= 2*keptBase64 {
			kept = append(kept, run...)
		}
	}
	d.scratch = kept[:0]
	place.end = d.base + int64(d.i)
	if err := d.end(tagBase64); err != nil {
		return Value{}, err
	}
	if !check.complete() {
		return Value{}, d.misshapen("the text is no base64")
	}
	place.size = check.size()
	if len(kept) <= 2*keptBase64 && place.size <= keptBase64 {
		b, ok := appendBase64(nil, string(kept))
		if !ok {
			return Value{}, d.misshapen("the text is no base64")
		}
		return Value{kind: KindBase64, str: string(b)}, nil
	}
	b := d.box()
	b.blob = place
	return Value{kind: KindBase64, box: b}, nil
}

// base64Run returns the next stretch of character data within an element, and
// nil before its end tag or at the end of the source. The bytes are good until
// the next call.
func (s *scanner) base64Run() ([]byte, error) {
	for {
		if s.i == len(s.buf) && !s.more() {
			if s.failed != nil {
				return nil, s.failed
			}
			return nil, nil
		}
		if s.inCDATA {
			b := s.buf[s.i:]
			if k := bytes.Index(b, cdataEnd); k >= 0 {
				s.i += k + len(cdataEnd)
				s.inCDATA = false
				if k == 0 {
					continue
				}
				return b[:k], nil
			}
			if n := len(b) - 2; n > 0 {
				s.i += n
				return b[:n], nil
			}
			if !s.more() {
				return nil, s.ended()
			}
			continue
		}
		switch s.buf[s.i] {
		case '<':
			if !s.need(2) {
				return nil, s.ended()
			}
			if c := s.buf[s.i+1]; c == '/' {
				return nil, nil
			} else if c != '!' && c != '?' {
				return nil, s.misshapen("an element stands in text")
			}
			cdata, err := s.aside()
			if err != nil {
				return nil, err
			}
			if cdata {
				s.i += len("<![CDATA[")
				s.inCDATA = true
			}
		case '&':
			s.need(12)
			r, size := reference(s.buf[s.i:])
			if size <= 0 {
				return nil, s.malformed("a reference is undeclared or malformed")
			}
			s.i += size
			return utf8.AppendRune(s.one[:0], r), nil
		default:
			b := s.buf[s.i:]
			if k := bytes.IndexByte(b, '<'); k >= 0 {
				b = b[:k]
			}
			if k := bytes.IndexByte(b, '&'); k >= 0 {
				b = b[:k]
			}
			s.i += len(b)
			return b, nil
		}
	}
}
