package wordpress_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/wordpress"
	"github.com/quillgate/quillgate/xmlrpc"
)

// oddValues lists values that clients send in place of the expected ones: every
// type, with its extreme values.
func oddValues() []xmlrpc.Value {
	long := strings.Repeat("9", 400)
	return []xmlrpc.Value{
		{},
		xmlrpc.Int(0), xmlrpc.Int(-1), xmlrpc.Int(math.MaxInt64), xmlrpc.Int(math.MinInt64), xmlrpc.Bool(true), xmlrpc.Bool(false),
		xmlrpc.Double(1.5), xmlrpc.Double(-1e300), xmlrpc.Double(1e18),
		xmlrpc.String(""), xmlrpc.String("0"), xmlrpc.String("12abc"), xmlrpc.String("abc"), xmlrpc.String("-9223372036854775809"), xmlrpc.String(long),
		xmlrpc.String("%_\\'\";--"), xmlrpc.String("\u00e4\u0301\u65e5\U0001F600"), xmlrpc.String("a, b , ,c"), xmlrpc.String("any"),
		xmlrpc.DateTime("20240310T12:30:00"), xmlrpc.DateTime("00000000T00:00:00"), xmlrpc.DateTime("99999999T99:99:99"), xmlrpc.DateTime("x"),
		xmlrpc.Bytes([]byte{0, 0xff, 0xfe, 'a'}),
		xmlrpc.Array(), xmlrpc.Array(xmlrpc.String("post_title")), xmlrpc.Array(xmlrpc.Array(), xmlrpc.Struct(), xmlrpc.Value{}),
		xmlrpc.Struct(), object("a", "b", "0", array(1), "number", object("x", 1)),
	}
}

// looseMembers lists the members that the structs of the methods have.
var looseMembers = strings.Fields(`post_type post_status post_title post_content post_excerpt post_name post_author post_parent post_password
	post_date post_date_gmt comment_status ping_status sticky post_thumbnail post_format custom_fields enclosure terms terms_names
	if_not_modified_since number offset orderby order s search hide_empty taxonomy name slug parent parent_id description role who
	first_name last_name url display_name nickname nicename bio title mt_text_more mt_excerpt mt_keywords mt_allow_comments mt_allow_pings
	mt_tb_ping_urls wp_slug wp_password wp_author_id wp_page_parent_id wp_page_order wp_page_template wp_post_format wp_post_thumbnail
	dateCreated date_created_gmt categories page_status status post_id mime_type content author author_url author_email comment_parent
	bits type blog_title time_zone users_can_register thumbnail_size_w default_comment_status show-supported public`)

// A value in the wrong place or of the wrong type is converted or refused, and
// never causes an internal error. The test replaces each argument of each
// method, and each member of its structs, by everything that does not belong
// there.
func TestOddArguments(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db)
		post := b.newPost(t, "administrator", dict{"title": "Kept", "description": "T", "categories": list{"Uncategorized"}}, true)
		tries := 0
		for _, m := range wordpress.New(wordpress.Config{Site: b.site, Users: b.users, Apps: b.apps}).Methods() {
			good := usualArguments(m.Name, m.Signatures[len(m.Signatures)-1][1:], post)
			for i := range good {
				if login := loginAt(m.Name); login >= 0 && (i == login || i == login+1) && m.Name != "wp.getUsersBlogs" {
					continue // every wrong password takes time, so one method is enough
				}
				odd := oddValues()
				if good[i].Kind() == xmlrpc.KindStruct {
					odd = append(odd, oddMembers()...)
				}
				for _, v := range odd {
					args := slices.Clone(good)
					args[i] = v
					tries++
					if _, fault := b.endpoint.call(t, m.Name, args...); fault == xmlrpc.CodeInternal {
						t.Errorf("%s with argument %d = %s: an error of the server", m.Name, i, line(v))
					}
				}
			}
		}
		if tries < 3000 {
			t.Errorf("%d calls were tried", tries)
		}
	})
}

