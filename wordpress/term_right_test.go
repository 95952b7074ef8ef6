package wordpress_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
)

// termMakers are all ways in which a call can name a category or tag that does
// not exist. The name is new; the post is a draft of the caller.
var termMakers = []struct {
	method string
	args   func(post int64, name string) list
	makes  bool   // a term for callers who may create one
	roles  string // a letter for each role from administrator to subscriber: y may
}{
	{"wp.newTerm", func(_ int64, name string) list {
		return list{1, "", "", dict{"taxonomy": "post_tag", "name": name}}
	}, true, "yynnn"},
	{"wp.newTerm", func(_ int64, name string) list {
		return list{1, "", "", dict{"taxonomy": "category", "name": name}}
	}, true, "yynnn"},
	{"wp.newCategory", func(_ int64, name string) list { return list{1, "", "", dict{"name": name}} }, true, "yynnn"},
	{"wp.newPost", func(_ int64, name string) list {
		return list{1, "", "", dict{"post_title": "T", "terms_names": dict{"post_tag": list{name}}}}
	}, true, "yynnn"},
	{"wp.newPost", func(_ int64, name string) list {
		return list{1, "", "", dict{"post_title": "T", "terms_names": dict{"category": list{name}}}}
	}, true, "yynnn"},
	{"wp.editPost", func(post int64, name string) list {
		return list{1, "", "", post, dict{"terms_names": dict{"post_tag": dict{"a": name}}}}
	}, true, "yynnn"},
	{"wp.editPost", func(post int64, name string) list {
		return list{1, "", "", post, dict{"terms_names": dict{"category": list{name}}}}
	}, true, "yynnn"},
	// In this dialect, WordPress allows everyone who may write a post to
	// create tags for it.
	{"metaWeblog.newPost", func(_ int64, name string) list {
		return list{1, "", "", dict{"title": "T", "mt_keywords": name}, false}
	}, true, "yyyyn"},
	{"metaWeblog.newPost", func(_ int64, name string) list {
		return list{1, "", "", dict{"title": "T", "mt_keywords": list{name}}, false}
	}, true, "yyyyn"},
	{"metaWeblog.editPost", func(post int64, name string) list {
		return list{post, "", "", dict{"title": "T", "mt_keywords": name}, false}
	}, true, "yyyyn"},
	{"metaWeblog.newPost", func(_ int64, name string) list {
		return list{1, "", "", dict{"title": "T", "categories": list{name}}, false}
	}, false, "yyyyn"},
	{"metaWeblog.editPost", func(post int64, name string) list {
		return list{post, "", "", dict{"title": "T", "categories": list{name}}, false}
	}, false, "yyyyn"},
	{"blogger.newPost", func(_ int64, name string) list {
		return list{"x", 1, "", "", "<category>" + name + "</category>text", false}
	}, false, "yyyyn"},
	{"blogger.editPost", func(post int64, name string) list {
		return list{"x", post, "", "", "<category>" + name + "</category>text", false}
	}, false, "yyyyn"},
	{"mt.setPostCategories", func(post int64, name string) list {
		return list{post, "", "", list{dict{"categoryName": name, "categoryId": name}}}
	}, false, "yyyyn"},
	{"wp.newPage", func(_ int64, name string) list {
		return list{1, "", "", dict{"title": "T", "mt_keywords": name, "categories": list{name}}, false}
	}, false, "yynnn"},
	{"wp.uploadFile", func(_ int64, name string) list {
		return list{1, "", "", dict{"name": "a.txt", "type": "text/plain", "bits": "x", "mt_keywords": name, "terms_names": dict{"post_tag": list{name}}}}
	}, false, "yyynn"},
}

// No call creates a term for callers who may not, by their role or by the scope
// of their key. A refused call changes no term, and no post that uses one.
func TestTermsNeedTheRightToCreateThem(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db)
		terms := func() (names []string) {
			must(t, db.Select(t.Context(), &names, `SELECT name FROM terms ORDER BY id`))
			return names
		}
		posts := func() (rows []string) {
			must(t, db.Select(t.Context(), &rows, `SELECT title || content || status FROM posts WHERE status <> 'auto-draft' ORDER BY id`))
			return rows
		}
		for r, who := range everybody {
			keys := map[string]signer{"a whole key": b.limited(t, who), "publish": b.limited(t, who, apps.Publish, apps.Media)}
			for _, narrow := range [][]apps.Right{{apps.Draft}, {apps.Read, apps.Draft, apps.Media}, {apps.Comments, apps.Users, apps.Options}} {
				keys[fmt.Sprint(narrow)] = b.limited(t, who, narrow...)
			}
			for i, m := range termMakers {
				for scope, k := range keys {
					name := fmt.Sprintf("Fresh %d %s %s", i, who, strings.Trim(scope, "[]"))
					post := b.insert(t, preset{"post", "draft", false}, who, name)
					before, written := terms(), posts()
					_, fault, _ := b.signed(t, k, m.method, m.args(post, name)...)
					label := fmt.Sprintf("%s as %s with %s", m.method, who, scope)
					if m.makes && m.roles[r] == 'y' && (scope == "a whole key" || scope == "publish") {
						if fault != nil || len(terms()) != len(before)+1 {
							t.Errorf("%s: %v, want one more term", label, fault)
						}
						continue
					}
					if m.makes && fault == nil || fault != nil && fault.Code != 401 && fault.Code != 403 {
						t.Errorf("%s: %v, want to be refused with 401 or 403", label, fault)
					}
					if diff := cmp.Diff(before, terms()); diff != "" {
						t.Errorf("%s has made terms:\n%s", label, diff)
					}
					if diff := cmp.Diff(written, posts()); diff != "" && fault != nil {
						t.Errorf("%s was refused and has changed posts:\n%s", label, diff)
					}
				}
			}
		}
	})
}

// A key that may draft can give its posts existing tags.
func TestDraftKeyUsesTagsThatAreThere(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db)
		b.must(t, "editor", "wp.newTerm", 1, "", "", dict{"taxonomy": "post_tag", "name": "Known"})
		draft := b.limited(t, "author", apps.Draft, apps.Read)
		id, fault, _ := b.signed(t, draft, "metaWeblog.newPost", 1, "", "", dict{"title": "T", "mt_keywords": "known"}, false)
		if fault != nil {
			t.Fatal(fault)
		}
		if got := pick(b.must(t, "author", "metaWeblog.getPost", id.Text(), "", ""), "mt_keywords"); got != "'Known'" {
			t.Errorf("the tags are %s, want 'Known'", got)
		}
		if _, fault, _ = b.signed(t, draft, "metaWeblog.newPost", 1, "", "", dict{"title": "T", "mt_keywords": "known, unknown"}, false); fault == nil || fault.Code != 401 ||
			!strings.Contains(fault.Message, "the right publish") {
			t.Errorf("a new tag: %v, want fault 401 that names the right", fault)
		}
	})
}
