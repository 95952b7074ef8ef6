package transfer

import (
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/markup"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/wxr"
)

// taxonomyMenu groups the entries of a navigation menu. This blog does not show
// menus; it stores them for exports.
const taxonomyMenu = "nav_menu"

// takenTaxonomies are the taxonomies whose terms are imported.
var takenTaxonomies = []string{site.Category, site.PostTag, site.PostFormat, taxonomyMenu}

// termRef names a term as a file does: by its slug in the source, which may be
// invalid in this blog, or by name only.
type termRef struct {
	Taxonomy string
	Slug     string
}

// byName marks the reference of a term that has no slug in the file and whose
// name does not give a distinct one: C++ and C# are not C.
const byName = "\x00"

func refOf(taxonomy, slug, name string) termRef {
	if slug = database.CleanText(slug); slug != "" {
		return termRef{taxonomy, slug}
	}
	if made := markup.Slug(name); made != "" && made == strings.ToLower(strings.TrimSpace(name)) {
		return termRef{taxonomy, made}
	}
	if strings.TrimSpace(name) == "" {
		return termRef{taxonomy, ""}
	}
	return termRef{taxonomy, byName + site.TermKey(markup.Escape(database.CleanText(name)))}
}

// slug returns the slug that the term would have in this blog, and whether it
// is the one in the file. A term with another slug in the file is not the
// existing term with this slug, unless both have the same name.
func (r termRef) slug(name string) (slug string, proper bool) {
	if strings.HasPrefix(r.Slug, byName) {
		return markup.Slug(name), false
	}
	slug = markup.Slug(r.Slug)
	if proper = slug == strings.ToLower(r.Slug); slug == "" {
		slug = markup.Slug(name)
	}
	return slug, proper
}

// number is a negative number that stands for the reference where ids are
// remembered.
func (r termRef) number() int64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s\x00%s", r.Taxonomy, r.Slug)
	return -1 - int64(h.Sum64()>>1)
}

// newTerm is a term that the batch names. If it does not exist, it is created.
type newTerm struct {
	ref      termRef
	term     wxr.Term
	declared bool
	id       int64 // 0: does not exist yet
	slug     string
	proper   bool
	name     string // in stored form
	merged   bool   // another of the batch is the same term
}

// takeTerms finds the terms of the batch, both declared ones and those that
// posts name, and creates the missing ones.
func (b *intakeBatch) takeTerms(ctx context.Context) error {
	list, err := b.namedTerms(ctx)
	if err != nil {
		return err
	}
	if err := b.findTerms(ctx, list); err != nil {
		return err
	}
	var fresh []*newTerm
	for i := range list {
		t := &list[i]
		switch {
		case t.id == 0:
			fresh = append(fresh, t)
		case t.declared:
			b.report.Terms.Same++
		}
		b.terms[t.ref] = t.id
	}
	if err := b.makeTerms(ctx, fresh); err != nil {
		return err
	}
	if err := b.findParents(ctx, list); err != nil {
		return err
	}
	if err := b.insertTerms(ctx, fresh); err != nil {
		return err
	}
	var pairs []idPair
	for i := range list {
		t := &list[i]
		if t.term.ID > 0 {
			pairs = append(pairs, idPair{Old: t.term.ID, New: t.id})
		}
		if !t.proper {
			pairs = append(pairs, idPair{Old: t.ref.number(), New: t.id})
		}
	}
	return b.rememberIDs(ctx, kindTerm, pairs)
}

// namedTerms lists the terms of the batch, each once.
func (b *intakeBatch) namedTerms(ctx context.Context) ([]newTerm, error) {
	var list []newTerm
	at := map[termRef]wxr.Term{}
	add := func(ref termRef, term wxr.Term, declared bool) {
		at[ref] = term
		t := newTerm{ref: ref, term: term, declared: declared, name: markup.Escape(database.CleanText(term.Name))}
		t.slug, t.proper = ref.slug(term.Name)
		list = append(list, t)
	}
	for _, t := range b.batch.Terms {
		object := fmt.Sprintf("%s %q", t.Taxonomy, t.Name)
		if !slices.Contains(takenTaxonomies, t.Taxonomy) {
			b.left(object, fmt.Sprintf("unknown taxonomy %q", t.Taxonomy))
			continue
		}
		ref := refOf(t.Taxonomy, t.Slug, t.Name)
		if ref.Slug == "" || t.Name == "" {
			b.left(object, "a term without a name")
			continue
		}
		if first, twice := at[ref]; twice {
			// A WordPress without taxonomies of its own lists categories and
			// tags a second time, as <wp:term>.
			if first.ID != t.ID || first.Name != t.Name {
				b.left(object, "it occurs twice in the file")
			}
			continue
		}
		add(ref, t, true)
	}
	if err := b.nameBareRefs(ctx); err != nil {
		return nil, err
	}
	for i := range b.batch.Posts {
		for _, r := range b.batch.Posts[i].Terms {
			ref := refOf(r.Taxonomy, r.Slug, r.Name)
			if _, there := at[ref]; there || ref.Slug == "" || !slices.Contains(takenTaxonomies, r.Taxonomy) {
				continue
			}
			name := r.Name
			if name == "" {
				name = ref.Slug
			}
			add(ref, wxr.Term{Taxonomy: r.Taxonomy, Slug: r.Slug, Name: name}, false)
		}
	}
	return list, nil
}

