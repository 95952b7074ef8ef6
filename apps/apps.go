// Package apps owns application keys: pairs of a public key and a secret with
// which a program signs requests in a user's name. It makes them, seals their
// secrets, looks them up, and ends them. It verifies no request: that is for
// package auth, which Lookup hands the secret to. It owns tokens and application
// passwords too, which have the same life and are kept as keyed hashes.
//
// A secret leaves this package twice: once at Create, to be shown to its owner,
// and then only through Lookup. In the database it is sealed with AES-256-GCM
// (Tink), bound to its row: a ciphertext that is copied to another row, user or
// column does not open. The keyset that seals lives in a file next to the
// database, never in it.
package apps

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/database"
)

// MaxPerUser is how many keys a user may have that are not revoked.
const MaxPerUser = 50

var (
	// ErrNotFound means that there is no such key, or that it belongs to
	// someone else.
	ErrNotFound = errors.New("no such application")
	// ErrRevoked means that the key was revoked; for the log, since a client
	// must not be able to tell it from ErrNotFound.
	ErrRevoked = errors.New("the application is revoked")
	// ErrExpired means that the time of the key is over; for the log, as above.
	ErrExpired = errors.New("the application has expired")
	// ErrTaken means that an imported public key exists already, with another
	// secret or for another user.
	ErrTaken = errors.New("the public key is already in use")
	// ErrTooMany means that the user has MaxPerUser keys already.
	ErrTooMany = fmt.Errorf("a user can have at most %d applications", MaxPerUser)
	// ErrSealed means that a secret does not open with the keyset: the row was
	// damaged or tampered with. It disables this key and no other.
	ErrSealed = errors.New("the secret of the application cannot be decrypted")
)

// Invalid says which value of a key cannot be taken, and why.
type Invalid struct{ Field, Why string }

func (e *Invalid) Error() string { return e.Field + ": " + e.Why }

// App is an application key without its secret.
type App struct {
	Public string // the public key, unique over all users
	UserID int64  // whose key it is
	Name   string // what the owner calls the program
	Hint   string // the last four characters of the secret; empty for one that was made elsewhere
	Scope  Scope  // the zero Scope: everything that its user may

	Networks []netip.Prefix // where it may be used from; empty: everywhere
	Strict   bool           // signs by RFC 9421 only

	// Algorithm is that of RFC 9421 which the key signs with, by its name in the registry of that document. It is fixed
	// when the key is made, and never taken from a request. A key with a secret has "hmac-sha256".
	Algorithm string
	// VerificationKey is the public half of a pair whose private half the client keeps (PKIX, DER). Nil for a key with a
	// secret.
	VerificationKey []byte

	// LegacySignatures lets the older form of signatures pass too, which is
	// not as strong; see signature.Header.Legacy. Only keys that were moved
	// from another system have it.
	LegacySignatures bool

	Created time.Time
	Expires time.Time // from then on it is refused; zero: never
	Revoked time.Time // zero: not revoked
	// Successor is the public key of the pair that takes over, after a rotation; empty: none.
	Successor string
	Rotated   time.Time // when the successor was made; zero: there is none
	Renewed   time.Time // when its owner last changed it; zero: never

	LastUse Use   // right to about a minute and a half
	Uses    int64 // how often it was used, as right as LastUse
}

// Use is one use of a key.
type Use struct {
	At     time.Time // zero: never
	Addr   netip.Addr
	Agent  string // what the client calls itself
	Method string // what it called
}

// Config holds what a Store is made of.
type Config struct {
	DB *database.DB

	// KeysetFile is the path of the file that CreateKeyset made.
	KeysetFile string
	// CreateKeyset makes the file where there is none, for a database that was never used with another.
	CreateKeyset bool
	// Unsealed stores secrets unencrypted, without a keyset: whoever reads
	// the database has them all.
	Unsealed bool

	// Methods are the names of all methods there are. The list of methods of a new or changed scope holds none but these
	// and those that begin with "system."; when it is nil, any.
	Methods []string

	// UnusedAfter disables keys that no one has used for so long, until
	// their owners renew them with Update. Never when it is 0.
	UnusedAfter time.Duration

	Clock  func() time.Time // time.Now when nil
	Logger *slog.Logger     // discards when nil
}

// Store is the keys of all users of a site. It is safe for concurrent use.
type Store struct {
	*shared
	db *database.DB // of the site
}

// shared is what the stores of all sites of a database have in common.
type shared struct {
	ring   *keyring
	keys   sync.Map // name → []byte, of NamedKey
	clock  func() time.Time
	logger *slog.Logger

	unusedAfter time.Duration
	methods     []string

	lookups   *database.Cache[named, lookup]
	upstreams *database.Cache[owner, upstream]
	usage     *database.Batch[credential, pendingUse]

	stop sync.Once
	done chan struct{}
	idle sync.WaitGroup
}

