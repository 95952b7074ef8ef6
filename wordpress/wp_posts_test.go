package wordpress_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/xmlrpc"
)

// newPost creates a post and returns its id in the form that clients get.
func (e *endpoint) newPost(t *testing.T, content xmlrpc.Value) xmlrpc.Value {
	t.Helper()
	id := e.get(t, "wp.newPost", content)
	if id.Kind() != xmlrpc.KindString {
		t.Fatalf("wp.newPost answers a %v, want a string: some clients accept nothing else", id.Kind())
	}
	return id
}

func (e *endpoint) getPost(t *testing.T, id xmlrpc.Value, fields ...any) any {
	t.Helper()
	if fields == nil {
		return plain(e.get(t, "wp.getPost", id))
	}
	return plain(e.get(t, "wp.getPost", id, array(fields...)))
}

// An automatic draft has no category, as in WordPress. It is stored as a draft.
func TestAutomaticDraftHasNoCategory(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		e := openEndpoint(t, db)
		id := e.newPost(t, object("post_title", "Begun", "post_status", "auto-draft"))
		got := e.getPost(t, id, "post", "terms").(map[string]any)
		if got["post_status"] != "draft" || len(got["terms"].([]any)) > 0 {
			t.Errorf("status %v, terms %v; want a draft without terms", got["post_status"], got["terms"])
		}
	})
}

func TestNewPostReadsBack(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		e := openEndpoint(t, db)
		id := e.newPost(t, object("post_title", "Hello", "post_content", "Body.", "menu_order", 7, "page_template", "wide",
			"enclosure", object("url", "http://example.com/a.mp3", "length", 77, "type", "audio/mpeg"),
			"custom_fields", array(object("key", "geo", "value", 1.5), object("key", "_hidden", "value", "x"))))
		got := e.getPost(t, id, "post", "terms", "custom_fields", "enclosure").(map[string]any)
		fieldID := got["custom_fields"].([]any)[1].(map[string]any)["id"]
		enclosureID := got["custom_fields"].([]any)[0].(map[string]any)["id"]
		link := "https://blog.example/?p=" + id.Text()
		want := map[string]any{
			"post_id": id.Text(), "post_title": "Hello", "post_date": "date:20260301T14:00:00", "post_date_gmt": "date:20260301T12:00:00",
			"post_modified": "date:20260301T14:00:00", "post_modified_gmt": "date:20260301T12:00:00", "post_status": "draft", "post_type": "post",
			"post_name": "", "post_author": "1", "post_password": "", "post_excerpt": "", "post_content": "Body.", "post_parent": "0",
			"post_mime_type": "", "link": link, "guid": link, "menu_order": 0, "comment_status": "closed", "ping_status": "open", "sticky": false,
			"post_thumbnail": []any{}, "post_format": "standard",
			"terms": []any{map[string]any{
				"term_id": "1", "name": "Uncategorized", "slug": "uncategorized", "term_group": "0", "term_taxonomy_id": "1",
				"taxonomy": "category", "description": "", "parent": "0", "count": 0, "filter": "raw", "custom_fields": []any{},
			}},
			"custom_fields": []any{
				map[string]any{"id": enclosureID, "key": "enclosure", "value": "http://example.com/a.mp3\n77\naudio/mpeg\n"},
				map[string]any{"id": fieldID, "key": "geo", "value": "1.5"},
			},
			"enclosure": map[string]any{"url": "http://example.com/a.mp3", "length": 77, "type": "audio/mpeg"},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("wp.getPost (-want +got):\n%s", diff)
		}
	})
}

func TestGetPostFields(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		e := openEndpoint(t, db)
		id := e.newPost(t, object("post_title", "T"))
		tests := []struct {
			fields xmlrpc.Value
			want   []string
		}{
			{array(), []string{"post_id"}},
			{array("no_such_field"), []string{"post_id"}},
			{array("post_title", "link"), []string{"post_id", "post_title", "link"}},
			{array("terms"), []string{"post_id", "terms"}},
			{array("taxonomies"), []string{"post_id", "terms"}},
			{array("custom_fields", "enclosure"), []string{"post_id", "custom_fields", "enclosure"}},
			{array("post_format", "sticky"), []string{"post_id", "sticky", "post_format"}},
		}
		for _, test := range tests {
			var got []string
			for _, m := range e.get(t, "wp.getPost", id, test.fields).Members() {
				got = append(got, m.Name)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("fields %v (-want +got):\n%s", plain(test.fields), diff)
			}
		}
		byDefault := e.getPost(t, id).(map[string]any)
		if len(byDefault) != 25 {
			t.Errorf("%d members by default, want 25", len(byDefault))
		}
		if _, ok := byDefault["enclosure"]; ok {
			t.Error("the answer has the enclosure without a request for it")
		}
	})
}

