package wordpress_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
)

func TestBloggerText(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db)
		news, sport := b.category(t, "News", 0), b.category(t, "Sport", 0)
		for _, test := range []struct{ in, title, content, categories string }{
			{fmt.Sprintf("<title>A title</title><category>%d,%d</category>Body", news, sport), "A title", "Body", "News Sport"},
			{fmt.Sprintf("  Body <TITLE>A\ntitle</TITLE> goes on <Category>,%d,</Category> ", sport), "A\ntitle", "Body  goes on", "Sport"},
			{"Body alone", "", "Body alone", "Uncategorized"},
			{"<title></title>Body", "", "<title></title>Body", "Uncategorized"},
			{"<category>9999</category>Body", "", "Body", ""},
			{"<category>News</category>Body", "", "Body", ""},
			{"<category>0,</category>Body", "", "Body", "Uncategorized"},
			{"<title>T</title>", "T", "", "Uncategorized"},
		} {
			id := b.must(t, "editor", "blogger.newPost", "", 1, "", "", test.in, true)
			got := b.must(t, "editor", "metaWeblog.getPost", id, "", "")
			want := fmt.Sprintf("'%s' '%s' ['%s']", test.title, test.content, strings.ReplaceAll(test.categories, " ", "', '"))
			if want = strings.Replace(want, "['']", "[]", 1); pick(got, "title", "description", "categories") != want {
				t.Errorf("%q becomes %s, want %s", test.in, pick(got, "title", "description", "categories"), want)
			}
		}
		if got := b.answer(t, "editor", "blogger.newPost", "", 1, "", "", "", true); got != "fault 500" {
			t.Errorf("an empty post: %s, want fault 500", got)
		}
	})
}

func TestBloggerPost(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db)
		news := b.category(t, "News", 0)
		id := b.must(t, "editor", "blogger.newPost", "", 1, "", "", fmt.Sprintf("<title>A \\\\ title</title><category>%d</category>Back\\slash & <b>more</b>", news), true).Int64()
		struc := fmt.Sprintf("{userid: '%d', dateCreated: d20260301T140000, content: '<title>A \\ title</title><category>%d</category>Backslash & <b>more</b>', postid: '%d'}", b.ids["editor"], news, id)
		struc = strings.Replace(struc, "T140000", "T14:00:00", 1)
		if diff := cmp.Diff(struc, b.answer(t, "editor", "blogger.getPost", "", id, "", "")); diff != "" {
			t.Errorf("getPost (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff("["+struc+"]", b.answer(t, "editor", "blogger.getRecentPosts", "", 1, "", "", 3)); diff != "" {
			t.Errorf("getRecentPosts (-want +got):\n%s", diff)
		}
		b.must(t, "editor", "blogger.editPost", "", id, "", "", "<title>B</title>New", false)
		got := b.must(t, "editor", "wp.getPost", 1, "", "", id)
		if got := pick(got, "post_title", "post_content", "post_status") + " " + pick(got.Get("terms").Index(0), "name"); got != "'B' 'New' 'draft' 'News'" {
			t.Errorf("after the edit: %s", got)
		}
		page := b.must(t, "editor", "wp.newPage", 1, "", "", dict{"title": "P"}, true)
		for _, test := range []struct {
			method string
			args   list
			want   string
		}{
			{"blogger.editPost", list{"", page, "", "", "x", true}, "fault 404"},
			{"blogger.deletePost", list{"", page, "", "", true}, "fault 404"},
			{"blogger.editPost", list{"", 9999, "", "", "x", true}, "fault 404"},
			{"blogger.deletePost", list{"", id, "", "", true}, "b1"},
			{"metaWeblog.deletePost", list{"", id, "", "", true}, "b1"},
			{"blogger.deletePost", list{"", id, "", "", true}, "fault 404"},
		} {
			if got := b.answer(t, "editor", test.method, test.args...); got != test.want {
				t.Errorf("%s %v: %s, want %s", test.method, test.args, got, test.want)
			}
		}
		mine := b.must(t, "contributor", "blogger.newPost", "", 1, "", "", "x", false)
		b.must(t, "contributor", "blogger.editPost", "", mine, "", "", "y", true)
		if got := b.status(t, fmt.Sprint(mine.Int64())); got != "pending" {
			t.Errorf("a contributor's publish flag makes the post %s, want pending", got)
		}
	})
}

