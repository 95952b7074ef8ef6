package site

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/markup"
	"github.com/quillgate/quillgate/options"
)

// TermChoice lists the desired terms of a post in one taxonomy, by id and by
// name together. An empty list of ids removes all terms of the taxonomy.
// Without ids (nil) and names, the terms stay as they are, as with the member
// terms_names of wp.newPost.
type TermChoice struct {
	Taxonomy string
	IDs      []int64
	Names    []string
}

// chooses reports whether the choice changes the terms of a post.
func (c TermChoice) chooses() bool { return c.IDs != nil || len(c.Names) > 0 }

// errAmbiguousTerm means that several categories have the name, so that only an
// id identifies one.
var errAmbiguousTerm = &Denied{Action: "use a name that several terms of this taxonomy have; use the id"}

// ErrPostTermName means that a post names a term whose name is blank or too
// long.
var ErrPostTermName = errors.New("a term that the post names cannot be created")

// maxPostTerms is the largest number of terms that one call can assign to a
// post or look up by name.
const maxPostTerms = 1000

func checkTermNumber(n int) error {
	if n > maxPostTerms {
		return &Invalid{Field: "number of terms", Why: "there are more than " + strconv.Itoa(maxPostTerms)}
	}
	return nil
}

// chooseTerms converts a client's choices to ids of terms by taxonomy, and
// creates terms for new names, by the rules of wp.newPost. Errors: *Denied for
// a taxonomy that the post type does not have, a name that several categories
// share, and a caller who may not assign or create the terms; *Invalid for an
// id that the taxonomy does not contain.
func (s *Site) chooseTerms(ctx context.Context, tx *database.Tx, who auth.Identity, postType string, choices []TermChoice) (map[string][]int64, error) {
	chosen := make(map[string][]int64, len(choices))
	for _, c := range choices {
		tax, err := taxonomyNamed(c.Taxonomy)
		if err != nil || !tax.suits(postType) {
			return nil, &Denied{Action: "use one of the given taxonomies with this post type"}
		}
		if !who.Can(tax.assign) {
			return nil, &Denied{Action: "assign terms of one of the given taxonomies"}
		}
		if err := checkTermIDs(ctx, tx, tax, c.IDs); err != nil {
			return nil, err
		}
		ids := append(slices.Clone(chosen[tax.Name]), c.IDs...)
		named, err := s.chooseByName(ctx, tx, who, tax, c.Names)
		if err != nil {
			return nil, err
		}
		if c.chooses() {
			chosen[tax.Name] = append(ids, named...)
		}
	}
	return chosen, nil
}

func checkTermIDs(ctx context.Context, q database.Queryer, tax Taxonomy, ids []int64) error {
	known, err := knownTerms(ctx, q, tax.Name, ids)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if !slices.Contains(known, id) {
			return &Invalid{Field: "terms", Why: "there is no term " + strconv.FormatInt(id, 10) + " in taxonomy " + tax.Name}
		}
	}
	return nil
}

// knownTerms returns the ids that are terms of the taxonomy.
func knownTerms(ctx context.Context, q database.Queryer, taxonomy string, ids []int64) ([]int64, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	if err := checkTermNumber(len(ids)); err != nil {
		return nil, err
	}
	query, args, err := database.In(`SELECT id FROM terms WHERE taxonomy = ? AND id IN (?) ORDER BY id`, taxonomy, ids)
	if err != nil {
		return nil, err
	}
	var known []int64
	if err := q.Select(ctx, &known, query, args...); err != nil {
		return nil, fmt.Errorf("find terms of %s: %w", taxonomy, err)
	}
	return known, nil
}

func (s *Site) chooseByName(ctx context.Context, tx *database.Tx, who auth.Identity, tax Taxonomy, names []string) ([]int64, error) {
	found, err := termsNamed(ctx, tx, tax.Name, names)
	if err != nil {
		return nil, err
	}
	var ids []int64
	for _, name := range names {
		stored := termName(name)
		same := found[TermKey(stored)]
		if tax.Hierarchical && sameNames(same, stored) > 1 {
			return nil, errAmbiguousTerm
		}
		if len(same) > 0 {
			ids = append(ids, same[0].ID)
			continue
		}
		if !who.Can(tax.edit) {
			return nil, &Denied{Action: "add a term to one of the given taxonomies"}
		}
		t, err := createTerm(ctx, tx, tax, NewTerm{Taxonomy: tax.Name, Name: name})
		if errors.Is(err, ErrTermName) || errors.Is(err, ErrTermLength) {
			return nil, fmt.Errorf("%w: %q", ErrPostTermName, name)
		}
		if err != nil {
			return nil, err
		}
		found[TermKey(t.Name)] = []Term{t}
		ids = append(ids, t.ID)
	}
	return ids, nil
}

func sameNames(list []Term, name string) (n int) {
	for _, t := range list {
		if t.Name == name {
			n++
		}
	}
	return n
}

// errNewTags refuses new tags to a key that may only write drafts: visitors see
// the tags of a blog, even those of drafts.
var errNewTags = &Denied{Action: "create tags with this key; use existing tags, or a key with the right publish"}