// usualArguments returns arguments that a method with this signature accepts.
func usualArguments(name string, kinds []string, post string) []xmlrpc.Value {
	args := make([]xmlrpc.Value, len(kinds))
	for i, kind := range kinds {
		switch kind {
		case "int":
			args[i] = xmlrpc.Int(1)
		case "boolean":
			args[i] = xmlrpc.Bool(true)
		case "array":
			args[i] = array("post_title")
		case "struct":
			args[i] = object("taxonomy", "category", "name", "N")
		default:
			args[i] = xmlrpc.String(post)
		}
	}
	if login := loginAt(name); login >= 0 {
		args[login], args[login+1] = xmlrpc.String("administrator"), xmlrpc.String("administrator-password")
	}
	return args
}

// loginAt returns the position of the user name among the arguments of a
// method, or -1 if it has none.
func loginAt(name string) int {
	switch {
	case name == "wp.getUsersBlogs":
		return 0
	case strings.HasPrefix(name, "pingback.") || strings.HasPrefix(name, "xmlrpcs.") || strings.HasPrefix(name, "mt.supported") || name == "mt.getTrackbackPings":
		return -1
	case name == "wp.getPage" || name == "wp.editPage" || name == "metaWeblog.deletePost",
		strings.HasPrefix(name, "blogger.") && !strings.HasSuffix(name, "Blogs") && !strings.HasSuffix(name, "UserInfo"):
		return 2
	}
	return 1
}

// oddMembers returns structs with one odd member each.
func oddMembers() []xmlrpc.Value {
	var out []xmlrpc.Value
	values := oddValues()
	for i, name := range looseMembers {
		for j := range 2 { // each member is combined with some of the values, and each value with some of the members
			v := values[(2*i+j)%len(values)]
			members := []xmlrpc.Member{xmlrpc.M(name, v)}
			for other, usual := range map[string]string{"name": "x.png", "taxonomy": "category", "post_title": "T", "title": "T", "content": "T"} {
				if other != name {
					members = append(members, xmlrpc.M(other, xmlrpc.String(usual)))
				}
			}
			out = append(out, xmlrpc.Struct(members...))
		}
	}
	return out
}

// Numbers, lists and structs in custom fields become the texts that PHP
// converts them to.
func TestFieldValues(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db)
		for _, test := range []struct {
			value any
			want  string
		}{
			{5, "5"},
			{true, "1"},
			{false, ""},
			{1.5, "1.5"},
			{1234567.0, "1234567"},
			{0.1 + 0.2, "0.3"},
			{52.5200065999, "52.5200065999"},
			{-0.0001, "-0.0001"},
			{0.00001, "1.0E-5"},
			{1e25, "1.0E+25"},
			{-2.5e-7, "-2.5E-7"},
			{1e13, "10000000000000"},
			{1e14, "1.0E+14"},
			{list{}, "a:0:{}"},
			{list{"x", 2, true, 0.1, list{}}, `a:5:{i:0;s:1:"x";i:1;i:2;i:2;b:1;i:3;d:0.1;i:4;a:0:{}}`},
			{dict{"7": "seven", "07": 1.0, "n\u00e4me": "\u00e4"}, `a:3:{s:2:"07";d:1;i:7;s:5:"seven";s:5:"n\u00e4me";s:2:"\u00e4";}`},
		} {
			id := b.newPost(t, "administrator", dict{"title": "T", "custom_fields": list{dict{"key": "k", "value": test.value}}}, false)
			got := b.must(t, "administrator", "metaWeblog.getPost", id, "", "").Get("custom_fields").Index(0).Get("value").Text()
			if want := strings.ReplaceAll(test.want, `\u00e4`, "\u00e4"); got != want {
				t.Errorf("%v is kept as %s, want %s", test.value, got, want)
			}
		}
	})
}

