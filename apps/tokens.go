package apps

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/database"
)

// MaxTokens is the largest number of a user's tokens and application passwords
// that are neither revoked nor expired.
const MaxTokens = 50

var (
	// ErrNoToken means that there is no such token or application password, or
	// that it belongs to another user.
	ErrNoToken = errors.New("no such token")
	// ErrTooManyTokens means that the user already has MaxTokens.
	ErrTooManyTokens = fmt.Errorf("a user can have at most %d tokens and application passwords", MaxTokens)
)

// TokenKind distinguishes tokens from application passwords.
type TokenKind string

// The kinds.
const (
	// AccessToken is sent with HTTP Basic: as the user name, with any password,
	// or as the password of its user.
	AccessToken TokenKind = "token"
	// ApplicationPassword is WordPress's: it is sent as the password of its
	// user, with HTTP Basic or where an XML-RPC call takes a password, with or
	// without spaces.
	ApplicationPassword TokenKind = "password"
)

// IsAccess reports whether the kind is AccessToken.
func (k TokenKind) IsAccess() bool {
	switch k {
	case AccessToken:
		return true
	}
	return false
}

// Via returns how the audit trail names this way of signing in.
func (k TokenKind) Via() string {
	if k.IsAccess() {
		return "token"
	}
	return "application password"
}

// Token is a token or an application password, without its text.
type Token struct {
	Terms

	ID      string // unique over all users; not secret
	UserID  int64
	Kind    TokenKind
	Hint    string // its last four characters; empty if it was imported
	Created time.Time
	Revoked time.Time // zero: not revoked
	LastUse Use       // as in App
}

// State returns the state of a token at a time: InUse, Expired or Revoked.
func (t Token) State(now time.Time) State {
	switch {
	case !t.Revoked.IsZero():
		return Revoked
	case t.ExpiresWithin(0, now):
		return Expired
	}
	return InUse
}

// NewToken describes a token to create. UserID, Kind and Name are required.
type NewToken struct {
	UserID   int64
	Kind     TokenKind
	Name     string
	Scope    Scope
	Networks []netip.Prefix
	Expires  time.Time // zero: does not expire
}

// tokenRow is a row of the table of tokens.
type tokenRow struct {
	credentialRow
	UUID string `db:"uuid"`
	Kind string `db:"kind"`
	Hash string `db:"hash"`
}

const tokenColumns = credentialColumns + `, uuid, kind, hash`

// token converts the row for callers. A scope or a network that cannot be
// parsed is an error, since the limits of the token are unknown then.
func (r *tokenRow) token() (Token, error) {
	terms, err := r.terms(r.UUID)
	if err != nil {
		return Token{}, err
	}
	return Token{
		Terms: terms, ID: r.UUID, UserID: r.UserID, Kind: TokenKind(r.Kind), Hint: r.Hint,
		Created: r.Created, Revoked: r.Revoked.Time, LastUse: r.lastUse(),
	}, nil
}

// CreateToken creates a token or an application password. The returned text is
// never shown again. Errors: *Invalid, ErrTooManyTokens.
func (s *Store) CreateToken(ctx context.Context, by audit.Actor, in NewToken) (Token, Secret, error) {
	t := Token{UserID: in.UserID, Kind: in.Kind, Created: s.now()}
	var err error
	if t.Terms, err = s.newTerms(Terms{in.Name, in.Scope, in.Networks, in.Expires}, t.Created); err != nil {
		return Token{}, Secret{}, err
	}
	var text Secret
	switch in.Kind {
	case AccessToken:
		text, t.ID = DrawToken()
	case ApplicationPassword:
		text, t.ID = drawPassword(), rand.Text()
	default:
		return Token{}, Secret{}, &Invalid{"kind", "it must be token or password"}
	}
	plain := text.Reveal()
	t.Hint = plain[len(plain)-4:]
	key, err := s.Keyed(ctx)
	if err != nil {
		return Token{}, Secret{}, err
	}
	hash := key.token(t.UserID, t.ID, plainToken(t.Kind, plain))
	err = s.db.Update(ctx, func(tx *database.Tx) error { return s.insertToken(ctx, tx, by, t, hash) })
	if err != nil {
		return Token{}, Secret{}, fmt.Errorf("create a token: %w", err)
	}
	return t, text, nil
}

