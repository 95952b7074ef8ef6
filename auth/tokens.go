package auth

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"strings"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/database"
)

// MaxTokens is how many tokens and application passwords a user may have that
// are neither revoked nor expired.
const MaxTokens = 50

var (
	// ErrNoToken says that there is no such token or application password,
	// or that it is someone else's.
	ErrNoToken = errors.New("no such token")
	// ErrTooManyTokens says that the user has MaxTokens already.
	ErrTooManyTokens = fmt.Errorf("a user can have at most %d tokens and application passwords", MaxTokens)
)

// TokenKind tells tokens from application passwords.
type TokenKind string

// The kinds.
const (
	// AccessToken is used as HTTP Basic: as the user name, with any password, or
	// as the password of its user.
	AccessToken TokenKind = "token"
	// ApplicationPassword is WordPress's: as the password of its user, in HTTP
	// Basic and where an XML-RPC call takes a password; with or without spaces.
	ApplicationPassword TokenKind = "password"
)

func (k TokenKind) isAccess() bool {
	switch k {
	case AccessToken:
		return true
	}
	return false
}

// Token is a token or an application password, without its text.
type Token struct {
	ID       string // unique over all users; no secret
	UserID   int64
	Kind     TokenKind
	Name     string         // what the owner calls the program
	Hint     string         // its last four characters; empty for one that was imported
	Scope    apps.Scope     // the zero Scope: everything that its user may
	Networks []netip.Prefix // where it may be used from; empty: everywhere
	Created  time.Time
	Expires  time.Time // from then on it is refused; zero: never
	Revoked  time.Time // zero: not revoked
	LastUse  apps.Use  // right to about a minute
}

// NewToken is a token to be made. UserID, Kind and Name are required.
type NewToken struct {
	UserID   int64
	Kind     TokenKind
	Name     string
	Scope    apps.Scope
	Networks []netip.Prefix
	Expires  time.Time // zero: never
}

// tokenRow is a line of the table.
type tokenRow struct {
	Row      int64        `db:"id"`
	UserID   int64        `db:"user_id"`
	ID       string       `db:"uuid"`
	Kind     string       `db:"kind"`
	Name     string       `db:"name"`
	Hash     string       `db:"hash"`
	Hint     string       `db:"hint"`
	Scope    string       `db:"scope"`
	Methods  string       `db:"methods"`
	Networks string       `db:"networks"`
	Created  time.Time    `db:"created"`
	Expires  sql.NullTime `db:"expires"`
	Revoked  sql.NullTime `db:"revoked"`
	LastUsed sql.NullTime `db:"last_used"`
	Address  string       `db:"last_address"`
	Agent    string       `db:"last_agent"`
	Method   string       `db:"last_method"`
}

const tokenColumns = `id, user_id, uuid, kind, name, hash, hint, scope, methods, networks, created, expires, revoked,
	last_used, last_address, last_agent, last_method`

// token is the row as callers see it. A scope or a network that does not read
// is an error: no one knows then what it was not meant to do.
func (r *tokenRow) token() (Token, error) {
	t := Token{
		ID: r.ID, UserID: r.UserID, Kind: TokenKind(r.Kind), Name: r.Name, Hint: r.Hint, Created: r.Created,
		Expires: r.Expires.Time, Revoked: r.Revoked.Time, LastUse: apps.Use{At: r.LastUsed.Time, Agent: r.Agent, Method: r.Method},
	}
	var err error
	if t.Scope, err = apps.ParseScope(r.Scope, r.Methods); err != nil {
		return Token{}, fmt.Errorf("read the scope of the token %s: %w", r.ID, err)
	}
	if t.Networks, err = apps.ParseNetworks(r.Networks); err != nil {
		return Token{}, fmt.Errorf("read the networks of the token %s: %w", r.ID, err)
	}
	// Only shown: one that does not read is as good as none.
	t.LastUse.Addr, _ = netip.ParseAddr(r.Address)
	return t, nil
}

// CreateToken makes a token or an application password. The text is in the
// answer and nowhere else afterwards. Errors: *apps.Invalid, *Invalid of the kind, ErrTooManyTokens,
// ErrNotFound for the user.
func (u *Users) CreateToken(ctx context.Context, by audit.Actor, in NewToken) (Token, apps.Secret, error) {
	terms, now := apps.Terms{}, u.now()
	if _, err := (apps.Change{Name: &in.Name, Scope: &in.Scope, Networks: &in.Networks, Expires: &in.Expires}).Apply(&terms, now); err != nil {
		return Token{}, apps.Secret{}, err
	}
	t := Token{UserID: in.UserID, Kind: in.Kind, Name: terms.Name, Scope: terms.Scope, Networks: terms.Networks, Expires: terms.Expires, Created: now}
	var text apps.Secret
	switch in.Kind {
	case AccessToken:
		text, t.ID = apps.NewToken()
	case ApplicationPassword:
		text, t.ID = newApplicationPassword(), rand.Text()
	default:
		return Token{}, apps.Secret{}, &Invalid{"kind", "it must be token or password"}
	}
	if err := u.apps.CheckMethods(t.Scope, apps.Scope{}); err != nil {
		return Token{}, apps.Secret{}, err
	}
	plain := text.Reveal()
	t.Hint = plain[len(plain)-4:]
	key, err := u.keyed(ctx)
	if err != nil {
		return Token{}, apps.Secret{}, err
	}
	hash := key.token(t.UserID, t.ID, plainToken(t.Kind, plain))
	err = u.db.Update(ctx, func(tx *database.Tx) error { return u.insertToken(ctx, tx, by, t, hash) })
	if err != nil {
		return Token{}, apps.Secret{}, fmt.Errorf("create a token: %w", err)
	}
	return t, text, nil
}

