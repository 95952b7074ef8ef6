package wordpress_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/signature"
	"github.com/quillgate/quillgate/xmlrpc"
)

// signer is a key of a user for calls to an endpoint.
type signer struct {
	app    apps.App
	secret apps.Secret
}

// key creates a key for one of the users.
func (b *blog) key(t *testing.T, who string, in apps.New) signer {
	t.Helper()
	in.UserID, in.Name = b.ids[who], "Key of "+who
	app, secret, err := b.apps.Create(t.Context(), audit.Operator, in)
	must(t, err)
	return signer{app, secret}
}

// limited creates a key with some rights.
func (b *blog) limited(t *testing.T, who string, rights ...apps.Right) signer {
	t.Helper()
	return b.key(t, who, apps.New{Scope: apps.Scope{Rights: rights}})
}

// signed calls a method with a signature, over TLS.
func (b *blog) signed(t *testing.T, k signer, method string, args ...any) (xmlrpc.Value, *xmlrpc.Fault, http.Header) {
	t.Helper()
	params := make([]xmlrpc.Value, len(args))
	for i, arg := range args {
		params[i] = wire(arg)
	}
	body := xmlrpc.AppendCall(nil, method, params...)
	return b.send(t, body, signature.Sign(k.app.Public, k.secret.Reveal(), body))
}

// send posts a body, with an Authorization field unless it is empty.
func (b *blog) send(t *testing.T, body []byte, authorization string) (xmlrpc.Value, *xmlrpc.Fault, http.Header) {
	t.Helper()
	r := httptest.NewRequestWithContext(context.WithoutCancel(t.Context()), "POST", "https://blog.example/xmlrpc.php", bytes.NewReader(body))
	r.Header.Set("Content-Type", "text/xml")
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	if b.remote != "" {
		r.RemoteAddr, r.TLS = b.remote, nil
	}
	w := httptest.NewRecorder()
	b.ServeHTTP(w, r)
	v, err := xmlrpc.DecodeResponse(w.Body.Bytes(), xmlrpc.Limits{})
	if f := (*xmlrpc.Fault)(nil); errors.As(err, &f) {
		return v, f, w.Header()
	}
	must(t, err)
	return v, nil, w.Header()
}

// things are the objects that calls can be about, all of one user.
type things struct{ user, post, public, page, revision, comment, file, term int64 }

// scoped is a call that requires one of some rights of a key.
type scoped struct {
	method string
	rights []apps.Right
	args   func(x things) list
}

var (
	rPosts    = []apps.Right{apps.Read, apps.Draft, apps.Publish}
	rFiles    = []apps.Right{apps.Read, apps.Media}
	rTalk     = []apps.Right{apps.Read, apps.Comments}
	rPeople   = []apps.Right{apps.Read, apps.Users}
	rWrite    = []apps.Right{apps.Draft, apps.Publish}
	rPublish  = []apps.Right{apps.Publish}
	rMedia    = []apps.Right{apps.Media}
	rComments = []apps.Right{apps.Comments}
)

func plainArgs(things) list { return list{1, "", ""} }

