package site

import (
	"slices"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/options"
)

// The post types with content of this blog. PostTypes lists more names: their
// posts from an import are kept, but not shown.
const (
	TypePost       = "post"
	TypePage       = "page"
	TypeAttachment = "attachment"
	TypeRevision   = "revision"
)

// Post types that imports bring, and that have a meaning here.
const (
	typeMenuItem = "nav_menu_item"
	typeBlock    = "wp_block" // a reusable block
)

// PostType describes one kind of post. The list is part of the program, and the
// same as in a new WordPress.
type PostType struct {
	Name         string
	Label        string // its plural name for people
	Singular     string
	Hierarchical bool     // posts may have a parent of the same type
	Public       bool     // visitors can see its posts
	ShowUI       bool     // people edit its posts directly
	Supports     []string // features, by WordPress's names: title, editor, revisions, comments …
	Taxonomies   []string // the taxonomies of its terms
	MenuPosition int64    // position in WordPress's menu; 0 for none
	MenuIcon     string
	// MapMetaCap means that the rights for a post depend on its author and
	// status.
	MapMetaCap bool
	// Capabilities are the names of the rights for posts of the type, in
	// WordPress's order.
	Capabilities []NamedCapability

	rights postRights
}

// NamedCapability is a right for posts of a type: edit_posts is called
// edit_pages if the type is page.
type NamedCapability struct{ Name, Capability string }

// SupportsFeature reports whether posts of the type have a feature, such as
// "revisions".
func (t *PostType) SupportsFeature(feature string) bool { return slices.Contains(t.Supports, feature) }

// actionRights are the rights that one action needs, depending on the author
// and status of the post.
type actionRights struct{ own, others, published, private auth.Capability }

type postRights struct {
	edit, delete                 actionRights
	create, publish, readPrivate auth.Capability
}

var postCapabilities = postRights{
	edit:        actionRights{auth.EditPosts, auth.EditOthersPosts, auth.EditPublishedPosts, auth.EditPrivatePosts},
	delete:      actionRights{auth.DeletePosts, auth.DeleteOthersPosts, auth.DeletePublishedPosts, auth.DeletePrivatePosts},
	create:      auth.EditPosts,
	publish:     auth.PublishPosts,
	readPrivate: auth.ReadPrivatePosts,
}

var pageCapabilities = postRights{
	edit:        actionRights{auth.EditPages, auth.EditOthersPages, auth.EditPublishedPages, auth.EditPrivatePages},
	delete:      actionRights{auth.DeletePages, auth.DeleteOthersPages, auth.DeletePublishedPages, auth.DeletePrivatePages},
	create:      auth.EditPages,
	publish:     auth.PublishPages,
	readPrivate: auth.ReadPrivatePages,
}

// allBy grants all rights for a type to anyone who has one right.
func allBy(c auth.Capability) postRights {
	a := actionRights{c, c, c, c}
	return postRights{edit: a, delete: a, create: c, publish: c, readPrivate: c}
}

func withCreate(r postRights, c auth.Capability) postRights {
	r.create = c
	return r
}

