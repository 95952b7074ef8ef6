package xmlrpc_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quillgate/quillgate/xmlrpc"
)

// recorder is a Check that records its input.
type recorder struct {
	got   bytes.Buffer
	limit int   // Write fails beyond it; 0: never
	err   error // the error of Identify
	done  func(*recorder)
}

func (r *recorder) Write(p []byte) (int, error) {
	r.got.Write(p)
	if r.limit > 0 && r.got.Len() > r.limit {
		return 0, errDenied
	}
	return len(p), nil
}

func (r *recorder) Identify(context.Context) (who, error) {
	if r.done != nil {
		r.done(r)
	}
	return "ann", r.err
}

// S1, S9: the check gets the bytes unchanged, and nothing is parsed before it
// has accepted them.
func TestCheck(t *testing.T) {
	photo := xmlrpc.Bytes(make([]byte, 200<<10))
	calls := map[string][]byte{
		"small":             xmlrpc.AppendCall(nil, "test.who"),
		"with odd bytes":    append([]byte("\xef\xbb\xbf \r\n"), xmlrpc.AppendCall(nil, "test.who", xmlrpc.String("a"))...),
		"in memory":         xmlrpc.AppendCall(nil, "test.who", xmlrpc.String(strings.Repeat("é", 40<<10))),
		"spooled":           xmlrpc.AppendCall(nil, "test.who", photo),
		"of a batch":        xmlrpc.AppendCall(nil, "system.multicall", batched("test.who", photo)),
		"spooled, and more": append(xmlrpc.AppendCall(nil, "test.who", photo), bytes.Repeat([]byte("\r\n"), 100<<10)...),
	}
	for name, body := range calls {
		for _, chunked := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s chunked=%v", name, chunked), func(t *testing.T) {
				var fed []byte
				s := serve(t, config{SpoolAbove: 128 << 10, Authenticate: func(*http.Request) (xmlrpc.Check[who], error) {
					return &recorder{done: func(r *recorder) { fed = r.got.Bytes() }}, nil
				}})
				var in io.Reader = bytes.NewReader(body)
				if chunked {
					in = io.MultiReader(in)
				}
				got := post(t, s.URL, in)
				s.Close()
				if !strings.Contains(got.text, "ann nested=") || got.header.Get("X-Deprecated") != "passwords" {
					t.Errorf("answered %q %v", got.text, got.header)
				}
				if !bytes.Equal(fed, body) {
					t.Errorf("the check was fed %d bytes, other than the %d sent", len(fed), len(body))
				}
			})
		}
	}
	for name, check := range map[string]*recorder{"from identify": {err: errDenied}, "from write": {limit: 100 << 10}} {
		t.Run("refusal "+name, func(t *testing.T) {
			s := serve(t, config{Authenticate: func(*http.Request) (xmlrpc.Check[who], error) { return check, nil }})
			body := "not XML at all" + strings.Repeat(" ", 1<<20)
			if got := post(t, s.URL, strings.NewReader(body)); got.text != "fault 403: Denied." || got.status != 200 {
				t.Errorf("answered %d %q, want the refusal and not an error of the parser", got.status, got.text)
			}
			if s.Close(); check.limit > 0 && check.got.Len() > check.limit+64<<10 {
				t.Errorf("the check was fed %d bytes after it refused at %d", check.got.Len(), check.limit)
			}
		})
	}
	t.Run("refusal from the header", func(t *testing.T) {
		s := serve(t, config{Authenticate: func(*http.Request) (xmlrpc.Check[who], error) { return nil, errDenied }})
		if got := post(t, s.URL, request("demo.sayHello")); got.text != "fault 403: Denied." {
			t.Errorf("answered %q", got.text)
		}
	})
}

