package xmlrpc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/xmlrpc"
)

// who is the identity that the tests use.
type who string

type (
	config = xmlrpc.Config[who]
	method = xmlrpc.Method[who]
	call   = xmlrpc.Call[who]
)

// testMethods is the table that most tests serve.
func testMethods() []method {
	return []method{
		{Name: "test.echo", Signatures: [][]string{{"array"}}, Help: "Returns its parameters.", Func: func(_ context.Context, c *call) (xmlrpc.Value, error) {
			return xmlrpc.Array(c.Params...), nil
		}},
		{Name: "test.show", Func: func(_ context.Context, c *call) (xmlrpc.Value, error) {
			return xmlrpc.String(show(xmlrpc.Array(c.Params...))), nil
		}},
		{Name: "test.who", Func: func(_ context.Context, c *call) (xmlrpc.Value, error) {
			c.Header.Set("X-Deprecated", "passwords")
			return xmlrpc.String(fmt.Sprintf("%s nested=%v", c.Identity, c.Nested)), nil
		}},
		{Name: "test.fault", Func: func(context.Context, *call) (xmlrpc.Value, error) {
			return xmlrpc.Value{}, fmt.Errorf("wrapped: %w", &xmlrpc.Fault{Code: 404, Message: "Not there."})
		}},
		{Name: "test.error", Func: func(context.Context, *call) (xmlrpc.Value, error) {
			return xmlrpc.Value{}, errors.New("open /secret/path: no")
		}},
		{Name: "test.denied", Func: func(context.Context, *call) (xmlrpc.Value, error) { return xmlrpc.Value{}, errDenied }},
		{Name: "test.panic", Func: func(context.Context, *call) (xmlrpc.Value, error) { panic("secret of the panic") }},
	}
}

var errDenied = errors.New("denied for a reason that stays inside")

func toFault(_ context.Context, err error) *xmlrpc.Fault {
	if errors.Is(err, errDenied) {
		return &xmlrpc.Fault{Code: 403, Message: "Denied."}
	}
	return nil
}

