package site

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/markup"
)

// ErrTermName means that a term would have no name, and ErrTermLength that its
// name would have more than 200 characters.
var (
	ErrTermName   = errors.New("a term needs a name")
	ErrTermLength = errors.New("a term name can have at most 200 characters")
)

// ErrTermSlug means that another term of the taxonomy already has the slug.
var ErrTermSlug = errors.New("another term has this slug")

// ErrTermExists is the error that *TermExists unwraps to.
var ErrTermExists = errors.New("a term with this name exists")

// TermExists means that there is already a term with the name of a new one: in
// the taxonomy or, if terms have parents, under the same parent.
type TermExists struct{ ID int64 } // id of the existing term

func (e *TermExists) Error() string { return fmt.Sprintf("term %d has this name", e.ID) }

// Unwrap returns ErrTermExists.
func (e *TermExists) Unwrap() error { return ErrTermExists }

// ErrNoParent means that the desired parent of a term does not exist.
var ErrNoParent = &Invalid{Field: "parent", Why: "there is no such term"}

// NewTerm describes a term to create. Name is plain text or contains entities;
// the other fields may be empty.
type NewTerm struct {
	Taxonomy     string
	Name         string
	Slug         string
	Description  string
	Parent       *int64 // nil for none; 0 is not a term, and is refused with ErrNoTermID
	CustomFields []FieldEdit
}

// CreateTerm creates a term and returns it. Errors: ErrTermName, ErrTermLength,
// ErrNoParent, ErrNoTermID, *TermExists, *Invalid for an unknown taxonomy,
// *Denied, *Repeated.
func (s *Site) CreateTerm(ctx context.Context, who auth.Identity, n NewTerm) (Term, error) {
	tax, err := s.editableTaxonomy(who, n.Taxonomy, "create terms in this taxonomy")
	if err != nil {
		return Term{}, err
	}
	var t Term
	err = s.create(ctx, who, []database.Lock{termLock}, func(tx *database.Tx) (id int64, err error) {
		if t, err = createTerm(ctx, tx, tax, n); err != nil {
			return 0, err
		}
		return t.ID, editTermFields(ctx, tx, t.ID, n.CustomFields)
	})
	return t.shown(), err
}

func (s *Site) editableTaxonomy(who auth.Identity, name, action string) (Taxonomy, error) {
	tax, err := taxonomyNamed(name)
	if err != nil {
		return Taxonomy{}, err
	}
	if !who.Can(tax.edit) {
		return Taxonomy{}, &Denied{Action: action}
	}
	return tax, nil
}

// createTerm creates a term without checking rights.
func createTerm(ctx context.Context, tx *database.Tx, tax Taxonomy, n NewTerm) (Term, error) {
	t := Term{Taxonomy: tax.Name, Description: termDescription(n.Description)}
	if !tx.Holds(termLock) {
		return Term{}, errTermLock
	}
	var err error
	if t.Name, err = checkedName(n.Name); err != nil {
		return Term{}, err
	}
	if n.Parent != nil {
		if err := checkParentTerm(ctx, tx, tax, *n.Parent); err != nil {
			return Term{}, err
		}
		t.Parent = *n.Parent
	}
	given := givenSlug(n.Slug)
	if t.Slug = given; given == "" {
		t.Slug = markup.Slug(t.Name)
	}
	if err := checkNew(ctx, tx, tax, t, given != ""); err != nil {
		return Term{}, err
	}
	if t.Slug, err = uniqueTermSlug(ctx, tx, tax, t); err != nil {
		return Term{}, err
	}
	err = tx.Get(ctx, &t.ID, `INSERT INTO terms (taxonomy, name, name_key, slug, parent, description) VALUES ($1, $2, $3, $4, $5, $6) RETURNING id`,
		t.Taxonomy, t.Name, TermKey(t.Name), t.Slug, t.Parent, t.Description)
	if err != nil {
		return Term{}, fmt.Errorf("create a term: %w", err)
	}
	if t.Slug == "" { // the name has only symbols; WordPress uses the id then
		t.Slug = strconv.FormatInt(t.ID, 10)
		if err := tx.Later(ctx, `UPDATE terms SET slug = $2 WHERE id = $1`, t.ID, t.Slug); err != nil {
			return Term{}, fmt.Errorf("name term %d: %w", t.ID, err)
		}
	}
	return t, nil
}

