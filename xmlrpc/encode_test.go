package xmlrpc_test

import (
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/xmlrpc"
)

func TestAppendResponse(t *testing.T) {
	const head, tail = `<?xml version="1.0" encoding="UTF-8"?>` + "\n<methodResponse><params><param><value>", "</value></param></params></methodResponse>\n"
	for _, c := range []struct {
		name string
		in   xmlrpc.Value
		want string
	}{
		{"string", xmlrpc.String("a"), "<string>a</string>"},
		{"empty string", xmlrpc.String(""), "<string></string>"},
		{"nil is written as a string", xmlrpc.Value{}, "<string></string>"},
		{"markup", xmlrpc.String(`<a b="c">&'`), `<string>&lt;a b="c"&gt;&amp;'</string>`},
		{"the end of CDATA", xmlrpc.String("]]>"), "<string>]]&gt;</string>"},
		{"line ends", xmlrpc.String("a\r\nb\tc"), "<string>a&#13;\nb\tc</string>"},
		{"characters of many bytes", xmlrpc.String("é 日本 😀"), "<string>é 日本 😀</string>"},
		{"illegal characters", xmlrpc.String("a\x00b\x0bc\uffffd\ufffee"), "<string>a\uFFFDb\uFFFDc\uFFFDd\uFFFDe</string>"},
		{"bytes that are no UTF-8", xmlrpc.String("a\xffb\xed\xa0\x80"), "<string>a\uFFFDb\uFFFD\uFFFD\uFFFD</string>"},
		{"the replacement character itself", xmlrpc.String("\uFFFD"), "<string>\uFFFD</string>"},
		{"int", xmlrpc.Int(-7), "<int>-7</int>"},
		{"largest int", xmlrpc.Int(math.MaxInt32), "<int>2147483647</int>"},
		{"int of more bits", xmlrpc.Int(math.MaxInt32 + 1), "<i8>2147483648</i8>"},
		{"smallest int", xmlrpc.Int(math.MinInt64), "<i8>-9223372036854775808</i8>"},
		{"true", xmlrpc.Bool(true), "<boolean>1</boolean>"},
		{"false", xmlrpc.Bool(false), "<boolean>0</boolean>"},
		{"double", xmlrpc.Double(998.75), "<double>998.75</double>"},
		{"whole double", xmlrpc.Double(3), "<double>3</double>"},
		{"large double", xmlrpc.Double(1e21), "<double>1000000000000000000000</double>"},
		{"small double", xmlrpc.Double(-1e-7), "<double>-0.0000001</double>"},
		{"no number", xmlrpc.Double(math.NaN()), "<double>0</double>"},
		{"infinity", xmlrpc.Double(math.Inf(-1)), "<double>0</double>"},
		{"date", xmlrpc.DateTime("20260102T03:04:05"), "<dateTime.iso8601>20260102T03:04:05</dateTime.iso8601>"},
		{"bytes", xmlrpc.Bytes([]byte{0, 1, 2, 255}), "<base64>AAEC/w==</base64>"},
		{"many bytes", xmlrpc.Bytes(make([]byte, 3073)), "<base64>" + strings.Repeat("A", 4098) + "==</base64>"},
		{"array, and an empty one with a line feed for R's client", xmlrpc.Array(xmlrpc.Int(1), xmlrpc.Array()), "<array><data><value><int>1</int></value><value><array><data>\n</data></array></value></data></array>"},
		{"struct keeps its order", xmlrpc.Struct(xmlrpc.M("b", xmlrpc.Int(1)), xmlrpc.M("a<", xmlrpc.Struct())), "<struct><member><name>b</name><value><int>1</int></value></member><member><name>a&lt;</name><value><struct></struct></value></member></struct>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(head+c.want+tail, string(xmlrpc.AppendResponse(nil, c.in))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAppendFault(t *testing.T) {
	got := string(xmlrpc.AppendFault([]byte("before "), &xmlrpc.Fault{Code: 403, Message: "No <entry>."}))
	want := `before <?xml version="1.0" encoding="UTF-8"?>` + "\n<methodResponse><fault><value><struct><member><name>faultCode</name><value><int>403</int></value></member>" +
		"<member><name>faultString</name><value><string>No &lt;entry&gt;.</string></value></member></struct></value></fault></methodResponse>\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAppendCall(t *testing.T) {
	got := string(xmlrpc.AppendCall(nil, "a&b", xmlrpc.Value{}, xmlrpc.Int(1)))
	want := `<?xml version="1.0" encoding="UTF-8"?>` + "\n<methodCall><methodName>a&amp;b</methodName><params><param><value><nil/></value></param><param><value><int>1</int></value></param></params></methodCall>\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestIDForRegularExpressions: KBlog finds the id of a new post with a regular
// expression.
func TestIDForRegularExpressions(t *testing.T) {
	got := regexp.MustCompile(`<string>(.+)</string>`).FindSubmatch(xmlrpc.AppendResponse(nil, xmlrpc.String("17")))
	if len(got) != 2 || string(got[1]) != "17" {
		t.Errorf("found %q, want 17", got)
	}
}

func TestShown(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"wp.getPost", "wp.getPost"},
		{"a\r\nSet-Cookie: x\x00\x1b[31m\u2028\u202e", "a??Set-Cookie: x??[31m??"},
		{"\xff\xfe", "??"},
		{strings.Repeat("ä", 101), strings.Repeat("ä", 100) + "…"},
		{strings.Repeat("ä", 100), strings.Repeat("ä", 100)},
		{"", ""},
	} {
		if got := xmlrpc.Shown(c.in); got != c.want {
			t.Errorf("Shown(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

// Each byte is written in the same form at every position of a text.
func TestEncodeEachByteAtEachPlace(t *testing.T) {
	const start, end = "<value><string>", "</string></value>"
	text := func(s string) string {
		doc := string(xmlrpc.AppendResponse(nil, xmlrpc.String(s)))
		_, doc, _ = strings.Cut(doc, start)
		doc, _, _ = strings.Cut(doc, end)
		return doc
	}
	for c := range 256 {
		b := string([]byte{byte(c)})
		for at := range 20 {
			before, after := strings.Repeat("a", at), strings.Repeat("z", 19-at)
			if got, want := text(before+b+after), before+text(b)+after; got != want {
				t.Errorf("byte %#x at %d: %q, want %q", c, at, got, want)
			}
		}
	}
}
