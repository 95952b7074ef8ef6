package signature

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxField is the largest size of a structured field, with all its lines.
const maxField = 16 << 10

// Structured values follow RFC 8941, on which RFC 9421 is based. The types that
// RFC 9651 added, dates and display strings, are refused. Every strict request
// passes through this parser, so it copies nothing: results are slices of the
// text.

// kind is the type of a bare item (RFC 8941 section 3.3).
type kind byte

const (
	boolean kind = iota
	integer
	decimal
	text
	token
	binary
)

// value is a bare item.
type value struct {
	kind   kind
	text   string // of a string without escapes, a token, or a decoded byte sequence
	number int64  // of an integer; of a decimal in thousandths; of a boolean 0 or 1
}

var yes = value{kind: boolean, number: 1}

type param struct {
	name string
	value
}

type params []param

// get returns a parameter, or the zero value, which is false, if there is none.
func (p params) get(name string) value {
	i := slices.IndexFunc(p, func(p param) bool { return p.name == name })
	if i < 0 {
		return value{}
	}
	return p[i].value
}

// string returns a parameter that is a string, or "" if there is none.
func (p params) string(name string) string {
	if v := p.get(name); v.kind == text {
		return v.text
	}
	return ""
}

// item is a bare item with its parameters.
type item struct {
	value
	params params
}

// member is a member of a dictionary or a list: an item, or an inner list,
// whose parameters are those of item.
type member struct {
	name string // in a dictionary
	item
	inner bool
	items []item // of an inner list
	raw   string // as received, without the name
}

// find returns the member with that name, or nil.
func find(members []member, name string) *member {
	for i := range members {
		if members[i].name == name {
			return &members[i]
		}
	}
	return nil
}

// dictionary parses a field that is a dictionary (RFC 8941 section 3.2). In the
// RFC a key or a parameter may appear twice, and the last one counts. Here
// duplicates are rejected, because not every parser takes the last one.
func dictionary(lines []string) ([]member, error) {
	members, err := elements(lines, (*structure).member)
	if err != nil {
		return nil, err
	}
	if repeats(len(members), func(i int) string { return members[i].name }) {
		return nil, errors.New("a key appears twice")
	}
	return members, nil
}

// list parses a field that is a list (RFC 8941 section 3.1). Its members have
// no names.
func list(lines []string) ([]member, error) {
	return elements(lines, (*structure).element)
}

// lone parses a field that is a single item (RFC 8941 section 3.3).
func lone(lines []string) (m member, err error) {
	r, err := fieldText(lines)
	if err != nil {
		return m, err
	}
	if m.item, err = r.item(); err == nil && r.at < len(r.text) {
		err = r.unexpected()
	}
	return m, err
}

// fieldText returns a parser for all lines of a field.
func fieldText(lines []string) (structure, error) {
	r := structure{text: strings.Trim(strings.Join(lines, ", "), " ")}
	if len(r.text) > maxField {
		return r, fmt.Errorf("longer than %d bytes", maxField)
	}
	return r, nil
}

// elements parses the elements that commas separate in all lines of a field.
func elements(lines []string, read func(*structure) (member, error)) ([]member, error) {
	r, err := fieldText(lines)
	if err != nil {
		return nil, err
	}
	var members []member
	for r.at < len(r.text) {
		m, err := read(&r)
		if err != nil {
			return nil, err
		}
		members = append(members, m)
		r.skip(" \t")
		if r.at == len(r.text) {
			break
		}
		if !r.take(',') {
			return nil, r.unexpected()
		}
		if r.skip(" \t"); r.at == len(r.text) {
			return nil, r.unexpected()
		}
	}
	return members, nil
}

// repeats reports whether one of n names appears twice. Strangers may send
// thousands of names, so it compares each with each only if there are few.
func repeats(n int, name func(i int) string) bool {
	const few = 16
	if n <= few {
		for i := range n {
			for j := range i {
				if name(i) == name(j) {
					return true
				}
			}
		}
		return false
	}
	seen := make(map[string]bool, n)
	for i := range n {
		if seen[name(i)] {
			return true
		}
		seen[name(i)] = true
	}
	return false
}

// innerList parses an inner list that stands alone.
func innerList(list string) (m member, err error) {
	r := structure{text: list}
	if err = r.list(&m); err == nil && r.at < len(r.text) {
		err = r.unexpected()
	}
	return m, err
}

// structure parses a text from its start to its end.
type structure struct {
	text string
	at   int
}

func (r *structure) unexpected() error {
	return fmt.Errorf("character %d is not the expected one", r.at)
}

// take skips a character if it comes next.
func (r *structure) take(c byte) bool {
	if r.at < len(r.text) && r.text[r.at] == c {
		r.at++
		return true
	}
	return false
}

