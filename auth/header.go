package auth

import (
	"context"
	"errors"
	"fmt"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/signature"
)

// headerProof verifies the header scheme, Authorization: PUBLIC||HASH.
type headerProof struct {
	header signature.Header
	value  string // the parsed value
	hash   *signature.Hash
	app    *apps.App // nil if there is no such key
	secret apps.Secret
	reason Reason // why the key is not valid; empty: it may be
}

func (v *Verifier) beginHeader(ctx context.Context, q *Request, value string) (proof, error) {
	header, err := signature.Parse(value)
	if err != nil {
		return nil, v.deny(ctx, Event{Reason: MalformedHeader, Via: ViaSignature, Addr: q.addr})
	}
	p := &headerProof{header: header, value: value}
	if err := p.lookUp(ctx, q); err != nil {
		return nil, err
	}
	secret := p.secret
	if p.reason != "" {
		// The same work as for a key that exists.
		secret = apps.NewSecret(v.dummy)
	}
	p.hash = signature.NewHash(secret.Reveal())
	return p, nil
}

// lookUp reads the key, and checks whether it is valid for this request.
func (p *headerProof) lookUp(ctx context.Context, q *Request) error {
	secret, app, reason, err := q.v.key(ctx, q, p.header.Public())
	switch {
	case err != nil:
		return err
	case reason == "" && p.header.Legacy() && !app.LegacySignatures:
		reason = LegacyForm
	case reason == "" && app.Strict:
		reason = StrictKey
	case reason == "" && secret.IsEmpty():
		reason = VerificationKeyOnly
	}
	p.app, p.secret, p.reason = app, secret, reason
	return nil
}

// keyReasons are the errors of a lookup that make a key invalid, whatever the
// signature is.
var keyReasons = []struct {
	err    error
	reason Reason
}{
	{apps.ErrNotFound, UnknownKey},
	{apps.ErrRevoked, RevokedKey},
	{apps.ErrExpired, ExpiredKey},
	{apps.ErrUnused, UnusedKey},
	{apps.ErrSealed, SealedKey},
}

// errNone replaces a nil error where the time of a comparison must not reveal
// it.
var errNone = errors.New("none")

// key looks up a key. A reason means that it is not valid for this request,
// whatever the signature is; an error means that the database did not answer.
func (v *Verifier) key(ctx context.Context, q *Request, public string) (apps.Secret, *apps.App, Reason, error) {
	secret, app, err := v.cfg.Apps.Lookup(ctx, public)
	probe := err
	if err == nil {
		probe = errNone
	}
	var reason Reason
	// Compare all of them, found or not: the time would reveal where the search
	// ended.
	for _, r := range keyReasons {
		if errors.Is(probe, r.err) {
			reason = r.reason
		}
	}
	switch {
	case reason != "":
		return secret, app, reason, nil
	case err != nil:
		return secret, app, "", fmt.Errorf("verify a signature: %w", err)
	case !allowed(app.Networks, q.addr):
		return secret, app, WrongNetwork, nil
	}
	return secret, app, "", nil
}

func (p *headerProof) Write(b []byte) (int, error) { return p.hash.Write(b) }

func (p *headerProof) identify(ctx context.Context, q *Request, e Event) (Identity, error) {
	if q.slow() {
		// The secret is the one from before: it never changes.
		if err := p.lookUp(ctx, q); err != nil {
			return Identity{}, err
		}
	}
	e.Reason, e.Via, e.Public = p.reason, ViaSignature, p.header.Public()
	if !p.hash.Matches(p.header) && e.Reason == "" {
		e.Reason = WrongDigest
	}
	if e.Reason != "" {
		return Identity{}, q.v.deny(ctx, e)
	}
	q.signing = signing{app: p.app, secret: p.secret}
	who, err := q.accept(ctx, p.app, e)
	if err == nil {
		who.Repeat = repeatOf(p.value)
	}
	return who, err
}
