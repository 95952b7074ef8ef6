package wordpress

import (
	"context"
	"slices"
	"strings"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/xmlrpc"
)

func (a *API) getPostType(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	fields, err := fieldsOf(p, "labels", "cap", "taxonomies")
	if err != nil {
		return xmlrpc.Value{}, err
	}
	t, err := a.site.PostType(who, p.text("post_type"))
	if err != nil {
		return xmlrpc.Value{}, err
	}
	return postTypeStruct(t, fields), nil
}

func (a *API) getPostTypes(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	fields, err := fieldsOf(p, "labels", "cap", "taxonomies")
	if err != nil {
		return xmlrpc.Value{}, err
	}
	filter := p.at("filter")
	if filter.IsZero() {
		filter = xmlrpc.Struct(xmlrpc.M("public", xmlrpc.Bool(true))) // an empty filter counts: it requests all
	}
	var members []xmlrpc.Member
	for _, t := range a.site.PostTypes(who) {
		if matches(postTypeProperties(t), filter) {
			members = append(members, xmlrpc.M(t.Name, postTypeStruct(t, fields)))
		}
	}
	return structOf(members...), nil
}

// matches reports whether an object has the properties of a filter, compared as
// loosely as clients send them. A property that it does not have matches
// nothing.
func matches(properties map[string]any, filter xmlrpc.Value) bool {
	for _, m := range filter.Members() {
		if m.Value.IsZero() {
			continue // not given
		}
		switch have := properties[m.Name].(type) {
		case bool:
			if truthOf(m.Value) != have {
				return false
			}
		case string:
			if textOf(m.Value) != have && !(m.Value.Kind() == xmlrpc.KindBool && m.Value.Bool() == (have != "")) {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// postTypeProperties returns the properties by which wp.getPostTypes can
// filter, whatever the answer includes.
func postTypeProperties(t site.PostType) map[string]any {
	return map[string]any{
		"name": t.Name, "label": t.Label, "description": "", "hierarchical": t.Hierarchical, "public": t.Public, "_builtin": true,
		"exclude_from_search": !t.Public, "publicly_queryable": t.Public && t.Name != site.TypePage, "show_ui": t.ShowUI,
		"show_in_menu": showInMenu(t), "show_in_admin_bar": showInMenu(t), "show_in_nav_menus": t.Public && t.Name != site.TypeAttachment,
		"has_archive": false, "map_meta_cap": t.MapMetaCap,
	}
}

// showInMenu reports whether WordPress's menu lists posts of the type: some
// types have pages there, but no entry.
func showInMenu(t site.PostType) bool { return t.ShowUI && t.Public }

func postTypeStruct(t site.PostType, fields fields) xmlrpc.Value {
	supports := make([]xmlrpc.Member, len(t.Supports))
	for i, feature := range t.Supports {
		supports[i] = xmlrpc.M(feature, xmlrpc.Bool(true))
	}
	members := []xmlrpc.Member{
		xmlrpc.M("name", xmlrpc.String(t.Name)),
		xmlrpc.M("label", xmlrpc.String(t.Label)),
		xmlrpc.M("hierarchical", xmlrpc.Bool(t.Hierarchical)),
		xmlrpc.M("public", xmlrpc.Bool(t.Public)),
		xmlrpc.M("show_ui", xmlrpc.Bool(t.ShowUI)),
		xmlrpc.M("_builtin", xmlrpc.Bool(true)),
		xmlrpc.M("has_archive", xmlrpc.Bool(false)),
		xmlrpc.M("supports", structOf(supports...)),
	}
	if fields.has("labels") {
		members = append(members, xmlrpc.M("labels", postTypeLabels(t)))
	}
	if fields.has("cap") {
		capabilities := make([]xmlrpc.Member, len(t.Capabilities))
		for i, c := range t.Capabilities {
			capabilities[i] = xmlrpc.M(c.Name, xmlrpc.String(c.Capability))
		}
		members = append(members,
			xmlrpc.M("cap", structOf(capabilities...)),
			xmlrpc.M("map_meta_cap", xmlrpc.Bool(t.MapMetaCap)))
	}
	if fields.has("menu") {
		members = append(members,
			xmlrpc.M("menu_position", xmlrpc.Int(t.MenuPosition)),
			xmlrpc.M("menu_icon", xmlrpc.String(t.MenuIcon)),
			xmlrpc.M("show_in_menu", xmlrpc.Bool(showInMenu(t))))
	}
	if fields.has("taxonomies") {
		members = append(members, xmlrpc.M("taxonomies", texts(t.Taxonomies)))
	}
	return xmlrpc.Struct(members...)
}

// postTypeLabels returns the texts with which a client speaks of posts of a
// type.
func postTypeLabels(t site.PostType) xmlrpc.Value {
	one, many := t.Singular, t.Label
	small, smallMany := strings.ToLower(one), strings.ToLower(many)
	parent := ""
	if t.Hierarchical {
		parent = "Parent " + small
	}
	labels := []struct{ name, text string }{
		{"name", many},
		{"singular_name", one},
		{"add_new", "New"},
		{"add_new_item", "New " + small},
		{"edit_item", "Edit " + small},
		{"new_item", "Untitled " + small},
		{"view_item", "Show " + small},
		{"view_items", "Show " + smallMany},
		{"search_items", "Find " + smallMany},
		{"not_found", "There are no " + smallMany + " here."},
		{"not_found_in_trash", "There are no " + smallMany + " in the trash."},
		{"parent_item_colon", parent},
		{"all_items", "All " + smallMany},
		{"archives", one + " archive"},
		{"attributes", one + " settings"},
		{"insert_into_item", "Add to the " + small},
		{"uploaded_to_this_item", "Belongs to this " + small},
		{"featured_image", "Main picture"},
		{"set_featured_image", "Choose the main picture"},
		{"remove_featured_image", "Take the main picture away"},
		{"use_featured_image", "Make it the main picture"},
		{"filter_items_list", "Narrow the list of " + smallMany},
		{"filter_by_date", "By date"},
		{"items_list_navigation", "Pages of the list of " + smallMany},
		{"items_list", "List of " + smallMany},
		{"item_published", one + " is public now."},
		{"item_published_privately", one + " is public for members now."},
		{"item_reverted_to_draft", one + " is a draft again."},
		{"item_scheduled", one + " will be public at its date."},
		{"item_updated", one + " was saved."},
		{"item_link", "Link to " + small},
		{"item_link_description", "Leads to a " + small + "."},
		{"menu_name", many},
		{"name_admin_bar", one},
	}
	members := make([]xmlrpc.Member, len(labels))
	for i, l := range labels {
		members[i] = xmlrpc.M(l.name, xmlrpc.String(l.text))
	}
	return xmlrpc.Struct(members...)
}

func texts(list []string) xmlrpc.Value {
	out := make([]xmlrpc.Value, len(list))
	for i, s := range list {
		out[i] = xmlrpc.String(s)
	}
	return xmlrpc.Array(out...)
}

// formatNames are the names of the post formats for people.
var formatNames = map[string]string{
	"standard": "Standard", "aside": "Aside", "chat": "Chat", "gallery": "Gallery", "link": "Link",
	"image": "Image", "quote": "Quote", "status": "Status", "video": "Video", "audio": "Audio",
}

// getPostFormats returns the post formats. With show-supported, the answer
// would distinguish the formats that the theme supports; since no theme names
// any, it is the plain list.
func (a *API) getPostFormats(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	if !who.Can(auth.EditPosts) {
		return xmlrpc.Value{}, errSiteDetails
	}
	opts, err := a.site.Options().Current(ctx)
	if err != nil {
		return xmlrpc.Value{}, err
	}
	all := make([]xmlrpc.Member, 0, len(formatNames))
	for _, f := range a.site.Formats() {
		all = append(all, xmlrpc.M(f, xmlrpc.String(formatNames[f])))
	}
	if !truthOf(p.at("filter").Get("show-supported")) || !slices.Contains(opts.Theme().Supports, "post-formats") {
		return xmlrpc.Struct(all...), nil
	}
	return xmlrpc.Struct(xmlrpc.M("all", xmlrpc.Struct(all...)), xmlrpc.M("supported", texts(a.site.Formats()[1:]))), nil
}
