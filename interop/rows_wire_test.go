package interop

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// row01: every client reads faults only with status 200. The Android app refuses
// an answer without an XML declaration, the iOS app one with another content
// type, and Ruby's library one with another status.
func row01(t *testing.T, e *edge) {
	for name, body := range map[string]string{
		"success":          rpc("demo.sayHello"),
		"a wrong password": rpc("wp.getUsersBlogs", str("admin"), str("wrong")),
		"no such method":   rpc("wp.unheardOf"),
		"no XML":           "<methodCall><methodName>demo.sayHello",
		"too few":          rpc("wp.getPost", num("1")),
	} {
		r := e.post(t, body)
		if r.status != 200 || r.contentType != "text/xml; charset=UTF-8" || !bytes.HasPrefix(r.body, []byte("<?xml")) {
			t.Errorf("%s: HTTP %d, %s, %.40q", name, r.status, r.contentType, r.body)
		}
		if want := map[bool]string{true: "ok", false: "fault"}[name == "success"]; r.outcome != want {
			t.Errorf("%s: %s, want %s", name, r, want)
		}
	}
}

// signedBy returns the Authorization header that html2wordpress1 sends.
func signedBy(body string) string {
	inner := sha256.Sum256([]byte(seedSecret + body))
	outer := sha256.Sum256([]byte(seedSecret + hex.EncodeToString(inner[:])))
	return seedPublic + "||" + hex.EncodeToString(outer[:])
}

// row02: rubypress and html2wordpress1 send all arguments in one array.
func row02(t *testing.T, e *edge) {
	rubypress := `<?xml version="1.0" ?><methodCall><methodName>wp.getPost</methodName><params><param><value><array><data>` +
		`<value><i4>0</i4></value><value><string>admin</string></value><value><string>admin-pass-1234</string></value><value><i4>1</i4></value>` +
		`<value><array><data><value><string>post</string></value></data></array></value></data></array></value></param></params></methodCall>
`
	check(t, "rubypress", e.members(t, rubypress, "post_id", "post_title"), "string 1, string First post")
	html2wordpress := `<?xml version="1.0"?><methodCall><methodName>wp.newPost</methodName><params><param><value><array><data>` +
		`<value><int></int></value><value><string></string></value><value><string></string></value><value><struct>` +
		`<member><name>post_title</name><value><string>From a page</string></value></member>` +
		`<member><name>post_date</name><value><dateTime.iso8601>20240229T12:34:56Z</dateTime.iso8601></value></member>` +
		`</struct></value></data></array></value></param></params></methodCall>`
	id := e.ask(t, html2wordpress, "Authorization", signedBy(html2wordpress)).value()
	check(t, "html2wordpress1", e.members(t, asAdmin("wp.getPost", str(id)), "post_title", "post_date_gmt"),
		"string From a page, dateTime.iso8601 20240229T12:34:56")
}

// row03: curl declares the body as a form; other clients send no content type.
func row03(t *testing.T, e *edge) {
	for _, kind := range []string{"application/x-www-form-urlencoded", "", "text/xml;charset=utf-8", "text/xml; charset=\"utf-8\"", "application/xml", "text/plain", "multipart/form-data; boundary=x", "nonsense"} {
		body := asAdmin("wp.newPost", object("post_title", str("a=b&amp;c+d%20e;f")))
		var headers []string
		if kind != "" {
			headers = []string{"Content-Type", kind}
		}
		r, _ := e.request(t, "POST", e.endpoint, body, headers...)
		if r.outcome != "ok" {
			t.Errorf("content type %q: %s", kind, r)
			continue
		}
		check(t, "title sent as "+kind, e.members(t, asAdmin("wp.getPost", str(r.result.value())), "post_title"), "string a=b&c+d%20e;f")
	}
}