// uploads returns a table with one method, which compares a parameter with
// want.
func uploads(t *testing.T, dir string, want []byte) []method {
	return []method{{Name: "test.upload", Func: func(_ context.Context, c *call) (xmlrpc.Value, error) {
		v := c.Param(0).Get("bits")
		if v.Size() != int64(len(want)) || v.Text() != "" {
			t.Errorf("size %d, want %d; text in memory %d bytes", v.Size(), len(want), len(v.Text()))
		}
		for range 2 {
			r, err := v.Open()
			if err != nil {
				return xmlrpc.Value{}, err
			}
			// Read in odd pieces, then the rest at once.
			var got bytes.Buffer
			if _, err := io.CopyN(&got, r, 1001); err != nil {
				return xmlrpc.Value{}, err
			}
			if _, err := io.Copy(&got, r); err != nil {
				return xmlrpc.Value{}, err
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Errorf("%d other bytes than the %d sent", got.Len(), len(want))
			}
			if err := r.Close(); err != nil {
				return xmlrpc.Value{}, err
			}
			if _, err := r.Read(make([]byte, 1)); err == nil || err == io.EOF {
				t.Errorf("read after close: %v", err)
			}
		}
		if names, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(names) > 0 && runtime.GOOS != "windows" {
			t.Errorf("the spool has a name on disk: %v %v", names, err)
		}
		return xmlrpc.String(c.Param(0).Get("name").Text()), nil
	}}}
}

// TestUpload sends large base64 values in the forms in which clients write
// them.
func TestUpload(t *testing.T) {
	photo := make([]byte, 1<<20+1)
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(photo)
	text := base64.StdEncoding.EncodeToString(photo)
	every := func(n int, sep string) string {
		var b strings.Builder
		for s := text; s != ""; {
			k := min(n, len(s))
			b.WriteString(s[:k] + sep)
			s = s[k:]
		}
		return b.String()
	}
	for name, text := range map[string]string{
		"one line":              text,
		"lines":                 every(76, "\n"),
		"lines of Windows":      every(76, "\r\n"),
		"odd lines":             every(7, "\n"),
		"indented":              every(64, "\n\t  "),
		"references":            every(76, "&#13;\n"),
		"no padding":            strings.TrimRight(text, "="),
		"CDATA":                 "\n<![CDATA[" + every(76, "\n") + "]]>\n",
		"comments between":      every(50000, "<!-- go on --><?and on?>"),
		"sections":              "<![CDATA[" + every(70001, "]]><![CDATA[") + "]]>",
		"characters by number":  strings.ReplaceAll(text, "AB", "&#65;&#x42;"),
		"padding on other line": strings.ReplaceAll(text, "=", "\n=\n"),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := serve(t, config{SpoolDir: dir, Methods: uploads(t, dir, photo)})
			doc := value("<struct><member><name>bits</name><value><base64>" + text + "</base64></value></member><member><name>name</name><value>é.png</value></member></struct>")
			got := post(t, s.URL, strings.NewReader(strings.Replace(doc, ">a<", ">test.upload<", 1)))
			if got.text != `"é.png"` {
				t.Errorf("answered %.300s", got.text)
			}
		})
	}
}

