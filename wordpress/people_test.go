package wordpress_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/fetch"
	"github.com/quillgate/quillgate/pingback"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/site/sitetest"
	"github.com/quillgate/quillgate/transfer"
	"github.com/quillgate/quillgate/wordpress"
	"github.com/quillgate/quillgate/xmlrpc"
)

// people has a user for each role, with the name of the role. The password is
// the name followed by -pass-1234.
var people = []string{"administrator", "editor", "author", "contributor", "subscriber"}

// office is a blog and its endpoint.
type office struct {
	*site.Site
	db      *database.DB
	api     *wordpress.API
	pings   *pingback.Blog
	handler http.Handler
	clock   *databasetest.Clock
	remote  string // the client's address
}

func openOffice(t *testing.T, db *database.DB) *office {
	t.Helper()
	o := &office{db: db, clock: databasetest.NewClock(time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC)), remote: "127.0.0.1:999"}
	blog := sitetest.Open(t, db, sitetest.Config{Clock: o.clock.Now})
	o.Site = blog.Site
	o.pings = pingback.New(pingback.Config{Site: o.Site, Fetch: fetch.New(fetch.Config{UserAgent: "Office/1", Reach: 250 * time.Millisecond})})
	o.api = wordpress.New(wordpress.Config{Site: o.Site, Users: blog.Users, Apps: blog.Apps, Pings: o.pings})
	verifier := auth.New(auth.Config{Users: blog.Users, Apps: blog.Apps, Clock: o.clock.Now, ThrottleExempt: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}})
	var err error
	o.handler, err = xmlrpc.New(xmlrpc.Config[*auth.Request]{
		Methods:      o.api.Methods(),
		Fault:        o.api.Fault,
		Authenticate: func(r *http.Request) (xmlrpc.Check[*auth.Request], error) { return verifier.Begin(r) },
		SpoolDir:     databasetest.Folder(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	b := &transfer.Bundle{Options: map[string]any{"blog_title": "Office", "gmt_offset": 2}}
	for i, name := range people {
		b.Users = append(b.Users, auth.ImportUser{
			ID: int64(i + 1), Login: name, Password: name + "-pass-1234", Role: auth.Role(name), Email: name + "@office.example",
			FirstName: strings.ToUpper(name[:1]), Nickname: name, Nicename: name, DisplayName: "The " + name, RegisteredGMT: fmt.Sprintf("2023-12-%02d 08:00:00", i+1),
		})
	}
	for i, status := range []string{"publish", "publish", "draft", "private", "publish"} {
		b.Posts = append(b.Posts, transfer.BundlePost{
			ID: int64(i + 1), Type: "post", Status: status, Title: fmt.Sprintf("Post %d & more", i+1), Author: []int64{1, 3, 1, 1, 1}[i], CommentStatus: "open",
			Date: transfer.BundleTime{Time: o.clock.Now().AddDate(0, -1, i)}, Terms: []int64{1}, Password: []string{"", "", "", "", "sesame"}[i],
		})
	}
	for i, status := range []string{"approve", "hold", "spam", "trash", "approve"} {
		b.Comments = append(b.Comments, transfer.BundleComment{
			ID: int64(i + 1), Post: []int64{1, 1, 1, 1, 2}[i], Parent: []int64{0, 1, 0, 0, 0}[i], Status: status, Author: "Visitor", Email: "visitor@example.net",
			Content: fmt.Sprintf("Comment %d", i+1), Date: transfer.BundleTime{Time: o.clock.Now().AddDate(0, 0, i-20)},
		})
	}
	if _, err := transfer.New(o.Site).ImportBundle(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	return o
}

// post sends a call and returns the answer.
func (o *office) post(t *testing.T, body []byte) (xmlrpc.Value, error) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/xmlrpc.php", bytes.NewReader(body))
	r.RemoteAddr = o.remote
	r.Header.Set("Content-Type", "text/xml")
	r.Header.Set("User-Agent", "Test/1")
	w := httptest.NewRecorder()
	o.handler.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatalf("HTTP %d: %s", w.Code, w.Body)
	}
	return xmlrpc.DecodeResponse(w.Body.Bytes(), xmlrpc.Limits{})
}

// as calls a wp.* method as a user; "" is an anonymous caller.
func (o *office) as(t *testing.T, user, method string, args ...xmlrpc.Value) (xmlrpc.Value, error) {
	t.Helper()
	password := user + "-pass-1234"
	if user == "" {
		password = ""
	}
	params := append([]xmlrpc.Value{xmlrpc.Int(1), xmlrpc.String(user), xmlrpc.String(password)}, args...)
	if method == "wp.getUsersBlogs" {
		params = params[1:]
	}
	return o.post(t, xmlrpc.AppendCall(nil, method, params...))
}

// code returns the fault code of an error, 0 for nil, and -1 for an error that
// is not a fault.
func code(err error) int {
	var f *xmlrpc.Fault
	switch {
	case err == nil:
		return 0
	case errors.As(err, &f):
		return f.Code
	}
	return -1
}

// show formats a value in one line.
func show(v xmlrpc.Value) string {
	switch v.Kind() {
	case xmlrpc.KindArray:
		var list []string
		for _, e := range v.Elements() {
			list = append(list, show(e))
		}
		return "[" + strings.Join(list, ", ") + "]"
	case xmlrpc.KindStruct:
		var list []string
		for _, m := range v.Members() {
			list = append(list, m.Name+": "+show(m.Value))
		}
		return "{" + strings.Join(list, ", ") + "}"
	case xmlrpc.KindString:
		return fmt.Sprintf("%q", v.Text())
	}
	return v.Kind().String() + " " + v.Text()
}

func names(list ...string) xmlrpc.Value {
	values := make([]xmlrpc.Value, len(list))
	for i, n := range list {
		values[i] = xmlrpc.String(n)
	}
	return xmlrpc.Array(values...)
}

func members(pairs ...any) xmlrpc.Value {
	var list []xmlrpc.Member
	for i := 0; i < len(pairs); i += 2 {
		v, ok := pairs[i+1].(xmlrpc.Value)
		if !ok {
			v = xmlrpc.String(pairs[i+1].(string))
		}
		list = append(list, xmlrpc.M(pairs[i].(string), v))
	}
	return xmlrpc.Struct(list...)
}

// each runs the test on both databases.
func each(t *testing.T, fn func(t *testing.T, o *office)) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) { fn(t, openOffice(t, db)) })
}

