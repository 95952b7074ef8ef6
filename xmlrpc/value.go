package xmlrpc

import (
	"errors"
	"io"
	"iter"
	"math"
	"strconv"
	"strings"
)

// A Kind is the type of a value.
type Kind uint8

// The types of XML-RPC, and nil.
const (
	KindNil Kind = iota // absent, or <nil/>
	KindBool
	KindInt
	KindDouble
	KindString
	KindDateTime
	KindBase64
	KindArray
	KindStruct

	kindVerbatim // see Verbatim
)

var kindNames = [...]string{"nil", "boolean", "int", "double", "string", "dateTime.iso8601", "base64", "array", "struct", "verbatim"}

// String returns the name that the type has on the wire.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "unknown"
}

// A Value is one XML-RPC value. It is immutable. The zero Value is nil, which
// also means "absent".
//
// The texts of values that were decoded share memory: a program that keeps a
// small one for long should clone it.
type Value struct {
	kind Kind
	num  uint64 // Int and Bool: the int64; Double: its bits
	str  string // String, DateTime, and Base64 in memory
	box  *box   // Array, Struct, and Base64 in the spool
}

// box holds what only few values need, so that most stay small.
type box struct {
	elements []Value
	members  []Member
	blob     *blob
	stream   iter.Seq2[Value, error]
	verbatim func(io.Writer) error
}

// A Member is one named value of a struct.
type Member struct {
	Name  string
	Value Value
}

// String returns a string value.
func String(s string) Value { return Value{kind: KindString, str: s} }

// Int returns an integer. Beyond 32 bits it is written as <i8>, which not every
// client supports.
func Int(n int64) Value { return Value{kind: KindInt, num: uint64(n)} }

// Bool returns a boolean.
func Bool(b bool) Value {
	v := Value{kind: KindBool}
	if b {
		v.num = 1
	}
	return v
}

// Double returns a floating-point number. XML-RPC has no NaN and no infinity:
// they are written as 0.
func Double(f float64) Value { return Value{kind: KindDouble, num: math.Float64bits(f)} }

// DateTime returns a date whose text is written unchanged. All clients can read
// the form 20060102T15:04:05.
func DateTime(text string) Value { return Value{kind: KindDateTime, str: text} }

// Bytes returns a base64 value with a copy of b.
func Bytes(b []byte) Value { return Value{kind: KindBase64, str: string(b)} }

// Array returns an array. It keeps the slice.
func Array(elements ...Value) Value {
	return Value{kind: KindArray, box: &box{elements: elements}}
}

// Stream returns an array whose elements are computed while the answer is
// written, so that a list of any length needs the memory of one element. The
// sequence is iterated once, before anything is sent to the client: an error in
// it becomes the fault of the call. Index, Elements and Len do not return its
// elements.
func Stream(elements iter.Seq2[Value, error]) Value {
	return Value{kind: KindArray, box: &box{stream: elements}}
}

// Verbatim returns a value that write writes: a whole <value> element in UTF-8,
// such as one from the answer of another server. write is called once, while
// the answer is written and before anything is sent to the client: its error
// becomes the fault of the call. Such a value can only be written.
func Verbatim(write func(io.Writer) error) Value {
	return Value{kind: kindVerbatim, box: &box{verbatim: write}}
}

// Struct returns a struct with its members in this order. It keeps the slice.
// Strict readers refuse a struct with duplicate names.
func Struct(members ...Member) Value {
	return Value{kind: KindStruct, box: &box{members: members}}
}

// M returns a member.
func M(name string, v Value) Member { return Member{Name: name, Value: v} }

// Kind returns the type.
func (v Value) Kind() Kind { return v.kind }

// IsZero reports whether the value is nil or absent.
func (v Value) IsZero() bool { return v.kind == KindNil }

// Text returns the text of a String, the text of a DateTime as it was sent, an
// Int, Bool or Double in decimal, and the decoded bytes of a Base64 that is in
// memory. It is empty for containers, nil, and a Base64 in the spool; for that,
// use Open.
func (v Value) Text() string {
	switch v.kind {
	case KindString, KindDateTime, KindBase64:
		return v.str
	case KindInt, KindBool:
		return strconv.FormatInt(int64(v.num), 10)
	case KindDouble:
		return string(appendDouble(nil, math.Float64frombits(v.num)))
	}
	return ""
}

