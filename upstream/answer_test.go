package upstream_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quillgate/quillgate/upstream"
	"github.com/quillgate/quillgate/xmlrpc"
)

// memory is a store for tests.
type memory struct{ bytes.Buffer }

func (m *memory) ReadAt(p []byte, off int64) (int, error) {
	return bytes.NewReader(m.Bytes()).ReadAt(p, off)
}

// read judges an answer as it came over the socket.
func read(t testing.TB, raw []byte) (*upstream.Answer, error) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, "http://blog.example/xmlrpc.php", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(raw)), req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return upstream.Read(resp, new(memory), 64<<20)
}

// judged says in one line what became of an answer.
func judged(a *upstream.Answer, err error) string {
	trouble := (*upstream.Trouble)(nil)
	switch {
	case errors.As(err, &trouble):
		return fmt.Sprintf("%d %s", trouble.Code, map[upstream.Outcome]string{upstream.NotDone: "not done", upstream.Unknown: "unknown"}[trouble.Outcome])
	case err != nil:
		return err.Error()
	case a.Fault != nil:
		return fmt.Sprintf("fault %d", a.Fault.Code)
	}
	return "answer"
}

// Each line is what a WordPress really sent.
func TestAnswersOfAWordPressAreJudged(t *testing.T) {
	want := map[string]string{
		"ok-profile": "answer", "ok-after": "answer", "ok-gzip": "answer", "php-deprecated-after": "answer",
		"content-type-html": "answer", "content-length-long": "answer",
		"php-notice-before": "answer", "php-warning-text-before": "answer", "notice-from-config": "answer",
		"bom-before": "answer", "blank-lines-before": "answer", "html-comment-after": "answer",
		"wrong-password": "fault 403", "notice-and-fault": "fault 403", "wp-die": "fault 403", "wp-die-after-insert": "fault 403",
		"bad-xml": "fault -32700", "methods-removed": "fault -32601", "xmlrpc-disabled": "fault 405",
		"fatal-handled": "fault 500", "fatal-after-insert": "fault 500", "max-execution-time": "fault 500", "memory-limit": "fault 500",
		"maintenance": "503 not done", "database-down": "503 not done", "not-installed": "503 not done", "empty-200": "503 unknown",
		"fatal-before-load": "502 unknown", "fatal-without-handler": "502 unknown", "fatal-displayed": "502 unknown",
		"cut-in-the-middle": "502 unknown", "content-length-short": "502 unknown",
		"timeout-before-insert": "504 unknown", "timeout-after-insert": "504 unknown", "gateway-timeout": "504 unknown",
		"killed-after-insert": "502 unknown", "died-before-answer": "502 unknown", "host-502": "502 unknown", "host-503": "503 unknown",
		"get-405": "503 not done", "options": "503 not done", "host-405": "503 not done", "host-static": "503 not done",
		"host-403": "503 not done", "plugin-403-html": "503 not done", "host-404": "503 not done", "host-406": "503 not done",
		"host-410": "503 not done", "host-413": "413 not done", "host-429": "429 not done", "host-basic": "503 not done",
		"login-redirect": "502 not done", "host-301": "502 not done", "host-302": "502 not done", "host-308": "502 not done",
	}
	lines, err := filepath.Glob("testdata/lines/*.http")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range lines {
		name := strings.TrimSuffix(filepath.Base(path), ".http")
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if len(raw) == 0 {
			continue // a connection that closes without a byte is an error of Send
		}
		a, err := read(t, raw)
		if got := judged(a, err); got != want[name] {
			t.Errorf("%s: got %q, want %q (%v)", name, got, want[name], err)
		}
		delete(want, name)
		if err != nil {
			continue
		}
		document, err := io.ReadAll(a.Document())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := xmlrpc.DecodeResponse(document, xmlrpc.Limits{}); err != nil && !errors.As(err, new(*xmlrpc.Fault)) {
			t.Errorf("%s: the forwarded answer does not decode: %v", name, err)
		}
		if !bytes.HasSuffix(document, []byte("</methodResponse>")) {
			t.Errorf("%s: the forwarded answer ends with %q", name, document[max(0, len(document)-30):])
		}
	}
	for name := range want {
		t.Errorf("%s is not among the recorded answers", name)
	}
}

func answerOf(body string) []byte {
	return []byte(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
}

// A post may quote an answer. When the real answer is cut, the quoted one must
// not take its place.
func TestQuotedAnswerIsNotTheAnswer(t *testing.T) {
	whole := string(xmlrpc.AppendResponse(nil, xmlrpc.Int(1)))
	cut := `<?xml version="1.0"?><methodResponse><params><param><value><string><![CDATA[` + whole
	if got := judged(read(t, answerOf(cut))); got != "502 unknown" {
		t.Errorf("got %q", got)
	}
}

func TestTroubleIsToldWithItsOutcome(t *testing.T) {
	_, err := read(t, answerOf(""))
	trouble := (*upstream.Trouble)(nil)
	if !errors.As(err, &trouble) {
		t.Fatal(err)
	}
	if f := trouble.Fault(true); !strings.Contains(f.Message, "not known") || f.Code == 403 {
		t.Errorf("a call that changes something gets %v", f)
	}
	if f := trouble.Fault(false); strings.Contains(f.Message, "not known") {
		t.Errorf("a call that only reads gets %v", f)
	}
}

func TestAnswerIsBounded(t *testing.T) {
	req, err := http.NewRequest(http.MethodPost, "http://blog.example/xmlrpc.php", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp := &http.Response{StatusCode: 200, Header: http.Header{}, Request: req, Body: io.NopCloser(strings.NewReader(strings.Repeat("x", 1<<20)))}
	store := new(memory)
	if got := judged(upstream.Read(resp, store, 1000)); got != "502 unknown" || store.Len() > 64<<10 {
		t.Errorf("got %q with %d bytes stored", got, store.Len())
	}
}

func FuzzRead(f *testing.F) {
	lines, err := filepath.Glob("testdata/lines/*.http")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range lines {
		raw, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		if _, body, ok := bytes.Cut(raw, []byte("\r\n\r\n")); ok {
			f.Add(body)
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := read(t, answerOf(string(body)))
		if err != nil {
			return
		}
		document, err := io.ReadAll(a.Document())
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(body, document) {
			t.Fatal("the forwarded answer differs from the original")
		}
	})
}