// tagsNamed returns the ids of the tags with these names or slugs, and creates
// new ones (metaWeblog.newPost: anyone who may write a post may create tags for
// it, unless the scope of the key says otherwise). As in WordPress, it ignores
// names that are blank or too long: a list of keywords without the right commas
// is one long name, and no reason to refuse the post.
func tagsNamed(ctx context.Context, tx *database.Tx, who auth.Identity, names []string) ([]int64, error) {
	tax, err := taxonomyNamed(PostTag)
	if err != nil {
		return nil, err
	}
	bySlug, err := termsOfSlugs(ctx, tx, tax.Name, names)
	if err != nil {
		return nil, err
	}
	byName, err := termsNamed(ctx, tx, tax.Name, names)
	if err != nil {
		return nil, err
	}
	var ids []int64
	for _, name := range names {
		stored, err := checkedName(name)
		if err != nil {
			continue
		}
		if id, ok := bySlug[markup.Slug(stored)]; ok {
			ids = append(ids, id)
			continue
		}
		if same := byName[TermKey(stored)]; len(same) > 0 {
			ids = append(ids, same[0].ID)
			continue
		}
		if !who.Lets(tax.edit) {
			return nil, errNewTags
		}
		t, err := createTerm(ctx, tx, tax, NewTerm{Taxonomy: tax.Name, Name: name})
		if err != nil {
			return nil, err
		}
		bySlug[t.Slug] = t.ID
		byName[TermKey(t.Name)] = []Term{t}
		ids = append(ids, t.ID)
	}
	return ids, nil
}

func termsOfSlugs(ctx context.Context, q database.Queryer, taxonomy string, names []string) (map[string]int64, error) {
	out := make(map[string]int64, len(names))
	if len(names) == 0 {
		return out, nil
	}
	if err := checkTermNumber(len(names)); err != nil {
		return nil, err
	}
	slugs := make([]string, len(names))
	for i, name := range names {
		slugs[i] = markup.Slug(termName(name))
	}
	err := database.SelectIn(ctx, q, `SELECT id, slug FROM terms WHERE taxonomy = ? AND slug IN (?)`, slugs, func(t Term) { out[t.Slug] = t.ID }, taxonomy)
	if err != nil {
		return nil, fmt.Errorf("find terms of %s by slug: %w", taxonomy, err)
	}
	return out, nil
}

// setPostTerms replaces the terms of a post in one taxonomy. It ignores ids
// that are not terms of the taxonomy. counted means that the post is published,
// which changes the counts of the terms; see countPost.
func setPostTerms(ctx context.Context, tx *database.Tx, postID int64, counted bool, taxonomy string, ids []int64) error {
	if err := checkTermNumber(len(ids)); err != nil {
		return err
	}
	var had []int64
	if err := tx.Select(ctx, &had, `SELECT t.id FROM post_terms pt JOIN terms t ON t.id = pt.term_id WHERE pt.post_id = $1 AND t.taxonomy = $2`, postID, taxonomy); err != nil {
		return fmt.Errorf("read the terms of post %d: %w", postID, err)
	}
	removed := without(had, ids)
	if err := database.ExecIn(ctx, tx, `DELETE FROM post_terms WHERE post_id = ? AND term_id IN (?)`, removed, postID); err != nil {
		return fmt.Errorf("remove terms from post %d: %w", postID, err)
	}
	added, err := giveTerms(ctx, tx, postID, taxonomy, without(ids, had))
	if err != nil {
		return err
	}
	if !counted {
		return nil
	}
	return errors.Join(ShiftTermCounts(ctx, tx, -1, removed), ShiftTermCounts(ctx, tx, 1, added))
}

// giveTerms gives a post terms of a taxonomy that it does not have, and returns
// those that are terms of it.
func giveTerms(ctx context.Context, tx *database.Tx, postID int64, taxonomy string, ids []int64) (added []int64, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	query, args, err := database.In(`INSERT INTO post_terms (post_id, term_id) SELECT p.id, t.id FROM posts p, terms t
		WHERE p.id = ? AND t.taxonomy = ? AND t.id IN (?) RETURNING term_id`, postID, taxonomy, ids)
	if err == nil {
		err = tx.Select(ctx, &added, query, args...)
	}
	if err != nil {
		return nil, fmt.Errorf("give terms to post %d: %w", postID, err)
	}
	return added, nil
}

