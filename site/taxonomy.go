package site

import (
	"slices"

	"github.com/quillgate/quillgate/auth"
)

// Taxonomy is one way of grouping posts. The blog has three, which are part of the program.
type Taxonomy struct {
	Name         string
	Hierarchical bool     // terms may have parents
	Listed       bool     // people edit its terms by themselves, not only by way of a post
	PostTypes    []string // what its terms can be given to

	edit   auth.Capability // create, change and delete its terms
	assign auth.Capability // give its terms to posts, and read them
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
		{Name: Category, Hierarchical: true, Listed: true, PostTypes: posts, edit: auth.ManageCategories, assign: auth.EditPosts},
		{Name: PostTag, Listed: true, PostTypes: posts, edit: auth.ManageCategories, assign: auth.EditPosts},
		{Name: PostFormat, PostTypes: posts, edit: auth.ManageCategories, assign: auth.EditPosts},
	}
}

// taxonomyNamed finds a taxonomy by name; an unknown one is *Invalid.
func taxonomyNamed(name string) (Taxonomy, error) {
	for _, t := range taxonomies() {
		if t.Name == name {
			return t, nil
		}
	}
	return Taxonomy{}, &Invalid{Field: "taxonomy", Why: "there is none of this name"}
}

// suits says whether terms of the taxonomy can be given to posts of the type.
func (t Taxonomy) suits(postType string) bool { return slices.Contains(t.PostTypes, postType) }

// Taxonomies returns the taxonomies whose terms the caller may give to posts.
func (s *Site) Taxonomies(who auth.Identity) []Taxonomy {
	var out []Taxonomy
	for _, t := range taxonomies() {
		if who.Can(t.assign) {
			out = append(out, t)
		}
	}
	return out
}

// Taxonomy returns one taxonomy. An unknown name is *Invalid; a caller who may not give its terms to posts is *Denied.
func (s *Site) Taxonomy(who auth.Identity, name string) (Taxonomy, error) {
	t, err := taxonomyNamed(name)
	if err != nil {
		return Taxonomy{}, err
	}
	if !who.Can(t.assign) {
		return Taxonomy{}, &Denied{Action: "assign terms in this taxonomy"}
	}
	return t, nil
}
