// Package audit keeps the trail of changes to keys, accounts and settings, and
// of who made them. A line is written in the transaction of the change that it
// records, so neither exists without the other. Lines are appended and never
// changed. Each holds a hash over itself and the hash of the previous line, so
// Verify detects lines that were changed or removed. The hashes are MACs under
// a key that the database does not hold unencrypted (UseKey), so that someone
// who controls only the database cannot forge another trail.
//
// Events must not contain secrets: no passwords, secret keys, tokens or
// one-time codes.
package audit

import (
	"context"
	"crypto/hmac"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/quillgate/quillgate/database"
)

// Actor is the person or client that makes a change. The zero value is the
// operator at the command line.
type Actor struct {
	UserID int64      // 0: nobody who is signed in
	Via    string     // how the actor was authenticated: "signature", "password", "session", "command line", …
	App    string     // public key of the application that signed, if one did
	Addr   netip.Addr // of the client; the zero Addr if unknown
	Agent  string     // the User-Agent of the client
}

// Operator is anyone who may run commands on the machine.
var Operator = Actor{Via: "command line"}

// Kind names a type of event, as "noun.verb". The packages that write events
// declare the kinds.
type Kind string

// Event is a change to record.
type Event struct {
	Kind   Kind
	UserID int64 // the user whose trail it belongs to; 0: the site's
	By     Actor
	// Detail holds more about the event, such as the name of a new key. It must
	// not hold a secret.
	Detail map[string]string
	At     time.Time // the zero time means now
}

// Line is an event as the trail stores it.
type Line struct {
	ID int64 // 1, 2, 3 … without gaps
	Event
	Hash []byte // HMAC-SHA-256, or SHA-256 without a key, over the previous hash and this line
}

// maxAgent is the most bytes of a client's name that a line stores.
const maxAgent = 200

// Append writes an event to the end of the trail, in the transaction of the
// change that it records. Make it the last statement there: until the
// transaction ends, nobody else can append.
func Append(ctx context.Context, tx *database.Tx, e Event) error {
	if e.At.IsZero() {
		e.At = time.Now()
	}
	key := keyOf(tx)
	if key == nil {
		return appendLine(ctx, tx, nil, e)
	}
	end, err := readHead(ctx, tx)
	if err != nil {
		return err
	}
	if !hmac.Equal(end.MAC, end.mac(key)) {
		// Someone changed the end of the trail without the key. Appending must
		// not make the trail look intact.
		if err := appendLine(ctx, tx, key, Event{Kind: Tampered, By: Operator, At: e.At}); err != nil {
			return err
		}
	}
	return appendLine(ctx, tx, key, e)
}

