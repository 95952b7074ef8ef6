package apps

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrOtherToken means that there is a token of this selector, and the text is
// another one; for the log, since a client must not be able to tell it from
// ErrNoToken.
var ErrOtherToken = errors.New("the text is not that of the token")

// PresentedToken returns the token that a text is, revoked, expired or not. A
// selector that no one has costs what one costs that someone has. Errors:
// ErrNoToken, ErrOtherToken; a token that is damaged is refused as ErrOtherToken
// and logged.
func (s *Store) PresentedToken(ctx context.Context, text string) (Token, error) {
	r, err := s.tokenOf(ctx, text)
	if err != nil {
		return Token{}, err
	}
	t, err := r.token()
	if err != nil {
		s.logger.ErrorContext(ctx, "refusing a damaged token", "token", r.ID, "error", err)
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
	right := equal(key.token(r.UserID, r.ID, text), r.Hash) && TokenKind(r.Kind).IsAccess()
	if err == nil && !right {
		err = ErrOtherToken
	}
	return r, err
}

// FindToken returns the token that a text is, revoked or not: for one that was
// found where it should not be. Error: ErrNoToken.
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

// revokedShown is how long a revoked application password is told from one
// that never was, in the log.
const revokedShown = 30 * 24 * time.Hour

// PresentedPassword returns the application password of the user that a text
// is, revoked, expired or not; ok is false when it is none. User 0 has none.
// imported compares a text, plain, with the hash of an application password
// that was made elsewhere; such a hash is replaced by one of ours. One that is
// damaged is refused with ErrOtherToken and logged.
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
		current := key.token(r.UserID, r.ID, plain)
		if plain == "" || !equal(current, r.Hash) && !imported(plain, r.Hash) {
			continue
		}
		if t, err = r.token(); err != nil {
			s.logger.ErrorContext(ctx, "refusing a damaged token", "token", r.ID, "error", err)
			return Token{}, true, ErrOtherToken
		}
		if t.Revoked.IsZero() && !equal(r.Hash, current) {
			s.renewToken(ctx, r, current)
		}
		return t, true, nil
	}
	return Token{}, false, nil
}

// renewToken replaces a hash of an older form. The password is right all the
// same when this does not work.
func (s *Store) renewToken(ctx context.Context, r tokenRow, hash string) {
	_, err := s.db.Exec(ctx, `UPDATE application_passwords SET hash = $2 WHERE site_id = $site AND id = $1 AND hash = $3`, r.Row, hash, r.Hash)
	if err != nil {
		s.logger.WarnContext(ctx, "the old hash of an application password was not replaced", "token", r.ID, "error", err)
	}
}