// The fault codes of each method for each role; 0 means success.
func TestRoles(t *testing.T) {
	id := xmlrpc.Int
	tests := []struct {
		method string
		args   []xmlrpc.Value
		want   [5]int // administrator, editor, author, contributor, subscriber
	}{
		{"wp.getUsersBlogs", nil, [5]int{0, 0, 0, 0, 0}},
		{"wp.getProfile", nil, [5]int{0, 0, 0, 0, 0}},
		{"wp.editProfile", []xmlrpc.Value{members()}, [5]int{0, 0, 0, 0, 0}},
		{"wp.getUser", []xmlrpc.Value{id(3)}, [5]int{0, 401, 0, 401, 401}},
		{"wp.getUser", []xmlrpc.Value{id(999)}, [5]int{404, 401, 401, 401, 401}},
		{"wp.getUsers", nil, [5]int{0, 401, 401, 401, 401}},
		{"wp.getAuthors", nil, [5]int{0, 0, 0, 0, 401}},
		{"wp.getOptions", nil, [5]int{0, 0, 0, 0, 0}},
		{"wp.setOptions", []xmlrpc.Value{members()}, [5]int{0, 403, 403, 403, 403}},
		{"wp.getComment", []xmlrpc.Value{id(1)}, [5]int{0, 0, 403, 403, 403}},
		{"wp.getComment", []xmlrpc.Value{id(5)}, [5]int{0, 0, 0, 403, 403}}, // on the author's own post
		{"wp.getComment", []xmlrpc.Value{id(999)}, [5]int{404, 404, 404, 404, 404}},
		{"wp.getComments", nil, [5]int{0, 0, 401, 401, 401}},
		{"wp.getComments", []xmlrpc.Value{members("status", "approve")}, [5]int{0, 0, 0, 0, 0}},
		{"wp.getComments", []xmlrpc.Value{members("status", "spam")}, [5]int{0, 0, 401, 401, 401}},
		{"wp.getCommentCount", []xmlrpc.Value{id(1)}, [5]int{0, 0, 403, 403, 403}},
		{"wp.getCommentCount", []xmlrpc.Value{id(999)}, [5]int{404, 404, 404, 404, 404}},
		{"wp.getCommentStatusList", nil, [5]int{0, 0, 0, 403, 403}},
		{"wp.editComment", []xmlrpc.Value{id(1), members("content", "Comment 1")}, [5]int{500, 500, 403, 403, 403}}, // no change
		{"wp.deleteComment", []xmlrpc.Value{id(999)}, [5]int{404, 404, 404, 404, 404}},
		{"wp.newComment", []xmlrpc.Value{id(4), members("content", "Private.")}, [5]int{0, 0, 403, 403, 403}},
		{"wp.newComment", []xmlrpc.Value{id(5), members("content", "Behind a password.")}, [5]int{0, 0, 403, 403, 403}},
	}
	each(t, func(t *testing.T, o *office) {
		for _, test := range tests {
			var got [5]int
			for i, user := range people {
				_, err := o.as(t, user, test.method, test.args...)
				got[i] = code(err)
			}
			if got != test.want {
				t.Errorf("%s%v: fault codes %v, want %v", test.method, test.args, got, test.want)
			}
			if _, err := o.as(t, "", test.method, test.args...); code(err) != 403 {
				t.Errorf("%s of nobody: %v, want fault 403", test.method, err)
			}
		}
	})
}

