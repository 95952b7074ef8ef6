package signature

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// ErrFields means that Signature and Signature-Input are malformed, ambiguous,
// or do not belong together.
var ErrFields = errors.New("malformed signature fields")

// Limits for one message.
const (
	maxSignatures = 16
	maxComponents = 64
)

// Params are the parameters of a signature (RFC 9421 section 2.3). Zero values
// are absent.
type Params struct {
	Created, Expires int64 // seconds since 1970
	KeyID            string
	Alg              Algorithm
	Nonce            string
	Tag              string
}

// Signed is one signature of a received message.
type Signed struct {
	Label  string
	Params Params

	components []component
	names      []string // identifiers as in the signature base
	// canonical is the value of @signature-params in the form of RFC 9421
	// section 2.3, raw the same in the sender's form.
	canonical, raw string
	value          []byte
}

// Signatures parses the fields Signature and Signature-Input, and returns the
// signatures in the order of the latter. Errors: ErrFields, also for a label
// without its counterpart and for duplicates; ErrComponent for unsupported
// components.
func Signatures(h http.Header) ([]Signed, error) {
	return signatures(h, func(*member) bool { return true })
}

// Tagged is Signatures for those whose parameter tag has this value. Other
// signatures need only valid labels: a proxy may cover components that are not
// supported here.
func Tagged(h http.Header, tag string) ([]Signed, error) {
	return signatures(h, func(input *member) bool { return input.inner && input.params.string("tag") == tag })
}

