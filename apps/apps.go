// Package apps owns application keys: pairs of a public key and a secret with
// which a program signs requests in a user's name. It makes them, seals their
// secrets, looks them up, and ends them. It verifies no request: that is for
// package auth, which Lookup hands the secret to.
//
// A secret leaves this package twice: once at Create, to be shown to its
// owner, and then only through Lookup. In the database it is sealed with
// AES-256-GCM (Tink), bound to its row: a ciphertext that is copied to another
// row, user or column does not open. The keyset that seals lives in a file
// beside the database, never in it.
package apps

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/quillgate/quillgate/database"
)

// MaxPerUser is how many keys a user may have that are not revoked.
const MaxPerUser = 50

var (
	// ErrNotFound says that there is no such key, or that it belongs to
	// somebody else.
	ErrNotFound = errors.New("no such application")
	// ErrRevoked says that the key was revoked; for the log, since a client
	// must not be able to tell it from ErrNotFound.
	ErrRevoked = errors.New("the application is revoked")
	// ErrTaken says that an imported public key exists already, with another
	// secret or for another user.
	ErrTaken = errors.New("the public key is taken")
	// ErrTooMany says that the user has MaxPerUser keys already.
	ErrTooMany = fmt.Errorf("a user can have %d applications", MaxPerUser)
	// ErrSealed says that a secret does not open with the keyset: the row was
	// damaged or tampered with. It disables this key and no other.
	ErrSealed = errors.New("the secret of the application does not open")
)

// Invalid says which value of a key cannot be taken, and why.
type Invalid struct{ Field, Why string }

func (e *Invalid) Error() string { return e.Field + ": " + e.Why }

// App is an application key without its secret.
type App struct {
	Public string // the public key, unique over all users
	UserID int64  // whose key it is
	Name   string // what the owner calls the program
	Hint   string // the last four characters of the secret
	Scope  string // empty: everything that its user may

	// LegacySignatures lets the older form of signatures pass too, which is
	// not as strong; see signature.Header.Legacy. Only keys that were moved
	// from another system have it.
	LegacySignatures bool

	Created  time.Time
	LastUsed time.Time // zero: never; right to about a minute
	Revoked  time.Time // zero: not revoked
}

// Config holds what a Store is made of.
type Config struct {
	DB *database.DB

	// KeysetFile is the path of the file that CreateKeyset made.
	KeysetFile string

	Clock  func() time.Time // time.Now when nil
	Logger *slog.Logger     // discards when nil
}

// Store is the keys of all users. It is safe for concurrent use.
type Store struct {
	db     *database.DB
	aead   tink.AEAD
	clock  func() time.Time
	logger *slog.Logger

	cache cache
	usage usage

	stop sync.Once
	done chan struct{}
	idle sync.WaitGroup
}

// Open returns the store over a database. It refuses a keyset file that others
// can read, that is missing, or that the database was not begun with. Close
// ends it.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	s := &Store{db: cfg.DB, clock: cfg.Clock, logger: cfg.Logger, done: make(chan struct{})}
	if s.clock == nil {
		s.clock = time.Now
	}
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	var err error
	if s.aead, err = readKeyset(cfg.KeysetFile); err != nil {
		return nil, err
	}
	if err := s.checkKeyset(ctx, cfg.KeysetFile); err != nil {
		return nil, err
	}
	s.idle.Go(s.writeUsage)
	return s, nil
}

// Close writes down the last uses and waits for that to end.
func (s *Store) Close() error {
	s.stop.Do(func() { close(s.done) })
	s.idle.Wait()
	return nil
}

func (s *Store) now() time.Time { return s.clock().UTC().Truncate(time.Microsecond) }

// row is a line of the table.
type row struct {
	ID       int64        `db:"id"`
	Public   string       `db:"public"`
	UserID   int64        `db:"user_id"`
	Name     string       `db:"name"`
	Sealed   []byte       `db:"secret"`
	Hint     string       `db:"hint"`
	Scope    string       `db:"scope"`
	Legacy   bool         `db:"legacy_signatures"`
	Created  time.Time    `db:"created"`
	LastUsed sql.NullTime `db:"last_used"`
	Revoked  sql.NullTime `db:"revoked"`
}

const columns = `id, public, user_id, name, secret, hint, scope, legacy_signatures, created, last_used, revoked`

func (r *row) app() App {
	return App{
		Public:           r.Public,
		UserID:           r.UserID,
		Name:             r.Name,
		Hint:             r.Hint,
		Scope:            r.Scope,
		LegacySignatures: r.Legacy,
		Created:          r.Created,
		LastUsed:         r.LastUsed.Time,
		Revoked:          r.Revoked.Time,
	}
}