// foundTerm is a term that exists.
type foundTerm struct {
	ID       int64  `db:"id"`
	Taxonomy string `db:"taxonomy"`
	Slug     string `db:"slug"`
	Key      string `db:"name_key"`
}

// findTerms finds the terms that exist: by the remembered number of references
// that are not slugs, by slug, and by name if the slug in the file is not
// valid.
func (b *intakeBatch) findTerms(ctx context.Context, list []newTerm) error {
	var numbers []int64
	var slugs, keys []string
	for i := range list {
		numbers = append(numbers, list[i].ref.number())
		slugs = append(slugs, list[i].slug)
		if !list[i].proper {
			keys = append(keys, site.TermKey(list[i].name))
		}
	}
	remembered, err := b.rememberedTerms(ctx, numbers)
	if err != nil {
		return err
	}
	bySlug, byKey := map[[2]string]foundTerm{}, map[[2]string]foundTerm{}
	const columns = `SELECT id, taxonomy, slug, name_key FROM terms WHERE `
	err = database.SelectIn(ctx, b.tx, columns+`slug IN (?)`, compact(slugs), func(f foundTerm) { bySlug[[2]string{f.Taxonomy, f.Slug}] = f })
	if err == nil {
		err = database.SelectIn(ctx, b.tx, columns+`name_key IN (?) ORDER BY id DESC`, compact(keys), func(f foundTerm) { byKey[[2]string{f.Taxonomy, f.Key}] = f })
	}
	if err != nil {
		return fmt.Errorf("look for terms: %w", err)
	}
	taken, err := b.renamedTerms(ctx, bySlug)
	if err != nil {
		return err
	}
	for i := range list {
		t := &list[i]
		key := site.TermKey(t.name)
		f, there := bySlug[[2]string{t.ref.Taxonomy, t.slug}]
		switch {
		case remembered[t.ref.number()] != 0:
			t.id = remembered[t.ref.number()]
		case t.proper && there && (f.Key == key || !taken[f.ID]), there && f.Key == key:
			t.id = f.ID
		case t.proper && there: // an existing term with another slug in the file has it here
			t.proper = false
		case !t.proper:
			if f, there := byKey[[2]string{t.ref.Taxonomy, key}]; there && strings.HasPrefix(f.Slug, t.slug) {
				t.id = f.ID
			}
		}
	}
	return nil
}

// rememberedTerms finds the terms in this blog by the numbers of references. It
// omits terms that were deleted since.
func (b *intakeBatch) rememberedTerms(ctx context.Context, numbers []int64) (map[int64]int64, error) {
	out := map[int64]int64{}
	var ids []int64
	err := findIDs(ctx, b.tx, b.in.cfg.Source, kindTerm, numbers, func(p idPair) {
		out[p.Old] = p.New
		ids = append(ids, p.New)
	})
	if err != nil || len(ids) == 0 {
		return out, err
	}
	alive := map[int64]bool{}
	if err := database.SelectIn(ctx, b.tx, `SELECT id FROM terms WHERE id IN (?)`, ids, func(id int64) { alive[id] = true }); err != nil {
		return nil, fmt.Errorf("look for terms: %w", err)
	}
	maps.DeleteFunc(out, func(_, id int64) bool { return !alive[id] })
	return out, nil
}

// renamedTerms finds the terms that had something other than a slug in a file
// of this source.
func (b *intakeBatch) renamedTerms(ctx context.Context, terms map[[2]string]foundTerm) (map[int64]bool, error) {
	var ids []int64
	for _, f := range terms {
		ids = append(ids, f.ID)
	}
	slices.Sort(ids)
	out := map[int64]bool{}
	err := database.SelectIn(ctx, b.tx, `SELECT new_id FROM import_ids WHERE source = ? AND kind = 'term' AND old_id < 0 AND new_id IN (?)`, ids,
		func(id int64) { out[id] = true }, b.in.cfg.Source)
	if err != nil {
		return nil, fmt.Errorf("look for the terms of an earlier import: %w", err)
	}
	return out, nil
}

// findParents finds the parents of terms if the batch does not contain them.
func (b *intakeBatch) findParents(ctx context.Context, list []newTerm) error {
	var parents []newTerm
	for i := range list {
		t := &list[i]
		ref := refOf(t.ref.Taxonomy, t.term.Parent, "")
		if _, known := b.terms[ref]; t.term.Parent == "" || known {
			continue
		}
		parent := newTerm{ref: ref, name: markup.Escape(ref.Slug)}
		parent.slug, parent.proper = ref.slug("")
		parents = append(parents, parent)
	}
	if err := b.findTerms(ctx, parents); err != nil {
		return err
	}
	for _, p := range parents {
		if p.id != 0 {
			b.terms[p.ref] = p.id
		}
	}
	return nil
}