// skip skips all of some characters.
func (r *structure) skip(characters string) {
	for r.at < len(r.text) && strings.IndexByte(characters, r.text[r.at]) >= 0 {
		r.at++
	}
}

func (r *structure) member() (m member, err error) {
	if m.name, err = r.key(); err != nil {
		return m, err
	}
	if !r.take('=') {
		start := r.at
		m.value = yes
		m.params, err = r.params()
		m.raw = r.text[start:r.at]
		return m, err
	}
	of, err := r.element()
	of.name = m.name
	return of, err
}

// element parses a member of a list: an item or an inner list.
func (r *structure) element() (m member, err error) {
	start := r.at
	if r.at < len(r.text) && r.text[r.at] == '(' {
		err = r.list(&m)
	} else {
		m.item, err = r.item()
	}
	m.raw = r.text[start:r.at]
	return m, err
}

// list parses an inner list with its parameters (RFC 8941 section 4.2.1.2).
func (r *structure) list(m *member) (err error) {
	m.inner = true
	if !r.take('(') {
		return r.unexpected()
	}
	m.items = make([]item, 0, 8)
	for r.skip(" "); !r.take(')'); r.skip(" ") {
		it, err := r.item()
		if err != nil {
			return err
		}
		if r.at == len(r.text) || r.text[r.at] != ' ' && r.text[r.at] != ')' {
			return r.unexpected()
		}
		m.items = append(m.items, it)
	}
	m.params, err = r.params()
	return err
}

func (r *structure) item() (it item, err error) {
	if it.value, err = r.bare(); err != nil {
		return it, err
	}
	it.params, err = r.params()
	return it, err
}

func (r *structure) params() (list params, err error) {
	for r.take(';') {
		r.skip(" ")
		p := param{value: yes}
		if p.name, err = r.key(); err != nil {
			return nil, err
		}
		if r.take('=') {
			if p.value, err = r.bare(); err != nil {
				return nil, err
			}
		}
		if list == nil {
			list = make(params, 0, 6)
		}
		list = append(list, p)
	}
	if repeats(len(list), func(i int) string { return list[i].name }) {
		return nil, errors.New("a parameter appears twice")
	}
	return list, nil
}

// key parses a name (RFC 8941 section 4.2.3.3).
func (r *structure) key() (string, error) {
	start := r.at
	for r.at < len(r.text) && isKey(r.text[r.at], r.at == start) {
		r.at++
	}
	if r.at == start {
		return "", r.unexpected()
	}
	return r.text[start:r.at], nil
}

// isKey reports whether the whole text is a name.
func (r structure) isKey() bool {
	_, err := r.key()
	return err == nil && r.at == len(r.text)
}

func isKey(c byte, first bool) bool {
	return 'a' <= c && c <= 'z' || c == '*' || !first && ('0' <= c && c <= '9' || c == '_' || c == '-' || c == '.')
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }

// bare parses a bare item (RFC 8941 section 4.2.3.1).
func (r *structure) bare() (value, error) {
	if r.at == len(r.text) {
		return value{}, r.unexpected()
	}
	switch c := r.text[r.at]; {
	case c == '"':
		return r.quoted()
	case c == '-' || isDigit(c):
		return r.number()
	case c == '*' || isLetter(c):
		start := r.at
		for r.at++; r.at < len(r.text) && isToken(r.text[r.at]); r.at++ {
		}
		return value{kind: token, text: r.text[start:r.at]}, nil
	case c == ':':
		return r.binary()
	case c == '?' && r.at+1 < len(r.text) && r.text[r.at+1]|1 == '1':
		r.at += 2
		return value{kind: boolean, number: int64(r.text[r.at-1] & 1)}, nil
	}
	return value{}, r.unexpected()
}

func isToken(c byte) bool {
	return isLetter(c) || isDigit(c) || strings.IndexByte("!#$%&'*+-.^_`|~:/", c) >= 0
}

// quoted parses a string (RFC 8941 section 4.2.5).
func (r *structure) quoted() (value, error) {
	r.at++
	start, escapes := r.at, 0
	for ; r.at < len(r.text); r.at++ {
		switch c := r.text[r.at]; {
		case c == '"':
			s := r.text[start:r.at]
			r.at++
			if escapes > 0 {
				s = unescape(s)
			}
			return value{kind: text, text: s}, nil
		case c == '\\':
			r.at++
			if r.at == len(r.text) || r.text[r.at] != '"' && r.text[r.at] != '\\' {
				return value{}, r.unexpected()
			}
			escapes++
		case c < ' ' || c > '~':
			return value{}, r.unexpected()
		}
	}
	return value{}, r.unexpected()
}

