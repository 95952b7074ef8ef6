package xmlrpc_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/xmlrpc"
)

// loginAt returns the position of the user name in the calls of these tests.
func loginAt(method string) int {
	switch method {
	case "wp.getUsersBlogs":
		return 0
	case "wp.getPage":
		return 2
	}
	return 1
}

// document returns a call with its parameters written as given.
func document(method, params string) string {
	return "<?xml version=\"1.0\"?>\n<methodCall><methodName>" + method + "</methodName>" + params + "</methodCall>\n"
}

func param(values ...string) (s string) {
	for _, v := range values {
		s += "<param>" + v + "</param>"
	}
	return "<params>" + s + "</params>"
}

func data(values ...string) string {
	return "<value><array><data>" + strings.Join(values, "") + "</data></array></value>"
}

const (
	blogID   = "<value><int>1</int></value>"
	userName = "<value><string>ada</string></value>"
	password = "<value><string>swordfish</string></value>"
	blank    = "<value><string></string></value>"
)

func nested(method, params string) string {
	return "<value><struct><member><name>methodName</name><value>" + method + "</value></member><member><name>params</name>" + params + "</member></struct></value>"
}

var splices = []struct{ name, in, logins, want string }{
	{"plain", document("wp.getPosts", param(blogID, userName, password)), `wp.getPosts "ada" "swordfish"`, document("wp.getPosts", param(blogID, blank, blank))},
	{"first", document("wp.getUsersBlogs", param(userName, password)), `wp.getUsersBlogs "ada" "swordfish"`, document("wp.getUsersBlogs", param(blank, blank))},
	{"third", document("wp.getPage", param(blogID, blogID, userName, password)), `wp.getPage "ada" "swordfish"`, document("wp.getPage", param(blogID, blogID, blank, blank))},
	{
		"untyped, with more behind and a comment between", document("wp.getPosts", "<params> <param> "+blogID+"</param><!-- x --><param><value>ada</value></param>\n<param\n><value > sword<!-- - -->fish</value ></param ><param>"+userName+"</param></params>"),
		`wp.getPosts "ada" " swordfish"`, document("wp.getPosts", "<params> <param> "+blogID+"</param><!-- x --><param>"+blank+"</param>\n<param>"+blank+"</param><param>"+userName+"</param></params>"),
	},
	{
		"references and CDATA", document("wp.getPosts", param(blogID, "<value>&#97;d&#x61;</value>", "<value><string><![CDATA[<sword>]]>&amp;fish</string></value>")),
		`wp.getPosts "ada" "<sword>&fish"`, document("wp.getPosts", param(blogID, blank, blank)),
	},
	{
		"base64 and a number", document("wp.getPosts", param(blogID, "<value><base64>YW\nRh</base64></value>", "<value><i4>1234</i4></value>")),
		`wp.getPosts "ada" "1234"`, document("wp.getPosts", param(blogID, blank, blank)),
	},
	{
		"a type without its value, a value without its param", document("wp.getPosts", "<params>"+blogID+"<param><string>ada</string></param>"+password+"</params>"),
		`wp.getPosts "ada" "swordfish"`, document("wp.getPosts", "<params>"+blogID+"<param>"+blank+"</param><param>"+blank+"</param></params>"),
	},
	{"empty, and not there", document("wp.getPosts", param(blogID, "<value/>")+""), `wp.getPosts nil absent`, document("wp.getPosts", param(blogID, blank, blank))},
	{"empty parameters", document("wp.getPosts", "<params>"+blogID+"<param/><param></param></params>"), `wp.getPosts nil nil`, document("wp.getPosts", "<params>"+blogID+"<param>"+blank+"</param><param>"+blank+"</param></params>")},
	{"no list of parameters", document("wp.getPosts", ""), `wp.getPosts absent absent`, document("wp.getPosts", param(blank, blank, blank))},
	{"an empty list", document("wp.getPosts", "<params />"), `wp.getPosts absent absent`, document("wp.getPosts", param(blank, blank, blank))},
	{"a list with a comment", document("wp.getPosts", "<params><!-- none --></params>"), `wp.getPosts absent absent`, document("wp.getPosts", param(blank, blank, blank))},
	{"all in one array", document("wp.getPosts", param(data(blogID, userName, password))), `wp.getPosts "ada" "swordfish"`, document("wp.getPosts", param(data(blogID, blank, blank)))},
	{"an empty array", document("wp.getUsersBlogs", param("<value><array/></value>")), `wp.getUsersBlogs absent absent`, document("wp.getUsersBlogs", param(data(blank, blank)))},
	{"an array that is too short", document("wp.getPosts", param(data(blogID, userName))), `wp.getPosts "ada" absent`, document("wp.getPosts", param(data(blogID, blank, blank)))},
	{
		"parameters before the name", "<methodCall>" + param(blogID, userName, password) + "<methodName> wp.getPosts\n</methodName></methodCall>",
		`wp.getPosts "ada" "swordfish"`, "<methodCall>" + param(blogID, blank, blank) + "<methodName> wp.getPosts\n</methodName></methodCall>",
	},
	{"a container as a password", document("wp.getPosts", param(blogID, userName, data(password))), `wp.getPosts "ada" array`, document("wp.getPosts", param(blogID, blank, blank))},
	{"long", document("wp.getPosts", param(blogID, userName, "<value>"+strings.Repeat("x", 5000)+"</value>")), `wp.getPosts "ada" long`, document("wp.getPosts", param(blogID, blank, blank))},
	{
		"batch", document("system.multicall", param(data(nested("wp.getPosts", data(blogID, userName, password)), nested(" wp.getUsersBlogs ", data(userName, password))))),
		`wp.getPosts "ada" "swordfish"; wp.getUsersBlogs "ada" "swordfish"`,
		document("system.multicall", param(data(nested("wp.getPosts", data(blogID, blank, blank)), nested(" wp.getUsersBlogs ", data(blank, blank))))),
	},
	{
		"batch in the wrong order", document("system.multicall", param(data("<value><struct><member>"+data(blogID, userName, password)+"<name>params</name></member><member><name>methodName</name><value>wp.getPosts</value></member></struct></value>"))),
		`wp.getPosts "ada" "swordfish"`, document("system.multicall", param(data("<value><struct><member>"+data(blogID, blank, blank)+"<name>params</name></member><member><name>methodName</name><value>wp.getPosts</value></member></struct></value>"))),
	},
	{
		"batch of parameters", document("system.multicall", param(nested("wp.getPosts", data(blogID, userName, password)), nested("wp.getUsersBlogs", "<value><array/></value>"))),
		`wp.getPosts "ada" "swordfish"; wp.getUsersBlogs absent absent`,
		document("system.multicall", param(nested("wp.getPosts", data(blogID, blank, blank)), nested("wp.getUsersBlogs", data(blank, blank)))),
	},
	{
		"batch with an empty struct", document("system.multicall", param(data(nested("wp.getPosts", "<value><struct/></value>")))),
		`wp.getPosts absent absent`, document("system.multicall", param(data(nested("wp.getPosts", data(blank, blank, blank))))),
	},
	{
		"batch in an array in an array", document("system.multicall", param(data(data(nested("wp.getPosts", data(data(blogID, userName, password))))))),
		`wp.getPosts "ada" "swordfish"`, document("system.multicall", param(data(data(nested("wp.getPosts", data(data(blogID, blank, blank))))))),
	},
	{
		"batch inside a batch", document("system.multicall", param(data(nested("system.multicall", data(data(nested("wp.getPosts", data(blogID, userName, password)))))))),
		`system.multicall absent absent`, document("system.multicall", param(data(nested("system.multicall", data(data(nested("wp.getPosts", data(blogID, userName, password)), blank, blank)))))),
	},
}

