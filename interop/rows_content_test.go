package interop

import (
	"fmt"
	"strings"
	"testing"
)

// row20: VimRepress omits the publish flag, Perl sends it as the int 1, and
// IFTTT puts the status into the struct. The iOS app schedules a post by its
// date alone, and expects to read a scheduled post as published.
func row20(t *testing.T, e *edge) {
	for _, test := range []struct{ name, content, flag, want string }{
		{"true", "", boolean("1"), "publish"},
		{"false", "", boolean("0"), "draft"},
		{"int", "", num("1"), "publish"},
		{"text", "", str("1"), "publish"},
		{"missing", "", "none", "draft"},
		{"empty", "", str(""), "draft"},
		{"zero", "", num("0"), "draft"},
		{"draft beside true", str("draft"), boolean("1"), "draft"},
		{"private beside true", str("private"), boolean("1"), "private"},
		{"publish beside false", str("publish"), boolean("0"), "publish"},
		{"pending", str("pending"), boolean("0"), "pending"},
	} {
		content := []string{"title", str("Flag"), "description", str("x")}
		if test.content != "" {
			content = append(content, "post_status", test.content)
		}
		values := []string{object(content...)}
		if test.flag != "none" {
			values = append(values, test.flag)
		}
		id := e.text(t, asAdmin("metaWeblog.newPost", values...))
		check(t, test.name, e.members(t, byID("metaWeblog.getPost", id), "post_status"), "string "+test.want)
	}
	id := e.text(t, asAdmin("metaWeblog.newPost", object("title", str("Later"), "date_created_gmt", when("20500101T10:00:00Z"), "post_status", str("publish"))))
	check(t, "scheduled", e.members(t, byID("metaWeblog.getPost", id), "post_status"), "string publish")
	check(t, "the newest scheduled post", e.ask(t, asAdmin("wp.getPosts", object("post_status", str("future")), list(str("post_title")))).I[0].show("post_id"), "string "+id)
	check(t, "page of a scheduled post", fmt.Sprint(pageStatus(t, e, id) == 200), "false")
}

func pageStatus(t *testing.T, e *edge, id string) int {
	t.Helper()
	r, _ := e.request(t, "GET", e.base+"/?p="+id, "")
	return r.status
}

// row21: org2blog and IFTTT send keywords as an array. An edit without keywords
// removes all of them; an edit without categories keeps the categories.
func row21(t *testing.T, e *edge) {
	for name, keywords := range map[string]string{"text": str("q1, q2"), "array": list(str("q1"), str("q2"))} {
		id := e.text(t, asAdmin("metaWeblog.newPost", object("title", str("K"), "mt_keywords", keywords, "categories", list(str("News"))), boolean("1")))
		get := byID("metaWeblog.getPost", id)
		check(t, name, e.members(t, get, "mt_keywords", "categories"), "string q1, q2, [News]")
		e.ask(t, byID("metaWeblog.editPost", id, object("title", str("K2"), "description", str("x")), boolean("1")))
		check(t, name+" edited without", e.members(t, get, "mt_keywords", "categories"), "string , [News]")
	}
}

// row22: Open Live Writer, KBlog, ScribeFire and weblogger write and read a post
// in two parts, before and after the more tag.
func row22(t *testing.T, e *edge) {
	id := e.text(t, asAdmin("metaWeblog.newPost", object("title", str("M"), "description", str("Head"), "mt_text_more", str("Tail")), boolean("1")))
	check(t, "joined", e.members(t, asAdmin("wp.getPost", str(id)), "post_content"), "string Head<!--more-->Tail")
	check(t, "split", e.members(t, byID("metaWeblog.getPost", id), "description", "mt_text_more"), "string Head, string Tail")
	e.ask(t, byID("metaWeblog.editPost", id, object("description", str("Kopf"), "mt_text_more", str("Schwanz")), boolean("1")))
	check(t, "edited", e.members(t, byID("metaWeblog.getPost", id), "description", "mt_text_more"), "string Kopf, string Schwanz")
	e.ask(t, byID("metaWeblog.editPost", id, object("description", str("All"), "mt_text_more", str("")), boolean("1")))
	check(t, "without more", e.members(t, byID("metaWeblog.getPost", id), "description", "mt_text_more"), "string All, string ")
}

// row23: Open Live Writer sends 0, 1 and 2; other clients send words.
func row23(t *testing.T, e *edge) {
	for value, want := range map[string]string{num("0"): "0", num("1"): "1", num("2"): "0", str("closed"): "0", str("open"): "1", str("1"): "1", str("0"): "0", str("2"): "0"} {
		id := e.text(t, asAdmin("metaWeblog.newPost", object("title", str("C"), "mt_allow_comments", value, "mt_allow_pings", value), boolean("1")))
		check(t, value, e.members(t, byID("metaWeblog.getPost", id), "mt_allow_comments", "mt_allow_pings"), "int "+want+", int "+want)
	}
}

