package xmlrpc_test

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/xmlrpc"
)

// FuzzDecode decodes documents from strangers. Nothing may panic. A document
// that can be read from memory gives the same result through a window of the
// spool; and if encoding/xml can read it too, the same call.
func FuzzDecode(f *testing.F) {
	for _, doc := range testCalls(f) {
		f.Add(doc.in)
	}
	for _, c := range refused {
		for _, doc := range c.docs {
			f.Add([]byte(doc))
		}
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, doc []byte) { checkDecoders(t, dir, doc) })
}

func checkDecoders(t *testing.T, dir string, doc []byte) {
	_, _ = xmlrpc.DecodeResponse(doc, xmlrpc.Limits{})
	call, err := xmlrpc.DecodeCall(doc, xmlrpc.Limits{})
	var bad *xmlrpc.SyntaxError
	if err != nil && !errors.As(err, &bad) {
		t.Fatalf("decode %q: %T %v, want a SyntaxError", doc, err, err)
	}
	// Small windows, so that every token crosses their end.
	for _, window := range []int{128, 131, 64 << 10} {
		spooled, done, spoolErr := xmlrpc.DecodeSpooled(dir, doc, window, xmlrpc.Limits{})
		switch {
		case err != nil && spoolErr == nil:
			t.Errorf("%q is refused in memory (%v) and read through a window of %d as %s", doc, err, window, showCall(spooled))
		case err == nil && spoolErr != nil && !(window < 64<<10 && tight(spoolErr)):
			t.Errorf("%q is read in memory and refused through a window of %d: %v", doc, window, spoolErr)
		case err == nil && spoolErr == nil:
			if diff := cmp.Diff(showCall(call), showCall(spooled)); diff != "" {
				t.Errorf("%q through a window of %d (-memory +window):\n%s", doc, window, diff)
			}
		}
		if err := done(); err != nil {
			t.Fatal(err)
		}
	}
	if err != nil {
		return
	}
	want, ok := oracle(doc)
	if !ok {
		return
	}
	if diff := cmp.Diff(showCall(want), showCall(call)); diff != "" {
		t.Errorf("%q (-encoding/xml +ours):\n%s", doc, diff)
	}
}

// tight reports whether a document was refused only because the window is too
// small for one of its tags or for its declaration.
func tight(err error) bool {
	var bad *xmlrpc.SyntaxError
	return errors.As(err, &bad) && (strings.Contains(bad.Reason, "ends too early") || strings.Contains(bad.Reason, "does not end") || strings.Contains(bad.Reason, "end tag does not match"))
}

// An element is an element as encoding/xml reads it.
type element struct {
	name     string
	text     string // all character data
	children []*element
}

// oracle reads a call with encoding/xml, by the plainest reading of the
// specification. It returns false if it cannot read it.
func oracle(doc []byte) (*xmlrpc.MethodCall, bool) {
	d := xml.NewDecoder(bytes.NewReader(doc))
	top := &element{}
	open := []*element{top}
	for {
		tok, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, false
		}
		last := open[len(open)-1]
		switch tok := tok.(type) {
		case xml.StartElement:
			e := &element{name: tok.Name.Local}
			last.children = append(last.children, e)
			open = append(open, e)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			last.text += string(tok)
		}
	}
	if len(top.children) != 1 {
		return nil, false
	}
	call := &xmlrpc.MethodCall{}
	for _, e := range top.children[0].children {
		switch e.name {
		case "methodName":
			call.Name = xmlTrim(e.text)
		case "params":
			for _, p := range e.children {
				switch {
				case p.name != "param":
					call.Params = append(call.Params, oracleValue(p))
				case len(p.children) == 0:
					call.Params = append(call.Params, xmlrpc.Value{})
				case len(p.children) == 1:
					call.Params = append(call.Params, oracleValue(p.children[0]))
				default:
					return nil, false
				}
			}
		}
	}
	return call, true
}

func xmlTrim(s string) string { return strings.Trim(s, " \t\r\n") }

func oracleValue(e *element) xmlrpc.Value {
	if e.name == "value" {
		if len(e.children) == 0 {
			if xmlTrim(e.text) == "" {
				return xmlrpc.Value{}
			}
			return xmlrpc.String(e.text)
		}
		e = e.children[0]
	}
	switch e.name {
	case "string":
		return xmlrpc.String(xmlTrim(e.text))
	case "int", "i4", "i8":
		n, _ := strconv.ParseInt(xmlTrim(e.text), 10, 64)
		return xmlrpc.Int(n)
	case "boolean":
		return xmlrpc.Bool(xmlTrim(e.text) == "1" || strings.ToLower(xmlTrim(e.text)) == "true")
	case "double":
		n, _ := strconv.ParseFloat(xmlTrim(e.text), 64)
		return xmlrpc.Double(n)
	case "dateTime.iso8601":
		return xmlrpc.DateTime(xmlTrim(e.text))
	case "base64":
		digits := strings.TrimRight(strings.Join(strings.Fields(e.text), ""), "=")
		b, err := base64.RawStdEncoding.DecodeString(digits)
		if err != nil {
			return xmlrpc.String(err.Error())
		}
		return xmlrpc.Bytes(b)
	case "array":
		var list []xmlrpc.Value
		for _, inside := range e.children {
			if inside.name != "data" {
				list = append(list, oracleValue(inside))
				continue
			}
			for _, v := range inside.children {
				list = append(list, oracleValue(v))
			}
		}
		return xmlrpc.Array(list...)
	case "struct":
		var members []xmlrpc.Member
		for _, m := range e.children {
			var one xmlrpc.Member
			for _, part := range m.children {
				if part.name == "name" {
					one.Name = xmlTrim(part.text)
				} else {
					one.Value = oracleValue(part)
				}
			}
			if m.name == "member" {
				members = append(members, one)
			}
		}
		return xmlrpc.Struct(members...)
	}
	return xmlrpc.Value{}
}
