package site

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/markup"
)

// givenSlug returns the slug that a client asks for, or "" for none. As in
// wp_insert_post and wp_insert_term, "0" means none.
func givenSlug(text string) string {
	if slug := markup.Slug(text); slug != "0" {
		return slug
	}
	return ""
}

// feedNames are slugs that belong to the feeds.
var feedNames = []string{"feed", "rdf", "rss", "rss2", "atom", "embed"}

// ReservedSlug reports whether an address of the blog with this slug would have
// another meaning. structure is the option permalink_structure.
func ReservedSlug(p *Post, slug, structure string) bool {
	if slices.Contains(feedNames, slug) {
		return true
	}
	digits := strings.TrimPrefix(slug, "page")
	number, err := strconv.Atoi(digits)
	if p.Type == TypePage {
		return err == nil && digits == strings.TrimLeft(digits, "+-")
	}
	if p.Type != TypePost || err != nil || digits != slug || strings.TrimLeft(slug, "+-") != slug {
		return false
	}
	// If the structure has dates before the name, a number can be read as a
	// year, month or day.
	parts := strings.FieldsFunc(structure, func(c rune) bool { return c == '/' })
	i := slices.Index(parts, "%postname%")
	switch {
	case i < 0:
		return false
	case i == 0:
		return true
	case parts[i-1] == "%year%":
		return number <= 12
	case parts[i-1] == "%monthnum%":
		return number < 32
	}
	return false
}

// UniqueSlug returns the slug, or the first of slug-2, slug-3 … that no other
// post has: of the same type, for a page under the same parent, for an
// attachment of any type. Posts without an address yet keep the slug that they
// ask for.
func UniqueSlug(ctx context.Context, tx *database.Tx, p *Post, slug, structure string) (string, error) {
	if slug == "" || Floating(p.Status) || p.Type == TypeRevision {
		return slug, nil
	}
	if err := tx.Lock(ctx, slugLock(slug)); err != nil {
		return "", err
	}
	candidates := []string{slug}
	if ReservedSlug(p, slug, structure) {
		candidates = nil
	}
	for next, batch := 2, 30; ; next, batch = next+batch, min(10*batch, 3000) {
		for n := next; n < next+batch; n++ {
			suffix := "-" + strconv.Itoa(n)
			candidates = append(candidates, markup.CutSlug(slug, markup.MaxSlug-len(suffix))+suffix)
		}
		taken, err := takenSlugs(ctx, tx, p, candidates)
		if err != nil {
			return "", err
		}
		for _, c := range candidates {
			if !taken[c] {
				return c, nil
			}
		}
		candidates = candidates[:0]
	}
}

// takenSlugs returns the slugs that other posts have.
func takenSlugs(ctx context.Context, tx *database.Tx, p *Post, slugs []string) (map[string]bool, error) {
	where, more := ``, []any{}
	switch {
	case p.Type == TypeAttachment:
	case p.Type == TypePage:
		where, more = ` AND type IN ('page', 'attachment') AND parent = ?`, []any{p.Parent}
	default:
		where, more = ` AND type = ?`, []any{p.Type}
	}
	query, args, err := database.In(`SELECT name FROM posts WHERE name IN (?) AND id <> ?`+where, append([]any{slugs, p.ID}, more...)...)
	if err != nil {
		return nil, err
	}
	var names []string
	if err := tx.Select(ctx, &names, query, args...); err != nil {
		return nil, fmt.Errorf("look for posts named like %q: %w", slugs[0], err)
	}
	taken := make(map[string]bool, len(names))
	for _, n := range names {
		taken[n] = true
	}
	return taken, nil
}
