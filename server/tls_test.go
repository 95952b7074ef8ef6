package server_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/server"
	"github.com/quillgate/quillgate/server/servertest"
	"github.com/quillgate/quillgate/xmlrpc"
)

func rootsOf(t *testing.T, file string) *x509.CertPool {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return pool
}

// Changed files are read again, at once on request. Files that do not belong
// together change nothing.
func TestH6FilesAreReadAgain(t *testing.T) {
	folder := t.TempDir()
	certFile, keyFile := writeCertificate(t, folder, "blog.example")
	old := rootsOf(t, certFile)
	clock := databasetest.NewClock(time.Now())
	var log servertest.Log
	s := newServer(t, server.Config{
		Blog: open(t, "", nil), Logger: servertest.Logger(&log), ThrottleExempt: onLoopback,
		Clock: clock.Now, TLS: &server.TLS{CertFile: certFile, KeyFile: keyFile},
	})
	secure := listen(t)
	run(t, s, server.Listeners{Secure: secure})
	address := secure.Addr().String()
	if served(address, "blog.example", old) == nil {
		t.Fatal("the certificate is not served")
	}
	checkVersions(t, address, old)

	writeCertificate(t, folder, "blog.example")
	renewed := rootsOf(t, certFile)
	if served(address, "blog.example", renewed) != nil {
		t.Error("the files are looked at for every connection")
	}
	clock.Add(time.Minute)
	if served(address, "blog.example", renewed) == nil {
		t.Error("the files have changed, and the old certificate is served")
	}
	if err := os.WriteFile(keyFile, []byte("half a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	clock.Add(time.Minute)
	if served(address, "blog.example", renewed) == nil || !strings.Contains(log.String(), "stays") {
		t.Errorf("a broken key file has taken the certificate away; the log:\n%s", &log)
	}
	if err := s.Reload(); err == nil {
		t.Error("a broken key file is read again without an error")
	}
	writeCertificate(t, folder, "blog.example")
	if err := s.Reload(); err != nil {
		t.Error(err)
	}
	if served(address, "blog.example", rootsOf(t, certFile)) == nil {
		t.Error("told to read the files again, it serves the old certificate")
	}
	if strings.Contains(log.String(), "PRIVATE KEY") {
		t.Error("the log holds a key")
	}
}

func TestH6KeyFileOpenToOthers(t *testing.T) {
	certFile, keyFile := writeCertificate(t, t.TempDir(), "blog.example")
	blog := open(t, "", nil)
	for _, tt := range []struct {
		mode fs.FileMode
		fine bool
	}{{0o600, true}, {0o400, true}, {0o640, true}, {0o644, false}, {0o604, false}, {0o660, false}, {0o601, false}} {
		if err := os.Chmod(keyFile, tt.mode); err != nil {
			t.Fatal(err)
		}
		_, err := server.New(server.Config{Blog: blog, TLS: &server.TLS{CertFile: certFile, KeyFile: keyFile}})
		if (err == nil) != tt.fine || err != nil && !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("mode %o: %v", tt.mode, err)
		}
	}
	for _, bad := range []server.TLS{
		{},
		{CertFile: certFile},
		{KeyFile: keyFile},
		{Domains: []string{"blog.example"}, CertFile: certFile, KeyFile: keyFile},
		{CertFile: filepath.Join(t.TempDir(), "none"), KeyFile: keyFile},
	} {
		if _, err := server.New(server.Config{Blog: blog, TLS: &bad}); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}

// Next to a TLS listener, the plain one redirects pages, and accepts calls from
// this machine only.
func TestH6PlainListener(t *testing.T) {
	certFile, keyFile := writeCertificate(t, t.TempDir(), "blog.example")
	blog := servertest.OpenBlog(t, "", server.BlogConfig{BaseURL: "https://blog.example:8443"})
	var log servertest.Log
	config := server.Config{Blog: blog, Logger: servertest.Logger(&log), TrustedProxies: onLoopback[:0], TLS: &server.TLS{CertFile: certFile, KeyFile: keyFile}}
	hello := string(xmlrpc.AppendCall(nil, "demo.sayHello"))
	for _, tt := range []struct {
		method, target, from, body string
		forwarded                  bool
		status                     int
		location, contains         string
	}{
		{"GET", "/", "192.0.2.1", "", false, 301, "https://blog.example:8443/", ""},
		{"HEAD", "/a/b?c=d%20e", "192.0.2.1", "", false, 301, "https://blog.example:8443/a/b?c=d%20e", ""},
		{"GET", "//evil.example/", "192.0.2.1", "", false, 301, "https://blog.example:8443//evil.example/", ""},
		{"GET", "/xmlrpc.php?rsd", "192.0.2.1", "", false, 301, "https://blog.example:8443/xmlrpc.php?rsd", ""},
		{"GET", "/", "127.0.0.1", "", false, 301, "https://blog.example:8443/", ""},
		{"POST", "/signin", "192.0.2.1", "password=hush", false, 403, "", "https://blog.example:8443"},
		{"POST", "/xmlrpc.php", "192.0.2.1", hello, false, 200, "", "https://blog.example:8443/xmlrpc.php"},
		{"POST", "/xmlrpc.php", "127.0.0.1", hello, true, 200, "", "over https only"},
		{"POST", "/xmlrpc.php", "127.0.0.1", hello, false, 200, "", "Hello!"},
		{"GET", "/healthz", "192.0.2.1", "", false, 200, "", "ok"},
		{"GET", "/readyz", "192.0.2.1", "", false, 200, "", "ready"},
		{"GET", "/.well-known/acme-challenge/x", "192.0.2.1", "", false, 301, "https://blog.example:8443/.well-known/acme-challenge/x", ""},
	} {
		r := httptest.NewRequest(tt.method, tt.target, strings.NewReader(tt.body))
		if strings.HasPrefix(tt.target, "//") {
			r = httptest.NewRequest(tt.method, "http://blog.example"+tt.target, nil)
		}
		r.RemoteAddr = tt.from + ":1234"
		if tt.forwarded {
			r.Header.Set("X-Forwarded-For", "192.0.2.1")
		}
		w := httptest.NewRecorder()
		newServer(t, config).Plain().ServeHTTP(w, r)
		if w.Code != tt.status || w.Header().Get("Location") != tt.location || !strings.Contains(w.Body.String(), tt.contains) {
			t.Errorf("%s %s from %s: got %d, Location %q\n%s\nwant %d, %q, %q", tt.method, tt.target, tt.from, w.Code, w.Header().Get("Location"), w.Body, tt.status, tt.location, tt.contains)
		}
		if w.Header().Get("Strict-Transport-Security") != "" {
			t.Errorf("%s %s: Strict-Transport-Security over plain HTTP", tt.method, tt.target)
		}
	}
	if !strings.Contains(log.String(), "refusal=clear-text") {
		t.Errorf("the log does not say why calls were refused:\n%s", &log)
	}
	config.FaultStatus = true
	r := post("demo.sayHello")
	r.RemoteAddr = "192.0.2.1:1"
	w := httptest.NewRecorder()
	newServer(t, config).Plain().ServeHTTP(w, r)
	if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "<int>403</int>") {
		t.Errorf("with statuses: got %d %s", w.Code, w.Body)
	}
}

// TLS works with HTTP/2 and HTTP/1.1, for the body of a signed upload, and with
// HSTS for browsers.
func TestH6OverTLS(t *testing.T) {
	certFile, keyFile := writeCertificate(t, t.TempDir(), "blog.example")
	s := newServer(t, server.Config{Blog: open(t, "", nil), HSTS: 48 * time.Hour, ThrottleExempt: onLoopback, TLS: &server.TLS{CertFile: certFile, KeyFile: keyFile}})
	secure := listen(t)
	run(t, s, server.Listeners{Secure: secure})
	for _, two := range []bool{false, true} {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: rootsOf(t, certFile)}, ForceAttemptHTTP2: two}
		client := &http.Client{Transport: transport}
		big := xmlrpc.AppendCall(nil, "demo.sayHello", xmlrpc.String(strings.Repeat("x", 3<<20)))
		for _, body := range []io.Reader{bytes.NewReader(big), io.MultiReader(bytes.NewReader(big))} { // with a length, and chunked
			resp, err := client.Post("https://"+secure.Addr().String()+"/xmlrpc.php", "text/xml", body)
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || !strings.Contains(string(text), "Hello!") || (resp.ProtoMajor == 2) != two {
				t.Errorf("%s: %v %s", resp.Proto, err, text)
			}
			if got := resp.Header.Get("Strict-Transport-Security"); got != "max-age=172800" {
				t.Errorf("Strict-Transport-Security is %q", got)
			}
		}
		transport.CloseIdleConnections()
	}
}