func (u *Users) insertToken(ctx context.Context, tx *database.Tx, by audit.Actor, t Token, hash string) error {
	if _, err := find(ctx, tx, `id = $1`, t.UserID); err != nil {
		return err
	}
	var have int
	err := tx.Get(ctx, &have, `SELECT COUNT(*) FROM application_passwords
		WHERE site_id = $site AND user_id = $1 AND revoked IS NULL AND (expires IS NULL OR expires > $2)`, t.UserID, t.Created)
	if err != nil {
		return err
	}
	if have >= MaxTokens {
		return ErrTooManyTokens
	}
	rights, methods := t.Scope.Format()
	_, err = tx.Exec(ctx, `INSERT INTO application_passwords (site_id, user_id, uuid, kind, name, hash, hint, scope, methods, networks, created, expires)
		VALUES ($site, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		t.UserID, t.ID, string(t.Kind), t.Name, hash, t.Hint, rights, methods,
		apps.FormatNetworks(t.Networks), t.Created, sql.NullTime{Time: t.Expires.UTC(), Valid: !t.Expires.IsZero()})
	if err != nil {
		return err
	}
	return audit.Append(ctx, tx, tokenEvent(TokenCreated, by, t, u.now()))
}

func tokenEvent(kind audit.Kind, by audit.Actor, t Token, at time.Time) audit.Event {
	return audit.Event{
		Kind: kind, UserID: t.UserID, By: by, At: at,
		Detail: map[string]string{"token": t.ID, "kind": string(t.Kind), "name": t.Name},
	}
}

// newApplicationPassword draws 24 letters and digits, some 142 bits, in groups
// of four.
func newApplicationPassword() apps.Secret {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	var text strings.Builder
	for n := 0; n < applicationPasswordLen; {
		var b [1]byte
		rand.Read(b[:])
		if int(b[0]) >= 256/len(digits)*len(digits) {
			continue // or some digits would be likelier than others
		}
		if n > 0 && n%4 == 0 {
			text.WriteByte(' ')
		}
		text.WriteByte(digits[int(b[0])%len(digits)])
		n++
	}
	return apps.NewSecret(text.String())
}

const applicationPasswordLen = 24

// plainToken is what of a text counts.
func plainToken(kind TokenKind, text string) string {
	if kind.isAccess() {
		return text
	}
	return plainApplicationPassword(text)
}

// TokenFilter says which tokens Tokens returns.
type TokenFilter struct {
	UserID  int64     // whose; 0: everyone's
	Kind    TokenKind // empty: both
	Revoked bool      // revoked ones too
}

// Tokens returns tokens and application passwords in the order of their
// making, at most 10,000.
func (u *Users) Tokens(ctx context.Context, f TokenFilter) ([]Token, error) {
	var rows []tokenRow
	err := u.db.Select(ctx, &rows, `SELECT `+tokenColumns+` FROM application_passwords
		WHERE site_id = $site AND (user_id = $1 OR $1 = 0) AND (kind = $2 OR $2 = '') AND (revoked IS NULL OR $3) ORDER BY id LIMIT 10000`,
		f.UserID, string(f.Kind), f.Revoked)
	if err != nil {
		return nil, fmt.Errorf("list tokens: %w", err)
	}
	list := make([]Token, len(rows))
	for i := range rows {
		if list[i], err = rows[i].token(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Token returns a token or application password by its ID, revoked or not.
// Error: ErrNoToken.
func (u *Users) Token(ctx context.Context, id string) (Token, error) {
	r, err := getToken(ctx, u.db, id)
	if err != nil {
		return Token{}, err
	}
	return r.token()
}

func getToken(ctx context.Context, q database.Queryer, id string) (tokenRow, error) {
	var r tokenRow
	err := q.Get(ctx, &r, `SELECT `+tokenColumns+` FROM application_passwords WHERE site_id = $site AND uuid = $1`, id)
	if errors.Is(err, database.ErrNoRows) {
		return tokenRow{}, ErrNoToken
	}
	if err != nil {
		return tokenRow{}, fmt.Errorf("get a token: %w", err)
	}
	return r, nil
}

// FindToken returns the token that a text is, revoked or not: for one that was
// found where it should not be. Error: ErrNoToken.
func (u *Users) FindToken(ctx context.Context, text apps.Secret) (Token, error) {
	selector, ok := apps.ParseToken(text.Reveal())
	if !ok {
		return Token{}, ErrNoToken
	}
	key, err := u.keyed(ctx)
	if err != nil {
		return Token{}, err
	}
	r, err := getToken(ctx, u.db, selector)
	switch {
	case err != nil:
		return Token{}, err
	case !TokenKind(r.Kind).isAccess() || !equal(key.token(r.UserID, r.ID, text.Reveal()), r.Hash):
		return Token{}, ErrNoToken
	}
	return r.token()
}

// UpdateToken changes a token of the user, as apps.Store.Update changes an application; Change.Strict means nothing to it. It
// holds from the next request on. Errors: *apps.Invalid; ErrNoToken, also for one of another user and for a revoked one.
func (u *Users) UpdateToken(ctx context.Context, by audit.Actor, userID int64, id string, c apps.Change) (Token, error) {
	var t Token
	err := u.db.Update(ctx, func(tx *database.Tx) error {
		r, err := getToken(ctx, tx, id)
		switch {
		case err != nil:
			return err
		case r.UserID != userID || r.Revoked.Valid:
			return ErrNoToken
		}
		if t, err = r.token(); err != nil {
			return err
		}
		terms := apps.Terms{Name: t.Name, Scope: t.Scope, Networks: t.Networks, Expires: t.Expires}
		changed, err := c.Apply(&terms, u.now())
		if err != nil {
			return err
		}
		if err := u.apps.CheckMethods(terms.Scope, t.Scope); err != nil {
			return err
		}
		t.Name, t.Scope, t.Networks, t.Expires = terms.Name, terms.Scope, terms.Networks, terms.Expires
		rights, methods := t.Scope.Format()
		_, err = tx.Exec(ctx, `UPDATE application_passwords SET name = $2, scope = $3, methods = $4, networks = $5, expires = $6 WHERE site_id = $site AND id = $1`,
			r.Row, t.Name, rights, methods, apps.FormatNetworks(t.Networks), sql.NullTime{Time: t.Expires, Valid: !t.Expires.IsZero()})
		if err != nil {
			return err
		}
		e := tokenEvent(TokenLimited, by, t, u.now())
		if len(changed) == 0 && c.Name != nil {
			e.Kind = TokenRenamed
		}
		maps.Copy(e.Detail, changed)
		return audit.Append(ctx, tx, e)
	})
	if err != nil {
		return Token{}, fmt.Errorf("change a token: %w", err)
	}
	return t, nil
}

// RenameToken is UpdateToken of the name alone.
func (u *Users) RenameToken(ctx context.Context, by audit.Actor, userID int64, id, name string) error {
	_, err := u.UpdateToken(ctx, by, userID, id, apps.Change{Name: &name})
	return err
}

// RevokeToken ends a token of the user. When it returns nil that is on disk,
// and no request that begins later gets in with it, in any process. Revoking
// twice is not an error. ErrNoToken is also for one of another user.
func (u *Users) RevokeToken(ctx context.Context, by audit.Actor, userID int64, id string) error {
	err := u.db.Update(ctx, func(tx *database.Tx) error {
		r, err := getToken(ctx, tx, id)
		switch {
		case err != nil:
			return err
		case r.UserID != userID:
			return ErrNoToken
		case r.Revoked.Valid:
			return nil
		}
		return u.revoke(ctx, tx, by, r)
	})
	if err != nil {
		return fmt.Errorf("revoke a token: %w", err)
	}
	return nil
}

// RevokeTokens ends all tokens and application passwords of a user, as
// RevokeToken does, and returns how many there were.
func (u *Users) RevokeTokens(ctx context.Context, by audit.Actor, userID int64) (n int, err error) {
	err = u.db.Update(ctx, func(tx *database.Tx) error {
		var rows []tokenRow
		err := tx.Select(ctx, &rows, `SELECT `+tokenColumns+` FROM application_passwords WHERE site_id = $site AND user_id = $1 AND revoked IS NULL ORDER BY id`, userID)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if err := u.revoke(ctx, tx, by, r); err != nil {
				return err
			}
		}
		n = len(rows)
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("revoke tokens: %w", err)
	}
	return n, nil
}

func (u *Users) revoke(ctx context.Context, tx *database.Tx, by audit.Actor, r tokenRow) error {
	if _, err := tx.Exec(ctx, `UPDATE application_passwords SET revoked = $2 WHERE site_id = $site AND id = $1`, r.Row, u.now()); err != nil {
		return err
	}
	return audit.Append(ctx, tx, tokenEvent(TokenRevoked, by, Token{ID: r.ID, UserID: r.UserID, Kind: TokenKind(r.Kind), Name: r.Name}, u.now()))
}