// serve serves a handler on a loopback address.
func serve(t testing.TB, cfg config) *httptest.Server {
	t.Helper()
	if cfg.Methods == nil {
		cfg.Methods = testMethods()
	}
	if cfg.SpoolDir == "" {
		cfg.SpoolDir = t.TempDir()
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	cfg.Fault = toFault
	h, err := xmlrpc.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// answer is an answer: its value or fault in the form of show.
type answer struct {
	status int
	header http.Header
	text   string
}

func post(t testing.TB, url string, body io.Reader) answer {
	t.Helper()
	resp, err := http.Post(url, "text/xml", body)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, resp)
}

func read(t testing.TB, resp *http.Response) answer {
	t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{resp.StatusCode, resp.Header, string(body)}
	if strings.HasPrefix(a.header.Get("Content-Type"), "text/xml") {
		if !bytes.HasPrefix(body, []byte("<?xml")) {
			t.Errorf("the answer begins with %q, not with its declaration", body[:min(len(body), 20)])
		}
		if got := a.header.Get("Content-Length"); got != strconv.Itoa(len(body)) {
			t.Errorf("Content-Length %q of %d bytes", got, len(body))
		}
		v, err := xmlrpc.DecodeResponse(body, xmlrpc.Limits{})
		if err != nil {
			a.text = err.Error()
		} else {
			a.text = show(v)
		}
	}
	return a
}

func request(name string, params ...xmlrpc.Value) io.Reader {
	return bytes.NewReader(xmlrpc.AppendCall(nil, name, params...))
}

func TestHTTP(t *testing.T) {
	s := serve(t, config{MaxBody: 1000})
	hello := string(xmlrpc.AppendCall(nil, "demo.sayHello"))
	const only = "XML-RPC server accepts POST requests only."
	for _, c := range []struct {
		name, method, body string
		header             map[string]string
		chunked            bool
		status             int
		kind, text         string
	}{
		{"post", "POST", hello, nil, false, 200, "text/xml; charset=UTF-8", `"Hello!"`},
		{"chunked", "POST", hello, nil, true, 200, "text/xml; charset=UTF-8", `"Hello!"`},
		{"any content type", "POST", hello, map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, false, 200, "text/xml; charset=UTF-8", `"Hello!"`},
		{"broken content type", "POST", hello, map[string]string{"Content-Type": ";;;="}, false, 200, "text/xml; charset=UTF-8", `"Hello!"`},
		{"identity", "POST", hello, map[string]string{"Content-Encoding": "identity"}, false, 200, "text/xml; charset=UTF-8", `"Hello!"`},
		{"compressed", "POST", hello, map[string]string{"Content-Encoding": "gzip"}, false, 415, "text/plain;charset=UTF-8", ""},
		{"hidden coding", "POST", hello, map[string]string{"Content-Encoding": "identity, br"}, false, 415, "text/plain;charset=UTF-8", ""},
		{"no body", "POST", "", nil, false, 200, "text/xml; charset=UTF-8", "fault -32700: "},
		{"fault", "POST", string(xmlrpc.AppendCall(nil, "no.such")), nil, false, 200, "text/xml; charset=UTF-8", `fault -32601: There is no method "no.such" here.`},
		{"a response", "POST", string(xmlrpc.AppendResponse(nil, xmlrpc.Int(1))), nil, false, 200, "text/xml; charset=UTF-8", "fault -32600: "},
		{"method override", "POST", hello, map[string]string{"X-HTTP-Method-Override": "DELETE"}, false, 200, "text/xml; charset=UTF-8", `"Hello!"`},
		{"get", "GET", "", nil, false, 405, "text/plain;charset=UTF-8", only},
		{"head", "HEAD", "", nil, false, 405, "text/plain;charset=UTF-8", ""},
		{"put", "PUT", hello, nil, false, 405, "text/plain;charset=UTF-8", only},
		{"small letters", "post", hello, nil, false, 405, "text/plain;charset=UTF-8", only},
		{"too large", "POST", strings.Repeat(" ", 1001), nil, false, 413, "text/plain;charset=UTF-8", ""},
		{"too large in chunks", "POST", strings.Repeat(" ", 1001), nil, true, 413, "text/plain;charset=UTF-8", ""},
		{"just not too large", "POST", hello + strings.Repeat(" ", 1000-len(hello)), nil, true, 200, "text/xml; charset=UTF-8", `"Hello!"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var body io.Reader = strings.NewReader(c.body)
			if c.chunked {
				body = io.MultiReader(body)
			}
			req, err := http.NewRequest(c.method, s.URL, body)
			if err != nil {
				t.Fatal(err)
			}
			for k, v := range c.header {
				req.Header.Set(k, v)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			got := read(t, resp)
			if got.status != c.status || got.header.Get("Content-Type") != c.kind || !strings.HasPrefix(got.text, c.text) {
				t.Errorf("got %d %q %q, want %d %q %q", got.status, got.header.Get("Content-Type"), got.text, c.status, c.kind, c.text)
			}
			if allow := got.header.Get("Allow"); (allow == "POST") != (c.status == 405) {
				t.Errorf("status %d with Allow %q", got.status, allow)
			}
			for k, v := range map[string]string{"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Content-Security-Policy": "default-src 'none'", "Server": ""} {
				if got.header.Get(k) != v {
					t.Errorf("%s: %q, want %q", k, got.header.Get(k), v)
				}
			}
		})
	}
}

func TestMethods(t *testing.T) {
	str, num, list := xmlrpc.String, xmlrpc.Int, xmlrpc.Array
	for _, c := range []struct {
		name   string
		method string
		params []xmlrpc.Value
		want   string
	}{
		{"hello", "demo.sayHello", []xmlrpc.Value{str("ignored")}, `"Hello!"`},
		{"sum", "demo.addTwoNumbers", []xmlrpc.Value{num(2), num(3), num(4)}, "int 5"},
		{"sum of doubles", "demo.addTwoNumbers", []xmlrpc.Value{xmlrpc.Double(1.5), num(2)}, "double 3.5"},
		{"sum of texts", "demo.addTwoNumbers", []xmlrpc.Value{str("3"), str(" 0.5 ")}, "double 3.5"},
		{"sum of flags and nothing", "demo.addTwoNumbers", []xmlrpc.Value{xmlrpc.Bool(true), {}}, "int 1"},
		{"sum too large", "demo.addTwoNumbers", []xmlrpc.Value{num(1<<63 - 1), num(1)}, "double 9223372036854776000"},
		{"one number", "demo.addTwoNumbers", []xmlrpc.Value{num(2)}, "int 0"},
		{"sum of words", "demo.addTwoNumbers", []xmlrpc.Value{str("a"), num(1)}, "fault -32602: The parameters must be two numbers."},
		{"one array is the list", "test.echo", []xmlrpc.Value{list(num(1), num(2))}, "[int 1, int 2]"},
		{"two arrays are not", "test.echo", []xmlrpc.Value{list(num(1)), list()}, "[[int 1], []]"},
		{"an array in an array is taken once", "test.echo", []xmlrpc.Value{list(list(num(1)))}, "[[int 1]]"},
		{"fault", "test.fault", nil, "fault 404: Not there."},
		{"mapped error", "test.denied", nil, "fault 403: Denied."},
		{"name of other case", "Demo.SayHello", nil, `fault -32601: There is no method "Demo.SayHello" here.`},
		{"no name", "", nil, `fault -32601: There is no method "" here.`},
		{"name that is markup", "<script>\r\n", nil, `fault -32601: There is no method "<script>" here.`},
		{"long name", strings.Repeat("m", 300), nil, `fault -32601: There is no method "` + strings.Repeat("m", 100) + `…" here.`},
		{"introspection is off", "system.methodHelp", []xmlrpc.Value{str("test.echo")}, `fault -32601: There is no method "system.methodHelp" here.`},
		{"capabilities", "system.getCapabilities", nil, `{"xmlrpc": {"specUrl": "http://www.xmlrpc.com/spec", "specVersion": int 1}, "faults_interop": {"specUrl": "http://xmlrpc-epi.sourceforge.net/specs/rfc.fault_codes.php", "specVersion": int 20010516}, "system.multicall": {"specUrl": "http://www.xmlrpc.com/discuss/msgReader$1208", "specVersion": int 1}}`},
		{"list", "system.listMethods", []xmlrpc.Value{str("ignored")}, `["system.multicall", "system.listMethods", "system.getCapabilities", "demo.sayHello", "demo.addTwoNumbers", "test.echo", "test.show", "test.who", "test.fault", "test.error", "test.denied", "test.panic"]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, config{})
			got := post(t, s.URL, request(c.method, c.params...))
			if diff := cmp.Diff(c.want, got.text); diff != "" || got.status != 200 {
				t.Errorf("status %d (-want +got):\n%s", got.status, diff)
			}
		})
	}
}

