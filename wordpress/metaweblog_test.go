package wordpress_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/site"
)

// category creates a category and returns its id.
func (b *blog) category(t *testing.T, name string, parent int64) int64 {
	t.Helper()
	return b.must(t, "administrator", "wp.newCategory", 1, "", "", dict{"name": name, "parent_id": parent}).Int64()
}

func (b *blog) newPost(t *testing.T, who string, content dict, publish any) string {
	t.Helper()
	return b.must(t, who, "metaWeblog.newPost", 1, "", "", content, publish).Text()
}

func TestMetaWeblogStruct(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db)
		b.category(t, "News", 0)
		id := b.newPost(t, "editor", dict{
			"title": "T", "description": "Intro", "mt_text_more": "Rest", "mt_excerpt": "E", "mt_keywords": "b, a", "categories": list{"News"},
			"mt_allow_comments": 0, "mt_allow_pings": 1, "wp_slug": "a slug", "wp_password": "pw", "dateCreated": date("20240310T12:30:00"),
			"custom_fields": list{dict{"key": "k", "value": "v"}}, "enclosure": dict{"url": "http://x.example/a?b&c", "length": 5, "type": "audio/mpeg"},
			"wp_post_format": "aside",
		}, true)
		fields := b.must(t, "editor", "wp.getPost", 1, "", "", id, list{"custom_fields"}).Get("custom_fields")
		want := fmt.Sprintf("{dateCreated: d20240310T12:30:00, userid: '%[2]d', postid: i%[1]s, description: 'Intro', title: 'T', "+
			"link: 'https://blog.example/?p=%[1]s', permaLink: 'https://blog.example/?p=%[1]s', categories: ['News'], mt_excerpt: 'E', mt_text_more: 'Rest', "+
			"wp_more_text: '', mt_allow_comments: i0, mt_allow_pings: i1, mt_keywords: 'a, b', wp_slug: 'a-slug', wp_password: 'pw', wp_author_id: '%[2]d', "+
			"wp_author_display_name: 'editor', date_created_gmt: d20240310T10:30:00, post_status: 'publish', custom_fields: %[3]s, wp_post_format: 'aside', "+
			"sticky: b0, date_modified: d20260301T14:00:00, date_modified_gmt: d20260301T12:00:00, "+
			"enclosure: {url: 'http://x.example/a?b&amp;c', length: i5, type: 'audio/mpeg'}, wp_post_thumbnail: i0}", id, b.ids["editor"], line(fields))
		if diff := cmp.Diff(want, b.answer(t, "editor", "metaWeblog.getPost", id, "", "")); diff != "" {
			t.Errorf("getPost (-want +got):\n%s", diff)
		}
		recent := b.must(t, "editor", "metaWeblog.getRecentPosts", 1, "", "", 1).Index(0)
		if got := pick(recent, "postid", "enclosure"); got != "'"+id+"' ''" {
			t.Errorf("getRecentPosts has postid and enclosure %s, want a text and none", got)
		}
	})
}

func TestPublishFlag(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db)
		for _, test := range []struct {
			flag any // nil for none
			want string
		}{
			{true, "publish"},
			{false, "draft"},
			{1, "publish"},
			{0, "draft"},
			{"1", "publish"},
			{"0", "draft"},
			{"", "draft"},
			{"false", "publish"},
			{nil, "draft"},
		} {
			args := list{1, "", "", dict{"title": "T"}}
			if test.flag != nil {
				args = append(args, test.flag)
			}
			id := b.must(t, "author", "metaWeblog.newPost", args...).Text()
			if got := b.status(t, id); got != test.want {
				t.Errorf("flag %#v makes a %s, want %s", test.flag, got, test.want)
			}
			args[0] = id
			b.must(t, "author", "metaWeblog.editPost", args...)
			if got := b.status(t, id); got != test.want {
				t.Errorf("flag %#v turns it to %s, want %s", test.flag, got, test.want)
			}
		}
		for _, test := range []struct {
			status string
			flag   bool
			want   string
		}{
			{"pending", true, "pending"},
			{"private", false, "private"},
			{"publish", false, "publish"},
			{"draft", true, "draft"},
			{"nonsense", true, "publish"},
			{"future", false, "draft"},
			{"trash", true, "publish"},
		} {
			id := b.newPost(t, "editor", dict{"title": "T", "post_status": test.status}, test.flag)
			if got := b.status(t, id); got != test.want {
				t.Errorf("status %s with flag %v makes a %s, want %s", test.status, test.flag, got, test.want)
			}
		}
	})
}