// without returns the ids of list that are not in others, each once.
func without(list, others []int64) []int64 {
	var out []int64
	for _, id := range list {
		if !slices.Contains(others, id) && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

// termCount is the SQL for the count of a term t. Publishing adds a shift, and
// does not change the row of the term: otherwise all who publish in one
// category would wait for each other. foldTermCounts occasionally adds up the
// shifts.
const termCount = `(t.count + COALESCE((SELECT SUM(s.n) FROM term_shifts s WHERE s.term_id = t.id), 0))`

// termShift is a row of term_shifts.
type termShift struct {
	Term int64 `db:"term_id"`
	N    int64 `db:"n"`
}

// foldTermCounts adds shifts to the rows of their terms, and reports whether
// there may be more. The counts do not change.
func (s *Site) foldTermCounts(ctx context.Context) (more bool, err error) {
	more, err = database.Shifts[termShift, int64]{
		Few:  `SELECT COUNT(*) FROM (SELECT 1 FROM term_shifts LIMIT $1) AS s`,
		Take: `DELETE FROM term_shifts WHERE id IN (SELECT id FROM term_shifts ORDER BY id LIMIT $1) RETURNING term_id, n`,
		Key:  func(row termShift) int64 { return row.Term },
		Sum:  func(a, b termShift) termShift { return termShift{a.Term, a.N + b.N} },
		Add: func(ctx context.Context, tx *database.Tx, sum termShift) error {
			return tx.Later(ctx, `UPDATE terms SET count = count + $2 WHERE id = $1`, sum.Term, sum.N)
		},
		Write: s.db.Update,
	}.Fold(ctx, s.db)
	if err != nil {
		return false, fmt.Errorf("add up the counts of terms: %w", err)
	}
	return more, nil
}

// ShiftTermCounts changes the counts of terms.
func ShiftTermCounts(ctx context.Context, tx *database.Tx, by int64, ids []int64) error {
	if err := database.ExecIn(ctx, tx, `INSERT INTO term_shifts (term_id, n) SELECT id, CAST(? AS INTEGER) FROM terms WHERE id IN (?)`, ids, by); err != nil {
		return fmt.Errorf("count the posts of terms: %w", err)
	}
	return nil
}

// CountsInTerms reports whether the counts of its terms include a post: a
// published post, or a menu entry.
func CountsInTerms(p *Post) bool {
	return (p.Type == TypePost || p.Type == typeMenuItem) && p.Status == StatusPublish
}

// countPost updates the counts of a post's terms when the post starts or stops
// being published; call it in the transaction that changes the status. It costs
// one statement whatever the number of posts, and none if nothing changes.
func countPost(ctx context.Context, tx *database.Tx, postID int64, was, is bool) error {
	if was == is {
		return nil
	}
	by := 1
	if was {
		by = -1
	}
	if err := tx.Later(ctx, `INSERT INTO term_shifts (term_id, n) SELECT term_id, CAST($1 AS INTEGER) FROM post_terms WHERE post_id = $2`, by, postID); err != nil {
		return fmt.Errorf("count post %d in its terms: %w", postID, err)
	}
	return nil
}

// RecountTerms counts the published posts of all terms again. It reads every
// post that has a term: it is for imports, not for edits.
func RecountTerms(ctx context.Context, tx *database.Tx) error {
	const published = `(SELECT COUNT(*) FROM post_terms pt JOIN posts p ON p.id = pt.post_id
		WHERE pt.term_id = terms.id AND p.type IN ('post', 'nav_menu_item') AND p.status = 'publish')`
	if err := tx.Later(ctx, `DELETE FROM term_shifts`); err != nil {
		return fmt.Errorf("count the posts of the terms: %w", err)
	}
	if err := tx.Later(ctx, `UPDATE terms SET count = `+published+` WHERE count <> `+published); err != nil {
		return fmt.Errorf("count the posts of the terms: %w", err)
	}
	return nil
}

// defaultCategory returns the category of posts that would have none.
func defaultCategory(ctx context.Context, q database.Queryer) (int64, error) {
	return options.ReadInt(ctx, q, "default_category")
}

// CategoriesNamed returns the ids of the categories with these names; if
// several have a name, the oldest. It ignores unknown names
// (metaWeblog.newPost).
func (s *Site) CategoriesNamed(ctx context.Context, names []string) ([]int64, error) {
	found, err := termsNamed(ctx, s.db, Category, names)
	if err != nil {
		return nil, err
	}
	var ids []int64
	for _, name := range names {
		if same := found[TermKey(termName(name))]; len(same) > 0 {
			ids = append(ids, same[0].ID)
		}
	}
	return ids, nil
}

// SetCategories replaces the categories of a post, without other changes to it.
// It ignores ids that are not categories; an empty list means the default
// category. Pages have no categories. Errors: ErrNotFound, *Denied.
func (s *Site) SetCategories(ctx context.Context, who auth.Identity, postID int64, ids []int64) error {
	return s.db.Write(ctx, []database.Lock{postLock(postID)}, func(tx *database.Tx) error {
		p, err := readHead(ctx, tx, postID)
		if err != nil {
			return err
		}
		if !s.CanEdit(who, p) {
			return &Denied{Action: "edit this post"}
		}
		if p.Type != TypePost {
			return nil
		}
		if len(ids) == 0 {
			fallback, err := defaultCategory(ctx, tx)
			if err != nil {
				return err
			}
			return setPostTerms(ctx, tx, postID, CountsInTerms(p), Category, []int64{fallback})
		}
		return setPostTerms(ctx, tx, postID, CountsInTerms(p), Category, ids)
	})
}