func TestDatesOnTheWire(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		e := openEndpoint(t, db)
		date := xmlrpc.DateTime
		const now = "20260301T14:00:00"
		tests := []struct {
			name    string
			members []any
			want    string // on the blog's clock, two hours ahead of GMT
		}{
			{"none", nil, now},
			{"local", []any{"post_date", date("20240310T12:30:00")}, "20240310T12:30:00"},
			{"local with Z", []any{"post_date", date("20240310T12:30:00Z")}, "20240310T14:30:00"},
			{"local with an offset", []any{"post_date", date("20240310T12:30:00+05:00")}, "20240310T09:30:00"},
			{"offset without colon", []any{"post_date", date("20240310T12:30:00+0530")}, "20240310T09:00:00"},
			{"offset of hours", []any{"post_date", "20240310T12:30:00-03"}, "20240310T17:30:00"},
			{"moment", []any{"post_date_gmt", date("20240310T12:30:00")}, "20240310T14:30:00"},
			{"moment with Z", []any{"post_date_gmt", date("20240310T12:30:00Z")}, "20240310T14:30:00"},
			{"the moment wins", []any{"post_date", date("20240101T00:00:00"), "post_date_gmt", date("20240310T12:30:00")}, "20240310T14:30:00"},
			{"text", []any{"post_date", "2024-03-10 12:30:00"}, "20240310T12:30:00"},
			{"moment as text", []any{"post_date_gmt", "2024-03-10 12:30:00"}, "20240310T14:30:00"},
			{"both as text: the local one", []any{"post_date", "2024-03-10 12:30:00", "post_date_gmt", "2024-03-10 12:30:00"}, "20240310T12:30:00"},
			{"dashes", []any{"post_date", date("2024-03-10T12:30:00")}, "20240310T12:30:00"},
			{"dashes, fraction and Z", []any{"post_date", date("2024-03-10T12:30:00.123Z")}, "20240310T14:30:00"},
			{"no colons", []any{"post_date", date("20240310T123015")}, "20240310T12:30:15"},
			{"no seconds", []any{"post_date", "2024-03-10 12:30"}, "20240310T12:30:00"},
			{"zeros", []any{"post_date_gmt", date("00000000T00:00:00Z")}, now},
			{"month 13", []any{"post_date", "20241310T12:30:00"}, now},
			{"words", []any{"post_date", "tomorrow"}, now},
			{"empty", []any{"post_date", ""}, now},
		}
		for _, test := range tests {
			id := e.newPost(t, object(append([]any{"post_title", "T", "post_status", "publish"}, test.members...)...))
			got := e.getPost(t, id, "post_date").(map[string]any)["post_date"]
			if got != "date:"+test.want {
				t.Errorf("%s: %v, want %s", test.name, got, test.want)
			}
		}
	})
}

