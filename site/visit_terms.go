package site

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/markup"
)

// TermPage is a category or tag with the data for its page.
type TermPage struct {
	Term
	Link string // to the first page of its posts
	// Terms are the term itself and, for a category, all those below it, whose
	// posts belong to it too.
	Terms []Term
}

// FindTerm finds a category or tag by its slug or, if that is empty, by its id.
// A slug in another spelling, such as letters of other scripts or the slug of
// another program, leads to the term too. Error: ErrNotFound.
func (s *Site) FindTerm(ctx context.Context, taxonomy, slug string, id int64) (*TermPage, error) {
	where, value := `t.id = $2`, any(id)
	if slug != "" {
		where, value = `t.slug = $2`, strings.ToLower(slug)
	}
	var page TermPage
	const query = `SELECT ` + termColumns + ` FROM terms t WHERE t.taxonomy = $1 AND `
	err := s.db.Get(ctx, &page.Term, query+where, taxonomy, value)
	if made := markup.Slug(unescaped(slug)); errors.Is(err, database.ErrNoRows) && made != "" && made != value {
		err = s.db.Get(ctx, &page.Term, query+where, taxonomy, made)
	}
	if errors.Is(err, database.ErrNoRows) {
		return nil, ErrNoTerm
	}
	if err != nil {
		return nil, fmt.Errorf("find a term: %w", err)
	}
	family := []Term{page.Term}
	page.Terms = family
	if taxonomy == Category {
		if page.Terms, err = s.termsBelow(ctx, page.ID); err != nil {
			return nil, err
		}
		if page.Parent != 0 {
			above, err := s.termsAbove(ctx, page.Parent)
			if err != nil {
				return nil, err
			}
			family = append(family, above...)
		}
	}
	link, err := s.TermLinks(ctx, family)
	if err != nil {
		return nil, err
	}
	page.Link, _ = link(page.Term)
	return &page, nil
}

// maxBelow is the largest number of categories below one that count as its own.
const maxBelow = 500

func (s *Site) termsBelow(ctx context.Context, id int64) (list []Term, err error) {
	// UNION takes each row once, so a loop of parents ends.
	err = s.db.Select(ctx, &list, `WITH RECURSIVE below (id) AS (SELECT id FROM terms WHERE id = $1
			UNION SELECT c.id FROM terms c JOIN below b ON c.parent = b.id WHERE c.taxonomy = 'category')
		SELECT `+termColumns+` FROM terms t WHERE t.id IN (SELECT id FROM below LIMIT 500)`, id)
	if err != nil {
		return nil, fmt.Errorf("read the categories below %d: %w", id, err)
	}
	return list[:min(len(list), maxBelow)], nil
}

// termsAbove returns the terms with these ids and all above them.
func (s *Site) termsAbove(ctx context.Context, ids ...int64) (list []Term, err error) {
	query, args, err := database.In(`WITH RECURSIVE above (id, parent) AS (SELECT id, parent FROM terms WHERE id IN (?)
			UNION SELECT p.id, p.parent FROM terms p JOIN above a ON p.id = a.parent)
		SELECT `+termColumns+` FROM terms t WHERE t.id IN (SELECT id FROM above)`, ids)
	if err != nil {
		return nil, err
	}
	if err := s.db.Select(ctx, &list, query, args...); err != nil {
		return nil, fmt.Errorf("read the categories above: %w", err)
	}
	return list, nil
}

// LinksOfTerms returns the function for the addresses of the categories and
// tags of posts. It reads the categories above them first, with one statement
// if there are any.
func (s *Site) LinksOfTerms(ctx context.Context, posts []FullPost) (func(Term) string, error) {
	known := make(map[int64]Term)
	var parents []int64
	for _, p := range posts {
		for _, t := range p.Terms {
			known[t.ID] = t
			if t.Parent != 0 {
				parents = append(parents, t.Parent)
			}
		}
	}
	if len(parents) > 0 {
		list, err := s.termsAbove(ctx, parents...)
		if err != nil {
			return nil, err
		}
		for _, t := range list {
			known[t.ID] = t
		}
	}
	all := make([]Term, 0, len(known))
	for _, t := range known {
		all = append(all, t)
	}
	links, err := s.TermLinks(ctx, all)
	if err != nil {
		return nil, err
	}
	return func(t Term) string {
		page, _ := links(t)
		return page
	}, nil
}
