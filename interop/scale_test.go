//go:build scale

package interop

import (
	"bytes"
	settings "flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/signature"
	"github.com/quillgate/quillgate/xmlrpc"
)

var (
	scaleSizes  = settings.String("scale", "1000,1000000", "how many posts the blogs have, the first of which the others are compared with")
	scaleOn     = settings.String("scale-on", "sqlite,postgres", "the databases")
	scaleCalls  = settings.String("scale-calls", "", "what the names of the measured calls begin with")
	scaleBinary = settings.String("scale-binary", "", "the program that is measured, in place of that of this tree")
	scaleKeep   = settings.String("scale-keep", "", "a folder in which blogs on SQLite are kept, so that the next run copies them")
	scaleTimes  = settings.Int("scale-times", 25, "how often each is measured; the least counts")
)

// mostGrowth is how many times longer a call may take on the largest blog than on the smallest.
const mostGrowth = 3

// A scaleCall is a call or a page that is measured. write is done before each, so that nothing is remembered.
type scaleCall struct {
	name  string
	write bool
	send  func(b *scaleBlog, i int)
}

// cost is what a call takes: time, and time of the processor.
type cost struct{ wall, cpu time.Duration }

// scaleBlog is a blog with its server.
type scaleBlog struct {
	t *testing.T
	p *process
	n int
}

func (b *scaleBlog) call(method string, params ...xmlrpc.Value) xmlrpc.Value {
	b.t.Helper()
	body := xmlrpc.AppendCall(nil, method, params...)
	answer := b.request(http.MethodPost, "/xmlrpc.php", body, signature.Sign(seedPublic, seedSecret, body))
	v, err := xmlrpc.DecodeResponse(answer, xmlrpc.Limits{})
	if err != nil {
		b.t.Errorf("%s: %v", method, err)
	}
	return v
}

func (b *scaleBlog) wp(method string, params ...xmlrpc.Value) xmlrpc.Value {
	b.t.Helper()
	none := xmlrpc.String("")
	return b.call(method, append([]xmlrpc.Value{xmlrpc.Int(1), none, none}, params...)...)
}