func TestEditPostOnTheWire(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		e := openEndpoint(t, db)
		date := xmlrpc.DateTime
		id := e.newPost(t, object("post_title", "T", "post_content", "x", "post_status", "publish", "comment_status", "open", "post_date", date("20240310T12:30:00"),
			"terms_names", object("post_tag", array("a", "b")), "sticky", true, "post_format", "aside"))
		e.clock.Add(time.Hour)
		tests := []struct {
			name    string
			content xmlrpc.Value
			fault   int
			want    map[string]any
		}{
			{"nothing, as an empty array", array(), 0, map[string]any{"post_title": "T", "sticky": true, "comment_status": "open", "post_date": "date:20240310T12:30:00"}},
			{"title", object("post_title", "New"), 0, map[string]any{"post_title": "New", "post_content": "x", "post_format": "aside"}},
			{"unreadable date", object("post_date", date("00000000T00:00:00")), 0, map[string]any{"post_date": "date:20240310T12:30:00"}},
			{"empty date", object("post_date", ""), 0, map[string]any{"post_date": "date:20240310T12:30:00"}},
			{"date as text", object("post_date", "2024-01-01 00:00:00"), 0, map[string]any{"post_date": "date:20240101T00:00:00"}},
			{"a word as date", object("post_date", date("tomorrow")), 0, map[string]any{"post_date": "date:20240101T00:00:00"}},
			{"date", object("post_date", date("20230505T05:05:05")), 0, map[string]any{"post_date": "date:20230505T05:05:05", "post_date_gmt": "date:20230505T03:05:05"}},
			{"nil counts as nothing", object("post_title", xmlrpc.Value{}), 0, map[string]any{"post_title": "New"}},
			{"sticky as the text false", object("sticky", "false"), 0, map[string]any{"sticky": false}},
			{"sticky as a number", object("sticky", 1), 0, map[string]any{"sticky": true}},
			{"other member ID", object("ID", 9999, "post_title", "Same post"), 0, map[string]any{"post_title": "Same post"}},
			{"unknown type", object("post_type", "nonsense"), 403, map[string]any{"post_type": "post"}},
			{"terms of one value alone", object("terms", object("post_tag", 999)), 0, map[string]any{"post_type": "post"}},
			{"type", object("post_type", "page"), 401, map[string]any{"post_type": "post"}},
			{"stale", object("post_title", "no", "if_not_modified_since", date("20240101T00:00:00")), 409, map[string]any{"post_title": "Same post"}},
			{"fresh", object("post_title", "yes", "if_not_modified_since", date("20260301T13:00:00Z")), 0, map[string]any{"post_title": "yes"}},
			{"stale as text", object("post_title", "no", "if_not_modified_since", "2024-01-01 00:00:00"), 409, map[string]any{"post_title": "yes"}},
			{"since nothing", object("post_title", "yes", "if_not_modified_since", ""), 0, map[string]any{"post_title": "yes"}},
			{"empty", object("post_title", "", "post_content", ""), 500, map[string]any{"post_title": "yes"}},
			{"unknown author", object("post_author", 999), 404, map[string]any{"post_author": "1"}},
			{"author as text", object("post_author", "2"), 0, map[string]any{"post_author": "2"}},
			{"unknown picture", object("post_thumbnail", "999"), 404, map[string]any{"post_thumbnail": []any{}}},
			{"no picture", object("post_thumbnail", ""), 0, map[string]any{"post_thumbnail": []any{}}},
			{"not a struct", xmlrpc.String("text"), 400, map[string]any{"post_title": "yes"}},
			{"scheduled", object("post_date", date("20360101T00:00:00")), 0, map[string]any{"post_status": "publish"}},
			{"hidden", object("post_status", "private"), 0, map[string]any{"post_status": "private", "sticky": false}},
		}
		for _, test := range tests {
			_, fault := e.as(t, "administrator", "wp.editPost", id, test.content)
			if fault != test.fault {
				t.Errorf("%s: fault %d, want %d", test.name, fault, test.fault)
			}
			got := e.getPost(t, id).(map[string]any)
			for member, want := range test.want {
				if diff := cmp.Diff(want, got[member]); diff != "" {
					t.Errorf("%s: %s (-want +got):\n%s", test.name, member, diff)
				}
			}
		}
	})
}

func TestTermsOnTheWire(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		e := openEndpoint(t, db)
		id := e.newPost(t, object("post_title", "T", "terms", object("category", array("1")), "terms_names", object("post_tag", array("Beta", "alpha"), "category", array("News"))))
		names := func() (out []string) {
			for _, term := range e.get(t, "wp.getPost", id, array("terms")).Get("terms").Elements() {
				out = append(out, term.Get("name").Text())
			}
			return out
		}
		if diff := cmp.Diff([]string{"alpha", "Beta", "News", "Uncategorized"}, names()); diff != "" {
			t.Errorf("terms of a new post (-want +got):\n%s", diff)
		}
		e.get(t, "wp.editPost", id, object("terms", object("post_tag", array())))
		if diff := cmp.Diff([]string{"News", "Uncategorized"}, names()); diff != "" {
			t.Errorf("terms without tags (-want +got):\n%s", diff)
		}
		e.get(t, "wp.editPost", id, object("terms", array()))
		if diff := cmp.Diff([]string{"News", "Uncategorized"}, names()); diff != "" {
			t.Errorf("terms after an edit that names no taxonomy (-want +got):\n%s", diff)
		}
	})
}

