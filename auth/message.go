package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/signature"
)

// Tag is the tag parameter of message signatures for this server. It
// distinguishes them from others on the same message (RFC 9421 section 7.2.1).
const Tag = "quillgate"

// The rules for message signatures. A nonce is kept for longer than its
// signature is valid, so it can never be used again.
const (
	maxAge    = 300 * time.Second // at the arrival of the header
	maxAhead  = 60 * time.Second
	maxWhole  = 500 * time.Second // when the body has arrived
	nonceLife = 600 * time.Second // above maxWhole + maxAhead
	minNonce  = 16                // characters
	maxNonce  = 64
	// maxNonces is the number of nonces that are kept for one key; a key that
	// sends more within nonceLife is refused.
	maxNonces = 100_000
)

// RequiredComponents returns the components that a message signature must
// cover, in the form of a signature base.
func RequiredComponents() []string {
	return []string{`"@method"`, `"@authority"`, `"@path"`, `"@query"`, `"content-type"`, `"content-digest"`}
}

// Stale refuses a correct message signature that was made too long ago or too
// far in the future. It is an ErrDenied, and the only one that reveals its
// reason, so that a client can correct its clock.
type Stale struct{ Now time.Time }

func (s *Stale) Error() string {
	return "the signature is too old or too far in the future: it is " + s.Now.UTC().Format(time.RFC3339)
}

// Is makes errors.Is(err, ErrDenied) true.
func (s *Stale) Is(target error) bool { return target == ErrDenied }

// messageProof verifies a message signature (RFC 9421) that covers the body
// through Content-Digest.
type messageProof struct {
	signed  signature.Signed
	message *signature.Message
	digest  *signature.ContentDigest
	key     signature.Key
	app     *apps.App // nil if there is no such key
	secret  apps.Secret
	reason  Reason // why the key is not valid; empty: it may be
}

// beginMessage begins the verification of a message signature (RFC 9421). It
// refuses what it can without the key before the body is read.
func (v *Verifier) beginMessage(r *http.Request, q *Request) (proof, error) {
	ctx := r.Context()
	e := Event{Via: ViaSignature, Addr: q.addr}
	signed, reason := readMessage(r.Header)
	if reason == "" {
		e.Public = signed.Params.KeyID
	}
	digest, err := signature.NewContentDigest(r.Header.Values("Content-Digest"))
	if err != nil && reason == "" {
		reason = NoContentDigest
	}
	if reason != "" {
		e.Reason = reason
		return nil, v.deny(ctx, e)
	}
	message, own := v.message(r)
	p := &messageProof{signed: signed, digest: digest, message: message}
	secret, app, reason, err := v.key(ctx, q, signed.Params.KeyID)
	if err != nil {
		return nil, err
	}
	if reason == "" {
		p.key, reason = messageKey(secret, app, signed.Params.Alg)
	}
	if reason == "" && !own && secret.IsEmpty() {
		reason = OtherServer
	}
	if reason != "" {
		// The same work as for a key that exists.
		p.key = v.dummies.key(signed.Params.Alg)
	}
	p.app, p.secret, p.reason = app, secret, reason
	return p, nil
}

// message returns the request as its sender saw it. own reports whether it was
// sent to this server.
func (v *Verifier) message(r *http.Request) (m *signature.Message, own bool) {
	m = signature.RequestMessage(r)
	at := v.cfg.Origin(r)
	m.Scheme, m.Authority = at.Scheme, at.Authority
	return m, at.Own
}

// readMessage returns the one signature with our tag, and checks its
// parameters.
func readMessage(h http.Header) (mine signature.Signed, reason Reason) {
	list, err := signature.Tagged(h, Tag)
	switch {
	case err != nil:
		return mine, MalformedHeader
	case len(list) == 0:
		return mine, NoTag
	case len(list) > 1:
		return mine, SeveralHeaders
	}
	mine = list[0]
	switch p := mine.Params; {
	case p.Created <= 0 || p.Alg == "" || !signature.ValidPublic(p.KeyID):
		return mine, MissingParameter
	case len(p.Nonce) < minNonce || len(p.Nonce) > maxNonce:
		return mine, MissingParameter
	}
	for _, c := range RequiredComponents() {
		if !mine.Covers(c) {
			return mine, NotCovered
		}
	}
	return mine, ""
}

// messageKey returns the key that verifies an application's signatures. The
// algorithm was fixed when the key was created; a request that names another
// one is refused, whatever its signature is.
func messageKey(secret apps.Secret, app *apps.App, named signature.Algorithm) (signature.Key, Reason) {
	alg := signature.Algorithm(app.Algorithm)
	if alg != named {
		return signature.Key{}, OtherAlgorithm
	}
	key := signature.HMACKey([]byte(secret.Reveal()))
	if alg != signature.HMACSHA256 {
		var err error
		if key, err = signature.ParsePublicKey(alg, app.VerificationKey); err != nil {
			return signature.Key{}, SealedKey
		}
	}
	if key.IsZero() {
		// Without a key, nobody gets in.
		return key, SealedKey
	}
	return key, ""
}

func (p *messageProof) Write(b []byte) (int, error) { return p.digest.Write(b) }

// identify checks the signature, then its age, and then records the nonce: in
// this order, so that nobody can use up the nonces of others.
func (p *messageProof) identify(ctx context.Context, q *Request, e Event) (Identity, error) {
	v, params := q.v, p.signed.Params
	if q.slow() {
		_, app, reason, err := v.key(ctx, q, params.KeyID)
		if err != nil {
			return Identity{}, err
		}
		// Key and algorithm are those from before: they never change.
		if p.reason == "" {
			p.app, p.reason = app, reason
		}
	}
	e.Reason, e.Via, e.Public = p.reason, ViaSignature, params.KeyID
	err := p.signed.Verify(p.key, p.message)
	if whole := p.digest.Matches(); (err != nil || !whole) && e.Reason == "" {
		e.Reason = WrongDigest
	}
	if e.Reason != "" {
		return Identity{}, v.deny(ctx, e)
	}
	now := v.cfg.Clock()
	if !current(params, q.began, now) {
		e.Reason = StaleSignature
		v.tell(ctx, e)
		return Identity{}, &Stale{Now: now}
	}
	switch err := v.nonces.use(ctx, p.app.Public, params.Nonce, now, nonceLife); {
	case errors.Is(err, errReplayed):
		e.Reason = Replayed
		return Identity{}, v.deny(ctx, e)
	case errors.Is(err, errManyNonces):
		e.Reason = ManyNonces
		return Identity{}, v.deny(ctx, e)
	case err != nil:
		return Identity{}, fmt.Errorf("verify a signature: %w", err)
	}
	q.signing = signing{app: p.app, secret: p.secret, label: p.signed.Label}
	return q.accept(ctx, p.app, e)
}

// current reports whether a signature is recent. The time when the header
// arrived counts, since a large body takes long to arrive, but no longer than
// nonces are kept.
func current(p signature.Params, began, now time.Time) bool {
	age := began.Unix() - p.Created
	return age <= int64(maxAge/time.Second) && age >= -int64(maxAhead/time.Second) &&
		now.Unix()-p.Created <= int64(maxWhole/time.Second) && (p.Expires == 0 || p.Expires >= began.Unix())
}