// scopedCalls has at least one call of each method with a sign-in, except those
// that every key may call.
var scopedCalls = []scoped{
	{"wp.getUser", rPeople, func(x things) list { return list{1, "", "", x.user} }},
	{"wp.getUsers", rPeople, plainArgs},
	{"wp.getProfile", rPeople, plainArgs},
	{"wp.editProfile", []apps.Right{apps.Users}, func(x things) list { return list{1, "", "", dict{"bio": fmt.Sprint("Bio ", x.post)}} }},
	{"wp.getAuthors", rPosts, plainArgs},
	{"wp.newPost", rWrite, func(x things) list { return list{1, "", "", dict{"post_title": "T", "post_status": "draft"}} }},
	{"wp.newPost", rPublish, func(x things) list { return list{1, "", "", dict{"post_title": "T", "post_status": "publish"}} }},
	{"wp.newPost", rPublish, func(x things) list { return list{1, "", "", dict{"post_title": "T", "post_status": "private"}} }},
	{"wp.editPost", rWrite, func(x things) list { return list{1, "", "", x.post, dict{"post_title": "U"}} }},
	{"wp.editPost", rPublish, func(x things) list { return list{1, "", "", x.public, dict{"post_title": "U"}} }},
	{"wp.editPost", rPublish, func(x things) list { return list{1, "", "", x.post, dict{"post_status": "publish"}} }},
	{"wp.deletePost", rWrite, func(x things) list { return list{1, "", "", x.post} }},
	{"wp.deletePost", rPublish, func(x things) list { return list{1, "", "", x.public} }},
	{"wp.getPost", rPosts, func(x things) list { return list{1, "", "", x.post} }},
	{"wp.getPost", []apps.Right{apps.Read, apps.Publish}, func(x things) list { return list{1, "", "", x.public} }},
	{"metaWeblog.getPost", []apps.Right{apps.Read, apps.Publish}, func(x things) list { return list{x.public, "", ""} }},
	{"wp.getPosts", rPosts, plainArgs},
	{"wp.getRevisions", rPosts, func(x things) list { return list{1, "", "", x.post} }},
	{"wp.restoreRevision", rWrite, func(x things) list { return list{1, "", "", x.revision} }},
	{"wp.getPostFormats", rPosts, plainArgs},
	{"wp.getPostType", rPosts, func(things) list { return list{1, "", "", "post"} }},
	{"wp.getPostTypes", rPosts, plainArgs},
	{"wp.getPostStatusList", rPosts, plainArgs},
	{"wp.newTerm", rPublish, func(x things) list {
		return list{1, "", "", dict{"taxonomy": "category", "name": fmt.Sprint("T", x.post)}}
	}},
	{"wp.editTerm", rPublish, func(x things) list {
		return list{1, "", "", x.term, dict{"taxonomy": "category", "name": fmt.Sprint("U", x.post)}}
	}},
	{"wp.deleteTerm", rPublish, func(x things) list { return list{1, "", "", "category", x.term} }},
	{"wp.getTerm", rPosts, func(x things) list { return list{1, "", "", "category", x.term} }},
	{"wp.getTerms", rPosts, func(things) list { return list{1, "", "", "category"} }},
	{"wp.getTaxonomy", rPosts, func(things) list { return list{1, "", "", "category"} }},
	{"wp.getTaxonomies", rPosts, plainArgs},
	{"wp.getTags", rPosts, plainArgs},
	{"wp.newCategory", rPublish, func(x things) list { return list{1, "", "", dict{"name": fmt.Sprint("C", x.post)}} }},
	{"wp.deleteCategory", rPublish, func(x things) list { return list{1, "", "", x.term} }},
	{"wp.suggestCategories", rPosts, func(things) list { return list{1, "", "", "a", 5} }},
	{"wp.getPage", rPosts, func(x things) list { return list{1, x.page, "", ""} }},
	{"wp.getPages", rPosts, plainArgs},
	{"wp.newPage", rWrite, func(things) list { return list{1, "", "", dict{"title": "T", "page_status": "draft"}, false} }},
	{"wp.editPage", rWrite, func(x things) list { return list{1, x.page, "", "", dict{"title": "U", "page_status": "draft"}, false} }},
	{"wp.deletePage", rWrite, func(x things) list { return list{1, "", "", x.page} }},
	{"wp.getPageList", rPosts, plainArgs},
	{"wp.getPageStatusList", rPosts, plainArgs},
	{"wp.getPageTemplates", rPosts, plainArgs},
	{"wp.getComment", rTalk, func(x things) list { return list{1, "", "", x.comment} }},
	{"wp.getComments", rTalk, plainArgs},
	{"wp.deleteComment", rComments, func(x things) list { return list{1, "", "", x.comment} }},
	{"wp.editComment", rComments, func(x things) list { return list{1, "", "", x.comment, dict{"content": fmt.Sprint("On ", x.post)}} }},
	{"wp.newComment", rComments, func(x things) list { return list{1, "", "", x.post, dict{"content": fmt.Sprint("To ", x.post)}} }},
	{"wp.getCommentStatusList", rTalk, plainArgs},
	{"wp.getCommentCount", rTalk, func(x things) list { return list{1, "", "", x.post} }},
	{"wp.getOptions", []apps.Right{apps.Read, apps.Draft, apps.Publish, apps.Media, apps.Options}, plainArgs},
	{"wp.setOptions", []apps.Right{apps.Options}, func(x things) list { return list{1, "", "", dict{"blog_tagline": fmt.Sprint("T", x.post)}} }},
	{"wp.getMediaItem", rFiles, func(x things) list { return list{1, "", "", x.file} }},
	{"wp.getMediaLibrary", rFiles, plainArgs},
	{"wp.deleteFile", rMedia, func(x things) list { return list{1, "", "", x.file} }},
	{"metaWeblog.newMediaObject", rMedia, func(things) list { return list{1, "", "", dict{"name": "a.txt", "type": "text/plain", "bits": "text"}} }},
	{"blogger.getUserInfo", rPosts, func(things) list { return list{"", "", ""} }},
	{"blogger.getPost", rPosts, func(x things) list { return list{"x", x.post, "", ""} }},
	{"blogger.getRecentPosts", rPosts, func(things) list { return list{"x", 1, "", "", 5} }},
	{"blogger.newPost", rWrite, func(things) list { return list{"x", 1, "", "", "text", false} }},
	{"blogger.editPost", rWrite, func(x things) list { return list{"x", x.post, "", "", "text", false} }},
	{"blogger.deletePost", rWrite, func(x things) list { return list{"x", x.post, "", "", false} }},
	{"metaWeblog.newPost", rWrite, func(things) list { return list{1, "", "", dict{"title": "T"}, false} }},
	{"metaWeblog.newPost", rPublish, func(x things) list {
		return list{1, "", "", dict{"title": "T", "mt_keywords": fmt.Sprint("Fresh ", x.post)}, false}
	}},
	{"metaWeblog.editPost", rWrite, func(x things) list { return list{x.post, "", "", dict{"title": "U"}, false} }},
	{"metaWeblog.editPost", rPublish, func(x things) list {
		return list{x.post, "", "", dict{"title": "U", "mt_keywords": list{fmt.Sprint("Fresh ", x.post)}}, false}
	}},
	{"metaWeblog.getPost", rPosts, func(x things) list { return list{x.post, "", ""} }},
	{"metaWeblog.getRecentPosts", rPosts, plainArgs},
	{"metaWeblog.getCategories", rPosts, plainArgs},
	{"mt.getRecentPostTitles", rPosts, plainArgs},
	{"mt.getCategoryList", rPosts, plainArgs},
	{"mt.getPostCategories", rPosts, func(x things) list { return list{x.post, "", ""} }},
	{"mt.setPostCategories", rWrite, func(x things) list { return list{x.post, "", "", list{dict{"categoryId": x.term}}} }},
	{"mt.publishPost", rPublish, func(x things) list { return list{x.post, "", ""} }},
}

