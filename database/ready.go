package database

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/lib/pq"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/quillgate/quillgate/migrations"
)

const (
	// pulseAge is how long an answer of Ready is reused, so that it costs the
	// database at most one write a second, whoever asks.
	pulseAge = time.Second
	// pulseTime is the time limit for the check.
	pulseTime = 2500 * time.Millisecond
)

// ErrSchema means that another release has changed the schema.
var ErrSchema = errors.New("the schema of the database is that of another release of quillgate")

// pulse remembers the last answer of Ready.
type pulse struct {
	mu    sync.Mutex
	asked *pulseAnswer
}

type pulseAnswer struct {
	at   time.Time
	done chan struct{}
	err  error
}

// Ready returns nil if a write has succeeded within the last second and the
// schema is that of this program. It tries a write if necessary. It returns
// within 3 s, whatever the database does; its error is the reason why the
// database does not accept writes.
func (db *DB) Ready(ctx context.Context) error {
	db.pulse.mu.Lock()
	a := db.pulse.asked
	if a == nil || a.over() {
		a = &pulseAnswer{at: time.Now(), done: make(chan struct{})}
		db.pulse.asked = a
		go func() {
			defer close(a.done)
			ctx, cancel := context.WithTimeout(uncounted(context.WithoutCancel(ctx)), pulseTime)
			defer cancel()
			a.err = db.beat(ctx)
		}()
	}
	db.pulse.mu.Unlock()
	select {
	case <-a.done:
		return a.err
	case <-time.After(pulseTime):
		return errors.New("the database has not taken a write in time")
	case <-ctx.Done():
		return ctx.Err()
	}
}

// over reports whether the answer is too old.
func (a *pulseAnswer) over() bool {
	select {
	case <-a.done:
		return time.Since(a.at) > pulseAge
	default:
		return false // one check at a time
	}
}

func (db *DB) beat(ctx context.Context) error {
	var version int64
	if err := db.Get(ctx, &version, `SELECT MAX(version_id) FROM `+migrations.Table); err != nil {
		return fmt.Errorf("read the version of the schema: %w", err)
	}
	if version != migrations.Newest(db.dialect) {
		return ErrSchema
	}
	if _, err := db.Exec(ctx, `INSERT INTO pulse (id, at) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET at = excluded.at`, time.Now()); err != nil {
		return fmt.Errorf("try to write: %w", err)
	}
	return nil
}

// Outage reports whether err means that the database cannot be used at present:
// it is not reachable, has no space, or cannot or may not write. The same call
// may succeed later. A call that returned such an error may still have been
// carried out.
func Outage(err error) bool {
	var answer *pq.Error
	if errors.As(err, &answer) {
		switch answer.Code {
		case "25006", "25P03": // read-only; ended while idle
			return true
		}
		switch answer.Code.Class() {
		// Connection errors; resources such as the disk; operator intervention;
		// system errors; a damaged database.
		case "08", "53", "58", "XX":
			return true
		case "57":
			return answer.Code != "57014" // a cancelled statement
		}
		return false
	}
	var s *sqlite.Error
	if errors.As(err, &s) {
		switch s.Code() & 0xff {
		case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_BUSY,
			sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
			return true
		}
		return false
	}
	var way *unreachable
	return errors.As(err, &way) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, errSilent) || errors.Is(err, ErrReplaced)
}
