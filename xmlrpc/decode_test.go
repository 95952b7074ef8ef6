package xmlrpc_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/xmlrpc"
)

var update = flag.Bool("update", false, "rewrite the expectations in testdata")

const mark = "\n-- call --\n"

// TestDecodeCall reads the requests in testdata/calls. Each file has a document
// as a client sends it and, after a mark, the call that it contains. Each is
// read from memory and through windows of a spool.
func TestDecodeCall(t *testing.T) {
	for name, doc := range testCalls(t) {
		t.Run(name, func(t *testing.T) {
			call, err := xmlrpc.DecodeCall(doc.in, xmlrpc.Limits{})
			if err != nil {
				t.Fatalf("decode %q: %v", doc.in, err)
			}
			got := showCall(call)
			if *update {
				if err := os.WriteFile(doc.file, []byte(string(doc.in)+mark+got), 0o644); err != nil {
					t.Fatal(err)
				}
				doc.want = got
			}
			if diff := cmp.Diff(doc.want, got); diff != "" {
				t.Errorf("decode %q (-want +got):\n%s", doc.in, diff)
			}
			for window := 128; window < 160; window++ {
				call, done, err := xmlrpc.DecodeSpooled(t.TempDir(), doc.in, window, xmlrpc.Limits{})
				if err != nil {
					t.Fatalf("decode through a window of %d bytes: %v", window, err)
				}
				if diff := cmp.Diff(doc.want, showCall(call)); diff != "" {
					t.Errorf("decode through a window of %d bytes (-want +got):\n%s", window, diff)
				}
				if err := done(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

type testCall struct {
	file string
	in   []byte
	want string
}

func testCalls(t testing.TB) map[string]testCall {
	t.Helper()
	files, err := filepath.Glob("testdata/calls/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test calls: %v", err)
	}
	all := map[string]testCall{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		in, want, ok := bytes.Cut(b, []byte(mark))
		if !ok {
			t.Fatalf("%s has no line %q", f, strings.TrimSpace(mark))
		}
		all[strings.TrimSuffix(filepath.Base(f), ".txt")] = testCall{f, in, string(want)}
	}
	return all
}

// value returns a call with a value. The tables of this file use it for
// everything that is not a whole document.
func value(inner string) string {
	return `<?xml version="1.0"?><methodCall><methodName>a</methodName><params><param><value>` + inner + `</value></param></params></methodCall>`
}

func calling(inner string) string { return "<methodCall>" + inner + "</methodCall>" }

func typed(name string, texts ...string) []string {
	var docs []string
	for _, text := range texts {
		docs = append(docs, value("<"+name+">"+text+"</"+name+">"))
	}
	return docs
}

func member(name, v string) string {
	return "<member><name>" + name + "</name><value>" + v + "</value></member>"
}

var refused = []struct {
	rule string
	code int
	docs []string
}{
	{"a document must be there", xmlrpc.CodeParse, []string{"", " \n\t", "<", "hello", "\xef\xbb\xbf", `<?xml version="1.0"?>`, strings.Repeat("\x00", 64), "\x1f\x8b\x08\x00"}},
	{"a document must end", xmlrpc.CodeParse, []string{calling("<methodName>a</methodName")[:30], "<methodCall>", "<methodCall", "<methodCall><!-- ", "<methodCall><?p", "<methodCall><methodName>a&am", "<methodCall><methodName><![CDATA[", "<methodCall><methodName><![CDA", "<methodCall><methodName>a</methodNam", "<methodCall a='"}},
	{"the root is a call", xmlrpc.CodeInvalidRequest, []string{"<methodResponse></methodResponse>", "<methodResponse/>"}},
	{"another root is no XML-RPC at all", xmlrpc.CodeParse, []string{"<foo/>", "<html><body>hi</body></html>", "<METHODCALL/>", "<x>" + calling("") + "</x>", "<1a/>"}},
	{"no document type declaration", xmlrpc.CodeParse, []string{"<!DOCTYPE methodCall>" + calling(""), `<?xml version="1.0"?><!-- a --><!DOCTYPE m [<!ENTITY a "b">]>` + calling(""), "<!doctype x>" + calling(""), "<!DOCTYPE m SYSTEM 'http://127.0.0.1/x'>" + calling(""), calling("<!DOCTYPE a>"), calling("<!ELEMENT a ANY>")}},
	{"nothing follows the root", xmlrpc.CodeParse, []string{calling("") + "x", calling("") + calling(""), calling("") + "&#65;", calling("") + "\x00", calling("") + "<a>", calling("") + "<![CDATA[x]]>", calling("") + "</a>", calling("") + "\x80", calling("") + "<!-- -- -->", calling("") + "<!-- "}},
	{"nothing stands before the root", xmlrpc.CodeParse, []string{"x" + calling(""), "<![CDATA[x]]>" + calling(""), "&amp;" + calling(""), "</a>" + calling(""), "\xef\xbb\xbf\xef\xbb\xbf" + calling("")}},
	{"one declaration, at the start, of XML 1", xmlrpc.CodeParse, []string{
		`<?xml version="1.0"?><?xml version="1.0"?>` + calling(""), calling(`<?xml version="1.0"?>`), calling(`<?XML ?>`), `<?xml version="9.9"?>` + calling(""), `<?xml?>` + calling(""), `<?xml encoding="utf-8"?>` + calling(""),
		`<?xml version="1.0"encoding="utf-8"?>` + calling(""), `<?xml version="1.0" standalone="maybe"?>` + calling(""), `<?xml version="1.0" version="1.0"?>` + calling(""), `<?xml version="1.0" x="y"?>` + calling(""), `<?xml version="1.0`, `<?xml version=1.0?>` + calling(""),
	}},
	{"tags are well-formed", xmlrpc.CodeParse, []string{calling("<methodName>a</params>"), value("<int>1</i4>"), value("<int>1</int x>"), value("<int>1</intx>"), value("<int a=1>1</int>"), value("<int a>1</int>"), value(`<int a="<">1</int>`), value(`<int a="&x;">1</int>`), value(`<int a="1" a="2">1</int>`), value(`<int a="1"b="2">1</int>`), value(`<int / >`), value("<1/>"), value("< int>1</int>"), value("<int>1< /int>"), value(`<int a="1`), calling("<?1?>"), calling("<??>")}},
	{"text is well-formed", xmlrpc.CodeParse, []string{value("a & b"), value("&nope;"), value("a&nbsp;b"), value("]]>"), value("a]]>b"), value("<!-- a -- b -->"), value("<!-- a --->"), value("&#;"), value("&#x;"), value("&#xG;"), value("&#-1;"), value("&#1e3;"), value("&#X41;"), value("&amp"), value("&#" + strings.Repeat("0", 1024) + "65;")}},
	{"references are to characters of XML", xmlrpc.CodeParse, []string{value("&#0;"), value("&#x1;"), value("&#8;"), value("&#xB;"), value("&#xD800;"), value("&#xDFFF;"), value("&#xD83D;&#xDE00;"), value("&#xFFFE;"), value("&#xFFFF;"), value("&#x110000;"), value("&#99999999999999;")}},
	{"bytes are characters of XML", xmlrpc.CodeParse, []string{value("a\x00b"), value("\x01"), value("\x0b"), value("\x0c"), value("\x1f"), value("caf\xe9"), value("\x80"), value("\xc0\xaf"), value("\xed\xa0\x80"), value("\xf4\x90\x80\x80"), value("\xff"), value("\xe4\xb8"), value("\xef\xbf\xbe"), value("\xef\xbf\xbf"), value("<!-- \xfe -->"), calling("<methodName>a\xff</methodName>"), value(strings.Repeat("a", 7) + "\x02" + strings.Repeat("a", 9))}},
	{"the encoding is known, or the bytes are UTF-8", xmlrpc.CodeEncoding, []string{`<?xml version="1.0" encoding="UTF-7"?>` + calling(""), `<?xml version="1.0" encoding="HZ-GB-2312"?>` + calling(""), `<?xml version="1.0" encoding="UTF-16"?>` + value("\xff")[21:], `<?xml version="1.0" encoding="Shift_JIS"?>` + value("\x83e\x83X\x83g")[21:], `<?xml version="1.0" encoding="windows-1251"?>` + value("\xcf\xf0\xe8")[21:], `<?xml version="1.0" encoding="../../x"?>` + value("caf\xe9")[21:], "\xff\xfe<\x00m\x00", "\xfe\xff\x00<", "<\x00?\x00", "\x00<\x00?", "\xff\xfe\x00\x00<\x00\x00\x00", "\x00\x00\x00<", "\x4c\x6f\xa7\x94\x93"}},
	{"a call holds name and params once", xmlrpc.CodeInvalidRequest, []string{calling("junk"), calling("<methodName>a</methodName><methodName>a</methodName>"), calling("<methodName>a</methodName><params/><params/>"), calling("<methodName>a</methodName><extra/>"), calling("<methodName><b>a</b></methodName>"), calling("<![CDATA[ ]]>"), calling("<methodName>" + strings.Repeat("a", 1025) + "</methodName>")}},
	{"params hold param, param one value", xmlrpc.CodeInvalidRequest, []string{calling("<params>junk</params>"), calling("<params><name>1</name></params>"), calling("<params><param>1</param></params>"), calling("<params><![CDATA[1]]></params>"), calling("<params><param><value>1</value><value>2</value></param></params>"), calling("<params><param><name>1</name></param></params>"), calling("<params><param>x<value>1</value></param></params>")}},
	{"a value is text or one type", xmlrpc.CodeInvalidRequest, []string{value("<blob>x</blob>"), value("<STRING>x</STRING>"), value("<q:int>1</q:int>"), value("<int>1</int><int>2</int>"), value("<string>a</string>b"), value("a<string>b</string>"), value("<![CDATA[ ]]><int>1</int>"), value("<value>x</value>"), value("<member/>"), value("<dateTime>20260101T00:00:00</dateTime>")}},
	{"a scalar holds text only", xmlrpc.CodeInvalidRequest, []string{value("<string><b>x</b></string>"), value("<int>1<b/>2</int>"), value("<base64>QU<b/>JD</base64>"), value("<string><int>1</int></string>"), value("<nil>x</nil>"), value("<nil><x/></nil>")}},
	{"an array holds one data, data values", xmlrpc.CodeInvalidRequest, []string{value("<array><data/><data/></array>"), value("<array><data>junk</data></array>"), value("<array><data><member/></data></array>"), value("<array><value>1</value><data/></array>"), value("<array><data/><value>1</value></array>"), value("<array><member/></array>"), value("<array>x</array>")}},
	{"a member has one name and one value", xmlrpc.CodeInvalidRequest, []string{
		value("<struct>junk</struct>"), value("<struct><value>x</value></struct>"), value("<struct><member/></struct>"), value("<struct><member></member></struct>"), value("<struct><member><value>a</value></member></struct>"),
		value("<struct><member><name>a</name><name>b</name><value>x</value></member></struct>"), value("<struct><member><name>a</name><value>x</value><value>y</value></member></struct>"), value("<struct><member><name><b>a</b></name><value>x</value></member></struct>"), value("<struct><member><name>a</name><value>x</value><extra/></member></struct>"), value("<struct><extra/></struct>"), value("<struct><nil>x</nil></struct>"), value("<struct><member><name>a</name>x<value/></member></struct>"), value("<struct>" + member(strings.Repeat("n", 1025), "x") + "</struct>"),
	}},
	{"a name stands once in a struct", xmlrpc.CodeInvalidRequest, []string{value("<struct>" + member("a", "1") + member("a", "2") + "</struct>"), value("<struct>" + member("a", "1") + member("b", "1") + member("&#97;", "2") + "</struct>"), value("<struct>" + member("a", "1") + member(" a ", "2") + "</struct>"), value("<struct>" + manyMembers(100) + member("n7", "x") + "</struct>"), value("<struct>" + manyMembers(48) + member("n47", "x") + "</struct>")}},
	{"an int is a decimal number of 32 bits", xmlrpc.CodeInvalidRequest, typed("int", "2147483648", "-2147483649", "18446744073709551616", strings.Repeat("9", 100), "  ", "1 2", "0x10", "1e3", "1.0", "12abc", "--1", "+-1", "1_000", "1,000", "\u0661", "\u00a01", "\u22121", "one", "true", "-", "+")},
	{"an i8 has 64 bits", xmlrpc.CodeInvalidRequest, typed("i8", "9223372036854775808", "-9223372036854775809", "92233720368547758070", " ")},
	{"a double is a finite decimal number", xmlrpc.CodeInvalidRequest, typed("double", "NaN", "nan", "Infinity", "inf", "-Inf", "1e400", "0x1p4", "1_0", "1,5", ".", "pi", "1.2.3", "1.5x", "e5", "1e", "1e+", "+", strings.Repeat("9", 5000), "1e99999999999999999999")},
	{"a boolean is 0, 1, true or false", xmlrpc.CodeInvalidRequest, typed("boolean", "2", "-1", "yes", "01", "t", "on", "1.0", "fal\u017fe", "truefalse", "\u00a0")},
	{"base64 is of its alphabet and whole", xmlrpc.CodeInvalidRequest, typed("base64", "QU!D", "-_-_", "QQ==QUJD", "Q===", "Q", "====", "=", "==QUJD", "QUJ\u00e9", "QUJD%0A", "data:image/png;base64,QUJD", "QQ=A", "QUJDREVGQUJDREVG!UJDREVG")},
	{"a date is short", xmlrpc.CodeInvalidRequest, typed("dateTime.iso8601", strings.Repeat("2026", 1000))},
}

func manyMembers(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(member("n"+string(rune('0'+i/10%10))+string(rune('0'+i%10))+strings.Repeat("x", i/100), "v"))
	}
	return strings.ReplaceAll(b.String(), "<name>n0", "<name>n")
}

func TestDecodeCallRefuses(t *testing.T) {
	for _, c := range refused {
		t.Run(c.rule, func(t *testing.T) {
			for _, doc := range c.docs {
				call, err := xmlrpc.DecodeCall([]byte(doc), xmlrpc.Limits{})
				checkRefused(t, doc, call, err, c.code)
				call, done, err := xmlrpc.DecodeSpooled(t.TempDir(), []byte(doc), 8<<10, xmlrpc.Limits{})
				checkRefused(t, "spooled "+doc, call, err, c.code)
				if err := done(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func checkRefused(t *testing.T, doc string, call *xmlrpc.MethodCall, err error, code int) {
	t.Helper()
	if len(doc) > 200 {
		doc = doc[:200] + "…"
	}
	var bad *xmlrpc.SyntaxError
	switch {
	case err == nil:
		t.Errorf("decode %q = %s, want it refused with %d", doc, showCall(call), code)
	case !errors.As(err, &bad):
		t.Errorf("decode %q: error %T %v, want a SyntaxError", doc, err, err)
	case bad.Code != code:
		t.Errorf("decode %q: code %d (%v), want %d", doc, bad.Code, bad, code)
	}
}

func TestLimits(t *testing.T) {
	nested := func(n int) string {
		return value(strings.Repeat("<array><data><value>", n-1) + "x" + strings.Repeat("</value></data></array>", n-1))
	}
	params := func(n int) string {
		return calling("<params>" + strings.Repeat("<param><value>1</value></param>", n) + "</params>")
	}
	elements := func(n int) string { // five elements contain them
		return value("<array><data>" + strings.Repeat("<value/>", n-7) + "</data></array>")
	}
	attributes := func(n int) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(" a" + strings.Repeat("x", i) + `=""`)
		}
		return "<methodCall" + b.String() + "/>"
	}
	batch := func(n int) string {
		return `<methodCall><methodName>system.multicall</methodName><params><param><value><array><data>` + strings.Repeat("<value/>", n) + `</data></array></value></param></params></methodCall>`
	}
	for _, c := range []struct {
		name  string
		make  func(int) string
		most  int
		limit xmlrpc.Limits
		code  int
	}{
		{"depth", nested, 64, xmlrpc.Limits{}, xmlrpc.CodeParse},
		{"depth set", nested, 5, xmlrpc.Limits{Depth: 5}, xmlrpc.CodeParse},
		{"parameters", params, 256, xmlrpc.Limits{}, xmlrpc.CodeInvalidRequest},
		{"elements", elements, 30000, xmlrpc.Limits{}, xmlrpc.CodeParse},
		{"elements set", elements, 50, xmlrpc.Limits{Elements: 50}, xmlrpc.CodeParse},
		{"members", func(n int) string { return value("<struct>" + manyMembers(n) + "</struct>") }, 30, xmlrpc.Limits{Members: 30}, xmlrpc.CodeInvalidRequest},
		{"name", func(n int) string { return value("<struct>" + member(strings.Repeat("n", n), "") + "</struct>") }, 1024, xmlrpc.Limits{}, xmlrpc.CodeInvalidRequest},
		{"attributes", attributes, 64, xmlrpc.Limits{}, xmlrpc.CodeParse},
		{"calls of a batch", batch, 100, xmlrpc.Limits{}, xmlrpc.CodeInvalidParams},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := xmlrpc.DecodeCall([]byte(c.make(c.most)), c.limit); err != nil {
				t.Errorf("%d: %v, want it read", c.most, err)
			}
			call, err := xmlrpc.DecodeCall([]byte(c.make(c.most+1)), c.limit)
			checkRefused(t, c.make(c.most+1), call, err, c.code)
		})
	}
}

// TestFiveThousandIntegers reads a request that WordPress accepts, and one with
// four times as many integers, which it refuses.
func TestFiveThousandIntegers(t *testing.T) {
	list := func(n int) []byte {
		return []byte(value("<array><data>" + strings.Repeat("<value><int>1</int></value>", n) + "</data></array>"))
	}
	if call, err := xmlrpc.DecodeCall(list(5000), xmlrpc.Limits{}); err != nil || call.Params[0].Len() != 5000 {
		t.Errorf("5000 integers: %v", err)
	}
	call, err := xmlrpc.DecodeCall(list(20000), xmlrpc.Limits{})
	checkRefused(t, "20000 integers", call, err, xmlrpc.CodeParse)
}

// TestDeclaredEncodingIsNotThatOfTheBytes: some clients declare the name of
// their platform's encoding but send UTF-8. This works from memory and through
// the spool.
func TestDeclaredEncodingIsNotThatOfTheBytes(t *testing.T) {
	for _, encoding := range []string{"windows-1251", "gb2312", "utf-16", "utf-32", "x-user-defined", "", "ISO-8859-1"} {
		doc := []byte(`<?xml version="1.0" encoding="` + encoding + `"?>` + value("Привет, 世界")[21:])
		const want = "a\n\"Привет, 世界\"\n"
		call, err := xmlrpc.DecodeCall(doc, xmlrpc.Limits{})
		if err != nil || showCall(call) != want {
			t.Errorf("%s: %v, %v", doc, call, err)
		}
		call, done, err := xmlrpc.DecodeSpooled(t.TempDir(), doc, 128, xmlrpc.Limits{})
		if err != nil || showCall(call) != want {
			t.Errorf("%s in the spool: %v, %v", doc, call, err)
		}
		if err := done(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTruncated truncates a request after every byte: none of the parts is a
// call, and every error is that of malformed XML.
func TestTruncated(t *testing.T) {
	for name, doc := range testCalls(t) {
		whole := bytes.TrimRight(doc.in, " \r\n")
		if i := bytes.LastIndex(whole, []byte("</methodCall>")); i >= 0 {
			whole = whole[:i+len("</methodCall>")]
		}
		for n := range len(whole) {
			if call, err := xmlrpc.DecodeCall(whole[:n], xmlrpc.Limits{}); err == nil {
				t.Fatalf("%s cut to %q: read as %s", name, whole[:n], showCall(call))
			} else {
				checkRefused(t, name+": "+string(whole[max(0, n-80):n]), nil, err, xmlrpc.CodeParse)
			}
		}
	}
}

func TestDecodeResponse(t *testing.T) {
	answer := func(inner string) string {
		return `<?xml version="1.0"?><methodResponse>` + inner + `</methodResponse>`
	}
	for _, c := range []struct{ name, in, want, refusal string }{
		{"a value", answer("<params><param><value><string> kept </string></value></param></params>"), `" kept "`, ""},
		{"a fault", answer("<fault><value><struct><member><name>faultCode</name><value><int>403</int></value></member><member><name>faultString</name><value><string>No.</string></value></member></struct></value></fault>"), "", "fault 403: No."},
		{"a fault without words", answer("<fault><value><struct><member><name>faultCode</name><value><int>5</int></value></member></struct></value></fault>"), "", "fault 5: "},
		{"a fault without code", answer("<fault><value><struct/></value></fault>"), "", "the fault has no code (byte 93)"},
		{"two values", answer("<params><param><value/></param><param><value/></param></params>"), "", "the response does not have exactly one value (byte 100)"},
		{"no value", answer("<params></params>"), "", "the response does not have exactly one value (byte 54)"},
		{"empty", answer(""), "", "the response has no value (byte 54)"},
		{"fault and params", answer("<params><param><value/></param></params><fault/>"), "", "the response has more than one value (byte 85)"},
		{"a call", calling(""), "", "the root is not <methodResponse> (byte 12)"},
		{"a page", "<!DOCTYPE html><html></html>", "", "a document type declaration or other markup is not accepted (byte 0)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, err := xmlrpc.DecodeResponse([]byte(c.in), xmlrpc.Limits{})
			if err != nil {
				if err.Error() != c.refusal {
					t.Errorf("decode %q: %v, want %q", c.in, err, c.refusal)
				}
				var f *xmlrpc.Fault
				if isFault := strings.HasPrefix(c.refusal, "fault "); errors.As(err, &f) != isFault {
					t.Errorf("decode %q: error %T, is a fault: want %v", c.in, err, isFault)
				}
				return
			}
			if show(v) != c.want {
				t.Errorf("decode %q = %s, want %s %s", c.in, show(v), c.want, c.refusal)
			}
		})
	}
}
