package auth_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/signature"
)

// ask returns a function that requests a signed answer.
func ask(value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Accept-Signature", value) }
}

// Answers are signed on request, with the secret or the server's own key, and
// are bound to the request that they answer.
func TestSignedAnswers(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		ada := h.user(t, "ada", auth.Author)
		app, secret := h.key(t, ada)
		pair, private := h.verificationKey(t, ada, signature.Ed25519)
		own, err := h.apps.ResponseKey(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		server, err := signature.PublicKey(signature.Ed25519, own.Public())
		if err != nil {
			t.Fatal(err)
		}
		bound := `"signature";req;key="sig"`
		strictly := func(app apps.App, key signature.Key, wants string) *http.Request {
			m := strict(h, app, key)
			m.change = ask(wants)
			return m.request(t)
		}
		inHeader := post(addr, body, sign(app, secret, body))
		ask(`a=("@status" "authorization";req);nonce="n";tag="quillgate"`)(inHeader)
		tests := []struct {
			name    string
			request *http.Request
			key     signature.Key
			keyID   string
			nonce   string
			bound   string // "" for no signature
		}{
			{"secret", strictly(app, hmacKey(secret), `a=();tag="quillgate"`), hmacKey(secret), app.Public, "", bound},
			{"verification key", strictly(pair, private, `a=("@status" `+bound+`);created;nonce="n";tag="quillgate"`), server, own.ID, "n", bound},
			{"among others", strictly(app, hmacKey(secret), `b=("x");tag="other", a=("@status");tag="quillgate"`), hmacKey(secret), app.Public, "", bound},
			{"header scheme", inHeader, hmacKey(secret), app.Public, "n", `"authorization";req`},
			{"right names", strictly(app, hmacKey(secret), fmt.Sprintf(`a=();tag="quillgate";keyid=%q;alg="hmac-sha256"`, app.Public)), hmacKey(secret), app.Public, "", bound},
			{"other key", strictly(app, hmacKey(secret), `a=();tag="quillgate";keyid="x"`), signature.Key{}, "", "", ""},
			{"other algorithm", strictly(app, hmacKey(secret), `a=();tag="quillgate";alg="ed25519"`), signature.Key{}, "", "", ""},
			{"other tag", strictly(app, hmacKey(secret), `a=();tag="other"`), signature.Key{}, "", "", ""},
			{"two", strictly(app, hmacKey(secret), `a=();tag="quillgate", b=();tag="quillgate"`), signature.Key{}, "", "", ""},
			{"more than there is", strictly(app, hmacKey(secret), `a=("x-other");tag="quillgate"`), signature.Key{}, "", "", ""},
			{"malformed", strictly(app, hmacKey(secret), `a=(;tag="quillgate"`), signature.Key{}, "", "", ""},
			{"nothing asked", strict(h, app, hmacKey(secret)).request(t), signature.Key{}, "", "", ""},
			{"nobody", post(addr, body), signature.Key{}, "", "", ""},
		}
		for _, test := range tests {
			q, err := h.verify(test.request, body)
			if err != nil {
				t.Errorf("%s: %v", test.name, err)
				continue
			}
			header := http.Header{"Content-Type": {"text/xml; charset=UTF-8"}}
			if err := q.SignResponse(t.Context(), 200, header, strings.NewReader("an answer")); err != nil {
				t.Errorf("%s: %v", test.name, err)
			}
			list, err := signature.Signatures(header)
			if err != nil || len(list) != map[bool]int{true: 1}[test.bound != ""] {
				t.Errorf("%s: %d signatures, %v", test.name, len(list), err)
				continue
			}
			if test.bound == "" {
				if header.Get("Content-Digest") != "" {
					t.Errorf("%s: a digest without a signature", test.name)
				}
				continue
			}
			m := &signature.Message{Status: 200, Header: header, Request: signature.RequestMessage(test.request)}
			if err := list[0].Verify(test.key, m); err != nil {
				t.Errorf("%s: %v", test.name, err)
			}
			want := signature.Params{Created: h.clock.Now().Unix(), KeyID: test.keyID, Alg: test.key.Algorithm(), Nonce: test.nonce, Tag: "quillgate"}
			if list[0].Label != "a" || list[0].Params != want {
				t.Errorf("%s: %s, %+v; want %+v", test.name, list[0].Label, list[0].Params, want)
			}
			if diff := cmp.Diff([]string{`"@status"`, `"content-type"`, `"content-digest"`, test.bound}, list[0].Covered()); diff != "" {
				t.Errorf("%s: covered (-want +got):\n%s", test.name, diff)
			}
			d, err := signature.NewContentDigest(header["Content-Digest"])
			if err != nil {
				t.Fatal(err)
			}
			d.Write([]byte("an answer"))
			if !d.Matches() {
				t.Errorf("%s: the digest is not that of the body", test.name)
			}
			m.Request = signature.RequestMessage(strict(h, app, hmacKey(secret)).request(t))
			m.Request.Header.Set("Authorization", "x")
			if err := list[0].Verify(test.key, m); err == nil {
				t.Errorf("%s: it passes as the answer to another request", test.name)
			}
		}
	})
}
