package wordpress

import (
	"context"
	"html"
	"slices"
	"strconv"
	"strings"

	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/xmlrpc"
)

// fields are the names of members and groups of members that a client requests.
type fields []string

// fieldsOf reads the argument fields; byDefault applies without it. An empty
// list counts as a list: it requests only the id. For any other type the error
// is *site.Invalid; WordPress fails there.
func fieldsOf(p *call, byDefault ...string) (fields, error) {
	switch p.at("fields").Kind() {
	case xmlrpc.KindNil:
		return byDefault, nil
	case xmlrpc.KindArray, xmlrpc.KindStruct:
	default:
		return nil, &site.Invalid{Field: "fields", Why: "it must be a list of names"}
	}
	out := fields{}
	for _, v := range listOf(p.at("fields")) {
		out = append(out, textOf(v))
	}
	return out, nil
}

func (f fields) has(names ...string) bool {
	for _, name := range names {
		if slices.Contains(f, name) {
			return true
		}
	}
	return false
}

// load returns what must be read for the fields.
func (f fields) load() site.Load {
	var l site.Load
	if f.has("terms", "taxonomies", "post", "post_format") {
		l |= site.LoadTerms
	}
	if f.has("terms", "taxonomies") {
		l |= site.LoadTermFields
	}
	if f.has("custom_fields", "enclosure", "post", "post_thumbnail") {
		l |= site.LoadFields
	}
	if !f.has("post", "post_content", "post_excerpt") {
		l |= site.WithoutTexts
	}
	return l
}

// listOf reads a list: the elements of an array, the values of a struct, or a
// single value as a list of one. It omits nil elements: WordPress ignores them.
func listOf(v xmlrpc.Value) []xmlrpc.Value {
	switch v.Kind() {
	case xmlrpc.KindArray, xmlrpc.KindStruct:
		return valuesIn(v)
	}
	if textOf(v) == "" {
		return nil
	}
	return []xmlrpc.Value{v}
}

// valuesIn returns the elements of an array or the values of a struct, without
// nil ones, which were not given.
func valuesIn(v xmlrpc.Value) []xmlrpc.Value {
	out := make([]xmlrpc.Value, 0, v.Len())
	for _, e := range v.Elements() {
		if !e.IsZero() {
			out = append(out, e)
		}
	}
	for _, m := range v.Members() {
		if !m.Value.IsZero() {
			out = append(out, m.Value)
		}
	}
	return out
}

// contentOf checks that an argument is a struct. Clients that cannot
// distinguish the two send an empty struct as an empty array.
func contentOf(v xmlrpc.Value) (xmlrpc.Value, error) {
	if v.Kind() == xmlrpc.KindStruct || v.Kind() == xmlrpc.KindArray && v.Len() == 0 {
		return v, nil
	}
	return v, &site.Invalid{Field: "content", Why: "it must be a struct"}
}

// optional reads a member that may be missing; nil counts as missing.
func optional[T any](content xmlrpc.Value, name string, read func(xmlrpc.Value) T) *T {
	v := content.Get(name)
	if v.IsZero() {
		return nil
	}
	return new(read(v))
}

// postEdit reads the content of wp.newPost and wp.editPost, except for the
// date. As in WordPress, it ignores members that these methods do not know,
// including menu_order and page_template.
func postEdit(content xmlrpc.Value) site.PostEdit {
	e := site.PostEdit{
		Type:          optional(content, "post_type", textOf),
		Status:        optional(content, "post_status", textOf),
		Title:         optional(content, "post_title", textOf),
		Content:       optional(content, "post_content", textOf),
		Excerpt:       optional(content, "post_excerpt", textOf),
		Name:          optional(content, "post_name", textOf),
		Author:        optional(content, "post_author", absOf),
		Parent:        optional(content, "post_parent", absOf),
		Password:      optional(content, "post_password", textOf),
		CommentStatus: optional(content, "comment_status", textOf),
		PingStatus:    optional(content, "ping_status", textOf),
		Sticky:        optional(content, "sticky", switchOf),
		Thumbnail:     optional(content, "post_thumbnail", thumbnailOf),
		CustomFields:  fieldEdits(content.Get("custom_fields")),
		Enclosure:     enclosureOf(content.Get("enclosure")),
	}
	e.Format = optional(content, "post_format", formatOf)
	for _, m := range choicesOf(content.Get("terms")) {
		c := site.TermChoice{Taxonomy: m.Name, IDs: []int64{}}
		for _, id := range elementsOf(m.Value) {
			c.IDs = append(c.IDs, intOf(id))
		}
		e.Terms = append(e.Terms, c)
	}
	for _, m := range choicesOf(content.Get("terms_names")) {
		c := site.TermChoice{Taxonomy: m.Name}
		for _, name := range elementsOf(m.Value) {
			c.Names = append(c.Names, textOf(name))
		}
		e.Terms = append(e.Terms, c)
	}
	return e
}

