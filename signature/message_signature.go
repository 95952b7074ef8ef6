package signature

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/dunglas/httpsfv"
)

// ErrFields says that Signature and Signature-Input are malformed, or do not
// belong together, or say something in two ways.
var ErrFields = errors.New("malformed signature fields")

// What one message may carry.
const (
	maxSignatures = 16
	maxComponents = 64
)

// Params are the parameters of a signature (RFC 9421 section 2.3). What is
// zero is not there.
type Params struct {
	Created, Expires int64 // seconds since 1970
	KeyID            string
	Alg              Algorithm
	Nonce            string
	Tag              string
}

// Signed is one signature that a message carries, as it was received.
type Signed struct {
	Label  string
	Params Params

	components []component
	names      []string // identifiers as they stand in the signature base
	// canonical is the value of @signature-params as RFC 9421 section 2.3
	// spells it, raw as the sender did.
	canonical, raw string
	value          []byte
}

// Signatures reads the fields Signature and Signature-Input, in the order of
// the latter. A message without either has none. Errors: ErrFields, also for
// a label without its counterpart and for what is there twice; ErrComponent
// for components that are not understood.
func Signatures(h http.Header) ([]Signed, error) {
	return signatures(h, func(httpsfv.Member) bool { return true })
}

// Tagged is Signatures of those whose parameter tag has this value. Of what
// others have signed beside them the labels have to be in order, and nothing
// else: a proxy may cover what is not understood here.
func Tagged(h http.Header, tag string) ([]Signed, error) {
	return signatures(h, func(input httpsfv.Member) bool {
		inner, ok := input.(httpsfv.InnerList)
		return ok && text(inner.Params, "tag") == tag
	})
}

func signatures(h http.Header, wanted func(input httpsfv.Member) bool) ([]Signed, error) {
	if len(h.Values("Signature")) == 0 && len(h.Values("Signature-Input")) == 0 {
		return nil, nil
	}
	inputs, raw, err := dictionary(h.Values("Signature-Input"))
	if err != nil {
		return nil, fmt.Errorf("%w: Signature-Input: %w", ErrFields, err)
	}
	values, _, err := dictionary(h.Values("Signature"))
	if err != nil {
		return nil, fmt.Errorf("%w: Signature: %w", ErrFields, err)
	}
	n := len(inputs.Names())
	if n != len(values.Names()) || n == 0 || n > maxSignatures {
		return nil, fmt.Errorf("%w: %d in Signature-Input, %d in Signature", ErrFields, n, len(values.Names()))
	}
	list := make([]Signed, 0, n)
	for _, label := range inputs.Names() {
		input, _ := inputs.Get(label)
		value, found := values.Get(label)
		if !found {
			return nil, fmt.Errorf("%w: there is no signature %s", ErrFields, label)
		}
		if !wanted(input) {
			continue
		}
		s, err := readSigned(input, value)
		if err != nil {
			return nil, err
		}
		s.Label, s.raw = label, raw[label]
		list = append(list, s)
	}
	return list, nil
}

func readSigned(input, value httpsfv.Member) (s Signed, err error) {
	inner, ok := input.(httpsfv.InnerList)
	if !ok {
		return s, fmt.Errorf("%w: the components are no list", ErrFields)
	}
	item, _ := value.(httpsfv.Item)
	if s.value, ok = item.Value.([]byte); !ok {
		return s, fmt.Errorf("%w: a signature is no byte sequence", ErrFields)
	}
	return s, s.readInput(inner)
}

// readInput understands the components and parameters of a signature.
func (s *Signed) readInput(inner httpsfv.InnerList) (err error) {
	if len(inner.Items) > maxComponents {
		return fmt.Errorf("%w: more than %d components", ErrFields, maxComponents)
	}
	for _, item := range inner.Items {
		c, err := readComponent(item)
		if err != nil {
			return err
		}
		// However its parameters are ordered, it is the same component.
		if slices.Contains(s.components, c) {
			return fmt.Errorf("%w: component %q is there twice", ErrFields, c.name)
		}
		name, err := httpsfv.Marshal(item)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrFields, err)
		}
		s.components, s.names = append(s.components, c), append(s.names, name)
	}
	if s.Params, err = readParams(inner.Params); err != nil {
		return err
	}
	if s.canonical, err = httpsfv.Marshal(inner); err != nil {
		return fmt.Errorf("%w: %w", ErrFields, err)
	}
	return nil
}