// Open returns the store over a database. It refuses a keyset file that others
// can read, that is missing, or that the database was not begun with. Close
// ends it.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	s := &Store{db: cfg.DB, shared: &shared{clock: cfg.Clock, logger: cfg.Logger, unusedAfter: cfg.UnusedAfter, methods: cfg.Methods, done: make(chan struct{})}}
	if s.clock == nil {
		s.clock = time.Now
	}
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	if err := s.openKeyring(ctx, cfg); err != nil {
		return nil, err
	}
	s.lookups = database.NewCache(database.CacheConfig[named, lookup]{DB: s.db, Epoch: epoch, Size: maxLookups, Load: s.readLookup, Clock: s.clock})
	s.upstreams = database.NewCache(database.CacheConfig[owner, upstream]{DB: s.db, Epoch: epoch, Size: maxLookups, Load: s.readUpstream, Clock: s.clock})
	s.usage = s.newUsage()
	if err := s.openTrail(ctx); err != nil {
		return nil, err
	}
	s.idle.Go(s.writeUsage)
	return s, nil
}

// Of returns the keys of another site of the same database. The master key, the caches and what is written in batches are shared,
// so it costs next to nothing; Close of the store that Open returned ends all of them.
func (s *Store) Of(site int64) *Store { return &Store{s.shared, s.db.Of(site)} }

// named is a public key at a site: what another site has given out is nothing here.
type named struct {
	site   int64
	public string
}

func (s *Store) named(public string) named { return named{s.db.Site(), public} }

func (n named) compare(other named) int {
	return cmp.Or(cmp.Compare(n.site, other.site), strings.Compare(n.public, other.public))
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
	Methods  string       `db:"methods"`
	Networks string       `db:"networks"`
	Strict   bool         `db:"strict"`
	Alg      string       `db:"algorithm"`
	Key      []byte       `db:"verification_key"`
	Legacy   bool         `db:"legacy_signatures"`
	Created  time.Time    `db:"created"`
	Expires  sql.NullTime `db:"expires"`
	Revoked  sql.NullTime `db:"revoked"`
	Next     string       `db:"successor"`
	Rotated  sql.NullTime `db:"rotated"`
	Renewed  sql.NullTime `db:"renewed"`
	LastUsed sql.NullTime `db:"last_used"`
	Address  string       `db:"last_address"`
	Agent    string       `db:"last_agent"`
	Method   string       `db:"last_method"`
	Uses     int64        `db:"uses"`
}

const columns = `id, public, user_id, name, secret, hint, scope, methods, networks, strict, algorithm, verification_key,
	legacy_signatures, created, expires, revoked, successor, rotated, renewed, last_used, last_address, last_agent, last_method, uses`

// app is the row as callers see it. A scope or a network that does not read is
// an error: the key is not valid then, since no one knows what it was not meant
// to do.
func (r *row) app() (App, error) {
	a := App{
		Public:           r.Public,
		UserID:           r.UserID,
		Hint:             r.Hint,
		Strict:           r.Strict,
		Algorithm:        r.Alg,
		VerificationKey:  r.Key,
		LegacySignatures: r.Legacy,
		Created:          r.Created,
		Revoked:          r.Revoked.Time,
		Successor:        r.Next,
		Rotated:          r.Rotated.Time,
		Renewed:          r.Renewed.Time,
		Uses:             r.Uses,
		LastUse:          lastUse(r.LastUsed, r.Address, r.Agent, r.Method),
	}
	if a.Algorithm == "" {
		a.Algorithm = hmacSHA256
	}
	terms, err := readTerms(r.Public, r.Name, r.Scope, r.Methods, r.Networks, r.Expires)
	if err != nil {
		return App{}, err
	}
	a.setTerms(terms)
	return a, nil
}

func (a *App) terms() Terms { return Terms{a.Name, a.Scope, a.Networks, a.Expires} }

func (a *App) setTerms(t Terms) {
	a.Name, a.Scope, a.Networks, a.Expires = t.Name, t.Scope, t.Networks, t.Expires
}

// New is a key to be made. UserID and Name are required.
type New struct {
	UserID   int64
	Name     string
	Scope    Scope
	Networks []netip.Prefix
	Strict   bool
	Expires  time.Time // zero: never
}

// Create makes a key for a user. The secret is in the answer and nowhere else
// afterwards. Errors: *Invalid, ErrTooMany.
func (s *Store) Create(ctx context.Context, by audit.Actor, in New) (App, Secret, error) {
	app, err := s.newApp(in)
	if err != nil {
		return App{}, Secret{}, err
	}
	secret := newSecret()
	err = s.db.Update(ctx, func(tx *database.Tx) error {
		if err := s.insert(ctx, tx, &app, secret); err != nil {
			return err
		}
		return audit.Append(ctx, tx, event(AppCreated, by, app, s.now()))
	})
	if err != nil {
		return App{}, Secret{}, fmt.Errorf("create an application: %w", err)
	}
	return app, secret, nil
}

