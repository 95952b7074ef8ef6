package server_test

import (
	"bytes"
	"compress/gzip"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/server"
	"github.com/quillgate/quillgate/server/servertest"
	"github.com/quillgate/quillgate/signature"
	"github.com/quillgate/quillgate/xmlrpc"
)

// strictKey is an application with the client's key.
type strictKey struct {
	public string
	key    signature.Key
}

// newStrictKey creates a key with a secret, or with a verification key.
func newStrictKey(t testing.TB, blog *server.Blog, withPair bool) strictKey {
	t.Helper()
	user, err := blog.Users.ByLogin(t.Context(), "ada")
	if err != nil {
		t.Fatal(err)
	}
	in := apps.New{UserID: user.ID, Name: "strict"}
	if !withPair {
		app, secret := servertest.Key(t, blog.Keys, in)
		return strictKey{app.Public, signature.HMACKey([]byte(secret.Reveal()))}
	}
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	key, err := signature.PrivateKey(signature.Ed25519, private)
	if err != nil {
		t.Fatal(err)
	}
	text, err := key.MarshalPublic()
	if err != nil {
		t.Fatal(err)
	}
	verification, err := apps.ParseVerificationKey(apps.Ed25519, text)
	if err != nil {
		t.Fatal(err)
	}
	app, err := blog.Apps.Enrol(t.Context(), audit.Operator, in, verification)
	if err != nil {
		t.Fatal(err)
	}
	return strictKey{app.Public, key}
}

// request signs a body for an address, as the client sees it.
func (k strictKey) request(t testing.TB, address string, created time.Time, body []byte) *http.Request {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, address, bytes.NewReader(body))
	r.RemoteAddr = "127.0.0.1:1234"
	r.Header.Set("Content-Type", "text/xml")
	r.Header.Set("Accept-Signature", `a=("@status");tag="quillgate"`)
	digest, err := signature.ContentDigestOf(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Digest", digest)
	input, value, err := signature.SignMessage(k.key, "sig", signature.RequestMessage(r),
		[]string{`"@method"`, `"@authority"`, `"@path"`, `"@query"`, `"content-type"`, `"content-digest"`, `"@scheme"`},
		signature.Params{Created: created.Unix(), KeyID: k.public, Alg: k.key.Algorithm(), Nonce: rand.Text(), Tag: "quillgate"})
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Signature-Input", input)
	r.Header.Set("Signature", value)
	return r
}

func introspect() []byte { return xmlrpc.AppendCall(nil, "xmlrpcs.introspect") }

// fault returns the fault in an answer, or nil.
func faultOf(t *testing.T, w *httptest.ResponseRecorder) *xmlrpc.Fault {
	t.Helper()
	_, err := xmlrpc.DecodeResponse(w.Body.Bytes(), xmlrpc.Limits{})
	var fault *xmlrpc.Fault
	if err != nil && !errors.As(err, &fault) {
		t.Fatalf("%v: %s", err, w.Body)
	}
	return fault
}

// S14: only clients whose signature is right except for its time are told the
// server's time.
func TestS14FaultTellsTheTime(t *testing.T) {
	blog := open(t, "", nil)
	now := time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)
	s := newServer(t, server.Config{Blog: blog, Clock: func() time.Time { return now }})
	key := newStrictKey(t, blog, false)
	wrong := strictKey{key.public, signature.HMACKey([]byte("another secret"))}
	unknown := strictKey{"0123456789abcdef0123456789abcdef", key.key}
	replay := key.request(t, "http://blog.example/xmlrpc.php", now, introspect())
	if fault := faultOf(t, send(s, replay.Clone(t.Context()))); fault != nil {
		// The clone shares the body of the request: only the first one
		// reads it.
		t.Fatal(fault)
	}
	again := key.request(t, "http://blog.example/xmlrpc.php", now, introspect())
	again.Header = replay.Header
	refusal := faultOf(t, send(s, again))
	if refusal == nil || strings.Contains(refusal.Message, "clock") {
		t.Fatalf("a copy: %v", refusal)
	}
	late := now.Add(-time.Hour)
	for name, r := range map[string]*http.Request{
		"late and wrong":   wrong.request(t, "http://blog.example/xmlrpc.php", late, introspect()),
		"late and unknown": unknown.request(t, "http://blog.example/xmlrpc.php", late, introspect()),
		"wrong":            wrong.request(t, "http://blog.example/xmlrpc.php", now, introspect()),
	} {
		answer := send(s, r)
		if told := answer.Header().Get("X-Quillgate-Time"); told != "" {
			t.Errorf("%s: the answer tells the time: %s", name, told)
		}
		if fault := faultOf(t, answer); fault == nil || *fault != *refusal {
			t.Errorf("%s: %v, want the refusal of a copy: %v", name, fault, refusal)
		}
	}
	answer := send(s, key.request(t, "http://blog.example/xmlrpc.php", late, introspect()))
	if told := answer.Header().Get("X-Quillgate-Time"); told != "1777622400" {
		t.Errorf("late: the field with the time is %q", told)
	}
	fault := faultOf(t, answer)
	if fault == nil || fault.Code != 403 || !strings.Contains(fault.Message, "By the clock of the server it is 1777622400 (2026-05-01T08:00:00Z)") {
		t.Errorf("late: %v, want the time", fault)
	}
}