func TestIntrospection(t *testing.T) {
	s := serve(t, config{Introspection: true})
	str := xmlrpc.String
	for _, c := range []struct{ method, about, want string }{
		{"system.methodHelp", "test.echo", `"Returns its parameters."`},
		{"system.methodHelp", "test.who", `""`},
		{"system.methodSignature", "demo.addTwoNumbers", `[["int", "int", "int"], ["double", "double", "double"]]`},
		{"system.methodSignature", "test.who", `"undef"`},
		{"system.methodSignature", "no.such", `fault -32601: There is no method "no.such" here.`},
		{"system.methodHelp", "system.multicall", `"Answers several calls in one request. The array holds structs with methodName and params; the result holds, in the same order, an array with the one result or a struct with faultCode and faultString."`},
	} {
		if got := post(t, s.URL, request(c.method, str(c.about))); got.text != c.want {
			t.Errorf("%s(%s) = %s, want %s", c.method, c.about, got.text, c.want)
		}
	}
	if got := post(t, s.URL, request("system.methodHelp")); got.text != "fault -32602: The parameter must be the name of a method." {
		t.Errorf("system.methodHelp() = %s", got.text)
	}
}

func TestNewRefuses(t *testing.T) {
	f := func(context.Context, *call) (xmlrpc.Value, error) { return xmlrpc.Value{}, nil }
	for _, c := range []struct {
		name    string
		methods []method
		want    string
	}{
		{"two of one name", []method{{Name: "a", Func: f}, {Name: "a", Func: f}}, "method table: a is listed twice"},
		{"one of the protocol", []method{{Name: "system.multicall", Func: f}}, "method table: system.multicall is listed twice"},
		{"no name", []method{{Func: f}}, `method table: "" is not a method name`},
		{"a name that nobody can call", []method{{Name: "a b", Func: f}}, `method table: "a b" is not a method name`},
		{"no function", []method{{Name: "a"}}, "method table: a has no function"},
	} {
		if _, err := xmlrpc.New(config{Methods: c.methods, SpoolDir: t.TempDir()}); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// journal holds the log and the events of a handler.
type journal struct {
	mu     sync.Mutex
	log    bytes.Buffer
	events []xmlrpc.Event
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.log.Write(p)
}

func (j *journal) observe(_ context.Context, e xmlrpc.Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.events = append(j.events, e)
}

func (j *journal) last(t *testing.T, n int) []xmlrpc.Event {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.events) < n {
		t.Fatalf("%d events, want %d or more", len(j.events), n)
	}
	return j.events[len(j.events)-n:]
}

// TestInnerErrors: an internal error is reported only as an incident number,
// under which the log has the cause.
func TestInnerErrors(t *testing.T) {
	for name, secret := range map[string]string{"test.error": "/secret/path", "test.panic": "secret of the panic"} {
		t.Run(name, func(t *testing.T) {
			var j journal
			s := serve(t, config{Log: slog.New(slog.NewTextHandler(&j, nil)), Observe: j.observe})
			got := post(t, s.URL, request(name))
			s.Close()
			event := j.last(t, 1)[0]
			if want := "fault -32603: The server failed to answer. Its log records the cause under incident " + event.Incident + "."; got.text != want || event.Incident == "" {
				t.Errorf("told %q, want %q", got.text, want)
			}
			if log := j.log.String(); !strings.Contains(log, secret) || !strings.Contains(log, event.Incident) {
				t.Errorf("the log misses the cause or the incident %s: %s", event.Incident, log)
			}
		})
	}
}

func TestObserve(t *testing.T) {
	var j journal
	s := serve(t, config{Observe: j.observe})
	body := xmlrpc.AppendCall(nil, "system.multicall", xmlrpc.Array(batched("test.denied"), batched("no.such")))
	out := post(t, s.URL, bytes.NewReader(body))
	post(t, s.URL, strings.NewReader("<"))
	post(t, s.URL, request("no.such\n"))
	if _, err := http.Get(s.URL); err != nil {
		t.Fatal(err)
	}
	s.Close()
	length, _ := strconv.ParseInt(out.header.Get("Content-Length"), 10, 64)
	type event struct {
		Method        string
		Nested        bool
		Fault, Status int
		In, Out       int64
		Err           string
	}
	want := []event{
		{"test.denied", true, 403, 0, 0, 0, errDenied.Error()},
		{"", true, -32601, 0, 0, 0, `fault -32601: There is no method "no.such" here.`},
		{"system.multicall", false, 0, 200, int64(len(body)), length, ""},
	}
	var got []event
	for _, e := range j.last(t, 6)[:3] {
		one := event{e.Method, e.Nested, e.Fault, e.Status, e.In, e.Out, ""}
		if e.Err != nil {
			one.Err = e.Err.Error()
		}
		got = append(got, one)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for i, want := range []event{{Fault: -32700, Status: 200}, {Fault: -32601, Status: 200}, {Status: 405}} {
		if e := j.last(t, 3)[i]; e.Fault != want.Fault || e.Status != want.Status || e.Method != "" {
			t.Errorf("event %+v, want %+v", e, want)
		}
	}
}

// Every answer to an authenticated caller can be completed, and none before
// that.
func TestComplete(t *testing.T) {
	var seen []string
	cfg := config{
		Methods: testMethods(),
		Fault:   toFault,
		Authenticate: func(r *http.Request) (xmlrpc.Check[who], error) {
			return &knows{r.Header.Get("X-Name")}, nil
		},
		Complete: func(_ context.Context, identity who, a xmlrpc.Answer) error {
			body, err := io.ReadAll(a.Body)
			if err != nil {
				return err
			}
			seen = append(seen, fmt.Sprintf("%s %d %s %d", identity, a.Status, a.Header.Get("Content-Type"), len(body)))
			a.Header.Set("X-Complete", "yes")
			if identity == "broken" {
				return errors.New("no key")
			}
			return nil
		},
		Log: slog.New(slog.DiscardHandler),
	}
	h, err := xmlrpc.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, body string
		known      bool
	}{
		{"ada", string(xmlrpc.AppendCall(nil, "test.who")), true},
		{"ada", string(xmlrpc.AppendCall(nil, "test.error")), true},
		{"ada", string(xmlrpc.AppendCall(nil, "no.such")), true},
		{"ada", "no XML", true},
		{"broken", string(xmlrpc.AppendCall(nil, "test.who")), true},
		{"", string(xmlrpc.AppendCall(nil, "test.who")), false},
	} {
		seen = nil
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(test.body))
		r.Header.Set("X-Name", test.name)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		var want []string
		if test.known {
			want = []string{fmt.Sprintf("%s 200 text/xml; charset=UTF-8 %d", test.name, w.Body.Len())}
		}
		if diff := cmp.Diff(want, seen); diff != "" || test.known != (w.Result().Header.Get("X-Complete") == "yes") {
			t.Errorf("%q, %q: %v (-want +got):\n%s", test.name, test.body, w.Result().Header, diff)
		}
	}
}

// knows accepts every caller with a name.
type knows struct{ name string }

func (k *knows) Write(p []byte) (int, error) { return len(p), nil }

func (k *knows) Identify(context.Context) (who, error) {
	if k.name == "" {
		return "", errDenied
	}
	return who(k.name), nil
}