// newApp checks what is asked for, and draws a public key. The algorithm is that of keys with a secret.
func (s *Store) newApp(in New) (app App, err error) {
	app = App{Public: newPublic(), UserID: in.UserID, Strict: in.Strict, Algorithm: hmacSHA256, Created: s.now()}
	terms, err := s.newTerms(Terms{in.Name, in.Scope, in.Networks, in.Expires}, app.Created)
	if err != nil {
		return App{}, err
	}
	app.setTerms(terms)
	return app, nil
}

// insert seals the secret and writes the row. A key without a secret has a verification key. Pairs that have a
// successor do not count: they end by themselves.
func (s *Store) insert(ctx context.Context, tx *database.Tx, app *App, secret Secret) error {
	var have int
	if err := tx.Get(ctx, &have, `SELECT COUNT(*) FROM apps WHERE site_id = $site AND user_id = $1 AND revoked IS NULL AND successor = ''`, app.UserID); err != nil {
		return err
	}
	if have >= MaxPerUser {
		return ErrTooMany
	}
	app.Hint = secret.hint()
	sealed := []byte{}
	if app.VerificationKey == nil {
		var err error
		if sealed, err = s.Seal(ctx, tx, secretPlace(app.UserID, app.Public), []byte(secret.Reveal())); err != nil {
			return fmt.Errorf("seal the secret: %w", err)
		}
	}
	rights, methods := app.Scope.Format()
	_, err := tx.Exec(ctx, `INSERT INTO apps (site_id, public, user_id, name, secret, hint, scope, methods, networks, strict, algorithm,
			verification_key, legacy_signatures, created, expires)
		VALUES ($site, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
		app.Public, app.UserID, app.Name, sealed, app.Hint, rights, methods, FormatNetworks(app.Networks), app.Strict, app.Algorithm,
		app.VerificationKey, app.LegacySignatures, app.Created, optionalTime(app.Expires))
	return err
}

// What is written into the audit trail about keys.
const (
	AppCreated      audit.Kind = "app.created"
	AppRenamed      audit.Kind = "app.renamed"
	AppChanged      audit.Kind = "app.changed"
	AppRotated      audit.Kind = "app.rotated"
	AppRevoked      audit.Kind = "app.revoked"
	AppEnrolled     audit.Kind = "app.enrolled"
	EnrolmentOpened audit.Kind = "app.enrolment-opened"
	EnrolmentClosed audit.Kind = "app.enrolment-closed"
)

// event tells of a change of a key.
func event(kind audit.Kind, by audit.Actor, app App, at time.Time) audit.Event {
	return audit.Event{Kind: kind, UserID: app.UserID, By: by, At: at, Detail: map[string]string{"key": app.Public, "name": app.Name}}
}

// Get returns a key by its public key, revoked or not. Error: ErrNotFound.
func (s *Store) Get(ctx context.Context, public string) (App, error) {
	r, err := get(ctx, s.db, public)
	if err != nil {
		return App{}, fmt.Errorf("get an application: %w", err)
	}
	return r.app()
}

func get(ctx context.Context, q database.Queryer, public string) (row, error) {
	var r row
	err := q.Get(ctx, &r, `SELECT `+columns+` FROM apps WHERE site_id = $site AND public = $1`, public)
	if errors.Is(err, database.ErrNoRows) {
		return row{}, ErrNotFound
	}
	return r, err
}

// Count is how many keys there are that are not revoked.
func (s *Store) Count(ctx context.Context) (n int, err error) {
	if err := s.db.Get(ctx, &n, `SELECT COUNT(*) FROM apps WHERE site_id = $site AND revoked IS NULL`); err != nil {
		return 0, fmt.Errorf("count applications: %w", err)
	}
	return n, nil
}

// Filter says which keys List returns.
type Filter struct {
	UserID  int64  // whose keys; 0: everyone's
	Revoked bool   // revoked ones too, and those whose successors have taken over
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
		WHERE site_id = $site AND id > $1 AND (user_id = $2 OR $2 = 0) AND ($3 OR revoked IS NULL AND (successor = '' OR expires > $4))
		ORDER BY id LIMIT $5`, after, f.UserID, f.Revoked, s.now(), f.Limit+1)
	if err != nil {
		return nil, "", fmt.Errorf("list applications: %w", err)
	}
	if len(rows) > f.Limit {
		rows = rows[:f.Limit]
		next = formatCursor(rows[f.Limit-1].ID)
	}
	for i := range rows {
		app, err := rows[i].app()
		if err != nil {
			return nil, "", err
		}
		list = append(list, app)
	}
	return list, next, nil
}
