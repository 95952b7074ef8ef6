package audit

import (
	"bytes"
	"context"
	"crypto/hmac"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/quillgate/quillgate/database"
)

// Head identifies a line of the trail by its number and its hash, which covers
// all lines up to it. If the last one is noted elsewhere, a later comparison
// shows whether anything before it was changed, even by someone who rewrote the
// whole trail.
type Head struct {
	ID   int64  `db:"id"`
	Hash []byte `db:"hash"`
}

// String formats the head as ID:HASH.
func (h Head) String() string { return strconv.FormatInt(h.ID, 10) + ":" + hex.EncodeToString(h.Hash) }

// ParseHead parses the result of Head.String.
func ParseHead(text string) (Head, error) {
	number, digits, found := strings.Cut(strings.TrimSpace(text), ":")
	id, err := strconv.ParseInt(number, 10, 64)
	hash, errHash := hex.DecodeString(digits)
	if !found || err != nil || errHash != nil || id < 0 {
		return Head{}, errors.New("this is not an ID:HASH of a line of the audit trail")
	}
	return Head{ID: id, Hash: hash}, nil
}

// Broken describes where the trail differs from what was written.
type Broken struct {
	ID  int64 // the first line that is wrong or missing
	Why string
}

func (b *Broken) Error() string {
	return fmt.Sprintf("the audit trail is broken at line %d: %s", b.ID, b.Why)
}

// Kinds of events about the trail itself.
const Pruned Kind = "audit.pruned"

// batch is the number of lines that are read at once.
const batch = 1000

// head is the row of audit_head, with the number of the last existing line.
type head struct {
	Head
	Pruned     int64  `db:"pruned"`
	PrunedHash []byte `db:"pruned_hash"`
	MAC        []byte `db:"mac"` // empty without a key
	Last       int64  `db:"last"`
}

func readHead(ctx context.Context, q database.Queryer) (h head, err error) {
	err = q.Get(ctx, &h, `SELECT id, hash, pruned, pruned_hash, mac, COALESCE((SELECT MAX(id) FROM audit WHERE site_id = $site), pruned) AS last FROM audit_head WHERE site_id = $site`)
	switch {
	case errors.Is(err, database.ErrNoRows):
		return h, &Broken{Why: "the record of its end is gone"}
	case err != nil:
		return h, fmt.Errorf("read the audit trail: %w", err)
	}
	return h, nil
}

// Verify reads the whole trail and checks that no line was changed, removed or
// inserted, and that the end is intact. Otherwise the error is a *Broken.
// expect, if not nil, is a head that was noted earlier. Verify returns the
// number of lines and the current head. It ignores lines that are appended
// meanwhile. It tells progress, if that is not nil, how many of about how many
// lines it has checked.
//
// Without the key, anyone who can write to the database can compute the hashes
// of another trail. With the key, they can still restore an older state of the
// whole database; only a head that was noted elsewhere reveals that.
func Verify(ctx context.Context, q database.Queryer, expect *Head, progress func(done, all int64)) (lines int64, now Head, err error) {
	end, err := readHead(ctx, q)
	if err != nil {
		return 0, Head{}, err
	}
	check, err := newLineCheck(ctx, q, end)
	if err != nil {
		return 0, Head{}, err
	}
	before := Head{ID: end.Pruned, Hash: end.PrunedHash}
	noted, met := end.Pruned == 0, expect == nil
	look := func(h Head) error {
		if expect == nil || h.ID != expect.ID {
			return nil
		}
		met = true
		if !bytes.Equal(h.Hash, expect.Hash) {
			return &Broken{h.ID, "its hash is not the expected one: lines up to it were rewritten"}
		}
		return nil
	}
	if err := look(before); err != nil {
		return 0, Head{}, err
	}
	err = walk(ctx, q, end.Pruned, end.ID, func(r *row) error {
		if r.ID != before.ID+1 {
			return &Broken{before.ID + 1, "it is missing"}
		}
		if err := check.look(r, before.Hash); err != nil {
			return err
		}
		before = Head{ID: r.ID, Hash: r.Hash}
		lines++
		if progress != nil {
			progress(lines, end.ID-end.Pruned)
		}
		noted = noted || Kind(r.Event) == Pruned && pruning(r, end)
		return look(before)
	})
	switch {
	case err != nil:
		return lines, before, err
	case before.ID < end.ID:
		return lines, before, &Broken{before.ID + 1, "it is missing"}
	case !bytes.Equal(before.Hash, end.Hash):
		return lines, before, &Broken{before.ID, "it is not the line that was written last"}
	case end.Last > end.ID:
		return lines, before, &Broken{end.ID + 1, "it comes after the end"}
	case !noted:
		return lines, before, &Broken{end.Pruned, "lines up to it are gone, and no line records that they were pruned"}
	case check.key != nil && !hmac.Equal(end.MAC, end.mac(check.key)):
		return lines, before, &Broken{end.ID, "the record of the end was changed without the key: lines after it may be gone"}
	case !met:
		return lines, before, &Broken{expect.ID, "it was expected, but no longer exists"}
	}
	return lines, before, nil
}