func TestUserFields(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		for _, test := range []struct {
			name   string
			fields []xmlrpc.Value
			want   string
		}{
			{"none asked for", []xmlrpc.Value{names()}, `{user_id: "3"}`},
			{"some, one unknown", []xmlrpc.Value{names("roles", "shoe", "username")}, `{user_id: "3", username: "author", roles: ["author"]}`},
			{"basic", []xmlrpc.Value{names("basic")}, `{user_id: "3", username: "author", registered: dateTime.iso8601 20231203T08:00:00, email: "author@office.example", nicename: "author", display_name: "The author"}`},
			{"all", nil, `{user_id: "3", username: "author", first_name: "A", last_name: "", registered: dateTime.iso8601 20231203T08:00:00, bio: "", email: "author@office.example", nickname: "author", nicename: "author", url: "", display_name: "The author", roles: ["author"]}`},
		} {
			got, err := o.as(t, "author", "wp.getProfile", test.fields...)
			if err != nil || show(got) != test.want {
				t.Errorf("%s: %s, %v; want %s", test.name, show(got), err, test.want)
			}
		}
		// A single name is not a list; WordPress aborts there.
		for method, args := range map[string][]xmlrpc.Value{
			"wp.getProfile": {xmlrpc.String("basic")}, "wp.getUser": {xmlrpc.Int(3), xmlrpc.String("basic")}, "wp.getUsers": {members(), xmlrpc.String("basic")},
		} {
			if got, err := o.as(t, "administrator", method, args...); code(err) != 400 {
				t.Errorf("%s with one name for a list: %s, %v", method, show(got), err)
			}
		}
	})
}

func TestGetUsers(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		for _, test := range []struct {
			name, want string
			filter     xmlrpc.Value
		}{
			{"by login", "administrator author contributor editor subscriber", members()},
			{"number", "administrator author", members("number", xmlrpc.Int(2))},
			{"offset as text", "contributor editor", members("number", "2", "offset", "2")},
			{"number 0 is all", "administrator author contributor editor subscriber", members("number", xmlrpc.Int(0), "offset", xmlrpc.Int(2))},
			{"several orders", "administrator editor author contributor subscriber", members("orderby", "ID, display_name")},
			{"role", "editor", members("role", "editor")},
			{"authors", "administrator author contributor editor", members("who", "authors")},
			{"id, last first", "subscriber contributor author editor administrator", members("orderby", "ID", "order", "desc")},
			{"an order that is none", "subscriber editor contributor author administrator", members("orderby", "login", "order", "sideways")},
			{"by posts", "administrator author", members("orderby", "post_count", "order", "DESC", "number", xmlrpc.Int(2))},
			{"by posts, ascending", "author administrator", members("orderby", "post_count", "offset", xmlrpc.Int(3))},
			{"order by nothing known", "administrator author contributor editor subscriber", members("orderby", "height")},
		} {
			got, err := o.as(t, "administrator", "wp.getUsers", test.filter, names("username"))
			if err != nil {
				t.Errorf("%s: %v", test.name, err)
				continue
			}
			var logins []string
			for _, u := range got.Elements() {
				logins = append(logins, u.Get("username").Text())
			}
			if strings.Join(logins, " ") != test.want {
				t.Errorf("%s: %s, want %s", test.name, logins, test.want)
			}
		}
		if _, err := o.as(t, "administrator", "wp.getUsers", members("role", "king")); code(err) != 403 {
			t.Errorf("an unknown role: %v, want fault 403", err)
		}
	})
}