// row04: KBlog omits the value element in a param, org2blog in a member.
func row04(t *testing.T, e *edge) {
	kblog := `<?xml version="1.0" encoding="UTF-8"?><methodCall><methodName>metaWeblog.newPost</methodName><params>` +
		`<param><value><string><![CDATA[1]]></string></value></param><param><value><string><![CDATA[admin]]></string></value></param>` +
		`<param><value><string><![CDATA[admin-pass-1234]]></string></value></param><param><struct>` +
		`<member><name>description</name><value><string><![CDATA[<p>Text & more</p>]]></string></value></member>` +
		`<member><name>title</name><value><string><![CDATA[By KBlog]]></string></value></member>` +
		`<member><name>dateCreated</name><value><dateTime.iso8601>20240229T10:00:00</dateTime.iso8601></value></member>` +
		`<member><name>mt_keywords</name><value><string><![CDATA[k1,k2]]></string></value></member>` +
		`<member><name>categories</name><value><array><data></data></array></value></member></struct></param>` +
		`<param><value><boolean>0</boolean></value></param></params></methodCall>`
	id := e.text(t, kblog)
	check(t, "KBlog", e.members(t, byID("metaWeblog.getPost", id), "title", "description", "mt_keywords", "post_status"),
		"string By KBlog, string <p>Text & more</p>, string k1, k2, string draft")
	org2blog := `<?xml version="1.0" encoding="utf-8"?>
<methodCall>
  <methodName>metaWeblog.newMediaObject</methodName>
  <params>
    <param>
      <value>0</value>
    </param>
    <param>
      <value>admin</value>
    </param>
    <param>
      <value>admin-pass-1234</value>
    </param>
    <param>
      <value>
        <struct>
          <member>
            <name>name</name>
            <value>org.txt</value>
          </member>
          <member>
            <name>type</name>
            <value>text/plain</value>
          </member>
          <member>
            <name>bits</name>
            <base64>VGV4dCBvZiBPcmc=
</base64>
          </member>
          <member>
            <name>overwrite</name>
            <value>t</value>
          </member>
        </struct>
      </value>
    </param>
  </params>
</methodCall>`
	file, _ := e.request(t, "GET", e.ask(t, org2blog).M["url"].value(), "")
	check(t, "org2blog's file", string(file.body), "Text of Org")
}

// row05: org2blog writes nil in place of a member; python-wordpress-xmlrpc and
// GNOME Blog write it as a value.
func row05(t *testing.T, e *edge) {
	body := asAdmin("metaWeblog.newPost", "<struct><member><name>title</name><value>Org</value></member><nil/>"+
		"<member><name>description</name><value>text</value></member>\n  <nil/>\n</struct>", boolean("1"))
	id := e.text(t, body)
	check(t, "nil between members", e.members(t, byID("metaWeblog.getPost", id), "title", "description"), "string Org, string text")
	id = e.newPost(t, "post_excerpt", "<nil/>", "post_content", str("kept"), "post_format", "<nil/>", "post_thumbnail", "<nil></nil>")
	check(t, "nil as a value", e.members(t, asAdmin("wp.getPost", str(id)), "post_excerpt", "post_content", "post_format"),
		"string , string kept, string standard")
	check(t, "nil for the filter", fmt.Sprint(len(e.ask(t, asAdmin("wp.getPosts", "<nil/>", "<nil/>")).I) > 0), "true")
}

// row06: libraries write the same call in different ways.
func row06(t *testing.T, e *edge) {
	for name, body := range map[string]string{
		"no declaration (alexejk)":           `<methodCall><methodName>demo.sayHello</methodName><params></params></methodCall>`,
		"blank lines, no params (aXMLRPC)":   "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\n\n<methodCall><methodName>demo.sayHello</methodName></methodCall>",
		"empty params (node)":                `<?xml version="1.0"?><methodCall><methodName>demo.sayHello</methodName><params/></methodCall>`,
		"CR LF (xmlrpc-c)":                   "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<methodCall>\r\n<methodName>demo.sayHello</methodName>\r\n<params>\r\n</params>\r\n</methodCall>\r\n",
		"blanks in the name (Emacs)":         "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<methodCall>\n  <methodName>demo.sayHello</methodName>\n  <params>\n  </params>\n</methodCall>\n",
		"CDATA in the name (ScribeFire)":     `<?xml version="1.0"?><methodCall><methodName><![CDATA[demo.sayHello]]></methodName><params></params></methodCall>`,
		"single quotes in the declaration":   `<?xml version='1.0' encoding='utf-8' standalone='yes'?><methodCall><methodName>demo.sayHello</methodName></methodCall>`,
		"a comment and an instruction (XML)": `<?xml version="1.0"?><?pi x?><!-- c --><methodCall><!-- c --><methodName>demo.sayHello</methodName></methodCall>`,
	} {
		if r := e.post(t, body); r.outcome != "ok" || r.result.value() != "Hello!" {
			t.Errorf("%s: %s", name, r)
		}
	}
	scribefire := `<?xml version="1.0"?><methodCall><methodName><![CDATA[metaWeblog.newPost]]></methodName><params><param><value><string><![CDATA[1]]></string></value></param>` +
		`<param><value><string><![CDATA[admin]]></string></value></param><param><value><string><![CDATA[admin-pass-1234]]></string></value></param><param><value><struct>` +
		`<member><name><![CDATA[title]]></name><value><string><![CDATA[A <b> & ]]>]]&gt;<![CDATA[ c]]></string></value></member>` +
		`<member><name><![CDATA[dateCreated]]></name><value><dateTime.iso8601>20240229T12:00:00Z</dateTime.iso8601></value></member></struct></value></param>` +
		`<param><value><boolean>true</boolean></value></param></params></methodCall>`
	id := e.text(t, scribefire)
	check(t, "ScribeFire", e.members(t, byID("metaWeblog.getPost", id), "title", "dateCreated", "post_status"),
		"string A <b> & ]]> c, dateTime.iso8601 20240229T14:00:00, string publish")
	id = e.newPost(t, "post_title", str("Gr&#252;&#223;e &#38; &#x4e16;&#30028; &#128640;"), "post_content", "<string>a\r\nb</string>")
	check(t, "references (iOS, hieu-le)", e.members(t, asAdmin("wp.getPost", str(id)), "post_title", "post_content"), "string Grüße & 世界 🚀, string a\nb")
	spaced := strings.NewReplacer("><", ">\r\n\t<").Replace(asAdmin("wp.getPost", "<i4> 1 </i4>", list(str("post_title"))))
	check(t, "white space everywhere", e.members(t, spaced, "post_title"), "string First post")
}