// A picture that does not exist is refused, and does not count as none.
func TestUnknownThumbnails(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db)
		id := b.newPost(t, "editor", dict{"title": "T"}, true)
		for _, content := range []dict{{"wp_post_thumbnail": "abc"}, {"wp_post_thumbnail": 99999}} {
			if got := b.answer(t, "editor", "metaWeblog.editPost", id, "", "", content, true); got != "fault 404" {
				t.Errorf("%v: %s, want fault 404", content, got)
			}
		}
	})
}

// An empty filter selects everything, unlike a missing one, and properties that
// the answer does not contain can be used in filters too.
func TestTypeFilters(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db)
		taxonomies := func(who string, filter ...any) string {
			var names []string
			args := append(append(list{1, "", ""}, filter...), list{})
			if len(filter) == 0 {
				args = list{1, "", ""}
			}
			for _, v := range b.must(t, who, "wp.getTaxonomies", args...).Elements() {
				names = append(names, v.Get("name").Text())
			}
			return strings.Join(names, " ")
		}
		types := func(who string, filter dict) string {
			var names []string
			for _, m := range b.must(t, who, "wp.getPostTypes", 1, "", "", filter, list{}).Members() {
				names = append(names, m.Name)
			}
			return strings.Join(names, " ")
		}
		for _, test := range []struct{ name, got, want string }{
			{"no filter", taxonomies("administrator"), "category post_tag post_format"},
			{"empty", taxonomies("administrator", dict{}), "category post_tag nav_menu post_format wp_theme wp_template_part_area"},
			{"empty, contributor", taxonomies("contributor", dict{}), "category post_tag post_format wp_theme wp_template_part_area"},
			{"hidden", taxonomies("editor", dict{"public": false}), "wp_theme wp_template_part_area"},
			{"listed", taxonomies("editor", dict{"show_ui": 1, "hierarchical": ""}), "post_tag"},
			{"unknown property", taxonomies("editor", dict{"colour": "red"}), ""},
			{"types in the menu", types("administrator", dict{"show_in_menu": true}), "post page attachment"},
			{"types of menus", types("administrator", dict{"show_in_nav_menus": "1"}), "post page"},
			{"types with a query", types("administrator", dict{"publicly_queryable": true}), "post attachment"},
			{"types to search", types("author", dict{"exclude_from_search": false}), "post attachment"},
			{"by name", types("administrator", dict{"name": "page", "_builtin": true}), "page"},
			{"unknown", types("administrator", dict{"colour": "red"}), ""},
		} {
			if test.got != test.want {
				t.Errorf("%s: %s, want %s", test.name, test.got, test.want)
			}
		}
		for name, want := range map[string]string{"nav_menu": "[]", "link_category": "fault 401", "nonsense": "fault 403"} {
			if got := b.answer(t, "administrator", "wp.getTerms", 1, "", "", name); got != want {
				t.Errorf("the terms of %s: %s, want %s", name, got, want)
			}
		}
		if got := b.answer(t, "administrator", "wp.newTerm", 1, "", "", dict{"taxonomy": "nav_menu", "name": "N"}); got != "fault 403" {
			t.Errorf("a new menu: %s", got)
		}
		file := dict{"name": "a.txt", "type": "text/plain", "bits": xmlrpc.Bytes([]byte("text"))}
		for range 2 {
			b.must(t, "administrator", "wp.uploadFile", 1, "", "", file)
		}
		for _, test := range []struct {
			filter dict
			want   int
		}{
			{dict{"number": -1, "offset": 1}, 2}, {dict{"number": -3, "offset": 1}, 1}, {dict{"number": 1}, 1}, {dict{"mime_type": "TEXT/Plain"}, 2}, {dict{"mime_type": "image"}, 0},
		} {
			if got := b.must(t, "administrator", "wp.getMediaLibrary", 1, "", "", test.filter).Len(); got != test.want {
				t.Errorf("files of %v: %d, want %d", test.filter, got, test.want)
			}
		}
	})
}
