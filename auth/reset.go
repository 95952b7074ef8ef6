package auth

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/network"
)

// ErrResetCode means that the code of a link for a new password is wrong, used
// or expired. It is an ErrDenied.
var ErrResetCode = fmt.Errorf("the link for a new password is wrong, has been used, or has expired: %w", ErrDenied)

// ErrNoReset means that an account cannot get a code for a new password: it has
// no address or is suspended, or its last code is only minutes old.
var ErrNoReset = errors.New("no code for a new password now")

const (
	resetLife  = time.Hour
	resetPause = 10 * time.Minute // between two codes for an account
	resetAsked = 10               // requests from a network …
	resetHour  = time.Hour        // … within this time
)

// resets are the codes with which people who have forgotten their password
// choose a new one.
const resets apps.OneTimeCodes = "reset"

// resetKey is the kind of key under which the throttle counts these requests.
const resetKey = "m"

// AskReset counts a request for a link for a new password. It does not look at
// the account, so the answer to the request cannot reveal whether it exists. A
// network may ask ten times in an hour; loopback too, since the limit harms
// nobody there. Errors: *Throttled, ErrClearText.
func (v *Verifier) AskReset(ctx context.Context, from Client) error {
	if !from.Secure && !v.cfg.ClearTextPasswords {
		return ErrClearText
	}
	if len(v.cfg.ThrottleExempt) > 0 && allowed(v.cfg.ThrottleExempt, from.Addr) {
		return nil
	}
	users := v.cfg.Users
	key, err := users.apps.Keyed(ctx)
	if err != nil {
		return err
	}
	name := resetKey + base64.RawURLEncoding.EncodeToString(key.Sum("throttle", resetKey, network.Of(from.Addr).String())[:16])
	var c count
	err = users.db.Write(ctx, nil, func(tx *database.Tx) (err error) {
		c, err = v.throttle.add(ctx, tx, name, resetHour, users.now())
		return err
	})
	if err != nil {
		return err
	}
	if c.N > resetAsked {
		return &Throttled{RetryAfter: max(c.Since.Add(resetHour).Sub(users.now()), firstWait)}
	}
	return nil
}

// NewResetCode creates a code, to be sent to the address of an account, with
// which its owner can set a new password once, within an hour. name is a user
// name or an address. again means that the mail with the previous code may not
// have been sent. Errors: ErrNotFound, ErrNoReset.
func (u *Users) NewResetCode(ctx context.Context, name string, again bool) (User, apps.Secret, error) {
	user, err := u.ByLogin(ctx, name)
	if errors.Is(err, ErrNotFound) {
		user, err = u.ByEmail(ctx, name)
	}
	if err != nil {
		return User{}, apps.Secret{}, err
	}
	if user.Email == "" || user.Networks.Suspended() {
		return User{}, apps.Secret{}, ErrNoReset
	}
	var b [20]byte
	rand.Read(b[:])
	code := apps.NewSecret(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:]))
	err = u.db.Update(ctx, func(tx *database.Tx) error {
		now := u.now()
		if before, err := resets.Of(ctx, tx, user.ID, now); err == nil && !again && now.Before(before.Expires.Add(resetPause-resetLife)) {
			return ErrNoReset
		} else if err != nil && !errors.Is(err, database.ErrNoRows) {
			return err
		}
		if err := resets.Put(ctx, tx, code, apps.OneTimeCode{UserID: user.ID, Expires: now.Add(resetLife)}, now); err != nil || again {
			return err
		}
		return audit.Append(ctx, tx, audit.Event{Kind: ResetCodeMade, UserID: user.ID, By: audit.Actor{Via: "mail"}, At: now})
	})
	if errors.Is(err, ErrNoReset) {
		return User{}, apps.Secret{}, err
	}
	if err != nil {
		return User{}, apps.Secret{}, fmt.Errorf("make a code for a new password: %w", err)
	}
	return user, code, nil
}

// ResetUser returns the user that a code is for, without using it up. Errors:
// ErrResetCode, *Throttled.
func (v *Verifier) ResetUser(ctx context.Context, from Client, code string) (User, error) {
	var user User
	err := v.guarded(ctx, from, string(resets), func() (err error) {
		user, err = v.cfg.Users.resetFor(ctx, code)
		return err
	})
	if err != nil {
		return User{}, fmt.Errorf("look at a code for a new password: %w", err)
	}
	return user, nil
}

func (u *Users) resetFor(ctx context.Context, code string) (User, error) {
	kept, err := resets.Find(ctx, u.db, code, u.now())
	if errors.Is(err, database.ErrNoRows) {
		return User{}, ErrResetCode
	}
	if err != nil {
		return User{}, err
	}
	return u.Get(ctx, kept.UserID)
}

// Reset uses up a code and sets the password of its account. All sessions of
// the account end; second factor, keys and tokens stay. If the password is
// refused, the code stays valid. Errors: ErrResetCode, *Throttled, *Invalid,
// ErrClearText.
func (v *Verifier) Reset(ctx context.Context, from Client, code, password string) (User, error) {
	if !from.Secure && !v.cfg.ClearTextPasswords {
		return User{}, ErrClearText
	}
	users := v.cfg.Users
	var user User
	err := v.guarded(ctx, from, string(resets), func() (err error) {
		if user, err = users.resetFor(ctx, code); err != nil {
			return err
		}
		hash, err := users.newHash(ctx, user, password)
		if err != nil {
			return err
		}
		return users.db.Update(ctx, func(tx *database.Tx) error {
			kept, err := resets.Take(ctx, tx, code, users.now())
			if errors.Is(err, database.ErrNoRows) {
				return ErrResetCode
			}
			if err != nil {
				return err
			}
			by := audit.Actor{UserID: kept.UserID, Via: "mail", Addr: from.Addr, Agent: from.Agent}
			return users.setPassword(ctx, tx, audit.Event{Kind: ResetCodeUsed, UserID: kept.UserID, By: by}, hash, "")
		})
	})
	if err != nil {
		return User{}, fmt.Errorf("choose a new password: %w", err)
	}
	return user, nil
}

// formerLife is how long a former address of an account still gets notices.
const formerLife = 7 * 24 * time.Hour

// changeEmail must be called, in the transaction, before the address of an
// account changes. It remembers the previous address for a week, and
// invalidates the code that was sent there.
func (u *Users) changeEmail(ctx context.Context, tx *database.Tx, id int64, before, after string) error {
	if fold(before) == fold(after) {
		return nil
	}
	if _, err := resets.Drop(ctx, tx, id, u.now()); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM former_emails WHERE site_id = $site AND (changed <= $1 OR user_id = $2 AND email = $3)`, u.now().Add(-formerLife), id, after); err != nil {
		return err
	}
	if before == "" {
		return nil
	}
	_, err := tx.Exec(ctx, `INSERT INTO former_emails (site_id, user_id, email, changed) VALUES ($site, $1, $2, $3)
		ON CONFLICT (user_id, email) DO UPDATE SET changed = excluded.changed`, id, before, u.now())
	return err
}

// FormerEmails returns the addresses that an account had within the last week,
// without the current one.
func (u *Users) FormerEmails(ctx context.Context, id int64) ([]string, error) {
	var list []string
	err := u.db.Select(ctx, &list, `SELECT email FROM former_emails WHERE site_id = $site AND user_id = $1 AND changed > $2 ORDER BY changed DESC, email LIMIT 3`,
		id, u.now().Add(-formerLife))
	if err != nil {
		return nil, fmt.Errorf("read the former addresses of a user: %w", err)
	}
	return list, nil
}