// The log warns about an unencrypted listener that others can eavesdrop on, but
// not with a proxy, with TLS, or on loopback.
func TestH6WarnsInClear(t *testing.T) {
	certFile, keyFile := writeCertificate(t, t.TempDir(), "blog.example")
	blog := open(t, "", nil)
	for _, tt := range []struct {
		name, address string
		config        server.Config
		warns         bool
	}{
		{"everywhere", "0.0.0.0:80", server.Config{}, true},
		{"loopback", "127.0.0.1:80", server.Config{}, false},
		{"a proxy", "0.0.0.0:80", server.Config{TrustedProxies: onLoopback}, false},
		{"TLS", "0.0.0.0:80", server.Config{TLS: &server.TLS{CertFile: certFile, KeyFile: keyFile}}, false},
	} {
		var log servertest.Log
		tt.config.Blog, tt.config.Logger = blog, servertest.Logger(&log)
		s := newServer(t, tt.config)
		ctx, stop := context.WithCancel(t.Context())
		stop()
		if err := s.Run(ctx, server.Listeners{Plain: elsewhere{listen(t), tt.address}}); err != nil {
			t.Error(err)
		}
		if got := strings.Contains(log.String(), "LISTENING UNENCRYPTED"); got != tt.warns {
			t.Errorf("%s: it warns: %v\n%s", tt.name, got, &log)
		}
	}
}

