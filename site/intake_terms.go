package site

import (
	"context"
	"fmt"
	"slices"

	"github.com/quillgate/quillgate/markup"
)

// taxonomyMenu groups the entries of a navigation menu. Nothing shows them; they are kept for the way back.
const taxonomyMenu = "nav_menu"

// takenTaxonomies are those whose terms are taken in.
var takenTaxonomies = []string{Category, PostTag, PostFormat, taxonomyMenu}

// termRef names a term.
type termRef struct {
	Taxonomy string `db:"taxonomy"`
	Slug     string `db:"slug"`
}

// newTerm is a term that the batch may have to make.
type newTerm struct {
	ref      termRef
	term     PortableTerm
	declared bool
	id       int64
}

// takeTerms finds the terms of the batch, the declared ones and those that posts name, and makes what is missing.
func (b *intakeBatch) takeTerms(ctx context.Context) error {
	list, err := b.namedTerms(ctx)
	if err != nil {
		return err
	}
	slugs := make([]string, 0, len(list))
	for i := range list {
		slugs = append(slugs, list[i].ref.Slug, list[i].term.Parent)
	}
	slices.Sort(slugs)
	slugs = slices.Compact(slugs)
	type row struct {
		ID int64 `db:"id"`
		termRef
	}
	err = inLists(ctx, b.tx, `SELECT id, taxonomy, slug FROM terms WHERE slug IN (?)`, slugs, func(r row) { b.terms[r.termRef] = r.ID })
	if err != nil {
		return fmt.Errorf("look for terms: %w", err)
	}
	var fresh []*newTerm
	var pairs []idPair
	for i := range list {
		t := &list[i]
		if id, there := b.terms[t.ref]; there {
			t.id = id
			if t.declared {
				b.report.Terms.Same++
			}
		} else {
			fresh = append(fresh, t)
		}
	}
	if err := b.makeTerms(ctx, fresh); err != nil {
		return err
	}
	for i := range list {
		if list[i].term.ID > 0 {
			pairs = append(pairs, idPair{Old: list[i].term.ID, New: list[i].id})
		}
	}
	return b.rememberIDs(ctx, kindTerm, pairs)
}

// namedTerms lists the terms of the batch, each once.
func (b *intakeBatch) namedTerms(ctx context.Context) ([]newTerm, error) {
	var list []newTerm
	at := map[termRef]bool{}
	for _, t := range b.batch.Terms {
		object := fmt.Sprintf("%s %q", t.Taxonomy, t.Name)
		if !slices.Contains(takenTaxonomies, t.Taxonomy) {
			b.left(object, fmt.Sprintf("taxonomy %q is not known here", t.Taxonomy))
			continue
		}
		ref := termRef{t.Taxonomy, slugOf(t.Slug, t.Name)}
		if ref.Slug == "" || t.Name == "" {
			b.left(object, "a term without a name")
			continue
		}
		if at[ref] {
			b.left(object, "a term that is in the file already")
			continue
		}
		at[ref] = true
		list = append(list, newTerm{ref: ref, term: t, declared: true})
	}
	if err := b.nameBareRefs(ctx); err != nil {
		return nil, err
	}
	for i := range b.batch.Posts {
		for _, r := range b.batch.Posts[i].Terms {
			ref := termRef{r.Taxonomy, slugOf(r.Slug, r.Name)}
			if at[ref] || ref.Slug == "" || !slices.Contains(takenTaxonomies, r.Taxonomy) {
				continue
			}
			at[ref] = true
			name := r.Name
			if name == "" {
				name = ref.Slug
			}
			list = append(list, newTerm{ref: ref, term: PortableTerm{Taxonomy: r.Taxonomy, Slug: r.Slug, Name: name}})
		}
	}
	return list, nil
}

// slugOf is a slug as it is in the file, or one that is made of a name.
func slugOf(slug, name string) string {
	if slug = cleanText(slug); slug != "" {
		return slug
	}
	return Slug(name)
}

// nameBareRefs gives the slugs of terms that are there to references that have only a name, as old exports do.
func (b *intakeBatch) nameBareRefs(ctx context.Context) error {
	var keys []string
	for i := range b.batch.Posts {
		for _, r := range b.batch.Posts[i].Terms {
			if r.Slug == "" {
				keys = append(keys, termKey(r.Name))
			}
		}
	}
	if len(keys) == 0 {
		return nil
	}
	slices.Sort(keys)
	type named struct {
		Taxonomy string `db:"taxonomy"`
		Key      string `db:"name_key"`
		Slug     string `db:"slug"`
	}
	slugs := map[[2]string]string{}
	err := inLists(ctx, b.tx, `SELECT taxonomy, name_key, slug FROM terms WHERE name_key IN (?)`, slices.Compact(keys), func(n named) {
		slugs[[2]string{n.Taxonomy, n.Key}] = n.Slug
	})
	if err != nil {
		return fmt.Errorf("look for terms by name: %w", err)
	}
	for i := range b.batch.Posts {
		for j := range b.batch.Posts[i].Terms {
			r := &b.batch.Posts[i].Terms[j]
			if slug := slugs[[2]string{r.Taxonomy, termKey(r.Name)}]; r.Slug == "" {
				r.Slug = slug
			}
		}
	}
	return nil
}

func (b *intakeBatch) makeTerms(ctx context.Context, list []*newTerm) error {
	wishes := make([]int64, len(list))
	for i, t := range list {
		wishes[i] = t.term.ID
	}
	ids, err := newIDGiver(ctx, b.tx, "terms", wishes)
	if err != nil {
		return err
	}
	pending := map[int64]bool{}
	for _, t := range list {
		t.id = ids.give(t.term.ID)
		b.terms[t.ref], pending[t.id] = t.id, true
		b.report.Terms.Added++
	}
	terms := newRows("terms", "id, taxonomy, name, name_key, slug, parent, description")
	meta := newRows("term_meta", "term_id, key, value")
	for _, t := range list {
		parent := b.termParent(t, pending)
		delete(pending, t.id)
		name := markup.Escape(cleanText(t.term.Name))
		terms.add(t.id, t.ref.Taxonomy, name, termKey(name), t.ref.Slug, parent, cleanText(t.term.Description))
		for _, m := range t.term.Meta {
			if m.Key != "" {
				meta.add(t.id, cleanText(m.Key), cleanText(m.Value))
			}
		}
	}
	if err := terms.insert(ctx, b.tx); err != nil {
		return err
	}
	return meta.insert(ctx, b.tx)
}

// termParent is the parent of a new term. One that is behind the term in the file, or has not come yet, is linked
// later, so that no term becomes its own ancestor.
func (b *intakeBatch) termParent(t *newTerm, pending map[int64]bool) int64 {
	if t.term.Parent == "" {
		return 0
	}
	ref := termRef{t.ref.Taxonomy, cleanText(t.term.Parent)}
	parent, there := b.terms[ref]
	if there && !pending[parent] {
		return parent
	}
	b.links = append(b.links, intakeLink{Kind: linkTerm, Object: t.id, Target: ref.Slug})
	return 0
}
