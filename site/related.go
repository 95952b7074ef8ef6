package site

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
)

// allowed returns what a caller may see of related data.
func (l Load) allowed(who auth.Identity) Load {
	if !who.Can(auth.ManageCategories) {
		l &^= LoadTermFields
	}
	return l
}

// related is what belongs to posts.
type related struct {
	terms      map[int64][]Term        // by post, sorted by name
	fields     map[int64][]CustomField // by post, sorted by key, ignoring case, and id
	termFields map[int64][]CustomField // by term, sorted likewise
}

// relatedRow is a term of a post, or a custom field.
type relatedRow struct {
	Kind  int   `db:"kind"`
	Owner int64 `db:"owner"` // the post, or the term of a field
	Term
	Value string `db:"value"`
	Key   string `db:"name_key"`
}

// The kinds of related rows, with the statement for each. Name is the key of a
// custom field, and Count the size of its value.
const (
	kindTerm = iota
	kindField
	kindTermField

	selectTerms = `SELECT 0 AS kind, pt.post_id AS owner, ` + termColumns + `, '' AS value, t.name_key
		FROM post_terms pt JOIN terms t ON t.id = pt.term_id WHERE pt.post_id IN (?)`
	selectFields = `SELECT 1 AS kind, post_id AS owner, id, '' AS taxonomy, key AS name, '' AS slug, 0 AS parent, '' AS description, 0 AS term_group,
		octet_length(value) AS count, CASE WHEN octet_length(value) > 32768 THEN '' ELSE value END AS value, '' AS name_key FROM post_meta WHERE post_id IN (?)`
	selectTermFields = `SELECT 2 AS kind, term_id AS owner, id, '' AS taxonomy, key AS name, '' AS slug, 0 AS parent, '' AS description, 0 AS term_group,
		0 AS count, value, '' AS name_key FROM term_meta WHERE term_id IN (SELECT term_id FROM post_terms WHERE post_id IN (?))`
)

// relatedTo reads what belongs to posts with one statement. It reads large
// values of custom fields one by one, when there is memory for each.
func (s *Site) relatedTo(ctx context.Context, posts []int64, load Load) (r related, err error) {
	if load&LoadTerms == 0 {
		load &^= LoadTermFields
	}
	if load&LoadTermFields != 0 && !s.db.Shared() {
		any, err := s.anyField.Get(ctx, struct{}{})
		if err != nil {
			return r, err
		}
		if !any {
			load &^= LoadTermFields
		}
	}
	var parts []string
	var lists []any
	for _, part := range []struct {
		load  Load
		query string
	}{{LoadTerms, selectTerms}, {LoadFields, selectFields}, {LoadTermFields, selectTermFields}} {
		if load&part.load != 0 {
			parts, lists = append(parts, part.query), append(lists, posts)
		}
	}
	if len(parts) == 0 {
		return r, nil
	}
	query, args, err := database.In(strings.Join(parts, ` UNION ALL `), lists...)
	if err != nil {
		return r, err
	}
	var rows []relatedRow
	if err := s.db.Select(ctx, &rows, query, args...); err != nil {
		return r, fmt.Errorf("read the terms and custom fields of posts: %w", err)
	}
	return r, r.sort(ctx, s.db, rows)
}

// sort distributes rows to their owners.
func (r *related) sort(ctx context.Context, q database.Queryer, rows []relatedRow) error {
	slices.SortFunc(rows, func(a, b relatedRow) int { return cmp.Or(strings.Compare(a.Key, b.Key), cmp.Compare(a.ID, b.ID)) })
	r.terms, r.fields, r.termFields = make(map[int64][]Term), make(map[int64][]CustomField), make(map[int64][]CustomField)
	for i := range rows {
		row := &rows[i]
		switch row.Kind {
		case kindTerm:
			r.terms[row.Owner] = append(r.terms[row.Owner], row.shown())
		case kindTermField:
			r.termFields[row.Owner] = append(r.termFields[row.Owner], CustomField{row.ID, row.Name, row.Value})
		case kindField:
			if row.Count > int64(len(row.Value)) {
				if err := database.Reserve(ctx, perText*row.Count); err != nil {
					return err
				}
				if err := q.Get(ctx, &row.Value, `SELECT value FROM post_meta WHERE id = $1`, row.ID); err != nil && !errors.Is(err, database.ErrNoRows) {
					return fmt.Errorf("read custom field %d: %w", row.ID, err)
				}
			}
			r.fields[row.Owner] = append(r.fields[row.Owner], CustomField{row.ID, row.Name, row.Value})
		}
	}
	for _, lists := range []map[int64][]CustomField{r.fields, r.termFields} {
		for _, list := range lists {
			sortFields(list)
		}
	}
	return nil
}
