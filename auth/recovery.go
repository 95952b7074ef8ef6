package auth

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/database"
)

// recoveryCodes is the number of recovery codes that a user gets at a time.
// Each replaces one code of the second factor, and has 80 random bits: 16
// letters and digits of base 32 in groups of four.
const recoveryCodes = 10

func newRecoveryCodes() []apps.Secret {
	codes := make([]apps.Secret, recoveryCodes)
	for i := range codes {
		var b [10]byte
		rand.Read(b[:])
		text := strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
		codes[i] = apps.NewSecret(text[:4] + "-" + text[4:8] + "-" + text[8:12] + "-" + text[12:])
	}
	return codes
}

// recoveryHash returns the keyed hash of a code, ignoring case and hyphens, or
// nil for a text that cannot be one.
func recoveryHash(key apps.Keyed, userID int64, code string) []byte {
	code = strings.ToLower(strings.NewReplacer("-", "", " ", "").Replace(code))
	if len(code) != 16 {
		return nil
	}
	return key.Sum("recovery", fmt.Sprint(userID), code)
}

// writeRecoveryCodes replaces the codes of a user.
func writeRecoveryCodes(ctx context.Context, tx *database.Tx, key apps.Keyed, userID int64, codes []apps.Secret) error {
	if _, err := tx.Exec(ctx, `DELETE FROM recovery_codes WHERE site_id = $site AND user_id = $1`, userID); err != nil {
		return err
	}
	for _, code := range codes {
		_, err := tx.Exec(ctx, `INSERT INTO recovery_codes (site_id, user_id, hash) VALUES ($site, $1, $2)`, userID, recoveryHash(key, userID, code.Reveal()))
		if err != nil {
			return err
		}
	}
	return nil
}

// NewRecoveryCodes replaces a user's recovery codes and returns the new ones,
// which are never shown again. Call Verifier.Confirm for the password first.
// Error: ErrNoSecondFactor.
func (u *Users) NewRecoveryCodes(ctx context.Context, by audit.Actor, userID int64) ([]apps.Secret, error) {
	key, err := u.apps.Keyed(ctx)
	if err != nil {
		return nil, err
	}
	codes := newRecoveryCodes()
	err = u.db.Update(ctx, func(tx *database.Tx) error {
		if r, err := getFactor(ctx, tx, userID); err != nil || !r.Confirmed.Valid {
			return errors.Join(ErrNoSecondFactor, err)
		}
		if err := writeRecoveryCodes(ctx, tx, key, userID, codes); err != nil {
			return err
		}
		return audit.Append(ctx, tx, audit.Event{Kind: RecoveryMade, UserID: userID, By: by, At: u.now()})
	})
	if err != nil {
		return nil, fmt.Errorf("make recovery codes: %w", err)
	}
	return codes, nil
}

// takeRecoveryCode uses up a recovery code with one statement, which succeeds
// once. Error: ErrWrongCode.
func (u *Users) takeRecoveryCode(ctx context.Context, tx *database.Tx, key apps.Keyed, by audit.Actor, userID int64, code string) error {
	hash := recoveryHash(key, userID, code)
	if hash == nil {
		return ErrWrongCode
	}
	r, err := tx.Exec(ctx, `UPDATE recovery_codes SET used = $3 WHERE site_id = $site AND user_id = $1 AND hash = $2 AND used IS NULL`, userID, hash, u.now())
	if err := touched(r, err); err != nil {
		if errors.Is(err, ErrNotFound) {
			return ErrWrongCode
		}
		return err
	}
	return audit.Append(ctx, tx, audit.Event{Kind: RecoveryUsed, UserID: userID, By: by, At: u.now()})
}
