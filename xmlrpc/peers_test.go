package xmlrpc_test

import (
	"bytes"
	"encoding/base64"
	"os/exec"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	kolo "github.com/kolo/xmlrpc"

	"github.com/quillgate/quillgate/xmlrpc"
)

// TestKoloReadsOurs: the decoder of a Go client reads our answers.
func TestKoloReadsOurs(t *testing.T) {
	doc := xmlrpc.AppendResponse(nil, xmlrpc.Struct(
		xmlrpc.M("text", xmlrpc.String("a <b> & ]]> “ü” 😀")),
		xmlrpc.M("empty", xmlrpc.String("")),
		xmlrpc.M("int", xmlrpc.Int(-5)),
		xmlrpc.M("wide", xmlrpc.Int(1<<40)),
		xmlrpc.M("yes", xmlrpc.Bool(true)),
		xmlrpc.M("double", xmlrpc.Double(-0.25)),
		xmlrpc.M("date", xmlrpc.DateTime("20260102T03:04:05")),
		xmlrpc.M("bytes", xmlrpc.Bytes([]byte{0, 255})),
		xmlrpc.M("list", xmlrpc.Array(xmlrpc.String("x"), xmlrpc.String("y"))),
		xmlrpc.M("none", xmlrpc.Array()),
	))
	type all struct {
		Text   string    `xmlrpc:"text"`
		Empty  string    `xmlrpc:"empty"`
		Int    int       `xmlrpc:"int"`
		Wide   int64     `xmlrpc:"wide"`
		Yes    bool      `xmlrpc:"yes"`
		Double float64   `xmlrpc:"double"`
		Date   time.Time `xmlrpc:"date"`
		Bytes  string    `xmlrpc:"bytes"`
		List   []string  `xmlrpc:"list"`
		None   []string  `xmlrpc:"none"`
	}
	want := all{"a <b> & ]]> “ü” 😀", "", -5, 1 << 40, true, -0.25, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), "AP8=", []string{"x", "y"}, nil}
	var got all
	if err := kolo.Response(doc).Unmarshal(&got); err != nil {
		t.Fatalf("%s: %v", doc, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	err := kolo.Response(xmlrpc.AppendFault(nil, &xmlrpc.Fault{Code: 403, Message: "No."})).Err()
	if diff := cmp.Diff(kolo.FaultError{Code: 403, String: "No."}, err); diff != "" {
		t.Errorf("fault (-want +got):\n%s", diff)
	}
}

// TestOursReadsKolo: we read its calls, as far as they are XML-RPC.
func TestOursReadsKolo(t *testing.T) {
	for _, c := range []struct {
		name string
		in   any
		want string // or the fault code
		code int
	}{
		{"text", "a <b> & c ", `"a <b> & c"`, 0},
		{"int", -5, "int -5", 0},
		{"unsigned", uint32(7), "int 7", 0},
		{"wide unsigned", uint64(1 << 40), "int 1099511627776", 0},
		{"too wide", ^uint64(0), "", xmlrpc.CodeInvalidRequest},
		{"wide int under the name of a narrow one", int64(1 << 40), "", xmlrpc.CodeInvalidRequest},
		{"double", 1e300, "double 1" + string(bytes.Repeat([]byte("0"), 300)), 0},
		{"bool", true, "true", 0},
		{"date", time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), "dateTime.iso8601 20260102T03:04:05", 0},
		{"base64", kolo.Base64(base64.StdEncoding.EncodeToString([]byte{0, 255})), "base64 00ff", 0},
		{"text as base64", kolo.Base64("hi there!"), "", xmlrpc.CodeInvalidRequest},
		{"list", []string{"a", "b"}, `["a", "b"]`, 0},
		{"map", map[string]any{"a": "x"}, `{"a": "x"}`, 0},
		{"nil pointer", (*int)(nil), "nil", 0},
		{"nil", nil, "nil", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			doc, err := kolo.EncodeMethodCall("a.b", c.in)
			if err != nil {
				t.Fatal(err)
			}
			call, err := xmlrpc.DecodeCall(doc, xmlrpc.Limits{})
			if c.code != 0 {
				checkRefused(t, string(doc), call, err, c.code)
				return
			}
			if err != nil {
				t.Fatalf("%s: %v", doc, err)
			}
			if got := show(call.Params[0]); got != c.want {
				t.Errorf("%s = %s, want %s", doc, got, c.want)
			}
		})
	}
}

