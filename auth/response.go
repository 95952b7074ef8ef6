package auth

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/signature"
)

// signing is what the answer to a request is signed with, once the client has
// shown who it is.
type signing struct {
	app    *apps.App   // nil: no one has shown anything
	secret apps.Secret // of the application; empty: it has a verification key
	label  string      // of the message signature that the request carries; empty: it carries another
}

// components are what the signature of an answer covers. The last binds it to
// the request: it is the proof that the request carries.
func (q *Request) components() []string {
	proof := `"authorization";req`
	switch {
	case q.signing.label != "":
		proof = `"signature";req;key="` + q.signing.label + `"`
	case len(q.head.Header.Values("Authorization")) == 0:
		proof = `"` + strings.ToLower(FallbackField) + `";req`
	}
	return []string{`"@status"`, `"content-type"`, `"content-digest"`, proof}
}

// SignResponse adds Content-Digest, Signature-Input and Signature to the header
// of the answer, where the request asks for it by Accept-Signature (RFC 9421
// section 5) with the tag "quillgate", and carries a signature that holds.
// Content-Type must be in the header already. A key with a secret signs by
// hmac-sha256 with it; for every other the server's own key signs.
//
// What the client asks for and cannot have leaves the answer unsigned, as the
// RFC allows; the client sees that. Errors say that the server's key is not to
// be had.
func (q *Request) SignResponse(ctx context.Context, status int, h http.Header, body io.Reader) error {
	if q == nil || q.signing.app == nil {
		return nil
	}
	wanted, found := signature.Wanted(q.head.Header, Tag)
	if !found {
		return nil
	}
	components := q.components()
	for _, c := range wanted.Components {
		if !slices.Contains(components, c) {
			return nil
		}
	}
	key, keyID, err := q.responseKey(ctx)
	if err != nil {
		return fmt.Errorf("sign an answer: %w", err)
	}
	if wanted.Alg != "" && wanted.Alg != key.Algorithm() || wanted.KeyID != "" && wanted.KeyID != keyID {
		return nil
	}
	digest, err := signature.ContentDigestOf(body)
	if err != nil {
		return fmt.Errorf("sign an answer: %w", err)
	}
	h.Set("Content-Digest", digest)
	request, _ := q.v.message(q.head)
	input, value, err := signature.SignMessage(key, wanted.Label,
		&signature.Message{Status: status, Header: h, Request: request}, components,
		signature.Params{Created: q.v.cfg.Clock().Unix(), KeyID: keyID, Alg: key.Algorithm(), Nonce: wanted.Nonce, Tag: Tag})
	if err != nil {
		return fmt.Errorf("sign an answer: %w", err)
	}
	h.Set("Signature-Input", input)
	h.Set("Signature", value)
	return nil
}

// responseKey is the key that signs the answer, and its name.
func (q *Request) responseKey(ctx context.Context) (signature.Key, string, error) {
	if !q.signing.secret.IsEmpty() {
		return signature.HMACKey([]byte(q.signing.secret.Reveal())), q.signing.app.Public, nil
	}
	own, err := q.v.cfg.Apps.ResponseKey(ctx)
	if err != nil {
		return signature.Key{}, "", err
	}
	key, err := signature.PrivateKey(signature.Ed25519, own.Private)
	return key, own.ID, err
}
