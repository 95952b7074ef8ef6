package interop

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// row13: every desktop client begins with one of these calls. Open Live Writer
// needs all three texts; the Android app reads the id of the blog as a number.
func row13(t *testing.T, e *edge) {
	for method, arguments := range map[string][]string{
		"wp.getUsersBlogs":         {str(seedUser), str(seedPassword)},
		"blogger.getUsersBlogs":    {str("0123456789ABCDEF"), str(seedUser), str(seedPassword)},
		"metaWeblog.getUsersBlogs": {str(""), str(seedUser), str(seedPassword)},
	} {
		blogs := e.ask(t, rpc(method, arguments...))
		if len(blogs.I) != 1 {
			t.Errorf("%s: %d blogs, want 1", method, len(blogs.I))
			continue
		}
		check(t, method, blogs.I[0].show("isAdmin", "url", "blogid", "blogName", "xmlrpc"),
			"boolean 1, string "+e.base+"/, string 1, string Oracle Blog, string "+e.endpoint)
	}
	author := e.ask(t, rpc("wp.getUsersBlogs", str("author1"), str("author1-pass-1234")))
	check(t, "an author", author.I[0].show("isAdmin"), "boolean 0")
}

// row14: the Android app refuses a server that does not list these methods.
// python-wordpress-xmlrpc and weblogger refuse to call a method that
// mt.supportedMethods does not list. VimRepress needs the exact greeting.
func row14(t *testing.T, e *edge) {
	listed := make(map[string]bool)
	for _, m := range e.ask(t, rpc("system.listMethods")).I {
		listed[m.value()] = true
	}
	supported := make(map[string]bool)
	for _, m := range e.ask(t, rpc("mt.supportedMethods")).I {
		supported[m.value()] = true
	}
	for _, name := range strings.Fields(`getProfile getUsersBlogs getPage getCommentStatusList newComment editComment deleteComment getComments
		getComment getOptions uploadFile newCategory getTags getCategories editPage deletePage newPage getPages newPost getPosts getMediaLibrary`) {
		if !listed["wp."+name] || !supported["wp."+name] {
			t.Errorf("wp.%s: listed %v, supported %v", name, listed["wp."+name], supported["wp."+name])
		}
	}
	if !listed["system.multicall"] || !listed["system.getCapabilities"] || !listed["metaWeblog.deletePost"] {
		t.Errorf("the list lacks a method: %v", listed)
	}
	check(t, "greeting", e.text(t, rpc("demo.sayHello")), "Hello!")
	check(t, "sum", e.text(t, rpc("demo.addTwoNumbers", num("4"), "<i4>5</i4>")), "9")
	if v := e.ask(t, rpc("mt.supportedTextFilters")); v.T != "array" || len(v.I) != 0 {
		t.Errorf("mt.supportedTextFilters: a %s of %d, want an empty array", v.T, len(v.I))
	}
	if v := e.ask(t, rpc("system.getCapabilities")); v.M["xmlrpc"] == nil || v.M["xmlrpc"].show("specVersion") != "int 1" {
		t.Errorf("system.getCapabilities: %v", v.M)
	}
	calls := e.ask(t, rpc("system.multicall", list(
		object("methodName", str("wp.getPost"), "params", list(num("1"), str(seedUser), str(seedPassword), num("1"))),
		object("methodName", str("wp.getPost"), "params", list(num("1"), str(seedUser), str(seedPassword), num("99999"))))))
	if len(calls.I) != 2 || len(calls.I[0].I) != 1 || calls.I[0].I[0].M["post_title"].value() != "First post" || calls.I[1].show("faultCode") != "int 404" {
		t.Errorf("system.multicall: %d answers", len(calls.I))
	}
}

// row15: by this sentence the apps recognize an endpoint that accepts only POST.
func row15(t *testing.T, e *edge) {
	r, h := e.request(t, http.MethodGet, e.endpoint, "")
	check(t, "status", fmt.Sprint(r.status), "405")
	check(t, "allowed", h.Get("Allow"), "POST")
	check(t, "type", h.Get("Content-Type")[:10], "text/plain")
	check(t, "sentence", strings.TrimSpace(string(r.body)), "XML-RPC server accepts POST requests only.")
}

