package site

import (
	"slices"

	"github.com/quillgate/quillgate/auth"
)

// Taxonomy is a way of grouping posts. The blog has three, which are part of
// the program. Like post types, others are known by name and contain nothing
// that the blog shows.
type Taxonomy struct {
	Name         string
	Public       bool     // visitors see its terms
	Hierarchical bool     // terms may have parents
	Listed       bool     // people edit its terms directly, not only in a post
	PostTypes    []string // the types of posts that can have its terms

	edit   auth.Capability // create, change and delete its terms
	assign auth.Capability // assign its terms to posts, and read them
}

// The names of the taxonomies.
const (
	Category   = "category"
	PostTag    = "post_tag"
	PostFormat = "post_format"
)

// formatPrefix begins the slug of every post format: post-format-aside.
const formatPrefix = "post-format-"

func taxonomies() []Taxonomy {
	posts := []string{"post"}
	return []Taxonomy{
		{Name: Category, Public: true, Hierarchical: true, Listed: true, PostTypes: posts, edit: auth.ManageCategories, assign: auth.EditPosts},
		{Name: PostTag, Public: true, Listed: true, PostTypes: posts, edit: auth.ManageCategories, assign: auth.EditPosts},
		{Name: PostFormat, Public: true, PostTypes: posts, edit: auth.ManageCategories, assign: auth.EditPosts},
	}
}

// knownTaxonomies returns all taxonomies of a new WordPress, in its order. The
// taxonomy for links is unused.
func knownTaxonomies() []Taxonomy {
	own, nobody := taxonomies(), auth.Capability("")
	return []Taxonomy{
		own[0], own[1],
		{Name: "nav_menu", PostTypes: []string{"nav_menu_item"}, edit: auth.EditThemeOptions, assign: auth.EditThemeOptions},
		{Name: "link_category", Listed: true, PostTypes: []string{"link"}, edit: nobody, assign: nobody},
		own[2],
		{Name: "wp_theme", PostTypes: []string{"wp_template", "wp_template_part", "wp_global_styles"}, edit: auth.ManageCategories, assign: auth.EditPosts},
		{Name: "wp_template_part_area", PostTypes: []string{"wp_template_part"}, edit: auth.ManageCategories, assign: auth.EditPosts},
	}
}

// taxonomyNamed finds one of the blog's taxonomies by name. The error for an
// unknown one is *Invalid.
func taxonomyNamed(name string) (Taxonomy, error) {
	for _, t := range taxonomies() {
		if t.Name == name {
			return t, nil
		}
	}
	return Taxonomy{}, errTaxonomy
}

var errTaxonomy = &Invalid{Field: "taxonomy", Why: "there is none of this name"}

// suits reports whether posts of the type can have terms of the taxonomy.
func (t Taxonomy) suits(postType string) bool { return slices.Contains(t.PostTypes, postType) }

// Taxonomies returns the known taxonomies whose terms the caller may assign to
// posts.
func (s *Site) Taxonomies(who auth.Identity) []Taxonomy {
	var out []Taxonomy
	for _, t := range knownTaxonomies() {
		if t.mayAssign(who) {
			out = append(out, t)
		}
	}
	return out
}

// Taxonomy returns one known taxonomy. The error is *Invalid for an unknown
// name, and *Denied for a caller who may not assign its terms to posts.
func (s *Site) Taxonomy(who auth.Identity, name string) (Taxonomy, error) {
	t, err := knownTaxonomy(name)
	if err != nil {
		return Taxonomy{}, err
	}
	if !t.mayAssign(who) {
		return Taxonomy{}, &Denied{Action: "assign terms in this taxonomy"}
	}
	return t, nil
}

func knownTaxonomy(name string) (Taxonomy, error) {
	for _, t := range knownTaxonomies() {
		if t.Name == name {
			return t, nil
		}
	}
	return Taxonomy{}, errTaxonomy
}

func (t Taxonomy) mayAssign(who auth.Identity) bool { return t.assign != "" && who.Can(t.assign) }
