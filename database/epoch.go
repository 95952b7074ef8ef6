package database

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/quillgate/quillgate/migrations"
)

// Epoch names a group of tables, such as those of credentials. Triggers named
// moves_NAME on the tables of the group move it, so that no writer can forget
// to, not even someone with psql.
type Epoch string

// Stamp identifies the state of the tables of an epoch, in one open DB. Data
// that was read after a stamp was obtained may be used while the epoch has the
// same stamp. Stamps can only be compared.
type Stamp struct{ n int64 }

// The largest age of a Stamp when another process has written and no
// notification came. SQLite is asked more often, because it costs microseconds.
const (
	maxAgePostgres = 750 * time.Millisecond
	maxAgeSQLite   = 20 * time.Millisecond
)

// Stamp returns the current stamp of an epoch. It changes as soon as a write of
// this DB to the epoch's tables returns. After a write of another process it
// changes within a second, and within milliseconds if Listen runs or on SQLite.
// It seldom costs a statement.
func (db *DB) Stamp(ctx context.Context, e Epoch) (Stamp, error) {
	s := db.epochs.schema.Load()
	if s == nil { // unknown what moves it: no two states are the same
		return Stamp{-db.epochs.unknown.Add(1)}, nil
	}
	i, ok := slices.BinarySearch(s.names, e)
	if !ok {
		return Stamp{}, fmt.Errorf("the schema has no epoch %q", e)
	}
	stamp, err := db.epochs.stamp(ctx, s, i)
	if err != nil {
		return Stamp{}, fmt.Errorf("read the epochs of the database: %w", err)
	}
	return Stamp{stamp}, nil
}

// epochs holds the known counters of a DB's epochs.
//
// Other processes may have written without notifying this one, so the counters
// are read again when they are older than maxAge. A mark means that they are
// already outdated: this DB has committed, or a notification came. The next
// caller that needs a stamp then reads them, so writers never wait for it.
type epochs struct {
	db      *DB
	maxAge  time.Duration
	schema  atomic.Pointer[epochSchema]
	unknown atomic.Int64
	turn    chan struct{} // held by the caller that asks
	known   atomic.Pointer[epochsKnown]
	marks   [maxEpochs]atomic.Int64
	notices notices
}

// maxEpochs is the number of bits in an epochSet.
const maxEpochs = 64

// epochSet has bit i set for names[i].
type epochSet uint64

// epochSchema is what the triggers of the schema define.
type epochSchema struct {
	names  []Epoch // in order
	tables map[string]epochSet
	query  string
}

// epochsKnown is one answer of the database. It is immutable.
type epochsKnown struct {
	asked  time.Time // before the question
	marks  []int64   // the marks at that time
	stamps []int64
	values []int64 // the counters; 0 if a transaction that moved one may not have committed yet
}

func (e *epochs) open(db *DB) {
	e.db, e.maxAge, e.turn = db, maxAgeSQLite, make(chan struct{}, 1)
	e.notices = notices{db: db, id: rand.Text()[:12], closing: make(chan struct{})}
}

func (e *epochs) fresh(k *epochsKnown, i int) bool {
	return k != nil && k.marks[i] == e.marks[i].Load() && time.Since(k.asked) < e.maxAge
}

