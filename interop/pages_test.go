package interop

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/quillgate/quillgate/xmlrpc"
)

// publicPages are pages of the seeded blog, one of each kind.
var publicPages = []struct {
	name, path string
	status     int64
}{
	{"home", "/", 200},
	{"home-2", "/?paged=2", 200},
	{"post", "/?p=1", 200},
	{"post-comments", "/?p=2", 200},
	{"page", "/?page_id=19", 200},
	{"category", "/?cat=1", 200},
	{"tag", "/?tag=alpha", 200},
	{"author", "/?author=1", 200},
	{"month", "/?m=202401", 200},
	{"search", "/?s=the", 200},
	{"search-nothing", "/?s=nothing-like-it", 200},
	{"not-found", "/?p=987654", 404},
	{"locked", "", 200}, // filled in by the test
	{"pictures", "", 200},
}

// showcase starts a server whose blog has the seed, a post with a password and
// a post with a picture. It returns the paths of the pages by name.
func showcase(t *testing.T, args ...string) (*process, map[string]string) {
	t.Helper()
	p := start(t, seed(t, ""), args...)
	paths := make(map[string]string)
	for _, row := range publicPages {
		paths[row.name] = row.path
	}
	key := signingKey{seedPublic, seedSecret}
	ask := func(method string, params ...xmlrpc.Value) xmlrpc.Value {
		v, err := call(t.Context(), p, &key, method, append([]xmlrpc.Value{xmlrpc.Int(1), xmlrpc.String(""), xmlrpc.String("")}, params...)...)
		if err != nil {
			t.Fatalf("%s: %v", method, err)
		}
		return v
	}
	publish := func(members ...xmlrpc.Member) string {
		return "/?p=" + ask("wp.newPost", xmlrpc.Struct(append(members, xmlrpc.M("post_status", xmlrpc.String("publish")))...)).Text()
	}
	picture := ask("wp.uploadFile", xmlrpc.Struct(xmlrpc.M("name", xmlrpc.String("hill.png")), xmlrpc.M("type", xmlrpc.String("image/png")),
		xmlrpc.M("bits", xmlrpc.Bytes(largePicture(t)))))
	paths["locked"] = publish(xmlrpc.M("post_title", xmlrpc.String("For friends")), xmlrpc.M("post_content", xmlrpc.String("hidden")),
		xmlrpc.M("post_password", xmlrpc.String("open sesame")))
	paths["pictures"] = publish(xmlrpc.M("post_title", xmlrpc.String("A post with pictures, a table, a list and some code")),
		xmlrpc.M("post_thumbnail", picture.Get("id")),
		xmlrpc.M("post_content", xmlrpc.String(`<p>First <a href="#end">paragraph</a>.</p><figure><img src="`+picture.Get("url").Text()+
			`" alt="A grey hill"><figcaption>A hill</figcaption></figure><blockquote><p>Quoted.</p></blockquote><ul><li>one</li><li>two</li></ul>
<pre><code>a line of code that is so long that it does not fit onto the screen of a telephone in any way at all</code></pre>
<table><thead><tr><th>Key</th><th>Value</th></tr></thead><tbody><tr><td>a</td><td>1</td></tr></tbody></table><p id="end">Last.</p>`)))
	return p, paths
}

// maxShift is how much of a page may move while it loads. A tenth counts as
// good. On a busy machine, a line that is painted in two steps moves by a pixel
// or two.
const maxShift = 0.01

// judge opens a page in every look, says what is wrong with it, and returns its source. In the dark it looks at the page that is
// open: only colours differ.
func judge(t *testing.T, v *tab, open func(t *testing.T)) (source string) {
	t.Helper()
	for _, l := range looks() {
		v.resize(t, l)
		if !l.dark {
			open(t)
			if got := v.shift(t); got > maxShift {
				t.Errorf("%s: the layout shifts by %.4f", l.name, got)
			}
		}
		judgeLook(t, v, l)
	}
	return v.source(t)
}

// judgeLook checks the width, the sizes and the accessibility of the open page
// in one look.
func judgeLook(t *testing.T, v *tab, l look) {
	t.Helper()
	if got := v.wide(t); got > 0 {
		t.Errorf("%s: the page is %d pixels wider than the window", l.name, got)
	}
	if l.mobile {
		for _, what := range v.small(t) {
			t.Errorf("%s: too small for a finger: %s", l.name, what)
		}
	}
	v.keepPicture(t, l)
	for _, what := range v.violationsIn(t, l) {
		t.Errorf("%s: %s", l.name, what)
	}
}

// judgeHere is judge for a page that is shown only once: it checks the open
// page, with all folded parts unfolded.
func judgeHere(t *testing.T, v *tab, was look) (source string) {
	t.Helper()
	source = v.source(t)
	if got := v.shift(t); got > maxShift {
		t.Errorf("the layout shifts by %.4f", got)
	}
	do(t, v, chromedp.Evaluate[chromedp.Void](`for (const d of document.querySelectorAll("details")) d.open = true`))
	for _, l := range looks() {
		v.resize(t, l)
		judgeLook(t, v, l)
	}
	v.resize(t, was)
	return source
}

