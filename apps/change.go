package apps

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"strings"
	"time"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/database"
)

// Change is a change to a key. Fields that are nil stay as they are.
type Change struct {
	Name     *string
	Scope    *Scope
	Networks *[]netip.Prefix
	Strict   *bool // a key without a secret is always strict
	Expires  *time.Time
}

// Update changes a key of the user. It also counts as proof that the key is
// still wanted; see Config.UnusedAfter. The public key and the secret never
// change: nothing that a client sends can change them. The change takes effect
// in this process at once, and in others within a second. The expiry of a key
// that has a successor can be moved earlier, not later.
//
// Errors: *Invalid; ErrNotFound, also for a key of another user and for a
// revoked one.
func (s *Store) Update(ctx context.Context, by audit.Actor, userID int64, public string, c Change) (App, error) {
	var app App
	err := s.db.Update(ctx, func(tx *database.Tx) error {
		r, err := get(ctx, tx, public)
		switch {
		case err != nil:
			return err
		case r.UserID != userID || r.Revoked.Valid:
			return ErrNotFound
		}
		if app, err = r.app(); err != nil {
			return err
		}
		changed, err := s.changeApp(c, &app)
		if err != nil {
			return err
		}
		app.Renewed = s.now()
		rights, methods := app.Scope.Format()
		_, err = tx.Exec(ctx, `UPDATE apps SET name = $2, scope = $3, methods = $4, networks = $5, strict = $6, expires = $7, renewed = $8
			WHERE site_id = $site AND public = $1`,
			public, app.Name, rights, methods, FormatNetworks(app.Networks), app.Strict, optionalTime(app.Expires), app.Renewed)
		if err != nil {
			return err
		}
		return appendChange(ctx, tx, event(AppChanged, by, app, s.now()), AppRenamed, c, changed)
	})
	if err != nil {
		return App{}, fmt.Errorf("change an application: %w", err)
	}
	return app, nil
}

// Terms are the properties that the owner of any credential can change: an
// application, a token or an application password.
type Terms struct {
	Name     string         // the owner's name for the client
	Scope    Scope          // the zero Scope: everything that its user may do
	Networks []netip.Prefix // where it may be used from; empty: everywhere
	Expires  time.Time      // zero: does not expire
}

// newTerms checks the terms of a new credential. Error: *Invalid.
func (s *Store) newTerms(in Terms, now time.Time) (t Terms, err error) {
	if _, err := (Change{Name: &in.Name, Scope: &in.Scope, Networks: &in.Networks, Expires: &in.Expires}).apply(&t, now); err != nil {
		return Terms{}, err
	}
	return t, s.CheckMethods(t.Scope, Scope{})
}

// change applies a change to terms, and returns the new values of all but the
// name, for the audit trail. Error: *Invalid.
func (s *Store) change(c Change, t *Terms) (changed map[string]string, err error) {
	before := t.Scope
	if changed, err = c.apply(t, s.now()); err != nil {
		return nil, err
	}
	return changed, s.CheckMethods(t.Scope, before)
}

// appendChange records a change in the audit trail. If only the name changed,
// the event is of the kind renamed.
func appendChange(ctx context.Context, tx *database.Tx, e audit.Event, renamed audit.Kind, c Change, changed map[string]string) error {
	if len(changed) == 0 && c.Name != nil {
		e.Kind = renamed
	}
	maps.Copy(e.Detail, changed)
	return audit.Append(ctx, tx, e)
}

// apply is change without checking whether methods exist.
func (c Change) apply(t *Terms, now time.Time) (changed map[string]string, err error) {
	changed = make(map[string]string)
	if c.Name != nil {
		if t.Name, err = CleanName(*c.Name); err != nil {
			return nil, err
		}
	}
	if c.Scope != nil {
		if t.Scope, err = c.Scope.clean(); err != nil {
			return nil, err
		}
		changed["scope"], changed["methods"] = t.Scope.Format()
	}
	if c.Networks != nil {
		if t.Networks, err = cleanNetworks(*c.Networks); err != nil {
			return nil, err
		}
		changed["networks"] = FormatNetworks(t.Networks)
	}
	if c.Expires != nil {
		if t.Expires, err = cleanExpiry(*c.Expires, now); err != nil {
			return nil, err
		}
		changed["expires"] = "never"
		if !t.Expires.IsZero() {
			changed["expires"] = t.Expires.Format(time.RFC3339)
		}
	}
	return changed, nil
}

// changeApp is change for an application, which has more fields.
func (s *Store) changeApp(c Change, app *App) (changed map[string]string, err error) {
	terms := app.Terms
	if changed, err = s.change(c, &terms); err != nil {
		return nil, err
	}
	if c.Expires != nil && app.Successor != "" && (terms.Expires.IsZero() || terms.Expires.After(app.Expires)) {
		return nil, &Invalid{"expiry", "the key has a successor, and cannot work longer than the agreed overlap"}
	}
	app.Terms = terms
	if c.Strict != nil {
		app.Strict = *c.Strict || app.VerificationKey != nil
		changed["strict"] = fmt.Sprint(app.Strict)
	}
	return changed, nil
}

// Rename is Update for the name alone.
func (s *Store) Rename(ctx context.Context, by audit.Actor, userID int64, public, name string) error {
	_, err := s.Update(ctx, by, userID, public, Change{Name: &name})
	return err
}

