package site

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/markup"
)

// Term is a category, a tag or a post format.
type Term struct {
	ID          int64  `db:"id"`
	Taxonomy    string `db:"taxonomy"`
	Name        string `db:"name"` // with &, < and > as entities
	Slug        string `db:"slug"` // unique in its taxonomy
	Parent      int64  `db:"parent"`
	Description string `db:"description"`
	Group       int64  `db:"term_group"`
	Count       int64  `db:"count"` // number of published posts with the term
}

const termColumns = `t.id, t.taxonomy, t.name, t.slug, t.parent, t.description, t.term_group, ` + termCount + ` AS count`

// ErrNoTerm means that the taxonomy has no term with this id. It is an
// ErrNotFound.
var ErrNoTerm = fmt.Errorf("term: %w", ErrNotFound)

// ErrNoTermID means that the id is 0, which WordPress distinguishes from an
// unknown one.
var ErrNoTermID = errors.New("no term id")

// shown returns the term with its name for people. As in WordPress, formats are
// stored by their slugs.
func (t Term) shown() Term {
	if t.Taxonomy == PostFormat {
		if name := strings.TrimPrefix(t.Slug, formatPrefix); name != "" {
			t.Name = strings.ToUpper(name[:1]) + name[1:]
		}
	}
	return t
}

func shownTerms(list []Term) []Term {
	for i := range list {
		list[i] = list[i].shown()
	}
	return list
}

// TermLinks returns a function for the addresses of the page of a category or
// tag, and of its feed. With pretty addresses, that of a category includes its
// ancestors, which must be among the given terms.
func (s *Site) TermLinks(ctx context.Context, terms []Term) (func(Term) (page, feed string), error) {
	opts, err := s.options.Current(ctx)
	if err != nil {
		return nil, err
	}
	front, _, pretty := strings.Cut(opts.Text("permalink_structure"), "%")
	if !pretty {
		return s.plainTermLinks, nil
	}
	above := make(map[int64]Term, len(terms))
	for _, t := range terms {
		above[t.ID] = t
	}
	slash := ""
	if strings.HasSuffix(opts.Text("permalink_structure"), "/") {
		slash = "/"
	}
	return func(t Term) (page, feed string) {
		path, base := t.Slug, "category"
		if t.Taxonomy == PostTag {
			base = "tag"
		}
		for at, depth := t.Parent, 0; at != 0 && depth < maxDepth; depth++ {
			path, at = above[at].Slug+"/"+path, above[at].Parent
		}
		page = s.baseURL + "/" + strings.TrimLeft(front, "/") + base + "/" + path
		return page + slash, page + "/feed" + slash
	}, nil
}

func (s *Site) plainTermLinks(t Term) (page, feed string) {
	query := "cat=" + strconv.FormatInt(t.ID, 10)
	if t.Taxonomy == PostTag {
		query = "tag=" + t.Slug
	}
	return s.baseURL + "/?" + query, s.baseURL + "/?feed=rss2&" + query
}

// GetTerm returns one term. Errors: *Invalid for an unknown taxonomy,
// ErrNoTerm, ErrNoTermID, *Denied for a caller who may not assign the
// taxonomy's terms to posts.
func (s *Site) GetTerm(ctx context.Context, who auth.Identity, taxonomy string, id int64) (Term, error) {
	tax, err := knownTaxonomy(taxonomy)
	if err != nil {
		return Term{}, err
	}
	t, err := termByID(ctx, s.db, taxonomy, id)
	if err != nil {
		return Term{}, err
	}
	if !tax.mayAssign(who) {
		return Term{}, &Denied{Action: "assign this term"}
	}
	return t.shown(), nil
}

func termByID(ctx context.Context, q database.Queryer, taxonomy string, id int64) (Term, error) {
	if id == 0 {
		return Term{}, ErrNoTermID
	}
	var t Term
	err := q.Get(ctx, &t, `SELECT `+termColumns+` FROM terms t WHERE t.id = $1 AND t.taxonomy = $2`, id, taxonomy)
	if errors.Is(err, database.ErrNoRows) {
		return Term{}, ErrNoTerm
	}
	if err != nil {
		return Term{}, fmt.Errorf("read term %d: %w", id, err)
	}
	return t, nil
}

// TermFilter selects the terms that ListTerms returns. The zero value of each
// field except Taxonomy means no restriction.
type TermFilter struct {
	Taxonomy string
	Search   string // in the name or the slug, ignoring case and accents
	NameLike string // in the name only
	// HideEmpty omits terms without published posts. A category with a used
	// category below it stays.
	HideEmpty bool
	OrderBy   TermOrder
	Desc      bool
	Limit     int64 // 0 for all
	Offset    int64
}

// TermOrder is the order of a list of terms; equal terms are sorted by id.
type TermOrder string

// The orders of terms, with the names of WordPress's "orderby". An unknown
// order sorts by name.
const (
	TermsByName        TermOrder = ""
	TermsByID          TermOrder = "id"
	TermsBySlug        TermOrder = "slug"
	TermsByCount       TermOrder = "count"
	TermsByParent      TermOrder = "parent"
	TermsByGroup       TermOrder = "term_group"
	TermsByDescription TermOrder = "description"
)

