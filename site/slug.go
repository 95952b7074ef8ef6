package site

import (
	"context"
	"fmt"
	"math"
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
// attachment of any type. Among many, it may pass over free ones; see
// database.FirstFree. Posts without an address yet keep the slug that they ask
// for.
func UniqueSlug(ctx context.Context, tx *database.Tx, p *Post, slug, structure string) (string, error) {
	if slug == "" || Floating(p.Status) || p.Type == TypeRevision {
		return slug, nil
	}
	if err := tx.Lock(ctx, slugLock(slug)); err != nil {
		return "", err
	}
	numbered := func(n int) string { return numberedSlug(slug, n) }
	first := 1 // the slug itself
	if ReservedSlug(p, slug, structure) {
		first = 2
	}
	n, err := database.FirstFree(ctx, first, math.MaxInt32, numbered, func(ctx context.Context, slugs []string) ([]string, error) {
		return takenSlugs(ctx, tx, p, slugs)
	})
	return numbered(n), err
}

// numberedSlug returns the slug for 1, and slug-n for any other number.
func numberedSlug(slug string, n int) string {
	if n == 1 {
		return slug
	}
	suffix := "-" + strconv.Itoa(n)
	return markup.CutSlug(slug, markup.MaxSlug-len(suffix)) + suffix
}

// takenSlugs returns which of the slugs other posts have.
func takenSlugs(ctx context.Context, tx *database.Tx, p *Post, slugs []string) (names []string, err error) {
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
	if err := tx.Select(ctx, &names, query, args...); err != nil {
		return nil, fmt.Errorf("look for posts named like %q: %w", slugs[0], err)
	}
	return names, nil
}
