package auth_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/signature"
)

// message is a request that is signed strictly, with what a test wants to be
// different.
type message struct {
	key        signature.Key
	params     signature.Params
	components []string
	change     func(*http.Request) // before it is signed
	tamper     func(*http.Request) // afterwards
}

func strict(h *house, app apps.App, key signature.Key) message {
	return message{
		key: key,
		params: signature.Params{
			Created: h.clock.Now().Unix(), KeyID: app.Public, Alg: key.Algorithm(), Nonce: rand.Text(), Tag: "quillgate",
		},
		components: auth.RequiredComponents(),
	}
}

func hmacKey(s apps.Secret) signature.Key { return signature.HMACKey([]byte(s.Reveal())) }

// request makes the request.
func (m message) request(t testing.TB) *http.Request {
	t.Helper()
	r := post(addr, body)
	r.Header.Set("Content-Type", "text/xml")
	digest, err := signature.ContentDigestOf(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Digest", digest)
	if m.change != nil {
		m.change(r)
	}
	input, value, err := signature.SignMessage(m.key, "sig", signature.RequestMessage(r), m.components, m.params)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Add("Signature-Input", input)
	r.Header.Add("Signature", value)
	if m.tamper != nil {
		m.tamper(r)
	}
	return r
}

// S13: a request that is signed by the profile passes; without any one part of
// it, or with any part changed afterwards, it does not.
func TestS13StrictProfile(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		app, secret := h.key(t, h.user(t, "ada", auth.Author))
		good := strict(h, app, hmacKey(secret))
		if q, err := h.verify(good.request(t), body); err != nil {
			t.Fatal(err)
		} else if who, ok := q.Signed(); !ok || who.App.Public != app.Public {
			t.Errorf("Signed: %+v, %v", who, ok)
		}
		type test struct {
			name   string
			change func(*message)
			want   auth.Reason
		}
		header := func(name, value string) func(*message) {
			return func(m *message) { m.tamper = func(r *http.Request) { r.Header.Set(name, value) } }
		}
		other, err := signature.ContentDigestOf(strings.NewReader("another body"))
		if err != nil {
			t.Fatal(err)
		}
		tests := []test{
			{"no created", func(m *message) { m.params.Created = 0 }, auth.MissingParameter},
			{"no nonce", func(m *message) { m.params.Nonce = "" }, auth.MissingParameter},
			{"short nonce", func(m *message) { m.params.Nonce = "123456789012345" }, auth.MissingParameter},
			{"long nonce", func(m *message) { m.params.Nonce = strings.Repeat("n", 65) }, auth.MissingParameter},
			{"no keyid", func(m *message) { m.params.KeyID = "" }, auth.MissingParameter},
			{"odd keyid", func(m *message) { m.params.KeyID = "a b" }, auth.MissingParameter},
			{"unknown keyid", func(m *message) { m.params.KeyID = "0123456789abcdef0123456789abcdef" }, auth.UnknownKey},
			{"no alg", func(m *message) { m.params.Alg = "" }, auth.MissingParameter},
			{"other alg", func(m *message) { m.params.Alg = signature.Ed25519 }, auth.OtherAlgorithm},
			{"unknown alg", func(m *message) { m.params.Alg = "rsa-sha1" }, auth.OtherAlgorithm},
			{"no tag", func(m *message) { m.params.Tag = "" }, auth.NoTag},
			{"other tag", func(m *message) { m.params.Tag = "web-bot-auth" }, auth.NoTag},
			{"expired", func(m *message) { m.params.Expires = h.clock.Now().Unix() - 1 }, auth.StaleSignature},
			{"other secret", func(m *message) { m.key = signature.HMACKey([]byte("another secret")) }, auth.WrongDigest},
			{"method", func(m *message) { m.tamper = func(r *http.Request) { r.Method = "PUT" } }, auth.WrongDigest},
			{"authority", func(m *message) { m.tamper = func(r *http.Request) { r.Host = "other.example" } }, auth.WrongDigest},
			{"path", func(m *message) { m.tamper = func(r *http.Request) { r.RequestURI = "/other" } }, auth.WrongDigest},
			{"query", func(m *message) { m.tamper = func(r *http.Request) { r.RequestURI += "?for=1" } }, auth.WrongDigest},
			{"content-type", header("Content-Type", "text/plain"), auth.WrongDigest},
			{"content-type gone", func(m *message) { m.tamper = func(r *http.Request) { r.Header.Del("Content-Type") } }, auth.WrongDigest},
			{"content-digest", header("Content-Digest", other), auth.WrongDigest},
			{"content-digest gone", func(m *message) { m.tamper = func(r *http.Request) { r.Header.Del("Content-Digest") } }, auth.NoContentDigest},
			{"a digest of nothing", func(m *message) {
				m.change = func(r *http.Request) { r.Header.Set("Content-Digest", "md5=:AAAA:") }
			}, auth.NoContentDigest},
			{"signed digest of another body", func(m *message) {
				m.change = func(r *http.Request) { r.Header.Set("Content-Digest", other) }
			}, auth.WrongDigest},
			{"two digests of which one is wrong", func(m *message) {
				m.change = func(r *http.Request) { r.Header.Add("Content-Digest", "sha-512=:"+strings.Repeat("A", 86)+"==:") }
			}, auth.WrongDigest},
			{"no Signature", func(m *message) { m.tamper = func(r *http.Request) { r.Header.Del("Signature") } }, auth.MalformedHeader},
			{"no Signature-Input", func(m *message) { m.tamper = func(r *http.Request) { r.Header.Del("Signature-Input") } }, auth.MalformedHeader},
			{"another scheme beside it", header("Authorization", sign(app, secret, body)), auth.SeveralSchemes},
			{"trailer", func(m *message) {
				m.tamper = func(r *http.Request) {
					r.Header.Set("Signature-Input", strings.Replace(r.Header.Get("Signature-Input"), `"@path"`, `"@path" "x";tr`, 1))
				}
			}, auth.MalformedHeader},
		}
		for i, c := range auth.RequiredComponents() {
			tests = append(tests, test{"without " + c, func(m *message) { m.components = slices.Delete(slices.Clone(m.components), i, i+1) }, auth.NotCovered})
		}
		h.reasons()
		for _, test := range tests {
			m := strict(h, app, hmacKey(secret))
			test.change(&m)
			q, err := h.verify(m.request(t), body)
			if !errors.Is(err, auth.ErrDenied) || q != nil {
				t.Errorf("%s: %v, %v; want ErrDenied", test.name, q, err)
			}
			if test.want != auth.StaleSignature && err != auth.ErrDenied {
				t.Errorf("%s: the refusal says more: %v", test.name, err)
			}
			if diff := cmp.Diff([]auth.Reason{test.want}, h.reasons()); diff != "" {
				t.Errorf("%s: reasons (-want +got):\n%s", test.name, diff)
			}
		}
	})
}