func TestMovableType(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db)
		news, sport := b.category(t, "News", 0), b.category(t, "Sport", 0)
		id := b.newPost(t, "editor", dict{"title": "T", "description": "x"}, false)
		first := fmt.Sprintf("{categoryName: 'News', categoryId: '%d', isPrimary: b1}", news)
		second := fmt.Sprintf("{categoryName: 'Sport', categoryId: '%d', isPrimary: b0}", sport)
		for _, test := range []struct {
			categories any
			want       string
		}{
			{list{dict{"categoryId": fmt.Sprint(sport), "isPrimary": true}, dict{"categoryId": news}}, "[" + first + ", " + second + "]"},
			{list{dict{"categoryId": news}, dict{"categoryId": 9999}, dict{}}, "[" + first + "]"},
			{list{news, sport}, "[" + first + ", " + second + "]"},
			{list{}, "[{categoryName: 'Uncategorized', categoryId: '1', isPrimary: b1}]"},
		} {
			if got := b.answer(t, "editor", "mt.setPostCategories", id, "", "", test.categories); got != "b1" {
				t.Errorf("setPostCategories %v: %s", test.categories, got)
			}
			if diff := cmp.Diff(test.want, b.answer(t, "editor", "mt.getPostCategories", id, "", "")); diff != "" {
				t.Errorf("after setPostCategories %v (-want +got):\n%s", test.categories, diff)
			}
		}
		if got := b.answer(t, "editor", "mt.publishPost", id, "", ""); got != "i"+id {
			t.Errorf("publishPost: %s, want i%s", got, id)
		}
		want := fmt.Sprintf("[{dateCreated: d20260301T14:00:00, userid: '%d', postid: '%s', title: 'T', post_status: 'publish', date_created_gmt: d20260301T12:00:00}]", b.ids["editor"], id)
		if diff := cmp.Diff(want, b.answer(t, "editor", "mt.getRecentPostTitles", 1, "", "", 1)); diff != "" {
			t.Errorf("getRecentPostTitles (-want +got):\n%s", diff)
		}
		want = fmt.Sprintf("[{categoryId: i%d, categoryName: 'News'}, {categoryId: i%d, categoryName: 'Sport'}, {categoryId: i1, categoryName: 'Uncategorized'}]", news, sport)
		if diff := cmp.Diff(want, b.answer(t, "editor", "mt.getCategoryList", 1, "", "")); diff != "" {
			t.Errorf("getCategoryList (-want +got):\n%s", diff)
		}
		if got := b.answer(t, "", "mt.supportedTextFilters"); got != "[]" {
			t.Errorf("supportedTextFilters: %s", got)
		}
		var names []string
		for _, v := range b.must(t, "", "mt.supportedMethods").Elements() {
			names = append(names, v.Text())
		}
		for _, name := range []string{"wp.getUsersBlogs", "wp.uploadFile", "wp.getCategories", "metaWeblog.deletePost", "mt.supportedMethods", "demo.sayHello", "xmlrpcs.createApplication"} {
			if !slices.Contains(names, name) {
				t.Errorf("supportedMethods lacks %s", name)
			}
		}
		if slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, "system.") }) {
			t.Errorf("supportedMethods names methods of system.*")
		}
	})
}

func TestTrackbacks(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db)
		id := b.newPost(t, "editor", dict{"title": "T"}, true)
		draft := b.newPost(t, "editor", dict{"title": "T"}, false)
		for _, row := range []struct{ post, status, kind, content string }{
			{id, "approve", "trackback", "<strong>Other page</strong>\n\nIt says"},
			{id, "hold", "trackback", "<strong>Waiting</strong>"},
			{id, "approve", "pingback", "Ping"},
			{id, "approve", "comment", "Hello"},
			{draft, "approve", "trackback", "<strong>Early</strong>"},
		} {
			if _, err := db.Exec(t.Context(), `INSERT INTO comments (post_id, status, type, url, ip, content, date, date_gmt)
				SELECT id, $2, $3, 'http://other.example/', '192.0.2.7', $4, $5, $5 FROM posts WHERE CAST(id AS TEXT) = $1`, row.post, row.status, row.kind, row.content, b.clock.Now()); err != nil {
				t.Fatal(err)
			}
		}
		for id, want := range map[string]string{
			id:     "[{pingTitle: 'Other page', pingURL: 'http://other.example/', pingIP: ''}]",
			draft:  "[]",
			"9999": "fault 404",
		} {
			if got := b.answer(t, "", "mt.getTrackbackPings", id); got != want {
				t.Errorf("getTrackbackPings of %s: %s, want %s", id, got, want)
			}
		}
	})
}

