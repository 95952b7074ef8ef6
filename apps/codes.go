package apps

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/quillgate/quillgate/database"
)

// OneTimeCodes are the codes for one purpose, such as enrolments here or first
// passwords in package auth. Each works once, for one user, until it expires.
// The table holds their hashes, and at most one code for each user and purpose.
type OneTimeCodes string

// OneTimeCode is the data stored with a code.
type OneTimeCode struct {
	UserID  int64     `db:"user_id"` // 0 if the user is not known yet
	Detail  string    `db:"detail"`  // data for the purpose
	Expires time.Time `db:"expires"`
}

// Put stores a code, and replaces the user's previous one.
func (c OneTimeCodes) Put(ctx context.Context, tx *database.Tx, code Secret, kept OneTimeCode, now time.Time) error {
	if _, err := c.Drop(ctx, tx, kept.UserID, now); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `INSERT INTO one_time_codes (site_id, hash, purpose, user_id, detail, expires) VALUES ($site, $1, $2, $3, $4, $5)`,
		hashCode(code.Reveal()), string(c), kept.UserID, kept.Detail, kept.Expires)
	return err
}

// Drop deletes the code of a user, and all expired codes. It reports whether
// the user's code was still valid.
func (c OneTimeCodes) Drop(ctx context.Context, tx *database.Tx, userID int64, now time.Time) (good bool, err error) {
	var n int
	err = tx.Get(ctx, &n, `SELECT COUNT(*) FROM one_time_codes WHERE site_id = $site AND purpose = $1 AND user_id = $2 AND expires > $3`, string(c), userID, now)
	if err != nil {
		return false, err
	}
	_, err = tx.Exec(ctx, `DELETE FROM one_time_codes WHERE site_id = $site AND purpose = $1 AND (user_id = $2 OR expires <= $3)`, string(c), userID, now)
	return n > 0, err
}

// Of returns the data stored with the code of a user, or database.ErrNoRows if
// there is no valid one.
func (c OneTimeCodes) Of(ctx context.Context, q database.Queryer, userID int64, now time.Time) (kept OneTimeCode, err error) {
	err = q.Get(ctx, &kept, `SELECT user_id, detail, expires FROM one_time_codes WHERE site_id = $site AND purpose = $1 AND user_id = $2 AND expires > $3`,
		string(c), userID, now)
	return kept, err
}

// Find returns the data stored with a code, or database.ErrNoRows if it is
// wrong, used or expired.
func (c OneTimeCodes) Find(ctx context.Context, q database.Queryer, code string, now time.Time) (kept OneTimeCode, err error) {
	err = q.Get(ctx, &kept, `SELECT user_id, detail, expires FROM one_time_codes WHERE site_id = $site AND hash = $1 AND purpose = $2 AND expires > $3`,
		hashCode(code), string(c), now)
	return kept, err
}

// Take is Find, but also deletes the code.
func (c OneTimeCodes) Take(ctx context.Context, tx *database.Tx, code string, now time.Time) (kept OneTimeCode, err error) {
	err = tx.Get(ctx, &kept, `DELETE FROM one_time_codes WHERE site_id = $site AND hash = $1 AND purpose = $2 AND expires > $3 RETURNING user_id, detail, expires`,
		hashCode(code), string(c), now)
	return kept, err
}

// DropOneTimeCodes deletes all codes of a site.
func DropOneTimeCodes(ctx context.Context, tx *database.Tx) error {
	if _, err := tx.Exec(ctx, `DELETE FROM one_time_codes WHERE site_id = $site`); err != nil {
		return fmt.Errorf("delete the one-time codes: %w", err)
	}
	return nil
}

// hashCode returns the stored form of a code. A code has enough random bits to
// need no key and no salt. People may type it in groups and in lower case.
func hashCode(code string) []byte {
	sum := sha256.Sum256([]byte(strings.ToUpper(strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == '-' {
			return -1
		}
		return r
	}, code))))
	return sum[:]
}
