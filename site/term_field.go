package site

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
)

// idsAtOnce is the number of ids in a statement: fewer than either database
// allows.
const idsAtOnce = 10_000

// TermFields returns the custom fields of terms, sorted by key and id, with one
// statement for each 10,000 terms. Users who may edit terms see all of them,
// including protected ones; others see none.
func (s *Site) TermFields(ctx context.Context, who auth.Identity, terms []int64) (map[int64][]CustomField, error) {
	out := make(map[int64][]CustomField)
	if !who.Can(auth.ManageCategories) {
		return out, nil
	}
	if len(terms) > 0 && !s.db.Shared() {
		if any, err := s.anyField.Get(ctx, struct{}{}); err != nil || !any {
			return out, err
		}
	}
	for ids := range slices.Chunk(terms, idsAtOnce) {
		query, args, err := database.In(`SELECT term_id, id, key, value FROM term_meta WHERE term_id IN (?) ORDER BY term_id, key, id`, ids)
		if err != nil {
			return nil, err
		}
		var rows []struct {
			Term int64 `db:"term_id"`
			CustomField
		}
		if err := s.db.Select(ctx, &rows, query, args...); err != nil {
			return nil, fmt.Errorf("read the custom fields of terms: %w", err)
		}
		for _, r := range rows {
			out[r.Term] = append(out[r.Term], r.CustomField)
		}
	}
	for _, list := range out {
		sortFields(list)
	}
	return out, nil
}

// readAnyTermField reports whether any term has a custom field. In most blogs,
// none has.
func (s *Site) readAnyTermField(ctx context.Context, _ struct{}) (found bool, _ time.Time, err error) {
	if err := s.db.Get(ctx, &found, `SELECT COALESCE(MAX(id), 0) > 0 FROM term_meta`); err != nil {
		return false, time.Time{}, fmt.Errorf("look for custom fields of terms: %w", err)
	}
	return found, time.Time{}, nil
}

// editTermFields applies edits to the custom fields of a term. An edit of
// another term's field does nothing.
func editTermFields(ctx context.Context, tx *database.Tx, term int64, edits []FieldEdit) error {
	for _, e := range edits {
		var err error
		switch {
		case e.HasID && e.HasKey:
			err = tx.Later(ctx, `UPDATE term_meta SET value = $4 WHERE id = $1 AND term_id = $2 AND key = $3`, e.ID, term, e.Key, e.Value)
		case e.HasID:
			err = tx.Later(ctx, `DELETE FROM term_meta WHERE id = $1 AND term_id = $2`, e.ID, term)
		case e.Key != "":
			err = tx.Later(ctx, `INSERT INTO term_meta (term_id, key, value) VALUES ($1, $2, $3)`, term, e.Key, e.Value)
		}
		if err != nil {
			return fmt.Errorf("change the custom fields of term %d: %w", term, err)
		}
	}
	return nil
}