// Int64 returns an Int, a Bool as 0 or 1, or a Double truncated to an integer,
// at most the largest int64. It returns 0 for everything else, and does not
// parse text.
func (v Value) Int64() int64 {
	switch v.kind {
	case KindInt, KindBool:
		return int64(v.num)
	case KindDouble:
		f := math.Float64frombits(v.num)
		switch {
		case math.IsNaN(f):
			return 0
		case f >= math.MaxInt64:
			return math.MaxInt64
		case f <= math.MinInt64:
			return math.MinInt64
		}
		return int64(f)
	}
	return 0
}

// Float64 returns a Double, Int or Bool as a number, and 0 for everything else.
func (v Value) Float64() float64 {
	switch v.kind {
	case KindInt, KindBool:
		return float64(int64(v.num))
	case KindDouble:
		return math.Float64frombits(v.num)
	}
	return 0
}

// Bool reports whether a Bool is true, or an Int or Double is not 0. It returns
// false for everything else.
func (v Value) Bool() bool {
	switch v.kind {
	case KindInt, KindBool:
		return v.num != 0
	case KindDouble:
		return math.Float64frombits(v.num) != 0
	}
	return false
}

// Len returns the number of elements of an array or members of a struct.
func (v Value) Len() int {
	if v.box == nil {
		return 0
	}
	return len(v.box.elements) + len(v.box.members)
}

// Index returns the i-th element of an array, or the zero Value if there is
// none.
func (v Value) Index(i int) Value {
	if v.box == nil || i < 0 || i >= len(v.box.elements) {
		return Value{}
	}
	return v.box.elements[i]
}

// Elements returns the elements of an array. The caller must not change them.
func (v Value) Elements() []Value {
	if v.box == nil {
		return nil
	}
	return v.box.elements
}

// Members returns the members of a struct in the order of the document. The
// caller must not change them.
func (v Value) Members() []Member {
	if v.box == nil {
		return nil
	}
	return v.box.members
}

// Member returns the member with a name, and whether there is one. A member
// that is nil counts as absent: it was sent without a value.
func (v Value) Member(name string) (Value, bool) {
	if v.box != nil {
		for i := range v.box.members {
			if m := &v.box.members[i]; m.Name == name {
				return m.Value, !m.Value.IsZero()
			}
		}
	}
	return Value{}, false
}

// Get returns the member with a name, or the zero Value if there is none.
func (v Value) Get(name string) Value {
	m, _ := v.Member(name)
	return m
}

// Size returns the number of decoded bytes of a Base64, the number of bytes of
// a String, and 0 for everything else.
func (v Value) Size() int64 {
	switch v.kind {
	case KindBase64:
		if v.box != nil {
			return v.box.blob.size
		}
		return int64(len(v.str))
	case KindString:
		return int64(len(v.str))
	}
	return 0
}

// Open returns the decoded bytes of a Base64, or the text of a String, as a
// stream. A large Base64 is decoded from the spool as it is read, and never
// held in memory as a whole; such a stream can be used until the method
// returns. Several streams can be open at the same time. Other kinds return an
// error.
func (v Value) Open() (io.ReadCloser, error) {
	switch {
	case v.kind == KindBase64 && v.box != nil:
		return v.box.blob.open()
	case v.kind == KindBase64, v.kind == KindString:
		return io.NopCloser(strings.NewReader(v.str)), nil
	}
	return nil, errors.New("read bytes of a " + v.kind.String() + ": not base64")
}

// Equal reports whether two values have the same kind and content. Doubles are
// equal if their bits are; a Base64 in the spool equals only itself.
func (v Value) Equal(o Value) bool {
	if v.kind != o.kind || v.num != o.num || v.str != o.str || v.Len() != o.Len() {
		return false
	}
	if v.kind == KindBase64 && v.box != nil {
		return v.box == o.box
	}
	for i, e := range v.Elements() {
		if !e.Equal(o.Index(i)) {
			return false
		}
	}
	for i, m := range v.Members() {
		if w := o.box.members[i]; m.Name != w.Name || !m.Value.Equal(w.Value) {
			return false
		}
	}
	return true
}
