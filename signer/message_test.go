package signer_test

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quillgate/quillgate/signature"
	"github.com/quillgate/quillgate/signer"
)

// strictServer checks message signatures by a clock that may be wrong, and
// signs its answers.
type strictServer struct {
	*httptest.Server
	key     signature.Key // of the requests
	answers signature.Key
	ahead   atomic.Int64 // seconds of its clock
	seen    atomic.Int64 // requests
	words   bool         // the time is in the words of the fault, and not in a field
	spoil   func(w http.ResponseWriter, body *string)
}

func newStrictServer(t *testing.T, key, answers signature.Key) *strictServer {
	t.Helper()
	s := &strictServer{key: key, answers: answers}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *strictServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/.well-known/quillgate" {
		public, err := s.answers.MarshalPublic()
		if err != nil {
			http.NotFound(w, r)
			return
		}
		json.NewEncoder(w).Encode(map[string]any{"response_key": map[string]any{"alg": "ed25519", "public_key": string(public)}})
		return
	}
	s.seen.Add(1)
	list, err := signature.Signatures(r.Header)
	digest, digestErr := signature.NewContentDigest(r.Header["Content-Digest"])
	if err != nil || digestErr != nil || len(list) != 1 || len(r.Header["Authorization"]) > 0 {
		http.Error(w, fmt.Sprint("refused: ", err, digestErr), http.StatusForbidden)
		return
	}
	n, err := io.Copy(digest, r.Body)
	p := list[0].Params
	if err != nil || !digest.Matches() || list[0].Verify(s.key, signature.RequestMessage(r)) != nil || p.Tag != "quillgate" || len(p.Nonce) < 22 || p.KeyID != public || p.Alg != s.key.Algorithm() {
		http.Error(w, fmt.Sprintf("refused: %+v", p), http.StatusForbidden)
		return
	}
	w.Header().Set("Content-Type", "text/xml")
	now := time.Now().Unix() + s.ahead.Load()
	if age := now - p.Created; age > 300 || age < -60 {
		if s.words {
			fmt.Fprintf(w, "<methodResponse>\n<fault><value><int>403</int></value>\nNot made just now. By the clock of the server it is %d (now).", now)
			return
		}
		w.Header().Set("X-Quillgate-Time", strconv.FormatInt(now, 10))
		io.WriteString(w, "<methodResponse><fault>Zu alt."+strings.Repeat(" ", 10000))
		return
	}
	body := fmt.Sprintf("%s %d bytes, announced %d", r.Method, n, r.ContentLength)
	if wanted, found := signature.Wanted(r.Header, "quillgate"); found {
		digest, err := signature.ContentDigestOf(strings.NewReader(body))
		if err != nil {
			panic(err)
		}
		w.Header().Set("Content-Digest", digest)
		input, value, err := signature.SignMessage(s.answers, wanted.Label, &signature.Message{Status: 200, Header: w.Header(), Request: signature.RequestMessage(r)},
			wanted.Components, signature.Params{Created: now, KeyID: "k", Alg: s.answers.Algorithm(), Nonce: wanted.Nonce, Tag: "quillgate"})
		if err != nil {
			panic(err)
		}
		w.Header().Set("Signature-Input", input)
		w.Header().Set("Signature", value)
	}
	if s.spoil != nil {
		s.spoil(w, &body)
	}
	io.WriteString(w, body)
}

func secretKey() signature.Key { return signature.HMACKey([]byte(secret)) }