func readParams(from *httpsfv.Params) (p Params, err error) {
	for _, name := range from.Names() {
		v, _ := from.Get(name)
		number, isNumber := v.(int64)
		text, isText := v.(string)
		var ok bool
		switch name {
		case "created":
			p.Created, ok = number, isNumber
		case "expires":
			p.Expires, ok = number, isNumber
			if number == 0 {
				p.Expires = -1 // as long ago, and not the zero that stands for none
			}
		case "keyid":
			p.KeyID, ok = text, isText
		case "alg":
			p.Alg, ok = Algorithm(text), isText
		case "nonce":
			p.Nonce, ok = text, isText
		case "tag":
			p.Tag, ok = text, isText
		default: // covered by the signature all the same
			ok = true
		}
		if !ok {
			return Params{}, fmt.Errorf("%w: %s is of the wrong kind", ErrFields, name)
		}
	}
	return p, nil
}

// Covers tells whether the signature covers a component, which is given as it
// stands in the signature base: in quotes, and with its parameters. A
// component with other parameters is another one.
func (s *Signed) Covers(identifier string) bool {
	return slices.Contains(s.names, identifier)
}

// Covered returns the covered components in their order, spelt as for Covers.
func (s *Signed) Covered() []string { return slices.Clone(s.names) }

// Base is the text that is signed (RFC 9421 section 2.5). Errors:
// ErrComponent.
func (s *Signed) Base(m *Message) ([]byte, error) {
	lines, err := s.lines(m)
	if err != nil {
		return nil, err
	}
	return append(lines, s.canonical...), nil
}

// lines is the signature base but for the parameters at its end.
func (s *Signed) lines(m *Message) ([]byte, error) {
	var b []byte
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

// Verify checks the signature against a message. What the parameters say of
// time, algorithm and key is not looked at: the algorithm is the key's.
//
// Parameters can be spelt in several ways. RFC 9421 section 2.3 signs one of
// them, whatever travels; a sender that signs its own spelling instead is
// understood too, since both say the same.
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
// Signature-Input and Signature, to be added to its header. Components are
// given as in a signature base, in quotes and with parameters, such as
// `"@method"` or `"signature";req;key="a"`. The parameters are written in the
// order of Params. Errors: ErrFields for what cannot be written, ErrComponent,
// ErrKey.
func SignMessage(k Key, label string, m *Message, components []string, p Params) (input, value string, err error) {
	item := httpsfv.NewParams()
	for _, n := range []struct {
		name  string
		value int64
	}{{"created", p.Created}, {"expires", p.Expires}} {
		if n.value != 0 {
			item.Add(n.name, n.value)
		}
	}
	for _, t := range []struct{ name, value string }{
		{"keyid", p.KeyID}, {"alg", string(p.Alg)}, {"nonce", p.Nonce}, {"tag", p.Tag},
	} {
		if t.value != "" {
			item.Add(t.name, t.value)
		}
	}
	inner, err := innerList(components)
	if err != nil {
		return "", "", err
	}
	inner.Params = item
	var s Signed
	if err := s.readInput(inner); err != nil {
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
	value, err = httpsfv.Marshal(single(label, httpsfv.NewItem(sum)))
	if err != nil {
		return "", "", fmt.Errorf("%w: label: %w", ErrFields, err)
	}
	return label + "=" + s.canonical, value, nil
}

// innerList reads identifiers of components.
func innerList(components []string) (httpsfv.InnerList, error) {
	list, err := httpsfv.UnmarshalList([]string{"(" + strings.Join(components, " ") + ")"})
	if err == nil && len(list) == 1 {
		if inner, ok := list[0].(httpsfv.InnerList); ok {
			return inner, nil
		}
	}
	return httpsfv.InnerList{}, fmt.Errorf("%w: not a list of components", ErrFields)
}
