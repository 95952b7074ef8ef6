package xmlrpc_test

import (
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/quillgate/quillgate/xmlrpc"
)

// texts draws strings of all characters that XML can contain.
func texts() *rapid.Generator[string] {
	char := rapid.Rune().Filter(func(r rune) bool {
		return r == '\t' || r == '\n' || r == '\r' || r >= 0x20 && r != 0xfffe && r != 0xffff && utf8.ValidRune(r)
	})
	return rapid.OneOf(rapid.StringOf(rapid.OneOf(char, rapid.SampledFrom([]rune("<>&]\r\n '\"\t")))), rapid.Just("]]>"))
}

// trimmed draws names and dates; the decoder removes white space around them.
func names() *rapid.Generator[string] {
	return texts().Filter(func(s string) bool {
		return len(s) < 1000 && (s == "" || !space(s[0]) && !space(s[len(s)-1]))
	})
}

func space(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func values(nils bool) *rapid.Generator[xmlrpc.Value] {
	return rapid.Custom(func(t *rapid.T) xmlrpc.Value { return drawValue(t, nils, 4) })
}

func drawValue(t *rapid.T, nils bool, depth int) xmlrpc.Value {
	kinds := []xmlrpc.Kind{xmlrpc.KindString, xmlrpc.KindInt, xmlrpc.KindBool, xmlrpc.KindDouble, xmlrpc.KindDateTime, xmlrpc.KindBase64}
	if nils {
		kinds = append(kinds, xmlrpc.KindNil)
	}
	if depth > 0 {
		kinds = append(kinds, xmlrpc.KindArray, xmlrpc.KindStruct)
	}
	switch rapid.SampledFrom(kinds).Draw(t, "kind") {
	case xmlrpc.KindString:
		return xmlrpc.String(texts().Draw(t, "text"))
	case xmlrpc.KindInt:
		return xmlrpc.Int(rapid.Int64().Draw(t, "int"))
	case xmlrpc.KindBool:
		return xmlrpc.Bool(rapid.Bool().Draw(t, "bool"))
	case xmlrpc.KindDouble:
		return xmlrpc.Double(rapid.Float64().Draw(t, "double"))
	case xmlrpc.KindDateTime:
		return xmlrpc.DateTime(rapid.StringMatching(`20[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|1[0-9]|2[0-8])T(0[0-9]|1[0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z?`).Draw(t, "date"))
	case xmlrpc.KindBase64:
		return xmlrpc.Bytes(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
	case xmlrpc.KindArray:
		list := make([]xmlrpc.Value, rapid.IntRange(0, 5).Draw(t, "length"))
		for i := range list {
			list[i] = drawValue(t, nils, depth-1)
		}
		return xmlrpc.Array(list...)
	case xmlrpc.KindStruct:
		var members []xmlrpc.Member
		for _, name := range rapid.SliceOfNDistinct(names(), 0, 5, rapid.ID[string]).Draw(t, "names") {
			members = append(members, xmlrpc.M(name, drawValue(t, nils, depth-1)))
		}
		return xmlrpc.Struct(members...)
	}
	return xmlrpc.Value{}
}

func roundTrip(t *rapid.T) {
	v := values(false).Draw(t, "value")
	doc := xmlrpc.AppendResponse(nil, v)
	got, err := xmlrpc.DecodeResponse(doc, xmlrpc.Limits{})
	if err != nil {
		t.Fatalf("decode %q: %v", doc, err)
	}
	if diff := cmp.Diff(show(v), show(got)); diff != "" || !v.Equal(got) {
		t.Fatalf("%q (-sent +read):\n%s", doc, diff)
	}

	p := values(true).Draw(t, "parameter")
	doc = xmlrpc.AppendCall(nil, "a.b", p)
	inMemory, err := xmlrpc.DecodeCall(doc, xmlrpc.Limits{})
	if err != nil {
		t.Fatalf("decode %q: %v", doc, err)
	}
	// The strings of a call are trimmed; after writing and reading they are
	// unchanged.
	doc = xmlrpc.AppendCall(nil, inMemory.Name, inMemory.Params...)
	again, err := xmlrpc.DecodeCall(doc, xmlrpc.Limits{})
	if err != nil {
		t.Fatalf("decode %q: %v", doc, err)
	}
	if diff := cmp.Diff(showCall(inMemory), showCall(again)); diff != "" || !inMemory.Params[0].Equal(again.Params[0]) {
		t.Fatalf("%q (-sent +read):\n%s", doc, diff)
	}
}

// TestRoundTrip: a value that is written and read stays the same.
func TestRoundTrip(t *testing.T) { rapid.Check(t, roundTrip) }

func FuzzRoundTrip(f *testing.F) { f.Fuzz(rapid.MakeFuzz(roundTrip)) }
