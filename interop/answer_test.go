package interop

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// The answers are parsed with encoding/xml and not with package xmlrpc, because
// the encoder must not be judged by its own reader.

// element is an XML element with its children and the text before the first of
// them.
type element struct {
	name  string
	attrs map[string]string
	text  string
	kids  []*element
}

func parseXML(body []byte) (*element, error) {
	d := xml.NewDecoder(bytes.NewReader(body))
	var root *element
	var open []*element
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		switch t := tok.(type) {
		case xml.StartElement:
			e := &element{name: t.Name.Local, attrs: make(map[string]string)}
			for _, a := range t.Attr {
				e.attrs[a.Name.Local] = a.Value
			}
			if len(open) > 0 {
				top := open[len(open)-1]
				top.kids = append(top.kids, e)
			} else if root == nil {
				root = e
			} else {
				return nil, errors.New("two roots")
			}
			open = append(open, e)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) == 0 {
				if len(bytes.TrimSpace(t)) > 0 {
					return nil, errors.New("text outside of the root")
				}
			} else if top := open[len(open)-1]; len(top.kids) == 0 {
				top.text += string(t)
			}
		}
	}
	if root == nil {
		return nil, errors.New("no root element")
	}
	return root, nil
}

// find returns the first element at the path of names below e, or nil if there
// is none.
func (e *element) find(path ...string) *element {
	for _, name := range path {
		if e == nil {
			return nil
		}
		var next *element
		for _, k := range e.kids {
			if k.name == name {
				next = k
				break
			}
		}
		e = next
	}
	return e
}

func (e *element) all(name string) []*element {
	var out []*element
	for _, k := range e.kids {
		if k.name == name {
			out = append(out, k)
		}
		out = append(out, k.all(name)...)
	}
	return out
}

// node is an XML-RPC value in the form of the recordings. With the second group
// of fields it is an expectation.
type node struct {
	T string           `json:"t"`
	V *string          `json:"v"`
	M map[string]*node `json:"m"`
	I []*node          `json:"i"`

	Any       bool     `json:"any"`       // only the type matters
	AnyType   bool     `json:"anytype"`   // even the type does not matter
	AnyLen    bool     `json:"anylen"`    // any number of elements, each like the first
	Nonempty  bool     `json:"nonempty"`  // with any: there must be at least one
	Loose     bool     `json:"loose"`     // a text of the recorded server
	Ref       string   `json:"ref"`       // the value that was captured under this name
	Ties      [][2]int `json:"ties"`      // these elements in any order
	Unordered bool     `json:"unordered"` // all elements in any order
	Superset  bool     `json:"superset"`  // additional elements are allowed
}

func (n *node) value() string {
	if n.V == nil {
		return ""
	}
	return *n.V
}

func readNode(v *element) *node {
	if v == nil {
		text := ""
		return &node{T: "string", V: &text}
	}
	if len(v.kids) == 0 {
		return &node{T: "string", V: &v.text}
	}
	e := v.kids[0]
	switch e.name {
	case "struct":
		n := &node{T: "struct", M: make(map[string]*node)}
		for _, m := range e.kids {
			if m.name == "member" && m.find("name") != nil {
				n.M[m.find("name").text] = readNode(m.find("value"))
			}
		}
		return n
	case "array":
		n := &node{T: "array"}
		if data := e.find("data"); data != nil {
			for _, x := range data.kids {
				if x.name == "value" {
					n.I = append(n.I, readNode(x))
				}
			}
		}
		return n
	case "i4":
		return &node{T: "int", V: &e.text}
	}
	return &node{T: e.name, V: &e.text}
}

// reply is an answer of the server under test.
type reply struct {
	status      int
	contentType string
	body        []byte

	outcome    string // ok, fault, rsd, http
	kind       string // for http: empty, not-xml, or the kind of document
	result     *node
	code       int
	codeType   string
	faultWords string
	apis       [][3]string
}

// read determines what the body is.
func (r *reply) read() {
	r.outcome = "http"
	root, err := parseXML(r.body)
	switch {
	case err != nil && len(bytes.TrimSpace(r.body)) == 0:
		r.kind = "empty"
	case err != nil:
		r.kind = "not-xml"
	case root.name == "rsd":
		r.outcome = "rsd"
		for _, a := range root.all("api") {
			r.apis = append(r.apis, [3]string{a.attrs["name"], a.attrs["preferred"], a.attrs["blogID"]})
		}
	case root.name != "methodResponse":
		r.kind = "xml:" + root.name
	case root.find("fault") != nil:
		r.readFault(readNode(root.find("fault", "value")))
	default:
		params := root.find("params")
		if params == nil || len(params.kids) != 1 || params.find("param", "value") == nil {
			r.kind = "bad-response"
			return
		}
		r.outcome, r.result = "ok", readNode(params.find("param", "value"))
	}
}

func (r *reply) readFault(v *node) {
	code, words := v.M["faultCode"], v.M["faultString"]
	if code == nil || words == nil {
		r.kind = "bad-fault"
		return
	}
	n, err := strconv.Atoi(code.value())
	if err != nil {
		r.kind = "bad-fault"
		return
	}
	r.outcome, r.code, r.codeType, r.faultWords = "fault", n, code.T, words.value()
}

func (r *reply) String() string {
	switch r.outcome {
	case "fault":
		return fmt.Sprintf("fault %d %q", r.code, r.faultWords)
	case "http":
		return "HTTP " + strconv.Itoa(r.status) + " " + r.kind
	}
	return r.outcome
}

// at follows a capture path: $ is the result, .name a member, .0 an element,
// .[key=x] the first element whose member key is x.
func (n *node) at(path string) (string, bool) {
	path = strings.TrimPrefix(path, "$")
	for path != "" && n != nil {
		path = strings.TrimPrefix(path, ".")
		var step string
		if strings.HasPrefix(path, "[") {
			end := strings.IndexByte(path, ']')
			if end < 0 {
				return "", false
			}
			step, path = path[1:end], path[end+1:]
			n = n.where(step)
			continue
		}
		end := strings.IndexAny(path, ".[")
		if end < 0 {
			end = len(path)
		}
		step, path = path[:end], path[end:]
		if n.T != "array" {
			n = n.M[step]
			continue
		}
		i, err := strconv.Atoi(step)
		if err != nil || i < 0 || i >= len(n.I) {
			return "", false
		}
		n = n.I[i]
	}
	if n == nil {
		return "", false
	}
	return n.value(), true
}

func (n *node) where(condition string) *node {
	key, want, _ := strings.Cut(condition, "=")
	for _, x := range n.I {
		if m := x.M[key]; m != nil && m.value() == want {
			return x
		}
	}
	return nil
}