// TestLargeDocuments: large documents without base64 are read through the
// window too.
func TestLargeDocuments(t *testing.T) {
	long := strings.Repeat("<p>Größe & “Wert” ]] > \r\n</p>", 50000)
	escaped := string(xmlrpc.AppendCall(nil, "test.show", xmlrpc.String(long), xmlrpc.Bytes(make([]byte, 30000)), xmlrpc.Bool(true)))
	many := string(xmlrpc.AppendCall(nil, "test.show", xmlrpc.Struct(xmlrpc.M("é", xmlrpc.String(strings.Repeat("x", 1<<17)))), xmlrpc.Int(1))) + strings.Repeat("<!-- é -->", 1<<17)
	for name, doc := range map[string]string{
		"escaped text":       escaped,
		"CDATA":              `<methodCall><methodName>test.show</methodName><params><param><value><string><![CDATA[` + strings.ReplaceAll(long, "]]", "] ]") + `]]></string></value></param></params></methodCall>`,
		"much after the end": many,
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, config{})
			got := post(t, s.URL, strings.NewReader(doc))
			call, err := xmlrpc.DecodeCall([]byte(doc), xmlrpc.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if want := show(xmlrpc.String(show(xmlrpc.Array(call.Params...)))); got.text != want {
				t.Errorf("answered %.200s… of %d bytes, want %.200s… of %d", got.text, len(got.text), want, len(want))
			}
		})
	}
	t.Run("windows-1252", func(t *testing.T) {
		s := serve(t, config{})
		text := strings.Repeat("caf\xe9 \x80 ", 200000)
		got := post(t, s.URL, strings.NewReader(`<?xml version="1.0" encoding="ISO-8859-1"?><methodCall><methodName>test.echo</methodName><params><param><value>`+text+`</value></param></params></methodCall>`))
		if want := show(xmlrpc.Array(xmlrpc.String(strings.Repeat("café € ", 200000)))); got.text != want {
			t.Errorf("answered %.100s…, want %.100s…", got.text, want)
		}
		text = strings.Repeat("café ", 300000)
		got = post(t, s.URL, strings.NewReader(`<?xml version="1.0" encoding="ISO-8859-1"?><methodCall><methodName>test.echo</methodName><params><param><value>`+text+`</value></param></params></methodCall>`))
		if want := show(xmlrpc.Array(xmlrpc.String(text))); got.text != want {
			t.Errorf("UTF-8 that says ISO-8859-1: answered %.100s…, want %.100s…", got.text, want)
		}
	})
	t.Run("invalid byte", func(t *testing.T) {
		s := serve(t, config{})
		got := post(t, s.URL, strings.NewReader(value(strings.Repeat("x", 2<<20)+"\xff")))
		if !strings.HasPrefix(got.text, "fault -32700: ") {
			t.Errorf("answered %.100s…, want -32700", got.text)
		}
	})
}

func TestSpoolIsSwept(t *testing.T) {
	dir := t.TempDir()
	stale, other := filepath.Join(dir, "quillgate-body-17.tmp"), filepath.Join(dir, "other.tmp")
	for _, name := range []string{stale, other} {
		if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	serve(t, config{SpoolDir: dir})
	if _, err := os.Stat(stale); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a body of an earlier process is still there: %v", err)
	}
	if _, err := os.Stat(other); err != nil {
		t.Errorf("a file of another process is gone: %v", err)
	}
}

func TestSpoolIsMissing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "gone")
	s := serve(t, config{SpoolDir: dir, SpoolAbove: 10})
	if got := post(t, s.URL, request("demo.sayHello")); !strings.HasPrefix(got.text, "fault -32603: ") || strings.Contains(got.text, "gone") {
		t.Errorf("answered %d %q, want an inner error without the path", got.status, got.text)
	}
}

