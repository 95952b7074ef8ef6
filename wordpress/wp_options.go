package wordpress

import (
	"context"
	"slices"
	"strings"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/options"
	"github.com/quillgate/quillgate/xmlrpc"
)

// The software name and version for clients: many offer features depending on
// them, and this server answers like this version.
const (
	softwareName    = "WordPress"
	softwareVersion = "6.1.9"
)

// wireOption is an option of wp.getOptions. Its value is that of a stored
// option or, without one, the result of value.
type wireOption struct {
	name     string
	help     string
	stored   string
	writable bool
	value    func(a *API, o *options.Values) xmlrpc.Value
}

// wireOptions is the table of wp.getOptions, in the order of its answer.
var wireOptions = []wireOption{
	{name: "software_name", help: "The program that clients should treat this server as", value: fixed(softwareName)},
	{name: "software_version", help: "The version that clients should treat this server as", value: fixed(softwareVersion)},
	{name: "blog_url", help: "Address of this server", value: below("")},
	{name: "home_url", help: "Address of the home page", value: below("")},
	{name: "login_url", help: "Address of the sign-in page", value: below("/wp-login.php")},
	{name: "admin_url", help: "Address of the administration", value: below("/wp-admin/")},
	{name: "image_default_link_type", help: "What an inserted picture links to", stored: "image_default_link_type"},
	{name: "image_default_size", help: "Size in which pictures are inserted", stored: "image_default_size"},
	{name: "image_default_align", help: "Alignment of inserted pictures", stored: "image_default_align"},
	{name: "template", help: "Name of the theme", stored: "template"},
	{name: "stylesheet", help: "Name of the theme's variant", stored: "stylesheet"},
	{name: "post_thumbnail", help: "Whether posts can have a featured picture", value: postThumbnail},
	{name: "time_zone", help: "Hours ahead of GMT", stored: "gmt_offset", writable: true, value: timeZone},
	{name: "blog_title", help: "Name of the site", stored: "blog_title", writable: true},
	{name: "blog_tagline", help: "What the site is about, in a few words", stored: "blog_tagline", writable: true},
	{name: "date_format", help: "How dates are written", stored: "date_format", writable: true},
	{name: "time_format", help: "How times of day are written", stored: "time_format", writable: true},
	{name: "users_can_register", help: "Whether anyone can sign up", stored: "users_can_register", writable: true},
	{name: "thumbnail_size_w", help: "Width of thumbnails", stored: "thumbnail_size_w", writable: true},
	{name: "thumbnail_size_h", help: "Height of thumbnails", stored: "thumbnail_size_h", writable: true},
	{name: "thumbnail_crop", help: "Whether thumbnails are cut to fill their size", stored: "thumbnail_crop", writable: true},
	{name: "medium_size_w", help: "Largest width of the medium size", stored: "medium_size_w", writable: true},
	{name: "medium_size_h", help: "Largest height of the medium size", stored: "medium_size_h", writable: true},
	{name: "medium_large_size_w", help: "Largest width of the medium-large size", stored: "medium_large_size_w", writable: true},
	{name: "medium_large_size_h", help: "Largest height of the medium-large size", stored: "medium_large_size_h", writable: true},
	{name: "large_size_w", help: "Largest width of the large size", stored: "large_size_w", writable: true},
	{name: "large_size_h", help: "Largest height of the large size", stored: "large_size_h", writable: true},
	{name: "default_comment_status", help: "Whether new posts accept comments", stored: "default_comment_status", writable: true},
	{name: "default_ping_status", help: "Whether new posts accept pingbacks and trackbacks", stored: "default_ping_status", writable: true},
}

func fixed(text string) func(*API, *options.Values) xmlrpc.Value {
	return func(*API, *options.Values) xmlrpc.Value { return xmlrpc.String(text) }
}

func below(path string) func(*API, *options.Values) xmlrpc.Value {
	return func(a *API, _ *options.Values) xmlrpc.Value { return xmlrpc.String(a.site.BaseURL() + path) }
}

