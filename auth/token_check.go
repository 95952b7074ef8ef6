package auth

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/quillgate/quillgate/apps"
)

// isApplicationPassword reports whether a password has the form of the
// application passwords made here. Such a one cannot be guessed, so a right one
// is taken even where wrong passwords must wait.
func isApplicationPassword(password string) bool {
	return len(plainApplicationPassword(password)) == applicationPasswordLen
}

// findToken returns the token of a text. A reason says that there is none, or
// that it is not valid for this request. A selector that no one has costs what
// one costs that someone has.
func (u *Users) findToken(ctx context.Context, text, selector string, addr netip.Addr) (Token, Reason, error) {
	key, err := u.keyed(ctx)
	if err != nil {
		return Token{}, "", err
	}
	r, err := getToken(ctx, u.db, selector)
	if err != nil && !errors.Is(err, ErrNoToken) {
		return Token{}, "", err
	}
	right := equal(key.token(r.UserID, r.ID, text), r.Hash) && TokenKind(r.Kind).isAccess()
	switch {
	case err != nil:
		return Token{}, UnknownToken, nil
	case !right:
		return Token{}, WrongToken, nil
	}
	return u.usable(r, addr)
}

// findApplicationPassword returns the application password of the user that a
// text is; ok is false when it is none. A reason says that it is not valid for
// this request. User 0 has none.
func (u *Users) findApplicationPassword(ctx context.Context, userID int64, password string, addr netip.Addr) (t Token, reason Reason, ok bool, err error) {
	key, err := u.keyed(ctx)
	if err != nil {
		return Token{}, "", false, err
	}
	var rows []tokenRow
	err = u.db.Select(ctx, &rows, `SELECT `+tokenColumns+` FROM application_passwords
		WHERE site_id = $site AND user_id = $1 AND kind = $2 AND (revoked IS NULL OR revoked > $3) ORDER BY id`, userID, string(ApplicationPassword), u.now().Add(-revokedShown))
	if err != nil {
		return Token{}, "", false, fmt.Errorf("read application passwords: %w", err)
	}
	plain := plainApplicationPassword(password)
	for _, r := range rows {
		current := key.token(r.UserID, r.ID, plain)
		if plain == "" || !equal(current, r.Hash) && !fastMatches(plain, r.Hash) {
			continue
		}
		t, reason, err := u.usable(r, addr)
		if reason == "" && err == nil && !equal(r.Hash, current) {
			u.renewToken(ctx, r, current)
		}
		return t, reason, true, err
	}
	return Token{}, "", false, nil
}

// revokedShown is how long a revoked application password is told from one
// that never was, in the log.
const revokedShown = 30 * 24 * time.Hour

// usable reports whether a token that was presented may be used.
func (u *Users) usable(r tokenRow, addr netip.Addr) (Token, Reason, error) {
	t, err := r.token()
	switch {
	case err != nil:
		u.logger.Error("refusing a damaged token", "token", r.ID, "error", err)
		return Token{}, WrongToken, nil
	case !t.Revoked.IsZero():
		return t, RevokedToken, nil
	case !t.Expires.IsZero() && !u.now().Before(t.Expires):
		return t, ExpiredToken, nil
	case !allowed(t.Networks, addr):
		return t, WrongNetwork, nil
	}
	return t, "", nil
}

// renewToken replaces a hash of an older form. The password is right all the
// same when this does not work.
func (u *Users) renewToken(ctx context.Context, r tokenRow, hash string) {
	_, err := u.db.Exec(ctx, `UPDATE application_passwords SET hash = $2 WHERE site_id = $site AND id = $1 AND hash = $3`, r.Row, hash, r.Hash)
	if err != nil {
		u.logger.WarnContext(ctx, "the old hash of an application password was not replaced", "token", r.ID, "error", err)
	}
}

// identity is the caller who has presented a token.
func (t Token) identity(user User) Identity {
	who := Identity{User: user, Scope: t.Scope, Token: &t, Via: ViaApplicationPassword}
	if t.Kind.isAccess() {
		who.Via = ViaToken
	}
	return who
}

// noted notes the use of a token.
func (q *Request) noted(t *Token) {
	q.v.cfg.Users.used(t.ID, apps.Use{At: q.v.cfg.Clock().UTC().Truncate(time.Microsecond), Addr: q.addr, Agent: q.agent})
}