func TestEditProfile(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		edit := members("first_name", " <b>Al</b> & \n Co ", "bio", `A & "b" <script>x</script><em>c</em>`, "url", "javascript:alert(1)", "nickname", "", "display_name", "",
			"email", "root@office.example", "roles", names("administrator"), "password", "stolen-password", "username", "root")
		if _, err := o.as(t, "author", "wp.editProfile", edit); err != nil {
			t.Fatal(err)
		}
		got, err := o.as(t, "author", "wp.getProfile", names("first_name", "bio", "url", "nickname", "display_name", "email", "roles", "username"))
		want := `{user_id: "3", username: "author", first_name: "Al &amp; Co", bio: "A &amp; \"b\" x<em>c</em>", email: "author@office.example", nickname: "author", url: "", display_name: "author", roles: ["author"]}`
		if err != nil || show(got) != want {
			t.Errorf("profile %s, %v\nwant %s", show(got), err, want)
		}
	})
}

// An edit filters imported values. Names in addresses consist of plain letters,
// and their length is limited.
func TestEditProfileLeavesNothingUnfiltered(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		if _, err := o.db.Exec(t.Context(), `UPDATE users SET bio = 'This & "that"' WHERE id = 3`); err != nil {
			t.Fatal(err)
		}
		if _, err := o.as(t, "author", "wp.editProfile", members("nicename", "Ünal Große!")); err != nil {
			t.Fatal(err)
		}
		got, err := o.as(t, "author", "wp.getProfile", names("bio", "nicename"))
		if want := `{user_id: "3", bio: "This &amp; \"that\"", nicename: "unal-grose"}`; err != nil || show(got) != want {
			t.Errorf("profile %s, %v\nwant %s", show(got), err, want)
		}
		if _, err := o.as(t, "author", "wp.editProfile", members("nicename", strings.Repeat("x", 51))); code(err) != 500 {
			t.Errorf("a nicename of 51 letters: %v, want fault 500", err)
		}
	})
}

func TestSetOptions(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		for _, test := range []struct {
			name, want, stored string
			set                xmlrpc.Value
		}{
			{"title", `"A &amp; &quot;B&quot; &lt;i&gt; &copy;"`, "", members("blog_title", `A & "B" <i> &copy;`)},
			{"number changed", `int 120`, `"120"`, members("thumbnail_size_w", xmlrpc.Int(120))},
			{"number as text", `int 320`, `"320"`, members("medium_size_w", "-320px")},
			{"number that stays", `"150"`, "", members("thumbnail_size_h", xmlrpc.Int(150))},
			{"flag", `int 1`, `"1"`, members("users_can_register", xmlrpc.Bool(true))},
			{"closed", `"closed"`, "", members("default_ping_status", xmlrpc.Int(0))},
			{"tags", `"Y-m-d"`, "", members("date_format", "<b>Y</b>-m-d")},
			{"offset", `"-3.5"`, "", members("time_zone", "-3.5")},
			{"zone", `double 5.5`, "", members("time_zone", "Asia/Kolkata")},
			{"neither", `double 5.5`, "", members("time_zone", "Mars")},
			{"offset again", `"2"`, "", members("time_zone", xmlrpc.Int(2))},
		} {
			name := test.set.Members()[0].Name
			got, err := o.as(t, "administrator", "wp.setOptions", test.set)
			if value := show(got.Get(name).Get("value")); err != nil || value != test.want {
				t.Errorf("%s: answer %s, %v; want %s", test.name, value, err, test.want)
			}
			got, err = o.as(t, "editor", "wp.getOptions", xmlrpc.String(name))
			want := cmp.Or(test.stored, test.want)
			if value := show(got.Get(name).Get("value")); err != nil || value != want || !got.Get(name).Get("readonly").Bool() {
				t.Errorf("%s: then %s, %v; want %s, read only", test.name, value, err, want)
			}
		}
		got, err := o.as(t, "administrator", "wp.setOptions", members("software_name", "Other", "nonsense", "x", "blog_tagline", "t"))
		if err != nil || got.Len() != 2 || got.Get("software_name").Get("value").Text() != "WordPress" || !got.Get("software_name").Get("readonly").Bool() {
			t.Errorf("read-only and unknown options: %s, %v", show(got), err)
		}
	})
}