// postTypes is the table of post types, in WordPress's order.
var postTypes = []PostType{
	{
		Name: TypePost, Label: "Posts", Singular: "Post", Public: true, ShowUI: true, MapMetaCap: true,
		Supports:   []string{"title", "editor", "author", "thumbnail", "excerpt", "trackbacks", "custom-fields", "comments", "revisions", "post-formats"},
		Taxonomies: []string{"category", "post_tag", "post_format"}, MenuPosition: 5, MenuIcon: "dashicons-admin-post",
		Capabilities: capabilityNames("post", "posts", "edit_posts"), rights: postCapabilities,
	},
	{
		Name: TypePage, Label: "Pages", Singular: "Page", Hierarchical: true, Public: true, ShowUI: true, MapMetaCap: true,
		Supports:     []string{"title", "editor", "author", "thumbnail", "page-attributes", "custom-fields", "comments", "revisions"},
		MenuPosition: 20, MenuIcon: "dashicons-admin-page",
		Capabilities: capabilityNames("page", "pages", "edit_pages"), rights: pageCapabilities,
	},
	{
		Name: TypeAttachment, Label: "Media", Singular: "Media", Public: true, ShowUI: true, MapMetaCap: true,
		Supports: []string{"title", "author", "comments"}, MenuIcon: "dashicons-admin-media",
		Capabilities: capabilityNames("post", "posts", "upload_files"), rights: withCreate(postCapabilities, auth.UploadFiles),
	},
	{
		Name: TypeRevision, Label: "Revisions", Singular: "Revision", MapMetaCap: true, Supports: []string{"author"},
		Capabilities: capabilityNames("post", "posts", "edit_posts"), rights: postCapabilities,
	},
	{
		Name: typeMenuItem, Label: "Navigation Menu Items", Singular: "Navigation Menu Item", MapMetaCap: true,
		Supports: []string{"title", "editor"}, Capabilities: themeCapabilities("nav_menu_item"), rights: allBy(auth.EditThemeOptions),
	},
	{
		Name: "custom_css", Label: "Custom CSS", Singular: "Custom CSS", Supports: []string{"title", "revisions"},
		Capabilities: capabilityNames("post", "posts", "edit_css"), rights: allBy(auth.UnfilteredHTML),
	},
	{
		Name: "customize_changeset", Label: "Changesets", Singular: "Changeset", MapMetaCap: true, Supports: []string{"title", "author"},
		Capabilities: capabilityNames("customize_changeset", "posts", "customize"), rights: allBy(auth.EditThemeOptions),
	},
	{
		Name: "oembed_cache", Label: "oEmbed Responses", Singular: "oEmbed Response", MapMetaCap: true, Supports: []string{"title", "editor"},
		Capabilities: capabilityNames("post", "posts", "edit_posts"), rights: postCapabilities,
	},
	{
		Name: "user_request", Label: "User Requests", Singular: "User Request", MapMetaCap: true, Supports: []string{"title", "editor"},
		Capabilities: capabilityNames("post", "posts", "edit_posts"), rights: postCapabilities,
	},
	{
		Name: typeBlock, Label: "Reusable blocks", Singular: "Reusable block", ShowUI: true, MapMetaCap: true,
		Supports:     []string{"title", "editor", "revisions"},
		Capabilities: capabilityNames("post", "posts", "publish_posts"), rights: withCreate(postCapabilities, auth.PublishPosts),
	},
	{
		Name: "wp_template", Label: "Templates", Singular: "Template", MapMetaCap: true,
		Supports:     []string{"title", "slug", "excerpt", "editor", "revisions", "author"},
		Capabilities: themeCapabilities("template"), rights: allBy(auth.EditThemeOptions),
	},
	{
		Name: "wp_template_part", Label: "Template Parts", Singular: "Template Part", MapMetaCap: true,
		Supports:     []string{"title", "slug", "excerpt", "editor", "revisions", "author"},
		Capabilities: themeCapabilities("template_part"), rights: allBy(auth.EditThemeOptions),
	},
	{
		Name: "wp_global_styles", Label: "Global Styles", Singular: "Global Style", MapMetaCap: true,
		Supports: []string{"title", "editor", "revisions"}, Capabilities: themeCapabilities("global_style"), rights: allBy(auth.EditThemeOptions),
	},
	{
		Name: "wp_navigation", Label: "Navigation Menus", Singular: "Navigation Menu", ShowUI: true, MapMetaCap: true,
		Supports: []string{"title", "editor", "revisions"}, Capabilities: themeCapabilities("navigation"), rights: allBy(auth.EditThemeOptions),
	},
}

// capabilityNames returns the names of the rights for a type with these
// singular and plural forms.
func capabilityNames(one, many, create string) []NamedCapability {
	return []NamedCapability{
		{"edit_post", "edit_" + one},
		{"read_post", "read_" + one},
		{"delete_post", "delete_" + one},
		{"edit_posts", "edit_" + many},
		{"edit_others_posts", "edit_others_" + many},
		{"delete_posts", "delete_" + many},
		{"publish_posts", "publish_" + many},
		{"read_private_posts", "read_private_" + many},
		{"read", "read"},
		{"delete_private_posts", "delete_private_" + many},
		{"delete_published_posts", "delete_published_" + many},
		{"delete_others_posts", "delete_others_" + many},
		{"edit_private_posts", "edit_private_" + many},
		{"edit_published_posts", "edit_published_" + many},
		{"create_posts", create},
	}
}

// themeCapabilities returns the rights for a type that belongs to the
// appearance of the blog.
func themeCapabilities(one string) []NamedCapability {
	list := capabilityNames(one, "posts", "edit_theme_options")
	for i := range list[3:] {
		if c := &list[3+i]; c.Name != "read" {
			c.Capability = "edit_theme_options"
		}
	}
	return list
}

// PostTypeNames returns the names of all post types.
func PostTypeNames() []string {
	var names []string
	for _, t := range postTypes {
		names = append(names, t.Name)
	}
	return names
}

// postTypeNamed finds a post type.
func postTypeNamed(name string) (*PostType, bool) {
	for i := range postTypes {
		if postTypes[i].Name == name {
			return &postTypes[i], true
		}
	}
	return nil, false
}

// PostType returns one post type. The error is *Invalid for an unknown name,
// and *Denied for a caller who may not edit such posts.
func (s *Site) PostType(who auth.Identity, name string) (PostType, error) {
	t, known := postTypeNamed(name)
	if !known {
		return PostType{}, errPostType
	}
	if !may(who, t.rights.edit.own) {
		return PostType{}, &Denied{Action: "edit posts of this type"}
	}
	return *t, nil
}

// PostTypes returns the post types whose posts the caller may edit.
func (s *Site) PostTypes(who auth.Identity) []PostType {
	var out []PostType
	for _, t := range postTypes {
		if may(who, t.rights.edit.own) {
			out = append(out, t)
		}
	}
	return out
}

var errPostType = &Invalid{Field: "post type", Why: "there is none of this name"}

// Formats returns the post formats by their names on the wire, "standard"
// first.
func (s *Site) Formats() []string { return append([]string{"standard"}, options.PostFormats...) }
