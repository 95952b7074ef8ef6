// Package apps owns application keys: pairs of a public key and a secret with
// which a client signs requests on behalf of a user. It creates them, seals
// their secrets, looks them up, and revokes them. It does not verify requests:
// package auth does, to which Lookup gives the secret. It also owns tokens and
// application passwords, which have the same life cycle and are stored as keyed
// hashes.
//
// A secret leaves this package in two ways: once from Create, to be shown to
// its owner, and from Lookup. In the database it is sealed with AES-256-GCM
// (Tink) and bound to its row: a ciphertext that is copied to another row, user
// or column cannot be opened. The sealing keyset is in a file next to the
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

// MaxPerUser is the largest number of keys of a user that are not revoked.
const MaxPerUser = 50

var (
	// ErrNotFound means that there is no such key, or that it belongs to
	// another user.
	ErrNotFound = errors.New("no such application")
	// ErrRevoked means that the key was revoked. It is for the log: a client
	// must not be able to distinguish it from ErrNotFound.
	ErrRevoked = errors.New("the application is revoked")
	// ErrExpired means that the key has expired. It is for the log, like
	// ErrRevoked.
	ErrExpired = errors.New("the application has expired")
	// ErrTaken means that an imported public key already exists with another
	// secret or for another user.
	ErrTaken = errors.New("the public key is already in use")
	// ErrTooMany means that the user already has MaxPerUser keys.
	ErrTooMany = fmt.Errorf("a user can have at most %d applications", MaxPerUser)
	// ErrSealed means that the keyset cannot open a secret, because the row was
	// damaged or tampered with. It disables only this key.
	ErrSealed = errors.New("the secret of the application cannot be decrypted")
)

// Invalid names the field of a key that is refused, and the reason.
type Invalid struct{ Field, Why string }

func (e *Invalid) Error() string { return e.Field + ": " + e.Why }

// App is an application key without its secret.
type App struct {
	Terms

	Public string // the public key, unique over all users
	UserID int64  // the owner
	Hint   string // the last four characters of the secret; empty if it was made elsewhere
	Strict bool   // accepts RFC 9421 signatures only

	// Algorithm is the name of the signature algorithm in the registry of RFC
	// 9421. It is fixed when the key is created, and never taken from a
	// request. For a key with a secret it is "hmac-sha256".
	Algorithm string
	// VerificationKey is the public half of a pair whose private half the
	// client keeps (PKIX, DER). It is nil for a key with a secret.
	VerificationKey []byte

	// LegacySignatures also accepts the older, weaker form of signatures; see
	// signature.Header.Legacy. Only keys that were moved from another system
	// have it.
	LegacySignatures bool

	Created time.Time
	Revoked time.Time // zero: not revoked
	// Successor is the public key of the pair that replaces this one after a
	// rotation, or empty.
	Successor string
	Rotated   time.Time // when the successor was created; zero: there is none
	Renewed   time.Time // when its owner last changed it; zero: never

	LastUse Use   // those of other processes appear within a minute and a half
	Uses    int64 // number of uses, as accurate as LastUse
}

// Use is one use of a key.
type Use struct {
	At     time.Time // zero: never
	Addr   netip.Addr
	Agent  string // the User-Agent of the client
	Method string // the method that it called
}

// Config configures a Store.
type Config struct {
	DB *database.DB

	// KeysetFile is the path of a file created by CreateKeyset.
	KeysetFile string
	// CreateKeyset creates the file if it does not exist, for a database that
	// was never used with another.
	CreateKeyset bool
	// Unsealed stores secrets unencrypted, without a keyset: anyone who reads
	// the database has them all.
	Unsealed bool

	// Methods are the names of all methods. If it is not nil, a new or changed
	// scope may list only these, and methods that begin with "system.".
	Methods []string

	// UnusedAfter disables keys that were not used for this long, until their
	// owners renew them with Update. 0 means never.
	UnusedAfter time.Duration

	Clock  func() time.Time // default time.Now
	Logger *slog.Logger     // default: discards
}

// Store holds the keys of all users of a site. It is safe for concurrent use.
type Store struct {
	*shared
	db *database.DB // of the site
}

// shared is the part that the stores of all sites of a database share.
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

// Open returns the store for a database. It refuses a keyset file that other
// users can read, that is missing, or that does not belong to the database.
// Call Close at the end.
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

// Of returns the store for another site of the same database. It is cheap: the
// master key, the caches and the batches are shared. Closing the store from
// Open closes all of them.
func (s *Store) Of(site int64) *Store { return &Store{s.shared, s.db.Of(site)} }

// named is a public key of a site: one site does not accept the keys of
// another.
type named struct {
	site   int64
	public string
}

func (s *Store) named(public string) named { return named{s.db.Site(), public} }

func (n named) compare(other named) int {
	return cmp.Or(cmp.Compare(n.site, other.site), strings.Compare(n.public, other.public))
}

// Close writes the last uses and waits until that is done.
func (s *Store) Close() error {
	s.stop.Do(func() { close(s.done) })
	s.idle.Wait()
	return nil
}

func (s *Store) now() time.Time { return s.clock().UTC().Truncate(time.Microsecond) }