// S13: the signed address is the one that the client used, even behind a
// trusted proxy. An address named by others is ignored.
func TestS13AddressBehindProxies(t *testing.T) {
	blog := open(t, "", nil)
	s := newServer(t, server.Config{Blog: blog, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	key := newStrictKey(t, blog, true)
	const signedFor = "https://blog.example/xmlrpc.php"
	tests := []struct {
		name, peer, host string
		header           http.Header
		ok               bool
	}{
		{"proxy keeps the host", "10.0.0.1:1", "blog.example", http.Header{"X-Forwarded-Proto": {"https"}}, true},
		{"proxy tells the host", "10.0.0.1:1", "inner:8080", http.Header{"X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"blog.example"}}, true},
		{"RFC 7239", "10.0.0.1:1", "inner:8080", http.Header{"Forwarded": {`for=192.0.2.1;host="blog.example";proto=https`}}, true},
		{"proxy tells another host", "10.0.0.1:1", "blog.example", http.Header{"X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"other.example"}}, false},
		{"proxy says http", "10.0.0.1:1", "blog.example", http.Header{"X-Forwarded-Proto": {"http"}}, false},
		{"a stranger says all of it", "192.0.2.9:1", "inner:8080", http.Header{"X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"blog.example"}}, false},
		{"a stranger says https", "192.0.2.9:1", "blog.example", http.Header{"X-Forwarded-Proto": {"https"}}, false},
	}
	for _, test := range tests {
		r := key.request(t, signedFor, time.Now(), introspect())
		r.TLS, r.RemoteAddr, r.Host = nil, test.peer, test.host
		for name, values := range test.header {
			r.Header[name] = values
		}
		if fault := faultOf(t, send(s, r)); (fault == nil) != test.ok {
			t.Errorf("%s: %v, want ok %v", test.name, fault, test.ok)
		}
	}
	// The message is for another server, which knows the same verification
	// key.
	r := key.request(t, "http://other.example/xmlrpc.php", time.Now(), introspect())
	if fault := faultOf(t, send(s, r)); fault == nil {
		t.Error("a message that was signed for another server passes")
	}
}

// Every answer after authentication is signed on request, including faults of
// all kinds, and none before it.
func TestAnswersAreSigned(t *testing.T) {
	blog := open(t, "", nil)
	s := newServer(t, server.Config{Blog: blog})
	w := send(s, httptest.NewRequest(http.MethodGet, "/.well-known/quillgate", nil))
	var known struct {
		Endpoint, Authorize, Tag string
		Components               []string
		ResponseKey              struct {
			KeyID     string `json:"keyid"`
			Alg       signature.Algorithm
			PublicKey string `json:"public_key"`
		} `json:"response_key"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &known); err != nil || w.Header().Get("Content-Type") != "application/json" || known.Endpoint != "http://blog.example/xmlrpc.php" || known.Authorize != "http://blog.example/authorize" || len(known.Components) != 6 {
		t.Fatalf("%v: %s", err, w.Body)
	}
	own, err := signature.ParsePublicKey(known.ResponseKey.Alg, []byte(known.ResponseKey.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	for _, withPair := range []bool{false, true} {
		key := newStrictKey(t, blog, withPair)
		checkWith := key.key
		if withPair {
			checkWith = own
		}
		for name, body := range map[string][]byte{
			"answer":         introspect(),
			"fault":          xmlrpc.AppendCall(nil, "wp.getPost", xmlrpc.Int(1), xmlrpc.String(""), xmlrpc.String(""), xmlrpc.Int(99)),
			"unknown method": xmlrpc.AppendCall(nil, "no.such"),
			"not XML":        []byte("<methodCall"),
			"nothing":        nil,
		} {
			r := key.request(t, "http://blog.example/xmlrpc.php", time.Now(), body)
			w := send(s, r)
			list, err := signature.Signatures(w.Header())
			if err != nil || len(list) != 1 {
				t.Errorf("%s: %d signatures, %v", name, len(list), err)
				continue
			}
			if err := list[0].Verify(checkWith, &signature.Message{Status: w.Code, Header: w.Header(), Request: signature.RequestMessage(r)}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			d, err := signature.NewContentDigest(w.Header()["Content-Digest"])
			if err != nil {
				t.Fatal(err)
			}
			if d.Write(w.Body.Bytes()); !d.Matches() {
				t.Errorf("%s: the digest is not that of the body", name)
			}
			if name != "answer" || !withPair {
				continue
			}
			v, err := xmlrpc.DecodeResponse(w.Body.Bytes(), xmlrpc.Limits{})
			if got := v.Get("response_key").Get("public_key").Text(); err != nil || got != known.ResponseKey.PublicKey {
				t.Errorf("introspect tells the key %q, %v; want %q", got, err, known.ResponseKey.PublicKey)
			}
		}
		r := strictKey{key.public, signature.HMACKey([]byte("x"))}.request(t, "http://blog.example/xmlrpc.php", time.Now(), introspect())
		if w := send(s, r); w.Header().Get("Signature") != "" || faultOf(t, w) == nil {
			t.Errorf("a refusal is signed: %v", w.Header())
		}
	}
}

// S10: a content coding is refused before anything is decompressed, signed or
// not, and uses up no nonce.
func TestS10ContentCoding(t *testing.T) {
	blog := open(t, "", nil)
	s := newServer(t, server.Config{Blog: blog})
	key := newStrictKey(t, blog, false)
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	w.Write(introspect())
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, body := range [][]byte{packed.Bytes(), introspect()} {
		for _, coding := range []string{"gzip", "deflate", "br", "identity, gzip", "x-unknown"} {
			r := key.request(t, "http://blog.example/xmlrpc.php", time.Now(), body)
			r.Header.Set("Content-Encoding", coding)
			if w := send(s, r); w.Code != http.StatusUnsupportedMediaType {
				t.Errorf("%s: %d", coding, w.Code)
			}
			if coding != "br" || !bytes.Equal(body, introspect()) {
				continue
			}
			again := r.Clone(t.Context())
			again.Header.Set("Content-Encoding", "identity")
			if fault := faultOf(t, send(s, again)); fault != nil {
				t.Errorf("the same without the coding: %v", fault)
			}
		}
	}
}

// S17: a request uses one scheme. Two credentials are refused, whether or not
// they are valid.
func TestS17OneScheme(t *testing.T) {
	blog := open(t, "", nil)
	s := newServer(t, server.Config{Blog: blog, AuthorizationFallback: true})
	key := newStrictKey(t, blog, false)
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("ada:"+password))
	for name, change := range map[string]func(http.Header){
		"Basic":           func(h http.Header) { h.Set("Authorization", basic) },
		"Bearer":          func(h http.Header) { h.Set("Authorization", "Bearer x") },
		"header scheme":   func(h http.Header) { h.Set("Authorization", key.public+"||"+strings.Repeat("0", 64)) },
		"empty":           func(h http.Header) { h.Set("Authorization", "") },
		"in the fallback": func(h http.Header) { h.Set("X-Quillgate-Authorization", basic) },
		"only one field":  func(h http.Header) { h.Del("Signature") },
		"Signature alone": func(h http.Header) { h.Del("Signature-Input") },
	} {
		r := key.request(t, "http://blog.example/xmlrpc.php", time.Now(), introspect())
		change(r.Header)
		if fault := faultOf(t, send(s, r)); fault == nil || fault.Code != 403 {
			t.Errorf("%s: %v, want fault 403", name, fault)
		}
	}
}
