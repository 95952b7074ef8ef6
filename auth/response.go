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

// signing holds what is needed to sign the answer to an authenticated request.
type signing struct {
	app    *apps.App   // nil: not authenticated
	secret apps.Secret // of the application; empty: it has a verification key
	label  string      // of the message signature in the request; empty: it has another credential
}

// components returns the components that the signature of an answer covers. The
// last one, the proof in the request, binds the answer to it.
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
// of the answer, if the request asks for that by Accept-Signature (RFC 9421
// section 5) with the tag "quillgate", and carries a valid signature.
// Content-Type must already be in the header. For a key with a secret it signs
// with that, using hmac-sha256; otherwise it signs with the server's own key.
//
// If the client asks for something that is not supported, the answer stays
// unsigned, as the RFC allows; the client sees that. An error means that the
// server's key is not available.
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

// responseKey returns the key that signs the answer, and its keyid.
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