// pruning reports whether the line records the pruning to which the row of
// audit_head belongs.
func pruning(r *row, end head) bool {
	l, err := r.line()
	return err == nil && l.Detail["up_to"] == Head{ID: end.Pruned, Hash: end.PrunedHash}.String()
}

// walk calls fn with the lines numbered from after+1 to last, in order.
func walk(ctx context.Context, q database.Queryer, after, last int64, fn func(*row) error) error {
	for {
		var rows []row
		err := q.Select(ctx, &rows, `SELECT `+columns+` FROM audit WHERE site_id = $site AND id > $1 AND id <= $2 ORDER BY id LIMIT $3`, after, last, batch)
		if err != nil {
			return fmt.Errorf("read the audit trail: %w", err)
		}
		for i := range rows {
			if err := fn(&rows[i]); err != nil {
				return err
			}
		}
		if len(rows) < batch {
			return nil
		}
		after = rows[len(rows)-1].ID
	}
}

// Each calls fn with the lines that match a filter, the oldest first. It does
// not hold all of them in memory. It ignores Before and Limit of the filter.
func Each(ctx context.Context, q database.Queryer, f Filter, fn func(Line) error) error {
	f.defaults()
	var after int64
	for {
		var rows []row
		err := q.Select(ctx, &rows, `SELECT `+columns+` FROM audit
			WHERE site_id = $site AND id > $1 AND (user_id = $2 OR $2 = 0) AND (event = $3 OR $3 = '') AND (app = $4 OR $4 = '') AND at >= $5 AND at < $6
			ORDER BY id LIMIT $7`, after, f.UserID, string(f.Kind), f.App, f.Since.UTC(), f.Until.UTC(), batch)
		if err != nil {
			return fmt.Errorf("read the audit trail: %w", err)
		}
		for i := range rows {
			l, err := rows[i].line()
			if err != nil {
				return err
			}
			if err := fn(l); err != nil {
				return err
			}
		}
		if len(rows) < batch {
			return nil
		}
		after = rows[len(rows)-1].ID
	}
}

// Prune removes lines older than before, up to the first line that is not, and
// keeps the number and the hash of the last removed line, from which the chain
// continues. A line records the pruning. gone is the number of removed lines.
// Prune verifies the trail first: it must not hide damage.
func Prune(ctx context.Context, db *database.DB, by Actor, before time.Time) (gone int64, err error) {
	if _, _, err := Verify(ctx, db, nil, nil); err != nil {
		return 0, err
	}
	err = db.Update(ctx, func(tx *database.Tx) error {
		gone, err = prune(ctx, tx, by, before.UTC())
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("prune the audit trail: %w", err)
	}
	return gone, nil
}

func prune(ctx context.Context, tx *database.Tx, by Actor, before time.Time) (int64, error) {
	var last Head
	err := tx.Get(ctx, &last, `SELECT id, hash FROM audit
		WHERE site_id = $site AND at < $1
			AND id < (SELECT COALESCE(MIN(id), 9223372036854775807) FROM audit WHERE site_id = $site AND at >= $1) ORDER BY id DESC LIMIT 1`, before)
	if errors.Is(err, database.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	if _, err := tx.Exec(ctx, `UPDATE audit_head SET pruned = $1, pruned_hash = $2 WHERE site_id = $site`, last.ID, last.Hash); err != nil {
		return 0, err
	}
	if key := keyOf(tx); key != nil {
		end, err := readHead(ctx, tx)
		if err != nil {
			return 0, err
		}
		if err := sealHead(ctx, tx, key, end); err != nil {
			return 0, err
		}
	}
	result, err := tx.Exec(ctx, `DELETE FROM audit WHERE site_id = $site AND id <= $1`, last.ID)
	if err != nil {
		return 0, err
	}
	gone, err := result.RowsAffected()
	if err != nil {
		return 0, err
	}
	return gone, Append(ctx, tx, Event{Kind: Pruned, By: by, Detail: map[string]string{
		"up_to": last.String(), "before": before.Format(time.RFC3339), "lines": strconv.FormatInt(gone, 10),
	}})
}