func TestFaultsOfPosts(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		e := openEndpoint(t, db)
		id := e.newPost(t, object("post_title", "T", "post_status", "publish"))
		text, content := xmlrpc.String("x"), object("post_title", "x")
		tests := []struct {
			login, method string
			params        []xmlrpc.Value
			want          int
		}{
			{"administrator", "wp.getPost", nil, 400},
			{"administrator", "wp.newPost", nil, 400},
			{"administrator", "wp.editPost", []xmlrpc.Value{id}, 400},
			{"administrator", "wp.deletePost", nil, 400},
			{"administrator", "wp.getRevisions", nil, 400},
			{"administrator", "wp.getPostType", nil, 400},
			{"administrator", "wp.getPost", []xmlrpc.Value{text}, 404},
			{"administrator", "wp.getPost", []xmlrpc.Value{xmlrpc.Int(-1)}, 404},
			{"administrator", "wp.editPost", []xmlrpc.Value{xmlrpc.Int(999), content}, 404},
			{"administrator", "wp.deletePost", []xmlrpc.Value{xmlrpc.Int(999)}, 404},
			{"administrator", "wp.getRevisions", []xmlrpc.Value{xmlrpc.Int(999)}, 404},
			{"administrator", "wp.restoreRevision", []xmlrpc.Value{id}, 404},
			{"administrator", "wp.restoreRevision", nil, 404},
			{"administrator", "wp.newPost", []xmlrpc.Value{object("post_title", "x", "post_type", "nonsense")}, 403},
			{"administrator", "wp.newPost", []xmlrpc.Value{object("post_title", "x", "post_type", "")}, 403},
			{"administrator", "wp.newPost", []xmlrpc.Value{object("post_title", "", "post_content", "")}, 500},
			{"administrator", "wp.newPost", []xmlrpc.Value{text}, 400},
			{"administrator", "wp.newPost", []xmlrpc.Value{object("post_title", "x", "terms", object("category", array(999)))}, 403},
			{"administrator", "wp.newPost", []xmlrpc.Value{object("post_title", "x", "terms", object("nonsense", array(1)))}, 401},
			{"administrator", "wp.newPost", []xmlrpc.Value{object("post_title", "x", "post_status", "private", "sticky", true)}, 401},
			{"administrator", "wp.getPosts", []xmlrpc.Value{object("post_type", "nonsense")}, 403},
			{"administrator", "wp.getPostType", []xmlrpc.Value{text}, 403},
			{"author", "wp.getPostType", []xmlrpc.Value{xmlrpc.String("page")}, 401},
			{"administrator", "wp.getPost", []xmlrpc.Value{id, text}, 400},
			{"administrator", "wp.getPosts", []xmlrpc.Value{object(), xmlrpc.String("")}, 400},
			{"author", "wp.getPost", []xmlrpc.Value{id}, 401},
			{"author", "wp.editPost", []xmlrpc.Value{id, content}, 401},
			{"author", "wp.editPost", []xmlrpc.Value{id, object("post_type", "nonsense")}, 403},
			{"author", "wp.editPost", []xmlrpc.Value{id, object("if_not_modified_since", xmlrpc.DateTime("20240101T00:00:00"))}, 401},
			{"administrator", "wp.newPost", []xmlrpc.Value{object("post_title", "0")}, 500},
			{"author", "wp.deletePost", []xmlrpc.Value{id}, 401},
			{"author", "wp.getRevisions", []xmlrpc.Value{id}, 401},
			{"contributor", "wp.newPost", []xmlrpc.Value{object("post_title", "x", "post_status", "publish")}, 401},
			{"subscriber", "wp.newPost", []xmlrpc.Value{content}, 401},
			{"subscriber", "wp.getPosts", nil, 401},
			{"subscriber", "wp.getPostFormats", nil, 403},
			{"subscriber", "wp.getPostStatusList", nil, 403},
		}
		for _, test := range tests {
			if v, fault := e.as(t, test.login, test.method, test.params...); fault != test.want {
				t.Errorf("%s %s%v: fault %d (%v), want %d", test.login, test.method, test.params, fault, plain(v), test.want)
			}
		}
		if _, fault := e.call(t, "wp.getPost", xmlrpc.Int(1), xmlrpc.String("administrator"), xmlrpc.String("wrong"), id); fault != 403 {
			t.Errorf("a wrong password: fault %d, want 403", fault)
		}
	})
}

