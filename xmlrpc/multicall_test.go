package xmlrpc_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/xmlrpc"
)

func batched(name string, params ...xmlrpc.Value) xmlrpc.Value {
	return xmlrpc.Struct(xmlrpc.M("methodName", xmlrpc.String(name)), xmlrpc.M("params", xmlrpc.Array(params...)))
}

// entry returns a struct of names and values in turn.
func entry(members ...any) xmlrpc.Value {
	var out []xmlrpc.Member
	for i := 0; i < len(members); i += 2 {
		out = append(out, xmlrpc.M(members[i].(string), members[i+1].(xmlrpc.Value)))
	}
	return xmlrpc.Struct(out...)
}

func TestMulticall(t *testing.T) {
	s := serve(t, config{Limits: xmlrpc.Limits{Calls: 5}})
	str, num, list := xmlrpc.String, xmlrpc.Int, xmlrpc.Array
	hello := batched("demo.sayHello")
	const (
		nameless = `{"faultCode": int -32601, "faultString": "This entry of the system.multicall does not name a method. It must be a struct with methodName and params."}`
		noParams = `{"faultCode": int -32602, "faultString": "The params of this entry of the system.multicall are not an array."}`
	)
	for _, c := range []struct {
		name   string
		params []xmlrpc.Value
		want   string
	}{
		{"two calls", []xmlrpc.Value{list(hello, batched("demo.addTwoNumbers", num(1), num(2)))}, `[["Hello!"], [int 3]]`},
		{"the list in a list", []xmlrpc.Value{list(list(hello, hello))}, `[["Hello!"], ["Hello!"]]`},
		{"calls as parameters", []xmlrpc.Value{hello, hello}, `[["Hello!"], ["Hello!"]]`},
		{"one call", []xmlrpc.Value{list(hello)}, `[["Hello!"]]`},
		{"none", []xmlrpc.Value{list()}, `[]`},
		{"no list", nil, `[]`},
		{"one array is the list, here too", []xmlrpc.Value{list(batched("test.echo", list(num(1), num(2))))}, `[[[int 1, int 2]]]`},
		{"calls know that they are nested", []xmlrpc.Value{list(batched("test.who"))}, `[[" nested=true"]]`},
		{
			"a fault leaves the others",
			[]xmlrpc.Value{list(hello, batched("test.denied"), batched("no.such"), hello)},
			`[["Hello!"], {"faultCode": int 403, "faultString": "Denied."}, {"faultCode": int -32601, "faultString": "There is no method \"no.such\" here."}, ["Hello!"]]`,
		},
		{
			"no batch in a batch",
			[]xmlrpc.Value{list(hello, batched("system.multicall", list(hello)))},
			`[["Hello!"], {"faultCode": int -32600, "faultString": "system.multicall cannot be called inside system.multicall."}]`,
		},
		{"most calls", []xmlrpc.Value{list(hello, hello, hello, hello, hello)}, `[["Hello!"], ["Hello!"], ["Hello!"], ["Hello!"], ["Hello!"]]`},
		{"too many calls as parameters", []xmlrpc.Value{hello, hello, hello, hello, hello, hello}, "fault -32602: There are too many calls in one system.multicall. At most 5 are accepted."},
		{"a text in place of the list", []xmlrpc.Value{str("x")}, "fault -32602: The parameter of system.multicall must be an array of structs with methodName and params."},
		{"a number in place of the list", []xmlrpc.Value{num(5)}, "fault -32602: The parameter of system.multicall must be an array of structs with methodName and params."},
		{"a text among calls", []xmlrpc.Value{list(hello, str("x"), hello)}, `[["Hello!"], ` + nameless + `, ["Hello!"]]`},
		{"a number first", []xmlrpc.Value{list(num(5), hello)}, `[` + nameless + `, ["Hello!"]]`},
		{"nil", []xmlrpc.Value{list(xmlrpc.Value{}, hello)}, `[` + nameless + `, ["Hello!"]]`},
		{"lists in place of calls", []xmlrpc.Value{list(list(str("demo.sayHello"), list()), hello)}, `[` + nameless + `, ["Hello!"]]`},
		{"an empty struct", []xmlrpc.Value{list(hello, xmlrpc.Struct())}, `[["Hello!"], ` + nameless + `]`},
		{"an entry without name", []xmlrpc.Value{list(hello, entry("params", list()))}, `[["Hello!"], ` + nameless + `]`},
		{"a name of another case", []xmlrpc.Value{list(hello, entry("methodname", str("demo.sayHello"), "params", list()))}, `[["Hello!"], ` + nameless + `]`},
		{"an empty name", []xmlrpc.Value{list(hello, batched(""))}, `[["Hello!"], ` + nameless + `]`},
		{"a name that is a list", []xmlrpc.Value{list(entry("methodName", list(str("demo.sayHello")), "params", list()), hello)}, `[` + nameless + `, ["Hello!"]]`},
		{
			"a name that is a number",
			[]xmlrpc.Value{list(entry("methodName", num(5), "params", list()), hello)},
			`[{"faultCode": int -32601, "faultString": "There is no method \"5\" here."}, ["Hello!"]]`,
		},
		{"an entry without params", []xmlrpc.Value{list(hello, entry("methodName", str("demo.sayHello")), hello)}, `[["Hello!"], ` + noParams + `, ["Hello!"]]`},
		{"no entry with params", []xmlrpc.Value{list(entry("methodName", str("demo.sayHello")))}, "fault -32602: The params of this entry of the system.multicall are not an array."},
		{"params that are a text", []xmlrpc.Value{list(entry("methodName", str("demo.sayHello"), "params", str("x")), hello)}, `[` + noParams + `, ["Hello!"]]`},
		{"params that are a struct", []xmlrpc.Value{list(entry("methodName", str("demo.addTwoNumbers"), "params", entry("a", num(1), "b", num(2))), hello)}, `[` + noParams + `, ["Hello!"]]`},
		{"params that are an empty struct", []xmlrpc.Value{list(entry("methodName", str("demo.sayHello"), "params", xmlrpc.Struct()))}, `[["Hello!"]]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := post(t, s.URL, request("system.multicall", c.params...))
			if diff := cmp.Diff(c.want, got.text); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	got := post(t, s.URL, request("system.multicall", list(hello, hello, hello, hello, hello, hello)))
	if !strings.HasPrefix(got.text, "fault -32602: ") {
		t.Errorf("six calls in a list: %s, want -32602", got.text)
	}
}

// TestMulticallPanic: a panic in one call does not affect the others.
func TestMulticallPanic(t *testing.T) {
	s := serve(t, config{})
	got := post(t, s.URL, request("system.multicall", batched("test.panic"), batched("demo.sayHello")))
	if !strings.Contains(got.text, `"faultCode": int -32603`) || !strings.HasSuffix(got.text, `["Hello!"]]`) || strings.Contains(got.text, "secret") {
		t.Errorf("got %s", got.text)
	}
}

// TestMulticallAnswer: results beyond the limit become faults.
func TestMulticallAnswer(t *testing.T) {
	s := serve(t, config{Limits: xmlrpc.Limits{BatchAnswer: 1200}})
	long := batched("test.echo", xmlrpc.String(strings.Repeat("x", 600)))
	got := post(t, s.URL, request("system.multicall", long, long, batched("demo.sayHello")))
	want := `[[["` + strings.Repeat("x", 600) + `"]], {"faultCode": int -32603, "faultString": "The answer to this batch is too large. Ask for less in one system.multicall."}, ["Hello!"]]`
	if diff := cmp.Diff(want, got.text); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestMulticallTime: one deadline applies to the whole batch.
func TestMulticallTime(t *testing.T) {
	ran := false
	s := serve(t, config{CallTime: time.Millisecond, Methods: []method{
		{Name: "test.slow", Func: func(ctx context.Context, _ *call) (xmlrpc.Value, error) {
			<-ctx.Done()
			return xmlrpc.Bool(true), nil
		}},
		{Name: "test.next", Func: func(context.Context, *call) (xmlrpc.Value, error) {
			ran = true
			return xmlrpc.Bool(true), nil
		}},
	}})
	got := post(t, s.URL, request("system.multicall", batched("test.slow"), batched("test.next")))
	s.Close()
	if ran || !strings.Contains(got.text, "The batch took too long") {
		t.Errorf("got %s, ran %v; want the second call not run", got.text, ran)
	}
}
