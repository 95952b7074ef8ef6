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

// OneTimeCodes are the codes for one purpose that each work once, for one user, until they expire: enrolments here, first
// passwords in package auth. The table keeps their hashes, and at most one code for each user and purpose.
type OneTimeCodes string

// OneTimeCode is what is kept with a code.
type OneTimeCode struct {
	UserID  int64     `db:"user_id"` // 0 where the purpose knows nobody yet
	Detail  string    `db:"detail"`  // what the purpose keeps with it
	Expires time.Time `db:"expires"`
}

// Put keeps a code in place of the one that its user has.
func (c OneTimeCodes) Put(ctx context.Context, tx *database.Tx, code Secret, kept OneTimeCode, now time.Time) error {
	if _, err := c.Drop(ctx, tx, kept.UserID, now); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `INSERT INTO one_time_codes (site_id, hash, purpose, user_id, detail, expires) VALUES ($site, $1, $2, $3, $4, $5)`,
		hashCode(code.Reveal()), string(c), kept.UserID, kept.Detail, kept.Expires)
	return err
}

// Drop deletes the code of a user, and those of all users that have expired. It reports whether the user's was still good.
func (c OneTimeCodes) Drop(ctx context.Context, tx *database.Tx, userID int64, now time.Time) (good bool, err error) {
	var n int
	err = tx.Get(ctx, &n, `SELECT COUNT(*) FROM one_time_codes WHERE site_id = $site AND purpose = $1 AND user_id = $2 AND expires > $3`, string(c), userID, now)
	if err != nil {
		return false, err
	}
	_, err = tx.Exec(ctx, `DELETE FROM one_time_codes WHERE site_id = $site AND purpose = $1 AND (user_id = $2 OR expires <= $3)`, string(c), userID, now)
	return n > 0, err
}

// Of returns what is kept with the code of a user; database.ErrNoRows when there is none that is good.
func (c OneTimeCodes) Of(ctx context.Context, q database.Queryer, userID int64, now time.Time) (kept OneTimeCode, err error) {
	err = q.Get(ctx, &kept, `SELECT user_id, detail, expires FROM one_time_codes WHERE site_id = $site AND purpose = $1 AND user_id = $2 AND expires > $3`,
		string(c), userID, now)
	return kept, err
}

// Find returns what is kept with a code; database.ErrNoRows when it is wrong, was used or has expired.
func (c OneTimeCodes) Find(ctx context.Context, q database.Queryer, code string, now time.Time) (kept OneTimeCode, err error) {
	err = q.Get(ctx, &kept, `SELECT user_id, detail, expires FROM one_time_codes WHERE site_id = $site AND hash = $1 AND purpose = $2 AND expires > $3`,
		hashCode(code), string(c), now)
	return kept, err
}

// Take is Find, and uses the code up.
func (c OneTimeCodes) Take(ctx context.Context, tx *database.Tx, code string, now time.Time) (kept OneTimeCode, err error) {
	err = tx.Get(ctx, &kept, `DELETE FROM one_time_codes WHERE site_id = $site AND hash = $1 AND purpose = $2 AND expires > $3 RETURNING user_id, detail, expires`,
		hashCode(code), string(c), now)
	return kept, err
}

// DropOneTimeCodes deletes the codes of a site, for whatever purpose they are.
func DropOneTimeCodes(ctx context.Context, tx *database.Tx) error {
	if _, err := tx.Exec(ctx, `DELETE FROM one_time_codes WHERE site_id = $site`); err != nil {
		return fmt.Errorf("delete the one-time codes: %w", err)
	}
	return nil
}

// hashCode is what is kept of a code. It has enough random bits to need no key and no salt. People may type it in groups, and
// in small letters.
func hashCode(code string) []byte {
	sum := sha256.Sum256([]byte(strings.ToUpper(strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == '-' {
			return -1
		}
		return r
	}, code))))
	return sum[:]
}