// row26: the iOS app expects an empty array if there is no picture, and removes
// the picture with an empty string. The Android app removes it with 0.
func row26(t *testing.T, e *edge) {
	picture := e.upload(t, "row26.png", "image/png", testPicture(t)).M["id"].value()
	for _, clear := range []string{str(""), num("0"), str("0")} {
		id := e.newPost(t, "post_thumbnail", str(picture))
		get := asAdmin("wp.getPost", str(id))
		if v := e.ask(t, get).M["post_thumbnail"]; v.T != "struct" || v.show("attachment_id") != "string "+picture {
			t.Errorf("the picture that was set: a %s, %s", v.T, v.show("attachment_id"))
		}
		e.ask(t, asAdmin("wp.editPost", str(id), object("post_thumbnail", clear)))
		if v := e.ask(t, get).M["post_thumbnail"]; v.T != "array" || len(v.I) != 0 {
			t.Errorf("the picture after %s: a %s of %d members, want an empty array", clear, v.T, len(v.M))
		}
	}
	id := e.text(t, asAdmin("metaWeblog.newPost", object("title", str("T"), "wp_post_thumbnail", num(picture)), boolean("1")))
	check(t, "MetaWeblog", e.members(t, byID("metaWeblog.getPost", id), "wp_post_thumbnail"), "int "+picture)
	e.ask(t, byID("metaWeblog.editPost", id, object("wp_post_thumbnail", str("")), boolean("1")))
	check(t, "MetaWeblog, cleared", e.members(t, byID("metaWeblog.getPost", id), "wp_post_thumbnail"), "int 0")
}

// row27: rubypress sends an empty list of fields.
func row27(t *testing.T, e *edge) {
	names := func(fields string) string {
		m := e.ask(t, asAdmin("wp.getPost", num("2"), fields)).M
		var out []string
		for _, name := range []string{"post_id", "post_title", "post_date", "terms", "custom_fields", "nonsense"} {
			if m[name] != nil {
				out = append(out, name)
			}
		}
		return strings.Join(out, " ")
	}
	check(t, "none", names("<array><data></data></array>"), "post_id")
	check(t, "none, and no others", fmt.Sprint(len(e.ask(t, asAdmin("wp.getPost", num("2"), "<array><data/></array>")).M)), "1")
	check(t, "post", names(list(str("post"))), "post_id post_title post_date")
	check(t, "terms", names(list(str("terms"))), "post_id terms")
	check(t, "taxonomies", names(list(str("taxonomies"))), "post_id terms")
	check(t, "custom_fields", names(list(str("custom_fields"))), "post_id custom_fields")
	check(t, "unknown", names(list(str("nonsense"), str("post_title"))), "post_id post_title")
	user := func(fields string) string {
		return e.members(t, asAdmin("wp.getUser", num("3"), fields), "user_id", "username", "display_name", "email", "bio")
	}
	check(t, "basic", user(list(str("basic"))), "string 3, string author1, string Arthur Author, string author1@example.org, none")
	check(t, "bio", user(list(str("bio"))), `string 3, none, none, none, string Writes & "quotes".`)
}

// row28: the apps check whether someone else has edited the post.
func row28(t *testing.T, e *edge) {
	id := e.newPost(t)
	edit := func(since string) string {
		return asAdmin("wp.editPost", str(id), object("post_title", str("Edited"), "if_not_modified_since", when(since)))
	}
	check(t, "an old copy", fmt.Sprint(e.fault(t, edit("20010101T00:00:00Z"))), "409")
	check(t, "what an old copy changed", e.members(t, asAdmin("wp.getPost", str(id)), "post_title"), "string A post")
	check(t, "a new copy", fmt.Sprint(e.fault(t, edit("20990101T00:00:00Z"))), "0")
	check(t, "what a new copy changed", e.members(t, asAdmin("wp.getPost", str(id)), "post_title"), "string Edited")
}

// row29: the first deletion moves a post to the trash, the second deletes it, and
// the third finds no post. That holds for each name of the method.
func row29(t *testing.T, e *edge) {
	dialect := func(method, id string) string {
		return rpc(method, str(""), str(id), str(seedUser), str(seedPassword), boolean("1"))
	}
	for method, remove := range map[string]func(id string) string{
		"wp.deletePost":         func(id string) string { return asAdmin("wp.deletePost", str(id)) },
		"metaWeblog.deletePost": func(id string) string { return dialect("metaWeblog.deletePost", id) },
		"blogger.deletePost":    func(id string) string { return dialect("blogger.deletePost", id) },
		"blogger.deletePost of VimRepress": func(id string) string {
			return rpc("blogger.deletePost", str(""), str(id), str(seedUser), str(seedPassword), str(""))
		},
	} {
		id := e.newPost(t)
		get := asAdmin("wp.getPost", str(id))
		check(t, method+", first", e.text(t, remove(id)), "1")
		check(t, method+", after the first", e.members(t, get, "post_status"), "string trash")
		check(t, method+", second", e.text(t, remove(id)), "1")
		check(t, method+", after the second", fmt.Sprint(e.fault(t, get)), "404")
		check(t, method+", third", fmt.Sprint(e.fault(t, remove(id))), "404")
	}
}