// S13: one signature is ours. Those of others are passed over, whatever they
// are worth; two of ours are refused.
func TestS13SignaturesOfOthers(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		app, secret := h.key(t, h.user(t, "ada", auth.Author))
		with := func(input, value string) error {
			m := strict(h, app, hmacKey(secret))
			m.tamper = func(r *http.Request) {
				r.Header.Add("Signature-Input", input)
				r.Header.Add("Signature", value)
			}
			_, err := h.verify(m.request(t), body)
			return err
		}
		if err := with(`proxy=("@method" "x-forwarded-for");keyid="p";tag="proxy"`, "proxy=:AAAA:"); err != nil {
			t.Errorf("another's signature: %v", err)
		}
		// Signatures of others may cover components that are unknown
		// here.
		if err := with(`proxy=("@frob" "x";tr);created="now";tag="proxy"`, "proxy=:AAAA:"); err != nil {
			t.Errorf("another's signature that is not understood: %v", err)
		}
		if err := with(`more=("@method");keyid="p";tag="quillgate"`, "more=:AAAA:"); err != auth.ErrDenied {
			t.Errorf("two with our tag: %v, want ErrDenied", err)
		}
		if err := with(`sig=("@method")`, "sig=:AAAA:"); err != auth.ErrDenied {
			t.Errorf("one label twice: %v, want ErrDenied", err)
		}
	})
}

