package audit

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"

	"github.com/quillgate/quillgate/database"
)

// Kinds of events about the key of the trail.
const (
	// Keyed begins the part of the trail that is protected by a key. Its detail
	// "before" describes the lines before it: "no key" or "another key".
	Keyed Kind = "audit.keyed"
	// Tampered means that the end of the trail had been changed when a line was
	// appended.
	Tampered Kind = "audit.tampered"
)

// attached is the key under which the MAC key is attached to the database.
type attached struct{}

// UseKey sets the 32-byte key under which this process appends and verifies
// lines: their hashes become HMAC-SHA-256, which someone who has only the
// database cannot compute. For a new key, see Begin.
func UseKey(db *database.DB, key []byte) { db.Attach(attached{}, key) }

// keyOf returns the key of the site's trail, or nil if this process has none.
func keyOf(q database.Queryer) []byte {
	v, ok := q.(interface{ Attached(any) any })
	if !ok {
		return nil
	}
	key, _ := v.Attached(attached{}).([]byte)
	return siteKey(key, q.Site())
}

// siteKey derives the key of a site's trail, so that the trail of one site does
// not pass for that of another.
func siteKey(key []byte, site int64) []byte {
	if key == nil || site == 0 {
		return key
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "the trail of site %d", site)
	return mac.Sum(nil)
}

// Open begins the trail of a new site, in the transaction that creates the
// site.
func Open(ctx context.Context, tx *database.Tx) error {
	err := tx.Later(ctx, `INSERT INTO audit_head (site_id, id, hash, pruned, pruned_hash) VALUES ($site, 0, $1, 0, $1)`, []byte{})
	if err != nil {
		return fmt.Errorf("begin the audit trail of a site: %w", err)
	}
	key := keyOf(tx)
	if key == nil {
		return nil
	}
	end, err := readHead(ctx, tx)
	if err != nil {
		return err
	}
	return sealHead(ctx, tx, key, end)
}

// Drop deletes the whole trail of a site that is removed. It returns the end of
// the trail, for the operator's trail to record.
func Drop(ctx context.Context, tx *database.Tx) (Head, error) {
	var end Head
	err := tx.Get(ctx, &end, `UPDATE audit_head SET pruned = id WHERE site_id = $site RETURNING id, hash`)
	if err != nil {
		return Head{}, fmt.Errorf("drop the audit trail of a site: %w", err)
	}
	for _, statement := range []string{`DELETE FROM audit WHERE site_id = $site`, `DELETE FROM audit_head WHERE site_id = $site`} {
		if err := tx.Later(ctx, statement); err != nil {
			return Head{}, fmt.Errorf("drop the audit trail of a site: %w", err)
		}
	}
	return end, nil
}

// eachTrail calls fn for the trail of every site.
func eachTrail(ctx context.Context, tx *database.Tx, fn func(*database.Tx) error) error {
	var sites []int64
	if err := tx.Select(ctx, &sites, `SELECT site_id FROM audit_head ORDER BY site_id`); err != nil {
		return fmt.Errorf("look for audit trails: %w", err)
	}
	for _, site := range sites {
		if err := fn(tx.Of(site)); err != nil {
			return err
		}
	}
	return nil
}

// Begin puts the trails of all sites under a new key from now on, in the
// transaction that stores the key. If a trail already has lines, Begin appends
// one that covers them.
func Begin(ctx context.Context, tx *database.Tx, key []byte) error {
	return eachTrail(ctx, tx, func(tx *database.Tx) error { return begin(ctx, tx, siteKey(key, tx.Site())) })
}

func begin(ctx context.Context, tx *database.Tx, key []byte) error {
	end, err := readHead(ctx, tx)
	if err != nil {
		return err
	}
	if end.ID == 0 {
		return sealHead(ctx, tx, key, end)
	}
	before := "no key"
	var keyed int
	if err := tx.Get(ctx, &keyed, `SELECT COUNT(*) FROM audit WHERE site_id = $site AND event = $1`, string(Keyed)); err != nil {
		return fmt.Errorf("create the key of the audit trail: %w", err)
	}
	if keyed > 0 || len(end.MAC) > 0 {
		before = "another key"
	}
	return appendLine(ctx, tx, key, Event{Kind: Keyed, By: Operator, Detail: map[string]string{"before": before}})
}