// row30: clients branch on these fault codes. Code 405 means that XML-RPC is
// switched off in WordPress; this server has no such switch.
func row30(t *testing.T, e *edge) {
	old := e.newPost(t)
	for _, test := range []struct {
		name, body string
		want       int
	}{
		{"a wrong password", rpc("wp.getProfile", num("1"), str("admin"), str("wrong")), 403},
		{"nobody", rpc("wp.getProfile", num("1"), str(""), str("")), 403},
		{"may not", asUser("contrib1", "wp.newPost", object("post_title", str("x"), "post_status", str("publish"))), 401},
		{"another's post", asUser("author1", "wp.editPost", str(old), object("post_title", str("x"))), 401},
		{"no such post", asAdmin("wp.getPost", num("987654")), 404},
		{"no such page", rpc("wp.getPage", num("1"), num("987654"), str(seedUser), str(seedPassword)), 404},
		{"a conflict", asAdmin("wp.editPost", str(old), object("post_title", str("x"), "if_not_modified_since", when("20010101T00:00:00"))), 409},
		{"an empty post", asAdmin("metaWeblog.newPost", object("title", str(""), "description", str("")), boolean("1")), 500},
		{"a forbidden type of file", asAdmin("wp.uploadFile", object("name", str("evil.php"), "type", str("text/plain"), "bits", "<base64>PD9waHA=</base64>")), 500},
		{"too few arguments", rpc("wp.newPost", num("1"), str(seedUser)), 400},
		{"no such method", rpc("wp.getNothing"), -32601},
		{"no XML", "This is no XML.", -32700},
		{"half of the XML", `<?xml version="1.0"?><methodCall><methodName>demo.sayHello</methodName>`, -32700},
	} {
		check(t, test.name, fmt.Sprint(e.fault(t, test.body)), fmt.Sprint(test.want))
	}
}

// row31: Perl sends numbers where strings are expected, and the iOS app sends
// strings where numbers are. All clients send strings for booleans.
func row31(t *testing.T, e *edge) {
	id := e.newPost(t, "post_title", num("2024"), "post_content", "<double>1.5</double>", "sticky", str("1"), "post_author", str("3"))
	check(t, "numbers for texts", e.members(t, asAdmin("wp.getPost", str(id)), "post_title", "post_content", "sticky", "post_author"),
		"string 2024, string 1.5, boolean 1, string 3")
	id = e.newPost(t, "sticky", num("0"), "post_title", boolean("1"))
	check(t, "a flag for a text", e.members(t, asAdmin("wp.getPost", str(id)), "post_title", "sticky"), "string 1, boolean 0")
	paged := e.ask(t, asAdmin("wp.getUsers", object("number", str("1"), "offset", str("1"))))
	if len(paged.I) != 1 || paged.I[0].show("username") == "string admin" {
		t.Errorf("the second page of users has %d", len(paged.I))
	}
	if n := len(e.ask(t, asAdmin("metaWeblog.getRecentPosts", str("2"))).I); n != 2 {
		t.Errorf("two posts asked for by a text: %d", n)
	}
	if n := len(e.ask(t, asAdmin("wp.getPosts", object("number", "<double>3.0</double>"))).I); n != 3 {
		t.Errorf("three posts asked for by a double: %d", n)
	}
	check(t, "an unneeded argument", e.text(t, rpc("demo.sayHello", num("1"), str("more"))), "Hello!")
}

// row36: clients decode the entities in names, so the name that a user typed and
// the name that the client shows are the same.
func row36(t *testing.T, e *edge) {
	decode := strings.NewReplacer("&amp;", "&", "&#039;", "'", "&#39;", "'", "&quot;", `"`, "&lt;", "<", "&gt;", ">")
	name := `Müller's "Q & A" 世界`
	sent := strings.NewReplacer("&", "&amp;", "<", "&lt;").Replace(name)
	e.ask(t, asAdmin("wp.setOptions", object("blog_title", str(sent))))
	for method, arguments := range map[string][]string{"wp.getUsersBlogs": nil, "blogger.getUsersBlogs": {str("")}} {
		blogs := e.ask(t, rpc(method, append(arguments, str(seedUser), str(seedPassword))...))
		check(t, method, decode.Replace(blogs.I[0].M["blogName"].value()), name)
	}
	id := e.text(t, asAdmin("wp.newTerm", object("taxonomy", str("category"), "name", str(sent))))
	check(t, "term", decode.Replace(e.ask(t, asAdmin("wp.getTerm", str("category"), str(id))).M["name"].value()), name)
	post := e.text(t, asAdmin("metaWeblog.newPost", object("title", str("E"), "categories", list(str(sent))), boolean("1")))
	check(t, "category by its name", decode.Replace(e.members(t, byID("metaWeblog.getPost", post), "categories")), "["+name+"]")
	e.ask(t, asAdmin("wp.setOptions", object("blog_title", str("Oracle Blog"))))
}