func TestGetOptionsTypes(t *testing.T) {
	o := openOffice(t, databasetest.Open(t, databasetest.SQLite(t)))
	all, err := o.as(t, "administrator", "wp.getOptions", names())
	if err != nil || all.Len() != 29 {
		t.Fatalf("%d options, %v; want 29", all.Len(), err)
	}
	for _, m := range all.Members() {
		want := xmlrpc.KindString
		if m.Name == "post_thumbnail" {
			want = xmlrpc.KindBool
		}
		if got := m.Value.Get("value").Kind(); got != want {
			t.Errorf("%s is a %v, want %v", m.Name, got, want)
		}
		if m.Value.Get("desc").Text() == "" {
			t.Errorf("%s has no description", m.Name)
		}
	}
	none, err := o.as(t, "administrator", "wp.getOptions", names("nonsense"))
	if err != nil || none.Kind() != xmlrpc.KindArray || none.Len() != 0 {
		t.Errorf("no known option: %s, %v; want an empty array", show(none), err)
	}
}

func TestCreateApplication(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		got, err := o.as(t, "author", "xmlrpcs.createApplication", xmlrpc.String(" My editor "))
		if err != nil {
			t.Fatal(err)
		}
		var parts []string
		for _, m := range got.Members() {
			parts = append(parts, m.Name)
		}
		slices.Sort(parts)
		if diff := gocmp.Diff([]string{"app", "key", "secret"}, parts); diff != "" || got.Get("app").Text() != "My editor" || len(got.Get("key").Text()) != 32 {
			t.Errorf("answer %s", show(got))
		}
		for name, err := range map[string]error{
			"blank name": second(o.as(t, "author", "xmlrpcs.createApplication", xmlrpc.String("  "))),
			"no name":    second(o.as(t, "author", "xmlrpcs.createApplication")),
		} {
			if code(err) != 400 {
				t.Errorf("%s: %v, want fault 400", name, err)
			}
		}
		nested, err := o.post(t, xmlrpc.AppendCall(nil, "system.multicall", xmlrpc.Array(members("methodName", "xmlrpcs.createApplication",
			"params", xmlrpc.Array(xmlrpc.Int(1), xmlrpc.String("author"), xmlrpc.String("author-pass-1234"), xmlrpc.String("Nested"))))))
		if err != nil || nested.Index(0).Get("faultCode").Int64() != 403 {
			t.Errorf("inside a multicall: %s, %v", show(nested), err)
		}
		for n := 1; n < apps.MaxPerUser; n++ {
			if _, err := o.as(t, "author", "xmlrpcs.createApplication", xmlrpc.String(fmt.Sprint("App ", n))); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := o.as(t, "author", "xmlrpcs.createApplication", xmlrpc.String("One more")); code(err) != 403 {
			t.Errorf("application %d: %v, want fault 403", apps.MaxPerUser+1, err)
		}
		o.remote = "192.0.2.1:999"
		if _, err := o.as(t, "editor", "xmlrpcs.createApplication", xmlrpc.String("Far away")); code(err) != 403 {
			t.Errorf("over an unencrypted connection: %v, want fault 403", err)
		}
	})
}

func second(_ xmlrpc.Value, err error) error { return err }