func (o TermOrder) column(q database.Queryer) string {
	switch o {
	case TermsByID, "term_id", "term_taxonomy_id", "taxonomy", "none":
		return "t.id"
	case TermsBySlug, TermsByDescription:
		return q.Sorted("t." + string(o))
	case TermsByCount:
		return termCount
	case TermsByParent, TermsByGroup:
		return "t." + string(o)
	}
	return "t.name_key"
}

// ListTerms returns the terms of one taxonomy, and reads them during the
// iteration. Errors: *Invalid for an unknown taxonomy, *Denied for a caller who
// may not assign the taxonomy's terms to posts.
func (s *Site) ListTerms(ctx context.Context, who auth.Identity, f TermFilter) (iter.Seq2[[]Term, error], error) {
	if _, err := s.Taxonomy(who, f.Taxonomy); err != nil {
		return nil, err
	}
	query, args := f.query(s.db)
	return walk(ctx, s.db, query, args, slimRows, func(ids []int64) ([]Term, error) {
		list, err := inOrder(ctx, s.db, `SELECT `+termColumns+` FROM terms t WHERE t.id IN (?)`, ids, func(t *Term) int64 { return t.ID })
		return shownTerms(list), err
	}), nil
}

// ParentCategories returns the categories that have others below them, with
// what TermLinks needs of them.
func (s *Site) ParentCategories(ctx context.Context) ([]Term, error) {
	var list []Term
	err := s.db.Select(ctx, &list, `SELECT id, taxonomy, slug, parent FROM terms
		WHERE taxonomy = 'category' AND id IN (SELECT parent FROM terms WHERE taxonomy = 'category' AND parent <> 0)`)
	if err != nil {
		return nil, fmt.Errorf("read the categories above others: %w", err)
	}
	return list, nil
}

// query returns the filter as one statement for ids. The walk from used
// categories to their parents ends even in a loop, since UNION takes each row
// once.
func (f TermFilter) query(in database.Queryer) (string, []any) {
	f.Search = strings.ToValidUTF8(f.Search[:min(len(f.Search), maxTermSearch)], "")
	f.NameLike = strings.ToValidUTF8(f.NameLike[:min(len(f.NameLike), maxTermSearch)], "")
	args := []any{f.Taxonomy}
	arg := func(v any) string {
		args = append(args, v)
		return fmt.Sprintf("$%d", len(args))
	}
	var q strings.Builder
	if f.HideEmpty {
		q.WriteString(`WITH RECURSIVE used (id, parent) AS (
			SELECT id, parent FROM terms t WHERE taxonomy = $1 AND ` + termCount + ` > 0
			UNION SELECT p.id, p.parent FROM terms p JOIN used u ON p.id = u.parent WHERE p.taxonomy = $1) `)
	}
	q.WriteString(`SELECT t.id FROM terms t WHERE t.taxonomy = $1`)
	if f.HideEmpty {
		q.WriteString(` AND t.id IN (SELECT id FROM used)`)
	}
	if f.Search != "" {
		key, slug := arg(likeKey(f.Search)), arg("%"+database.Like(strings.ToLower(f.Search))+"%")
		q.WriteString(` AND (t.name_key LIKE ` + key + ` OR t.slug LIKE ` + slug + ` ESCAPE '\')`)
	}
	if f.NameLike != "" {
		q.WriteString(` AND t.name_key LIKE ` + arg(likeKey(f.NameLike)))
	}
	column, direction := f.OrderBy.column(in), ""
	if f.Desc {
		direction = " DESC"
	}
	q.WriteString(` ORDER BY ` + column + direction)
	if column != "t.id" {
		q.WriteString(`, t.id`)
	}
	if f.Limit > 0 {
		q.WriteString(` LIMIT ` + arg(f.Limit))
	} else if f.Offset > 0 {
		q.WriteString(` LIMIT ` + arg(int64(1)<<62))
	}
	if f.Offset > 0 {
		q.WriteString(` OFFSET ` + arg(f.Offset))
	}
	return q.String(), args
}

// maxTermSearch is how many bytes of a search text are used. Databases limit
// patterns too.
const maxTermSearch = 1000

func likeKey(text string) string { return "%" + TermKey(markup.Escape(text)) + "%" }

// termsNamed returns the terms of a taxonomy whose names equal one of the given
// ones, ignoring case and accents. They are indexed by the key of the name and,
// under one key, sorted by id.
func termsNamed(ctx context.Context, q database.Queryer, taxonomy string, names []string) (map[string][]Term, error) {
	out := make(map[string][]Term, len(names))
	if err := checkTermNumber(len(names)); err != nil {
		return nil, err
	}
	keys := make([]string, 0, len(names))
	for _, name := range names {
		keys = append(keys, TermKey(termName(name)))
	}
	if len(keys) == 0 {
		return out, nil
	}
	query, args, err := database.In(`SELECT `+termColumns+` FROM terms t WHERE t.taxonomy = ? AND t.name_key IN (?) ORDER BY t.id`, taxonomy, keys)
	if err != nil {
		return nil, err
	}
	var list []Term
	if err := q.Select(ctx, &list, query, args...); err != nil {
		return nil, fmt.Errorf("find terms of %s by name: %w", taxonomy, err)
	}
	for _, t := range list {
		key := TermKey(t.Name)
		out[key] = append(out[key], t)
	}
	return out, nil
}