func (b *blog) status(t *testing.T, id string) string {
	t.Helper()
	return b.must(t, "administrator", "wp.getPost", 1, "", "", id, list{"post_status"}).Get("post_status").Text()
}

func TestMetaWeblogEditKeepsWhatIsNotNamed(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db)
		b.category(t, "News", 0)
		b.category(t, "Sport", 0)
		id := b.newPost(t, "editor", dict{
			"title": "T", "description": "A", "mt_text_more": "B", "mt_excerpt": "E", "mt_keywords": list{"x", "y z"}, "categories": list{"News"},
			"mt_allow_comments": "closed", "wp_slug": "slug", "dateCreated": date("20240310T12:30:00Z"), "sticky": true,
		}, true)
		all := []string{"title", "description", "mt_text_more", "mt_excerpt", "mt_keywords", "categories", "mt_allow_comments", "wp_slug", "post_status", "dateCreated", "sticky"}
		for _, step := range []struct {
			name    string
			content dict
			want    string
		}{
			{"as made", nil, "'T' 'A' 'B' 'E' 'x, y z' ['News'] i0 'slug' 'publish' d20240310T14:30:00 b1"},
			{"without keywords", dict{}, "'T' 'A' 'B' 'E' '' ['News'] i0 'slug' 'publish' d20240310T14:30:00 b1"},
			{"title and keywords", dict{"title": "U", "mt_keywords": "x"}, "'U' 'A' 'B' 'E' 'x' ['News'] i0 'slug' 'publish' d20240310T14:30:00 b1"},
			{"body without rest", dict{"description": "C"}, "'U' 'C' '' 'E' '' ['News'] i0 'slug' 'publish' d20240310T14:30:00 b1"},
			{"rest alone", dict{"mt_text_more": "D"}, "'U' 'C' 'D' 'E' '' ['News'] i0 'slug' 'publish' d20240310T14:30:00 b1"},
			{"unknown category beside a known one", dict{"categories": list{"sport", "No such"}}, "'U' 'C' 'D' 'E' '' ['Sport'] i0 'slug' 'publish' d20240310T14:30:00 b1"},
			{"an empty list of categories", dict{"categories": list{}}, "'U' 'C' 'D' 'E' '' ['Sport'] i0 'slug' 'publish' d20240310T14:30:00 b1"},
			{"no known category", dict{"categories": list{"No such"}}, "'U' 'C' 'D' 'E' '' ['Uncategorized'] i0 'slug' 'publish' d20240310T14:30:00 b1"},
			{"comments and date", dict{"mt_allow_comments": 1, "dateCreated": date("20230101T00:00:00")}, "'U' 'C' 'D' 'E' '' ['Uncategorized'] i1 'slug' 'publish' d20230101T00:00:00 b1"},
			{"comments closed again", dict{"mt_allow_comments": 2}, "'U' 'C' 'D' 'E' '' ['Uncategorized'] i0 'slug' 'publish' d20230101T00:00:00 b1"},
			{"the blog's setting", dict{"mt_allow_comments": "perhaps", "dateCreated": "", "date_created_gmt": ""}, "'U' 'C' 'D' 'E' '' ['Uncategorized'] i1 'slug' 'publish' d20230101T00:00:00 b1"},
			{"GMT before local", dict{"dateCreated": date("20200101T00:00:00"), "date_created_gmt": date("20220101T00:00:00")}, "'U' 'C' 'D' 'E' '' ['Uncategorized'] i1 'slug' 'publish' d20220101T02:00:00 b1"},
			{"off the top", dict{"sticky": false, "mt_excerpt": "", "wp_slug": "other"}, "'U' 'C' 'D' '' '' ['Uncategorized'] i1 'other' 'publish' d20220101T02:00:00 b0"},
		} {
			if step.content != nil {
				b.must(t, "editor", "metaWeblog.editPost", id, "", "", step.content, true)
			}
			if got := pick(b.must(t, "editor", "metaWeblog.getPost", id, "", ""), all...); got != step.want {
				t.Errorf("%s:\n got %s\nwant %s", step.name, got, step.want)
			}
		}
	})
}