// S14: the age of a signature, to the second, and the time that the client is
// told.
func TestS14Age(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		app, secret := h.key(t, h.user(t, "ada", auth.Author))
		for _, test := range []struct {
			age int64
			ok  bool
		}{{-301, false}, {-300, true}, {0, true}, {60, true}, {61, false}, {-1 << 40, false}, {1 << 40, false}} {
			m := strict(h, app, hmacKey(secret))
			m.params.Created = max(1, m.params.Created+test.age)
			_, err := h.verify(m.request(t), body)
			if test.ok {
				if err != nil {
					t.Errorf("%+d s: %v", test.age, err)
				}
				continue
			}
			var stale *auth.Stale
			if !errors.As(err, &stale) || !errors.Is(err, auth.ErrDenied) || !stale.Now.Equal(h.clock.Now()) {
				t.Errorf("%+d s: %v, want *Stale with the server's time, as an ErrDenied", test.age, err)
			}
			m.key = signature.HMACKey([]byte("another secret"))
			if _, err := h.verify(m.request(t), body); err != auth.ErrDenied {
				t.Errorf("%+d s, with the wrong secret: %v, want nothing but ErrDenied", test.age, err)
			}
		}
	})
}

// S14, S15: the arrival of the header counts, so that a large body may take its
// time, but no longer than its nonce is kept.
func TestS14SlowBody(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		app, secret := h.key(t, h.user(t, "ada", auth.Author))
		for _, test := range []struct {
			age, body time.Duration
			ok        bool
		}{{0, 301, true}, {0, 500, true}, {0, 501, false}, {300, 200, true}, {300, 201, false}, {301, 0, false}, {-60, 0, true}, {-60, 560, true}, {-60, 561, false}} {
			m := strict(h, app, hmacKey(secret))
			m.params.Created -= int64(test.age)
			request := m.request(t)
			send := func() error {
				check, err := h.verifier.Begin(request.Clone(t.Context()))
				if err != nil {
					return err
				}
				check.Write([]byte(body))
				h.clock.Add(test.body * time.Second)
				_, err = check.Identify(t.Context())
				return err
			}
			check, err := h.verifier.Begin(request.Clone(t.Context()))
			if err != nil {
				t.Fatal(err)
			}
			if err := send(); test.ok != (err == nil) || err != nil && !errors.As(err, new(*auth.Stale)) {
				t.Errorf("%d s old, body of %d s: %v, want ok %v", test.age, test.body, err, test.ok)
			}
			// A copy that has begun in time, and whose body comes as late as it
			// may.
			h.clock.Add(time.Second * (500 - test.age - test.body))
			sweep(t, h)
			check.Write([]byte(body))
			if _, err := check.Identify(t.Context()); !errors.Is(err, auth.ErrDenied) && test.ok {
				t.Errorf("%d s old, body of %d s: its copy: %v, want ErrDenied", test.age, test.body, err)
			}
		}
	})
}

