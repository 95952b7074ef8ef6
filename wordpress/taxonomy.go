package wordpress

import (
	"slices"
	"strings"

	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/xmlrpc"
)

// taxonomyWords are the texts about a taxonomy for people, and WordPress's
// names for its rights.
type taxonomyWords struct {
	plural, singular string
	barName          string            // in the menu for new content
	phrases          [2]string         // the terms in labels: many, one
	rights           [4]string         // manage, edit, delete, assign
	own              map[string]string // labels that only some taxonomies have, or that differ
}

var taxonomyTexts = map[string]taxonomyWords{
	site.Category: {
		plural: "Categories", singular: "Category", barName: "category", phrases: [2]string{"Categories", "Category"},
		rights: [4]string{"manage_categories", "edit_categories", "delete_categories", "assign_categories"},
		own: map[string]string{
			"parent_item": "Parent Category", "parent_item_colon": "Parent Category:", "filter_by_item": "Only this category",
			"parent_field_description": "A category may stand below another one.",
		},
	},
	site.PostTag: {
		plural: "Tags", singular: "Tag", barName: "post_tag", phrases: [2]string{"Tags", "Tag"},
		rights: [4]string{"manage_post_tags", "edit_post_tags", "delete_post_tags", "assign_post_tags"},
		own: map[string]string{
			"popular_items": "Popular Tags", "separate_items_with_commas": "Put commas between tags",
			"add_or_remove_items": "Change the tags", "choose_from_most_used": "Pick from tags in frequent use",
		},
	},
	site.PostFormat: {
		plural: "Formats", singular: "Format", barName: "Format", phrases: [2]string{"Formats", "Format"},
		rights: [4]string{"manage_categories", "manage_categories", "manage_categories", "edit_posts"},
		own:    map[string]string{"all_items": "Formats", "archives": "Formats"},
	},
	"nav_menu":              hiddenTexts("Navigation Menu", "Navigation Menus", "edit_theme_options", "edit_theme_options"),
	"link_category":         hiddenTexts("Link Category", "Link Categories", "manage_links", "manage_links"),
	"wp_theme":              hiddenTexts("Theme", "Themes", "manage_categories", "edit_posts"),
	"wp_template_part_area": hiddenTexts("Template Part Area", "Template Part Areas", "manage_categories", "edit_posts"),
}

// hiddenTexts returns the texts of a taxonomy that people do not see.
func hiddenTexts(one, many, edit, assign string) taxonomyWords {
	return taxonomyWords{
		plural: many, singular: one, barName: one, phrases: [2]string{"Tags", "Tag"}, rights: [4]string{edit, edit, edit, assign},
		own: map[string]string{
			"all_items": many, "archives": many, "popular_items": "Popular Tags", "separate_items_with_commas": "Put commas between tags",
			"add_or_remove_items": "Change the tags", "choose_from_most_used": "Pick from tags in frequent use",
		},
	}
}

// taxonomyLabels are the labels of every taxonomy, in WordPress's order, with
// %s for its terms and %1 for one of them. Labels without text are empty unless
// the taxonomy has its own.
var taxonomyLabels = []struct{ name, text string }{
	{"search_items", "Search %s"},
	{"popular_items", ""},
	{"all_items", "All %s"},
	{"parent_item", ""},
	{"parent_item_colon", ""},
	{"name_field_description", "The name that visitors see."},
	{"slug_field_description", "The part of the address that stands for the name: lower-case letters, digits and hyphens."},
	{"parent_field_description", ""},
	{"desc_field_description", "Some themes show the description."},
	{"edit_item", "Edit %1"},
	{"view_item", "View %1"},
	{"update_item", "Update %1"},
	{"add_new_item", "Add New %1"},
	{"new_item_name", "New %1 Name"},
	{"separate_items_with_commas", ""},
	{"add_or_remove_items", ""},
	{"choose_from_most_used", ""},
	{"not_found", "None found."},
	{"no_terms", "None"},
	{"filter_by_item", ""},
	{"items_list_navigation", "%s list navigation"},
	{"items_list", "%s list"},
	{"most_used", "Most Used"},
	{"back_to_items", "&larr; Go to %s"},
	{"item_link", "%1 Link"},
	{"item_link_description", "A link to one of these."},
}

func (w taxonomyWords) labels() xmlrpc.Value {
	fill := strings.NewReplacer("%s", w.phrases[0], "%1", w.phrases[1])
	members := []xmlrpc.Member{xmlrpc.M("name", xmlrpc.String(w.plural)), xmlrpc.M("singular_name", xmlrpc.String(w.singular))}
	for _, l := range taxonomyLabels {
		text := fill.Replace(l.text)
		if own, ok := w.own[l.name]; ok {
			text = own
		}
		members = append(members, xmlrpc.M(l.name, xmlrpc.String(text)))
	}
	members = append(members, xmlrpc.M("menu_name", xmlrpc.String(w.plural)), xmlrpc.M("name_admin_bar", xmlrpc.String(w.barName)))
	if text, ok := w.own["archives"]; ok {
		members = append(members, xmlrpc.M("archives", xmlrpc.String(text)))
	}
	return xmlrpc.Struct(members...)
}

// taxonomyStruct writes a taxonomy. Of the groups labels, cap, menu and
// object_type it includes those in fields.
func taxonomyStruct(t site.Taxonomy, fields []string) xmlrpc.Value {
	words := taxonomyTexts[t.Name]
	members := []xmlrpc.Member{
		xmlrpc.M("name", xmlrpc.String(t.Name)),
		xmlrpc.M("label", xmlrpc.String(words.plural)),
		xmlrpc.M("hierarchical", xmlrpc.Bool(t.Hierarchical)),
		xmlrpc.M("public", xmlrpc.Bool(t.Public)),
		xmlrpc.M("show_ui", xmlrpc.Bool(t.Listed)),
		xmlrpc.M("_builtin", xmlrpc.Bool(true)),
	}
	if slices.Contains(fields, "labels") {
		members = append(members, xmlrpc.M("labels", words.labels()))
	}
	if slices.Contains(fields, "cap") {
		names := [4]string{"manage_terms", "edit_terms", "delete_terms", "assign_terms"}
		rights := make([]xmlrpc.Member, len(names))
		for i, name := range names {
			rights[i] = xmlrpc.M(name, xmlrpc.String(words.rights[i]))
		}
		members = append(members, xmlrpc.M("cap", xmlrpc.Struct(rights...)))
	}
	if slices.Contains(fields, "menu") {
		members = append(members, xmlrpc.M("show_in_menu", xmlrpc.Bool(t.Listed)))
	}
	if slices.Contains(fields, "object_type") {
		members = append(members, xmlrpc.M("object_type", texts(t.PostTypes)))
	}
	return xmlrpc.Struct(members...)
}

// matchesTaxonomy reports whether a taxonomy has all values of a filter. A
// member that no taxonomy has matches none.
func matchesTaxonomy(t site.Taxonomy, filter xmlrpc.Value) bool {
	return matches(map[string]any{
		"name": t.Name, "label": taxonomyTexts[t.Name].plural, "description": "",
		"hierarchical": t.Hierarchical, "public": t.Public, "publicly_queryable": t.Public, "_builtin": true,
		"show_in_rest": t.Public && t.Listed || t.Name == "nav_menu", "show_ui": t.Listed, "show_in_menu": t.Listed,
		"show_in_nav_menus": t.Public, "show_tagcloud": t.Listed, "show_in_quick_edit": t.Listed,
	}, filter)
}