func (b *scaleBlog) request(method, path string, body []byte, authorization string) []byte {
	b.t.Helper()
	req, err := http.NewRequest(method, b.p.base+path, bytes.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	resp, err := http.DefaultTransport.(recording).RoundTripper.RoundTrip(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer bytes.Buffer
	answer.ReadFrom(resp.Body)
	if resp.StatusCode != http.StatusOK {
		b.t.Errorf("%s %s: %s", method, path, resp.Status)
	}
	return answer.Bytes()
}

func (b *scaleBlog) page(path string) []byte { return b.request(http.MethodGet, path, nil, "") }

// some is the id of a published post, another for each i.
func (b *scaleBlog) some(i int) xmlrpc.Value {
	return xmlrpc.Int(int64(firstPost + (i*7919%b.n)/100*100 + 1))
}

func filter(pairs ...any) xmlrpc.Value {
	var members []xmlrpc.Member
	for i := 0; i < len(pairs); i += 2 {
		var v xmlrpc.Value
		switch of := pairs[i+1].(type) {
		case string:
			v = xmlrpc.String(of)
		case int:
			v = xmlrpc.Int(int64(of))
		}
		members = append(members, xmlrpc.M(pairs[i].(string), v))
	}
	return xmlrpc.Struct(members...)
}

func posts(pairs ...any) func(b *scaleBlog, i int) {
	return func(b *scaleBlog, _ int) { b.wp("wp.getPosts", filter(pairs...)) }
}

func deep(pairs ...any) func(b *scaleBlog, i int) {
	return func(b *scaleBlog, _ int) { b.wp("wp.getPosts", filter(append(pairs, "offset", b.n*9/10)...)) }
}

func visit(path string) func(b *scaleBlog, i int) {
	return func(b *scaleBlog, _ int) { b.page(path) }
}

func method(name string, params ...xmlrpc.Value) func(b *scaleBlog, i int) {
	return func(b *scaleBlog, _ int) { b.wp(name, params...) }
}

var blank = xmlrpc.String("")

// scaleTable are the calls and pages that clients and visitors use.
var scaleTable = []scaleCall{
	{"publish", false, func(b *scaleBlog, i int) {
		b.wp("wp.newPost", filter("post_title", "Hello "+strconv.Itoa(i), "post_content", "Some words.", "post_status", "publish"))
	}},
	{"publish, same title", false, func(b *scaleBlog, i int) {
		b.wp("wp.newPost", filter("post_title", "Entry", "post_content", "Some words "+strconv.Itoa(i), "post_status", "publish"))
	}},
	{"draft", false, func(b *scaleBlog, i int) {
		b.wp("wp.newPost", filter("post_title", "Draft "+strconv.Itoa(i), "post_content", "Some words."))
	}},
	{"metaWeblog.newPost with tags", false, func(b *scaleBlog, i int) {
		b.call("metaWeblog.newPost", xmlrpc.String("1"), blank, blank, filter("title", "Meta "+strconv.Itoa(i), "description", "Some words.", "mt_keywords", "topic 40, topic 41"), xmlrpc.Bool(true))
	}},
	{"edit", false, func(b *scaleBlog, i int) {
		b.wp("wp.editPost", b.some(i), filter("post_content", "Other words "+strconv.Itoa(i)))
	}},
	{"edit title and slug", false, func(b *scaleBlog, i int) {
		b.wp("wp.editPost", b.some(i+500), filter("post_title", "Changed "+strconv.Itoa(i), "post_name", "changed"))
	}},
	{"comment", false, func(b *scaleBlog, i int) {
		b.wp("wp.newComment", b.some(i), filter("content", "I agree "+strconv.Itoa(i)))
	}},
	{"trash", false, func(b *scaleBlog, i int) {
		b.wp("wp.deletePost", xmlrpc.Int(int64(firstPost+i*100%b.n+31+i*100/b.n)))
	}},
	{"newTerm", false, func(b *scaleBlog, i int) {
		b.wp("wp.newTerm", filter("taxonomy", "post_tag", "name", "Fresh "+strconv.FormatInt(time.Now().UnixNano(), 36)))
	}},
	{"newPage", false, func(b *scaleBlog, i int) {
		b.wp("wp.newPost", filter("post_type", "page", "post_title", "Leaf "+strconv.Itoa(i), "post_content", "Some words.", "post_status", "publish", "post_parent", 10001))
	}},
	{"getPost", false, func(b *scaleBlog, i int) { b.wp("wp.getPost", b.some(i)) }},
	{"getPosts", false, posts()},
	{"getPosts published", false, posts("post_status", "publish")},
	{"getPosts drafts", false, posts("post_status", "draft")},
	{"getPosts 100", false, posts("number", 100)},
	{"getPosts by date, oldest first", false, posts("orderby", "date", "order", "ASC")},
	{"getPosts by modified", false, posts("orderby", "modified")},
	{"getPosts by title", false, posts("orderby", "title", "order", "ASC")},
	{"getPosts by name", false, posts("orderby", "name")},
	{"getPosts by author", false, posts("orderby", "author")},
	{"getPosts by comment_count", false, posts("orderby", "comment_count")},
	{"getPosts by menu_order", false, posts("orderby", "menu_order")},
	{"getPosts by parent", false, posts("orderby", "parent")},
	{"getPosts by ID", false, posts("orderby", "ID")},
	{"getPosts s=common", false, posts("s", "lantern")},
	{"getPosts s=rare", false, posts("s", "zebrafish")},
	{"getPosts s=seldom", false, posts("s", "quokka")},
	{"getPosts s=old", false, posts("s", "pangolin")},
	{"getPosts s=none", false, posts("s", "xylophone")},
	{"getPosts s=two words", false, posts("s", "lantern zebrafish")},
	{"getPosts s=title", false, func(b *scaleBlog, _ int) { b.wp("wp.getPosts", filter("s", "Entry "+strconv.Itoa(b.n/2))) }},
	{"getPosts offset 90 %", false, deep()},
	{"getPosts offset 90 % by modified", false, deep("orderby", "modified")},
	{"getPosts offset 90 % by title", false, deep("orderby", "title")},
	{"getPosts offset 90 % by ID", false, deep("orderby", "ID")},
	{"getPosts offset 90 % by name", false, deep("orderby", "name")},
	{"getPosts offset 90 % by author", false, deep("orderby", "author")},
	{"getPosts by author and title", false, posts("orderby", "author title")},
	{"getPosts attachments", false, posts("post_type", "attachment", "post_status", "inherit")},
	{"getRevisions", false, func(b *scaleBlog, i int) { b.wp("wp.getRevisions", xmlrpc.Int(int64(firstPost+i*7919%b.n/100*100))) }},
	{"getPages", false, method("wp.getPages")},
	{"getPageList", false, method("wp.getPageList")},
	{"getTerms category", false, method("wp.getTerms", xmlrpc.String("category"))},
	{"getTerms post_tag", false, method("wp.getTerms", xmlrpc.String("post_tag"))},
	{"getTerms hide_empty by count", false, func(b *scaleBlog, _ int) {
		b.wp("wp.getTerms", xmlrpc.String("post_tag"), filter("orderby", "count", "order", "DESC", "number", 20, "hide_empty", 1))
	}},
	{"getTags", false, method("wp.getTags")},
	{"getTaxonomies", false, method("wp.getTaxonomies")},
	{"getCategories", false, func(b *scaleBlog, _ int) { b.call("metaWeblog.getCategories", xmlrpc.String("1"), blank, blank) }},
	{"getPostTypes", false, method("wp.getPostTypes")},
	{"getComments", false, method("wp.getComments", filter("number", 20))},
	{"getComments approved", false, method("wp.getComments", filter("status", "approve", "number", 20))},
	{"getComments held", false, method("wp.getComments", filter("status", "hold", "number", 20))},
	{"getComments of a post", false, func(b *scaleBlog, i int) {
		b.wp("wp.getComments", xmlrpc.Struct(xmlrpc.M("post_id", b.some(i))))
	}},
	{"getComments offset 90 %", false, func(b *scaleBlog, _ int) { b.wp("wp.getComments", filter("number", 20, "offset", b.n*9/10)) }},
	{"getCommentCount", false, func(b *scaleBlog, i int) { b.wp("wp.getCommentCount", b.some(i)) }},
	{"getMediaLibrary 20", false, method("wp.getMediaLibrary", filter("number", 20))},
	{"getMediaLibrary images", false, method("wp.getMediaLibrary", filter("number", 20, "mime_type", "image"))},
	{"getMediaLibrary pdf", false, method("wp.getMediaLibrary", filter("number", 20, "mime_type", "application/pdf"))},
	{"getMediaLibrary audio", false, method("wp.getMediaLibrary", filter("number", 20, "mime_type", "audio"))},
	{"getMediaLibrary offset 90 %", false, func(b *scaleBlog, _ int) { b.wp("wp.getMediaLibrary", filter("number", 20, "offset", b.n*9/100)) }},
	{"getMediaItem", false, func(b *scaleBlog, i int) {
		b.wp("wp.getMediaItem", xmlrpc.Int(int64(firstPost+b.n+i*31%(b.n/10))))
	}},
	{"getUsers", false, method("wp.getUsers")},
	{"getUsers by post_count", false, method("wp.getUsers", filter("orderby", "post_count"))},
	{"getAuthors", false, method("wp.getAuthors")},
	{"getOptions", false, method("wp.getOptions")},
	{"getUsersBlogs", false, func(b *scaleBlog, _ int) { b.call("wp.getUsersBlogs", blank, blank) }},
	{"metaWeblog.getRecentPosts", false, func(b *scaleBlog, _ int) {
		b.call("metaWeblog.getRecentPosts", xmlrpc.String("1"), blank, blank, xmlrpc.Int(20))
	}},
	{"mt.getRecentPostTitles", false, func(b *scaleBlog, _ int) {
		b.call("mt.getRecentPostTitles", xmlrpc.String("1"), blank, blank, xmlrpc.Int(100))
	}},
	{"blogger.getRecentPosts", false, func(b *scaleBlog, _ int) {
		b.call("blogger.getRecentPosts", blank, xmlrpc.String("1"), blank, blank, xmlrpc.Int(20))
	}},
	{"home page", true, visit("/")},
	{"home, page 5000 or last", true, func(b *scaleBlog, _ int) { b.page("/?paged=" + strconv.Itoa(min(5000, b.n*9/100))) }},
	{"a post", true, func(b *scaleBlog, i int) { b.page(fmt.Sprintf("/?p=%d", firstPost+(i*7919%b.n)/100*100+21)) }},
	{"category", true, visit("/?cat=1003")},
	{"category, far page", true, func(b *scaleBlog, _ int) { b.page("/?cat=1003&paged=" + strconv.Itoa(b.n*9/3000)) }},
	{"tag", true, visit("/?tag=topic-40")},
	{"author", true, visit("/?author=1004")},
	{"month", true, visit("/?m=202311")},
	{"search, common", true, visit("/?s=lantern")},
	{"search, rare", true, visit("/?s=zebrafish")},
	{"search, seldom", true, visit("/?s=quokka")},
	{"search, none", true, visit("/?s=xylophone")},
	{"search, two letters", true, visit("/?s=ba")},
	{"feed", true, visit("/?feed=rss2")},
	{"feed, atom", true, visit("/?feed=atom")},
	{"feed of a category", true, visit("/?feed=rss2&cat=1003")},
	{"comments feed", true, visit("/?feed=comments-rss2")},
	{"sitemap", true, visit("/wp-sitemap.xml")},
	{"sitemap, last page", true, func(b *scaleBlog, _ int) { b.page("/wp-sitemap.xml?page=" + strconv.Itoa(max(1, b.n*9/10/2000))) }},
	{"robots.txt", true, visit("/robots.txt")},
}

// TestScale compares what calls and pages cost on blogs of two sizes. It prints all of them and fails for those that
// grow. The time of a call is the least of several, and so is the processor's time that the server and the database spent
// for it, which says more when the machine has other work too.
func TestScale(t *testing.T) {
	if *scaleBinary != "" {
		binary.Do(func() { binary.path = *scaleBinary })
	}
	var sizes []int
	for _, text := range strings.Split(*scaleSizes, ",") {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, n)
	}
	for _, kind := range strings.Split(*scaleOn, ",") {
		t.Run(kind, func(t *testing.T) {
			took := make([][]cost, len(sizes))
			for i, n := range sizes {
				t.Run(strconv.Itoa(n), func(t *testing.T) { took[i] = measureScale(t, kind, n) })
			}
			if slices.ContainsFunc(took, func(list []cost) bool { return list == nil }) {
				return
			}
			var table strings.Builder
			fmt.Fprintf(&table, "%-34s", kind)
			for _, n := range sizes {
				fmt.Fprintf(&table, "%12d%12s", n, "processor")
			}
			table.WriteString("  ratio  of the processor\n")
			for i, c := range measuredCalls() {
				fmt.Fprintf(&table, "%-34s", c.name)
				for s := range sizes {
					fmt.Fprintf(&table, "%10.2fms%10.2fms", milliseconds(took[s][i].wall), milliseconds(took[s][i].cpu))
				}
				small, large := took[0][i], took[len(sizes)-1][i]
				ratio := float64(large.wall) / float64(small.wall)
				fmt.Fprintf(&table, " %6.1f %6.1f\n", ratio, float64(large.cpu)/float64(max(small.cpu, 1)))
				if ratio > mostGrowth {
					t.Errorf("%s takes %.1f times as long on the largest blog as on the smallest", c.name, ratio)
				}
			}
			t.Log("\n" + table.String())
		})
	}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func measuredCalls() []scaleCall {
	return slices.DeleteFunc(slices.Clone(scaleTable), func(c scaleCall) bool { return !strings.HasPrefix(c.name, *scaleCalls) })
}

// largeBlog makes a blog of n posts, or copies one that an earlier run has kept.
func largeBlog(t *testing.T, kind string, n int) seeded {
	t.Helper()
	if kind == "postgres" {
		blog := seedIn(t, t.TempDir(), databasetest.DurablePostgres(t))
		grow(t, blog, n)
		return blog
	}
	if *scaleKeep == "" {
		blog := seedIn(t, t.TempDir(), "")
		grow(t, blog, n)
		return blog
	}
	kept := seeded{folder: filepath.Join(*scaleKeep, strconv.Itoa(n))}
	if _, err := os.Stat(kept.folder); err != nil {
		made := seedIn(t, t.TempDir(), "")
		grow(t, made, n)
		indexed := t.Run("index", func(t *testing.T) { // its server has stopped when the test ends
			(&scaleBlog{t: t, p: start(t, made, "--log-level", "error"), n: n}).ready(made)
		})
		if !indexed {
			t.FailNow()
		}
		if err := os.CopyFS(kept.folder, os.DirFS(made.folder)); err != nil {
			t.Fatal(err)
		}
	}
	blog := seeded{folder: filepath.Join(t.TempDir(), "blog")}
	if err := os.CopyFS(blog.folder, os.DirFS(kept.folder)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(blog.folder, "keyset"), 0o600); err != nil {
		t.Fatal(err)
	}
	blog.inspect(t)
	return blog
}

// measureScale makes a blog and returns what each call costs.
func measureScale(t *testing.T, kind string, n int) (took []cost) {
	blog := largeBlog(t, kind, n)
	b := &scaleBlog{t: t, p: start(t, blog, "--log-level", "error"), n: n}
	b.ready(blog)
	cpu := b.meter(blog)
	for _, c := range measuredCalls() {
		least, spent := cost{wall: 1 << 62, cpu: 1 << 62}, time.Duration(0)
		for i := range *scaleTimes + 1 {
			if c.write {
				b.wp("wp.editPost", b.some(i+90000), filter("post_excerpt", "Touched "+strconv.Itoa(i)))
			}
			before, began := cpu(), time.Now()
			c.send(b, i)
			one := cost{wall: time.Since(began)}
			one.cpu = cpu() - before
			if i > 0 { // the first one warms up
				least = cost{min(least.wall, one.wall), min(least.cpu, one.cpu)}
			}
			if spent += one.wall; i >= 3 && spent > 5*time.Second {
				break
			}
		}
		took = append(took, least)
	}
	return took
}

// ready waits until the server has taken the posts of a blog that has grown so suddenly into the index of searches, and has
// split the parts of its lists.
func (b *scaleBlog) ready(blog seeded) {
	b.t.Helper()
	db, err := database.Open(b.t.Context(), database.Config{URL: blog.store(), Unmigrated: true})
	if err != nil {
		b.t.Fatal(err)
	}
	defer db.Close()
	began := time.Now()
	for waiting := 1; waiting > 0; time.Sleep(100 * time.Millisecond) {
		if err := db.Get(b.t.Context(), &waiting, `SELECT COUNT(*) FROM (SELECT 1 FROM (SELECT 1 FROM search_pending LIMIT 1) AS one
			UNION ALL SELECT 1 FROM list_counts WHERE n > 2000 AND (list LIKE '% title' OR list LIKE '% name')) AS work`); err != nil {
			b.t.Fatal(err)
		}
	}
	b.t.Logf("indexed %d posts in %v", b.n, time.Since(began).Round(time.Second/10))
}