// row07: hand-written clients and Emacs omit types; html2wordpress1 sends an
// empty int as the id of the blog.
func row07(t *testing.T, e *edge) {
	id := e.newPost(t, "post_title", "iVBORw0KGgo=", "post_content", "  two  blanks  ", "post_excerpt", "20240229T12:00:00", "post_password", "")
	check(t, "untyped texts", e.members(t, asAdmin("wp.getPost", str(id)), "post_title", "post_content", "post_excerpt"),
		"string iVBORw0KGgo=, string   two  blanks  , string 20240229T12:00:00")
	check(t, "untyped ids", e.members(t, rpc("wp.getPost", "", "admin", "admin-pass-1234", "1"), "post_title"), "string First post")
	for _, empty := range []string{"<int></int>", "<int/>", "<i4></i4>"} {
		check(t, "blog "+empty, fmt.Sprint(e.fault(t, rpc("wp.getPostFormats", empty, str(seedUser), str(seedPassword)))), "0")
		check(t, "the post of "+empty, fmt.Sprint(e.fault(t, asAdmin("wp.getPost", empty))), "404")
	}
}

// row08: Open Live Writer sends every id as a string. As the id of the blog, the
// iOS app sends 0 and VimRepress sends ”.
func row08(t *testing.T, e *edge) {
	for _, blog := range []string{str(""), num("0"), str("0"), num("1"), str("1"), num("77"), str("any"), "", num("-1")} {
		for _, id := range []string{num("1"), str("1"), "<i4>1</i4>", "1"} {
			body := rpc("wp.getPost", blog, str(seedUser), str(seedPassword), id)
			check(t, "blog "+blog+" post "+id, e.members(t, body, "post_title"), "string First post")
		}
	}
	category := e.text(t, asAdmin("wp.newCategory", object("name", str("Row 8"), "parent_id", str("2"))))
	for _, id := range []string{num(category), str(category)} {
		post := e.newPost(t, "terms", object("category", list(id)))
		check(t, "category "+id, e.members(t, byID("metaWeblog.getPost", post), "categories"), "[Row 8]")
		check(t, "author and categories", e.text(t, byID("mt.setPostCategories", post, list(object("categoryId", id)))), "1")
	}
}