// Unkey continues the trails of all sites without the key, for an operator who
// has lost it. The end gets a MAC that no key produces, by which Begin
// recognizes that there were lines under another key.
func Unkey(ctx context.Context, tx *database.Tx) error {
	if err := tx.Later(ctx, `UPDATE audit_head SET mac = $1`, []byte{0}); err != nil {
		return fmt.Errorf("discard the key of the audit trail: %w", err)
	}
	return nil
}

// sealHead stores the MAC of the end of the trail.
func sealHead(ctx context.Context, tx *database.Tx, key []byte, h head) error {
	if err := tx.Later(ctx, `UPDATE audit_head SET mac = $1 WHERE site_id = $site`, h.mac(key)); err != nil {
		return fmt.Errorf("seal the end of the audit trail: %w", err)
	}
	return nil
}

// newHash returns the hash function for a key.
func newHash(key []byte) hash.Hash {
	if key == nil {
		return sha256.New()
	}
	return hmac.New(sha256.New, key)
}

// mac returns the MAC over the end of the trail and over what was pruned, each
// part preceded by its length. Without it, lines could be removed from the end
// unnoticed: the hash of the line before them is still valid.
func (h head) mac(key []byte) []byte {
	sum := newHash(key)
	for _, p := range [][]byte{
		[]byte("the end of the trail"), binary.BigEndian.AppendUint64(nil, uint64(h.ID)), h.Hash,
		binary.BigEndian.AppendUint64(nil, uint64(h.Pruned)), h.PrunedHash,
	} {
		sum.Write(binary.BigEndian.AppendUint64(nil, uint64(len(p))))
		sum.Write(p)
	}
	return sum.Sum(nil)
}

// lineCheck checks one line after the other, from the first one that exists.
type lineCheck struct {
	key   []byte
	from  int64 // the last line of kind Keyed; the lines before it are not under this key
	odd   int64 // the first line before it that was changed, as far as this can be told without the key
	older bool  // the line of kind Keyed shows that the lines before it were under another key
}

func newLineCheck(ctx context.Context, q database.Queryer, end head) (c lineCheck, err error) {
	if c.key = keyOf(q); c.key == nil {
		if len(end.MAC) > 0 {
			return c, errors.New("verify the audit trail: its key is sealed by the keyset, which is not open")
		}
		return c, nil
	}
	err = q.Get(ctx, &c.from, `SELECT COALESCE(MAX(id), 0) FROM audit WHERE site_id = $site AND event = $1`, string(Keyed))
	if err != nil {
		return c, fmt.Errorf("read the audit trail: %w", err)
	}
	return c, nil
}

// look checks a line, given the hash of the previous line. Error: *Broken.
func (c *lineCheck) look(r *row, before []byte) error {
	switch {
	case c.key == nil || r.ID < c.from:
		if hmac.Equal(r.Hash, r.sum(before, nil)) {
			return nil
		}
		if c.key != nil {
			if c.odd == 0 {
				c.odd = r.ID
			}
			return nil
		}
		return &Broken{r.ID, "it, or the line before it, is not what was written"}
	case !hmac.Equal(r.Hash, r.sum(before, c.key)):
		return &Broken{r.ID, "it, or the line before it, is not what was written"}
	case Kind(r.Event) == Tampered:
		return &Broken{r.ID, "when it was written, the trail did not end with the line written last: lines were removed"}
	case r.ID == c.from:
		l, err := r.line()
		c.older = err == nil && l.Detail["before"] == "another key"
	}
	if c.odd != 0 && !c.older {
		return &Broken{c.odd, "it, or the line before it, is not what was written"}
	}
	return nil
}
