package transfer

import (
	"context"
	"fmt"
	"strconv"

	"github.com/quillgate/quillgate/options"
	"github.com/quillgate/quillgate/site"
)

// termRow is a term as a row of the table, without its count.
type termRow struct {
	ID          int64  `db:"id"`
	Taxonomy    string `db:"taxonomy"`
	Name        string `db:"name"`
	Slug        string `db:"slug"`
	Parent      int64  `db:"parent"`
	Description string `db:"description"`
	Group       int64  `db:"term_group"`
}

func (t *BundleTerm) row() termRow {
	return termRow{t.ID, t.Taxonomy, t.Name, t.Slug, t.Parent, t.Description, t.Group}
}

func (im *importer) importTerms(ctx context.Context) error {
	var all []termRow
	if err := im.tx.Select(ctx, &all, `SELECT id, taxonomy, name, slug, parent, description, term_group FROM terms`); err != nil {
		return fmt.Errorf("read the terms: %w", err)
	}
	there := make(map[int64]termRow, len(all))
	for _, t := range all {
		there[t.ID] = t
	}
	if err := im.freeSlugs(ctx, all, there); err != nil {
		return err
	}
	changed := make(map[int64]bool)
	owners := make([]metaOwner, 0, len(im.bundle.Terms))
	for i := range im.bundle.Terms {
		t := &im.bundle.Terms[i]
		owners = append(owners, metaOwner{t.ID, t.Meta})
		old, known := there[t.ID]
		if known && old == t.row() {
			continue
		}
		if err := im.writeTerm(ctx, t.row(), known); err != nil {
			return err
		}
		changed[t.ID] = true
	}
	if err := im.importMeta(ctx, metaOfTerms, owners, changed); err != nil {
		return err
	}
	for _, t := range im.bundle.Terms {
		_, known := there[t.ID]
		im.report.Terms.add(known, changed[t.ID])
		there[t.ID] = t.row()
	}
	if err := im.checkParents(there); err != nil {
		return err
	}
	im.terms = make(map[int64]string, len(there))
	for id, t := range there {
		im.terms[id] = t.Taxonomy
	}
	return im.checkDefaultCategory()
}

func (im *importer) writeTerm(ctx context.Context, t termRow, known bool) error {
	query := `INSERT INTO terms (id, taxonomy, name, slug, parent, description, term_group, name_key) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`
	if known {
		query = `UPDATE terms SET taxonomy = $2, name = $3, slug = $4, parent = $5, description = $6, term_group = $7, name_key = $8 WHERE id = $1`
	}
	if _, err := im.tx.Exec(ctx, query, t.ID, t.Taxonomy, t.Name, t.Slug, t.Parent, t.Description, t.Group, site.TermKey(t.Name)); err != nil {
		return fmt.Errorf("write term %d: %w", t.ID, err)
	}
	return nil
}

// freeSlugs frees the slugs of the bundle's terms. A term of the bundle that
// has one of them now gets a temporary slug. The unused category of a new blog
// is removed. If any other term has the slug, the bundle is rejected.
func (im *importer) freeSlugs(ctx context.Context, all []termRow, there map[int64]termRow) error {
	holders := make(map[[2]string]termRow, len(all))
	for _, t := range all {
		holders[[2]string{t.Taxonomy, t.Slug}] = t
	}
	inBundle := make(map[int64]bool, len(im.bundle.Terms))
	for _, t := range im.bundle.Terms {
		inBundle[t.ID] = true
	}
	for i := range im.bundle.Terms {
		t := &im.bundle.Terms[i]
		holder, held := holders[[2]string{t.Taxonomy, t.Slug}]
		if !held || holder.ID == t.ID {
			continue
		}
		if inBundle[holder.ID] {
			if _, err := im.tx.Exec(ctx, `UPDATE terms SET slug = $2 WHERE id = $1`, holder.ID, "import~"+strconv.FormatInt(holder.ID, 10)); err != nil {
				return fmt.Errorf("free the slug of term %d: %w", holder.ID, err)
			}
			holder.Slug = ""
			there[holder.ID] = holder
			continue
		}
		gone, err := im.removeFirstCategory(ctx, holder, t.ID)
		if err != nil {
			return err
		}
		if !gone {
			return &BundleError{fmt.Sprintf("term %d", t.ID), "slug", fmt.Sprintf("%q is that of term %d, which the blog has already", t.Slug, holder.ID)}
		}
		delete(there, holder.ID)
	}
	return nil
}

// removeFirstCategory removes the category that the installation created if it
// is unchanged and nothing uses it. The term with the id heir becomes the
// default category instead.
func (im *importer) removeFirstCategory(ctx context.Context, t termRow, heir int64) (bool, error) {
	if t != (termRow{ID: t.ID, Taxonomy: "category", Name: site.FirstCategoryName, Slug: site.FirstCategorySlug}) {
		return false, nil
	}
	var uses int64
	err := im.tx.Get(ctx, &uses, `SELECT (SELECT COUNT(*) FROM post_terms WHERE term_id = $1) + (SELECT COUNT(*) FROM terms WHERE parent = $1)
		+ (SELECT COUNT(*) FROM term_meta WHERE term_id = $1)`, t.ID)
	if err != nil || uses > 0 {
		return false, err
	}
	if _, err := im.tx.Exec(ctx, `DELETE FROM terms WHERE id = $1`, t.ID); err != nil {
		return false, fmt.Errorf("remove the first category: %w", err)
	}
	if im.zone.Int("default_category") == t.ID {
		value := map[string]string{"default_category": strconv.FormatInt(heir, 10)}
		if _, err := options.Write(ctx, im.tx, value); err != nil {
			return false, err
		}
		im.zone = im.zone.With(value)
	}
	return true, nil
}

// checkParents rejects terms whose parent does not exist or is in another
// taxonomy, and terms that are their own ancestors.
func (im *importer) checkParents(there map[int64]termRow) error {
	for _, t := range im.bundle.Terms {
		up := t.row()
		for steps := 0; up.Parent != 0; steps++ {
			parent, known := there[up.Parent]
			if !known || parent.Taxonomy != up.Taxonomy {
				return &BundleError{fmt.Sprintf("term %d", up.ID), "parent", fmt.Sprintf("there is no term %d in taxonomy %s", up.Parent, up.Taxonomy)}
			}
			if parent.ID == t.ID || steps > len(there) {
				return &BundleError{fmt.Sprintf("term %d", t.ID), "parent", "the term is its own ancestor"}
			}
			up = parent
		}
	}
	return nil
}

func (im *importer) checkDefaultCategory() error {
	if _, given := im.options["default_category"]; !given {
		return nil
	}
	id := im.zone.Int("default_category")
	if im.terms[id] != "category" {
		return &BundleError{"options", "default_category", fmt.Sprintf("there is no category %d", id)}
	}
	return nil
}
