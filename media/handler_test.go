package media_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/media"
)

const prefix = "/wp-content/uploads/"

func get(t *testing.T, h http.Handler, method, path string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, "http://blog.example/", nil)
	r.URL.Path = path
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestHandlerTypes(t *testing.T) {
	store := openFolder(t, t.TempDir())
	h := media.Handler(store, prefix)
	gif := "GIF89a\x01\x00\x01\x00\x80\x00\x00"
	for _, test := range []struct {
		name, content string
		wantType      string
		download      bool
	}{
		{"a.gif", gif, "image/gif", false},
		{"a.png", "not a picture", "image/png", false},
		{"note.txt", "hello", "text/plain; charset=utf-8", false},
		{"empty.txt", "", "text/plain", false},
		{"a.mp3", "ID3", "audio/mpeg", false},
		{"a.pdf", "%PDF-1.4", "application/pdf", false},
		{"a.zip", "PK\x03\x04", "application/zip", true},
		{"a.html", "<p>x</p>", "text/html; charset=utf-8", true},
		{"a.js", "alert(1)", "application/javascript", true},
		{"a.svg", "<svg/>", "application/octet-stream", true},
		{"a.php", "<?php", "application/octet-stream", true},
		{"noext", "x", "application/octet-stream", true},
		{"a.dfxp", "<tt/>", "application/ttaf+xml", true},
		{"page.png", "<html><script>alert(1)</script>", "image/png", true},
		{"page.txt", "<!DOCTYPE html><script>alert(1)</script>", "text/plain; charset=utf-8", true},
		{"drawing.jpg", `<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`, "image/jpeg", true},
		{"feed.txt", `<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"/>`, "text/plain", true},
	} {
		info := create(t, store, "2024/01/"+test.name, test.content)
		r := get(t, h, "GET", prefix+info.Name)
		if r.StatusCode != 200 || body(t, r) != test.content {
			t.Errorf("%s: status %d, or other bytes", test.name, r.StatusCode)
		}
		if got := r.Header.Get("Content-Type"); got != test.wantType {
			t.Errorf("%s: type %q, want %q", test.name, got, test.wantType)
		}
		if r.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: browsers may guess the type", test.name)
		}
		download := r.Header.Get("Content-Disposition") == "attachment" && strings.Contains(r.Header.Get("Content-Security-Policy"), "sandbox")
		if download != test.download {
			t.Errorf("%s: download is %v, want %v", test.name, download, test.download)
		}
	}
}

func TestHandlerProtocol(t *testing.T) {
	store := openFolder(t, t.TempDir())
	h := media.Handler(store, prefix)
	create(t, store, "2024/01/note.txt", "0123456789")
	create(t, store, "2024/01/übung.txt", "accents")
	full := get(t, h, "GET", prefix+"2024/01/note.txt")
	tag := full.Header.Get("ETag")
	if tag == "" || full.Header.Get("Last-Modified") == "" || full.Header.Get("Content-Length") != "10" {
		t.Errorf("headers: %v", full.Header)
	}
	if got := full.Header.Get("Cache-Control"); got != "public, max-age=3600" {
		t.Errorf("a file may be kept: %q", got)
	}
	if got := get(t, h, "GET", prefix+"2024/01/none.txt").Header.Get("Cache-Control"); got != "" {
		t.Errorf("that a file is missing may be kept: %q", got)
	}
	type result struct {
		Status int
		Body   string
	}
	for _, test := range []struct {
		name, method, path string
		header             []string
		want               result
	}{
		{"head", "HEAD", "2024/01/note.txt", nil, result{200, ""}},
		{"range", "GET", "2024/01/note.txt", []string{"Range", "bytes=2-4"}, result{206, "234"}},
		{"range beyond", "GET", "2024/01/note.txt", []string{"Range", "bytes=20-"}, result{416, "invalid range: failed to overlap\n"}},
		{"unchanged", "GET", "2024/01/note.txt", []string{"If-None-Match", tag}, result{304, ""}},
		{"accents", "GET", "2024/01/übung.txt", nil, result{200, "accents"}},
		{"missing", "GET", "2024/01/none.txt", nil, result{404, "404 page not found\n"}},
		{"folder", "GET", "2024/01/", nil, result{404, "404 page not found\n"}},
		{"folder without slash", "GET", "2024/01", nil, result{404, "404 page not found\n"}},
		{"root", "GET", "", nil, result{404, "404 page not found\n"}},
		{"hidden", "GET", ".pending/lock", nil, result{404, "404 page not found\n"}},
		{"upwards", "GET", "../../etc/passwd", nil, result{404, "404 page not found\n"}},
		{"NUL", "GET", "2024/01/note.txt\x00.png", nil, result{404, "404 page not found\n"}},
		{"post", "POST", "2024/01/note.txt", nil, result{405, "Only GET and HEAD are allowed.\n"}},
		{"delete", "DELETE", "2024/01/note.txt", nil, result{405, "Only GET and HEAD are allowed.\n"}},
	} {
		r := get(t, h, test.method, prefix+test.path, test.header...)
		if diff := cmp.Diff(test.want, result{r.StatusCode, body(t, r)}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
	if r := get(t, h, "GET", "/elsewhere/2024/01/note.txt"); r.StatusCode != 404 {
		t.Errorf("outside of the prefix: %d", r.StatusCode)
	}
}
