package signature

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// ErrComponent means that a signature covers a component that the message lacks
// or has several times, or that is not supported.
var ErrComponent = errors.New("covered component")

// Message is the part of an HTTP message that a signature can cover. It is a
// request if Status is 0, and a response otherwise.
type Message struct {
	Method    string
	Scheme    string // "http" or "https", as the client used it
	Authority string // host and, unless it is the scheme's default, port, as the client used them
	Target    string // the request target as sent, with its query

	Status int // of a response, 100 to 999

	Header http.Header

	// Request is the request that a response answers, or nil if it is unknown.
	Request *Message
}

// RequestMessage returns the Message of a request, on the server's or the
// client's side. Scheme and Authority are those of the connection; behind a
// proxy, the caller must correct them.
func RequestMessage(r *http.Request) *Message {
	m := &Message{Method: r.Method, Scheme: "http", Authority: r.Host, Target: r.RequestURI, Header: r.Header}
	if r.TLS != nil {
		m.Scheme = "https"
	}
	if m.Method == "" {
		m.Method = http.MethodGet
	}
	if m.Target == "" { // on the client's side
		m.Target = r.URL.RequestURI()
		m.Scheme = strings.ToLower(r.URL.Scheme)
		if m.Authority == "" {
			m.Authority = r.URL.Host
		}
	}
	return m
}

// authority returns host and port in the form of RFC 9421 section 2.2.3: in
// lower case, without the default port of the scheme or an empty port.
func (m *Message) authority() string {
	a := strings.TrimSuffix(strings.ToLower(m.Authority), ":")
	switch m.Scheme {
	case "http":
		a = strings.TrimSuffix(a, ":80")
	case "https":
		a = strings.TrimSuffix(a, ":443")
	}
	return a
}

// split cuts the target into path and query, which is "" or begins with "?".
func (m *Message) split() (path, query string) {
	target := m.Target
	if _, rest, found := strings.Cut(target, "://"); found && !strings.HasPrefix(target, "/") {
		// The absolute form, as sent to a proxy.
		i := strings.IndexAny(rest, "/?")
		if i < 0 {
			i = len(rest)
		}
		target = rest[i:]
	}
	if i := strings.IndexByte(target, '?'); i >= 0 {
		return target[:i], target[i:]
	}
	return target, ""
}

// derived returns the value of a derived component (RFC 9421 section 2.2).
func (m *Message) derived(c component) (string, error) {
	if c.name == "@status" {
		if m.Status < 100 || m.Status > 999 {
			return "", errors.New("a request does not have it")
		}
		return strconv.Itoa(m.Status), nil
	}
	if m.Status != 0 {
		return "", errors.New("a response does not have it")
	}
	path, query := m.split()
	if path == "" {
		path = "/"
	}
	switch c.name {
	case "@method":
		return m.Method, nil
	case "@authority":
		if m.Authority == "" {
			return "", errors.New("the message does not have it")
		}
		return m.authority(), nil
	case "@scheme":
		return m.Scheme, nil
	case "@target-uri":
		return m.Scheme + "://" + m.authority() + path + query, nil
	case "@request-target":
		return m.Target, nil
	case "@path":
		return path, nil
	case "@query":
		if query == "" {
			query = "?"
		}
		return query, nil
	case "@query-param":
		return queryParam(query, c.param)
	}
	return "", errors.New("it is not known")
}

// queryParam returns the single value of a query parameter. The name is encoded
// as in the value (RFC 9421 section 2.2.8).
func queryParam(query, name string) (string, error) {
	found, value := 0, ""
	for pair := range strings.SplitSeq(strings.TrimPrefix(query, "?"), "&") {
		k, v, _ := strings.Cut(pair, "=")
		k, err := url.QueryUnescape(k)
		if err != nil {
			continue
		}
		if formEncode(k) != name || pair == "" {
			continue
		}
		if v, err = url.QueryUnescape(v); err != nil {
			return "", err
		}
		found, value = found+1, formEncode(v)
	}
	if found != 1 {
		return "", fmt.Errorf("it appears %d times", found)
	}
	return value, nil
}

// formEncode percent-encodes as forms do, but with %20 for a space.
func formEncode(s string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("*-._", c) >= 0:
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(digits[c>>4])
			b.WriteByte(digits[c&15])
		}
	}
	return b.String()
}

// field returns the value of a header field (RFC 9421 section 2.1).
func (m *Message) field(c component) (string, error) {
	given := m.Header.Values(c.name)
	lines := make([]string, len(given))
	for i, line := range given {
		lines[i] = strings.Trim(line, " \t")
	}
	if c.name == "host" && m.Status == 0 && m.Authority != "" {
		// net/http removes it from the header.
		lines = []string{m.Authority}
	}
	switch {
	case len(lines) == 0:
		return "", errors.New("the message does not have it")
	case c.bytes:
		return wrapped(lines), nil
	case c.strict:
		return strictly(c.name, lines)
	case c.keyed:
		members, err := dictionary(lines)
		if err != nil {
			return "", err
		}
		m := find(members, c.param)
		if m == nil {
			return "", errors.New("the dictionary has no such member")
		}
		return string(m.append(nil)), nil
	}
	return strings.Join(lines, ", "), nil
}

// component is a covered component: a name and how to transform its value.
type component struct {
	name    string
	param   string // ;name= of @query-param, ;key= of a dictionary
	keyed   bool   // ;key=
	strict  bool   // ;sf
	bytes   bool   // ;bs
	request bool   // ;req
}

// readComponent interprets the identifier of a component.
func readComponent(from item) (component, error) {
	var c component
	name := from.text
	if from.kind != text || name == "" || strings.ToLower(name) != name {
		return c, fmt.Errorf("%w: a name is not a string in lower case", ErrComponent)
	}
	c.name = name
	derived := name[0] == '@'
	named := false
	for _, one := range from.params {
		p, isText, flag := one.name, one.kind == text, one.value == yes
		switch {
		case p == "req" && flag:
			c.request = true
		case p == "name" && isText && name == "@query-param":
			named, c.param = true, one.text
		case p == "key" && isText && !derived:
			c.keyed, c.param = true, one.text
		case p == "sf" && flag && !derived:
			c.strict = true
		case p == "bs" && flag && !derived:
			c.bytes = true
		case p == "tr" && flag:
			return c, fmt.Errorf("%w %q: trailers are not supported", ErrComponent, name)
		default:
			return c, fmt.Errorf("%w %q: parameter %q is not understood", ErrComponent, name, p)
		}
	}
	switch {
	case name == "@query-param" && !named:
		return c, fmt.Errorf("%w %q: which one is not said", ErrComponent, name)
	case c.bytes && (c.strict || c.keyed):
		return c, fmt.Errorf("%w %q: bs does not go with sf or key", ErrComponent, name)
	}
	return c, nil
}

// value returns the value of a component in a message.
func (m *Message) value(c component) (string, error) {
	from := m
	if c.request {
		if m.Status == 0 || m.Request == nil {
			return "", fmt.Errorf("%w %q: there is no request behind this message", ErrComponent, c.name)
		}
		from = m.Request
	}
	var value string
	var err error
	if c.name[0] == '@' {
		value, err = from.derived(c)
	} else {
		value, err = from.field(c)
	}
	if err != nil {
		return "", fmt.Errorf("%w %q: %w", ErrComponent, c.name, err)
	}
	for i := range len(value) {
		// A line break would let one component pose as two.
		if b := value[i]; b < ' ' && b != '\t' || b >= 0x7f {
			return "", fmt.Errorf("%w %q: not printable ASCII", ErrComponent, c.name)
		}
	}
	return value, nil
}