// row09: the Android app ignores the id of a new post if it is not a string, and
// the id of a new comment if it is not an int. KBlog reads the first <string>.
func row09(t *testing.T, e *edge) {
	title := "post_title"
	post := e.newPost(t, "comment_status", str("open"))
	comment := e.text(t, asAdmin("wp.newComment", num(post), object("content", str("Row nine."))))
	for _, test := range []struct{ name, body, want string }{
		{"wp.newPost", asAdmin("wp.newPost", object(title, str("x"))), `<value><string>\d+</string></value>`},
		{"metaWeblog.newPost", asAdmin("metaWeblog.newPost", object("title", str("x")), boolean("1")), `<value><string>\d+</string></value>`},
		{"wp.newPage", asAdmin("wp.newPage", object("title", str("x")), boolean("1")), `<value><string>\d+</string></value>`},
		{"wp.newTerm", asAdmin("wp.newTerm", object("name", str("Row 9"), "taxonomy", str("category"))), `<value><string>\d+</string></value>`},
		{"wp.newComment", asAdmin("wp.newComment", num("2"), object("content", str("Row 9."))), `<value><int>\d+</int></value>`},
		{"wp.newCategory", asAdmin("wp.newCategory", object("name", str("Row nine"))), `<value><int>\d+</int></value>`},
		{"wp.editPost", asAdmin("wp.editPost", str(post), object(title, str("y"))), `<value><boolean>1</boolean></value>`},
		{"metaWeblog.editPost", byID("metaWeblog.editPost", post, object("title", str("z")), boolean("1")), `<value><boolean>1</boolean></value>`},
		{"mt.setPostCategories", byID("mt.setPostCategories", post, list(object("categoryId", str("2")))), `<value><boolean>1</boolean></value>`},
		{"wp.editComment", asAdmin("wp.editComment", num(comment), object("content", str("Changed."))), `<value><boolean>1</boolean></value>`},
		{"wp.deleteComment", asAdmin("wp.deleteComment", num(comment)), `<value><boolean>1</boolean></value>`},
		{"wp.deletePost", asAdmin("wp.deletePost", str(post)), `<value><boolean>1</boolean></value>`},
		{"blogger.deletePost", rpc("blogger.deletePost", str("key"), str(post), str(seedUser), str(seedPassword), boolean("1")), `<value><boolean>1</boolean></value>`},
	} {
		r := e.post(t, test.body)
		found := regexp.MustCompile(`<value>\s*<\w+>[^<]*</\w+>\s*</value>`).Find(r.body)
		if !regexp.MustCompile("^" + test.want + "$").Match(found) {
			t.Errorf("%s: the first value is %s, want %s", test.name, found, test.want)
		}
	}
}

// readers are calls whose answers together contain every kind of value that the
// server sends.
func readers() []string {
	return []string{
		rpc("wp.getUsersBlogs", str(seedUser), str(seedPassword)), asAdmin("wp.getProfile"), asAdmin("wp.getUsers"), asAdmin("wp.getAuthors"),
		asAdmin("wp.getPosts", object("number", num("50"))), asAdmin("wp.getPosts", object("post_type", str("page"))), asAdmin("wp.getPost", num("1")),
		asAdmin("metaWeblog.getRecentPosts", num("50")), byID("metaWeblog.getPost", "1"), rpc("blogger.getRecentPosts", str(""), str(""), str(seedUser), str(seedPassword), num("50")),
		asAdmin("mt.getRecentPostTitles", num("50")), asAdmin("metaWeblog.getCategories"), asAdmin("mt.getCategoryList"), byID("mt.getPostCategories", "2"),
		asAdmin("wp.getPages"), asAdmin("wp.getPageList"), asAdmin("wp.getPageTemplates"), asAdmin("wp.getPageStatusList"),
		asAdmin("wp.getTerms", str("category")), asAdmin("wp.getTags"), asAdmin("wp.getTaxonomies"), asAdmin("wp.getTaxonomy", str("category")),
		asAdmin("wp.getComments"), asAdmin("wp.getCommentCount", num("1")), asAdmin("wp.getCommentStatusList"),
		asAdmin("wp.getOptions"), asAdmin("wp.getMediaLibrary"), asAdmin("wp.getPostFormats", object("show-supported", boolean("1"))), asAdmin("wp.getPostTypes"),
		asAdmin("wp.getPostStatusList"), asAdmin("wp.getRevisions", num("1")), rpc("system.listMethods"), rpc("system.getCapabilities"), rpc("mt.supportedTextFilters"),
		rpc("system.multicall", list(object("methodName", str("demo.sayHello"), "params", "<array><data></data></array>"), object("methodName", str("wp.none"), "params", "<array><data></data></array>"))),
	}
}