func postThumbnail(_ *API, o *options.Values) xmlrpc.Value {
	return xmlrpc.Bool(o.Theme().SupportsFeature("post-thumbnails"))
}

// timeZone returns the stored text or, for a named time zone, its current
// offset in hours.
func timeZone(_ *API, o *options.Values) xmlrpc.Value {
	hours, named := o.GMTOffset()
	if named {
		return xmlrpc.Double(hours)
	}
	return xmlrpc.String(o.Text("gmt_offset"))
}

func wireOptionNamed(name string) (wireOption, bool) {
	i := slices.IndexFunc(wireOptions, func(o wireOption) bool { return o.name == name })
	if i < 0 {
		return wireOption{}, false
	}
	return wireOptions[i], true
}

// getOptions answers wp.getOptions(blog, user, password, names). Without names,
// or with an empty list, it returns all options; a single name need not be in a
// list.
func (a *API) getOptions(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	names := namesOf(p.at("names"))
	if len(names) == 0 {
		for _, o := range wireOptions {
			names = append(names, o.name)
		}
	}
	o, err := a.site.Options().Current(ctx)
	if err != nil {
		return xmlrpc.Value{}, err
	}
	return a.optionStruct(o, who, names, nil), nil
}

// namesOf reads a list of names, or one name.
func namesOf(v xmlrpc.Value) []string {
	switch v.Kind() {
	case xmlrpc.KindNil:
		return nil
	case xmlrpc.KindArray, xmlrpc.KindStruct:
		names := make([]string, 0, v.Len())
		for _, e := range valuesIn(v) {
			names = append(names, textOf(e))
		}
		return names
	}
	return []string{textOf(v)}
}

// optionStruct writes the named options. Values that were just changed may have
// another type than stored ones.
func (a *API) optionStruct(o *options.Values, who auth.Identity, names []string, changed map[string]xmlrpc.Value) xmlrpc.Value {
	members := make([]xmlrpc.Member, 0, len(names))
	seen := make(map[string]bool, len(names))
	for _, name := range names {
		option, known := wireOptionNamed(name)
		if !known || seen[name] {
			continue
		}
		seen[name] = true
		value, ok := changed[name]
		switch {
		case ok:
		case option.value != nil:
			value = option.value(a, o)
		default:
			value = xmlrpc.String(o.Text(option.stored))
		}
		members = append(members, xmlrpc.M(name, xmlrpc.Struct(
			xmlrpc.M("desc", xmlrpc.String(option.help)),
			xmlrpc.M("readonly", xmlrpc.Bool(!option.writable || !who.Can(auth.ManageOptions))),
			xmlrpc.M("value", value),
		)))
	}
	return structOf(members...)
}

// setOptions answers wp.setOptions(blog, user, password, values). It ignores
// unknown and read-only options. As in WordPress, a changed number is returned
// as a number, and as text afterwards.
func (a *API) setOptions(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	values := map[string]string{}
	sent := map[string]xmlrpc.Value{}
	var names []string
	for _, m := range p.at("options").Members() {
		option, known := wireOptionNamed(m.Name)
		if !known || m.Value.IsZero() {
			continue
		}
		names = append(names, m.Name)
		if option.writable {
			values[option.stored] = textOf(m.Value)
			sent[option.stored] = m.Value
		}
	}
	stored, err := a.site.Options().SetLoosely(ctx, who, values)
	if err != nil {
		return xmlrpc.Value{}, err
	}
	o, err := a.site.Options().Current(ctx)
	if err != nil {
		return xmlrpc.Value{}, err
	}
	changed := map[string]xmlrpc.Value{}
	for _, name := range stored {
		switch {
		case strings.Contains(name, "_size_") || name == "users_can_register":
			changed[name] = xmlrpc.Int(o.Int(name))
		case name == "thumbnail_crop" && (sent[name].Kind() == xmlrpc.KindBool || sent[name].Kind() == xmlrpc.KindInt):
			changed[name] = sent[name]
		}
	}
	return a.optionStruct(o, who, names, changed), nil
}
