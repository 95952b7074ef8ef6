package wordpress_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/methods"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/xmlrpc"
)

// hidden is a blog whose administrator has posts and pages in every state in
// which others may not read them, with comments and files. Every hidden text
// contains the word.
type hidden struct {
	*endpoint
	word  string
	posts []int64
	files []int64
	notes []int64 // comments
}

func openHidden(t *testing.T, db *database.DB) *hidden {
	t.Helper()
	h := &hidden{endpoint: openEndpoint(t, db), word: "zebracode"}
	id := func(v xmlrpc.Value, fault int) int64 {
		t.Helper()
		var n int64
		if _, err := fmt.Sscan(v.Text(), &n); err != nil || fault != 0 {
			t.Fatalf("fault %d, %v: %s", fault, err, line(v))
		}
		return n
	}
	for _, kind := range []string{"post", "page"} {
		for _, status := range []string{"private", "draft", "pending", "future", "password", "trash"} {
			content := []any{"post_type", kind, "post_status", status, "post_title", h.word + " title", "post_content", h.word + " text", "post_excerpt", h.word + " excerpt", "comment_status", "open"}
			switch status {
			case "future":
				content = append(content, "post_status", "publish", "post_date", xmlrpc.DateTime("20350101T00:00:00"))
				content = slices.Delete(content, 2, 4)
			case "password":
				content = append(content, "post_status", "publish", "post_password", h.word+"pass")
				content = slices.Delete(content, 2, 4)
			case "trash":
				content = append(content, "post_status", "draft")
				content = slices.Delete(content, 2, 4)
			}
			post := id(h.as(t, "administrator", "wp.newPost", object(content...)))
			h.posts = append(h.posts, post)
			h.notes = append(h.notes, id(h.as(t, "administrator", "wp.newComment", xmlrpc.Int(post), object("content", fmt.Sprint(h.word, " comment on ", post)))))
			if status == "private" || status == "draft" {
				file := id(h.get(t, "wp.uploadFile", object("name", "a.txt", "type", "text/plain", "bits", xmlrpc.Bytes([]byte("x")), "post_id", int(post))).Get("id"), 0)
				must(t, exec(h, `UPDATE posts SET comment_status = 'open' WHERE id = $1`, file))
				h.files = append(h.files, file)
				h.notes = append(h.notes, id(h.as(t, "administrator", "wp.newComment", xmlrpc.Int(file), object("content", fmt.Sprint(h.word, " comment on the file of ", post)))))
			}
			if status == "trash" {
				h.get(t, "wp.deletePost", xmlrpc.Int(post))
			}
		}
	}
	return h
}

func exec(h *hidden, query string, args ...any) error {
	_, err := h.db.Exec(context.Background(), query, args...)
	return err
}

// For every reading method, every role and every state of a post, no answer
// contains anything hidden, whatever ids, filters, orders and words the call
// has.
func TestNothingHiddenIsAnswered(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := openHidden(t, db)
		must(t, exec(h, `UPDATE comments SET email = 'mail-of-commenter@example.net', ip = '192.0.2.77'`))
		open := h.get(t, "wp.newPost", object("post_title", "open", "post_status", "publish", "comment_status", "open"))
		h.get(t, "wp.newComment", xmlrpc.String(open.Text()), object("content", "for all"))
		must(t, exec(h, `UPDATE comments SET email = 'mail-of-commenter@example.net', ip = '192.0.2.77' WHERE content = 'for all'`))

		filters := []xmlrpc.Value{
			object("number", 1000, "status", "approve"),
			object("number", 1000, "s", h.word, "search", h.word),
			object("number", 1000, "post_status", "any,trash,auto-draft", "orderby", "title"),
			object("number", 1000, "post_type", "page", "post_status", "any,trash"),
			object("number", 1000, "post_type", "attachment"),
			object("number", 1000, "post_type", "revision", "post_status", "inherit"),
			object("number", 1000, "post_type", "post", "status", "approve"),
		}
		for _, id := range append(slices.Clone(h.posts), h.files...) {
			filters = append(filters, object("number", 1000, "post_id", int(id), "status", "approve", "parent_id", int(id)))
		}
		ids := slices.Concat(h.posts, h.files, h.notes)
		calls, seen := 0, 0
		for _, m := range methods.All() {
			if m.Effect != methods.Reads || m.Protocol || m.SignIn == methods.KeyOnly || m.SignIn == methods.CodeOnly {
				continue
			}
			for _, role := range []string{"author", "contributor", "subscriber", "", "editor"} {
				for _, args := range arguments(m, role, ids, filters, h.word) {
					v, fault := h.call(t, m.Name, args...)
					calls++
					answer := line(v)
					told := strings.Contains(answer, h.word)
					if told && role == "editor" {
						seen++
					}
					if fault == 0 && told && role != "editor" {
						t.Errorf("%s as %q with %s: %.300s", m.Name, role, line(xmlrpc.Array(args...)), answer)
					}
					if (role == "subscriber" || role == "") && (strings.Contains(answer, "mail-of-commenter") || strings.Contains(answer, "192.0.2.77")) {
						t.Errorf("%s as %q reveals who commented: %.300s", m.Name, role, answer)
					}
				}
			}
		}
		if calls < 500 || seen < 50 {
			t.Errorf("%d calls, and in %d of them an editor saw the texts: the test checks nothing", calls, seen)
		}
	})
}