// row10: the Android app and Open Live Writer fail on a value without a type,
// npm's xmlrpc fails on an unknown type, and the iOS app on a missing list.
func row10(t *testing.T, e *edge) {
	plain := map[string]bool{"string": true, "int": true, "i4": true, "boolean": true, "double": true, "dateTime.iso8601": true, "base64": true, "array": true, "struct": true}
	for _, body := range readers() {
		r := e.post(t, body)
		root, err := parseXML(r.body)
		if err != nil || r.outcome != "ok" {
			t.Fatalf("%s: %s, %v", body, r, err)
		}
		for _, v := range root.all("value") {
			if len(v.kids) != 1 || !plain[v.kids[0].name] {
				t.Errorf("a value of %d elements, text %q, in the answer to %s", len(v.kids), v.text, body)
			}
		}
		for _, n := range root.all("name") {
			if n.text == "" || strings.TrimSpace(n.text) != n.text {
				t.Errorf("the member %q in the answer to %s", n.text, body)
			}
		}
	}
	for _, body := range []string{rpc("mt.supportedTextFilters"), asAdmin("wp.getPosts", object("s", str("nothing has this text"))), asAdmin("wp.getMediaLibrary", object("number", num("5"), "offset", num("9999")))} {
		if v := e.ask(t, body); v.T != "array" || len(v.I) != 0 {
			t.Errorf("%s: a %s of %d, want an empty array", body, v.T, len(v.I))
		}
	}
}

// row11: the apps, jvican's library and Ruby read dates only in the form
// yyyyMMddTHH:mm:ss.
func row11(t *testing.T, e *edge) {
	form, seen := regexp.MustCompile(`^\d{8}T\d\d:\d\d:\d\d$`), 0
	for _, body := range readers() {
		root, err := parseXML(e.post(t, body).body)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range root.all("dateTime.iso8601") {
			seen++
			if !form.MatchString(d.text) {
				t.Errorf("the date %q in the answer to %s", d.text, body)
			}
		}
	}
	if seen < 50 {
		t.Errorf("%d dates in all answers, want many", seen)
	}
}

// row12: each client means something else by the date that it sends. The time
// zone of the blog is two hours ahead of GMT.
func row12(t *testing.T, e *edge) {
	for _, test := range []struct{ client, body, gmt string }{
		{"ScribeFire, iOS: Z", asAdmin("metaWeblog.newPost", object("title", str("d"), "dateCreated", when("20240229T12:00:00Z")), boolean("1")), "20240229T12:00:00"},
		{"iOS: date_created_gmt with Z", asAdmin("metaWeblog.newPost", object("title", str("d"), "date_created_gmt", when("20240229T12:00:00Z")), boolean("1")), "20240229T12:00:00"},
		{"org2blog: an offset", asAdmin("metaWeblog.newPost", object("title", str("d"), "dateCreated", when("20240229T12:00:00+0000")), boolean("1")), "20240229T12:00:00"},
		{"another offset", asAdmin("metaWeblog.newPost", object("title", str("d"), "dateCreated", when("2024-02-29T12:00:00-05:30")), boolean("1")), "20240229T17:30:00"},
		{"Open Live Writer: both", asAdmin("metaWeblog.newPost", object("title", str("d"), "dateCreated", when("20240229T14:00:00"), "date_created_gmt", when("20240229T12:00:00")), boolean("1")), "20240229T12:00:00"},
		{"KBlog: site time", asAdmin("metaWeblog.newPost", object("title", str("d"), "dateCreated", when("20240229T12:00:00")), boolean("1")), "20240229T10:00:00"},
		{"node: site time", asAdmin("wp.newPost", object("post_title", str("d"), "post_date", when("20240229T12:00:00"))), "20240229T10:00:00"},
		{"Android: both are GMT", asAdmin("wp.newPost", object("post_title", str("d"), "post_date", when("20240229T12:00:00"), "post_date_gmt", when("20240229T12:00:00"))), "20240229T12:00:00"},
		{"html2wordpress1: Z", asAdmin("wp.newPost", object("post_title", str("d"), "post_date", when("20240229T12:00:00Z"))), "20240229T12:00:00"},
		{"alexejk: dashes", asAdmin("wp.newPost", object("post_title", str("d"), "post_date_gmt", when("2024-02-29T12:00:00Z"))), "20240229T12:00:00"},
		{"aXMLRPC: no colons", asAdmin("wp.newPost", object("post_title", str("d"), "post_date", when("20240229T120000"))), "20240229T10:00:00"},
	} {
		id := e.text(t, test.body)
		check(t, test.client, e.members(t, asAdmin("wp.getPost", str(id)), "post_date_gmt"), "dateTime.iso8601 "+test.gmt)
	}
}
