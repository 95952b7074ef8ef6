package wordpress_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/xmlrpc"
)

// blog is an endpoint for tests of the older dialects, in which the login has
// another position.
type blog struct {
	*endpoint
	ids    map[string]int64 // the users, by name
	made   int              // the number of sets of things; see things
	remote string           // the address that unencrypted signed calls come from; empty: they come over TLS
}

func openBlog(t *testing.T, db *database.DB) *blog {
	t.Helper()
	b := &blog{endpoint: openEndpoint(t, db), ids: map[string]int64{}}
	var users []struct {
		ID    int64  `db:"id"`
		Login string `db:"login"`
	}
	must(t, db.Select(t.Context(), &users, `SELECT id, login FROM users`))
	for _, u := range users {
		b.ids[u.Login] = u.ID
	}
	return b
}

// call calls a method as a user, whose name and password replace the first two
// empty strings in a row.
func (b *blog) call(t *testing.T, who, method string, args ...any) (xmlrpc.Value, int) {
	t.Helper()
	params := make([]xmlrpc.Value, len(args))
	for i, arg := range args {
		params[i] = wire(arg)
	}
	for i := 1; i < len(args); i++ {
		if args[i-1] == "" && args[i] == "" {
			params[i-1], params[i] = xmlrpc.String(who), xmlrpc.String(who+"-password")
			break
		}
	}
	return b.endpoint.call(t, method, params...)
}

// must is call for calls that must succeed.
func (b *blog) must(t *testing.T, who, method string, args ...any) xmlrpc.Value {
	t.Helper()
	v, fault := b.call(t, who, method, args...)
	if fault != 0 {
		t.Fatalf("%s as %s: fault %d", method, who, fault)
	}
	return v
}

// answer returns the result of a call in the form of line, or "fault" and its
// code.
func (b *blog) answer(t *testing.T, who, method string, args ...any) string {
	t.Helper()
	v, fault := b.call(t, who, method, args...)
	if fault != 0 {
		return fmt.Sprint("fault ", fault)
	}
	return line(v)
}

type (
	dict = map[string]any
	list = []any
	date string
)

// wire converts Go values to those of XML-RPC.
func wire(v any) xmlrpc.Value {
	switch v := v.(type) {
	case date:
		return xmlrpc.DateTime(string(v))
	case int64:
		return xmlrpc.Int(v)
	case list:
		elements := make([]xmlrpc.Value, len(v))
		for i := range v {
			elements[i] = wire(v[i])
		}
		return xmlrpc.Array(elements...)
	case dict:
		var members []xmlrpc.Member
		for _, name := range slices.Sorted(maps.Keys(v)) {
			members = append(members, xmlrpc.M(name, wire(v[name])))
		}
		return xmlrpc.Struct(members...)
	}
	return value(v)
}

// line formats a value in one line that shows the types: i5, b1,
// d20260301T120000, 'text', [..], {name: ..}.
func line(v xmlrpc.Value) string {
	var b strings.Builder
	switch v.Kind() {
	case xmlrpc.KindInt:
		return fmt.Sprint("i", v.Int64())
	case xmlrpc.KindBool:
		return fmt.Sprint("b", v.Int64())
	case xmlrpc.KindDateTime:
		return "d" + v.Text()
	case xmlrpc.KindArray:
		for i, e := range v.Elements() {
			b.WriteString([]string{"", ", "}[min(i, 1)] + line(e))
		}
		return "[" + b.String() + "]"
	case xmlrpc.KindStruct:
		for i, m := range v.Members() {
			b.WriteString([]string{"", ", "}[min(i, 1)] + m.Name + ": " + line(m.Value))
		}
		return "{" + b.String() + "}"
	}
	return "'" + v.Text() + "'"
}

// pick formats some members of a struct.
func pick(v xmlrpc.Value, names ...string) string {
	var out []string
	for _, name := range names {
		out = append(out, line(v.Get(name)))
	}
	return strings.Join(out, " ")
}
