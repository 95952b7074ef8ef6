package xmlrpc_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/xmlrpc"
)

// TestPatterns: a struct that begins like others, and continues in another way,
// is read as if it were the first one. The decoder of spooled documents, which
// knows no patterns, says what is right, up to the place of the error.
func TestPatterns(t *testing.T) {
	dir := t.TempDir()
	const m = "<member><name>"
	const a = m + "a</name><value><string>x</string></value></member>"
	const b = m + "b</name><value><int>1</int></value></member>"
	const c = m + "c</name><value><array><data><value><struct>" + a + "</struct></value></data></array></value></member>"
	const untyped = m + "u</name><value>text</value></member>"
	const usual = "<value><struct>" + a + b + c + untyped + "</struct></value>\n"
	for _, inside := range []string{
		a + b + c + untyped, a + b + untyped, b + c + untyped, untyped, "", a, c + b + a + untyped,
		"<member><name>z</name><value><i4>2</i4></value></member>" + a + b + c + untyped,
		a + "<member><name>z</name><value><i4>2</i4></value></member>" + b + c + untyped,
		// Duplicates.
		a + a, a + b + a, a + b + c + untyped + b, a + b + c + strings.Replace(a, "x", "y", 1), untyped + untyped,
		// Other types and texts.
		strings.ReplaceAll(a, "string", "base64"), strings.ReplaceAll(a, ">x<", "> &lt;\u00e9<![CDATA[x]]><!-- --> <"), strings.ReplaceAll(a, ">x<", "><"),
		a + strings.ReplaceAll(b, "int", "string") + c, a + strings.ReplaceAll(b, ">1<", ">007<") + c, a + strings.ReplaceAll(b, ">1<", "> -12345678901 <") + c,
		a + strings.ReplaceAll(b, ">1<", ">1234567890<") + c, a + strings.ReplaceAll(b, ">1<", "><") + c, a + strings.ReplaceAll(b, ">1<", ">one<") + c,
		a + b + c + strings.Replace(untyped, "text", " <string>x</string> ", 1), a + b + c + strings.Replace(untyped, "text", " x<string>x</string>", 1),
		a + b + c + strings.Replace(untyped, "text", "", 1), a + b + strings.Replace(c, "<data>", "<data/><data>", 1),
		// Ends.
		strings.Replace(a, "</value>", " <!-- --></value >\n", 1) + b, strings.Replace(a, "</string>", "</String>", 1), strings.Replace(a, "</string>", "</int>", 1),
		strings.Replace(a, "</value>", "</string>", 1), strings.Replace(a, "</member>", "</value>", 1), strings.Replace(a, "</member>", "", 1),
		strings.Replace(a, "</value>", "<int/></value>", 1), strings.Replace(a, "</member>", "<name>b</name></member>", 1), strings.Replace(a, "</member>", "<value/></member>", 1),
		strings.Replace(a, ">x<", ">x<b/><", 1), strings.Replace(a, ">x<", ">x]]>y<", 1), strings.Replace(a, ">x<", ">x&y<", 1), strings.Replace(a, ">x<", ">x<!y<", 1),
		strings.Replace(b, "</int>", "</i4>", 1), strings.Replace(b, ">1</int>", ">one</i4>", 1), a + "<nil/>" + b + c, a + "text" + b + c,
	} {
		for _, doc := range []string{
			usual + usual + "<value><struct>" + inside + "</struct></value>" + usual,
			usual + "<value><struct>" + inside + "</struct></value>" + "<value><struct>" + inside + "</struct></value>" + usual,
			strings.ReplaceAll(usual, ">x<", ">x\r\n<") + "<value><array><data><value><struct>" + inside + "</struct></value></data></array></value>" + usual,
			usual + "<value><struct>" + inside,
		} {
			for _, lim := range []xmlrpc.Limits{{}, {Members: 3}, {Members: 4}, {Depth: 4}, {Depth: 5}, {Elements: 24}, {Elements: 40}, {Elements: 41}, {Elements: 42}, {Elements: 43}, {Elements: 44}} {
				doc := []byte("<methodCall><methodName>m</methodName><params><param><value><array><data>" + doc + "</data></array></value></param></params></methodCall>")
				sameInSpool(t, dir, doc, lim)
			}
		}
	}
}

