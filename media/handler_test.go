package media_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/database/databasetest"
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

func TestHandlerTypes(t *testing.T) { eachStore(t, testHandlerTypes) }

func testHandlerTypes(t *testing.T, p place) {
	db := databasetest.Open(t, databasetest.SQLite(t))
	s := p.open(t)
	l := library(t, db, s)
	h := l.Handler(prefix, nil)
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
		info := store(t, db, l, "2024/01/"+test.name, test.content)
		r := get(t, h, "GET", prefix+info.Name)
		tag := r.Header.Get("ETag")
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
		if r := get(t, h, "GET", prefix+info.Name, "If-None-Match", tag); r.StatusCode != 304 {
			t.Errorf("%s: unchanged, and status %d", test.name, r.StatusCode)
		}
		// Without its row, a file is inspected, and browsers see no difference.
		if _, err := db.Exec(t.Context(), `DELETE FROM media_files`); err != nil {
			t.Fatal(err)
		}
		again := get(t, h, "GET", prefix+info.Name)
		for _, name := range []string{"Content-Type", "Content-Disposition", "Content-Security-Policy", "Content-Length", "Cache-Control"} {
			if got, want := again.Header.Get(name), r.Header.Get(name); got != want {
				t.Errorf("%s without its row: %s: %q, want %q", test.name, name, got, want)
			}
		}
		if body(t, again) != test.content {
			t.Errorf("%s without its row: other bytes", test.name)
		}
	}
}

func TestHandlerProtocol(t *testing.T) { eachStore(t, testHandlerProtocol) }

func testHandlerProtocol(t *testing.T, p place) {
	db := databasetest.Open(t, databasetest.SQLite(t))
	s := p.open(t)
	l := library(t, db, s)
	h := l.Handler(prefix, nil)
	store(t, db, l, "2024/01/note.txt", "0123456789")
	store(t, db, l, "2024/01/übung.txt", "accents")
	store(t, db, l, "2024/01/gone.txt", "gone")
	if err := s.Remove(t.Context(), "2024/01/gone.txt"); err != nil {
		t.Fatal(err)
	}
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
		{"range from the end", "GET", "2024/01/note.txt", []string{"Range", "bytes=-3"}, result{206, "789"}},
		{"range of something else", "GET", "2024/01/note.txt", []string{"Range", "bytes=2-4", "If-Range", `"x"`}, result{200, "0123456789"}},
		{"changed", "GET", "2024/01/note.txt", []string{"If-Match", `"x"`}, result{412, ""}},
		{"row without a file", "GET", "2024/01/gone.txt", nil, result{404, "404 page not found\n"}},
		{"missing", "GET", "2024/01/none.txt", nil, result{404, "404 page not found\n"}},
		{"folder", "GET", "2024/01/", nil, result{404, "404 page not found\n"}},
		{"folder without slash", "GET", "2024/01", nil, result{404, "404 page not found\n"}},
		{"root", "GET", "", nil, result{404, "404 page not found\n"}},
		{"hidden", "GET", ".pending/place", nil, result{404, "404 page not found\n"}},
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
