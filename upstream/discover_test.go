package upstream_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/quillgate/quillgate/upstream"
)

func TestDiscoverFindsTheEndpoint(t *testing.T) {
	rsd := func(api string) string {
		return fmt.Sprintf(`<?xml version="1.0"?><rsd version="1.0" xmlns="http://archipelago.phrasewise.com/rsd"><service><homePageLink>/</homePageLink><apis>
<api name="WP-API" preferred="true" apiLink="/wp-json/"/><api name="Blogger" preferred="false" apiLink="/other"/><api name="WordPress" preferred="true" apiLink="%s"/></apis></service></rsd>`, api)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/linked/", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<!-- <link rel="EditURI" href="/wrong"> --><html><head><link rel="EditURI" type="application/rsd+xml" href="/linked/rsd.xml?a=1&amp;b=2"></head>`)
	})
	mux.HandleFunc("/linked/rsd.xml", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, rsd("/deep/xmlrpc.php")) })
	mux.HandleFunc("/plain/", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/plain/xmlrpc.php" {
			w.WriteHeader(http.StatusMethodNotAllowed)
			fmt.Fprint(w, "XML-RPC server accepts POST requests only.")
		}
	})
	mux.HandleFunc("/noisy/xmlrpc.php", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "<b>Warning</b>: something\n"+rsd("http://inner.invalid/xmlrpc.php"))
	})
	mux.HandleFunc("/moved/", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/noisy/xmlrpc.php?rsd", http.StatusMovedPermanently)
	})
	mux.HandleFunc("/loop/", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop/", http.StatusFound) })
	srv := httptest.NewServer(mux)
	defer srv.Close()

	for _, c := range []struct{ path, endpoint, home string }{
		{"/linked/", "/deep/xmlrpc.php", "/linked/"},
		{"/plain", "/plain/xmlrpc.php", "/plain/"},
		{"/plain/xmlrpc.php", "/plain/xmlrpc.php", "/plain/"},
		{"/noisy/xmlrpc.php", "/noisy/xmlrpc.php", "/noisy/"},
		{"/moved/xmlrpc.php", "/noisy/xmlrpc.php", "/noisy/"},
	} {
		got, err := upstream.Discover(t.Context(), http.DefaultTransport, srv.URL+c.path)
		if want := (upstream.Place{Endpoint: srv.URL + c.endpoint, Home: srv.URL + c.home}); err != nil || got != want {
			t.Errorf("%s: got %+v, %v; want %+v", c.path, got, err, want)
		}
	}
	for _, path := range []string{"/nothing/here.php", "/loop/"} {
		if got, err := upstream.Discover(t.Context(), http.DefaultTransport, srv.URL+path); !errors.Is(err, upstream.ErrNoEndpoint) {
			t.Errorf("%s: got %+v, %v", path, got, err)
		}
	}
}