// elsewhere is a listener that pretends to have another address.
type elsewhere struct {
	net.Listener
	address string
}

func (e elsewhere) Addr() net.Addr {
	a, err := net.ResolveTCPAddr("tcp", e.address)
	if err != nil {
		panic(err)
	}
	return a
}

func TestVault(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, url string) {
		if !strings.HasPrefix(url, "postgres") {
			url = ""
		}
		ctx := t.Context()
		blog := open(t, url, nil)
		v, other := server.NewVault(blog), server.NewVault(blog)
		for _, name := range []string{"acme/ca/sites/a/a.key", "acme/ca/sites/a/a.crt", "acme/ca/users/x/x.json", "acme_other", "last"} {
			if err := v.Store(ctx, name, []byte("value of "+name)); err != nil {
				t.Fatal(err)
			}
		}
		if err := v.Store(ctx, "last", []byte("another")); err != nil {
			t.Fatal(err)
		}
		got, err := other.Load(ctx, "last")
		if err != nil || string(got) != "another" {
			t.Errorf("Load: %q, %v", got, err)
		}
		for _, value := range []string{"", "\x00\x01\xff", " ", "-----BEGIN"} {
			if err := v.Store(ctx, "odd", []byte(value)); err != nil {
				t.Errorf("Store of %q: %v", value, err)
			}
			if got, err := v.Load(ctx, "odd"); err != nil || string(got) != value {
				t.Errorf("%q is loaded as %q, %v", value, got, err)
			}
		}
		if err := v.Delete(ctx, "odd"); err != nil {
			t.Error(err)
		}
		for _, tt := range []struct {
			folder    string
			recursive bool
			want      []string
		}{
			{"acme/ca", false, []string{"acme/ca/sites", "acme/ca/users"}},
			{"acme/ca/sites/a", false, []string{"acme/ca/sites/a/a.crt", "acme/ca/sites/a/a.key"}},
			{"acme/ca/users", true, []string{"acme/ca/users/x", "acme/ca/users/x/x.json"}},
			{"", false, []string{"acme", "acme_other", "last"}},
		} {
			got, err := v.List(ctx, tt.folder, tt.recursive)
			slices.Sort(got)
			if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
				t.Errorf("List(%q, %v): %v\n%s", tt.folder, tt.recursive, err, diff)
			}
		}
		if info, err := v.Stat(ctx, "last"); err != nil || !info.IsTerminal || info.Size != 7 || time.Since(info.Modified) > time.Hour {
			t.Errorf("Stat: %+v, %v", info, err)
		}
		if info, err := v.Stat(ctx, "acme/ca"); err != nil || info.IsTerminal {
			t.Errorf("Stat of a folder: %+v, %v", info, err)
		}
		// A value that was moved to another row cannot be opened.
		if _, err := blog.DB.Exec(ctx, `UPDATE certificates SET sealed = (SELECT sealed FROM certificates WHERE name = $1) WHERE name = $2`,
			"acme/ca/sites/a/a.key", "last"); err != nil {
			t.Fatal(err)
		}
		if _, err := v.Load(ctx, "last"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Load of a value that was moved: %v", err)
		}
		if err := v.Delete(ctx, "acme/ca/sites"); err != nil {
			t.Fatal(err)
		}
		if v.Exists(ctx, "acme/ca/sites/a/a.key") || v.Exists(ctx, "acme/ca/sites") || !v.Exists(ctx, "acme/ca/users/x/x.json") || !v.Exists(ctx, "acme_other") {
			t.Error("Delete of a folder has taken too little or too much")
		}
		for _, err := range []error{v.Delete(ctx, "none"), v.Lock(ctx, "a")} {
			if err != nil {
				t.Error(err)
			}
		}
		if ok, err := other.TryLock(ctx, "a"); ok || err != nil {
			t.Errorf("a lock that another has: %v, %v", ok, err)
		}
		if err := other.Unlock(ctx, "a"); err != nil {
			t.Error(err)
		}
		if ok, _ := other.TryLock(ctx, "a"); ok {
			t.Error("a lock was taken away from its holder")
		}
		waited := make(chan error)
		go func() { waited <- other.Lock(ctx, "a") }()
		if err := v.Unlock(ctx, "a"); err != nil {
			t.Error(err)
		}
		if err := <-waited; err != nil {
			t.Errorf("a lock that was given back: %v", err)
		}
		// The holder of the lock has died, and its lease has expired.
		if _, err := blog.DB.Exec(ctx, `UPDATE certificate_locks SET expires = $1`, time.Now().Add(-time.Second)); err != nil {
			t.Fatal(err)
		}
		if ok, err := v.TryLock(ctx, "a"); !ok || err != nil {
			t.Errorf("a lock whose time is up: %v, %v", ok, err)
		}
	})
}
