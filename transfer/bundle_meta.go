package transfer

import (
	"context"
	"fmt"

	"github.com/quillgate/quillgate/database"
)

// metaTable is one of the tables of custom fields.
type metaTable struct{ table, owner, kind string }

var (
	metaOfPosts    = metaTable{"post_meta", "post_id", "post"}
	metaOfTerms    = metaTable{"term_meta", "term_id", "term"}
	metaOfComments = metaTable{"comment_meta", "comment_id", "comment"}
)

type metaRow struct {
	ID    int64  `db:"id"`
	Owner int64  `db:"owner"`
	Key   string `db:"key"`
	Value string `db:"value"`
}

// metaOwner is an object with the custom fields that it will have.
type metaOwner struct {
	id   int64
	meta []BundleMeta
}

// importMeta gives the owners the custom fields of the bundle, and marks the
// owners that have changed.
func (im *importer) importMeta(ctx context.Context, t metaTable, owners []metaOwner, changed map[int64]bool) error {
	there, err := im.readMeta(ctx, t, owners)
	if err != nil {
		return err
	}
	wanted, fresh := planMeta(owners, there)
	for id, row := range there {
		if _, stays := wanted[id]; stays {
			continue
		}
		if _, err := im.tx.Exec(ctx, `DELETE FROM `+t.table+` WHERE id = $1`, id); err != nil {
			return fmt.Errorf("delete custom field %d: %w", id, err)
		}
		changed[row.Owner] = true
	}
	for _, o := range owners {
		for _, m := range o.meta {
			row, known := there[m.ID]
			want := metaRow{m.ID, o.id, m.Key, m.Value}
			if m.ID == 0 || known && row == want {
				continue
			}
			query := `INSERT INTO ` + t.table + ` (id, ` + t.owner + `, key, value) VALUES ($1, $2, $3, $4)`
			if known {
				query = `UPDATE ` + t.table + ` SET ` + t.owner + ` = $2, key = $3, value = $4 WHERE id = $1`
			}
			if _, err := im.tx.Exec(ctx, query, want.ID, want.Owner, want.Key, want.Value); err != nil {
				return fmt.Errorf("write custom field %d of %s %d: %w", m.ID, t.kind, o.id, err)
			}
			changed[o.id] = true
		}
	}
	return im.insertMeta(ctx, t, fresh, changed)
}

// readMeta reads the custom fields that the owners have. It rejects ids that
// belong to fields of other objects.
func (im *importer) readMeta(ctx context.Context, t metaTable, owners []metaOwner) (map[int64]metaRow, error) {
	there := map[int64]metaRow{}
	ours := make(map[int64]bool, len(owners))
	var ownerIDs, metaIDs []int64
	for _, o := range owners {
		ours[o.id] = true
		ownerIDs = append(ownerIDs, o.id)
		for _, m := range o.meta {
			if m.ID != 0 {
				metaIDs = append(metaIDs, m.ID)
			}
		}
	}
	columns := `SELECT id, ` + t.owner + ` AS owner, key, value FROM ` + t.table
	err := database.SelectIn(ctx, im.tx, columns+` WHERE `+t.owner+` IN (?)`, ownerIDs, func(r metaRow) { there[r.ID] = r })
	if err != nil {
		return nil, fmt.Errorf("read the custom fields: %w", err)
	}
	var foreign *metaRow
	err = database.SelectIn(ctx, im.tx, columns+` WHERE id IN (?)`, metaIDs, func(r metaRow) {
		if !ours[r.Owner] {
			foreign = &r
		}
	})
	if err != nil {
		return nil, fmt.Errorf("read the custom fields: %w", err)
	}
	if foreign != nil {
		return nil, &BundleError{t.kind + "s", "meta", fmt.Sprintf("id %d is that of a custom field of %s %d, which is not in the bundle", foreign.ID, t.kind, foreign.Owner)}
	}
	return there, nil
}

// planMeta returns the rows that stay, and the fields without an id that match
// no row.
func planMeta(owners []metaOwner, there map[int64]metaRow) (wanted map[int64]bool, fresh []metaRow) {
	wanted = make(map[int64]bool, len(there))
	for _, o := range owners {
		for _, m := range o.meta {
			if m.ID != 0 {
				wanted[m.ID] = true
			}
		}
	}
	free := map[metaRow][]int64{} // keys have no id
	for id, r := range there {
		if !wanted[id] {
			r.ID = 0
			free[r] = append(free[r], id)
		}
	}
	for _, o := range owners {
		for _, m := range o.meta {
			if m.ID != 0 {
				continue
			}
			like := metaRow{0, o.id, m.Key, m.Value}
			if ids := free[like]; len(ids) > 0 {
				wanted[ids[0]] = true
				free[like] = ids[1:]
				continue
			}
			fresh = append(fresh, like)
		}
	}
	return wanted, fresh
}

func (im *importer) insertMeta(ctx context.Context, t metaTable, fresh []metaRow, changed map[int64]bool) error {
	if len(fresh) == 0 {
		return nil
	}
	// The ids of the bundle are in use now, so the sequence of automatic ids
	// must move past them.
	if err := im.reserve(ctx); err != nil {
		return err
	}
	for _, r := range fresh {
		if _, err := im.tx.Exec(ctx, `INSERT INTO `+t.table+` (`+t.owner+`, key, value) VALUES ($1, $2, $3)`, r.Owner, r.Key, r.Value); err != nil {
			return fmt.Errorf("write custom field %q of %s %d: %w", r.Key, t.kind, r.Owner, err)
		}
		changed[r.Owner] = true
	}
	return nil
}