// free lists the methods that need no right of a key.
var free = []string{
	"wp.getUsersBlogs", "blogger.getUsersBlogs", "mt.supportedMethods", "mt.supportedTextFilters", "mt.getTrackbackPings",
	"pingback.ping", "pingback.extensions.getPingbacks", "xmlrpcs.createApplication", "xmlrpcs.introspect", "xmlrpcs.rotate", "xmlrpcs.revoke",
	"xmlrpcs.enrol", "system.multicall", "system.listMethods", "system.getCapabilities", "demo.sayHello", "demo.addTwoNumbers",
}

// aliases lists the second names of methods.
var aliases = []string{"wp.uploadFile", "metaWeblog.getUsersBlogs", "metaWeblog.deletePost", "wp.getCategories"}

func TestK9EveryMethodIsInTheMatrix(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		known := slices.Concat(free, aliases)
		for _, c := range scopedCalls {
			known = append(known, c.method)
		}
		for _, v := range openBlog(t, db).must(t, "", "system.listMethods").Elements() {
			if !slices.Contains(known, v.Text()) {
				t.Errorf("%s is not in the matrix of rights", v.Text())
			}
		}
	})
}

// make creates an object of each kind for a user, without checks.
func (b *blog) things(t *testing.T, who string) things {
	t.Helper()
	b.made++
	x := things{user: b.ids[who]}
	name := func(part string) string { return fmt.Sprintf("thing-%d-%s", b.made, part) }
	x.post = b.insert(t, preset{"post", "draft", false}, who, name("post"))
	x.public = b.insert(t, preset{"post", "publish", false}, who, name("public"))
	x.page = b.insert(t, preset{"page", "draft", false}, who, name("page"))
	x.file = b.insert(t, preset{"attachment", "inherit", false}, who, name("file"))
	x.revision = b.insert(t, preset{"revision", "inherit", false}, who, fmt.Sprintf("%d-revision-v%d", x.post, b.made))
	exec := func(query string, args ...any) {
		_, err := b.db.Exec(t.Context(), query, args...)
		must(t, err)
	}
	id := func(query, name string) (id int64) {
		must(t, b.db.Get(t.Context(), &id, query, name))
		return id
	}
	exec(`UPDATE posts SET parent = $1 WHERE id = $2`, x.post, x.revision)
	exec(`UPDATE posts SET mime_type = 'text/plain' WHERE id = $1`, x.file)
	exec(`INSERT INTO attachments (post_id, file) VALUES ($1, $2)`, x.file, name("file")+".txt")
	exec(`INSERT INTO comments (post_id, user_id, status, content, date, date_gmt) VALUES ($1, $2, 'approve', $3, $4, $4)`, x.post, x.user, name("comment"), b.clock.Now())
	exec(`INSERT INTO terms (taxonomy, name, name_key, slug) VALUES ('category', $1, $1, $1)`, name("term"))
	x.comment = id(`SELECT id FROM comments WHERE content = $1`, name("comment"))
	x.term = id(`SELECT id FROM terms WHERE slug = $1`, name("term"))
	return x
}