// credentialRow holds the columns that the tables of applications and of tokens
// share.
type credentialRow struct {
	ID       int64        `db:"id"`
	UserID   int64        `db:"user_id"`
	Name     string       `db:"name"`
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

const credentialColumns = `id, user_id, name, hint, scope, methods, networks, created, expires, revoked,
	last_used, last_address, last_agent, last_method`

// terms parses the terms of a credential; id names it in errors.
func (r *credentialRow) terms(id string) (t Terms, err error) {
	t = Terms{Name: r.Name, Expires: r.Expires.Time}
	if t.Scope, err = ParseScope(r.Scope, r.Methods); err != nil {
		return Terms{}, fmt.Errorf("read the scope of %s: %w", id, err)
	}
	if t.Networks, err = ParseNetworks(r.Networks); err != nil {
		return Terms{}, fmt.Errorf("read the networks of %s: %w", id, err)
	}
	return t, nil
}

// lastUse returns the last use of a credential. The address is only displayed:
// one that cannot be parsed is as good as none.
func (r *credentialRow) lastUse() Use {
	use := Use{At: r.LastUsed.Time, Agent: r.Agent, Method: r.Method}
	use.Addr, _ = netip.ParseAddr(r.Address)
	return use
}

// row is a row of the table of applications.
type row struct {
	credentialRow
	Public  string       `db:"public"`
	Sealed  []byte       `db:"secret"`
	Strict  bool         `db:"strict"`
	Alg     string       `db:"algorithm"`
	Key     []byte       `db:"verification_key"`
	Legacy  bool         `db:"legacy_signatures"`
	Next    string       `db:"successor"`
	Rotated sql.NullTime `db:"rotated"`
	Renewed sql.NullTime `db:"renewed"`
	Uses    int64        `db:"uses"`
}

const columns = credentialColumns + `, public, secret, strict, algorithm, verification_key, legacy_signatures, successor, rotated, renewed, uses`

// app converts the row for callers. A scope or a network that cannot be parsed
// is an error: the key is invalid then, since its limits are unknown.
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
		LastUse:          r.lastUse(),
	}
	if a.Algorithm == "" {
		a.Algorithm = hmacSHA256
	}
	var err error
	if a.Terms, err = r.terms(r.Public); err != nil {
		return App{}, err
	}
	return a, nil
}

// New describes a key to create. UserID and Name are required.
type New struct {
	UserID   int64
	Name     string
	Scope    Scope
	Networks []netip.Prefix
	Strict   bool
	Expires  time.Time // zero: does not expire
}

// Create creates a key for a user. The returned secret is never shown again.
// Errors: *Invalid, ErrTooMany.
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

// newApp checks a new key, and draws its public key. The algorithm is that of
// keys with a secret.
func (s *Store) newApp(in New) (app App, err error) {
	app = App{Public: newPublic(), UserID: in.UserID, Strict: in.Strict, Algorithm: hmacSHA256, Created: s.now()}
	if app.Terms, err = s.newTerms(Terms{in.Name, in.Scope, in.Networks, in.Expires}, app.Created); err != nil {
		return App{}, err
	}
	return app, nil
}

// insert seals the secret and writes the row. A key without a secret has a
// verification key. Pairs that have a successor do not count towards
// MaxPerUser: they expire.
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

// Kinds of audit events about keys.
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

// event returns the audit event for a change to a key.
func event(kind audit.Kind, by audit.Actor, app App, at time.Time) audit.Event {
	return audit.Event{Kind: kind, UserID: app.UserID, By: by, At: at, Detail: map[string]string{"key": app.Public, "name": app.Name}}
}

// Get returns a key by its public key, revoked or not. Error: ErrNotFound.
func (s *Store) Get(ctx context.Context, public string) (App, error) {
	r, err := get(ctx, s.db, public)
	if err != nil {
		return App{}, fmt.Errorf("get an application: %w", err)
	}
	a, err := r.app()
	return s.withWaiting(a), err
}

func get(ctx context.Context, q database.Queryer, public string) (row, error) {
	var r row
	err := q.Get(ctx, &r, `SELECT `+columns+` FROM apps WHERE site_id = $site AND public = $1`, public)
	if errors.Is(err, database.ErrNoRows) {
		return row{}, ErrNotFound
	}
	return r, err
}

// Count returns the number of keys that are not revoked.
func (s *Store) Count(ctx context.Context) (n int, err error) {
	if err := s.db.Get(ctx, &n, `SELECT COUNT(*) FROM apps WHERE site_id = $site AND revoked IS NULL`); err != nil {
		return 0, fmt.Errorf("count applications: %w", err)
	}
	return n, nil
}

// Filter selects the keys that List returns.
type Filter struct {
	UserID  int64  // 0: all users
	Revoked bool   // include revoked keys, and keys that a successor has replaced
	Limit   int    // 1 to 1000; 0 means 100
	After   string // the next of the previous call; empty: from the start
}

// List returns keys in the order of their creation. next is the After of the
// following call; it is empty after the last page.
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
		list = append(list, s.withWaiting(app))
	}
	return list, next, nil
}
