package wordpress

import (
	"context"
	"errors"
	"strings"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/xmlrpc"
)

var errNoCategory = &xmlrpc.Fault{Code: codeServerError, Message: "The category could not be created: it needs a name of at most 200 characters."}

// termStructs writes terms with those of their custom fields that the caller
// may see, which it reads for all together.
func (a *API) termStructs(ctx context.Context, who auth.Identity, terms []site.Term) ([]xmlrpc.Value, error) {
	ids := make([]int64, len(terms))
	for i, t := range terms {
		ids[i] = t.ID
	}
	custom, err := a.site.TermFields(ctx, who, ids)
	if err != nil {
		return nil, err
	}
	out := make([]xmlrpc.Value, len(terms))
	for i, t := range terms {
		out[i] = termStruct(t, custom[t.ID])
	}
	return out, nil
}

// newTerm answers wp.newTerm(blog, user, password, content).
func (a *API) newTerm(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	content := p.at("content")
	t, err := a.site.CreateTerm(ctx, who, site.NewTerm{
		Taxonomy:     textOf(content.Get("taxonomy")),
		Name:         termNameOf(content.Get("name")),
		Slug:         textOf(content.Get("slug")),
		Description:  textOf(content.Get("description")),
		Parent:       optional(content, "parent", intOf),
		CustomFields: fieldEdits(content.Get("custom_fields")),
	})
	id, err := made(t.ID, err)
	if err != nil {
		return xmlrpc.Value{}, err
	}
	return idText(id), nil
}

// termNameOf reads the name of a term in wp.newTerm and wp.editTerm, where "0"
// counts as empty.
func termNameOf(v xmlrpc.Value) string {
	name := strings.TrimSpace(textOf(v))
	if name == "0" {
		return ""
	}
	return name
}

// editTerm answers wp.editTerm(blog, user, password, id, content). An empty
// parent leaves the parent as it is, so no client can remove one. A word
// matches no term.
func (a *API) editTerm(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	content := p.at("content")
	e := site.TermEdit{
		Name:         optional(content, "name", termNameOf),
		Slug:         optional(content, "slug", textOf),
		Description:  optional(content, "description", textOf),
		CustomFields: fieldEdits(content.Get("custom_fields")),
	}
	if parent := content.Get("parent"); truthOf(parent) {
		e.Parent = new(intOf(parent))
	}
	if err := a.site.EditTerm(ctx, who, textOf(content.Get("taxonomy")), p.int("term_id"), e); err != nil {
		return xmlrpc.Value{}, err
	}
	return xmlrpc.Bool(true), nil
}

// deleteTerm answers wp.deleteTerm(blog, user, password, taxonomy, id).
func (a *API) deleteTerm(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	if err := a.site.DeleteTerm(ctx, who, p.text("taxonomy"), p.int("term_id")); err != nil {
		return xmlrpc.Value{}, err
	}
	return xmlrpc.Bool(true), nil
}

// getTerm answers wp.getTerm(blog, user, password, taxonomy, id).
func (a *API) getTerm(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	t, err := a.site.GetTerm(ctx, who, p.text("taxonomy"), p.int("term_id"))
	if err != nil {
		return xmlrpc.Value{}, err
	}
	list, err := a.termStructs(ctx, who, []site.Term{t})
	if err != nil {
		return xmlrpc.Value{}, err
	}
	return list[0], nil
}

// getTerms answers wp.getTerms(blog, user, password, taxonomy, filter). The
// order is ignored without an orderby.
func (a *API) getTerms(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	filter := p.at("filter")
	f := site.TermFilter{
		Taxonomy:  p.text("taxonomy"),
		Search:    textOf(filter.Get("search")),
		HideEmpty: truthOf(filter.Get("hide_empty")),
		Limit:     absOf(filter.Get("number")),
		Offset:    absOf(filter.Get("offset")),
	}
	if f.Limit == 0 {
		f.Offset = 0 // ignored without a number
	}
	if by := filter.Get("orderby"); !by.IsZero() {
		f.OrderBy = site.TermOrder(strings.ToLower(textOf(by)))
		if f.OrderBy == "" {
			f.OrderBy = site.TermsByID
		}
		order := filter.Get("order")
		f.Desc = !order.IsZero() && !equalFold(textOf(order), "asc")
	}
	terms, err := a.site.ListTerms(ctx, who, f)
	if err != nil {
		return xmlrpc.Value{}, err
	}
	return streamed(terms, func(page []site.Term) ([]xmlrpc.Value, error) { return a.termStructs(ctx, who, page) }), nil
}

// taxonomyFields reads the requested groups of a taxonomy's members.
func taxonomyFields(p *call) (fields, error) {
	return fieldsOf(p, "labels", "cap", "object_type")
}

// getTaxonomy answers wp.getTaxonomy(blog, user, password, name, fields).
func (a *API) getTaxonomy(_ context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	fields, err := taxonomyFields(p)
	if err != nil {
		return xmlrpc.Value{}, err
	}
	t, err := a.site.Taxonomy(who, p.text("taxonomy"))
	if err != nil {
		return xmlrpc.Value{}, err
	}
	return taxonomyStruct(t, fields), nil
}