// content describes everything that a call could change.
func (b *blog) content(t *testing.T) (rows []string) {
	t.Helper()
	for _, table := range []struct{ name, columns string }{
		{"options", "name value"},
		{"posts", "id type status title name author content excerpt password parent comment_status ping_status mime_type sticky comment_count date date_gmt modified modified_gmt"},
		{"post_meta", "id post_id key value"},
		{"terms", "id taxonomy name slug parent description count"},
		{"term_meta", "id term_id key value"},
		{"post_terms", "post_id term_id"},
		{"comments", "id post_id parent user_id status author content date"},
		{"comment_meta", "id comment_id key value"},
		{"attachments", "post_id file"},
		{"users", "id login email nicename display_name nickname bio url role password"},
	} {
		var columns []string
		for _, c := range strings.Fields(table.columns) {
			columns = append(columns, `COALESCE(CAST(`+c+` AS TEXT), '-')`)
		}
		var part []string
		must(t, b.db.Select(t.Context(), &part, `SELECT `+strings.Join(columns, ` || '|' || `)+` FROM `+table.name+` ORDER BY 1`))
		for _, row := range part {
			rows = append(rows, table.name+": "+row)
		}
	}
	return rows
}

// K9: a key may do what both its user and its scope allow. The test tries every
// method with every role and every single right. A refused call changes
// nothing.
func TestK9Matrix(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db)
		for _, who := range everybody {
			t.Run(who, func(t *testing.T) { b.tryRights(t, who) })
		}
	})
}

func (b *blog) tryRights(t *testing.T, who string) {
	try := func(k signer, c scoped, x things) *xmlrpc.Fault {
		t.Helper()
		b.clock.Add(20 * time.Second) // comments need a pause between them
		_, fault, _ := b.signed(t, k, c.method, c.args(x)...)
		return fault
	}
	whole := b.limited(t, who)
	may := make([]bool, len(scopedCalls))
	for i, c := range scopedCalls {
		fault := try(whole, c, b.things(t, who))
		may[i] = fault == nil
		if fault != nil && (who == "administrator" || fault.Code != 401 && fault.Code != 403) {
			t.Errorf("%s with a whole key: %v", c.method, fault)
		}
	}
	keys := make(map[apps.Right]signer)
	for _, r := range apps.Rights() {
		keys[r] = b.limited(t, who, r)
	}
	x := b.things(t, who)
	before := b.content(t)
	for i, c := range scopedCalls {
		for _, r := range apps.Rights() {
			if may[i] && slices.Contains(c.rights, r) {
				continue
			}
			if fault := try(keys[r], c, x); fault == nil || fault.Code != 401 && fault.Code != 403 {
				t.Errorf("%s %v with the right %s: %v, want to be refused", c.method, line(wire(c.args(x))), r, fault)
			}
		}
	}
	if diff := cmp.Diff(before, b.content(t)); diff != "" {
		t.Errorf("refused calls have changed something:\n%s", diff)
	}
	for i, c := range scopedCalls {
		for _, r := range c.rights {
			if !may[i] {
				continue
			}
			if fault := try(keys[r], c, b.things(t, who)); fault != nil {
				t.Errorf("%s with the right %s: %v", c.method, r, fault)
			}
		}
	}
}