func TestMoreTag(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db)
		for _, test := range []struct{ body, want string }{
			{"A<!--more-->B", "'A' 'B' ''"},
			{"A<!--more Read on-->B", "'A' 'B' 'Read on'"},
			{"A\n\n<!--more-->\n\nB", "'A' 'B' ''"},
			{"A\n\nA2<!--more-->B<!--more-->C", "'A\n\nA2' 'B<!--more-->C' ''"},
			{"<!--more-->B", "'' 'B' ''"},
			{"A<!--MORE-->B", "'A<!--MORE-->B' '' ''"},
		} {
			id := b.newPost(t, "editor", dict{"title": "T", "description": test.body}, true)
			if got := pick(b.must(t, "editor", "metaWeblog.getPost", id, "", ""), "description", "mt_text_more", "wp_more_text"); got != test.want {
				t.Errorf("%q reads as %s, want %s", test.body, got, test.want)
			}
		}
	})
}

func TestDiscussion(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db)
		for _, test := range []struct {
			in   any
			want string
		}{
			{0, "i0"},
			{1, "i1"},
			{2, "i0"},
			{"0", "i0"},
			{"1", "i1"},
			{"2", "i0"},
			{"open", "i1"},
			{"closed", "i0"},
			{true, "i1"},
			{false, "i0"},
			{"", "i1"},
			{7, "i1"},
			{"perhaps", "i1"}, // the blog's default
		} {
			id := b.newPost(t, "editor", dict{"title": "T", "mt_allow_comments": test.in, "mt_allow_pings": test.in}, true)
			if got, want := pick(b.must(t, "editor", "metaWeblog.getPost", id, "", ""), "mt_allow_comments", "mt_allow_pings"), test.want+" "+test.want; got != want {
				t.Errorf("%#v makes %s, want %s", test.in, got, want)
			}
		}
	})
}

func TestMetaWeblogRefusals(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db)
		post := b.newPost(t, "editor", dict{"title": "T"}, true)
		page := b.must(t, "editor", "wp.newPage", 1, "", "", dict{"title": "P"}, true).Text()
		for _, test := range []struct {
			content dict
			want    string
		}{
			{dict{"title": "T", "post_type": "nonsense"}, "fault 401"},
			{dict{"title": "T", "post_type": "attachment"}, "fault 401"},
			{dict{"title": "T", "wp_author_id": 9999}, "fault 404"},
			{dict{"title": "T", "wp_author_id": 0}, "fault 404"},
			{dict{"title": "T", "post_status": "private", "sticky": true}, "fault 401"},
			{dict{"title": "T", "wp_password": "x", "sticky": true}, "fault 401"},
			{dict{"title": "T", "wp_post_format": "nonsense"}, "fault 404"},
			{dict{"title": "T", "wp_post_thumbnail": 9999}, "fault 404"},
			{dict{"title": "", "description": ""}, "fault 500"},
			{dict{"title": "T", "mt_keywords": strings.Repeat("a,", 100_000)}, "fault 400"},
			{dict{"title": "T", "post_type": "page", "wp_page_template": "nonsense"}, "fault 500"},
		} {
			if got := b.answer(t, "editor", "metaWeblog.newPost", 1, "", "", test.content, true); got != test.want {
				t.Errorf("newPost %v: %s, want %s", test.content, got, test.want)
			}
		}
		for _, test := range []struct {
			id      string
			content dict
			want    string
		}{
			{"9999", dict{"title": "T"}, "fault 404"},
			{"0", dict{"title": "T"}, "fault 404"},
			{post, dict{"post_type": "page"}, "fault 401"},
			{page, dict{"post_type": "post"}, "fault 401"},
			{page, dict{"post_type": "page", "title": "Q"}, "b1"},
			{post, dict{"title": "", "description": ""}, "fault 500"},
			{post, dict{"wp_post_format": "nonsense"}, "fault 404"},
			{post, dict{"wp_author_id": "", "wp_password": "", "wp_post_thumbnail": ""}, "b1"},
		} {
			if got := b.answer(t, "editor", "metaWeblog.editPost", test.id, "", "", test.content, true); got != test.want {
				t.Errorf("editPost %s %v: %s, want %s", test.id, test.content, got, test.want)
			}
		}
	})
}