// arguments returns calls of a method that the names of its parameters suggest.
func arguments(m *methods.Method, role string, ids []int64, filters []xmlrpc.Value, word string) (calls [][]xmlrpc.Value) {
	at := func(id int64, filter xmlrpc.Value) []xmlrpc.Value {
		var args []xmlrpc.Value
		for _, p := range m.Params {
			switch {
			case p.Name == "user":
				args = append(args, xmlrpc.String(role))
			case p.Name == "password":
				if role == "" {
					args = append(args, xmlrpc.String(""))
				} else {
					args = append(args, xmlrpc.String(role+"-password"))
				}
			case p.Name == "fields":
				args = append(args, array("post", "terms", "custom_fields", "enclosure", "all"))
			case p.Name == "taxonomy":
				args = append(args, xmlrpc.String("category"))
			case p.Name == "url":
				args = append(args, xmlrpc.String(fmt.Sprint("https://blog.example/?p=", id)))
			case p.Name == "text":
				args = append(args, xmlrpc.String(word))
			case p.Name == "number":
				args = append(args, xmlrpc.Int(1000))
			case p.Type == "struct":
				args = append(args, filter)
			case strings.HasSuffix(p.Name, "_id"):
				args = append(args, xmlrpc.Int(id))
			default:
				args = append(args, xmlrpc.Int(1))
			}
		}
		return args
	}
	byID, byFilter := false, false
	for _, p := range m.Params {
		byID = byID || strings.HasSuffix(p.Name, "_id") || p.Name == "url"
		byFilter = byFilter || p.Type == "struct"
	}
	switch {
	case byID:
		for _, id := range ids {
			calls = append(calls, at(id, filters[0]))
		}
	case byFilter:
		for _, f := range filters {
			calls = append(calls, at(0, f))
		}
	default:
		calls = append(calls, at(0, filters[0]))
	}
	return calls
}

// A search, an order, an offset or a limit reveals to a contributor nothing
// about a text that they may not read: their own post is where it would be if
// the other did not exist.
func TestSearchTellsNothing(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := openHidden(t, db)
		for _, who := range []string{"contributor", "author"} {
			own, fault := h.as(t, who, "wp.newPost", object("post_title", "own", "post_content", h.word+" text", "post_date", xmlrpc.DateTime("19900101T00:00:00")))
			if fault != 0 {
				t.Fatalf("fault %d", fault)
			}
			want := "['" + own.Text() + "']"
			ask := func(method string, args ...xmlrpc.Value) {
				t.Helper()
				v, fault := h.as(t, who, method, args...)
				var found []xmlrpc.Value
				for _, p := range v.Elements() {
					id := p.Get("post_id")
					if id.IsZero() {
						id = p.Get("postid")
					}
					found = append(found, xmlrpc.String(id.Text()))
				}
				if got := line(xmlrpc.Array(found...)); fault != 0 || got != want {
					t.Errorf("%s %s as %s: %s, fault %d; want their own %s", method, line(xmlrpc.Array(args...)), who, got, fault, want)
				}
			}
			for _, order := range []string{"date", "modified", "title", "ID", "name", "author", "comment_count", "menu_order", "parent"} {
				for _, direction := range []string{"ASC", "DESC"} {
					for _, number := range []int{1, 1000} {
						ask("wp.getPosts", object("number", number, "orderby", order, "order", direction, "post_status", "any,trash"), array("post_id"))
						ask("wp.getPosts", object("number", number, "orderby", order, "order", direction, "s", `"`+h.word+` text"`), array("post_id"))
					}
				}
			}
			ask("metaWeblog.getRecentPosts", xmlrpc.Int(1))
			ask("mt.getRecentPostTitles", xmlrpc.Int(1))
		}
	})
}

