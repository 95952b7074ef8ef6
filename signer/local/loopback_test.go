package local_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/quillgate/quillgate/signer/local"
)

// The page, like the endpoint, is for a person on this computer: a web page can
// neither read it nor post to it, under any name.
func TestPageRefusesWebPages(t *testing.T) {
	p := newProxy(t, local.WordPress, newBlog(t, hello).URL+"/xmlrpc.php", nil)
	for _, tt := range []struct {
		method, field, value string
		status               int
	}{
		{"GET", "", "", 200},
		{"GET", "Host", "localhost:8787", 200},
		{"GET", "Host", "[::1]:8787", 200},
		{"GET", "Sec-Fetch-Site", "none", 200},
		{"GET", "Sec-Fetch-Site", "same-origin", 200},
		{"GET", "Host", "blog.example", 421},
		{"GET", "Host", "localhost.blog.example:8787", 421},
		{"GET", "Host", "127.0.0.1.blog.example", 421},
		{"GET", "Host", "192.0.2.1:8787", 421},
		{"GET", "Origin", "https://blog.example", 403},
		{"GET", "Origin", "null", 403},
		{"GET", "Sec-Fetch-Site", "cross-site", 403},
		{"GET", "Sec-Fetch-Site", "same-site", 403},
		{"POST", "Origin", "https://blog.example", 403},
		{"POST", "Sec-Fetch-Site", "same-origin", 403},
		{"OPTIONS", "Origin", "https://blog.example", 403},
	} {
		for _, path := range []string{"/", "/blog/xmlrpc.php?rsd"} {
			t.Run(fmt.Sprint(tt.method, path, tt.field, tt.value), func(t *testing.T) {
				req, err := http.NewRequestWithContext(t.Context(), tt.method, p.URL+path, nil)
				if err != nil {
					t.Fatal(err)
				}
				switch tt.field {
				case "":
				case "Host":
					req.Host = tt.value
				default:
					req.Header.Set(tt.field, tt.value)
				}
				resp, err := p.Client().Do(req)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				text, err := io.ReadAll(resp.Body)
				if err != nil {
					t.Fatal(err)
				}
				if resp.StatusCode != tt.status || tt.status != 200 && bytes.Contains(text, []byte("/blog/")) || resp.Header.Get("Access-Control-Allow-Origin") != "" {
					t.Errorf("status %d, want %d: %.200s", resp.StatusCode, tt.status, text)
				}
			})
		}
	}
}
