package site

import (
	"context"
	"errors"
	"fmt"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/options"
)

// The default category of a new blog, so that every post has one.
const (
	FirstCategoryName = "Uncategorized"
	FirstCategorySlug = "uncategorized"
)

// install creates what a new blog needs: the default category, and the option
// that names it. It does nothing if the blog has options.
func (s *Site) install(ctx context.Context) error {
	o, err := s.options.Current(ctx)
	if err != nil || !o.Unset() {
		return err
	}
	err = s.db.Update(ctx, func(tx *database.Tx) error {
		o, err := options.Read(ctx, tx)
		if err != nil || !o.Unset() {
			return err // another process was faster
		}
		category, err := firstCategory(ctx, tx)
		if err != nil {
			return err
		}
		// All other options have their defaults until someone sets them.
		_, err = options.Write(ctx, tx, map[string]string{"default_category": fmt.Sprint(category)})
		return err
	})
	return err
}

// firstCategory finds or creates the category of a new blog.
func firstCategory(ctx context.Context, tx *database.Tx) (int64, error) {
	var id int64
	err := tx.Get(ctx, &id, `SELECT id FROM terms WHERE taxonomy = 'category' ORDER BY id LIMIT 1`)
	if err == nil || !errors.Is(err, database.ErrNoRows) {
		return id, err
	}
	if err := tx.Get(ctx, &id, `INSERT INTO terms (taxonomy, name, name_key, slug) VALUES ('category', $1, $2, $3) RETURNING id`, FirstCategoryName, TermKey(FirstCategoryName), FirstCategorySlug); err != nil {
		return 0, fmt.Errorf("create the first category: %w", err)
	}
	return id, nil
}

// Installed reports whether a database holds a site.
func Installed(ctx context.Context, q database.Queryer) (bool, error) {
	o, err := options.Read(ctx, q)
	if err != nil {
		return false, fmt.Errorf("look for a site: %w", err)
	}
	return !o.Unset(), nil
}
