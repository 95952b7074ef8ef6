package apps

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrOtherToken means that the selector is that of a token, but the rest of the
// text is wrong. It is for the log: a client must not be able to distinguish it
// from ErrNoToken.
var ErrOtherToken = errors.New("the text is not that of the token")

// PresentedToken returns the token with this text, revoked, expired or not. An
// unknown selector takes as long as a known one. Errors: ErrNoToken,
// ErrOtherToken. A damaged token is refused with ErrOtherToken and logged.
func (s *Store) PresentedToken(ctx context.Context, text string) (Token, error) {
	r, err := s.tokenOf(ctx, text)
	if err != nil {
		return Token{}, err
	}
	t, err := r.token()
	if err != nil {
		s.logger.ErrorContext(ctx, "refusing a damaged token", "token", r.UUID, "error", err)
		return Token{}, ErrOtherToken
	}
	return t, nil
}

func (s *Store) tokenOf(ctx context.Context, text string) (tokenRow, error) {
	selector, _ := ParseToken(text)
	key, err := s.Keyed(ctx)
	if err != nil {
		return tokenRow{}, err
	}
	r, err := getToken(ctx, s.db, selector)
	if err != nil && !errors.Is(err, ErrNoToken) {
		return tokenRow{}, err
	}
	right := equal(key.token(r.UserID, r.UUID, text), r.Hash) && TokenKind(r.Kind).IsAccess()
	if err == nil && !right {
		err = ErrOtherToken
	}
	return r, err
}

// FindToken returns the token with this text, revoked or not. It is for a token
// that was found where it should not be. Error: ErrNoToken.
func (s *Store) FindToken(ctx context.Context, text Secret) (Token, error) {
	if _, ok := ParseToken(text.Reveal()); !ok {
		return Token{}, ErrNoToken
	}
	r, err := s.tokenOf(ctx, text.Reveal())
	if errors.Is(err, ErrOtherToken) {
		err = ErrNoToken
	}
	if err != nil {
		return Token{}, err
	}
	return r.token()
}

// revokedShown is how long the log distinguishes a revoked application password
// from one that never existed.
const revokedShown = 30 * 24 * time.Hour

// PresentedPassword returns the user's application password with this text,
// revoked, expired or not; ok is false if there is none. User 0 has none.
// imported compares a plain text with the hash of an application password that
// was created elsewhere; such a hash is replaced by one of this server. A
// damaged one is refused with ErrOtherToken and logged.
func (s *Store) PresentedPassword(ctx context.Context, userID int64, text string, imported func(plain, hash string) bool) (t Token, ok bool, err error) {
	key, err := s.Keyed(ctx)
	if err != nil {
		return Token{}, false, err
	}
	var rows []tokenRow
	err = s.db.Select(ctx, &rows, `SELECT `+tokenColumns+` FROM application_passwords
		WHERE site_id = $site AND user_id = $1 AND kind = $2 AND (revoked IS NULL OR revoked > $3) ORDER BY id`, userID, string(ApplicationPassword), s.now().Add(-revokedShown))
	if err != nil {
		return Token{}, false, fmt.Errorf("read application passwords: %w", err)
	}
	plain := PlainPassword(text)
	for _, r := range rows {
		current := key.token(r.UserID, r.UUID, plain)
		if plain == "" || !equal(current, r.Hash) && !imported(plain, r.Hash) {
			continue
		}
		if t, err = r.token(); err != nil {
			s.logger.ErrorContext(ctx, "refusing a damaged token", "token", r.UUID, "error", err)
			return Token{}, true, ErrOtherToken
		}
		if t.Revoked.IsZero() && !equal(r.Hash, current) {
			s.renewToken(ctx, r, current)
		}
		return t, true, nil
	}
	return Token{}, false, nil
}

// renewToken replaces a hash in an older form. If this fails, the password is
// right nevertheless.
func (s *Store) renewToken(ctx context.Context, r tokenRow, hash string) {
	_, err := s.db.Exec(ctx, `UPDATE application_passwords SET hash = $2 WHERE site_id = $site AND id = $1 AND hash = $3`, r.ID, hash, r.Hash)
	if err != nil {
		s.logger.WarnContext(ctx, "the old hash of an application password was not replaced", "token", r.UUID, "error", err)
	}
}
