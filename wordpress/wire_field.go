package wordpress

import (
	"strconv"
	"strings"

	"github.com/quillgate/quillgate/loose"
	"github.com/quillgate/quillgate/xmlrpc"
)

// fieldValue reads the value of a custom field. WordPress stores a list or a
// struct in the form of PHP's serialize, and returns it like that; the clients
// that use such fields parse it.
func fieldValue(v xmlrpc.Value) string {
	if v.Kind() != xmlrpc.KindArray && v.Kind() != xmlrpc.KindStruct {
		return textOf(v)
	}
	var b strings.Builder
	serialize(&b, v)
	return b.String()
}

// serialize writes a value as PHP's serialize does:
//
//	N;  b:1;  i:5;  d:1.5;  s:3:"abc";  a:1:{i:0;s:3:"abc";}  a:1:{s:4:"name";i:5;}
//
// As in PHP's arrays, a member whose name is a number has a number as its key.
// Dates are texts here.
func serialize(b *strings.Builder, v xmlrpc.Value) {
	switch v.Kind() {
	case xmlrpc.KindNil:
		b.WriteString("N;")
	case xmlrpc.KindBool:
		b.WriteString("b:" + strconv.FormatInt(v.Int64(), 10) + ";")
	case xmlrpc.KindInt:
		b.WriteString("i:" + strconv.FormatInt(v.Int64(), 10) + ";")
	case xmlrpc.KindDouble:
		b.WriteString("d:" + loose.DoubleText(v.Float64(), -1) + ";")
	case xmlrpc.KindArray:
		b.WriteString("a:" + strconv.Itoa(v.Len()) + ":{")
		for i, e := range v.Elements() {
			b.WriteString("i:" + strconv.Itoa(i) + ";")
			serialize(b, e)
		}
		b.WriteString("}")
	case xmlrpc.KindStruct:
		b.WriteString("a:" + strconv.Itoa(v.Len()) + ":{")
		for _, m := range v.Members() {
			if n, err := strconv.ParseInt(m.Name, 10, 64); err == nil && strconv.FormatInt(n, 10) == m.Name {
				b.WriteString("i:" + m.Name + ";")
			} else {
				serializeText(b, m.Name)
			}
			serialize(b, m.Value)
		}
		b.WriteString("}")
	default:
		serializeText(b, textOf(v))
	}
}

func serializeText(b *strings.Builder, text string) {
	text = strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "") // the length must match the stored text
	b.WriteString("s:" + strconv.Itoa(len(text)) + `:"` + text + `";`)
}