func checkedName(name string) (string, error) {
	name = termName(name)
	switch {
	case name == "":
		return "", ErrTermName
	case utf8.RuneCountInString(name) > maxTermName:
		return "", ErrTermLength
	}
	return name, nil
}

func checkParentTerm(ctx context.Context, q database.Queryer, tax Taxonomy, parent int64) error {
	if !tax.Hierarchical {
		return &Invalid{Field: "parent", Why: "terms of this taxonomy have no parents"}
	}
	_, err := termByID(ctx, q, tax.Name, parent)
	if errors.Is(err, ErrNoTerm) {
		return ErrNoParent
	}
	return err
}

// checkNew refuses a term that already exists. Two categories may have the same
// name under different parents or, if the second has its own slug, with
// different slugs under one parent; tags may have the same name only in the
// latter way.
func checkNew(ctx context.Context, q database.Queryer, tax Taxonomy, t Term, ownSlug bool) error {
	var list []Term
	err := q.Select(ctx, &list, `SELECT `+termColumns+` FROM terms t WHERE t.taxonomy = $1 AND (t.name_key = $2 OR t.slug = $3) ORDER BY t.id`,
		t.Taxonomy, TermKey(t.Name), t.Slug)
	if err != nil {
		return fmt.Errorf("look for a term of the same name: %w", err)
	}
	var sameName, sameSlug *Term
	for i, other := range list {
		near := !tax.Hierarchical || other.Parent == t.Parent
		if sameName == nil && near && strings.EqualFold(other.Name, t.Name) {
			sameName = &list[i]
		}
		if other.Slug == t.Slug {
			sameSlug = &list[i]
		}
	}
	switch {
	case sameName == nil:
		return nil
	case !tax.Hierarchical:
		if !ownSlug || sameName.Slug == t.Slug || sameSlug != nil {
			return &TermExists{ID: sameName.ID}
		}
	case (!ownSlug || sameName.Slug == t.Slug) && sameName.Name == t.Name:
		return &TermExists{ID: sameName.ID}
	case sameSlug != nil && sameSlug.Parent == t.Parent:
		return &TermExists{ID: sameSlug.ID}
	}
	return nil
}

// uniqueTermSlug returns the term's slug. If another term of the taxonomy has
// it, it appends the slugs of its parents, which reads well, or otherwise a
// number.
func uniqueTermSlug(ctx context.Context, q database.Queryer, tax Taxonomy, t Term) (string, error) {
	taken, err := TermSlugTaken(ctx, q, t.Taxonomy, t.Slug, t.ID)
	if err != nil || !taken || t.Slug == "" {
		return t.Slug, err
	}
	slug := t.Slug
	if tax.Hierarchical {
		parents, err := ancestors(ctx, q, t.Taxonomy, t.Parent)
		if err != nil {
			return "", err
		}
		for _, parent := range parents {
			slug += "-" + parent.Slug
			if taken, err = TermSlugTaken(ctx, q, t.Taxonomy, slug, t.ID); err != nil || !taken {
				return slug, err
			}
		}
	}
	numbered := func(n int) string { return slug + "-" + strconv.Itoa(n) }
	n, err := database.FirstFree(ctx, 2, math.MaxInt32, numbered, func(ctx context.Context, slugs []string) (used []string, err error) {
		err = database.SelectIn(ctx, q, `SELECT slug FROM terms WHERE taxonomy = ? AND id <> ? AND slug IN (?)`, slugs, func(slug string) { used = append(used, slug) }, t.Taxonomy, t.ID)
		return used, err
	})
	if err != nil {
		return "", fmt.Errorf("look for a free slug: %w", err)
	}
	return numbered(n), nil
}