// row16: Open Live Writer depends on the names of the engine and of the first
// API. The Android app needs the attribute name before apiLink, in double quotes.
func row16(t *testing.T, e *edge) {
	r, h := e.request(t, http.MethodGet, e.endpoint+"?rsd", "")
	if r.outcome != "rsd" || !strings.HasPrefix(h.Get("Content-Type"), "text/xml") {
		t.Fatalf("%s, %s", r, h.Get("Content-Type"))
	}
	check(t, "interfaces", fmt.Sprint(r.apis), "[[WordPress true 1] [Movable Type false 1] [MetaWeblog false 1] [Blogger false 1]]")
	if m := regexp.MustCompile(`<api name="WordPress" .*?apiLink="([^"]*)"`).FindSubmatch(r.body); m == nil || string(m[1]) != e.endpoint {
		t.Errorf("the address of the interface: %q, want %s", m, e.endpoint)
	}
	for _, want := range []string{"<engineName>WordPress</engineName>", "<homePageLink>" + e.base} {
		if !strings.Contains(string(r.body), want) {
			t.Errorf("the document lacks %s\n%s", want, r.body)
		}
	}
}

// row17: the regular expressions that clients apply to the home page.
func row17(t *testing.T, e *edge) {
	r, h := e.request(t, http.MethodGet, e.base+"/", "")
	rsd := e.endpoint + "?rsd"
	for client, search := range map[string]struct{ expression, want string }{
		"Android":          {`<link\s*?rel="EditURI"\s*?type="application/rsd\+xml"\s*?title="RSD"\s*?href="(.*?)"`, rsd},
		"iOS":              {`<link\s+rel="EditURI"\s+type="application/rsd\+xml"\s+title="RSD"\s+href="([^"]*)"[^/]*/>`, rsd},
		"Open Live Writer": {`<link rel="wlwmanifest" type="application/wlwmanifest\+xml" href="([^"]*)"`, e.base + "/wp-includes/wlwmanifest.xml"},
		"Blogilo":          {`(name="generator" content="WordPress) \d`, `name="generator" content="WordPress`},
	} {
		m := regexp.MustCompile(search.expression).FindSubmatch(r.body)
		if m == nil || string(m[1]) != search.want {
			t.Errorf("%s finds %q, want %s", client, m, search.want)
		}
	}
	// ScribeFire takes the first pingback link for the endpoint; others read the header.
	link := regexp.MustCompile(`<link rel="pingback" href="([^"]*)"`).FindSubmatch(r.body)
	if h.Get("X-Pingback") != e.endpoint && (link == nil || string(link[1]) != e.endpoint) {
		t.Errorf("no pingback address: header %q, link %q\n%s", h.Get("X-Pingback"), link, r.body)
	}
}

// row18: Open Live Writer looks for its manifest next to the home page, then at
// the address in the link, and later sends conditional requests.
func row18(t *testing.T, e *edge) {
	for _, path := range []string{"/wlwmanifest.xml", "/wp-includes/wlwmanifest.xml"} {
		r, h := e.request(t, http.MethodGet, e.base+path, "")
		root, err := parseXML(r.body)
		if err != nil || r.status != 200 {
			t.Errorf("%s: HTTP %d, %v", path, r.status, err)
			continue
		}
		for name, want := range map[string]string{"clientType": "WordPress", "supportsKeywords": "Yes", "supportsGetTags": "Yes"} {
			if got := root.find("options", name); got == nil || got.text != want {
				t.Errorf("%s: %s is %v, want %s", path, name, got, want)
			}
		}
		for header, value := range map[string]string{"If-None-Match": h.Get("ETag"), "If-Modified-Since": h.Get("Last-Modified")} {
			if again, _ := e.request(t, http.MethodGet, e.base+path, "", header, value); value == "" || again.status != 304 || len(again.body) != 0 {
				t.Errorf("%s with %s %q: HTTP %d, want 304", path, header, value, again.status)
			}
		}
	}
}

// row19: Open Live Writer does not follow redirects; other clients turn the POST
// into a GET when they do.
func row19(t *testing.T, e *edge) {
	for _, path := range []string{"/xmlrpc.php", "/xmlrpc.php?x=y", "/xmlrpc.php?for=jetpack", "//xmlrpc.php", "/./xmlrpc.php", "/xmlrpc.php/", "/wp/../xmlrpc.php", "/XMLRPC.php"} {
		for _, method := range []string{http.MethodPost, http.MethodGet, http.MethodHead} {
			r, h := e.request(t, method, e.base+path, rpc("demo.sayHello"), "Content-Type", "text/xml")
			if r.status >= 300 && r.status < 400 {
				t.Errorf("%s %s: HTTP %d to %s", method, path, r.status, h.Get("Location"))
			}
			if method == http.MethodPost && strings.HasPrefix(path, "/xmlrpc.php") && !strings.HasSuffix(path, "/") && r.outcome != "ok" {
				t.Errorf("POST %s: %s", path, r)
			}
		}
	}
}