// choicesOf reads terms by taxonomy, without nil members. A list has numbers in
// place of names of taxonomies, which match none.
func choicesOf(v xmlrpc.Value) []xmlrpc.Member {
	list := slices.Clone(v.Members())
	if v.Kind() == xmlrpc.KindArray {
		for i, e := range v.Elements() {
			list = append(list, xmlrpc.M(strconv.Itoa(i), e))
		}
	}
	return slices.DeleteFunc(list, func(m xmlrpc.Member) bool { return m.Value.IsZero() })
}

// elementsOf reads a list of terms. As in WordPress, a single value is not a
// list here, and selects no term.
func elementsOf(v xmlrpc.Value) []xmlrpc.Value {
	if v.Kind() != xmlrpc.KindArray && v.Kind() != xmlrpc.KindStruct {
		return nil
	}
	return listOf(v)
}

// absOf reads an id without its sign.
func absOf(v xmlrpc.Value) int64 {
	n := intOf(v)
	return max(n, -n)
}

// formatOf reads the name of a post format, ignoring case.
func formatOf(v xmlrpc.Value) string { return strings.ToLower(textOf(v)) }

// thumbnailOf reads the id of a thumbnail: a value that is neither empty nor a
// number matches no attachment.
func thumbnailOf(v xmlrpc.Value) int64 {
	if id := absOf(v); id != 0 || !truthOf(v) {
		return id
	}
	return -1
}

// switchOf reads a boolean. Unlike in truthOf, the text "false" is false.
func switchOf(v xmlrpc.Value) bool { return truthOf(v) && !equalFold(textOf(v), "false") }

// fieldEdits reads the member custom_fields of a content struct, in every
// family.
func fieldEdits(v xmlrpc.Value) []site.FieldEdit {
	var out []site.FieldEdit
	for _, f := range listOf(v) {
		if f.Kind() != xmlrpc.KindStruct {
			continue
		}
		id, key := f.Get("id"), f.Get("key")
		out = append(out, site.FieldEdit{
			ID: intOf(id), HasID: !id.IsZero(),
			Key: textOf(key), HasKey: !key.IsZero(),
			Value: fieldValue(f.Get("value")),
		})
	}
	return out
}

// enclosureOf reads the member enclosure of a content struct, in every family;
// it requires all three members.
func enclosureOf(v xmlrpc.Value) *site.Enclosure {
	url, length, kind := v.Get("url"), v.Get("length"), v.Get("type")
	if url.IsZero() || length.IsZero() || kind.IsZero() {
		return nil
	}
	line := func(v xmlrpc.Value) string { return strings.NewReplacer("\n", " ", "\r", " ").Replace(textOf(v)) }
	return &site.Enclosure{URL: line(url), Length: intOf(length), Type: line(kind)}
}

// statusesOf reads the member post_status of a filter: a list, or names
// separated by commas. An empty text requests published posts.
func statusesOf(filter xmlrpc.Value) []string {
	v := filter.Get("post_status")
	if v.IsZero() {
		return nil
	}
	var out []string
	for _, one := range listOf(v) {
		for _, name := range strings.Split(textOf(one), ",") {
			out = append(out, strings.TrimSpace(name))
		}
	}
	if len(out) > 0 {
		return out
	}
	if textOf(filter.Get("post_type")) == site.TypeAttachment {
		return []string{site.StatusInherit}
	}
	return []string{site.StatusPublish}
}

// clampInt limits a number to what a list may request, and ignores its sign.
func clampInt(n int64) int { return int(min(max(n, -n), 1<<30)) }

func equalFold(a, b string) bool { return strings.EqualFold(strings.TrimSpace(a), b) }

