package xmlrpc_test

import (
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/quillgate/quillgate/xmlrpc"
)

// show formats a value for people: brackets and words distinguish the kinds.
func show(v xmlrpc.Value) string {
	switch v.Kind() {
	case xmlrpc.KindString:
		return strconv.Quote(v.Text())
	case xmlrpc.KindInt, xmlrpc.KindDateTime:
		return v.Kind().String() + " " + v.Text()
	case xmlrpc.KindBool:
		return strconv.FormatBool(v.Bool())
	case xmlrpc.KindDouble:
		return "double " + v.Text()
	case xmlrpc.KindBase64:
		r, err := v.Open()
		if err != nil {
			return err.Error()
		}
		defer r.Close()
		b, err := io.ReadAll(r)
		if err != nil {
			return err.Error()
		}
		if int64(len(b)) != v.Size() {
			return fmt.Sprintf("base64 of %d bytes that says it has %d", len(b), v.Size())
		}
		return "base64 " + hex.EncodeToString(b)
	case xmlrpc.KindArray:
		var list []string
		for _, e := range v.Elements() {
			list = append(list, show(e))
		}
		return "[" + strings.Join(list, ", ") + "]"
	case xmlrpc.KindStruct:
		var list []string
		for _, m := range v.Members() {
			list = append(list, strconv.Quote(m.Name)+": "+show(m.Value))
		}
		return "{" + strings.Join(list, ", ") + "}"
	}
	return "nil"
}

// showCall formats a call, with one parameter on each line.
func showCall(c *xmlrpc.MethodCall) string {
	lines := []string{c.Name}
	for _, p := range c.Params {
		lines = append(lines, show(p))
	}
	return strings.Join(lines, "\n") + "\n"
}
