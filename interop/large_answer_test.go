package interop

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
)

const (
	largePosts  = 8         // and the number of revisions of the first one
	largePost   = 7 << 20   // bytes of each text
	answerBound = 120 << 20 // the limit for the resident memory of the process
)

// Callers can request as much as they like: lists of more than 100 MB are
// answered completely, while the process holds one post at a time.
func TestLargeAnswersInBoundedMemory(t *testing.T) {
	t.Setenv("GOMEMLIMIT", "48MiB") // garbage is collected early, so resident memory is needed memory
	p := start(t, seed(t, ""))
	create := asAdmin("wp.newPost", object("post_title", str("large"), "post_status", str("publish"), "post_content", str(strings.Repeat("text ", largePost/5))))
	var first string
	for range largePosts {
		answer := string(p.answer(t, create).head)
		if id := betweenTags(answer, "string"); first == "" {
			first = id
		}
	}
	revisions := asAdmin("wp.getRevisions", num(first), list(str("post_id")))
	old := betweenTags(string(p.answer(t, revisions).head), "string")
	p.answer(t, asAdmin("wp.editPost", num(first), object("post_content", str("short"))))
	for range largePosts - 1 { // restoring creates a revision, and needs no upload
		p.answer(t, asAdmin("wp.restoreRevision", num(old)))
		p.answer(t, asAdmin("wp.editPost", num(first), object("post_content", str("short"))))
	}
	for _, ask := range []struct{ name, call string }{
		{"revisions", asAdmin("wp.getRevisions", num(first), list(str("post_id"), str("post_content")))},
		{"posts", asAdmin("wp.getPosts", object("number", num("1000")), list(str("post_id"), str("post_content")))},
	} {
		forgetPeak(t, p)
		got := p.answer(t, ask.call)
		peak := peakMemory(t, p)
		t.Logf("%s: %d MiB answered with at most %d MiB resident", ask.name, got.bytes>>20, peak>>20)
		if got.bytes < 50e6 || !bytes.HasSuffix(bytes.TrimSpace(got.tail), []byte("</methodResponse>")) {
			t.Errorf("%s: %d bytes that end with %q, want more than 50 MB, to the end", ask.name, got.bytes, got.tail)
		}
		if peak > answerBound {
			t.Errorf("%s: the process had %d MiB resident for %d MiB of answer, want %d at most", ask.name, peak>>20, got.bytes>>20, answerBound>>20)
		}
	}
}

// received keeps the beginning, the end and the length of an answer.
type received struct {
	head, tail []byte
	bytes      int64
}

func (r *received) Write(p []byte) (int, error) {
	r.bytes += int64(len(p))
	r.head = append(r.head, p[:min(len(p), 2000-len(r.head))]...)
	end := append(r.tail, p[max(0, len(p)-100):]...)
	r.tail = end[max(0, len(end)-100):]
	return len(p), nil
}

// answer calls a method, and fails the test if it is refused.
func (p *process) answer(t *testing.T, call string) *received {
	t.Helper()
	resp, err := http.Post(p.endpoint, "text/xml", strings.NewReader(call))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var r received
	if _, err := io.Copy(&r, resp.Body); err != nil || resp.StatusCode != http.StatusOK || bytes.Contains(r.head, []byte("<fault>")) {
		t.Fatalf("%s, %v: %s", resp.Status, err, r.head)
	}
	return &r
}

// betweenTags returns the text of the first element with a name.
func betweenTags(text, name string) string {
	_, rest, _ := strings.Cut(text, "<"+name+">")
	inside, _, _ := strings.Cut(rest, "</"+name+">")
	return inside
}

// forgetPeak makes peakMemory start again from the memory that is resident now.
func forgetPeak(t *testing.T, p *process) {
	t.Helper()
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.cmd.Process.Pid), []byte("5"), 0); err != nil {
		t.Fatal(err)
	}
}