// S15: a nonce passes once for its key, also next to itself, and only a
// signature that holds uses it up.
func TestS15NonceOnce(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		app, secret := h.key(t, h.user(t, "ada", auth.Author))
		other, otherSecret := h.key(t, h.user(t, "bob", auth.Author))
		m := strict(h, app, hmacKey(secret))
		forged := m
		forged.key = signature.HMACKey([]byte("another secret"))
		if _, err := h.verify(forged.request(t), body); err != auth.ErrDenied {
			t.Fatalf("a forged signature: %v", err)
		}
		late := m
		late.params.Created -= 301
		if _, err := h.verify(late.request(t), body); !errors.Is(err, auth.ErrDenied) {
			t.Fatalf("a late signature: %v", err)
		}
		request := m.request(t)
		var wait sync.WaitGroup
		results := make([]error, 100)
		for i := range results {
			wait.Go(func() { _, results[i] = h.verify(request.Clone(request.Context()), body) })
		}
		wait.Wait()
		passed := 0
		for _, err := range results {
			switch err {
			case nil:
				passed++
			case auth.ErrDenied:
			default:
				t.Errorf("a copy: %v, want ErrDenied", err)
			}
		}
		if passed != 1 {
			t.Errorf("%d of 100 copies passed, want 1", passed)
		}
		theirs := strict(h, other, hmacKey(otherSecret))
		theirs.params.Nonce = m.params.Nonce
		if _, err := h.verify(theirs.request(t), body); err != nil {
			t.Errorf("the same nonce of another key: %v", err)
		}
		// For as long as the signature could pass, the nonce is kept.
		ahead := strict(h, app, hmacKey(secret))
		ahead.params.Created += 60
		for _, wait := range []time.Duration{0, 300 * time.Second, 60 * time.Second} {
			h.clock.Add(wait)
			sweep(t, h)
			_, err := h.verify(ahead.request(t), body)
			if wait == 0 != (err == nil) {
				t.Errorf("after %v more: %v", wait, err)
			}
		}
		h.clock.Add(700 * time.Second)
		sweep(t, h)
		if n := h.nonces(t); n != 0 {
			t.Errorf("%d nonces are kept for ever", n)
		}
	})
}

// S15: many nonces that come at once, each in several copies, pass once each.
func TestS15ManyAtOnce(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		ada := h.user(t, "ada", auth.Author)
		const nonces, copies = 60, 3
		var passed [nonces]atomic.Int64
		var wait sync.WaitGroup
		first, firstSecret := h.key(t, ada)
		second, secondSecret := h.key(t, ada)
		for i := range nonces {
			m := strict(h, first, hmacKey(firstSecret))
			if i%2 == 1 {
				m = strict(h, second, hmacKey(secondSecret))
			}
			m.params.Nonce = fmt.Sprintf("the same for both %d", i/2)
			request := m.request(t)
			for range copies {
				wait.Go(func() {
					switch _, err := h.verify(request.Clone(request.Context()), body); err {
					case nil:
						passed[i].Add(1)
					case auth.ErrDenied:
					default:
						t.Error(err)
					}
				})
			}
		}
		wait.Wait()
		for i := range passed {
			if n := passed[i].Load(); n != 1 {
				t.Errorf("nonce %d passed %d times, want once", i, n)
			}
		}
		if n := h.nonces(t); n != nonces {
			t.Errorf("%d nonces are kept, want %d", n, nonces)
		}
	})
}

// sweep runs the housekeeping once.
func sweep(t *testing.T, h *house) {
	t.Helper()
	if err := auth.Sweep(t.Context(), h.verifier); err != nil {
		t.Fatal(err)
	}
}

func (h *house) nonces(t *testing.T) (n int) {
	t.Helper()
	if err := h.db.Get(t.Context(), &n, `SELECT COUNT(*) FROM nonces`); err != nil {
		t.Fatal(err)
	}
	return n
}

// S15: a key whose nonces fill the table is refused until they are gone.
func TestS15NoncesFull(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		app, secret := h.key(t, h.user(t, "ada", auth.Author))
		other, otherSecret := h.key(t, h.user(t, "bob", auth.Author))
		const limit = 2500 // more than one sweep removes at a time
		if real := auth.LimitNonces(h.verifier, limit); real != 100_000 {
			t.Errorf("%d nonces of a key are kept, want 100000", real)
		}
		_, err := h.db.Exec(t.Context(), `INSERT INTO nonces (public, nonce, expires)
			WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $3)
			SELECT $1, 'nonce ' || i, $2 FROM n`, app.Public, h.clock.Now().Add(time.Minute).UTC(), limit-1)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []auth.Reason{"", auth.ManyNonces, auth.ManyNonces} {
			h.reasons()
			_, err := h.verify(strict(h, app, hmacKey(secret)).request(t), body)
			if diff := cmp.Diff([]auth.Reason{want}, h.reasons()); diff != "" || (err == nil) != (want == "") {
				t.Errorf("request %d: %v, reasons (-want +got):\n%s", i, err, diff)
			}
		}
		if _, err := h.verify(strict(h, other, hmacKey(otherSecret)).request(t), body); err != nil {
			t.Errorf("another key: %v", err)
		}
		h.clock.Add(2 * time.Minute)
		sweep(t, h)
		if _, err := h.verify(strict(h, app, hmacKey(secret)).request(t), body); err != nil {
			t.Errorf("after they are gone: %v", err)
		}
	})
}

