package auth

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/quillgate/quillgate/apps"
)

// maxBasic is the largest length of Basic credentials as they are sent, in
// bytes.
const maxBasic = 4096

// basicProof is a caller authenticated by HTTP Basic, which does not cover the
// body.
type basicProof struct {
	who            Identity
	user, password string
}

func (basicProof) Write(p []byte) (int, error) { return len(p), nil }

func (p basicProof) identify(ctx context.Context, q *Request, e Event) (Identity, error) {
	if !q.slow() {
		return p.who, nil
	}
	who, err := q.v.byBasic(ctx, q, p.user, p.password, &e)
	if err == nil && e.Reason != "" {
		err = q.v.deny(ctx, e)
	}
	return who, err
}

// beginBasic verifies HTTP Basic credentials (RFC 7617), which are one of
//
//	TOKEN:anything       a token
//	user:TOKEN           a token of the user
//	user:PASSWORD        an application password of the user
//
// and never the password of an account, which is not even checked. They are
// refused before the body is read. Failures make nobody wait: none of the three
// can be guessed, and the right one must work from behind the same address.
func (v *Verifier) beginBasic(ctx context.Context, q *Request, credentials string) (proof, error) {
	e := Event{Via: ViaToken, Addr: q.addr}
	if !q.secure && !v.cfg.ClearTextPasswords {
		e.Reason = ClearText
		v.tell(ctx, e)
		return nil, ErrClearText
	}
	user, password, ok := parseBasic(credentials)
	if !ok {
		e.Reason = MalformedHeader
		return nil, v.deny(ctx, e)
	}
	who, err := v.byBasic(ctx, q, user, password, &e)
	switch {
	case err != nil:
		return nil, err
	case e.Reason != "":
		return nil, v.deny(ctx, e)
	}
	e.UserID, e.Public = who.User.ID, who.Token.ID
	v.tell(ctx, e)
	q.noted(who.Token)
	return basicProof{who, user, password}, nil
}

// byBasic finds the caller, and completes the event. If there is none, the
// event has the reason.
func (v *Verifier) byBasic(ctx context.Context, q *Request, user, password string, e *Event) (who Identity, err error) {
	e.Via = ViaToken
	if selector, ok := apps.ParseToken(user); ok {
		e.Public = selector
		who, e.Reason, err = v.byToken(ctx, q, user, "")
	} else if selector, ok := apps.ParseToken(password); ok {
		e.Public, e.Login = selector, user
		who, e.Reason, err = v.byToken(ctx, q, password, user)
	} else {
		e.Via, e.Login = ViaApplicationPassword, user
		who, e.Reason, err = v.byApplicationPassword(ctx, q, user, password)
	}
	if err != nil {
		return Identity{}, fmt.Errorf("verify basic credentials: %w", err)
	}
	return who, nil
}

// parseBasic parses user and password. RFC 7617 forbids control characters.
func parseBasic(credentials string) (user, password string, ok bool) {
	if len(credentials) > maxBasic {
		return "", "", false
	}
	text, err := base64.StdEncoding.Strict().DecodeString(strings.Trim(credentials, " "))
	if err != nil || !utf8.Valid(text) || strings.ContainsFunc(string(text), unicode.IsControl) {
		return "", "", false
	}
	return strings.Cut(string(text), ":")
}

// byToken finds the caller with a token. login is empty or must be the token's
// user.
func (v *Verifier) byToken(ctx context.Context, q *Request, text, login string) (Identity, Reason, error) {
	users := v.cfg.Users
	t, reason, err := users.findToken(ctx, text, q.addr)
	if err != nil || reason != "" {
		return Identity{}, reason, err
	}
	policy, err := users.Policy(ctx)
	if err != nil {
		return Identity{}, "", err
	}
	user, err := users.cached(ctx, t.UserID)
	switch {
	case ignore(err, ErrNotFound) != nil:
		return Identity{}, "", err
	case err != nil:
		return Identity{}, KeyWithoutUser, nil
	case !policy.Tokens:
		return Identity{}, TokensOff, nil
	case login != "" && fold(login) != fold(user.Login) && fold(login) != fold(user.Email):
		return Identity{}, WrongToken, nil
	case !user.Networks.Allow(q.addr):
		return Identity{}, WrongNetwork, nil
	}
	return q.as(withToken(user, t)), "", nil
}

// byApplicationPassword finds the caller with an application password.
func (v *Verifier) byApplicationPassword(ctx context.Context, q *Request, login, password string) (Identity, Reason, error) {
	users := v.cfg.Users
	policy, err := users.Policy(ctx)
	if err != nil {
		return Identity{}, "", err
	}
	c, err := users.signingIn(ctx, strings.TrimSpace(login))
	if err != nil {
		return Identity{}, "", err
	}
	t, reason, ok, err := users.findApplicationPassword(ctx, c.ID, password, q.addr)
	switch {
	case err != nil || reason != "":
		return Identity{}, reason, err
	case c.ID == 0:
		return Identity{}, UnknownUser, nil
	case !ok:
		return Identity{}, WrongPassword, nil
	case !policy.ApplicationPasswords:
		return Identity{}, TokensOff, nil
	case !c.Networks.Allow(q.addr):
		return Identity{}, WrongNetwork, nil
	}
	return q.as(withToken(c.User, t)), "", nil
}

// as returns the caller with the properties of this request.
func (q *Request) as(who Identity) Identity {
	who.Addr, who.Agent = q.addr, q.agent
	return who
}