func (e *epochs) stamp(ctx context.Context, s *epochSchema, i int) (int64, error) {
	if k := e.known.Load(); e.fresh(k, i) {
		return k.stamps[i], nil
	}
	select {
	case e.turn <- struct{}{}:
		defer func() { <-e.turn }()
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	k := e.known.Load()
	if e.fresh(k, i) {
		return k.stamps[i], nil
	}
	k, err := e.ask(ctx, s, k)
	if err != nil {
		return 0, err
	}
	return k.stamps[i], nil
}

// ask reads the counters. The caller holds the turn.
func (e *epochs) ask(ctx context.Context, s *epochSchema, before *epochsKnown) (*epochsKnown, error) {
	n := len(s.names)
	if before == nil {
		before = &epochsKnown{stamps: make([]int64, n), values: make([]int64, n)}
	}
	now := &epochsKnown{asked: time.Now(), marks: make([]int64, n), stamps: slices.Clone(before.stamps), values: make([]int64, n)}
	for i := range n {
		now.marks[i] = e.marks[i].Load()
	}
	var rows []struct {
		Name    Epoch `db:"name"`
		N       int64 `db:"n"`
		Settled bool  `db:"settled"`
	}
	args := make([]any, 0, n)
	if e.db.dialect == migrations.Postgres {
		for _, v := range before.values {
			args = append(args, v)
		}
	}
	if err := e.db.Select(uncounted(ctx), &rows, s.query, args...); err != nil {
		// It is unknown which server answers next, and what that one has
		// missed, so its counters count as moved.
		e.known.Store(&epochsKnown{marks: now.marks, stamps: before.stamps, values: make([]int64, n)})
		return nil, err
	}
	for _, r := range rows {
		i, ok := slices.BinarySearch(s.names, r.Name)
		if !ok {
			continue
		}
		if before.values[i] == 0 || r.N != before.values[i] {
			now.stamps[i]++
		}
		if r.Settled {
			now.values[i] = r.N
		}
	}
	e.known.Store(now)
	return now, nil
}

// mark marks the known counters of some epochs as outdated.
func (e *epochs) mark(set epochSet) {
	for i := 0; set != 0; i, set = i+1, set>>1 {
		if set&1 != 0 {
			e.marks[i].Add(1)
		}
	}
}

// wrote marks what this DB has committed, and notifies other processes.
func (e *epochs) wrote(set epochSet) {
	if set == 0 {
		return
	}
	e.mark(set)
	if e.db.dialect == migrations.Postgres {
		e.notices.add(set)
	}
}

// learn reads from the schema which epochs each table belongs to. A schema
// without epochs, as older versions left it, has none.
func (e *epochs) learn(ctx context.Context) error {
	query := `SELECT tbl_name, name FROM sqlite_master WHERE type = 'trigger' AND name LIKE '%moves!_%' ESCAPE '!'`
	if e.db.dialect == migrations.Postgres {
		query = `SELECT c.relname AS tbl_name, t.tgname AS name FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
			WHERE NOT t.tgisinternal AND t.tgname LIKE 'moves!_%' ESCAPE '!' AND pg_table_is_visible(c.oid)`
	}
	var rows []struct {
		Table   string `db:"tbl_name"`
		Trigger string `db:"name"`
	}
	if err := e.db.Select(uncounted(ctx), &rows, query); err != nil {
		return fmt.Errorf("read the epochs of the schema: %w", err)
	}
	if len(rows) == 0 {
		e.schema.Store(nil)
		return nil
	}
	s := &epochSchema{tables: make(map[string]epochSet)}
	epochOf := func(trigger string) Epoch {
		_, name, _ := strings.Cut(trigger, "moves_")
		return Epoch(name)
	}
	for _, r := range rows {
		if name := epochOf(r.Trigger); !slices.Contains(s.names, name) {
			s.names = append(s.names, name)
		}
	}
	slices.Sort(s.names)
	for _, r := range rows {
		i := slices.Index(s.names, epochOf(r.Trigger))
		s.tables[r.Table] |= 1 << i
	}
	s.query = e.question(s.names)
	e.schema.Store(s)
	return nil
}

// question returns the statement that reads the counters.
//
// On PostgreSQL a counter is a sequence, which moves before the transaction
// that moved it has committed. Until then the transaction holds a lock, which
// all writers share. A reader that sees a moved counter requests the lock
// exclusively. With the lock, everything that the counter shows has committed,
// since nobody can move it. Without it, the same values may be read again as
// long as that lasts. The lock is released at the end of the statement.
func (e *epochs) question(names []Epoch) string {
	if e.db.dialect != migrations.Postgres {
		return `SELECT name, n, TRUE AS settled FROM epochs`
	}
	parts := make([]string, len(names))
	for i, name := range names {
		parts[i] = fmt.Sprintf(`SELECT '%s' AS name, last_value AS n, CASE WHEN last_value <> $%d
			THEN pg_try_advisory_xact_lock(%d, 'epoch_%s'::regclass::oid::int) ELSE TRUE END AS settled FROM epoch_%s`,
			name, i+1, epochLocks, name, name)
	}
	return strings.Join(parts, ` UNION ALL `)
}

// epochLocks is the first half of the keys of the locks, as in the functions of
// the schema.
const epochLocks = 1701867363

// moves returns the epochs that a statement may move: those of all tables that
// it names, if it writes. Too many do no harm, because the counters decide.
func (e *epochs) moves(query string) epochSet {
	s := e.schema.Load()
	if s == nil {
		return 0
	}
	var set epochSet
	writes := false
	for word := range strings.FieldsFuncSeq(query, func(c rune) bool {
		return c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9')
	}) {
		set |= s.tables[word]
		writes = writes || writingWords[word]
	}
	if !writes {
		return 0
	}
	return set
}

// writingWords are the words with which statements write: every statement that
// writes to a table contains one.
var writingWords = map[string]bool{"INSERT": true, "UPDATE": true, "DELETE": true, "TRUNCATE": true, "MERGE": true, "COPY": true}

type uncountedKey struct{}

// uncounted returns a context for statements that DB.Statements does not count.
func uncounted(ctx context.Context) context.Context {
	return context.WithValue(ctx, uncountedKey{}, true)
}