// talk sends raw bytes, and returns the status line and the rest of the answer.
func talk(t *testing.T, s net.Addr, shut bool, text string) string {
	t.Helper()
	c, err := net.Dial("tcp", s.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	if shut {
		// The server may have closed the connection by now.
		_ = c.(*net.TCPConn).CloseWrite()
	}
	// A server that closes a connection with unread bytes resets it.
	out, _ := io.ReadAll(c)
	return string(out)
}

// TestBodiesThatDoNotArrive: truncated and stalled uploads are answered outside
// of XML-RPC, the connection is closed, and nothing is left.
func TestBodiesThatDoNotArrive(t *testing.T) {
	before := runtime.NumGoroutine()
	dir := t.TempDir()
	var j journal
	cfg := config{SpoolDir: dir, SpoolAbove: 1000, MaxBody: 1 << 20, Observe: j.observe}
	patient := serve(t, cfg)
	cfg.BodyGrace, cfg.BodyRate = 20*time.Millisecond, 1<<20
	hasty := serve(t, cfg)
	const start = "POST / HTTP/1.1\r\nHost: x\r\n"
	part := strings.Repeat("x", 5000)
	for _, c := range []struct {
		name, text string
		shut       bool
		want       string
	}{
		{"shorter than it says", start + "Content-Length: 6000\r\n\r\n" + part, true, "HTTP/1.1 400 "},
		{"chunks without end", start + "Transfer-Encoding: chunked\r\n\r\n1388\r\n" + part + "\r\n", true, "HTTP/1.1 400 "},
		{"broken chunk", start + "Transfer-Encoding: chunked\r\n\r\nzz\r\n" + part, true, "HTTP/1.1 400 "},
		{"stuck", start + "Content-Length: 6000\r\n\r\n" + part, false, "HTTP/1.1 408 "},
		{"stuck from the start", start + "Content-Length: 6000\r\n\r\n", false, "HTTP/1.1 408 "},
		{"asks and does not send", start + "Expect: 100-continue\r\nContent-Length: 6000\r\n\r\n", false, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 408 "},
		{"asks for too much", start + "Expect: 100-continue\r\nContent-Length: 6000000\r\n\r\n", false, "HTTP/1.1 413 "},
		{"announces too much", start + "Content-Length: 6000000\r\n\r\n" + part, true, "HTTP/1.1 413 "},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := hasty
			if c.shut {
				s = patient // the client closes the connection, which is visible here
			}
			got := talk(t, s.Listener.Addr(), c.shut, c.text)
			if !strings.HasPrefix(got, c.want) || !strings.Contains(got, "\r\nConnection: close\r\n") {
				t.Errorf("answered %q, want %q and the connection closed", got, c.want)
			}
		})
	}
	patient.Close()
	hasty.Close()
	http.DefaultClient.CloseIdleConnections()
	if names, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(names) > 0 {
		t.Errorf("left in the spool: %v %v", names, err)
	}
	for wait := time.Now().Add(time.Minute); runtime.NumGoroutine() > before; {
		if time.Now().After(wait) {
			stacks := make([]byte, 1<<16)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
		runtime.Gosched()
	}
}

// patiently repeats, with longer and longer limits, something that must finish
// within a time limit: a busy machine may exceed a short one by chance. It logs
// the number of tries; the nightly run fails if there was more than one.
func patiently(t *testing.T, try func(t *testing.T, limit time.Duration) error) {
	t.Helper()
	tries := 0
	var first, err error
	for limit := 20 * time.Millisecond; limit < 10*time.Second; limit *= 4 {
		tries++
		if err = try(t, limit); err == nil {
			break
		}
		if first == nil {
			first = err
		}
	}
	t.Logf("tries: %d", tries)
	if err != nil {
		t.Error(err)
	} else if tries > 1 && os.Getenv("QUILLGATE_TEST_NIGHTLY") != "" {
		t.Errorf("the first try: %v", first)
	}
}

// TestSlowBody: a body that arrives at the required rate is accepted, even if
// it takes longer than the grace period.
func TestSlowBody(t *testing.T) {
	patiently(t, func(t *testing.T, grace time.Duration) error {
		s := serve(t, config{BodyGrace: grace, BodyRate: 100})
		body := xmlrpc.AppendCall(nil, "demo.sayHello")
		c, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body)+2000, body)
		tick := time.NewTicker(grace / 4)
		defer tick.Stop()
		for range 10 {
			<-tick.C
			if _, err := io.WriteString(c, strings.Repeat(" ", 200)); err != nil {
				return err
			}
		}
		line, err := bufio.NewReader(c).ReadString('\n')
		if err != nil || line != "HTTP/1.1 200 OK\r\n" {
			return fmt.Errorf("with a grace of %v answered %q, %v", grace, line, err)
		}
		return nil
	})
}