func (s *Store) insertToken(ctx context.Context, tx *database.Tx, by audit.Actor, t Token, hash string) error {
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
		t.UserID, t.ID, string(t.Kind), t.Name, hash, t.Hint, rights, methods, FormatNetworks(t.Networks), t.Created, optionalTime(t.Expires))
	if err != nil {
		return err
	}
	return audit.Append(ctx, tx, t.event(TokenCreated, by, s.now()))
}

// Kinds of audit events about tokens and application passwords.
const (
	TokenCreated   audit.Kind = "token.created"
	TokenRenamed   audit.Kind = "token.renamed"
	TokenLimited   audit.Kind = "token.limited"
	TokenRevoked   audit.Kind = "token.revoked"
	TokenFirstUsed audit.Kind = "token.first-used"
)

// event returns the audit event for a change to a token.
func (t *Token) event(kind audit.Kind, by audit.Actor, at time.Time) audit.Event {
	return audit.Event{
		Kind: kind, UserID: t.UserID, By: by, At: at,
		Detail: map[string]string{"token": t.ID, "kind": string(t.Kind), "name": t.Name},
	}
}

// event is Token.event for a token whose limits do not matter, and may be
// unreadable.
func (r *tokenRow) event(kind audit.Kind, by audit.Actor, at time.Time) audit.Event {
	t := Token{Terms: Terms{Name: r.Name}, ID: r.UUID, UserID: r.UserID, Kind: TokenKind(r.Kind)}
	return t.event(kind, by, at)
}

// TokenFilter selects the tokens that Tokens returns.
type TokenFilter struct {
	UserID  int64     // 0: all users
	Kind    TokenKind // empty: both
	Revoked bool      // include revoked ones
}

