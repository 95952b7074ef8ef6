package wordpress_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/xmlrpc"
)

const signIn = "<param><value>administrator</value></param><param><value>administrator-password</value></param>"

// raw sends a call with the blog, the user name, the password, and further
// parameters in XML.
func (e *endpoint) raw(t *testing.T, method, params string) xmlrpc.Value {
	t.Helper()
	return e.bare(t, method, "<param/>"+signIn+params)
}

// bare is raw for all parameters.
func (e *endpoint) bare(t *testing.T, method, params string) xmlrpc.Value {
	t.Helper()
	body := "<methodCall><methodName>" + method + "</methodName><params>" + params + "</params></methodCall>"
	w := httptest.NewRecorder()
	e.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "POST", "https://blog.example/xmlrpc.php", strings.NewReader(body)))
	v, err := xmlrpc.DecodeResponse(w.Body.Bytes(), xmlrpc.Limits{})
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return v
}

// Clients that fill in a template send <value/> for fields that their user left
// empty. Such a value counts as missing: an edit changes nothing, a filter
// ignores it, and the following arguments keep their positions.
func TestEmptyUntypedValueIsNotGiven(t *testing.T) {
	const none = "<value/>"
	member := func(name, value string) string {
		return "<member><name>" + name + "</name>" + value + "</member>"
	}
	content := func(members ...string) string {
		return "<param><value><struct>" + strings.Join(members, "") + "</struct></value></param>"
	}
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		e := openEndpoint(t, db)
		id := e.newPost(t, object("post_title", "Title", "post_content", "Text", "post_excerpt", "Short", "post_status", "publish", "post_name", "name", "comment_status", "open",
			"post_password", "secret", "terms_names", object("post_tag", array("a", "b"), "category", array("News")), "custom_fields", array(object("key", "k", "value", "v"))))
		post := func() any { return plain(e.get(t, "wp.getPost", id, array("post", "terms", "custom_fields"))) }
		before := post()
		same := func(what string) {
			t.Helper()
			if diff := cmp.Diff(before, post()); diff != "" {
				t.Errorf("%s (-before +after):\n%s", what, diff)
			}
		}
		text := "<param><value>" + id.Text() + "</value></param>"
		var members []string
		for _, name := range []string{
			"post_type", "post_status", "post_title", "post_content", "post_excerpt", "post_name", "post_author", "post_parent", "post_password", "comment_status",
			"ping_status", "sticky", "post_thumbnail", "custom_fields", "enclosure", "post_format", "terms", "terms_names", "post_date", "post_date_gmt", "if_not_modified_since",
		} {
			members = append(members, member(name, none))
		}
		e.raw(t, "wp.editPost", text+content(members...))
		same("wp.editPost")
		e.raw(t, "wp.editPost", text+content(member("terms", "<value><struct>"+member("category", "")+"</struct></value>"), member("terms_names", "<value><struct>"+member("post_tag", none)+"</struct></value>")))
		same("wp.editPost, taxonomies without terms")

		page := e.get(t, "wp.newPage", object("title", "Title", "description", "Text", "mt_excerpt", "Short", "wp_slug", "page", "wp_page_order", 3, "mt_allow_comments", 1), xmlrpc.Bool(true))
		of := func() any { return plain(e.get(t, "wp.getPost", page, array("post", "custom_fields"))) }
		pageBefore := of()
		e.bare(t, "wp.editPage", "<param/>"+"<param><value>"+page.Text()+"</value></param>"+signIn+content(member("title", none), member("description", none), member("mt_text_more", none),
			member("mt_excerpt", none), member("wp_slug", none), member("wp_password", none), member("wp_page_order", none), member("wp_page_parent_id", none), member("wp_page_template", none),
			member("mt_allow_comments", none), member("mt_allow_pings", none), member("wp_author_id", none), member("dateCreated", none), member("custom_fields", none))+"<param><value><boolean>1</boolean></value></param>")
		if diff := cmp.Diff(pageBefore, of()); diff != "" {
			t.Errorf("wp.editPage (-before +after):\n%s", diff)
		}

		e.bare(t, "blogger.editPost", "<param/>"+text+signIn+"<param/><param><value><boolean>1</boolean></value></param>")
		same("blogger.editPost without a text")

		term := e.get(t, "wp.newTerm", object("taxonomy", "category", "name", "Name", "slug", "slug", "description", "Words"))
		termBefore := plain(e.get(t, "wp.getTerm", xmlrpc.String("category"), term))
		e.raw(t, "wp.editTerm", "<param><value>"+term.Text()+"</value></param>"+content(member("taxonomy", "<value>category</value>"), member("name", none), member("slug", none), member("description", none), member("parent", none)))
		if diff := cmp.Diff(termBefore, plain(e.get(t, "wp.getTerm", xmlrpc.String("category"), term))); diff != "" {
			t.Errorf("wp.editTerm (-before +after):\n%s", diff)
		}

		e.get(t, "wp.setOptions", object("blog_tagline", "Words"))
		if got := e.raw(t, "wp.setOptions", content(member("blog_tagline", none), member("blog_title", "<value>New</value>"))); got.Len() != 1 {
			t.Errorf("wp.setOptions answers %v, want blog_title alone", plain(got))
		}
		if got := e.get(t, "wp.getOptions", array("blog_tagline")).Get("blog_tagline").Get("value").Text(); got != "Words" {
			t.Errorf("the tagline is %q", got)
		}
		if all, got := e.get(t, "wp.getOptions"), e.raw(t, "wp.getOptions", "<param>"+none+"</param>"); got.Len() != all.Len() {
			t.Errorf("wp.getOptions without names answers %d of %d options", got.Len(), all.Len())
		}
		if got := e.raw(t, "wp.getPost", text+"<param/>"); got.Len() != e.get(t, "wp.getPost", id).Len() {
			t.Errorf("wp.getPost without fields has %d members", got.Len())
		}
		if got := e.raw(t, "wp.getPosts", content(member("post_type", none), member("post_status", none), member("number", none), member("orderby", none), member("s", none))); got.Len() != e.get(t, "wp.getPosts").Len() {
			t.Errorf("wp.getPosts with an empty filter answers %d posts", got.Len())
		}
		if got := e.raw(t, "wp.getComments", content(member("post_type", none), member("status", none), member("number", none))); got.Kind() != xmlrpc.KindArray {
			t.Errorf("wp.getComments with an empty filter answers %v", plain(got))
		}
		if got := e.raw(t, "wp.getUsers", content(member("role", none), member("number", none), member("orderby", none))); got.Len() != e.get(t, "wp.getUsers").Len() {
			t.Errorf("wp.getUsers with an empty filter answers %d users", got.Len())
		}
		e.get(t, "wp.editProfile", object("bio", "Words"))
		e.raw(t, "wp.editProfile", content(member("bio", none), member("first_name", "<value>A</value>")))
		if got := e.get(t, "wp.getProfile").Get("bio").Text(); got != "Words" {
			t.Errorf("the bio is %q", got)
		}
	})
}

// A carriage return in a reference is a line break, like a plain one.
func TestLineEndsOfClients(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		e := openEndpoint(t, db)
		for _, lines := range []string{"one&#13;&#10;two", "one&#13;two", "one&#xD;\ntwo", "one\r\ntwo", "one\rtwo", "one&#x0000d;two"} {
			id := e.raw(t, "wp.newPost", "<param><value><struct><member><name>post_content</name><value><string>"+lines+"</string></value></member></struct></value></param>")
			if got := e.get(t, "wp.getPost", id).Get("post_content").Text(); got != "one\ntwo" {
				t.Errorf("%q: the text is %q", lines, got)
			}
		}
	})
}