// K9: a key that may only read changes nothing, and one that may only draft
// makes nothing public, in any way.
func TestK9NothingPublic(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db)
		draft := b.limited(t, "administrator", apps.Draft)
		x := b.things(t, "administrator")
		public := func() (rows []string) {
			must(t, b.db.Select(t.Context(), &rows, `SELECT title || content || status || date FROM posts WHERE status IN ('publish', 'future', 'inherit') AND type <> 'revision' ORDER BY id`))
			return rows
		}
		before := public()
		for _, c := range []struct {
			method string
			args   list
		}{
			{"metaWeblog.newPost", list{1, "", "", dict{"title": "T"}, true}},
			{"metaWeblog.editPost", list{x.post, "", "", dict{"title": "T"}, true}},
			{"metaWeblog.editPost", list{x.public, "", "", dict{"title": "Changed"}, true}},
			{"blogger.newPost", list{"x", 1, "", "", "T", true}},
			{"blogger.editPost", list{"x", x.public, "", "", "Changed", true}},
			{"wp.newPage", list{1, "", "", dict{"title": "T"}, true}},
			{"wp.editPage", list{1, x.page, "", "", dict{"title": "T"}, true}},
			{"wp.newPost", list{1, "", "", dict{"post_title": "T", "post_status": "future", "post_date": date("20300101T00:00:00")}}},
			{"wp.newPost", list{1, "", "", dict{"post_title": "T", "post_status": "pending", "sticky": true}}},
			{"wp.deletePost", list{1, "", "", x.public}},
			{"wp.editPost", list{1, "", "", x.file, dict{"post_title": "Changed"}}},
			{"wp.deletePost", list{1, "", "", x.file}},
			{"mt.publishPost", list{x.post, "", ""}},
			{"mt.setPostCategories", list{x.public, "", "", list{dict{"categoryId": x.term}}}},
		} {
			b.signed(t, draft, c.method, c.args...)
			if diff := cmp.Diff(before, public()); diff != "" {
				t.Fatalf("%s %s has changed what readers see:\n%s", c.method, line(wire(c.args)), diff)
			}
		}
		media := b.limited(t, "administrator", apps.Media)
		if _, fault, _ := b.signed(t, media, "wp.deleteFile", 1, "", "", x.post); fault == nil {
			t.Error("the right to files has deleted a post")
		}
	})
}

// K9: a scope can list methods, by any of their names. Methods that need no
// right stay allowed.
func TestK9Methods(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db)
		k := b.key(t, "administrator", apps.New{Scope: apps.Scope{Methods: []string{"wp.getProfile", "metaWeblog.newMediaObject"}}})
		file := list{1, "", "", dict{"name": "a.txt", "type": "text/plain", "bits": "text"}}
		for _, c := range []struct {
			method string
			args   list
			ok     bool
		}{
			{"wp.getProfile", list{1, "", ""}, true},
			{"metaWeblog.newMediaObject", file, true},
			{"wp.uploadFile", file, true},
			{"wp.getPosts", list{1, "", ""}, false},
			{"wp.getUsersBlogs", list{"", ""}, false},
			{"mt.supportedMethods", nil, true},
			{"demo.sayHello", nil, true},
			{"xmlrpcs.introspect", nil, true},
			{"xmlrpcs.rotate", nil, false},
			{"xmlrpcs.revoke", nil, true},
		} {
			_, fault, _ := b.signed(t, k, c.method, c.args...)
			if c.ok != (fault == nil) || fault != nil && (fault.Code != 403 || !strings.Contains(fault.Message, c.method)) {
				t.Errorf("%s: %v, want ok %v", c.method, fault, c.ok)
			}
		}
	})
}

// K9, S11: one scope applies to all calls of a multicall, and each is checked
// separately. The text names the missing right.
func TestK9Multicall(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db)
		k := b.limited(t, "administrator", apps.Read)
		x := b.things(t, "administrator")
		before := b.content(t)
		call := func(method string, args ...any) dict { return dict{"methodName": method, "params": list(args)} }
		v, fault, _ := b.signed(t, k, "system.multicall", list{
			call("wp.getProfile", 1, "", ""),
			call("wp.deletePost", 1, "", "", x.post),
			call("wp.newPost", 1, "administrator", "administrator-password", dict{"post_title": "T"}),
			call("xmlrpcs.rotate"), call("xmlrpcs.revoke"),
			call("wp.getPost", 1, "", "", x.post),
		})
		if fault != nil {
			t.Fatal(fault)
		}
		var got []string
		for _, e := range v.Elements() {
			if e.Kind() == xmlrpc.KindArray {
				got = append(got, "ok")
			} else {
				got = append(got, fmt.Sprint(e.Get("faultCode").Int64()))
			}
		}
		if diff := cmp.Diff([]string{"ok", "403", "403", "403", "403", "ok"}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if text := v.Index(1).Get("faultString").Text(); !strings.Contains(text, "draft or publish") {
			t.Errorf("the words of the refusal: %q", text)
		}
		if diff := cmp.Diff(before, b.content(t)); diff != "" {
			t.Errorf("something has changed:\n%s", diff)
		}
	})
}