func TestPages(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db)
		parent := b.must(t, "editor", "wp.newPage", 1, "", "", dict{"title": "About"}, true).Text()
		id := b.must(t, "editor", "wp.newPage", 1, "", "", dict{
			"title": "Team", "description": "Main", "mt_text_more": "More", "mt_excerpt": "Ex", "wp_slug": "the team", "wp_page_parent_id": parent,
			"wp_page_order": 7, "mt_allow_comments": 1, "wp_author_id": b.ids["administrator"], "wp_page_template": "blank", "mt_keywords": "lost",
			"categories": list{"Uncategorized"}, "page_status": "private", "post_status": "draft",
		}, true).Text()
		want := fmt.Sprintf("{dateCreated: d20260301T14:00:00, userid: '%[2]d', page_id: i%[1]s, page_status: 'private', description: 'Main', title: 'Team', "+
			"link: 'https://blog.example/?page_id=%[1]s', permaLink: 'https://blog.example/?page_id=%[1]s', categories: [], excerpt: 'Ex', text_more: 'More', "+
			"mt_allow_comments: i1, mt_allow_pings: i0, wp_slug: 'the-team', wp_password: '', wp_author: 'administrator', wp_page_parent_id: i%[3]s, "+
			"wp_page_parent_title: 'About', wp_page_order: i7, wp_author_id: '%[2]d', wp_author_display_name: 'administrator', "+
			"date_created_gmt: d20260301T12:00:00, custom_fields: [], wp_page_template: 'blank'}", id, b.ids["administrator"], parent)
		if diff := cmp.Diff(want, b.answer(t, "editor", "wp.getPage", 1, id, "", "")); diff != "" {
			t.Errorf("getPage (-want +got):\n%s", diff)
		}
		if got := b.must(t, "editor", "wp.getPages", 1, "", "", -1).Len(); got != 2 {
			t.Errorf("getPages of -1 answers %d pages, want all 2", got)
		}
		pages := b.must(t, "editor", "wp.getPages", 1, "", "", 1)
		if got := line(pages.Index(0)); pages.Len() != 1 || got != want {
			t.Errorf("getPages answers %d pages, the first: %s", pages.Len(), got)
		}
		wantList := fmt.Sprintf("[{page_id: '%[1]s', page_title: 'About', page_parent_id: '0', dateCreated: d20260301T14:00:00, date_created_gmt: d20260301T12:00:00}, "+
			"{page_id: '%[2]s', page_title: 'Team', page_parent_id: '%[1]s', dateCreated: d20260301T14:00:00, date_created_gmt: d20260301T12:00:00}]", parent, id)
		if diff := cmp.Diff(wantList, b.answer(t, "editor", "wp.getPageList", 1, "", "")); diff != "" {
			t.Errorf("getPageList (-want +got):\n%s", diff)
		}
		post := b.newPost(t, "editor", dict{"title": "A post"}, true)
		for _, test := range []struct {
			method string
			args   list
			want   string
		}{
			{"wp.getPage", list{1, post, "", ""}, "fault 404"},
			{"wp.getPage", list{1, 9999, "", ""}, "fault 404"},
			{"wp.editPage", list{1, post, "", "", dict{"title": "x"}, true}, "fault 404"},
			{"wp.deletePage", list{1, "", "", post}, "fault 404"},
			{"wp.editPage", list{1, id, "", "", dict{}, true}, "b1"},
			{"wp.editPage", list{1, id, "", "", list{}, false}, "b1"},
			{"wp.editPage", list{1, id, "", "", dict{"post_type": "post"}, false}, "b1"},
			{"wp.newPage", list{1, "", "", dict{"title": "", "description": ""}, false}, "'"},
			{"wp.getPageStatusList", list{1, "", ""}, "{draft: 'Draft', private: 'Private', publish: 'Published'}"},
			{"wp.deletePage", list{1, "", "", id}, "b1"},
			{"wp.deletePage", list{1, "", "", id}, "b1"},
			{"wp.deletePage", list{1, "", "", id}, "fault 404"},
		} {
			if got := b.answer(t, "editor", test.method, test.args...); !strings.HasPrefix(got, test.want) {
				t.Errorf("%s %v: %s, want %s", test.method, test.args, got, test.want)
			}
		}
	})
}

// The number of statements for pages does not depend on the number of pages,
// authors and parents.
func TestPagesStatements(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db)
		last := "0"
		for i := range 12 {
			last = b.must(t, "editor", "wp.newPage", 1, "", "", dict{"title": fmt.Sprint("P", i), "wp_page_parent_id": last, "wp_author_id": b.ids[roleOf(i)]}, true).Text()
		}
		statements := func(n int) int64 {
			before := db.Statements()
			if got := b.must(t, "editor", "wp.getPages", 1, "", "", n).Len(); got != n {
				t.Fatalf("getPages answers %d pages, want %d", got, n)
			}
			return db.Statements() - before
		}
		statements(2)
		if few, many := statements(2), statements(12); few != many || many > 7 {
			t.Errorf("getPages takes %d statements for 2 pages and %d for 12, want the same number, at most 7", few, many)
		}
	})
}