// The rights of each role in the older dialects: a letter for each of
// administrator, editor, author, contributor and subscriber; y means that the
// call succeeds, n that it is fault 401 (403 for some methods).
func TestDialectRoles(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db)
		post := func(who string) string { return b.newPost(t, who, dict{"title": "T"}, false) }
		page := func(string) string {
			return b.must(t, "editor", "wp.newPage", 1, "", "", dict{"title": "P"}, true).Text()
		}
		published := func(string) string { return b.newPost(t, "editor", dict{"title": "T"}, true) }
		nothing := func(string) string { return "" }
		content := dict{"title": "T", "description": "x"}
		for _, test := range []struct {
			name   string
			target func(who string) string
			method string
			args   func(id string) list
			want   string
			code   string
		}{
			{"publish", nothing, "metaWeblog.newPost", func(string) list { return list{1, "", "", content, true} }, "yyynn", "401"},
			{"publish flag beside a draft", nothing, "metaWeblog.newPost", func(string) list {
				return list{1, "", "", dict{"title": "T", "post_status": "draft"}, true}
			}, "yyynn", "401"},
			{"publish by status", nothing, "metaWeblog.newPost", func(string) list {
				return list{1, "", "", dict{"title": "T", "post_status": "publish"}, false}
			}, "yyynn", "401"},
			{"draft", nothing, "metaWeblog.newPost", func(string) list { return list{1, "", "", content, false} }, "yyyyn", "401"},
			{"in another's name", nothing, "metaWeblog.newPost", func(string) list {
				return list{1, "", "", dict{"title": "T", "wp_author_id": b.ids["subscriber"]}, false}
			}, "yynnn", "401"},
			{"sticky", nothing, "metaWeblog.newPost", func(string) list {
				return list{1, "", "", dict{"title": "T", "sticky": true}, true}
			}, "yynnn", "401"},
			{"own draft off the top", post, "metaWeblog.editPost", func(id string) list {
				return list{id, "", "", dict{"title": "T", "sticky": false}, false}
			}, "yynn-", "401"},
			{"unknown format", nothing, "metaWeblog.newPost", func(string) list {
				return list{1, "", "", dict{"title": "T", "wp_post_format": "nonsense", "post_status": "publish"}, false}
			}, "---nn", "401"},
			{"tags are for all who write", nothing, "metaWeblog.newPost", func(string) list {
				return list{1, "", "", dict{"title": "T", "mt_keywords": "brand new"}, false}
			}, "yyyyn", "401"},
			{"page", nothing, "wp.newPage", func(string) list { return list{1, "", "", content, true} }, "yynnn", "401"},
			{"own draft", post, "metaWeblog.editPost", func(id string) list { return list{id, "", "", content, false} }, "yyyy-", "401"},
			{"own draft published", post, "metaWeblog.editPost", func(id string) list { return list{id, "", "", content, true} }, "yyyn-", "401"},
			{"another's post", published, "metaWeblog.editPost", func(id string) list { return list{id, "", "", content, true} }, "yynnn", "401"},
			{"another's post read", published, "metaWeblog.getPost", func(id string) list { return list{id, "", ""} }, "yynnn", "401"},
			{"another's categories", published, "mt.getPostCategories", func(id string) list { return list{id, "", ""} }, "yynnn", "401"},
			{"another's categories set", published, "mt.setPostCategories", func(id string) list { return list{id, "", "", list{}} }, "yynnn", "401"},
			{"own draft published by Movable Type", post, "mt.publishPost", func(id string) list { return list{id, "", ""} }, "yyyn-", "401"},
			{"another's post deleted", published, "metaWeblog.deletePost", func(id string) list { return list{"", id, "", "", true} }, "yynnn", "401"},
			{"Blogger publish", nothing, "blogger.newPost", func(string) list { return list{"", 1, "", "", "x", true} }, "yyynn", "401"},
			{"Blogger draft", nothing, "blogger.newPost", func(string) list { return list{"", 1, "", "", "x", false} }, "yyyyn", "401"},
			{"Blogger edit", published, "blogger.editPost", func(id string) list { return list{"", id, "", "", "x", true} }, "yynnn", "401"},
			{"Blogger own draft published", post, "blogger.editPost", func(id string) list { return list{"", id, "", "", "x", true} }, "yyyy-", "401"},
			{"user info", nothing, "blogger.getUserInfo", func(string) list { return list{"key", "", ""} }, "yyyyn", "401"},
			{"recent posts", nothing, "metaWeblog.getRecentPosts", func(string) list { return list{1, "", "", 5} }, "yyyyn", "401"},
			{"recent titles", nothing, "mt.getRecentPostTitles", func(string) list { return list{1, "", "", 5} }, "yyyyy", "401"},
			{"recent Blogger posts", nothing, "blogger.getRecentPosts", func(string) list { return list{"", 1, "", "", 5} }, "yyyyn", "401"},
			{"categories", nothing, "metaWeblog.getCategories", func(string) list { return list{1, "", ""} }, "yyyyn", "401"},
			{"category list", nothing, "mt.getCategoryList", func(string) list { return list{1, "", ""} }, "yyyyn", "401"},
			{"tags", nothing, "wp.getTags", func(string) list { return list{1, "", ""} }, "yyyyn", "401"},
			{"suggestions", nothing, "wp.suggestCategories", func(string) list { return list{1, "", "", "u", 5} }, "yyyyn", "401"},
			{"new category", nothing, "wp.newCategory", func(string) list { return list{1, "", "", dict{"name": "C"}} }, "yynnn", "401"},
			{"unknown category deleted", nothing, "wp.deleteCategory", func(string) list { return list{1, "", "", 9999} }, "nnnnn", "401"},
			{"page read", page, "wp.getPage", func(id string) list { return list{1, id, "", ""} }, "yynnn", "401"},
			{"page edited", page, "wp.editPage", func(id string) list { return list{1, id, "", "", content, true} }, "yynnn", "401"},
			{"page deleted", page, "wp.deletePage", func(id string) list { return list{1, "", "", id} }, "yynnn", "401"},
			{"pages", nothing, "wp.getPages", func(string) list { return list{1, "", ""} }, "yynnn", "401"},
			{"page list", nothing, "wp.getPageList", func(string) list { return list{1, "", ""} }, "yynnn", "401"},
			{"page statuses", nothing, "wp.getPageStatusList", func(string) list { return list{1, "", ""} }, "yynnn", "403"},
			{"page templates", nothing, "wp.getPageTemplates", func(string) list { return list{1, "", ""} }, "yynnn", "403"},
		} {
			for i, who := range []string{"administrator", "editor", "author", "contributor", "subscriber"} {
				if test.want[i] == '-' {
					continue
				}
				got := b.answer(t, who, test.method, test.args(test.target(who))...)
				if refused := got == "fault "+test.code; refused != (test.want[i] == 'n') || strings.HasPrefix(got, "fault") && !refused {
					t.Errorf("%s as %s: %.80s, want %q of %s", test.name, who, got, test.want[i], test.want)
				}
			}
		}
	})
}