func signatures(h http.Header, wanted func(input *member) bool) ([]Signed, error) {
	if len(h.Values("Signature")) == 0 && len(h.Values("Signature-Input")) == 0 {
		return nil, nil
	}
	inputs, err := dictionary(h.Values("Signature-Input"))
	if err != nil {
		return nil, fmt.Errorf("%w: Signature-Input: %w", ErrFields, err)
	}
	values, err := dictionary(h.Values("Signature"))
	if err != nil {
		return nil, fmt.Errorf("%w: Signature: %w", ErrFields, err)
	}
	n := len(inputs)
	if n != len(values) || n == 0 || n > maxSignatures {
		return nil, fmt.Errorf("%w: %d in Signature-Input, %d in Signature", ErrFields, n, len(values))
	}
	list := make([]Signed, 0, n)
	for i := range inputs {
		input := &inputs[i]
		value := find(values, input.name)
		if value == nil {
			return nil, fmt.Errorf("%w: there is no signature %s", ErrFields, input.name)
		}
		if !wanted(input) {
			continue
		}
		s, err := readSigned(input, value)
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}

func readSigned(input, value *member) (s Signed, err error) {
	switch {
	case !input.inner:
		return s, fmt.Errorf("%w: the components are no list", ErrFields)
	case value.inner || value.kind != binary:
		return s, fmt.Errorf("%w: a signature is not a byte sequence", ErrFields)
	}
	s.value = []byte(value.text)
	return s, s.readInput(input)
}

// readInput interprets the components and parameters of a signature.
func (s *Signed) readInput(from *member) (err error) {
	if len(from.items) > maxComponents {
		return fmt.Errorf("%w: more than %d components", ErrFields, maxComponents)
	}
	s.components = make([]component, 0, len(from.items))
	for _, it := range from.items {
		c, err := readComponent(it)
		if err != nil {
			return err
		}
		// Parameters in another order make the same component.
		if slices.Contains(s.components, c) {
			return fmt.Errorf("%w: component %q is there twice", ErrFields, c.name)
		}
		s.components = append(s.components, c)
	}
	if s.Params, err = readParams(from.params); err != nil {
		return err
	}
	s.Label, s.raw = from.name, from.raw
	s.spell(from)
	return nil
}

// spell formats the parameters of the signature as in RFC 9421 section 2.3. The
// names of the components are slices of that text.
func (s *Signed) spell(from *member) {
	ends := make([]int, len(from.items))
	b := append(make([]byte, 0, len(from.raw)+64), '(')
	for i, it := range from.items {
		if i > 0 {
			b = append(b, ' ')
		}
		b = it.append(b)
		ends[i] = len(b)
	}
	s.canonical = string(from.params.append(append(b, ')')))
	s.names = make([]string, len(ends))
	start := len("(")
	for i, end := range ends {
		s.names[i] = s.canonical[start:end]
		start = end + len(" ")
	}
}

func readParams(from params) (p Params, err error) {
	for _, v := range from {
		want := text
		switch v.name {
		case "created":
			p.Created, want = v.number, integer
		case "expires":
			p.Expires, want = v.number, integer
			if v.number == 0 {
				p.Expires = -1 // long expired, and distinct from zero, which means absent
			}
		case "keyid":
			p.KeyID = v.text
		case "alg":
			p.Alg = Algorithm(v.text)
		case "nonce":
			p.Nonce = v.text
		case "tag":
			p.Tag = v.text
		default: // covered by the signature nevertheless
			want = v.kind
		}
		if v.kind != want {
			return Params{}, fmt.Errorf("%w: %s is of the wrong kind", ErrFields, v.name)
		}
	}
	return p, nil
}

// Covers reports whether the signature covers a component. identifier is in the
// form of the signature base: in quotes, with its parameters. A component with
// other parameters is a different one.
func (s *Signed) Covers(identifier string) bool {
	return slices.Contains(s.names, identifier)
}

// Covered returns the covered components in order, in the form that Covers
// takes.
func (s *Signed) Covered() []string { return slices.Clone(s.names) }

// Base returns the text that is signed (RFC 9421 section 2.5). Error:
// ErrComponent.
func (s *Signed) Base(m *Message) ([]byte, error) {
	lines, err := s.lines(m)
	if err != nil {
		return nil, err
	}
	return append(lines, s.canonical...), nil
}

// lines returns the signature base without the parameters at its end.
func (s *Signed) lines(m *Message) ([]byte, error) {
	b := make([]byte, 0, 1024)
	for i, c := range s.components {
		value, err := m.value(c)
		if err != nil {
			return nil, err
		}
		b = append(b, s.names[i]...)
		b = append(b, ": "...)
		b = append(b, value...)
		b = append(b, '\n')
	}
	return append(b, `"@signature-params": `...), nil
}

// Verify checks the signature of a message. It ignores the parameters for time,
// algorithm and key: the key determines the algorithm.
//
// Parameters can be written in several ways. RFC 9421 section 2.3 defines the
// form that is signed, whatever form is sent. Verify also accepts senders that
// sign the form they send, since both have the same meaning.
//
// Errors: ErrComponent, ErrMismatch.
func (s *Signed) Verify(k Key, m *Message) error {
	lines, err := s.lines(m)
	if err != nil {
		return err
	}
	lines = slices.Clip(lines)
	if k.matches(append(lines, s.canonical...), s.value) {
		return nil
	}
	if s.raw != s.canonical && k.matches(append(lines, s.raw...), s.value) {
		return nil
	}
	return ErrMismatch
}

// SignMessage signs components of a message and returns the values for
// Signature-Input and Signature, to be added to its header. Components have the
// form of a signature base, in quotes and with parameters, such as `"@method"`
// or `"signature";req;key="a"`. The parameters are written in the order of
// Params. Errors: ErrFields for what cannot be written, ErrComponent, ErrKey.
func SignMessage(k Key, label string, m *Message, components []string, p Params) (input, signed string, err error) {
	inner, err := innerList("(" + strings.Join(components, " ") + ")")
	if err != nil {
		return "", "", fmt.Errorf("%w: not a list of components: %w", ErrFields, err)
	}
	inner.name = label
	if inner.params, err = p.list(); err != nil {
		return "", "", err
	}
	if name := (structure{text: label}); !name.isKey() {
		return "", "", fmt.Errorf("%w: %q is not a label", ErrFields, label)
	}
	var s Signed
	if err := s.readInput(&inner); err != nil {
		return "", "", err
	}
	base, err := s.Base(m)
	if err != nil {
		return "", "", err
	}
	sum, err := k.sign(base)
	if err != nil {
		return "", "", err
	}
	made := member{name: label, item: item{value: value{kind: binary, text: string(sum)}}}
	return label + "=" + s.canonical, string(made.append([]byte(label + "="))), nil
}

// list returns the parameters that are set. The error is ErrFields for a value
// that cannot be written.
func (p Params) list() (list params, err error) {
	for _, v := range []param{
		{"created", value{kind: integer, number: p.Created}},
		{"expires", value{kind: integer, number: p.Expires}},
		{"keyid", value{kind: text, text: p.KeyID}},
		{"alg", value{kind: text, text: string(p.Alg)}},
		{"nonce", value{kind: text, text: p.Nonce}},
		{"tag", value{kind: text, text: p.Tag}},
	} {
		if v.number == 0 && v.text == "" {
			continue
		}
		if !v.valid() {
			return nil, fmt.Errorf("%w: %s cannot be written", ErrFields, v.name)
		}
		list = append(list, v)
	}
	return list, nil
}