// Create makes a key for a user. The secret is in the answer and nowhere else
// afterwards. Errors: *Invalid for the name, ErrTooMany.
func (s *Store) Create(ctx context.Context, userID int64, name string) (App, Secret, error) {
	name, err := cleanName(name)
	if err != nil {
		return App{}, Secret{}, err
	}
	app := App{Public: newPublic(), UserID: userID, Name: name, Created: s.now()}
	secret := newSecret()
	err = s.db.Update(ctx, func(tx *database.Tx) error { return s.insert(ctx, tx, &app, secret) })
	if err != nil {
		return App{}, Secret{}, fmt.Errorf("create an application: %w", err)
	}
	s.cache.drop(app.Public)
	return app, secret, nil
}

// insert seals the secret and writes the row.
func (s *Store) insert(ctx context.Context, tx *database.Tx, app *App, secret Secret) error {
	var have int
	if err := tx.Get(ctx, &have, `SELECT COUNT(*) FROM apps WHERE user_id = $1 AND revoked IS NULL`, app.UserID); err != nil {
		return err
	}
	if have >= MaxPerUser {
		return ErrTooMany
	}
	app.Hint = secret.hint()
	sealed, err := s.aead.Encrypt([]byte(secret.Reveal()), secretPlace(app.UserID, app.Public))
	if err != nil {
		return fmt.Errorf("seal the secret: %w", err)
	}
	_, err = tx.Exec(ctx, `INSERT INTO apps (public, user_id, name, secret, hint, scope, legacy_signatures, created)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		app.Public, app.UserID, app.Name, sealed, app.Hint, app.Scope, app.LegacySignatures, app.Created)
	return err
}

// Get returns a key by its public key, revoked or not. Error: ErrNotFound.
func (s *Store) Get(ctx context.Context, public string) (App, error) {
	r, err := get(ctx, s.db, public)
	if err != nil {
		return App{}, fmt.Errorf("get an application: %w", err)
	}
	return r.app(), nil
}

func get(ctx context.Context, q database.Queryer, public string) (row, error) {
	var r row
	err := q.Get(ctx, &r, `SELECT `+columns+` FROM apps WHERE public = $1`, public)
	if errors.Is(err, database.ErrNoRows) {
		return row{}, ErrNotFound
	}
	return r, err
}

// Filter says which keys List returns.
type Filter struct {
	UserID  int64  // whose keys; 0: everybody's
	Revoked bool   // revoked ones too
	Limit   int    // at most so many, 1 to 1000; 0 means 100
	After   string // where the list before ended; empty: from the start
}

// List returns keys in the order of their making. next goes into After of the
// following call; it is empty at the end.
func (s *Store) List(ctx context.Context, f Filter) (list []App, next string, err error) {
	if f.Limit <= 0 {
		f.Limit = 100
	}
	f.Limit = min(f.Limit, 1000)
	after, err := parseCursor(f.After)
	if err != nil {
		return nil, "", err
	}
	var rows []row
	err = s.db.Select(ctx, &rows, `SELECT `+columns+` FROM apps
		WHERE id > $1 AND (user_id = $2 OR $2 = 0) AND (revoked IS NULL OR $3)
		ORDER BY id LIMIT $4`, after, f.UserID, f.Revoked, f.Limit+1)
	if err != nil {
		return nil, "", fmt.Errorf("list applications: %w", err)
	}
	if len(rows) > f.Limit {
		rows = rows[:f.Limit]
		next = formatCursor(rows[f.Limit-1].ID)
	}
	for i := range rows {
		list = append(list, rows[i].app())
	}
	return list, next, nil
}

// Rename gives a key of the user another name. The public key stays what it
// is: nothing that a client sends can change it. Errors: *Invalid for the
// name; ErrNotFound, also for a key of another user and for a revoked one.
func (s *Store) Rename(ctx context.Context, userID int64, public, name string) error {
	name, err := cleanName(name)
	if err != nil {
		return err
	}
	r, err := s.db.Exec(ctx, `UPDATE apps SET name = $3 WHERE public = $1 AND user_id = $2 AND revoked IS NULL`, public, userID, name)
	if err := touched(r, err); err != nil {
		return fmt.Errorf("rename an application: %w", err)
	}
	s.cache.drop(public)
	return nil
}

// Revoke ends a key of the user. When it returns nil, that is on disk, and no
// Lookup that starts more than a second later finds the key, in any process;
// in this one none that starts later at all. Revoking twice is no error.
// ErrNotFound is also for a key of another user.
func (s *Store) Revoke(ctx context.Context, userID int64, public string) error {
	r, err := s.db.Exec(ctx, `UPDATE apps SET revoked = COALESCE(revoked, $3) WHERE public = $1 AND user_id = $2`, public, userID, s.now())
	if err := touched(r, err); err != nil {
		return fmt.Errorf("revoke an application: %w", err)
	}
	s.cache.drop(public)
	return nil
}

func touched(r sql.Result, err error) error {
	if err != nil {
		return err
	}
	n, err := r.RowsAffected()
	if err == nil && n == 0 {
		err = ErrNotFound
	}
	return err
}
