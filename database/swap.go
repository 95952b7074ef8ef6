package database

import (
	"context"
	"fmt"
	"time"

	"github.com/lib/pq"

	"github.com/quillgate/quillgate/migrations"
)

// Swap is a change of one value: the row named by ID gets New if it still has
// Old.
type Swap struct {
	ID       int64
	Old, New []byte
}

// Swap changes values of a column, in one statement on PostgreSQL and one
// transaction on SQLite. Unlike Update it does not conflict with others that
// change the same rows, since it needs only each row as it is. Rows that hold
// another value than Old are left alone. The names must not come from outside
// the program.
func (db *DB) Swap(ctx context.Context, table, id, column string, list []Swap) error {
	for began := time.Now(); ; {
		var err error
		if db.dialect == migrations.Postgres {
			err = db.swapPostgres(ctx, table, id, column, list)
		} else {
			err = db.swapSQLite(ctx, table, id, column, list)
		}
		if err == nil {
			return nil
		}
		if time.Since(began) > patience || !isConflict(err) { // only a deadlock is tried again
			return fmt.Errorf("change %s.%s: %w", table, column, err)
		}
	}
}

func (db *DB) swapPostgres(ctx context.Context, table, id, column string, list []Swap) error {
	ids := make([]int64, len(list))
	before, after := make([][]byte, len(list)), make([][]byte, len(list))
	for i, s := range list {
		ids[i], before[i], after[i] = s.ID, s.Old, s.New
	}
	_, err := db.write.ExecContext(ctx, `UPDATE `+table+` AS t SET `+column+` = v.after
		FROM unnest($1::bigint[], $2::bytea[], $3::bytea[]) AS v (id, before, after)
		WHERE t.`+id+` = v.id AND t.`+column+` = v.before`, pq.Array(ids), pq.Array(before), pq.Array(after))
	return err
}

func (db *DB) swapSQLite(ctx context.Context, table, id, column string, list []Swap) error {
	return db.Update(ctx, func(tx *Tx) error {
		for _, s := range list {
			_, err := tx.Exec(ctx, `UPDATE `+table+` SET `+column+` = $3 WHERE `+id+` = $1 AND `+column+` = $2`, s.ID, s.Old, s.New)
			if err != nil {
				return err
			}
		}
		return nil
	})
}