func newPair(t *testing.T) signature.Key {
	t.Helper()
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	key, err := signature.PrivateKey(signature.Ed25519, private)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestMessageSignatures(t *testing.T) {
	pair := newPair(t)
	for _, test := range []struct {
		name      string
		key       signature.Key
		transport signer.Transport
	}{
		{"secret", secretKey(), signer.Transport{Public: public, Secret: secret, Scheme: signer.MessageSignatures}},
		{"private key", pair, signer.Transport{Public: public, Private: pair}},
	} {
		s := newStrictServer(t, test.key, signature.Key{})
		for _, size := range []int{0, 10, 3 << 20} {
			for name, body := range map[string]io.Reader{
				"twice": strings.NewReader(strings.Repeat("x", size)),
				"once":  io.MultiReader(strings.NewReader(strings.Repeat("x", size))),
			} {
				r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/a%2fb?c", body)
				if err != nil {
					t.Fatal(err)
				}
				want := fmt.Sprintf("200 POST %d bytes, announced %d", size, size)
				if got := send(t, &http.Client{Transport: test.transport}, r); got != want {
					t.Errorf("%s, %d bytes to be read %s: %s, want %s", test.name, size, name, got, want)
				}
			}
		}
	}
}

// A server with another clock reports its time once, and gets a request with
// that time.
func TestClockIsCorrected(t *testing.T) {
	t.Run("field", func(t *testing.T) { testClock(t, false) })
	t.Run("words", func(t *testing.T) { testClock(t, true) })
}

func testClock(t *testing.T, words bool) {
	s := newStrictServer(t, secretKey(), signature.Key{})
	s.words = words
	for _, ahead := range []int64{-4000, 4000, 0} {
		s.ahead.Store(ahead)
		transport := signer.Transport{Public: public, Secret: secret, Scheme: signer.MessageSignatures, Skew: new(atomic.Int64)}
		c := &http.Client{Transport: transport}
		for i, want := range []int64{2, 1, 1} {
			if ahead == 0 {
				want = 1
			}
			var body io.Reader = strings.NewReader("body")
			if i == 0 {
				body = io.MultiReader(body)
			}
			s.seen.Store(0)
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, body)
			if err != nil {
				t.Fatal(err)
			}
			if got := send(t, c, r); got != "200 POST 4 bytes, announced 4" || s.seen.Load() != want {
				t.Errorf("clock %+d s: %s after %d requests, want %d", ahead, got, s.seen.Load(), want)
			}
		}
	}
	s.ahead.Store(4000)
	s.seen.Store(0)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, io.MultiReader(strings.NewReader(strings.Repeat("x", 2<<20))))
	if err != nil {
		t.Fatal(err)
	}
	got := send(t, &http.Client{Transport: signer.Transport{Public: public, Secret: secret, Scheme: signer.MessageSignatures}}, r)
	if got != "200 POST 2097152 bytes, announced 2097152" || s.seen.Load() != 2 {
		t.Errorf("a large body that could be read once: %s after %d requests", got, s.seen.Load())
	}
}

// A stranger on the way does not set the clock.
func TestClockIsNotBelievedInClear(t *testing.T) {
	s := newStrictServer(t, secretKey(), signature.Key{})
	s.ahead.Store(4000)
	skew := new(atomic.Int64)
	far := rewritten{to: strings.TrimPrefix(s.URL, "http://")}
	c := &http.Client{Transport: signer.Transport{Public: public, Secret: secret, Scheme: signer.MessageSignatures, Skew: skew, Base: far}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://blog.example/", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	if got := send(t, c, r); !strings.Contains(got, "Zu alt.") || s.seen.Load() != 1 || skew.Load() != 0 {
		t.Errorf("%s after %d requests, skew %d; want the fault and no other", got, s.seen.Load(), skew.Load())
	}
}

// rewritten sends every request to one server, under its own Host.
type rewritten struct{ to string }

func (w rewritten) RoundTrip(r *http.Request) (*http.Response, error) {
	out := r.Clone(r.Context())
	if out.Host == "" {
		out.Host = r.URL.Host
	}
	out.URL.Host = w.to
	return http.DefaultTransport.RoundTrip(out)
}