// TestKeepAlive: the deadlines of one request do not affect the next.
func TestKeepAlive(t *testing.T) {
	patiently(t, func(t *testing.T, limit time.Duration) error {
		s := serve(t, config{BodyGrace: limit, WriteTime: limit, Methods: []method{
			{Name: "test.wait", Func: func(ctx context.Context, _ *call) (xmlrpc.Value, error) {
				select {
				case <-ctx.Done():
					return xmlrpc.Value{}, ctx.Err()
				case <-time.After(2 * limit):
					return xmlrpc.String("waited"), nil
				}
			}},
		}})
		client := s.Client()
		for range 3 {
			resp, err := client.Post(s.URL, "text/xml", request("test.wait"))
			if err != nil {
				return err
			}
			if got := read(t, resp); got.text != `"waited"` {
				return fmt.Errorf("within %v answered %d %q", limit, got.status, got.text)
			}
		}
		return nil
	})
}

// TestMemory: calls with large texts wait for each other, but not for ever.
func TestMemory(t *testing.T) {
	inside, leave := make(chan struct{}, 2), make(chan struct{})
	s := serve(t, config{Memory: 4 << 20, MemoryWait: 200 * time.Millisecond, Methods: []method{
		{Name: "test.hold", Func: func(_ context.Context, c *call) (xmlrpc.Value, error) {
			inside <- struct{}{}
			<-leave
			return xmlrpc.Int(int64(len(c.Param(0).Text()))), nil
		}},
	}})
	large := func() io.Reader { return request("test.hold", xmlrpc.String(strings.Repeat("x", 3<<20))) }
	var first answer
	var wait sync.WaitGroup
	wait.Go(func() { first = post(t, s.URL, large()) })
	<-inside
	second := post(t, s.URL, large())
	if second.status != 503 || second.header.Get("Retry-After") == "" {
		t.Errorf("a second large text: %d %v, want 503 and Retry-After", second.status, second.header)
	}
	if got := post(t, s.URL, request("demo.sayHello")); got.text != `"Hello!"` {
		t.Errorf("a small call at the same time: %d %q", got.status, got.text)
	}
	close(leave)
	wait.Wait()
	if first.text != "int 3145728" {
		t.Errorf("the first: %d %q", first.status, first.text)
	}
	if got := post(t, s.URL, large()); got.text != "int 3145728" {
		t.Errorf("afterwards: %d %q", got.status, got.text)
	}
}

func TestSpoolTotal(t *testing.T) {
	s := serve(t, config{SpoolAbove: 1000, SpoolTotal: 100 << 10})
	body := func(n int) io.Reader { return request("demo.sayHello", xmlrpc.String(strings.Repeat("x", n))) }
	for range 2 {
		if got := post(t, s.URL, body(200<<10)); got.status != 503 {
			t.Errorf("more than the spool holds: %d %q, want 503", got.status, got.text)
		}
		if got := post(t, s.URL, body(90<<10)); got.text != `"Hello!"` {
			t.Errorf("a body in the spool: %d %q", got.status, got.text)
		}
	}
}

// TestManyAtOnce serves many clients with bodies of all sizes at the same time.
func TestManyAtOnce(t *testing.T) {
	s := serve(t, config{SpoolAbove: 100 << 10, Memory: 1 << 20})
	var wait sync.WaitGroup
	for i := range 24 {
		wait.Go(func() {
			text := strings.Repeat(fmt.Sprintf("%02d<é>", i), 1<<(i%16))
			got := post(t, s.URL, request("test.echo", xmlrpc.String(text), xmlrpc.Bytes([]byte(text))))
			if want := show(xmlrpc.Array(xmlrpc.String(text), xmlrpc.Bytes([]byte(text)))); got.text != want {
				t.Errorf("client %d: answered %d %.100s…, want %.100s…", i, got.status, got.text, want)
			}
		})
	}
	wait.Wait()
}