// postStructs writes posts in the form of wp.getPost for this caller. It reads
// related rows for all of them together.
func (a *API) postStructs(ctx context.Context, posts []site.FullPost, f fields) ([]xmlrpc.Value, error) {
	thumbnails, err := a.thumbnailsOf(ctx, posts, f)
	if err != nil {
		return nil, err
	}
	out := make([]xmlrpc.Value, len(posts))
	for i := range posts {
		p := &posts[i]
		all := a.postMembers(p, thumbnails)
		members := append(make([]xmlrpc.Member, 0, len(all)+4), xmlrpc.M("post_id", idText(p.ID)))
		for _, m := range all {
			if f.has("post", m.Name) {
				members = append(members, m)
			}
		}
		if f.has("taxonomies", "terms") {
			terms := make([]xmlrpc.Value, len(p.Terms))
			for j, t := range p.Terms {
				terms[j] = termStruct(t, p.TermFields[t.ID])
			}
			members = append(members, xmlrpc.M("terms", xmlrpc.Array(terms...)))
		}
		if f.has("custom_fields") {
			members = append(members, xmlrpc.M("custom_fields", openFields(p.CustomFields)))
		}
		if f.has("enclosure") {
			members = append(members, xmlrpc.M("enclosure", enclosureStruct(p)))
		}
		out[i] = xmlrpc.Struct(members...)
	}
	return out, nil
}

// postMembers returns the members of the group post, in WordPress's order.
func (a *API) postMembers(p *site.FullPost, thumbnails map[int64]xmlrpc.Value) []xmlrpc.Member {
	status := p.Status
	if status == site.StatusFuture {
		status = site.StatusPublish // clients recognize it by its date
	}
	thumbnail, ok := thumbnails[p.Thumbnail]
	if !ok {
		thumbnail = xmlrpc.Array()
	}
	return []xmlrpc.Member{
		xmlrpc.M("post_title", xmlrpc.String(p.Title)),
		xmlrpc.M("post_date", dateTime(p.Date)),
		xmlrpc.M("post_date_gmt", dateTime(a.site.Moment(&p.Post))),
		xmlrpc.M("post_modified", dateTime(p.Modified)),
		xmlrpc.M("post_modified_gmt", dateTime(a.site.ModifiedMoment(&p.Post))),
		xmlrpc.M("post_status", xmlrpc.String(status)),
		xmlrpc.M("post_type", xmlrpc.String(p.Type)),
		xmlrpc.M("post_name", xmlrpc.String(p.Name)),
		xmlrpc.M("post_author", idText(p.Author)),
		xmlrpc.M("post_password", xmlrpc.String(p.Password)),
		xmlrpc.M("post_excerpt", xmlrpc.String(p.Excerpt)),
		xmlrpc.M("post_content", xmlrpc.String(p.Content)),
		xmlrpc.M("post_parent", idText(p.Parent)),
		xmlrpc.M("post_mime_type", xmlrpc.String(p.MimeType)),
		xmlrpc.M("link", xmlrpc.String(p.Link)),
		xmlrpc.M("guid", xmlrpc.String(a.site.GUID(&p.Post))),
		xmlrpc.M("menu_order", xmlrpc.Int(p.MenuOrder)),
		xmlrpc.M("comment_status", xmlrpc.String(p.CommentStatus)),
		xmlrpc.M("ping_status", xmlrpc.String(p.PingStatus)),
		xmlrpc.M("sticky", xmlrpc.Bool(p.Sticky && p.Type == site.TypePost)),
		xmlrpc.M("post_thumbnail", thumbnail),
		xmlrpc.M("post_format", xmlrpc.String(p.Format)),
	}
}

// openFields writes the custom fields of a post that are not protected, in
// every family.
func openFields(list []site.CustomField) xmlrpc.Value {
	out := []xmlrpc.Value{}
	for _, f := range list {
		if !f.Protected() {
			out = append(out, fieldStruct(f))
		}
	}
	return xmlrpc.Array(out...)
}

func fieldStruct(f site.CustomField) xmlrpc.Value {
	return xmlrpc.Struct(
		xmlrpc.M("id", idText(f.ID)),
		xmlrpc.M("key", xmlrpc.String(f.Key)),
		xmlrpc.M("value", xmlrpc.String(f.Value)))
}

// enclosureStruct writes the enclosure of a post, or an empty array if there is
// none.
func enclosureStruct(p *site.FullPost) xmlrpc.Value {
	e, ok := p.Enclosure()
	if !ok {
		return structOf()
	}
	return xmlrpc.Struct(
		xmlrpc.M("url", xmlrpc.String(html.EscapeString(e.URL))),
		xmlrpc.M("length", xmlrpc.Int(e.Length)),
		xmlrpc.M("type", xmlrpc.String(e.Type)))
}