func TestAnswersAreChecked(t *testing.T) {
	pair, other, own := newPair(t), newPair(t), newPair(t)
	drop := func(name string) func(http.ResponseWriter, *string) {
		return func(w http.ResponseWriter, _ *string) { w.Header().Del(name) }
	}
	set := func(name, value string) func(http.ResponseWriter, *string) {
		return func(w http.ResponseWriter, _ *string) { w.Header().Set(name, value) }
	}
	tests := []struct {
		name  string
		spoil func(http.ResponseWriter, *string)
		ok    bool
	}{
		{"good", nil, true},
		{"another body", func(_ http.ResponseWriter, body *string) { *body = strings.Replace(*body, "POST", "PAST", 1) }, false},
		{"a body cut short", func(_ http.ResponseWriter, body *string) { *body = (*body)[:3] }, false},
		{"another status", func(w http.ResponseWriter, _ *string) { w.WriteHeader(http.StatusAccepted) }, false},
		{"another type", set("Content-Type", "text/html"), false},
		{"another digest", set("Content-Digest", "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"), false},
		{"no signature", func(w http.ResponseWriter, _ *string) {
			w.Header().Del("Signature")
			w.Header().Del("Signature-Input")
		}, false},
		{"half a signature", drop("Signature"), false},
		{"no digest", drop("Content-Digest"), false},
	}
	for _, test := range tests {
		for _, kind := range []struct {
			name      string
			server    *strictServer
			transport signer.Transport
		}{
			{"secret", newStrictServer(t, secretKey(), secretKey()), signer.Transport{Public: public, Secret: secret, Scheme: signer.MessageSignatures}},
			{"pair", newStrictServer(t, pair, own), signer.Transport{Public: public, Private: pair}},
		} {
			s, transport := kind.server, kind.transport
			s.spoil = test.spoil
			transport.Answers = true
			if !transport.Private.IsZero() {
				var err error
				if transport.AnswerKey, err = signer.AnswerKey(t.Context(), nil, s.URL+"/xmlrpc.php"); err != nil {
					t.Fatal(err)
				}
			}
			answer, err := (&http.Client{Transport: transport}).Post(s.URL, "text/xml", strings.NewReader("x"))
			if err == nil {
				_, err = io.ReadAll(answer.Body)
				answer.Body.Close()
			}
			if test.ok != (err == nil) || err != nil && !errors.Is(err, signer.ErrAnswer) {
				t.Errorf("%s, %s: %v", test.name, kind.name, err)
			}
			if test.ok && !transport.Private.IsZero() {
				transport.AnswerKey = other
				if _, err := (&http.Client{Transport: transport}).Post(s.URL, "text/xml", strings.NewReader("x")); !errors.Is(err, signer.ErrAnswer) {
					t.Errorf("another server's key: %v", err)
				}
				transport.AnswerKey = signature.Key{}
				if _, err := (&http.Client{Transport: transport}).Post(s.URL, "text/xml", strings.NewReader("x")); !errors.Is(err, signer.ErrKey) {
					t.Errorf("no key to check with: %v", err)
				}
			}
		}
	}
}

// An answer to another request does not pass, though it is signed.
func TestAnswerOfAnotherRequest(t *testing.T) {
	s := newStrictServer(t, secretKey(), secretKey())
	var old http.Header
	s.spoil = func(w http.ResponseWriter, _ *string) {
		if old != nil {
			for _, name := range []string{"Signature", "Signature-Input"} {
				w.Header()[name] = old[name]
			}
			return
		}
		old = w.Header().Clone()
	}
	c := &http.Client{Transport: signer.Transport{Public: public, Secret: secret, Scheme: signer.MessageSignatures, Answers: true}}
	for i := range 2 {
		answer, err := c.Post(s.URL, "text/xml", strings.NewReader("x"))
		if err == nil {
			answer.Body.Close()
		}
		if i == 0 && err != nil || i == 1 && !errors.Is(err, signer.ErrAnswer) {
			t.Errorf("request %d: %v", i, err)
		}
	}
}
