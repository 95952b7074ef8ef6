package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/database"
)

// ErrLastAdministrator means that a change would leave nobody who can
// administer the site.
var ErrLastAdministrator = errors.New("this is the last administrator")

// suspended precedes the networks of a suspended account, which cannot be used
// from anywhere. It is in the column of the networks because every credential
// is checked against that.
const suspended = "suspended"

// Suspended reports whether the account is suspended.
func (n Networks) Suspended() bool {
	return n == suspended || strings.HasPrefix(string(n), suspended+" ")
}

// networks returns the list without the word suspended.
func (n Networks) networks() Networks {
	return Networks(strings.TrimPrefix(strings.TrimPrefix(string(n), suspended), " "))
}

// suspend adds or removes the word suspended.
func (n Networks) suspend(on bool) Networks {
	n = n.networks()
	if on {
		return Networks(strings.TrimSpace(suspended + " " + string(n)))
	}
	return n
}

// keepAdministrator returns an error if nobody else would be left who can sign
// in as an administrator.
func keepAdministrator(ctx context.Context, tx *database.Tx, user User) error {
	if user.Role != Administrator || user.Networks.Suspended() {
		return nil
	}
	var others int64
	err := tx.Get(ctx, &others, `SELECT COUNT(*) FROM users WHERE site_id = $site AND role = 'administrator' AND id <> $1 AND networks NOT LIKE 'suspended%'`, user.ID)
	if err == nil && others == 0 {
		err = ErrLastAdministrator
	}
	return err
}

// Suspend suspends or resumes an account. While it is suspended, its password,
// keys and tokens are refused, and its sessions end. Its content stays. Errors:
// ErrNotFound, ErrLastAdministrator.
func (u *Users) Suspend(ctx context.Context, by audit.Actor, id int64, on bool) error {
	err := u.db.Update(ctx, func(tx *database.Tx) error {
		a, err := find(ctx, tx, `id = $1`, id)
		if err != nil || a.Networks.Suspended() == on {
			return err
		}
		kind := UserResumed
		if on {
			kind = UserSuspended
			if err := keepAdministrator(ctx, tx, a.User); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `DELETE FROM sessions WHERE site_id = $site AND user_id = $1`, id); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, `UPDATE users SET networks = $2 WHERE site_id = $site AND id = $1`, id, string(a.Networks.suspend(on))); err != nil {
			return err
		}
		return audit.Append(ctx, tx, audit.Event{Kind: kind, UserID: id, By: by, At: u.now()})
	})
	if err != nil {
		return fmt.Errorf("suspend a user: %w", err)
	}
	return nil
}

// Delete deletes an account with its keys, tokens, factors and sessions. It
// calls handOver in the same transaction, which gives the user's content to the
// heir. Errors: ErrNotFound, ErrLastAdministrator, *Invalid for an heir that
// does not exist or is the user.
func (u *Users) Delete(ctx context.Context, by audit.Actor, id, heir int64, handOver func(context.Context, *database.Tx) error) error {
	err := u.db.Update(ctx, func(tx *database.Tx) error {
		a, err := find(ctx, tx, `id = $1`, id)
		if err != nil {
			return err
		}
		to, err := find(ctx, tx, `id = $1`, heir)
		if errors.Is(err, ErrNotFound) || id == heir {
			return &Invalid{"heir", "it must be another user, who gets the posts"}
		}
		if err != nil {
			return err
		}
		if err := keepAdministrator(ctx, tx, a.User); err != nil {
			return err
		}
		if err := handOver(ctx, tx); err != nil {
			return err
		}
		for _, statement := range []string{`DELETE FROM sessions WHERE site_id = $site AND user_id = $1`, `DELETE FROM users WHERE site_id = $site AND id = $1`} {
			if _, err := tx.Exec(ctx, statement, id); err != nil {
				return err
			}
		}
		return audit.Append(ctx, tx, audit.Event{
			Kind: UserDeleted, UserID: id, By: by, At: u.now(), Detail: map[string]string{"login": a.Login, "heir": to.Login},
		})
	})
	if err != nil {
		return fmt.Errorf("delete a user: %w", err)
	}
	return nil
}

// FollowRole gives an account the role of its user at another server, which
// alone decides about it. Errors: *Invalid, ErrNotFound.
func (u *Users) FollowRole(ctx context.Context, by audit.Actor, id int64, role Role) error {
	return u.setRole(ctx, by, id, role, func(context.Context, *database.Tx, User) error { return nil })
}

// SetRole changes the role, and thus what the user's keys may do. Errors:
// *Invalid, ErrNotFound, ErrLastAdministrator.
func (u *Users) SetRole(ctx context.Context, by audit.Actor, id int64, role Role) error {
	return u.setRole(ctx, by, id, role, keepAdministrator)
}

func (u *Users) setRole(ctx context.Context, by audit.Actor, id int64, role Role, check func(context.Context, *database.Tx, User) error) error {
	if err := checkUser(User{Role: role}); err != nil {
		return err
	}
	err := u.db.Update(ctx, func(tx *database.Tx) error {
		a, err := find(ctx, tx, `id = $1`, id)
		if err == nil && role != Administrator {
			err = check(ctx, tx, a.User)
		}
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE users SET role = $2 WHERE site_id = $site AND id = $1`, id, string(role)); err != nil {
			return err
		}
		return audit.Append(ctx, tx, audit.Event{Kind: UserRole, UserID: id, By: by, At: u.now(), Detail: map[string]string{"role": string(role)}})
	})
	if err != nil {
		return fmt.Errorf("set a role: %w", err)
	}
	return nil
}