// What wp.newComment stores and returns, and the form of its refusals.
func TestNewComment(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		got, err := o.as(t, "editor", "wp.newComment", xmlrpc.String("2"), members("content", "0", "comment_parent", "5", "author", "Somebody"))
		if err != nil || got.Kind() != xmlrpc.KindInt {
			t.Fatalf("answer %s, %v; want an int", show(got), err)
		}
		got, err = o.as(t, "editor", "wp.getComment", got)
		want := `{date_created_gmt: dateTime.iso8601 20240301T12:00:00, user_id: "2", comment_id: "6", parent: "5", status: "approve", content: "0", ` +
			`link: "https://blog.example/?p=2#comment-6", post_id: "2", post_title: "Post 2 &#038; more", author: "The editor", author_url: "", ` +
			`author_email: "editor@office.example", author_ip: "127.0.0.1", type: "comment"}`
		if err != nil || show(got) != want {
			t.Errorf("stored %s, %v\nwant %s", show(got), err, want)
		}
		if _, err := o.as(t, "editor", "wp.newComment", xmlrpc.String("https://blog.example/?p=2"), members("content", "By address.")); err != nil {
			t.Errorf("by the address of the post: %v", err)
		}
		for _, test := range []struct {
			name, user string
			post       xmlrpc.Value
			content    xmlrpc.Value
			want       int
		}{
			{"blank", "editor", xmlrpc.Int(1), members("content", " "), 403},
			{"nothing", "editor", xmlrpc.Int(1), xmlrpc.Value{}, 403},
			{"no struct", "editor", xmlrpc.Int(1), xmlrpc.String("text"), 403},
			{"said before", "editor", xmlrpc.Int(2), members("content", "0", "comment_parent", xmlrpc.Int(5)), 403},
			{"no post", "editor", xmlrpc.Int(99), members("content", "x"), 404},
			{"post 0", "editor", xmlrpc.Int(0), members("content", "x"), 404},
			{"no number", "editor", xmlrpc.String("2nd"), members("content", "x"), 404},
			{"a private post", "contributor", xmlrpc.Int(4), members("content", "x"), 403},
			{"a protected post", "contributor", xmlrpc.Int(5), members("content", "x"), 403},
			{"somebody else's draft", "contributor", xmlrpc.Int(3), members("content", "x"), 0},
			{"an address that is none", "editor", xmlrpc.String("https://elsewhere.example/"), members("content", "x"), 404},
			{"first of two", "subscriber", xmlrpc.Int(1), members("content", "x"), 0},
			{"second at once", "subscriber", xmlrpc.Int(1), members("content", "y"), 403},
		} {
			if _, err := o.as(t, test.user, "wp.newComment", test.post, test.content); code(err) != test.want {
				t.Errorf("%s: %v, want fault %d", test.name, err, test.want)
			}
		}
	})
}

// The option can forbid comments to everyone. A wrong password is refused
// anyway.
func TestNewCommentOfNobody(t *testing.T) {
	o := openOffice(t, databasetest.Open(t, databasetest.SQLite(t)))
	content := members("content", "Anonymous.", "author", "A", "author_email", "a@example.net")
	if _, err := o.as(t, "", "wp.newComment", xmlrpc.Int(1), content); code(err) != 403 {
		t.Errorf("with the option off: %v, want fault 403", err)
	}
	if err := o.Options().Set(t.Context(), "anonymous_comments", "1"); err != nil {
		t.Fatal(err)
	}
	if got, err := o.as(t, "", "wp.newComment", xmlrpc.Int(1), content); err != nil || got.Int64() != 6 {
		t.Errorf("with the option on: %s, %v; want int 6", show(got), err)
	}
	if _, err := o.as(t, "stranger", "wp.newComment", xmlrpc.Int(1), members("content", "x", "author", "A", "author_email", "b@example.net")); code(err) != 403 {
		t.Errorf("with a password that is wrong: %v, want fault 403", err)
	}
}

func TestEditCommentOnTheWire(t *testing.T) {
	o := openOffice(t, databasetest.Open(t, databasetest.SQLite(t)))
	for _, test := range []struct {
		name string
		edit xmlrpc.Value
		want int
	}{
		{"status", members("status", "spam"), 0},
		{"status that is none", members("status", "fine"), 401},
		{"date in GMT without Z", members("date_created_gmt", xmlrpc.DateTime("20240203T04:05:06")), 0},
		{"the same date", members("date_created_gmt", xmlrpc.DateTime("2024-02-03T04:05:06Z")), 500},
		{"nothing", members(), 500},
		{"no struct", xmlrpc.Value{}, 500},
	} {
		if _, err := o.as(t, "administrator", "wp.editComment", xmlrpc.Int(2), test.edit); code(err) != test.want {
			t.Errorf("%s: %v, want fault %d", test.name, err, test.want)
		}
	}
	got, err := o.as(t, "administrator", "wp.getComment", xmlrpc.Int(2))
	if err != nil || got.Get("date_created_gmt").Text() != "20240203T04:05:06" || got.Get("status").Text() != "spam" {
		t.Errorf("then %s, %v", show(got), err)
	}
	counts, err := o.as(t, "administrator", "wp.getCommentCount", xmlrpc.Int(1))
	if want := "{approved: int 1, awaiting_moderation: int 0, spam: int 2, total_comments: int 3}"; err != nil || show(counts) != want {
		t.Errorf("counts %s, %v; want %s", show(counts), err, want)
	}
}