func TestTermMethods(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db)
		id := b.must(t, "editor", "wp.newTerm", 1, "", "", dict{
			"taxonomy": "category", "name": "R & D", "description": "All of it",
			"custom_fields": list{dict{"key": "color", "value": "red"}, dict{"key": "_secret", "value": "hush"}},
		}).Text()
		want := func(fields string) string {
			return fmt.Sprintf("{term_id: '%[1]s', name: 'R &amp; D', slug: 'r-d', term_group: '0', term_taxonomy_id: '%[1]s', taxonomy: 'category', "+
				"description: 'All of it', parent: '0', count: i0, filter: 'raw', custom_fields: %s}", id, fields)
		}
		if diff := cmp.Diff(want("[]"), b.answer(t, "author", "wp.getTerm", 1, "", "", "category", id)); diff != "" {
			t.Errorf("getTerm as author (-want +got):\n%s", diff)
		}
		fields := b.must(t, "editor", "wp.getTerm", 1, "", "", "category", id).Get("custom_fields")
		if got := pick(fields.Index(0), "key", "value") + pick(fields.Index(1), "key", "value"); fields.Len() != 2 || got != "'_secret' 'hush''color' 'red'" {
			t.Errorf("custom fields: %s", line(fields))
		}
		if got := b.must(t, "editor", "wp.getTerms", 1, "", "", "category", dict{"offset": 1}).Len(); got != 2 {
			t.Errorf("getTerms with an offset without a number: %d terms, want all 2", got)
		}
		tag := b.must(t, "editor", "wp.newTerm", 1, "", "", dict{"taxonomy": "post_tag", "name": "a tag"}).Text()
		post := b.must(t, "author", "wp.newPost", 1, "", "", dict{"post_title": "T", "terms": dict{"category": list{id}}}).Text()
		if diff := cmp.Diff("["+want("[]")+"]", line(b.must(t, "author", "wp.getPost", 1, "", "", post, list{"terms"}).Get("terms"))); diff != "" {
			t.Errorf("the terms of a post as author (-want +got):\n%s", diff)
		}
		for _, test := range []struct {
			who, method string
			args        list
			want        string
		}{
			{"editor", "wp.newTerm", list{1, "", "", dict{"taxonomy": "nonsense", "name": "x"}}, "fault 403"},
			{"author", "wp.newTerm", list{1, "", "", dict{"taxonomy": "category", "name": ""}}, "fault 401"},
			{"editor", "wp.newTerm", list{1, "", "", dict{"taxonomy": "category", "name": " "}}, "fault 403"},
			{"editor", "wp.newTerm", list{1, "", "", dict{"taxonomy": "category", "name": "R & D"}}, "fault 500"},
			{"editor", "wp.newTerm", list{1, "", "", dict{"taxonomy": "category", "name": "x", "parent": 0}}, "fault 500"},
			{"editor", "wp.newTerm", list{1, "", "", dict{"taxonomy": "category", "name": "x", "parent": 9999}}, "fault 403"},
			{"editor", "wp.newTerm", list{1, "", "", dict{"taxonomy": "post_tag", "name": "x", "parent": 1}}, "fault 403"},
			{"editor", "wp.newTerm", list{1, "", "", dict{"taxonomy": "category", "name": " 0 "}}, "fault 403"},
			{"editor", "wp.newTerm", list{1, "", ""}, "fault 400"},
			{"editor", "wp.editTerm", list{1, "", "", id, dict{"taxonomy": "category", "name": "0"}}, "fault 403"},
			{"editor", "wp.editTerm", list{1, "", "", id, dict{"taxonomy": "category", "parent": "none"}}, "fault 500"},
			{"editor", "wp.newPost", list{1, "", "", dict{"post_title": "T", "terms_names": dict{"category": list{""}}}}, "fault 500"},
			{"editor", "wp.newPost", list{1, "", "", dict{"post_title": "T", "terms_names": dict{"post_tag": list{" "}}}}, "fault 500"},
			{"editor", "wp.newPost", list{1, "", "", dict{"post_title": "T", "terms": list{1}}}, "fault 401"},
			{"editor", "wp.editTerm", list{1, "", "", id, dict{"taxonomy": "category", "parent": ""}}, "b1"},
			{"editor", "wp.editTerm", list{1, "", "", id, dict{"taxonomy": "category", "slug": "uncategorized"}}, "fault 500"},
			{"editor", "wp.editTerm", list{1, "", "", id, dict{"taxonomy": "post_tag", "name": "x"}}, "fault 404"},
			{"editor", "wp.editTerm", list{1, "", "", 0, dict{"taxonomy": "category", "name": "x"}}, "fault 500"},
			{"editor", "wp.getTerm", list{1, "", "", "category", 0}, "fault 500"},
			{"editor", "wp.getTerm", list{1, "", "", "category", 9999}, "fault 404"},
			{"editor", "wp.deleteTerm", list{1, "", "", "category", 1}, "fault 401"},
			{"editor", "wp.newCategory", list{1, "", "", dict{"name": "R & D"}}, "i" + id},
			{"editor", "wp.newCategory", list{1, "", "", dict{"name": ""}}, "fault 500"},
			{"editor", "wp.deleteCategory", list{1, "", "", tag}, "b0"},
			{"author", "wp.deleteCategory", list{1, "", "", tag}, "fault 401"},
			{"editor", "wp.deleteCategory", list{1, "", "", id}, "b1"},
			{"editor", "wp.getTags", list{1, "", ""}, "[]"},
			{"editor", "wp.suggestCategories", list{1, "", "", "UNCAT", 5}, "[{category_id: i1, category_name: 'Uncategorized'}]"},
			{"editor", "wp.getCategories", list{1, "", ""}, "[{categoryId: i1, parentId: i0, description: 'Uncategorized', categoryDescription: '', " +
				"categoryName: 'Uncategorized', htmlUrl: 'https://blog.example/?cat=1', rssUrl: 'https://blog.example/?feed=rss2&amp;cat=1'}]"},
			{"editor", "wp.getTaxonomy", list{1, "", "", "nonsense"}, "fault 403"},
			{
				"editor", "wp.getTaxonomies",
				list{1, "", "", dict{"hierarchical": true}, list{}},
				"[{name: 'category', label: 'Categories', hierarchical: b1, public: b1, show_ui: b1, _builtin: b1}]",
			},
			{"editor", "wp.getTaxonomies", list{1, "", "", dict{"nonsense": true}}, "[]"},
		} {
			if got := b.answer(t, test.who, test.method, test.args...); got != test.want {
				t.Errorf("%s %v as %s: %s, want %s", test.method, test.args, test.who, got, test.want)
			}
		}
	})
}