func TestGetPosts(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		e := openEndpoint(t, db)
		for i, status := range []string{"publish", "draft", "publish", "private", "pending"} {
			e.newPost(t, object("post_title", string(rune('a'+i)), "post_status", status, "post_date", xmlrpc.DateTime("2025010"+strconv.Itoa(i+1)+"T00:00:00")))
		}
		tests := []struct {
			name   string
			filter xmlrpc.Value
			want   []string
		}{
			{"nothing", xmlrpc.Value{}, []string{"e", "d", "c", "b", "a"}},
			{"number", object("number", 2), []string{"e", "d"}},
			{"number as text", object("number", "2", "offset", "1"), []string{"d", "c"}},
			{"zero", object("number", 0), []string{"e", "d", "c", "b", "a"}},
			{"far", object("offset", 1<<62), nil},
			{"order without orderby", object("order", "ASC", "number", 1), []string{"e"}},
			{"orderby", object("orderby", "title", "order", "asc", "number", 2), []string{"a", "b"}},
			{"unknown orderby", object("orderby", "p.id; --", "number", 1), []string{"e"}},
			{"statuses between commas", object("post_status", "draft, private"), []string{"d", "b"}},
			{"statuses in an array", object("post_status", array("draft", "pending")), []string{"e", "b"}},
			{"empty status", object("post_status", ""), []string{"c", "a"}},
			{"words", object("s", "c"), []string{"c"}},
			{"an array for a struct", array(), []string{"e", "d", "c", "b", "a"}},
		}
		for _, test := range tests {
			list := e.get(t, "wp.getPosts", test.filter, array("post_title"))
			var got []string
			for _, p := range list.Elements() {
				got = append(got, p.Get("post_title").Text())
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("%s: %v, want %v", test.name, got, test.want)
			}
		}
	})
}

func TestRevisionsOnTheWire(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		e := openEndpoint(t, db)
		id := e.newPost(t, object("post_title", "T", "post_content", "one"))
		e.clock.Add(time.Minute)
		e.get(t, "wp.editPost", id, object("post_content", "two"))
		list := e.get(t, "wp.getRevisions", id, array("post_content", "post_name"))
		var texts []string
		for _, r := range list.Elements() {
			texts = append(texts, r.Get("post_content").Text()+" "+r.Get("post_name").Text())
		}
		name := id.Text() + "-revision-v1"
		if diff := cmp.Diff([]string{"two " + name, "one " + name}, texts); diff != "" {
			t.Fatalf("revisions (-want +got):\n%s", diff)
		}
		e.get(t, "wp.restoreRevision", list.Index(1).Get("post_id"))
		if got := e.getPost(t, id, "post_content").(map[string]any)["post_content"]; got != "one" {
			t.Errorf("restored text %v, want one", got)
		}
		var members []string
		for _, m := range e.get(t, "wp.getRevisions", id).Index(0).Members() {
			members = append(members, m.Name)
		}
		if diff := cmp.Diff([]string{"post_id", "post_date", "post_date_gmt"}, members); diff != "" {
			t.Errorf("members of a revision by default (-want +got):\n%s", diff)
		}
	})
}

func TestTypesAndLists(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		e := openEndpoint(t, db)
		names := func(v xmlrpc.Value) (out []string) {
			for _, m := range v.Members() {
				out = append(out, m.Name)
			}
			return out
		}
		for what, test := range map[string]struct {
			v    xmlrpc.Value
			want []string
		}{
			"types":             {e.get(t, "wp.getPostTypes"), []string{"post", "page", "attachment"}},
			"hidden types":      {e.get(t, "wp.getPostTypes", object("public", false, "hierarchical", false, "show_ui", true), array()), []string{"wp_block", "wp_navigation"}},
			"public types":      {e.get(t, "wp.getPostTypes", object("public", true), array()), []string{"post", "page", "attachment"}},
			"hierarchical":      {e.get(t, "wp.getPostTypes", object("hierarchical", 1), array()), []string{"page"}},
			"unknown criterion": {e.get(t, "wp.getPostTypes", object("nonsense", 1), array()), nil},
			"plain type":        {e.get(t, "wp.getPostType", xmlrpc.String("post"), array()), []string{"name", "label", "hierarchical", "public", "show_ui", "_builtin", "has_archive", "supports"}},
			"menu":              {e.get(t, "wp.getPostType", xmlrpc.String("post"), array("menu")), []string{"name", "label", "hierarchical", "public", "show_ui", "_builtin", "has_archive", "supports", "menu_position", "menu_icon", "show_in_menu"}},
			"statuses":          {e.get(t, "wp.getPostStatusList"), []string{"draft", "pending", "private", "publish"}},
			"formats":           {e.get(t, "wp.getPostFormats"), []string{"standard", "aside", "chat", "gallery", "link", "image", "quote", "status", "video", "audio"}},
		} {
			if diff := cmp.Diff(test.want, names(test.v)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", what, diff)
			}
		}
		if v, fault := e.as(t, "subscriber", "wp.getPostTypes"); fault != 0 || v.Kind() != xmlrpc.KindArray || v.Len() != 0 {
			t.Errorf("a subscriber's post types: %v, fault %d, want an empty array", plain(v), fault)
		}
	})
}