// unescape removes the backslashes from a string that is known to be valid.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// The largest numbers of digits (RFC 8941 sections 3.3.1 and 3.3.2).
const (
	maxInteger  = 15
	maxWhole    = 12 // of a decimal, before the point
	maxFraction = 3
)

// number parses an integer or a decimal (RFC 8941 section 4.2.4).
func (r *structure) number() (value, error) {
	v := value{kind: integer, number: 1}
	if r.take('-') {
		v.number = -1
	}
	whole := r.digits(maxInteger)
	if whole == "" {
		return value{}, r.unexpected()
	}
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return value{}, r.unexpected()
	}
	if r.take('.') {
		fraction := r.digits(maxFraction)
		if fraction == "" || len(whole) > maxWhole {
			return value{}, r.unexpected()
		}
		v.kind = decimal
		for i := range maxFraction {
			n *= 10
			if i < len(fraction) {
				n += int64(fraction[i] - '0')
			}
		}
	}
	if r.at < len(r.text) && isDigit(r.text[r.at]) {
		return value{}, r.unexpected()
	}
	v.number *= n
	return v, nil
}

// digits skips at most the given number of digits.
func (r *structure) digits(most int) string {
	start := r.at
	for r.at < len(r.text) && r.at < start+most && isDigit(r.text[r.at]) {
		r.at++
	}
	return r.text[start:r.at]
}

// binary parses a byte sequence (RFC 8941 section 4.2.7).
func (r *structure) binary() (value, error) {
	n := strings.IndexByte(r.text[r.at+1:], ':')
	if n < 0 {
		return value{}, r.unexpected()
	}
	encoded := r.text[r.at+1 : r.at+1+n]
	plain, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || strings.ContainsAny(encoded, "\r\n") { // the decoder ignores them
		return value{}, r.unexpected()
	}
	r.at += n + 2
	return value{kind: binary, text: string(plain)}, nil
}

// valid reports whether an integer or a string can be written.
func (v value) valid() bool {
	for i := range len(v.text) {
		if v.kind == text && (v.text[i] < ' ' || v.text[i] > '~') {
			return false
		}
	}
	return v.number < 1e15 && v.number > -1e15
}

// append appends a bare item in its canonical form (RFC 8941 section 4.1.3).
func (v value) append(b []byte) []byte {
	switch v.kind {
	case boolean:
		return append(b, '?', '0'+byte(v.number))
	case integer:
		return strconv.AppendInt(b, v.number, 10)
	case decimal:
		return appendDecimal(b, v.number)
	case token:
		return append(b, v.text...)
	case binary:
		b = base64.StdEncoding.AppendEncode(append(b, ':'), []byte(v.text))
		return append(b, ':')
	}
	b = append(b, '"')
	for i := range len(v.text) {
		if v.text[i] == '"' || v.text[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, v.text[i])
	}
	return append(b, '"')
}

// appendDecimal appends thousandths as a decimal with at least one digit after
// the point.
func appendDecimal(b []byte, n int64) []byte {
	if n < 0 {
		b, n = append(b, '-'), -n
	}
	b = append(strconv.AppendInt(b, n/1000, 10), '.')
	fraction := n % 1000
	b = append(b, '0'+byte(fraction/100))
	if fraction%100 > 0 {
		b = append(b, '0'+byte(fraction/10%10))
	}
	if fraction%10 > 0 {
		b = append(b, '0'+byte(fraction%10))
	}
	return b
}

func (p params) append(b []byte) []byte {
	for _, one := range p {
		b = append(append(b, ';'), one.name...)
		if one.value != yes {
			b = one.value.append(append(b, '='))
		}
	}
	return b
}

func (it item) append(b []byte) []byte { return it.params.append(it.value.append(b)) }

// append appends the value of a member (RFC 9421 section 2.1.2).
func (m *member) append(b []byte) []byte {
	if !m.inner {
		return m.item.append(b)
	}
	b = append(b, '(')
	for i, it := range m.items {
		if i > 0 {
			b = append(b, ' ')
		}
		b = it.append(b)
	}
	return m.params.append(append(b, ')'))
}

// appendMembers appends a dictionary or a list (RFC 8941 sections 4.1.1 and
// 4.1.2). A name without a value stands for true.
func appendMembers(b []byte, members []member, named bool) []byte {
	for i := range members {
		m := &members[i]
		if i > 0 {
			b = append(b, ", "...)
		}
		switch {
		case named && !m.inner && m.value == yes:
			b = m.params.append(append(b, m.name...))
		case named:
			b = m.append(append(append(b, m.name...), '='))
		default:
			b = m.append(b)
		}
	}
	return b
}