// TestPatternsAtRandom is TestPatterns for structs that are put together at
// random.
func TestPatternsAtRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	var structure func(depth int) string
	structure = func(depth int) string {
		var s strings.Builder
		s.WriteString("<struct>")
		for _, name := range strings.Split("a b c d e f g", " ") {
			if r.IntN(150) == 0 {
				name = pick("a", "b", "h", "i")
			}
			value := pick("<string>x</string>", "<string>x &amp; y</string>", "<int>1</int>", "text", "<string/>", "<boolean>1</boolean>")
			if depth < 2 && (name == "c" || name == "g") {
				value = "<array><data><value>" + structure(depth+1) + "</value>" + pick("", "<value>"+structure(depth+1)+"</value>") + "</data></array>"
			}
			if r.IntN(10) > 0 {
				s.WriteString(pick("", "", "", "\n ") + "<member><name>" + name + "</name><value>" + value + "</value></member>")
			}
		}
		return s.String() + "</struct>"
	}
	dir, good := t.TempDir(), 0
	for range 600 {
		var doc strings.Builder
		doc.WriteString("<methodCall><methodName>m</methodName><params><param><value><array><data>")
		for range 1 + r.IntN(5) {
			doc.WriteString("<value>" + structure(0) + "</value>")
		}
		doc.WriteString("</data></array></value></param></params></methodCall>")
		if sameInSpool(t, dir, []byte(doc.String()), xmlrpc.Limits{}) {
			good++
		}
	}
	if good < 100 || good > 500 {
		t.Errorf("%d of 600 documents are valid: the others test nothing", good)
	}
}

// sameInSpool reports whether a document is valid. It fails unless it is the
// same, or has the same error, in memory and in the spool.
func sameInSpool(t *testing.T, dir string, doc []byte, lim xmlrpc.Limits) (valid bool) {
	t.Helper()
	got, err := xmlrpc.DecodeCall(doc, lim)
	want, done, wantErr := xmlrpc.DecodeSpooled(dir, doc, 64<<10, lim)
	defer func() {
		if err := done(); err != nil {
			t.Error(err)
		}
	}()
	if diff := cmp.Diff(fmt.Sprintf("%#v", wantErr), fmt.Sprintf("%#v", err)); diff != "" {
		t.Errorf("%s\nwith limits %+v (-spool +memory):\n%s", doc, lim, diff)
		return false
	}
	if err != nil {
		return false
	}
	if diff := cmp.Diff(showCall(want), showCall(got)); diff != "" {
		t.Errorf("%s\n(-spool +memory):\n%s", doc, diff)
	}
	return true
}

// TestCharacters: a document is refused at its first byte that is not part of a
// character of XML.
func TestCharacters(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	pieces := []string{"a", "text ", "\n", "\r", "\t", "é", "€", "\ud7ff", "\ue000", "\ufffd", "😀", "\u0080", "\u07ff", "\u0800", "12345678"}
	for _, bad := range []string{"\x00", "\x0b", "\x1f", "\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xef\xbf\xbe", "\xef\xbf\xbf", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\xc3", "\xe2\x82a", "\xff"} {
		for range 300 {
			var b strings.Builder
			b.WriteString("<?xml version='1.0' encoding='UTF-8'?><methodCall><methodName>")
			for range r.IntN(20) {
				b.WriteString(pieces[r.IntN(len(pieces))])
			}
			doc := b.String()
			after := pieces[r.IntN(len(pieces))] + "</methodName></methodCall>"
			if _, err := xmlrpc.DecodeCall([]byte(doc+after), xmlrpc.Limits{}); err != nil {
				t.Fatalf("%q: %v", doc+after, err)
			}
			var refused *xmlrpc.SyntaxError
			if _, err := xmlrpc.DecodeCall([]byte(doc+bad+after), xmlrpc.Limits{}); !errors.As(err, &refused) || refused.Offset != int64(len(doc)) {
				t.Fatalf("%q: %v, want an error at byte %d; valid UTF-8: %t", doc+bad+after, err, len(doc), utf8.ValidString(bad))
			}
		}
	}
}
