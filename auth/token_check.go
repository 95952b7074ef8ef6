package auth

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/netip"
	"time"

	"github.com/quillgate/quillgate/apps"
)

// findToken returns the token with a text. A reason means that there is none,
// or that it is not valid for this request.
func (u *Users) findToken(ctx context.Context, text string, addr netip.Addr) (apps.Token, Reason, error) {
	t, err := u.apps.PresentedToken(ctx, text)
	switch {
	case errors.Is(err, apps.ErrNoToken):
		return apps.Token{}, UnknownToken, nil
	case errors.Is(err, apps.ErrOtherToken):
		return apps.Token{}, WrongToken, nil
	case err != nil:
		return apps.Token{}, "", err
	}
	return t, u.refusal(t, addr), nil
}

// findApplicationPassword returns the application password of the user with a
// text; ok is false if there is none. A reason means that it is not valid for
// this request. User 0 has none.
func (u *Users) findApplicationPassword(ctx context.Context, userID int64, password string, addr netip.Addr) (t apps.Token, reason Reason, ok bool, err error) {
	t, ok, err = u.apps.PresentedPassword(ctx, userID, password, fastMatches)
	switch {
	case errors.Is(err, apps.ErrOtherToken):
		return apps.Token{}, WrongToken, true, nil
	case err != nil || !ok:
		return apps.Token{}, "", false, err
	}
	return t, u.refusal(t, addr), true, nil
}

// refusal returns why a presented token is not valid for this request, or "" if
// it is.
func (u *Users) refusal(t apps.Token, addr netip.Addr) Reason {
	switch {
	case !t.Revoked.IsZero():
		return RevokedToken
	case !t.Expires.IsZero() && !u.now().Before(t.Expires):
		return ExpiredToken
	case !allowed(t.Networks, addr):
		return WrongNetwork
	}
	return ""
}

// withToken returns the caller with a token.
func withToken(user User, t apps.Token) Identity {
	who := Identity{User: user, Scope: t.Scope, Token: &t, Via: ViaApplicationPassword}
	if t.Kind.IsAccess() {
		who.Via = ViaToken
	}
	return who
}

// noted records the use of a token.
func (q *Request) noted(t *apps.Token) {
	q.v.cfg.Users.apps.TokenUsed(t.ID, apps.Use{At: q.v.cfg.Clock().UTC().Truncate(time.Microsecond), Addr: q.addr, Agent: q.agent})
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