// Revoke revokes a key of the user. When it returns nil, the revocation is on
// disk, and no Lookup that starts more than a second later finds the key in any
// process; in this process no later Lookup finds it. Revoking twice is not an
// error. ErrNotFound also means a key of another user.
func (s *Store) Revoke(ctx context.Context, by audit.Actor, userID int64, public string) error {
	err := s.db.Update(ctx, func(tx *database.Tx) error {
		r, err := get(ctx, tx, public)
		switch {
		case err != nil:
			return err
		case r.UserID != userID:
			return ErrNotFound
		case r.Revoked.Valid:
			return nil
		}
		return s.revoke(ctx, tx, by, r)
	})
	if err != nil {
		return fmt.Errorf("revoke an application: %w", err)
	}
	return nil
}

func (s *Store) revoke(ctx context.Context, tx *database.Tx, by audit.Actor, r row) error {
	if _, err := tx.Exec(ctx, `UPDATE apps SET revoked = $2 WHERE site_id = $site AND public = $1`, r.Public, s.now()); err != nil {
		return err
	}
	return audit.Append(ctx, tx, event(AppRevoked, by, App{Terms: Terms{Name: r.Name}, Public: r.Public, UserID: r.UserID}, s.now()))
}

// RevokeAll revokes all keys of a user, and closes the user's open enrolment.
// It returns the number of keys.
func (s *Store) RevokeAll(ctx context.Context, by audit.Actor, userID int64) (n int, err error) {
	err = s.db.Update(ctx, func(tx *database.Tx) error {
		if err := s.closeEnrolment(ctx, tx, by, userID); err != nil {
			return err
		}
		n, err = s.revokeApps(ctx, tx, by, userID)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("revoke the applications of a user: %w", err)
	}
	return n, nil
}

// revokeApps revokes the keys of a user, or of all users if userID is 0, and
// returns their number.
func (s *Store) revokeApps(ctx context.Context, tx *database.Tx, by audit.Actor, userID int64) (int, error) {
	var rows []row
	err := tx.Select(ctx, &rows, `SELECT `+columns+` FROM apps WHERE site_id = $site AND (user_id = $1 OR $1 = 0) AND revoked IS NULL ORDER BY id`, userID)
	if err != nil {
		return 0, err
	}
	for _, r := range rows {
		if err := s.revoke(ctx, tx, by, r); err != nil {
			return 0, err
		}
	}
	return len(rows), nil
}

// Find returns the key that a secret belongs to, revoked or not. It is for a
// secret that was found where it should not be. Error: ErrNotFound.
func (s *Store) Find(ctx context.Context, secret Secret) (App, error) {
	var rows []row
	err := s.db.Select(ctx, &rows, `SELECT `+columns+` FROM apps WHERE site_id = $site AND hint = $1 ORDER BY id`, secret.hint())
	if err != nil {
		return App{}, fmt.Errorf("find the application of a secret: %w", err)
	}
	for i := range rows {
		if len(rows[i].Key) > 0 {
			continue
		}
		opened, err := s.open(&rows[i])
		if errors.Is(err, ErrSealed) {
			continue
		}
		if err != nil {
			return App{}, fmt.Errorf("find the application of a secret: %w", err)
		}
		if opened.equal(secret) {
			return rows[i].app()
		}
	}
	return App{}, fmt.Errorf("find the application of a secret: %w", ErrNotFound)
}

const maxNetworks = 100

// ParseNetworks parses networks in CIDR notation and single addresses,
// separated by white space or commas. Error: *Invalid.
func ParseNetworks(list string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, text := range words(list) {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			addr, err := netip.ParseAddr(text)
			if err != nil || addr.Zone() != "" {
				return nil, &Invalid{"networks", fmt.Sprintf("%.50q is not a network such as 192.0.2.0/24 or an address", text)}
			}
			network = netip.PrefixFrom(addr, addr.BitLen())
		}
		out = append(out, network)
	}
	return cleanNetworks(out)
}

// cleanNetworks normalizes networks: it clears the bits after the mask, and
// turns IPv4 that is written as IPv6 into IPv4.
func cleanNetworks(list []netip.Prefix) ([]netip.Prefix, error) {
	if len(list) > maxNetworks {
		return nil, &Invalid{"networks", fmt.Sprintf("there are more than %d", maxNetworks)}
	}
	var out []netip.Prefix
	for _, n := range list {
		if !n.IsValid() {
			return nil, &Invalid{"networks", "one of them is not a network"}
		}
		if n.Addr().Is4In6() && n.Bits() >= 96 {
			n = netip.PrefixFrom(n.Addr().Unmap(), n.Bits()-96)
		}
		out = append(out, n.Masked())
	}
	return out, nil
}

// FormatNetworks formats networks for ParseNetworks and for tables.
func FormatNetworks(list []netip.Prefix) string {
	texts := make([]string, len(list))
	for i, n := range list {
		texts[i] = n.Masked().String()
	}
	return strings.Join(texts, " ")
}

// cleanExpiry accepts a time in the future, or none.
func cleanExpiry(t, now time.Time) (time.Time, error) {
	if t.IsZero() {
		return time.Time{}, nil
	}
	if t = t.UTC().Truncate(time.Microsecond); !t.After(now) {
		return time.Time{}, &Invalid{"expiry", "it must be in the future"}
	}
	return t, nil
}

func optionalTime(t time.Time) sql.NullTime { return sql.NullTime{Time: t, Valid: !t.IsZero()} }
