// Package options owns the options of the blog: which there are, their types
// and defaults, who may change them, and the table that stores them. Options
// are read as a whole, as [Values], which are cached until one changes.
package options

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/quillgate/quillgate/database"
)

// epoch is the epoch of the table options.
const epoch database.Epoch = "options"

// ErrDenied means that the caller's role does not allow changing options.
var ErrDenied = errors.New("not allowed to change the options of this site")

// Invalid names the option whose value is refused, and the reason.
type Invalid struct{ Name, Why string }

func (e *Invalid) Error() string { return e.Name + ": " + e.Why }

// Store reads and changes the options of a blog. It is safe for concurrent use.
type Store struct {
	// Referents checks options that hold an id; they are not checked if it is nil.
	Referents Referents

	db     *database.DB
	clock  func() time.Time
	values *database.Cache[struct{}, *Values]
	last   atomic.Pointer[Values] // for when the database does not answer
}

// Open returns the options in a database. It reads them once.
func Open(ctx context.Context, db *database.DB, clock func() time.Time) (*Store, error) {
	s := &Store{db: db, clock: clock}
	s.values = database.NewCache(database.CacheConfig[struct{}, *Values]{DB: db, Epoch: epoch, Size: 1, Load: s.load})
	_, err := s.Current(ctx)
	return s, err
}

// Current returns the options. They include every change that this process has
// made, and changes of other processes that are more than a second old.
func (s *Store) Current(ctx context.Context) (*Values, error) { return s.values.Get(ctx, struct{}{}) }

func (s *Store) load(ctx context.Context, _ struct{}) (*Values, time.Time, error) {
	v, err := Read(ctx, s.db)
	if err != nil {
		return nil, time.Time{}, err
	}
	v.now = s.clock
	s.last.Store(v)
	return v, time.Time{}, nil
}

// Read reads the options from a database, or within a transaction.
func Read(ctx context.Context, q database.Queryer) (*Values, error) {
	return read(ctx, q, `SELECT name, value FROM options`)
}

// ReadInt reads one option as an integer; see Values.Int.
func ReadInt(ctx context.Context, q database.Queryer, name string) (int64, error) {
	v, err := read(ctx, q, `SELECT name, value FROM options WHERE name = $1`, name)
	if err != nil {
		return 0, err
	}
	return v.Int(name), nil
}

func read(ctx context.Context, q database.Queryer, query string, args ...any) (*Values, error) {
	var rows []struct {
		Name  string `db:"name"`
		Value string `db:"value"`
	}
	if err := q.Select(ctx, &rows, query, args...); err != nil {
		return nil, fmt.Errorf("read the options: %w", err)
	}
	stored := make(map[string]string, len(rows))
	for _, r := range rows {
		stored[r.Name] = r.Value
	}
	return newValues(stored), nil
}

// Local is Values.Local with the current options, or the last known ones if the
// database does not answer.
func (s *Store) Local(t time.Time) time.Time { return s.lastKnown().Local(t) }

// UTC is Values.UTC with the current options, or the last known ones if the
// database does not answer.
func (s *Store) UTC(local time.Time) time.Time { return s.lastKnown().UTC(local) }

func (s *Store) lastKnown() *Values {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	v, err := s.Current(ctx)
	if err != nil {
		v = s.last.Load() // Open has read them once
	}
	return v
}