func TestSplice(t *testing.T) {
	for _, c := range splices {
		t.Run(c.name, func(t *testing.T) {
			s, err := xmlrpc.NewSplice(strings.NewReader(c.in), xmlrpc.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			var logins []string
			var blanks []xmlrpc.Replacement
			for i, call := range s.Calls {
				at := loginAt(call.Method)
				logins = append(logins, call.Method+" "+showArgument(&call, at)+" "+showArgument(&call, at+1))
				blanks = append(blanks, xmlrpc.Replacement{Call: i, Arg: at}, xmlrpc.Replacement{Call: i, Arg: at + 1})
			}
			if got := strings.Join(logins, "; "); got != c.logins {
				t.Errorf("the logins are %s, want %s", got, c.logins)
			}
			if diff := cmp.Diff(c.want, spliced(t, s, blanks...)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func showArgument(c *xmlrpc.SplicedCall, i int) string {
	switch a := c.Arg(i); {
	case i >= len(c.Args):
		return "absent"
	case a.Long:
		return "long"
	case a.Value.IsZero(), a.Value.Kind() == xmlrpc.KindArray, a.Value.Kind() == xmlrpc.KindStruct:
		return a.Value.Kind().String()
	default:
		return fmt.Sprintf("%q", a.Value.Text())
	}
}

func spliced(t *testing.T, s *xmlrpc.Splice, with ...xmlrpc.Replacement) string {
	t.Helper()
	out, err := s.Replace(with...)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(io.NewSectionReader(out, 0, out.Size()))
	if err != nil || int64(len(got)) != out.Size() {
		t.Fatalf("%d bytes of %d are read: %v", len(got), out.Size(), err)
	}
	return string(got)
}

// Everything that is not replaced keeps its bytes, even in a document that is
// not UTF-8, and replacements do not depend on its encoding.
func TestSpliceWindows1252(t *testing.T) {
	in := "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n<methodCall><methodName>wp.newPost</methodName><!-- \x80uro -->" +
		param(blogID, "<value>ad\xe4</value>", "<value>\x93\x94</value>", "<value>5 \x80</value>") + "</methodCall>"
	s, err := xmlrpc.NewSplice(strings.NewReader(in), xmlrpc.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := showArgument(&s.Calls[0], 1)+showArgument(&s.Calls[0], 2), `"adä""“”"`; got != want {
		t.Errorf("the login is %s, want %s", got, want)
	}
	want := strings.NewReplacer("<value>ad\xe4</value>", blank, "<value>\x93\x94</value>", "<value><string>&#8364;</string></value>").Replace(in)
	if diff := cmp.Diff(want, spliced(t, s, xmlrpc.Replacement{Call: 0, Arg: 2, Text: "€"}, xmlrpc.Replacement{Call: 0, Arg: 1})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Texts keep their meaning; those that cannot are refused.
func TestSpliceTexts(t *testing.T) {
	in := document("wp.getPosts", param(blogID, userName, password))
	s, err := xmlrpc.NewSplice(strings.NewReader(in), xmlrpc.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "x", "<&>\"']]>", "ä€🚀\ufffd", " x", "x\t", "a\r\nb\rc\nd", "&#65;"} {
		call, err := xmlrpc.DecodeCall([]byte(spliced(t, s, xmlrpc.Replacement{Arg: 2, Text: text})), xmlrpc.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if got := call.Params[2]; got.Kind() != xmlrpc.KindString || got.Text() != text {
			t.Errorf("%q is read as %s", text, show(got))
		}
	}
	for _, with := range [][]xmlrpc.Replacement{
		{{Arg: 1, Text: "a\x00"}},
		{{Arg: 1, Text: "\xff"}},
		{{Arg: 1, Text: " \n"}},
		{{Arg: 1, Text: "\ufffe"}},
		{{Arg: -1}},
		{{Arg: 256}},
		{{Call: 1}},
		{{Call: -1}},
		{{Arg: 1}, {Arg: 1}},
		{{Arg: 9}, {Arg: 9}},
	} {
		if out, err := s.Replace(with...); err == nil {
			t.Errorf("%+v is taken: %d bytes", with, out.Size())
		}
	}
	if got := spliced(t, s); got != in {
		t.Errorf("without replacements: %q", got)
	}
}

// A document is refused if DecodeCall refuses it, or if system.multicall would
// run none of its calls.
func TestSpliceRefusals(t *testing.T) {
	for _, c := range refused {
		for _, doc := range c.docs {
			_, err := xmlrpc.NewSplice(strings.NewReader(doc), xmlrpc.Limits{})
			var bad *xmlrpc.SyntaxError
			if !errors.As(err, &bad) || bad.Code != c.code {
				t.Errorf("%s: %.200q: %v, want code %d", c.rule, doc, err, c.code)
			}
		}
	}
	for _, params := range []string{
		param(userName), param(data(userName)), param(data(nested("a", userName))), param(data("<value><struct/></value>")),
		param(data(nested(" ", data(userName)))), param(data(nested("a", "<value><struct><member><name>0</name>"+userName+"</member></struct></value>"))),
	} {
		_, err := xmlrpc.NewSplice(strings.NewReader(document("system.multicall", params)), xmlrpc.Limits{})
		var fault *xmlrpc.Fault
		if !errors.As(err, &fault) || fault.Code != xmlrpc.CodeInvalidParams {
			t.Errorf("system.multicall of %s: %v", params, err)
		}
	}
	if _, err := xmlrpc.NewSplice(broken{strings.NewReader(document("a", param(blogID)))}, xmlrpc.Limits{}); !errors.Is(err, errBroken) {
		t.Errorf("a document that cannot be read: %v", err)
	}
}

// broken is a document whose end cannot be read.
type broken struct{ *strings.Reader }

var errBroken = errors.New("broken")

func (b broken) ReadAt(p []byte, off int64) (int, error) {
	n, err := b.Reader.ReadAt(p[:min(len(p), 30)], off)
	if off+int64(n) > 60 {
		err = errBroken
	} else if n < len(p) && err == nil {
		err = errBroken
	}
	return n, err
}

// expanded returns the calls in a document, as a Handler runs them.
func expanded(call *xmlrpc.MethodCall) (calls []xmlrpc.MethodCall) {
	list := alone(call.Params)
	if call.Name != "system.multicall" {
		return []xmlrpc.MethodCall{{Name: call.Name, Params: list}}
	}
	for _, one := range alone(list) {
		calls = append(calls, xmlrpc.MethodCall{Name: strings.Trim(one.Get("methodName").Text(), " \t\r\n"), Params: alone(one.Get("params").Elements())})
	}
	return calls
}

func alone(list []xmlrpc.Value) []xmlrpc.Value {
	if len(list) == 1 && list[0].Kind() == xmlrpc.KindArray {
		return list[0].Elements()
	}
	return list
}

// FuzzSplice compares with DecodeCall: everything that was not replaced decodes
// to the same value, and everything else to its replacement.
func FuzzSplice(f *testing.F) {
	for _, c := range splices {
		f.Add([]byte(c.in), "text", uint8(1))
	}
	for _, doc := range testCalls(f) {
		f.Add(doc.in, " <&ä", uint8(0))
	}
	for _, c := range refused {
		for _, doc := range c.docs {
			f.Add([]byte(doc), "\r", uint8(9))
		}
	}
	f.Fuzz(checkSplice)
}

func checkSplice(t *testing.T, doc []byte, text string, arg uint8) {
	call, err := xmlrpc.DecodeCall(doc, xmlrpc.Limits{})
	s, refusal := xmlrpc.NewSplice(bytes.NewReader(doc), xmlrpc.Limits{})
	var fault *xmlrpc.Fault
	switch {
	case refusal == nil && err != nil:
		t.Fatalf("%q is spliced, and not decoded: %v", doc, err)
	case errors.As(refusal, &fault) && err == nil && call.Name == "system.multicall":
		return
	case refusal != nil && err == nil && len(doc) < xmlrpc.MaxArgument:
		t.Fatalf("%q is decoded, and not spliced: %v", doc, refusal)
	case refusal != nil:
		return
	}
	want := expanded(call)
	if len(s.Calls) != len(want) || s.Method != call.Name {
		t.Fatalf("%q: %s with %d calls, want %s with %d", doc, s.Method, len(s.Calls), call.Name, len(want))
	}
	var with []xmlrpc.Replacement
	for i, c := range s.Calls {
		checkArguments(t, c, want[i])
		with = append(with, xmlrpc.Replacement{Call: i, Arg: int(arg), Text: text}, xmlrpc.Replacement{Call: i, Arg: int(arg) + 1})
		want[i].Params = replaced(replaced(want[i].Params, int(arg), text), int(arg)+1, "")
	}
	out, err := s.Replace(with...)
	if err != nil {
		return // the content of the text; TestSpliceTexts tests it
	}
	b, err := io.ReadAll(io.NewSectionReader(out, 0, out.Size()))
	if err != nil {
		t.Fatal(err)
	}
	again, err := xmlrpc.DecodeCall(b, xmlrpc.Limits{})
	if err != nil {
		if bad := (*xmlrpc.SyntaxError)(nil); errors.As(err, &bad) && strings.Contains(bad.Reason, "too many") {
			return
		}
		t.Fatalf("%q becomes %q, which is not decoded: %v", doc, b, err)
	}
	if diff := cmp.Diff(showCalls(want), showCalls(expanded(again))); diff != "" {
		t.Errorf("%q becomes %q (-want +got):\n%s", doc, b, diff)
	}
}

func checkArguments(t *testing.T, c xmlrpc.SplicedCall, want xmlrpc.MethodCall) {
	t.Helper()
	if c.Method != want.Name || len(c.Args) != len(want.Params) {
		t.Fatalf("%s has %d arguments, want %s with %d", c.Method, len(c.Args), want.Name, len(want.Params))
	}
	for i, a := range c.Args {
		v := want.Params[i]
		if a.Value.Kind() != v.Kind() || !a.Long && a.Value.Text() != v.Text() {
			t.Errorf("argument %d of %s is %s, want %s", i, c.Method, show(a.Value), show(v))
		}
	}
}

// replaced returns a list with one element replaced or added.
func replaced(list []xmlrpc.Value, i int, text string) []xmlrpc.Value {
	list = slices.Clone(list)
	for len(list) <= i {
		list = append(list, xmlrpc.String(""))
	}
	list[i] = xmlrpc.String(text)
	return list
}

func showCalls(calls []xmlrpc.MethodCall) (s string) {
	for _, c := range calls {
		s += showCall(&c)
	}
	return s
}

// Bodies in the spool and in memory are spliced alike, and little of a large
// one is kept in memory.
func TestSpliceOfASpool(t *testing.T) {
	post := "<value><struct><member><name>description</name><value>" + strings.Repeat("Ölpreis &amp; <![CDATA[<b>]]>\r\n", 1<<17) +
		"</value></member><member><name>bits</name><value><base64>" + strings.Repeat("QUJD\n", 1<<17) + "</base64></value></member></struct></value>"
	in := document("metaWeblog.newPost", param(blogID, userName, password, post, blogID))
	spool := xmlrpc.NewSpool(t.TempDir(), 1<<20)
	defer spool.Close()
	if _, err := io.WriteString(spool, in); err != nil {
		t.Fatal(err)
	}
	s, err := xmlrpc.NewSplice(spool, xmlrpc.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := spliced(t, s, xmlrpc.Replacement{Arg: 1}, xmlrpc.Replacement{Arg: 2}), document("metaWeblog.newPost", param(blogID, blank, blank, post, blogID)); got != want {
		t.Error("more than the login was changed")
	}
	taken := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := xmlrpc.NewSplice(spool, xmlrpc.Limits{}); err != nil {
				b.Fatal(err)
			}
		}
	}).AllocedBytesPerOp()
	if taken > 256<<10 {
		t.Errorf("a call of %d bytes takes %d bytes of memory", len(in), taken)
	}
}

// BenchmarkSpliceDoubled compares documents with documents of twice their size,
// by the best times, and fails if those take more than three and a half times
// as long.
func BenchmarkSpliceDoubled(b *testing.B) {
	long := func(part string, most int) func(int) string {
		return func(n int) string {
			return document("wp.newPost", param(blogID, userName, password, "<value>"+strings.Repeat(part, n*most/2)+"</value>"))
		}
	}
	for name, doc := range map[string]func(n int) string{
		"text":        long("words and words, ", 1<<17),
		"references":  long("&#x00041;", 1<<17),
		"comments":    long("<!-- - -->", 1<<16),
		"CDATA":       long("<![CDATA[]]]]>", 1<<16),
		"brackets":    long("]] ", 1<<18),
		"line ends":   long("\r\n", 1<<18),
		"white space": func(n int) string { return document("wp.newPost", "<params>"+strings.Repeat(" ", n<<19)+"</params>") },
		"values": func(n int) string {
			return document("wp.newPost", param(blogID, userName, password, data(strings.Repeat("<value>x</value>", n*7000))))
		},
		"calls": func(n int) string {
			return document("system.multicall", param(data(strings.Repeat(nested("wp.getPosts", data(blogID, userName, password, data(strings.Repeat(blank, 50)))), n*50))))
		},
		"windows-1252": func(n int) string {
			return "<?xml version=\"1.0\" encoding=\"latin1\"?>" + document("wp.newPost", param(blogID, "<value>"+strings.Repeat("\xe9t\xe9 ", n<<17)+"</value>"))[len("<?xml version=\"1.0\"?>\n"):]
		},
	} {
		b.Run(name, func(b *testing.B) {
			took := [2]time.Duration{time.Hour, time.Hour}
			docs := [2]string{doc(1), doc(2)}
			for b.Loop() {
				for i := range docs {
					start := time.Now()
					s, err := xmlrpc.NewSplice(strings.NewReader(docs[i]), xmlrpc.Limits{})
					if err != nil {
						b.Fatal(err)
					}
					var with []xmlrpc.Replacement
					for c := range s.Calls {
						with = append(with, xmlrpc.Replacement{Call: c, Arg: 1}, xmlrpc.Replacement{Call: c, Arg: 2})
					}
					out, err := s.Replace(with...)
					if err != nil {
						b.Fatal(err)
					}
					if _, err := io.Copy(io.Discard, io.NewSectionReader(out, 0, out.Size())); err != nil {
						b.Fatal(err)
					}
					took[i] = min(took[i], time.Since(start))
				}
			}
			ratio := float64(took[1]) / float64(took[0])
			b.ReportMetric(ratio, "×/doubled")
			b.SetBytes(int64(len(docs[0]) + len(docs[1])))
			if b.N > 5 && ratio > 3.5 {
				b.Errorf("twice the document takes %.1f times as long", ratio)
			}
		})
	}
}
