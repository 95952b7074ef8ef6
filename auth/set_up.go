package auth

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/database"
)

// ErrSetUpCode means that a set-up code is wrong, used or expired. It is an
// ErrDenied.
var ErrSetUpCode = fmt.Errorf("the set-up code is wrong, has been used, or has expired: %w", ErrDenied)

const setUpLife = 24 * time.Hour

// setUps are the codes for setting up an account.
const setUps apps.OneTimeCodes = "setup"

// NewSetUpCode creates a code with which one person can set up an account, once
// and within 24 hours: set the password of the user with that id, or create the
// first administrator if the id is 0. Earlier codes for the same purpose become
// invalid.
func (u *Users) NewSetUpCode(ctx context.Context, by audit.Actor, userID int64) (apps.Secret, error) {
	var b [16]byte
	rand.Read(b[:])
	code := apps.NewSecret(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:]))
	err := u.db.Update(ctx, func(tx *database.Tx) error {
		if err := setUps.Put(ctx, tx, code, apps.OneTimeCode{UserID: userID, Expires: u.now().Add(setUpLife)}, u.now()); err != nil {
			return err
		}
		return audit.Append(ctx, tx, audit.Event{Kind: SetUpCodeMade, UserID: userID, By: by, At: u.now()})
	})
	if err != nil {
		return apps.Secret{}, fmt.Errorf("make a set-up code: %w", err)
	}
	return code, nil
}

// SetUpUser returns the user whom a code sets up, without using it up. It is
// the zero User for the first administrator. Errors: ErrSetUpCode, *Throttled.
func (v *Verifier) SetUpUser(ctx context.Context, from Client, code string) (User, error) {
	users := v.cfg.Users
	var user User
	err := v.guarded(ctx, from, string(setUps), func() error {
		id, err := users.setUpFor(ctx, code)
		if err != nil || id == 0 {
			return err
		}
		user, err = users.Get(ctx, id)
		return err
	})
	if err != nil {
		return User{}, fmt.Errorf("look at a set-up code: %w", err)
	}
	return user, nil
}

// SetUp uses up a code. It sets the password of the user that the code is for,
// and the address if in has one; or it creates the account of the first
// administrator. If the account is refused, the code stays valid. Errors:
// ErrSetUpCode, *Throttled, *Invalid, ErrClearText.
func (v *Verifier) SetUp(ctx context.Context, from Client, code string, in NewUser) (User, error) {
	if !from.Secure && !v.cfg.ClearTextPasswords {
		return User{}, ErrClearText
	}
	var user User
	err := v.guarded(ctx, from, string(setUps), func() (err error) {
		user, err = v.cfg.Users.setUp(ctx, from, code, in)
		return err
	})
	if err != nil {
		return User{}, fmt.Errorf("set up an account: %w", err)
	}
	return user, nil
}

func (u *Users) setUp(ctx context.Context, from Client, code string, in NewUser) (User, error) {
	id, err := u.setUpFor(ctx, code)
	if err != nil {
		return User{}, err
	}
	var a account
	if id == 0 {
		in.Role = Administrator
		a, err = u.newAccount(ctx, in)
	} else {
		var user User
		if user, err = u.Get(ctx, id); err == nil {
			a.Hash, err = u.newHash(ctx, user, in.Password)
		}
	}
	if err != nil {
		return User{}, err
	}
	by := audit.Actor{UserID: id, Via: "set-up code", Addr: from.Addr, Agent: from.Agent}
	err = u.db.Update(ctx, func(tx *database.Tx) error {
		_, err := setUps.Take(ctx, tx, code, u.now())
		if errors.Is(err, database.ErrNoRows) {
			return ErrSetUpCode
		}
		if err != nil {
			return err
		}
		if id == 0 {
			return u.setUpFirst(ctx, tx, by, &a)
		}
		return u.setUpUser(ctx, tx, by, id, in.Email, &a)
	})
	return a.User, err
}

// setUpFor returns the user that a code is for; 0 is the first administrator.
func (u *Users) setUpFor(ctx context.Context, code string) (id int64, err error) {
	kept, err := setUps.Find(ctx, u.db, code, u.now())
	if errors.Is(err, database.ErrNoRows) {
		return 0, ErrSetUpCode
	}
	return kept.UserID, err
}

// setUpFirst creates the first administrator.
func (u *Users) setUpFirst(ctx context.Context, tx *database.Tx, by audit.Actor, a *account) error {
	var have int
	if err := tx.Get(ctx, &have, `SELECT COUNT(*) FROM users WHERE site_id = $site`); err != nil {
		return err
	}
	if have > 0 {
		return ErrSetUpCode // someone else was faster
	}
	if err := u.create(ctx, tx, by, a); err != nil {
		return err
	}
	return audit.Append(ctx, tx, audit.Event{Kind: SetUpCodeUsed, UserID: a.ID, By: by, At: u.now()})
}

// setUpUser sets the password and the address of a user.
func (u *Users) setUpUser(ctx context.Context, tx *database.Tx, by audit.Actor, id int64, email string, a *account) error {
	there, err := find(ctx, tx, `id = $1`, id)
	if err != nil {
		return err
	}
	if email = strings.TrimSpace(email); email != "" {
		if err := u.changeEmail(ctx, tx, id, there.Email, email); err != nil {
			return err
		}
		there.Email = email
		if err := checkUser(there.User); err != nil {
			return err
		}
		if err := updateUser(ctx, tx, there); err != nil {
			return err
		}
	}
	a.User = there.User
	return u.setPassword(ctx, tx, audit.Event{Kind: SetUpCodeUsed, UserID: id, By: by}, a.Hash, "")
}