// TermSlugTaken reports whether a term of the taxonomy other than except has
// the slug.
func TermSlugTaken(ctx context.Context, q database.Queryer, taxonomy, slug string, except int64) (bool, error) {
	var n int
	err := q.Get(ctx, &n, `SELECT COUNT(*) FROM terms WHERE taxonomy = $1 AND slug = $2 AND id <> $3`, taxonomy, slug, except)
	if err != nil {
		return false, fmt.Errorf("look for a term by slug: %w", err)
	}
	return n > 0, nil
}

// maxDepth limits the walk to the ancestors of a category, which may be in a
// loop.
const maxDepth = 100

// ancestors returns the term with an id and those above it, upwards.
func ancestors(ctx context.Context, q database.Queryer, taxonomy string, id int64) ([]Term, error) {
	if id == 0 {
		return nil, nil
	}
	var list []Term
	err := q.Select(ctx, &list, `WITH RECURSIVE up (id, depth) AS (
			SELECT id, 0 FROM terms WHERE id = $1 AND taxonomy = $2
			UNION SELECT c.parent, up.depth + 1 FROM up JOIN terms c ON c.id = up.id WHERE c.parent <> 0 AND up.depth < $3)
		SELECT `+termColumns+` FROM up JOIN terms t ON t.id = up.id WHERE t.taxonomy = $2 ORDER BY up.depth`, id, taxonomy, maxDepth)
	if err != nil {
		return nil, fmt.Errorf("read the parents of a term: %w", err)
	}
	return list, nil
}

// TermEdit is a change to a term. Nil fields stay as they are.
type TermEdit struct {
	Name        *string
	Slug        *string // "" or only symbols: make a new one from the name
	Description *string
	Parent      *int64 // if this is the term itself or one below it, the term gets no parent; 0 is not a term, and is refused with ErrNoTermID
	// CustomFields are edits as for a post, including protected fields: who may
	// edit a term may edit all of it.
	CustomFields []FieldEdit
}

// EditTerm changes a term. Errors: ErrNoTerm, ErrNoTermID, ErrTermName,
// ErrTermLength, ErrTermSlug, ErrNoParent, *Invalid for an unknown taxonomy,
// *Denied.
func (s *Site) EditTerm(ctx context.Context, who auth.Identity, taxonomy string, id int64, e TermEdit) error {
	tax, err := taxonomyNamed(taxonomy)
	if err != nil {
		return err
	}
	return s.db.Update(ctx, func(tx *database.Tx) error {
		old, err := termByID(ctx, tx, taxonomy, id)
		if err != nil {
			return err
		}
		if !who.Can(tax.edit) {
			return &Denied{Action: "edit this term"}
		}
		t, err := e.apply(ctx, tx, tax, old)
		if err != nil {
			return err
		}
		err = tx.Later(ctx, `UPDATE terms SET name = $2, name_key = $3, slug = $4, description = $5, parent = $6 WHERE id = $1`,
			id, t.Name, TermKey(t.Name), t.Slug, t.Description, t.Parent)
		if err != nil {
			return fmt.Errorf("change term %d: %w", id, err)
		}
		return editTermFields(ctx, tx, id, e.CustomFields)
	})
}

func (e TermEdit) apply(ctx context.Context, tx *database.Tx, tax Taxonomy, old Term) (Term, error) {
	t := old
	var err error
	if e.Name != nil {
		if t.Name, err = checkedName(*e.Name); err != nil {
			return Term{}, err
		}
	}
	if e.Description != nil {
		t.Description = termDescription(*e.Description)
	}
	if e.Parent != nil {
		if t.Parent, err = newParent(ctx, tx, tax, t.ID, *e.Parent); err != nil {
			return Term{}, err
		}
	}
	if e.Slug == nil {
		return t, nil
	}
	t.Slug = givenSlug(*e.Slug)
	made := t.Slug == ""
	if made {
		t.Slug = markup.Slug(t.Name)
	}
	if t.Slug == "" {
		t.Slug = strconv.FormatInt(t.ID, 10)
	}
	taken, err := TermSlugTaken(ctx, tx, t.Taxonomy, t.Slug, t.ID)
	if err != nil || !taken {
		return t, err
	}
	if !made && t.Parent == old.Parent {
		return Term{}, ErrTermSlug
	}
	t.Slug, err = uniqueTermSlug(ctx, tx, tax, t)
	return t, err
}