// K9: a changed role or scope applies to the next request.
func TestK9ChangesAtOnce(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db)
		k := b.limited(t, "editor", apps.Draft)
		newPage := func() int {
			_, fault, _ := b.signed(t, k, "wp.newPage", 1, "", "", dict{"title": "T"}, false)
			if fault == nil {
				return 0
			}
			return fault.Code
		}
		if code := newPage(); code != 0 {
			t.Errorf("a page of an editor: fault %d", code)
		}
		must(t, b.users.SetRole(t.Context(), audit.Operator, b.ids["editor"], auth.Author))
		if code := newPage(); code != 401 {
			t.Errorf("a page of a former editor: fault %d, want 401", code)
		}
		must(t, b.users.SetRole(t.Context(), audit.Operator, b.ids["editor"], auth.Editor))
		only := apps.Scope{Rights: []apps.Right{apps.Read}}
		if _, err := b.apps.Update(t.Context(), audit.Operator, b.ids["editor"], k.app.Public, apps.Change{Scope: &only}); err != nil {
			t.Fatal(err)
		}
		if code := newPage(); code != 403 {
			t.Errorf("a page with a key that may only read: fault %d, want 403", code)
		}
	})
}

// K9: a client can refresh its lists with a key that may publish posts and
// upload files, because it may read what it writes. A key that may only draft
// sees no public post in any list.
func TestK9FirstRefresh(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db)
		x := b.things(t, "author")
		refresh := []struct {
			method string
			args   list
		}{
			{"wp.getUsersBlogs", list{"", ""}},
			{"wp.getOptions", list{1, "", ""}},
			{"wp.getPostFormats", list{1, "", ""}},
			{"wp.getPostTypes", list{1, "", ""}},
			{"wp.getAuthors", list{1, "", ""}},
			{"metaWeblog.getCategories", list{1, "", ""}},
			{"mt.getCategoryList", list{1, "", ""}},
			{"wp.getTags", list{1, "", ""}},
			{"wp.getTaxonomies", list{1, "", ""}},
			{"wp.getTerms", list{1, "", "", "category"}},
			{"metaWeblog.getRecentPosts", list{1, "", "", 30}},
			{"wp.getPosts", list{1, "", ""}},
			{"mt.getRecentPostTitles", list{1, "", "", 30}},
			{"wp.getPost", list{1, "", "", x.public}},
			{"mt.getPostCategories", list{x.public, "", ""}},
			{"wp.getMediaLibrary", list{1, "", ""}},
			{"wp.getMediaItem", list{1, "", "", x.file}},
		}
		k := b.limited(t, "author", apps.Publish, apps.Media)
		for _, c := range refresh {
			if _, fault, _ := b.signed(t, k, c.method, c.args...); fault != nil {
				t.Errorf("%s: %v", c.method, fault)
			}
		}
		for _, method := range []string{"wp.getComments", "wp.getProfile", "wp.getUsers"} { // it writes none of these
			if _, fault, _ := b.signed(t, k, method, 1, "", ""); fault == nil || fault.Code != 403 {
				t.Errorf("%s: %v, want to be refused", method, fault)
			}
		}
		draft := b.limited(t, "administrator", apps.Draft)
		b.things(t, "administrator")
		for _, method := range []string{"wp.getPosts", "metaWeblog.getRecentPosts", "mt.getRecentPostTitles", "blogger.getRecentPosts", "wp.getPages", "wp.getPageList"} {
			args := list{1, "", ""}
			if method == "blogger.getRecentPosts" {
				args = list{"x", 1, "", "", 30}
			}
			v, fault, _ := b.signed(t, draft, method, args...)
			if fault != nil {
				t.Errorf("%s with a key that may draft: %v", method, fault)
			}
			for _, p := range v.Elements() {
				for _, member := range []string{"post_status", "page_status"} {
					if status := p.Get(member); status.Kind() == xmlrpc.KindString && status.Text() == "publish" {
						t.Errorf("%s shows a public post to a key that may draft: %s", method, line(p))
					}
				}
			}
		}
	})
}