func TestTagsInUse(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db)
		b.newPost(t, "author", dict{"title": "T", "mt_keywords": "Grün, blau,, grun ,"}, true)
		b.newPost(t, "author", dict{"title": "T", "mt_keywords": "draft only"}, false)
		tags := b.must(t, "author", "wp.getTags", 1, "", "")
		var got []string
		for _, v := range tags.Elements() {
			got = append(got, pick(v, "name", "slug", "count", "html_url", "rss_url"))
		}
		want := []string{
			"'blau' 'blau' i1 'https://blog.example/?tag=blau' 'https://blog.example/?feed=rss2&amp;tag=blau'",
			"'Grün' 'grun' i1 'https://blog.example/?tag=grun' 'https://blog.example/?feed=rss2&amp;tag=grun'",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("tags (-want +got):\n%s", diff)
		}
	})
}

// On a blog without posts two of the lists answer fault 500, as in WordPress.
// If there are only posts that the caller may not edit, they are empty.
func TestRecentPostsOfAnEmptyBlog(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db)
		check := func(state string, want map[string]string) {
			t.Helper()
			for who, want := range want {
				got := b.answer(t, who, "mt.getRecentPostTitles", 1, "", "", 5) + ", " + b.answer(t, who, "blogger.getRecentPosts", "k", 1, "", "", 5) +
					", " + b.answer(t, who, "metaWeblog.getRecentPosts", 1, "", "", 5)
				if got != want {
					t.Errorf("%s as %s: %s, want %s", state, who, got, want)
				}
			}
		}
		empty := map[string]string{
			"editor": "fault 500, fault 500, []", "contributor": "fault 500, fault 500, []", "subscriber": "fault 500, fault 401, fault 401",
		}
		check("an empty blog", empty)
		id := b.must(t, "editor", "wp.newPost", 1, "", "", dict{"post_title": "T"}).Text()
		check("a post of somebody else", map[string]string{"contributor": "[], [], []", "subscriber": "[], fault 401, fault 401"})
		b.must(t, "editor", "wp.deletePost", 1, "", "", id)
		check("a post in the trash", empty)
	})
}
