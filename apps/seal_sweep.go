package apps

import (
	"context"
	"fmt"
	"time"

	"github.com/quillgate/quillgate/database"
)

const (
	// sweepBatch is the number of values sealed in one transaction, small
	// enough that nobody waits long for its end.
	sweepBatch = 200
	// maxDamaged limits the list of values that cannot be opened.
	maxDamaged = 1000
)

// sealedValue is a value of a sealed column, with its place.
type sealedValue struct {
	ID    int64  `db:"row_id"`
	User  int64  `db:"row_user"`
	Key   string `db:"row_key"`
	Value []byte `db:"row_value"`
}

func (v *sealedValue) place(c sealedColumn) Place {
	return Place{Table: c.table, User: v.User, Key: v.Key, Column: c.column}
}

// walk calls batch with the values of a column, in batches.
func (s *Store) walk(ctx context.Context, c sealedColumn, batch func([]sealedValue) error) error {
	after := int64(0)
	for {
		var list []sealedValue
		err := s.db.Select(ctx, &list, `SELECT `+c.id+` AS row_id, `+c.user+` AS row_user, `+c.key+` AS row_key, `+c.column+` AS row_value
			FROM `+c.table+` WHERE `+c.where+` AND `+c.id+` > $1 ORDER BY `+c.id+` LIMIT $2`, after, sweepBatch)
		if err != nil {
			return fmt.Errorf("read the sealed values of %s: %w", c.table, err)
		}
		if len(list) == 0 {
			return nil
		}
		if err := batch(list); err != nil {
			return err
		}
		after = list[len(list)-1].ID
	}
}

// sweep seals every value that is unencrypted or sealed under an old key.
// Values that cannot be opened stay as they are.
func (s *Store) sweep(ctx context.Context, done *int64, progress func(int64)) error {
	for _, c := range sealedColumns() {
		err := s.walk(ctx, c, func(list []sealedValue) error {
			began := time.Now()
			n, err := s.sealAnew(ctx, c, list)
			if err != nil || n == 0 {
				return err
			}
			*done += n
			if progress != nil {
				progress(*done)
			}
			// Pause for as long as this took: SQLite has one writer, and no
			// queue for it.
			select {
			case <-time.After(time.Since(began)):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// sealAnew seals the values of a batch that need it. It skips a value that
// someone else has changed meanwhile.
func (s *Store) sealAnew(ctx context.Context, c sealedColumn, list []sealedValue) (int64, error) {
	set, err := s.ring.forWriting()
	if err != nil {
		return 0, err
	}
	var swaps []database.Swap
	for i := range list {
		v := &list[i]
		if id, ok := sealedUnder(v.Value); ok && id == set.primary {
			continue
		}
		plain, err := s.Unseal(v.place(c), v.Value)
		if err != nil {
			continue // it is in the report
		}
		ad, err := v.place(c).associated()
		if err != nil {
			return 0, err
		}
		sealed, err := set.aead.Encrypt(plain, ad)
		if err != nil {
			return 0, fmt.Errorf("seal: %w", err)
		}
		swaps = append(swaps, database.Swap{ID: v.ID, Old: v.Value, New: sealed})
	}
	if len(swaps) == 0 {
		return 0, nil
	}
	return int64(len(swaps)), s.db.Swap(ctx, c.table, c.id, c.column, swaps)
}

// VerifySealed opens every sealed value, and counts the results. If progress
// is not nil, it is called with the number of values opened so far.
func (s *Store) VerifySealed(ctx context.Context, progress func(opened int64)) (SealReport, error) {
	r := SealReport{Under: make(map[uint32]int64)}
	var opened int64
	if set, err := s.ring.look(true); err == nil {
		r.Primary, r.Keys = set.primary, set.ids
	} else if !s.ring.off {
		return r, err
	}
	for _, c := range sealedColumns() {
		err := s.walk(ctx, c, func(list []sealedValue) error {
			for i := range list {
				r.add(s, c, &list[i])
			}
			if opened += int64(len(list)); progress != nil {
				progress(opened)
			}
			return nil
		})
		if err != nil {
			return r, err
		}
		var highest struct {
			ID int64 `db:"id"`
		}
		if err := s.db.Get(ctx, &highest, `SELECT COALESCE(MAX(`+c.id+`), 0) AS id FROM `+c.table); err != nil {
			return r, fmt.Errorf("count the sealed values of %s: %w", c.table, err)
		}
		r.Sealings += highest.ID
	}
	return r, nil
}

func (r *SealReport) add(s *Store, c sealedColumn, v *sealedValue) {
	id, sealed := sealedUnder(v.Value)
	_, err := s.Unseal(v.place(c), v.Value)
	switch {
	case !sealed && inClear(v.Value):
		r.Clear++
	case err == nil:
		r.Under[id]++
	default:
		r.Broken++
		if len(r.Damaged) < maxDamaged {
			r.Damaged = append(r.Damaged, v.place(c))
		}
	}
}
