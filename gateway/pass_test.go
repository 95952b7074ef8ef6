package gateway_test

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/quillgate/quillgate/gateway"
)

// wordpressReads is the names of all methods that WordPress would call for a
// body, as its parser finds them: it knows elements by their names alone,
// wherever they stand, and of two members of one name it takes the last. It is
// false for a body that the parser does not take.
func wordpressReads(body []byte) (names []string, ok bool) {
	type level struct {
		members map[string]any // of a struct; nil in an array
		list    []any
	}
	var stack []*level
	var inside []string // names of the members that are open
	var params []any
	var name, text string
	add := func(v any) bool {
		switch {
		case len(stack) == 0:
			params = append(params, v)
		case stack[len(stack)-1].members == nil:
			stack[len(stack)-1].list = append(stack[len(stack)-1].list, v)
		case len(inside) == 0:
			stack[len(stack)-1].members[""] = v
		default:
			stack[len(stack)-1].members[inside[len(inside)-1]] = v
		}
		return true
	}
	d := xml.NewDecoder(bytes.NewReader(body))
	for {
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, false
		}
		switch token := token.(type) {
		case xml.StartElement:
			text = ""
			switch element(token.Name) {
			case "data":
				stack = append(stack, &level{})
			case "struct":
				stack = append(stack, &level{members: map[string]any{}})
			}
		case xml.CharData:
			text += string(token)
		case xml.EndElement:
			trimmed := strings.Trim(text, " \t\n\r\x00\x0B")
			switch element(token.Name) {
			case "int", "i4", "double", "boolean", "string", "dateTime.iso8601":
				add(trimmed)
			case "value":
				if trimmed != "" {
					add(text)
				}
			case "base64":
				decoded, _ := base64.StdEncoding.DecodeString(text)
				add(string(decoded))
			case "data", "struct":
				if len(stack) == 0 {
					return nil, false
				}
				top := stack[len(stack)-1]
				stack = stack[:len(stack)-1]
				if top.members != nil {
					add(top.members)
				} else {
					add(top.list)
				}
			case "member":
				inside = inside[:max(len(inside)-1, 0)]
			case "name":
				inside = append(inside, trimmed)
			case "methodName":
				name = trimmed
			}
			text = ""
		}
	}
	if name != "system.multicall" {
		return []string{name}, true
	}
	// Each parameter, or each element of the only one, is a call.
	calls := params
	if len(params) == 1 {
		switch only := params[0].(type) {
		case []any:
			calls = only
		case map[string]any:
			calls = nil
			for _, v := range only {
				calls = append(calls, v)
			}
		}
	}
	for _, c := range calls {
		nested, _ := c.(map[string]any)
		if said, ok := nested["methodName"].(string); ok {
			names = append(names, said)
		}
	}
	return names, true
}

func element(n xml.Name) string {
	if n.Space != "" {
		return n.Space + ":" + n.Local
	}
	return n.Local
}

// What passes as a request of Jetpack's calls nothing else in WordPress, as its
// own parser reads the body.
func FuzzJetpackOnly(f *testing.F) {
	nested := `<methodCall><methodName>system.multicall</methodName><params><param><value><array><data><value><struct><member><name>methodName</name><value><string>jetpack.getUser</string></value></member>` +
		`<member><name>params</name><value><array><data></data></array></value></member></struct></value></data></array></value></param></params></methodCall>`
	for _, body := range []string{
		`<?xml version="1.0"?><methodCall><methodName>jetpack.testConnection</methodName><params></params></methodCall>`,
		nested,
		strings.Replace(nested, "<member>", "<junk><name>methodName</name><string>wp.getProfile</string></junk><member>", 1),
		strings.Replace(nested, "</struct>", "<junk><name>methodName</name><string>wp.getProfile</string></junk></struct>", 1),
		strings.Replace(nested, "<string>jetpack.getUser</string>", "<ex:string>jetpack.getUser</ex:string>", 1),
		strings.Replace(nested, "<string>jetpack.getUser</string>", "<junk>jetpack.getUser</junk><string>wp.getProfile</string>", 1),
		strings.Replace(nested, "<data></data>", "<data><value><methodName>wp.getProfile</methodName></value></data>", 1),
		strings.Replace(nested, "</params>", "</params><methodName>wp.getProfile</methodName>", 1),
		`<methodCall><methodName>jetpack.a</methodName><junk><methodName>wp.getProfile</methodName></junk></methodCall>`,
		`<methodCall><methodName>jetpack.a</methodName><params><param><value><x:methodName>wp.getProfile</x:methodName></value></param></params></methodCall>`,
	} {
		f.Add(body, "text/xml")
	}
	f.Fuzz(func(t *testing.T, body, kind string) {
		if !gateway.JetpackOnly(http.Header{"Content-Type": {kind}}, []byte(body)) {
			return
		}
		names, ok := wordpressReads([]byte(body))
		if !ok {
			return // WordPress refuses it
		}
		for _, name := range names {
			if !strings.HasPrefix(name, "jetpack.") {
				t.Errorf("WordPress would call %q", name)
			}
		}
	})
}

// Twice the values in a request take twice the time.
func BenchmarkJetpackOnly(b *testing.B) {
	for _, n := range []int{5000, 10000} {
		body := []byte(`<methodCall><methodName>jetpack.a</methodName><params><param><value><array><data>` + strings.Repeat("<value><int>1</int></value>", n) +
			`</data></array></value></param></params></methodCall>`)
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				if !gateway.JetpackOnly(http.Header{}, body) {
					b.Fatal("it does not pass")
				}
			}
		})
	}
}