// The number of statements does not depend on the number of posts.
func TestRecentPostsStatements(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db)
		for i := range 100 {
			who := roleOf(i)
			if _, err := db.Exec(t.Context(), `INSERT INTO posts (type, status, title, name, author, content, date, date_gmt, modified, modified_gmt)
				VALUES ('post', 'publish', 'T', $1, $2, 'x', $3, $3, $3, $3)`, fmt.Sprint("p", i), b.ids[who], b.clock.Now().AddDate(0, 0, -i)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := db.Exec(t.Context(), `INSERT INTO post_terms (post_id, term_id) SELECT p.id, t.id FROM posts p, terms t`); err != nil {
			t.Fatal(err)
		}
		for _, test := range []struct {
			method string
			args   func(n int) list
			most   int64
		}{
			// The posts, their terms and custom fields, the names
			// of the authors, the options, and the use of the
			// signature.
			{"metaWeblog.getRecentPosts", func(n int) list { return list{1, "", "", n} }, 6},
			{"blogger.getRecentPosts", func(n int) list { return list{"", 1, "", "", n} }, 4},
			{"mt.getRecentPostTitles", func(n int) list { return list{1, "", "", n} }, 3},
		} {
			var used []int64
			for _, n := range []int{100, 10, 100} { // the first fills the caches
				before := db.Statements()
				if got := b.must(t, "editor", test.method, test.args(n)...); got.Len() != n {
					t.Fatalf("%s answers %d posts, want %d", test.method, got.Len(), n)
				}
				used = append(used, db.Statements()-before)
			}
			if used[1] != used[2] || used[2] > test.most {
				t.Errorf("%s takes %d statements for 10 posts and %d for 100, want the same number, at most %d", test.method, used[1], used[2], test.most)
			}
		}
	})
}

func roleOf(i int) string { return []string{"administrator", "editor", "author", "contributor"}[i%4] }

// A scheduled post appears as published, except in the list of titles.
func TestScheduledPost(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db)
		id := b.newPost(t, "author", dict{"title": "T", "date_created_gmt": date("20360310T12:30:00"), "post_status": "publish"}, true)
		if got, want := pick(b.must(t, "author", "metaWeblog.getPost", id, "", ""), "post_status", "dateCreated"), "'publish' d20360310T14:30:00"; got != want {
			t.Errorf("getPost: %s, want %s", got, want)
		}
		titles := b.must(t, "author", "mt.getRecentPostTitles", 1, "", "")
		if got := pick(titles.Index(0), "post_status"); got != "'"+site.StatusFuture+"'" {
			t.Errorf("getRecentPostTitles: %s, want 'future'", got)
		}
	})
}