// newParent checks a parent, and breaks a loop by removing the parent of the
// term.
func newParent(ctx context.Context, q database.Queryer, tax Taxonomy, id, parent int64) (int64, error) {
	if err := checkParentTerm(ctx, q, tax, parent); err != nil {
		return 0, err
	}
	above, err := ancestors(ctx, q, tax.Name, parent)
	if err != nil {
		return 0, err
	}
	for _, t := range above {
		if t.ID == id {
			return 0, nil
		}
	}
	return parent, nil
}

// DeleteTerm deletes a term. The terms below it move up to its parent, and
// posts without another category get the default category, which itself cannot
// be deleted (*Denied). Errors: ErrNoTerm, ErrNoTermID, *Invalid for an unknown
// taxonomy, *Denied.
func (s *Site) DeleteTerm(ctx context.Context, who auth.Identity, taxonomy string, id int64) error {
	tax, err := taxonomyNamed(taxonomy)
	if err != nil {
		return err
	}
	return s.db.Update(ctx, func(tx *database.Tx) error {
		t, err := termByID(ctx, tx, taxonomy, id)
		if err != nil {
			return err
		}
		return deleteTerm(ctx, tx, who, tax, t)
	})
}

func deleteTerm(ctx context.Context, tx *database.Tx, who auth.Identity, tax Taxonomy, t Term) error {
	if !who.Can(tax.edit) {
		return &Denied{Action: "delete this term"}
	}
	if tax.Name == Category {
		fallback, err := defaultCategory(ctx, tx)
		if err != nil {
			return err
		}
		if t.ID == fallback {
			return &Denied{Action: "delete the default category"}
		}
		if err := moveToDefault(ctx, tx, t.ID, fallback); err != nil {
			return err
		}
	}
	if err := tx.Later(ctx, `UPDATE terms SET parent = $2 WHERE parent = $1 AND taxonomy = $3`, t.ID, t.Parent, t.Taxonomy); err != nil {
		return fmt.Errorf("move up what is below term %d: %w", t.ID, err)
	}
	if err := tx.Later(ctx, `DELETE FROM terms WHERE id = $1`, t.ID); err != nil {
		return fmt.Errorf("delete term %d: %w", t.ID, err)
	}
	return nil
}

// moveToDefault gives the default category to the posts whose only category is
// id.
func moveToDefault(ctx context.Context, tx *database.Tx, id, fallback int64) error {
	const only = `FROM post_terms pt JOIN posts p ON p.id = pt.post_id WHERE pt.term_id = $1 AND NOT EXISTS (
		SELECT 1 FROM post_terms o JOIN terms t ON t.id = o.term_id WHERE o.post_id = pt.post_id AND t.taxonomy = 'category' AND t.id <> $1)`
	err := tx.Later(ctx, `UPDATE terms SET count = count + (SELECT COUNT(*) `+only+` AND p.type = 'post' AND p.status = 'publish') WHERE id = $2`, id, fallback)
	if err != nil {
		return fmt.Errorf("count the posts of category %d in the default category: %w", id, err)
	}
	err = tx.Later(ctx, `INSERT INTO post_terms (post_id, term_id) SELECT p.id, d.id FROM terms d, posts p WHERE d.id = $2 AND p.id IN (SELECT pt.post_id `+only+`)`, id, fallback)
	if err != nil {
		return fmt.Errorf("move the posts of category %d to the default category: %w", id, err)
	}
	return nil
}