// python runs a program of Python's standard library.
func python(t *testing.T, program string, in []byte) string {
	t.Helper()
	path, err := exec.LookPath("python3")
	if err != nil {
		t.Fatal("This test needs Python 3, whose xmlrpc.client is a peer: install the package python3.")
	}
	cmd := exec.Command(path, "-c", program)
	cmd.Stdin = bytes.NewReader(in)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("python3: %v\n%s", err, stderr.Bytes())
	}
	return string(out)
}

func TestPythonReadsOurs(t *testing.T) {
	doc := xmlrpc.AppendResponse(nil, xmlrpc.Struct(
		xmlrpc.M("text", xmlrpc.String("a <b> & ]]> \r\n “ü” 😀 ")),
		xmlrpc.M("int", xmlrpc.Int(-5)),
		xmlrpc.M("wide", xmlrpc.Int(1<<40)),
		xmlrpc.M("no", xmlrpc.Bool(false)),
		xmlrpc.M("double", xmlrpc.Double(-0.25)),
		xmlrpc.M("date", xmlrpc.DateTime("20260102T03:04:05")),
		xmlrpc.M("bytes", xmlrpc.Bytes([]byte{0, 255})),
		xmlrpc.M("list", xmlrpc.Array(xmlrpc.Array(), xmlrpc.Struct())),
	))
	got := python(t, `
import sys, xmlrpc.client
(v,), _ = xmlrpc.client.loads(sys.stdin.buffer.read())
for k in v: print(k, ascii(getattr(v[k], "data", str(v[k]) if k == "date" else v[k])))
`, doc)
	want := `text 'a <b> & ]]> \r\n \u201c\xfc\u201d \U0001f600 '
int -5
wide 1099511627776
no False
double -0.25
date '20260102T03:04:05'
bytes b'\x00\xff'
list [[], {}]
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", doc, diff)
	}
	got = python(t, `
import sys, xmlrpc.client
try: xmlrpc.client.loads(sys.stdin.buffer.read())
except xmlrpc.client.Fault as f: print(f.faultCode, f.faultString)
`, xmlrpc.AppendFault(nil, &xmlrpc.Fault{Code: -32601, Message: "<no>"}))
	if want := "-32601 <no>\n"; got != want {
		t.Errorf("fault read as %q, want %q", got, want)
	}
}

func TestOursReadsPython(t *testing.T) {
	const values = `"a <b> & ]]> ü", -5, True, 1e20, -0.25, None, xmlrpc.client.Binary(bytes(range(80))), xmlrpc.client.DateTime("20260102T03:04:05"), [1, []], {"a": {}, "b": ""}`
	doc := python(t, `
import sys, xmlrpc.client
sys.stdout.buffer.write(xmlrpc.client.dumps((`+values+`), "a.b", allow_none=True, encoding="utf-8").encode())
`, nil)
	call, err := xmlrpc.DecodeCall([]byte(doc), xmlrpc.Limits{})
	if err != nil {
		t.Fatalf("%s: %v", doc, err)
	}
	want := `a.b
"a <b> & ]]> ü"
int -5
true
double 100000000000000000000
double -0.25
nil
base64 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f
dateTime.iso8601 20260102T03:04:05
[int 1, []]
{"a": {}, "b": ""}
`
	if diff := cmp.Diff(want, showCall(call)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", doc, diff)
	}
	doc = python(t, `
import sys, xmlrpc.client
sys.stdout.write(xmlrpc.client.dumps(({"id": 7},), methodresponse=True))
`, nil)
	v, err := xmlrpc.DecodeResponse([]byte(doc), xmlrpc.Limits{})
	if err != nil || show(v) != `{"id": int 7}` {
		t.Errorf("%s = %s %v", doc, show(v), err)
	}
	doc = python(t, `
import sys, xmlrpc.client
sys.stdout.write(xmlrpc.client.dumps(xmlrpc.client.Fault(4, "x & y")))
`, nil)
	if _, err = xmlrpc.DecodeResponse([]byte(doc), xmlrpc.Limits{}); err == nil || err.Error() != "fault 4: x & y" {
		t.Errorf("%s: %v, want fault 4", doc, err)
	}
}