// compact sorts a list and removes duplicates.
func compact(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

// nameBareRefs gives references that have only a name, as in old exports, the
// slugs of existing terms.
func (b *intakeBatch) nameBareRefs(ctx context.Context) error {
	var keys []string
	for i := range b.batch.Posts {
		for _, r := range b.batch.Posts[i].Terms {
			if r.Slug == "" {
				keys = append(keys, site.TermKey(r.Name))
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
	err := database.SelectIn(ctx, b.tx, `SELECT taxonomy, name_key, slug FROM terms WHERE name_key IN (?)`, slices.Compact(keys), func(n named) {
		slugs[[2]string{n.Taxonomy, n.Key}] = n.Slug
	})
	if err != nil {
		return fmt.Errorf("look for terms by name: %w", err)
	}
	for i := range b.batch.Posts {
		for j := range b.batch.Posts[i].Terms {
			r := &b.batch.Posts[i].Terms[j]
			if slug := slugs[[2]string{r.Taxonomy, site.TermKey(r.Name)}]; r.Slug == "" {
				r.Slug = slug
			}
		}
	}
	return nil
}

// makeTerms gives new terms their ids and slugs, first to terms whose slug in
// the file is valid. Two terms with one slug become one term, unless the slug
// was made here and their names differ.
func (b *intakeBatch) makeTerms(ctx context.Context, list []*newTerm) error {
	wishes := make([]int64, len(list))
	for i, t := range list {
		wishes[i] = t.term.ID
	}
	ids, err := database.NewIDs(ctx, b.tx, "terms", wishes, database.TakenIn("terms"))
	if err != nil {
		return err
	}
	type owner struct {
		id  int64
		key string
	}
	made := map[[2]string]owner{}
	for _, proper := range []bool{true, false} {
		for _, t := range list {
			if t.proper != proper {
				continue
			}
			place, key := [2]string{t.ref.Taxonomy, t.slug}, site.TermKey(t.name)
			if o, taken := made[place]; taken && (t.proper || o.key == key) {
				t.id, t.merged = o.id, true
				b.terms[t.ref] = t.id
				continue
			}
			t.id = ids.Give(t.term.ID)
			b.terms[t.ref] = t.id
			b.report.Terms.Added++
			if t.slug == "" {
				t.slug = strconv.FormatInt(t.id, 10)
			}
			base := t.slug
			for n := 2; !t.proper; n++ {
				place[1] = t.slug
				_, taken := made[place]
				if !taken {
					if taken, err = site.TermSlugTaken(ctx, b.tx, t.ref.Taxonomy, t.slug, 0); err != nil {
						return err
					}
				}
				if !taken {
					break
				}
				suffix := "-" + strconv.Itoa(n)
				t.slug = markup.CutSlug(base, markup.MaxSlug-len(suffix)) + suffix
			}
			made[[2]string{t.ref.Taxonomy, t.slug}] = owner{t.id, key}
		}
	}
	return nil
}

// insertTerms writes the new terms.
func (b *intakeBatch) insertTerms(ctx context.Context, list []*newTerm) error {
	pending := map[int64]bool{}
	for _, t := range list {
		pending[t.id] = true
	}
	terms := database.NewRows("terms", "id, taxonomy, name, name_key, slug, parent, description")
	meta := database.NewRows("term_meta", "term_id, key, value")
	for _, t := range list {
		if t.merged {
			continue
		}
		parent := b.termParent(t, pending)
		delete(pending, t.id)
		terms.Add(t.id, t.ref.Taxonomy, t.name, site.TermKey(t.name), t.slug, parent, database.CleanText(t.term.Description))
		for _, m := range t.term.Meta {
			if m.Key != "" {
				meta.Add(t.id, database.CleanText(m.Key), database.CleanText(m.Value))
			}
		}
	}
	if err := terms.Insert(ctx, b.tx); err != nil {
		return err
	}
	return meta.Insert(ctx, b.tx)
}

// termParent returns the parent of a new term. A parent that comes later in the
// file, or was not imported yet, is linked later, so that no term becomes its
// own ancestor.
func (b *intakeBatch) termParent(t *newTerm, pending map[int64]bool) int64 {
	if t.term.Parent == "" {
		return 0
	}
	ref := refOf(t.ref.Taxonomy, t.term.Parent, "")
	parent, there := b.terms[ref]
	if there && !pending[parent] {
		return parent
	}
	target, proper := ref.slug("")
	if !proper {
		target = rememberedTarget + strconv.FormatInt(ref.number(), 10)
	}
	b.links = append(b.links, intakeLink{Kind: linkTerm, Object: t.id, Target: target})
	return 0
}
