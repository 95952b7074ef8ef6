package signer_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/quillgate/quillgate/signature"
	"github.com/quillgate/quillgate/signer"
)

const public, secret = "b730db0864b0d4453ba6a26ad6613cd4", "qgs_0123456789012345678901234567890123456789012345678"

// server checks signatures, and reports what it has seen.
func server(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header, err := signature.Parse(r.Header.Get("Authorization"))
		if err != nil || len(r.Header["Authorization"]) != 1 || header.Public() != public {
			http.Error(w, "no signature", http.StatusForbidden)
			return
		}
		hash := signature.NewHash(secret)
		n, err := io.Copy(hash, r.Body)
		if err != nil || !hash.Matches(header) {
			http.Error(w, "wrong signature", http.StatusForbidden)
			return
		}
		fmt.Fprintf(w, "%s %d bytes, announced %d", r.Method, n, r.ContentLength)
	}))
	t.Cleanup(s.Close)
	return s
}

// stream is a body that can be read once and tells when it is closed.
type stream struct {
	io.Reader
	closed int
}

func (s *stream) Close() error { s.closed++; return nil }

func TestRoundTrip(t *testing.T) {
	s := server(t)
	t.Setenv("TMPDIR", t.TempDir())
	transport := signer.Transport{Public: public, Secret: secret}
	for _, size := range []int{0, 1, 1000, 1<<20 - 1, 1 << 20, 1<<20 + 1, 5 << 20} {
		content := bytes.Repeat([]byte("x"), size)
		once := &stream{Reader: bytes.NewReader(content)}
		bodies := map[string]io.Reader{"twice": bytes.NewReader(content), "once": once}
		for name, body := range bodies {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, body)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "text/xml")
			got := send(t, &http.Client{Transport: transport}, r)
			want := fmt.Sprintf("200 POST %d bytes, announced %d", size, size)
			if got != want {
				t.Errorf("%d bytes to be read %s: %s, want %s", size, name, got, want)
			}
			if len(r.Header) != 1 {
				t.Errorf("%d bytes: the caller's request was changed: %v", size, r.Header)
			}
		}
		if once.closed == 0 {
			t.Errorf("%d bytes: the body was not closed", size)
		}
	}
	left, err := os.ReadDir(os.TempDir())
	if err != nil || len(left) != 0 {
		t.Errorf("temporary files are left: %v, %v", left, err)
	}
}

func send(t *testing.T, c *http.Client, r *http.Request) string {
	t.Helper()
	answer, err := c.Do(r)
	if err != nil {
		return err.Error()
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d %s", answer.StatusCode, bytes.TrimSpace(text))
}

func TestNoBody(t *testing.T) {
	s := server(t)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := send(t, &http.Client{Transport: signer.Transport{Public: public, Secret: secret}}, r), "200 GET 0 bytes, announced 0"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestAtOnce(t *testing.T) {
	s := server(t)
	c := &http.Client{Transport: signer.Transport{Public: public, Secret: secret}}
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			answer, err := c.Post(s.URL, "text/xml", strings.NewReader(strings.Repeat("x", i)))
			if err != nil {
				t.Error(err)
				return
			}
			answer.Body.Close()
			if answer.StatusCode != http.StatusOK {
				t.Errorf("request %d: %s", i, answer.Status)
			}
		})
	}
	group.Wait()
}

func TestRefusals(t *testing.T) {
	s := server(t)
	good := signer.Transport{Public: public, Secret: secret}
	tests := []struct {
		name      string
		transport signer.Transport
		change    func(*http.Request)
		want      error
	}{
		{"no secret", signer.Transport{Public: public}, nil, signer.ErrKey},
		{"no public key", signer.Transport{Secret: secret}, nil, signer.ErrKey},
		{"a public key with bars", signer.Transport{Public: "a||b", Secret: secret}, nil, signer.ErrKey},
		{"a line break in the public key", signer.Transport{Public: "a\r\nX: y", Secret: secret}, nil, signer.ErrKey},
		{"a header", good, func(r *http.Request) { r.Header.Set("Authorization", "Basic x") }, signer.ErrCredential},
		{"a name in the URL", good, func(r *http.Request) { r.URL.User = nil; r.SetBasicAuth("a", "b") }, signer.ErrCredential},
	}
	for _, test := range tests {
		body := &stream{Reader: strings.NewReader("x")}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, body)
		if err != nil {
			t.Fatal(err)
		}
		if test.change != nil {
			test.change(r)
		}
		answer, err := (&http.Client{Transport: test.transport}).Do(r)
		if err == nil {
			answer.Body.Close()
		}
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the error shows the secret", test.name)
		}
		if body.closed == 0 {
			t.Errorf("%s: the body was not closed", test.name)
		}
	}
}

func TestBodyThatBreaks(t *testing.T) {
	s := server(t)
	broken := errors.New("the disk is gone")
	for _, before := range []int{0, 100, 3 << 20} {
		body := &stream{Reader: io.MultiReader(strings.NewReader(strings.Repeat("x", before)), &failing{broken})}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, body)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := (&http.Client{Transport: signer.Transport{Public: public, Secret: secret}}).Do(r)
		if err == nil {
			answer.Body.Close()
		}
		if !errors.Is(err, broken) || body.closed == 0 {
			t.Errorf("after %d bytes: %v, closed %d times; want the reader's error", before, err, body.closed)
		}
	}
}

type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }

// A signature goes to the server that was asked for, and to no other.
func TestRedirects(t *testing.T) {
	target := server(t)
	var there string
	status := http.StatusPermanentRedirect
	door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/end" {
			target.Config.Handler.ServeHTTP(w, r)
			return
		}
		http.Redirect(w, r, there, status)
	}))
	defer door.Close()
	c := &http.Client{Transport: signer.Transport{Public: public, Secret: secret}}
	tests := []struct {
		name, to string
		status   int
		ok       bool
	}{
		{"same server", door.URL + "/end", http.StatusPermanentRedirect, true},
		{"same server, for now", "/end", http.StatusTemporaryRedirect, true},
		{"another server", target.URL, http.StatusPermanentRedirect, false},
		{"another name", strings.Replace(door.URL, "127.0.0.1", "localhost", 1) + "/end", http.StatusPermanentRedirect, false},
		{"the body is lost", door.URL + "/end", http.StatusMovedPermanently, false},
		{"the body is lost too", door.URL + "/end", http.StatusFound, false},
	}
	for _, test := range tests {
		there, status = test.to, test.status
		answer, err := c.Post(door.URL, "text/xml", strings.NewReader("<methodCall/>"))
		if err == nil {
			answer.Body.Close()
		}
		if ok := err == nil && answer.StatusCode == http.StatusOK; ok != test.ok || !ok && !errors.Is(err, signer.ErrRedirect) {
			t.Errorf("%s: %v, want ok %v", test.name, err, test.ok)
		}
	}
}

func TestTransportHidesItsSecret(t *testing.T) {
	transport := signer.Transport{Public: public, Secret: secret}
	for _, text := range []string{fmt.Sprint(transport), fmt.Sprintf("%+v %#v %s", transport, transport, &transport)} {
		if strings.Contains(text, secret) || !strings.Contains(text, public) {
			t.Errorf("printed it is %s", text)
		}
	}
}