func TestPublicPages(t *testing.T) {
	t.Parallel()
	p, paths := showcase(t)
	v := openBrowser(t).tab(t, p.base, desktop)
	sources := make(map[string]string)
	for _, row := range publicPages {
		t.Run(row.name, func(t *testing.T) {
			sources[row.name] = judge(t, v, func(t *testing.T) {
				if got := v.open(t, paths[row.name]); got != row.status {
					t.Errorf("%s: status %d, want %d", paths[row.name], got, row.status)
				}
			})
		})
	}
	validate(t, sources)
}

// validate checks pages with html-validate.
func validate(t *testing.T, sources map[string]string) {
	t.Helper()
	if out, err := htmlFaults(t, sources); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// htmlFaults returns the findings of html-validate about pages.
func htmlFaults(t *testing.T, sources map[string]string) (string, error) {
	t.Helper()
	folder := t.TempDir()
	for name, source := range sources {
		if err := os.WriteFile(filepath.Join(folder, name+".html"), []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("node_modules/.bin/html-validate", "--config", "htmlvalidate.json", "--formatter", "text", folder)
	cmd.Dir = "clients"
	out, err := cmd.CombinedOutput()
	return strings.ReplaceAll(string(out), folder+"/", ""), err
}

// The checks find what they are for: on a page with faults all of them
// complain.
func TestJudgesFindFaults(t *testing.T) {
	const page = `<!DOCTYPE html><html><head><title>x</title><link rel="icon" href="data:,"></head><body><div id="late"></div><p style="color:#bbb;background:#fff">pale</p>
<img src="data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="><p id="a">one<p id="a">two<div style="width:2000px">wide</div><p>In <a href="/">a sentence</a>.</p>
<p><a id="tiny" href="/">alone</a></p><p><button style="height:20px">low</button> <label style="padding:8px"><input type="checkbox">large</label></p>
<script>requestAnimationFrame(() => requestAnimationFrame(() => { document.getElementById('late').style.height = '300px' }))</script></body></html>`
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, page)
	}))
	t.Cleanup(web.Close)
	v := openBrowser(t).tab(t, web.URL, phone)
	v.open(t, "/")
	if got := v.shift(t); got <= maxShift {
		t.Error("no layout shift is seen")
	}
	if got := v.moved(t); len(got) == 0 {
		t.Error("nothing is seen to move")
	}
	if got := v.wide(t); got == 0 {
		t.Error("a wide page is not seen")
	}
	if got := v.small(t); len(got) != 2 || !strings.Contains(got[0], `id="tiny"`) || !strings.Contains(got[1], "<button") {
		t.Errorf("too small are %q", got)
	}
	found := strings.Join(v.violations(t, ""), "\n")
	for _, rule := range []string{"color-contrast", "image-alt", "html-has-lang"} {
		if !strings.Contains(found, rule) {
			t.Errorf("axe does not find %s:\n%s", rule, found)
		}
	}
	if out, err := htmlFaults(t, map[string]string{"page": page}); err == nil || !strings.Contains(out, "no-dup-id") {
		t.Errorf("html-validate: %v\n%s", err, out)
	}
}

// A page that requests something from another host is detected.
func TestForeignRequestsAreSeen(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, `<!DOCTYPE html><html lang="en"><title>x</title><link rel="icon" href="data:,"><img src="http://pictures.example/a.png" alt="">`)
	}))
	t.Cleanup(web.Close)
	v := openBrowser(t).tab(t, web.URL, desktop)
	v.open(t, "/")
	v.mu.Lock()
	defer v.mu.Unlock()
	if !strings.Contains(strings.Join(v.trouble, "\n"), "pictures.example") {
		t.Errorf("%q does not name the other host", v.trouble)
	}
	v.trouble = nil
}

// A program of others reads the feeds, and finds the content of the blog in
// them.
func TestFeeds(t *testing.T) {
	t.Parallel()
	p, _ := showcase(t)
	for _, test := range []struct{ path, kind, title string }{
		{"/?feed=rss2", "rss 2.0", "Oracle Blog"},
		{"/?feed=atom", "atom", "Oracle Blog"},
		{"/?feed=comments-rss2", "rss 2.0", "Oracle Blog"},
		{"/?feed=rss2&cat=1", "rss 2.0", "Oracle Blog"},
		{"/?feed=rss2&p=1", "rss 2.0", "First post"},
	} {
		t.Run(test.path, func(t *testing.T) {
			resp, err := http.Get(p.base + test.path)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := parseXML(body); err != nil {
				t.Error(err)
			}
			cmd := exec.Command("node", "feed.js")
			cmd.Dir, cmd.Stdin = "clients", bytes.NewReader(body)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			var got struct {
				Kind, Title, Link string
				Items             []struct{ Title, Link, GUID, Date, Author, Text string }
			}
			if err := json.Unmarshal(out, &got); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if got.Kind != test.kind || !strings.Contains(got.Title, test.title) || !strings.HasPrefix(got.Link, p.base) || len(got.Items) == 0 {
				t.Errorf("got %s %q %s with %d items, want %s of %s at %s", got.Kind, got.Title, got.Link, len(got.Items), test.kind, test.title, p.base)
			}
			for _, i := range got.Items {
				if i.GUID == "" || i.Date == "" || !strings.HasPrefix(i.Link, p.base) {
					t.Errorf("an item lacks its id, its date or its link: %+v", i)
				}
			}
		})
	}
}
