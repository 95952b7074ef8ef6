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

// prepareNames reads the names of categories and authors for the addresses of
// posts.
func (l *linker) prepareNames(ctx context.Context, list []Post) error {
	var posts, authors []int64
	for _, p := range list {
		if p.Type == TypePost && p.Name != "" {
			posts, authors = append(posts, p.ID), append(authors, p.Author)
		}
	}
	if len(posts) == 0 {
		return nil
	}
	if strings.Contains(l.structure, "%author%") {
		if err := l.prepareAuthors(ctx, authors); err != nil {
			return err
		}
	}
	if strings.Contains(l.structure, "%category%") {
		return l.prepareCategories(ctx, posts)
	}
	return nil
}

func (l *linker) prepareAuthors(ctx context.Context, ids []int64) error {
	slices.Sort(ids)
	ids = slices.Compact(ids)
	l.authors = make(map[int64]string, len(ids))
	for _, id := range ids {
		l.authors[id] = "-" // the account was deleted
	}
	users, err := l.s.users.List(ctx, auth.Filter{IDs: ids})
	if err != nil {
		return fmt.Errorf("read the authors in addresses: %w", err)
	}
	for _, u := range users {
		l.authors[u.ID] = u.Nicename
	}
	return nil
}

// prepareCategories determines the category in the address of each post: its
// oldest one, with its ancestors.
func (l *linker) prepareCategories(ctx context.Context, ids []int64) error {
	query, args, err := database.In(`SELECT pt.post_id, t.id, t.slug, t.parent FROM post_terms pt JOIN terms t ON t.id = pt.term_id
		WHERE t.taxonomy = 'category' AND pt.post_id IN (?)`, ids)
	if err != nil {
		return err
	}
	type row struct {
		Post int64 `db:"post_id"`
		Term
	}
	var rows []row
	if err := l.s.db.Select(ctx, &rows, query, args...); err != nil {
		return fmt.Errorf("read the categories in addresses: %w", err)
	}
	slices.SortFunc(rows, func(a, b row) int { return cmp.Compare(a.ID, b.ID) })
	first := make(map[int64]Term)
	known := make(map[int64]Term)
	var parents []int64
	for _, r := range rows {
		known[r.ID] = r.Term
		if _, has := first[r.Post]; !has {
			first[r.Post] = r.Term
			if r.Parent != 0 {
				parents = append(parents, r.Parent)
			}
		}
	}
	if len(parents) > 0 {
		above, err := l.s.termsAbove(ctx, parents...)
		if err != nil {
			return err
		}
		for _, t := range above {
			known[t.ID] = t
		}
	}
	fallback := ""
	if len(first) < len(ids) {
		if fallback, err = l.fallbackCategory(ctx); err != nil {
			return err
		}
	}
	l.categories = make(map[int64]string, len(ids))
	for _, id := range ids {
		path := fallback
		if t, has := first[id]; has {
			path = t.Slug
			for at, depth := t.Parent, 0; at != 0 && depth < maxDepth; depth++ {
				path, at = known[at].Slug+"/"+path, known[at].Parent
			}
		}
		l.categories[id] = path
	}
	return nil
}

// fallbackCategory returns the category for addresses of posts without one: the
// default category.
func (l *linker) fallbackCategory(ctx context.Context) (string, error) {
	id, err := defaultCategory(ctx, l.s.db)
	if err != nil {
		return "", err
	}
	t, err := termByID(ctx, l.s.db, Category, id)
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrNoTermID) {
		return "uncategorized", nil
	}
	return t.Slug, err
}

// sameCategory reports whether the category in an address is that of the post.
// Otherwise every page below another would be taken for a post with the same
// name.
func (l *linker) sameCategory(p *Post, tags, values []string) bool {
	at := slices.Index(tags, "%category%")
	return at < 0 || strings.EqualFold(values[at], l.categories[p.ID])
}
