package local_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/quillgate/quillgate/signer/local"
	"github.com/quillgate/quillgate/xmlrpc"
)

// What a call costs on its way through the signer, next to a proxy that only
// passes it on.
func BenchmarkProxy(b *testing.B) {
	answer := xmlrpc.AppendResponse(nil, xmlrpc.Array(xmlrpc.Struct(xmlrpc.M("blogid", xmlrpc.String("1")), xmlrpc.M("text", xmlrpc.String(strings.Repeat("text ", 200))))))
	blog := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/xml")
		w.Header().Set("Content-Length", fmt.Sprint(len(answer)))
		_, _ = w.Write(answer)
	}))
	defer blog.Close()
	home, err := url.Parse(blog.URL)
	if err != nil {
		b.Fatal(err)
	}
	transport, err := local.NewTransport(nil, "")
	if err != nil {
		b.Fatal(err)
	}
	plain := httptest.NewServer(&httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(home) }})
	defer plain.Close()
	body := xmlrpc.AppendCall(nil, "metaWeblog.getRecentPosts", xmlrpc.String("1"), xmlrpc.String("ada"), xmlrpc.String(localPassword), xmlrpc.Int(10))
	b.Run("passed on", func(b *testing.B) { benchmarkCalls(b, plain.Client(), plain.URL, body) })
	for _, kind := range []local.Kind{local.WordPress, local.Plugin} {
		b.Run(string(kind), func(b *testing.B) {
			p := newProxy(b, kind, blog.URL+"/xmlrpc.php", nil)
			benchmarkCalls(b, p.Client(), p.URL+"/blog/xmlrpc.php", body)
		})
	}
}

func benchmarkCalls(b *testing.B, client *http.Client, address string, body []byte) {
	b.ReportAllocs()
	for b.Loop() {
		resp, err := client.Post(address, "text/xml", bytes.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			b.Fatal(err)
		}
		resp.Body.Close()
	}
}