// appendLine appends a line under key, or without a key if it is nil, whatever
// the end of the trail looks like.
func appendLine(ctx context.Context, tx *database.Tx, key []byte, e Event) error {
	if e.At.IsZero() {
		e.At = time.Now()
	}
	e.At = e.At.UTC().Truncate(time.Microsecond)
	e.By.Agent = shown(e.By.Agent)
	var head head
	err := tx.Get(ctx, &head, `UPDATE audit_head SET id = id + 1 WHERE site_id = $site RETURNING id, hash, pruned, pruned_hash, mac`)
	if err != nil {
		return fmt.Errorf("append to the audit trail: %w", err)
	}
	l := Line{ID: head.ID, Event: e}
	detail, err := json.Marshal(e.Detail) // with the members in order
	if err != nil {
		return fmt.Errorf("append to the audit trail: %w", err)
	}
	r := row{
		ID: l.ID, At: e.At, Event: string(e.Kind), UserID: e.UserID, Actor: e.By.UserID, Via: e.By.Via, App: e.By.App,
		Agent: e.By.Agent, Detail: string(detail),
	}
	if e.By.Addr.IsValid() {
		r.Address = e.By.Addr.String()
	}
	r.Hash = r.sum(head.Hash, key)
	err = tx.Later(ctx, `INSERT INTO audit (site_id, id, at, event, user_id, actor, via, app, address, agent, detail, hash)
		VALUES ($site, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		r.ID, r.At, r.Event, r.UserID, r.Actor, r.Via, r.App, r.Address, r.Agent, r.Detail, r.Hash)
	if err != nil {
		return fmt.Errorf("append to the audit trail: %w", err)
	}
	if err := tx.Later(ctx, `UPDATE audit_head SET hash = $1 WHERE site_id = $site`, r.Hash); err != nil {
		return fmt.Errorf("append to the audit trail: %w", err)
	}
	if key == nil {
		return nil
	}
	head.Hash = r.Hash
	return sealHead(ctx, tx, key, head)
}

// shown cleans a name that a client gives itself for storage: PostgreSQL
// accepts neither NUL nor bytes that are not UTF-8.
func shown(agent string) string {
	agent = strings.ReplaceAll(strings.ToValidUTF8(agent, "?"), "\x00", "?")
	if len(agent) > maxAgent {
		agent = strings.ToValidUTF8(agent[:maxAgent], "") // the cut may have split the last character
	}
	return agent
}

// row is a row of the table.
type row struct {
	ID      int64     `db:"id"`
	At      time.Time `db:"at"`
	Event   string    `db:"event"`
	UserID  int64     `db:"user_id"`
	Actor   int64     `db:"actor"`
	Via     string    `db:"via"`
	App     string    `db:"app"`
	Address string    `db:"address"`
	Agent   string    `db:"agent"`
	Detail  string    `db:"detail"`
	Hash    []byte    `db:"hash"`
}

// sum returns the hash of the row, over the hash of the previous row and every
// column, each preceded by its length in eight bytes. It is HMAC-SHA-256 under
// the key, or SHA-256 if key is nil.
func (r *row) sum(before, key []byte) []byte {
	h := newHash(key)
	put := func(p []byte) {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(p))))
		h.Write(p)
	}
	number := func(n int64) { put(binary.BigEndian.AppendUint64(nil, uint64(n))) }
	put(before)
	number(r.ID)
	number(r.At.UnixMicro())
	put([]byte(r.Event))
	number(r.UserID)
	number(r.Actor)
	for _, s := range []string{r.Via, r.App, r.Address, r.Agent, r.Detail} {
		put([]byte(s))
	}
	return h.Sum(nil)
}

// line converts the row for callers.
func (r *row) line() (Line, error) {
	l := Line{ID: r.ID, Hash: r.Hash, Event: Event{
		Kind: Kind(r.Event), UserID: r.UserID, At: r.At.UTC(),
		By: Actor{UserID: r.Actor, Via: r.Via, App: r.App, Agent: r.Agent},
	}}
	if r.Address != "" {
		addr, err := netip.ParseAddr(r.Address)
		if err != nil {
			return Line{}, fmt.Errorf("line %d of the audit trail: %w", r.ID, err)
		}
		l.By.Addr = addr
	}
	if err := json.Unmarshal([]byte(r.Detail), &l.Detail); err != nil {
		return Line{}, fmt.Errorf("line %d of the audit trail: %w", r.ID, err)
	}
	return l, nil
}

const columns = `id, at, event, user_id, actor, via, app, address, agent, detail, hash`

// Filter selects the lines that List returns.
type Filter struct {
	UserID int64  // whose trail; 0: the site's and everyone's
	Kind   Kind   // only these; empty: all
	App    string // only lines with this application as the actor; empty: all
	Since  time.Time
	Until  time.Time
	Before int64 // only lines with a smaller id; 0: from the newest
	Limit  int   // at most this many, 1 to 1000; 0 means 100
}

func (f *Filter) defaults() {
	if f.Until.IsZero() {
		f.Until = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	}
}

// List returns the lines that match a filter, the newest first.
func List(ctx context.Context, q database.Queryer, f Filter) ([]Line, error) {
	if f.Limit <= 0 {
		f.Limit = 100
	}
	f.defaults()
	if f.Before <= 0 {
		f.Before = 1 << 62
	}
	var rows []row
	err := q.Select(ctx, &rows, `SELECT `+columns+` FROM audit
		WHERE site_id = $site AND id < $1 AND (user_id = $2 OR $2 = 0) AND (event = $3 OR $3 = '') AND (app = $4 OR $4 = '') AND at >= $5 AND at < $6
		ORDER BY id DESC LIMIT $7`, f.Before, f.UserID, string(f.Kind), f.App, f.Since.UTC(), f.Until.UTC(), min(f.Limit, 1000))
	if err != nil {
		return nil, fmt.Errorf("read the audit trail: %w", err)
	}
	list := make([]Line, len(rows))
	for i := range rows {
		if list[i], err = rows[i].line(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Count returns the number of lines in the trail.
func Count(ctx context.Context, q database.Queryer) (n int64, err error) {
	if err := q.Get(ctx, &n, `SELECT COUNT(*) FROM audit WHERE site_id = $site`); err != nil {
		return 0, fmt.Errorf("count the lines of the audit trail: %w", err)
	}
	return n, nil
}