// S13: a strict key takes no other scheme.
func TestS13StrictKey(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		ada := h.user(t, "ada", auth.Author)
		app, secret, err := h.apps.Create(t.Context(), audit.Operator, apps.New{UserID: ada.ID, Name: "strict", Strict: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.verify(post(addr, body, sign(app, secret, body)), body); err != auth.ErrDenied {
			t.Errorf("the header scheme: %v, want ErrDenied", err)
		}
		if _, err := h.verify(strict(h, app, hmacKey(secret)).request(t), body); err != nil {
			t.Errorf("a message signature: %v", err)
		}
	})
}

// S4: refusals of message signatures cost the same, whether or not the key
// exists, in the database too.
func TestSameWorkForUnknownMessageKeysS4(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		ada := h.user(t, "ada", auth.Author)
		known, _ := h.key(t, ada)
		revoked, _ := h.key(t, ada)
		if err := h.apps.Revoke(t.Context(), audit.Operator, ada.ID, revoked.Public); err != nil {
			t.Fatal(err)
		}
		unknown := apps.App{Public: "0123456789abcdef0123456789abcdef"}
		for _, round := range []string{"first", "second"} {
			costs := map[string]int64{}
			for name, app := range map[string]apps.App{"known": known, "revoked": revoked, "unknown": unknown} {
				request := strict(h, app, signature.HMACKey([]byte("wrong"))).request(t)
				before := h.db.Statements()
				c, err := h.verifier.Begin(request)
				if err != nil || !c.Presented() {
					t.Fatalf("Begin: %v; a body must be hashed", err)
				}
				c.Write([]byte(body))
				if _, err := c.Identify(t.Context()); err != auth.ErrDenied {
					t.Errorf("%s: %v", name, err)
				}
				costs[name] = h.db.Statements() - before
			}
			if costs["known"] != costs["unknown"] || costs["known"] != costs["revoked"] {
				t.Errorf("the %s time: %v statements", round, costs)
			}
		}
	})
}

// The benchmark measures a strict request from its header to the caller, under
// concurrent load: with the nonce, which is on disk before the call is carried
// out, and without it, next to the header scheme.
func BenchmarkStrictRequest(b *testing.B) {
	h := open(b, benchDatabase(b), nil)
	ada := h.user(b, "ada", auth.Author)
	app, secret := h.key(b, ada)
	pair, private := h.verificationKey(b, ada, signature.Ed25519)
	wrong := strict(h, app, signature.HMACKey([]byte("wrong"))).request(b)
	for _, bench := range []struct {
		name    string
		request func() *http.Request
		ok      bool
	}{
		{"header", func() *http.Request { return post(addr, body, sign(app, secret, body)) }, true},
		{"hmac-sha256 without nonce", func() *http.Request { return wrong.Clone(context.Background()) }, false},
		{"hmac-sha256", func() *http.Request { return strict(h, app, hmacKey(secret)).request(b) }, true},
		{"ed25519", func() *http.Request { return strict(h, pair, private).request(b) }, true},
	} {
		b.Run(bench.name, func(b *testing.B) {
			requests := make(chan *http.Request, b.N)
			for range b.N {
				requests <- bench.request()
			}
			close(requests)
			b.ResetTimer()
			var all sync.WaitGroup
			for range 32 {
				all.Go(func() {
					for r := range requests {
						if _, err := h.verify(r, body); (err == nil) != bench.ok {
							b.Error(err)
						}
					}
				})
			}
			all.Wait()
		})
	}
}