// getTaxonomies answers wp.getTaxonomies(blog, user, password, filter, fields).
func (a *API) getTaxonomies(_ context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	fields, err := taxonomyFields(p)
	if err != nil {
		return xmlrpc.Value{}, err
	}
	filter := p.at("filter")
	if filter.IsZero() {
		filter = xmlrpc.Struct(xmlrpc.M("public", xmlrpc.Bool(true))) // an empty filter counts: it requests all
	}
	var out []xmlrpc.Value
	for _, t := range a.site.Taxonomies(who) {
		if matchesTaxonomy(t, filter) {
			out = append(out, taxonomyStruct(t, fields))
		}
	}
	return xmlrpc.Array(out...), nil
}

// getTags answers wp.getTags(blog, user, password) with the tags of published
// posts.
func (a *API) getTags(ctx context.Context, who auth.Identity, _ *call) (xmlrpc.Value, error) {
	tags, err := a.site.ListTerms(ctx, who, site.TermFilter{Taxonomy: site.PostTag, HideEmpty: true})
	if err != nil {
		return xmlrpc.Value{}, err
	}
	links, err := a.site.TermLinks(ctx, nil)
	if err != nil {
		return xmlrpc.Value{}, err
	}
	return streamed(tags, each(func(t *site.Term) xmlrpc.Value {
		page, feed := termLinks(links).of(*t)
		return xmlrpc.Struct(
			xmlrpc.M("tag_id", xmlrpc.Int(t.ID)),
			xmlrpc.M("name", xmlrpc.String(t.Name)),
			xmlrpc.M("count", xmlrpc.Int(t.Count)),
			xmlrpc.M("slug", xmlrpc.String(t.Slug)),
			xmlrpc.M("html_url", page),
			xmlrpc.M("rss_url", feed))
	})), nil
}

// categories returns the categories that match a filter, converted by write.
// All families use it.
func (a *API) categories(ctx context.Context, who auth.Identity, f site.TermFilter, write func(site.Term, termLinks) xmlrpc.Value) (xmlrpc.Value, error) {
	f.Taxonomy = site.Category
	terms, err := a.site.ListTerms(ctx, who, f)
	if err != nil {
		return xmlrpc.Value{}, err
	}
	above, err := a.site.ParentCategories(ctx)
	if err != nil {
		return xmlrpc.Value{}, err
	}
	links, err := a.site.TermLinks(ctx, above)
	if err != nil {
		return xmlrpc.Value{}, err
	}
	return streamed(terms, each(func(t *site.Term) xmlrpc.Value { return write(*t, links) })), nil
}

// newCategory answers wp.newCategory(blog, user, password, category) with an
// id. If a category already has the name, it is the id of that category.
func (a *API) newCategory(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	content := p.at("content")
	n := site.NewTerm{
		Taxonomy:    site.Category,
		Name:        textOf(content.Get("name")),
		Slug:        textOf(content.Get("slug")),
		Description: textOf(content.Get("description")),
	}
	if parent := intOf(content.Get("parent_id")); parent > 0 {
		n.Parent = &parent
	}
	t, err := a.site.CreateTerm(ctx, who, n)
	if n.Parent != nil && errors.Is(err, site.ErrNoParent) { // WordPress ignores a parent that does not exist
		n.Parent = nil
		t, err = a.site.CreateTerm(ctx, who, n)
	}
	id, err := made(t.ID, err)
	var there *site.TermExists
	switch {
	case errors.As(err, &there):
		return xmlrpc.Int(there.ID), nil
	case errors.Is(err, site.ErrTermName), errors.Is(err, site.ErrTermLength):
		return xmlrpc.Value{}, errNoCategory
	case err != nil:
		return xmlrpc.Value{}, err
	}
	return xmlrpc.Int(id), nil
}

// deleteCategory answers wp.deleteCategory(blog, user, password, id). As in
// WordPress, an unknown id means a lack of rights, since nobody may delete it.
func (a *API) deleteCategory(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	err := a.site.DeleteTerm(ctx, who, site.Category, p.int("category_id"))
	if errors.Is(err, site.ErrNoTerm) || errors.Is(err, site.ErrNoTermID) {
		err = &site.Denied{Action: "delete this category"}
		// A tag is not a category, but if the caller may delete it, the answer
		// is that nothing was deleted.
		if _, tag := a.site.GetTerm(ctx, who, site.PostTag, p.int("category_id")); tag == nil && who.Can(auth.ManageCategories) {
			return xmlrpc.Bool(false), nil
		}
	}
	if err != nil {
		return xmlrpc.Value{}, err
	}
	return xmlrpc.Bool(true), nil
}

// suggestCategories answers wp.suggestCategories(blog, user, password, text,
// most) with categories whose names contain the text.
func (a *API) suggestCategories(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	return a.categories(ctx, who, site.TermFilter{NameLike: p.text("text"), Limit: absOf(p.at("number"))}, func(t site.Term, _ termLinks) xmlrpc.Value {
		return xmlrpc.Struct(
			xmlrpc.M("category_id", xmlrpc.Int(t.ID)),
			xmlrpc.M("category_name", xmlrpc.String(t.Name)))
	})
}