// More than a thousand objects of every kind are returned on request, or
// without a number if the method has none.
func TestListsAreWhole(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		e := openEndpoint(t, db)
		const most = 5100 // above all former limits of lists
		var page, first int64
		must(t, db.Get(t.Context(), &first, `SELECT COALESCE(MAX(id), 0) + 1000 FROM posts`))
		page = first + 2*most
		many(t, e, "posts (id, type, status, title, name, author, date, date_gmt, modified, modified_gmt)", most, func(i int64) []any {
			return []any{first + i, "post", "publish", "t", fmt.Sprint("p", i), 1, e.clock.Now(), e.clock.Now(), e.clock.Now(), e.clock.Now()}
		})
		many(t, e, "posts (id, type, status, title, name, author, date, date_gmt, modified, modified_gmt)", most, func(i int64) []any {
			return []any{page + i, "page", "publish", "t", fmt.Sprint("q", i), 1, e.clock.Now(), e.clock.Now(), e.clock.Now(), e.clock.Now()}
		})
		many(t, e, "posts (id, type, status, title, name, author, parent, date, date_gmt, modified, modified_gmt)", most, func(i int64) []any {
			return []any{first + 8*most + i, "revision", "inherit", "t", fmt.Sprint(first, "-revision-v1"), 1, first, e.clock.Now(), e.clock.Now(), e.clock.Now(), e.clock.Now()}
		})
		file := page + 2*most
		many(t, e, "posts (id, type, status, title, name, author, date, date_gmt, modified, modified_gmt)", most, func(i int64) []any {
			return []any{file + i, "attachment", "inherit", "t", fmt.Sprint("f", i), 1, e.clock.Now(), e.clock.Now(), e.clock.Now(), e.clock.Now()}
		})
		many(t, e, "attachments (post_id, file, original, size, width, height, sizes, image_meta)", most, func(i int64) []any {
			return []any{file + i, fmt.Sprint("2026/", i, ".txt"), "", 1, 0, 0, "{}", "{}"}
		})
		for kind, status := range map[string]string{"comment": "approve", "pingback": "approve", "trackback": "approve"} {
			many(t, e, "comments (post_id, status, type, author, url, content, date, date_gmt)", most, func(i int64) []any {
				return []any{first, status, kind, "a", "https://other.example/", "c", e.clock.Now(), e.clock.Now()}
			})
		}
		for _, taxonomy := range []string{site.Category, site.PostTag} {
			many(t, e, "terms (taxonomy, name, name_key, slug, count)", most, func(i int64) []any {
				name := fmt.Sprint("n", i)
				return []any{taxonomy, name, name, name, 1}
			})
		}
		many(t, e, "users (login, login_key, email, email_key, nicename, display_name, role, registered, password)", most, func(i int64) []any {
			name := fmt.Sprint("u", i)
			return []any{name, name, name, name, name, name, "author", e.clock.Now(), ""}
		})
		all := xmlrpc.Int(1 << 20)
		for _, test := range []struct {
			method string
			args   []xmlrpc.Value
		}{
			{"wp.getPosts", []xmlrpc.Value{object("number", 1<<20), array("post_id")}},
			{"wp.getPosts", []xmlrpc.Value{object("number", 1<<20, "post_type", "page"), array("post_id")}},
			{"wp.getPages", []xmlrpc.Value{all}},
			{"wp.getPageList", nil},
			{"wp.getRevisions", []xmlrpc.Value{xmlrpc.Int(first), array("post_id")}},
			{"metaWeblog.getRecentPosts", []xmlrpc.Value{all}},
			{"mt.getRecentPostTitles", []xmlrpc.Value{all}},
			{"wp.getMediaLibrary", nil},
			{"wp.getMediaLibrary", []xmlrpc.Value{object("number", 1<<20)}},
			{"wp.getComments", []xmlrpc.Value{object("number", 1<<20)}},
			{"wp.getTerms", []xmlrpc.Value{xmlrpc.String("category")}},
			{"wp.getTags", nil},
			{"wp.getCategories", nil},
			{"mt.getCategoryList", nil},
			{"wp.getUsers", []xmlrpc.Value{object("number", 1<<20)}},
			{"wp.getUsers", []xmlrpc.Value{object("number", 1<<20, "orderby", "post_count")}},
			{"wp.getAuthors", nil},
		} {
			if v := e.get(t, test.method, test.args...); v.Len() < most {
				t.Errorf("%s %s: %d, want %d at least", test.method, line(xmlrpc.Array(test.args...)), v.Len(), most)
			}
		}
		for method, arg := range map[string]xmlrpc.Value{
			"mt.getTrackbackPings": xmlrpc.Int(first), "pingback.extensions.getPingbacks": xmlrpc.String(fmt.Sprint("https://blog.example/?p=", first)),
		} {
			if v, fault := e.call(t, method, arg); v.Len() != most || fault != 0 {
				t.Errorf("%s: %d, fault %d; want %d", method, v.Len(), fault, most)
			}
		}
	})
}

// many inserts n rows.
func many(t *testing.T, e *endpoint, into string, n int64, row func(int64) []any) {
	t.Helper()
	must(t, e.db.Update(t.Context(), func(tx *database.Tx) error {
		for from := int64(0); from < n; from += 100 {
			var batch rows
			for i := from; i < min(from+100, n); i++ {
				batch.add(row(i)...)
			}
			if _, err := tx.Exec(t.Context(), "INSERT INTO "+into+" VALUES "+batch.marks, batch.args...); err != nil {
				return err
			}
		}
		return nil
	}))
}