// Tokens returns tokens and application passwords in the order of their
// creation, at most 10,000.
func (s *Store) Tokens(ctx context.Context, f TokenFilter) ([]Token, error) {
	var rows []tokenRow
	err := s.db.Select(ctx, &rows, `SELECT `+tokenColumns+` FROM application_passwords
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
		list[i] = s.tokenWithWaiting(list[i])
	}
	return list, nil
}

// Token returns a token or application password by its ID, revoked or not.
// Error: ErrNoToken.
func (s *Store) Token(ctx context.Context, id string) (Token, error) {
	r, err := getToken(ctx, s.db, id)
	if err != nil {
		return Token{}, err
	}
	t, err := r.token()
	return s.tokenWithWaiting(t), err
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

// UpdateToken changes a token of the user, as Update changes an application;
// Change.Strict is ignored. It takes effect with the next request. Errors:
// *Invalid; ErrNoToken, also for a token of another user and for a revoked one.
func (s *Store) UpdateToken(ctx context.Context, by audit.Actor, userID int64, id string, c Change) (Token, error) {
	var t Token
	err := s.db.Update(ctx, func(tx *database.Tx) error {
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
		changed, err := s.change(c, &t.Terms)
		if err != nil {
			return err
		}
		rights, methods := t.Scope.Format()
		_, err = tx.Exec(ctx, `UPDATE application_passwords SET name = $2, scope = $3, methods = $4, networks = $5, expires = $6 WHERE site_id = $site AND id = $1`,
			r.ID, t.Name, rights, methods, FormatNetworks(t.Networks), optionalTime(t.Expires))
		if err != nil {
			return err
		}
		return appendChange(ctx, tx, t.event(TokenLimited, by, s.now()), TokenRenamed, c, changed)
	})
	if err != nil {
		return Token{}, fmt.Errorf("change a token: %w", err)
	}
	return t, nil
}

// RenameToken is UpdateToken for the name alone.
func (s *Store) RenameToken(ctx context.Context, by audit.Actor, userID int64, id, name string) error {
	_, err := s.UpdateToken(ctx, by, userID, id, Change{Name: &name})
	return err
}

// RevokeToken revokes a token of the user. When it returns nil, the revocation
// is on disk, and no process accepts the token in a request that begins later.
// Revoking twice is not an error. ErrNoToken also means a token of another
// user.
func (s *Store) RevokeToken(ctx context.Context, by audit.Actor, userID int64, id string) error {
	err := s.db.Update(ctx, func(tx *database.Tx) error {
		r, err := getToken(ctx, tx, id)
		switch {
		case err != nil:
			return err
		case r.UserID != userID:
			return ErrNoToken
		case r.Revoked.Valid:
			return nil
		}
		return s.revokeToken(ctx, tx, by, r)
	})
	if err != nil {
		return fmt.Errorf("revoke a token: %w", err)
	}
	return nil
}

// RevokeTokens revokes all tokens and application passwords of a user, and
// returns their number.
func (s *Store) RevokeTokens(ctx context.Context, by audit.Actor, userID int64) (n int, err error) {
	err = s.db.Update(ctx, func(tx *database.Tx) error {
		n, err = s.revokeTokens(ctx, tx, by, userID)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("revoke tokens: %w", err)
	}
	return n, nil
}

// revokeTokens revokes the tokens of a user, or of all users if userID is 0.
func (s *Store) revokeTokens(ctx context.Context, tx *database.Tx, by audit.Actor, userID int64) (int, error) {
	var rows []tokenRow
	err := tx.Select(ctx, &rows, `SELECT `+tokenColumns+` FROM application_passwords
		WHERE site_id = $site AND (user_id = $1 OR $1 = 0) AND revoked IS NULL ORDER BY id`, userID)
	if err != nil {
		return 0, err
	}
	for _, r := range rows {
		if err := s.revokeToken(ctx, tx, by, r); err != nil {
			return 0, err
		}
	}
	return len(rows), nil
}

func (s *Store) revokeToken(ctx context.Context, tx *database.Tx, by audit.Actor, r tokenRow) error {
	if _, err := tx.Exec(ctx, `UPDATE application_passwords SET revoked = $2 WHERE site_id = $site AND id = $1`, r.ID, s.now()); err != nil {
		return err
	}
	return audit.Append(ctx, tx, r.event(TokenRevoked, by, s.now()))
}

// ImportedPassword is an application password that was created elsewhere. Its
// text is unknown; Hash has a form that the caller of PresentedPassword knows.
type ImportedPassword struct {
	UserID         int64  `db:"user_id"`
	ID, Name, Hash string // if ID is empty, a new one is drawn
}

// ImportPassword imports an application password, within tx. If the ID already
// exists, it replaces hash and name, unless the password was used here since
// (its hash is then keyed, and an application password never changes), or same
// reports that the old hash is of the same text. The error is *Invalid if the
// ID belongs to another user.
func (s *Store) ImportPassword(ctx context.Context, tx *database.Tx, in ImportedPassword, same func(hash string) bool) error {
	if in.ID == "" {
		in.ID = rand.Text()
	}
	there, err := getToken(ctx, tx, in.ID)
	switch {
	case errors.Is(err, ErrNoToken):
		_, err = tx.Exec(ctx, `INSERT INTO application_passwords (site_id, user_id, uuid, name, hash, created) VALUES ($site, $1, $2, $3, $4, $5)`,
			in.UserID, in.ID, in.Name, in.Hash, s.now().Truncate(time.Second))
	case err == nil && there.UserID != in.UserID:
		return &Invalid{"application password", "its uuid belongs to another user"}
	case err == nil && !strings.HasPrefix(there.Hash, keyedPrefix) && !same(there.Hash):
		_, err = tx.Exec(ctx, `UPDATE application_passwords SET hash = $2, name = $3 WHERE site_id = $site AND uuid = $1`, in.ID, in.Hash, in.Name)
	}
	return err
}

// ExportPasswords returns the application passwords that are not revoked, by
// the id of their user. It omits those created or used here: their hashes are
// keyed, and useless elsewhere.
func (s *Store) ExportPasswords(ctx context.Context, q database.Queryer) (map[int64][]ImportedPassword, error) {
	var rows []tokenRow
	err := q.Select(ctx, &rows, `SELECT `+tokenColumns+` FROM application_passwords
		WHERE site_id = $site AND kind = $1 AND revoked IS NULL AND hash NOT LIKE $2 ORDER BY id`, string(ApplicationPassword), keyedPrefix+"%")
	if err != nil {
		return nil, fmt.Errorf("export application passwords: %w", err)
	}
	passwords := make(map[int64][]ImportedPassword)
	for _, r := range rows {
		passwords[r.UserID] = append(passwords[r.UserID], ImportedPassword{UserID: r.UserID, ID: r.UUID, Name: r.Name, Hash: r.Hash})
	}
	return passwords, nil
}
