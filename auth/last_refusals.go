package auth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/database"
)

// Strangers can cause refusals, so what is kept of them is bounded.
const (
	maxLastOfUser   = 20  // rows of each user
	maxLastOfNobody = 200 // rows of a site that belong to no user
	maxLastWaiting  = 500 // in memory, until the next write; more are only counted
)

// Refused is one of the last refused credentials of a site.
type Refused struct {
	At     time.Time
	Reason Reason
	UserID int64 // whose key it was, or who was named; 0: nobody that exists
	// Named means that a user name was sent. One that nobody has is not kept:
	// people type passwords there.
	Named  bool
	Public string // the key, or the ID of the token; empty if none was named that exists
	// KeyLength is the number of characters of a key that does not exist, which
	// is not kept for the same reason. It is 0 if none was named.
	KeyLength int
	Addr      netip.Addr // the zero Addr if unknown
	Agent     string     // the User-Agent of the client
}

// lastRefusals keeps the last refusals of all sites of a database.
type lastRefusals struct {
	batch *database.Batch[lastKey, refusedEvent]
	next  atomic.Int64

	mu   sync.Mutex
	full map[lastOwner]bool // whose rows were added, so old ones may have to be deleted
}

type lastKey struct{ site, n int64 }

// lastOwner is a user, or nobody (0).
type lastOwner struct{ site, user int64 }

type refusedEvent struct {
	Event
	agent string
	at    time.Time
}

func newLastRefusals(db *database.DB) *lastRefusals {
	l := &lastRefusals{full: make(map[lastOwner]bool)}
	l.batch = database.NewBatch(database.BatchConfig[lastKey, refusedEvent]{
		DB:      db,
		Compare: func(a, b lastKey) int { return cmp.Or(cmp.Compare(a.site, b.site), cmp.Compare(a.n, b.n)) },
		Merge:   func(_, newer refusedEvent) refusedEvent { return newer }, // never: every key is new
		Write:   l.write,
		Size:    maxLastWaiting,
	})
	return l
}

func (l *lastRefusals) add(site int64, e refusedEvent) {
	l.batch.Add(lastKey{site, l.next.Add(1)}, e)
}

// write finds out whose credential it was, and stores nothing of it that is not
// known here.
func (l *lastRefusals) write(ctx context.Context, tx *database.Tx, key lastKey, e refusedEvent) error {
	tx = tx.Of(key.site)
	r := Refused{Named: e.Login != ""}
	if e.Public != "" {
		owner, err := apps.Owner(ctx, tx, e.Public)
		switch {
		case err == nil:
			r.UserID, r.Public = owner, e.Public
		case errors.Is(err, apps.ErrNotFound):
			r.KeyLength = utf8.RuneCountInString(e.Public)
		default:
			return err
		}
	}
	if r.UserID == 0 && r.Named {
		err := tx.Get(ctx, &r.UserID, `SELECT id FROM users WHERE site_id = $site AND (login_key = $1 OR (email_key = $1 AND email_key <> ''))
			ORDER BY CASE WHEN login_key = $1 THEN 0 ELSE 1 END LIMIT 1`, fold(e.Login))
		if err != nil && !errors.Is(err, database.ErrNoRows) {
			return fmt.Errorf("get a user: %w", err)
		}
	}
	var user *int64
	if r.UserID != 0 {
		user = &r.UserID
	}
	_, err := tx.Exec(ctx, `INSERT INTO last_refusals (site_id, user_id, at, reason, public, key_length, named, address, agent) VALUES ($site, $1, $2, $3, $4, $5, $6, $7, $8)`,
		user, e.at.UTC().Truncate(time.Microsecond), string(e.Reason), r.Public, r.KeyLength, r.Named, addrText(e.Addr), e.agent)
	if err == nil {
		l.mu.Lock()
		l.full[lastOwner{key.site, r.UserID}] = true
		l.mu.Unlock()
	}
	return err
}

// flush writes what waits, and deletes what is too old or too much.
func (l *lastRefusals) flush(ctx context.Context, db *database.DB, now, oldest time.Time) error {
	n, err := l.batch.Flush(ctx, true, now)
	if err != nil || n == 0 {
		return err
	}
	l.mu.Lock()
	owners := make([]lastOwner, 0, len(l.full))
	for o := range l.full {
		owners = append(owners, o)
	}
	clear(l.full)
	l.mu.Unlock()
	slices.SortFunc(owners, func(a, b lastOwner) int { return cmp.Or(cmp.Compare(a.site, b.site), cmp.Compare(a.user, b.user)) })
	for _, o := range owners {
		if o.user == 0 {
			_, err = db.Of(o.site).Exec(ctx, `DELETE FROM last_refusals WHERE site_id = $site AND user_id IS NULL AND id NOT IN
				(SELECT id FROM last_refusals WHERE site_id = $site AND user_id IS NULL ORDER BY at DESC, id DESC LIMIT $1)`, maxLastOfNobody)
		} else {
			_, err = db.Of(o.site).Exec(ctx, `DELETE FROM last_refusals WHERE site_id = $site AND user_id = $1 AND id NOT IN
				(SELECT id FROM last_refusals WHERE site_id = $site AND user_id = $1 ORDER BY at DESC, id DESC LIMIT $2)`, o.user, maxLastOfUser)
		}
		if err != nil {
			return fmt.Errorf("delete old refusals: %w", err) // the next ones of that owner delete them
		}
	}
	if _, err := db.Exec(ctx, `DELETE FROM last_refusals WHERE at < $1`, oldest.UTC()); err != nil {
		return fmt.Errorf("delete old refusals: %w", err)
	}
	return nil
}

type refusedRow struct {
	User      int64     `db:"user_id"`
	At        time.Time `db:"at"`
	Reason    Reason    `db:"reason"`
	Public    string    `db:"public"`
	KeyLength int       `db:"key_length"`
	Named     bool      `db:"named"`
	Address   string    `db:"address"`
	Agent     string    `db:"agent"`
}

const refusedColumns = `COALESCE(user_id, 0) AS user_id, at, reason, public, key_length, named, address, agent`

// Last returns the last refused credentials of a user, the newest first: at
// most 20, of the last 90 days. What other processes refused in the last half
// minute may be missing.
func (r *Refusals) Last(ctx context.Context, userID int64) ([]Refused, error) {
	return r.lastOf(ctx, `SELECT `+refusedColumns+` FROM last_refusals WHERE site_id = $site AND user_id = $1 ORDER BY at DESC, id DESC LIMIT $2`, userID, maxLastOfUser)
}

// LastOfAll is Last for the whole site, with those of nobody: at most 200.
func (r *Refusals) LastOfAll(ctx context.Context) ([]Refused, error) {
	return r.lastOf(ctx, `SELECT `+refusedColumns+` FROM last_refusals WHERE site_id = $site ORDER BY at DESC, id DESC LIMIT $1`, maxLastOfNobody)
}

func (r *Refusals) lastOf(ctx context.Context, query string, args ...any) ([]Refused, error) {
	if err := r.flush(ctx); err != nil {
		return nil, err
	}
	var rows []refusedRow
	if err := r.db.Select(ctx, &rows, query, args...); err != nil {
		return nil, fmt.Errorf("list the last refusals: %w", err)
	}
	list := make([]Refused, len(rows))
	for i, row := range rows {
		list[i] = Refused{At: row.At, Reason: row.Reason, UserID: row.User, Named: row.Named, Public: row.Public, KeyLength: row.KeyLength, Agent: row.Agent}
		list[i].Addr, _ = netip.ParseAddr(row.Address)
	}
	return list, nil
}
