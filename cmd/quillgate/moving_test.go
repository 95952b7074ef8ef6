package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/media"
)

// moved is a blog that moves here. Its export is imported with the usual
// commands, and checked through its pages and backups.
type moved struct {
	t     *testing.T
	url   string   // of the database
	place []string // flags that say where the blog is
	base  string   // of the server
}

// eachMove runs a test on both databases, each time with an empty blog.
func eachMove(t *testing.T, fn func(m *moved)) {
	t.Helper()
	databasetest.EachURL(t, func(t *testing.T, url string) {
		m := &moved{t: t, url: url, place: []string{"--data", filepath.Dir(url)}}
		if strings.HasPrefix(url, "postgres") {
			m.place = []string{"--data", databasetest.Folder(t), "--database", url}
		}
		fn(m)
	})
}

func (m *moved) run(args ...string) string {
	m.t.Helper()
	var out, complaints bytes.Buffer
	code := run(m.t.Context(), append(args, m.place...), streams{strings.NewReader(""), &out, &complaints})
	if code != 0 {
		m.t.Fatalf("quillgate %q ends with %d: %s", args, code, &complaints)
	}
	return out.String()
}

// take imports an export and returns how many posts, terms and users were added, and the problems.
func (m *moved) take(text string, flags ...string) (posts, terms, users int, problems map[string]int) {
	m.t.Helper()
	path := filepath.Join(m.t.TempDir(), "site.xml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		m.t.Fatal(err)
	}
	var report struct {
		Posts, Terms, Users struct{ Added int }
		Problems            map[string]int
	}
	if err := json.Unmarshal([]byte(m.run(append([]string{"import", path, "--quiet", "--json"}, flags...)...)), &report); err != nil {
		m.t.Fatal(err)
	}
	return report.Posts.Added, report.Terms.Added, report.Users.Added, report.Problems
}

// takeAgain imports an export again, and reports an error if that adds
// anything.
func (m *moved) takeAgain(text string, flags ...string) {
	m.t.Helper()
	if posts, terms, users, _ := m.take(text, flags...); posts+terms+users > 0 {
		m.t.Errorf("a second import adds %d posts, %d terms, %d users", posts, terms, users)
	}
}

// serve starts the server until the test ends.
func (m *moved) serve() {
	m.t.Helper()
	ctx, cancel := context.WithCancel(m.t.Context())
	out, in := io.Pipe()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		var complaints bytes.Buffer
		code := run(ctx, append([]string{"serve", "--listen", "127.0.0.1:0", "--log-level", "error"}, m.place...), streams{strings.NewReader(""), in, &complaints})
		in.CloseWithError(fmt.Errorf("quillgate serve ends with %d: %s", code, &complaints))
	}()
	m.t.Cleanup(func() { cancel(); <-ended })
	greeting := make([]byte, 4096)
	n, err := out.Read(greeting)
	found := regexp.MustCompile(`(http://\S+)/xmlrpc\.php`).FindSubmatch(greeting[:n])
	if found == nil {
		m.t.Fatalf("the server does not greet: %v, %q", err, greeting[:n])
	}
	go io.Copy(io.Discard, out)
	m.base = string(found[1])
}

// get requests an address of the blog, absolute or relative, and follows all
// redirects.
func (m *moved) get(address string) (status int, kind, body string) {
	m.t.Helper()
	if !strings.HasPrefix(address, "http") {
		address = m.base + address
	}
	answer, err := http.Get(address)
	if err != nil {
		m.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		m.t.Fatal(err)
	}
	return answer.StatusCode, answer.Header.Get("Content-Type"), string(text)
}

// shows reports an error unless the address leads to a page with the heading.
func (m *moved) shows(address, heading string) {
	m.t.Helper()
	status, _, body := m.get(address)
	got := regexp.MustCompile(`<h1[^>]*>(?:<[^>]*>)*([^<]*)`).FindStringSubmatch(body)
	if status != 200 || got == nil || html.UnescapeString(got[1]) != heading {
		m.t.Errorf("%s answers %d with the heading %q, want %q", address, status, got, heading)
	}
}

// post is a post in a bundle.
type bundledPost struct {
	ID                                 int64
	Type, Status, Title, Name, Content string
	Parent                             int64
	Terms                              []int64
	Meta                               []struct{ Key, Value string }
}

func (p bundledPost) field(key string) string {
	for _, m := range p.Meta {
		if m.Key == key {
			return m.Value
		}
	}
	return ""
}

type bundledTerm struct {
	ID                   int64 `json:"term_id"`
	Taxonomy, Name, Slug string
	Parent               int64
}

// content is the content of a bundle of the blog.
func (m *moved) content() (posts []bundledPost, terms []bundledTerm) {
	m.t.Helper()
	var all struct {
		Posts []bundledPost
		Terms []bundledTerm
	}
	if err := json.Unmarshal([]byte(m.run("export", "--no-files", "-")), &all); err != nil {
		m.t.Fatal(err)
	}
	return all.Posts, all.Terms
}

// find returns the post with a title.
func (m *moved) find(title string) bundledPost {
	m.t.Helper()
	posts, _ := m.content()
	i := slices.IndexFunc(posts, func(p bundledPost) bool { return p.Title == title })
	if i < 0 {
		m.t.Fatalf("there is no post %q", title)
	}
	return posts[i]
}

const oldBlog = "http://old.example"

// exported returns an export of a small blog.
func exported(items ...string) string {
	return `<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:excerpt="http://wordpress.org/export/1.2/excerpt/" xmlns:content="http://purl.org/rss/1.0/modules/content/"
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:wp="http://wordpress.org/export/1.2/">
<channel><title>Shed</title><link>` + oldBlog + `</link><wp:wxr_version>1.2</wp:wxr_version><wp:base_blog_url>` + oldBlog + `</wp:base_blog_url>
` + strings.Join(items, "\n") + `</channel></rss>`
}

// thing is an item of an export. Empty fields have usual values.
type thing struct {
	id                                              int64
	title, kind, name, text, date, status, by, guid string
	parent                                          int64
	extra                                           string
}

func (i thing) String() string {
	or := func(text, usual string) string {
		if text == "" {
			return usual
		}
		return text
	}
	date := or(i.date, "2020-01-02 03:04:05")
	return fmt.Sprintf(`<item><title><![CDATA[%s]]></title><guid>%s</guid><dc:creator><![CDATA[%s]]></dc:creator><content:encoded><![CDATA[%s]]></content:encoded>
<wp:post_id>%d</wp:post_id><wp:post_date>%s</wp:post_date><wp:post_date_gmt>%s</wp:post_date_gmt><wp:post_name><![CDATA[%s]]></wp:post_name>
<wp:status>%s</wp:status><wp:post_parent>%d</wp:post_parent><wp:post_type>%s</wp:post_type>%s</item>`,
		i.title, i.guid, or(i.by, "jo"), or(i.text, "Text."), i.id, date, date, i.name, or(i.status, "publish"), i.parent, or(i.kind, "post"), i.extra)
}

func field(key, value string) string {
	return "<wp:postmeta><wp:meta_key>" + key + "</wp:meta_key><wp:meta_value><![CDATA[" + value + "]]></wp:meta_value></wp:postmeta>"
}

// attached returns an attachment whose file was at the address.
func attached(id, parent int64, name, address, file string) string {
	extra := "<wp:attachment_url><![CDATA[" + address + "]]></wp:attachment_url>"
	if file != "" {
		extra += field("_wp_attached_file", file)
	}
	return thing{id: id, title: fmt.Sprintf("Picture %d", id), kind: "attachment", status: "inherit", name: name, parent: parent, extra: extra}.String()
}

// uploads creates a folder with pictures of these names.
func uploads(t *testing.T, names ...string) string {
	t.Helper()
	folder := t.TempDir()
	picture, err := media.Blank("x.jpg", 400, 300)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		path := filepath.Join(folder, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, picture, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// Names of posts that are not slugs become distinct slugs. The post is found at
// its own address and at the name in the file.
func TestMovedPostsAreFoundByTheNamesInTheFile(t *testing.T) {
	names := []struct{ raw, slug string }{
		{"My-Post-Caps", "my-post-caps"},
		{"with space", "with-space"},
		{"a.html", "a-html"},
		{"2013/11/2/slashy", "2013-11-2-slashy"},
		{"trail/", "trail"},
		{"あい", "%e3%81%82%e3%81%84"},
		{"q?uest", "quest"},
		{"ha#sh", "hash"},
		{"Ünlaut", "unlaut"},
		{"%C3%BCmlaut2", "%c3%bcmlaut2"},
		{`quo"te`, "quote"},
		{"привет мир", "%d0%bf%d1%80%d0%b8%d0%b2%d0%b5%d1%82-%d0%bc%d0%b8%d1%80"},
		{"שלום", "%d7%a9%d7%9c%d7%95%d7%9d"},
		{"under_score", "under_score"},
		{"quest", "quest-2"},
		{"100%", "100"},
		{strings.Repeat("long ", 60), strings.Trim(strings.Repeat("long-", 40), "-")},
	}
	eachMove(t, func(m *moved) {
		var items []string
		for i, n := range names {
			items = append(items, thing{id: int64(10 + i), title: fmt.Sprintf("Title %d", i), name: n.raw}.String(),
				thing{id: int64(110 + i), title: fmt.Sprintf("Page %d", i), name: "p" + n.raw, kind: "page"}.String())
		}
		items = append(items, thing{id: 90, title: "???", name: "???"}.String(), thing{id: 91, title: "No Name"}.String())
		file := exported(items...)
		m.run("option", "set", "permalink_structure", "/%year%/%monthnum%/%day%/%postname%/")
		m.take(file)
		m.takeAgain(file)
		for i, n := range names {
			if got := m.find(fmt.Sprintf("Title %d", i)).Name; got != n.slug && n.raw != "quest" && n.raw != "q?uest" {
				t.Errorf("%q became the slug %q, want %q", n.raw, got, n.slug)
			}
		}
		// A valid slug in the file leads to the post that has it there.
		if got := m.find("Title 14").Name; got != "quest" {
			m.t.Errorf("a proper slug became %q", got)
		}
		if got := m.find("Title 6").Name; got != "quest-2" {
			m.t.Errorf("q?uest became %q", got)
		}
		if got := m.find("???").Name; got != "90" {
			m.t.Errorf("a post without letters is named %q, want its id", got)
		}
		if got := m.find("No Name").Name; got != "no-name" {
			m.t.Errorf("a post without a name is named %q", got)
		}
		m.serve()
		escape := strings.NewReplacer("%", "%25", " ", "%20", "?", "%3F", "#", "%23", `"`, "%22")
		for i, n := range names {
			title, page := fmt.Sprintf("Title %d", i), fmt.Sprintf("Page %d", i)
			m.shows(fmt.Sprintf("/?p=%d", 10+i), title)
			m.shows(fmt.Sprintf("/?page_id=%d", 110+i), page)
			if len(n.raw) > 200 || strings.HasPrefix(n.raw, "%") || strings.HasPrefix(n.raw, "100") {
				continue
			}
			m.shows("/2020/01/02/"+escape.Replace(strings.TrimRight(n.raw, "/"))+"/", title)
			m.shows("/blog/"+escape.Replace(n.raw), title)
			m.shows("/p"+escape.Replace(n.raw), page)
		}
	})
}

// WordPress lists categories and tags a second time if the blog has no
// taxonomies of its own. That is not a loss, but another name is.
func TestMovedTermsAreListedTwice(t *testing.T) {
	category := `<wp:category><wp:term_id>8</wp:term_id><wp:category_nicename>news</wp:category_nicename><wp:category_parent></wp:category_parent><wp:cat_name><![CDATA[News]]></wp:cat_name></wp:category>`
	term := func(id int, name string) string {
		return fmt.Sprintf(`<wp:term><wp:term_id>%d</wp:term_id><wp:term_taxonomy>category</wp:term_taxonomy><wp:term_slug>news</wp:term_slug><wp:term_parent></wp:term_parent><wp:term_name><![CDATA[%s]]></wp:term_name></wp:term>`, id, name)
	}
	post := thing{id: 10, title: "One", name: "one", extra: `<category domain="category" nicename="news"><![CDATA[News]]></category>`}.String()
	eachMove(t, func(m *moved) {
		posts, terms, _, problems := m.take(exported(category, term(8, "News"), post))
		if posts != 1 || terms != 1 || len(problems) > 0 {
			m.t.Errorf("%d posts, %d terms, problems %v", posts, terms, problems)
		}
		if _, _, _, problems := m.take(exported(category, term(9, "Novelties"), post)); problems["left out: it occurs twice in the file"] != 1 {
			m.t.Errorf("another name for the same term: problems %v", problems)
		}
	})
}

// Terms without a valid slug become terms with their own slugs: C, C# and C++
// are three. Their lists are found at the names in the file.
func TestMovedTermsAreFoundByTheNamesInTheFile(t *testing.T) {
	terms := []struct{ raw, name string }{
		{"News", "News"},
		{"Company News", "Company News"},
		{"fun/games", "Fun"},
		{"あい", "あい"},
		{"ümlaut", "Umlaut"},
		{"q?", "Q"},
		{"c#", "C#"},
		{"c", "C"},
		{"C++", "C++"},
		{"привет", "Привет"},
		{"", "Bare Name"},
		{"", "F#"},
		{"", "F"},
	}
	for _, structure := range []string{"", "/%postname%/"} {
		eachMove(t, func(m *moved) {
			var items []string
			for i, term := range terms {
				items = append(items, thing{id: int64(10 + i), title: fmt.Sprintf("Title %d", i), name: fmt.Sprintf("t%d", i), extra: fmt.Sprintf(
					`<category domain="post_tag" nicename="%s"><![CDATA[%s]]></category><category domain="category" nicename="%[1]s"><![CDATA[%[2]s]]></category>`, term.raw, term.name)}.String())
			}
			file := exported(items...)
			m.run("option", "set", "permalink_structure", structure)
			m.take(file)
			m.takeAgain(file)
			_, all := m.content()
			slugs := map[string]string{}
			for _, term := range all {
				if slugs[term.Taxonomy+term.Slug] != "" || term.Slug == "" {
					m.t.Errorf("two terms have the slug %q", term.Slug)
				}
				slugs[term.Taxonomy+term.Slug] = term.Name
			}
			if slugs["post_tagc"] != "C" {
				m.t.Errorf("the slug c is that of %q", slugs["post_tagc"])
			}
			m.serve()
			for i, term := range terms {
				_, _, body := m.get(fmt.Sprintf("/?p=%d", 10+i))
				links := regexp.MustCompile(`<a href="([^"]*)" rel="(?:category )?tag">`).FindAllStringSubmatch(body, -1)
				if len(links) != 2 {
					m.t.Errorf("the post with %q links to %d lists", term.name, len(links))
				}
				for _, link := range links {
					if status, _, list := m.get(html.UnescapeString(link[1])); status != 200 || !strings.Contains(list, fmt.Sprintf("Title %d<", i)) {
						m.t.Errorf("the list of %q at %s answers %d", term.name, link[1], status)
					}
				}
				if term.raw == "" || strings.ContainsAny(term.raw, "#+?") {
					continue
				}
				plain := strings.ReplaceAll(term.raw, " ", "%20")
				addresses := []string{"/?tag=" + plain, "/?category_name=" + plain, "/?feed=rss2&tag=" + plain}
				if structure != "" {
					addresses = append(addresses, "/tag/"+plain+"/", "/category/"+plain+"/")
				}
				for _, address := range addresses {
					if status, _, list := m.get(address); status != 200 || !strings.Contains(list, fmt.Sprintf("Title %d<", i)) {
						m.t.Errorf("%s answers %d", address, status)
					}
				}
			}
		})
	}
}

// A creator that is not a valid login is cleaned up. Existing users are not
// created again, and the list of every author is found.
func TestMovedAuthorsAreFoundByTheNamesInTheFile(t *testing.T) {
	author := `<wp:author><wp:author_id>7</wp:author_id><wp:author_login><![CDATA[jo]]></wp:author_login><wp:author_email>jo@example.org</wp:author_email></wp:author>`
	creators := map[string]string{
		"jo": "jo", ">jo": "jo", "jo>": "jo", "<b>Jo</b>": "jo", "JO": "jo", "jo@example.org": "jo", "ann@example.org": "ann@example.org",
		"Theme Admin": "Theme Admin", "Zoë": "Zoe", "O'Neil & Söhne": "ONeil Sohne", "Анна": "Анна", "Анна 2": "Анна 2", "theme-admin": "theme-admin",
	}
	eachMove(t, func(m *moved) {
		items := []string{author}
		id := int64(10)
		want := map[string]int64{}
		for creator, login := range creators {
			items = append(items, thing{id: id, title: fmt.Sprintf("By %d", id), name: fmt.Sprintf("by%d", id), by: creator}.String())
			want[login]++
			id++
		}
		file := exported(items...)
		m.run("option", "set", "permalink_structure", "/%postname%/")
		m.take(file)
		m.takeAgain(file)
		var all struct {
			Users []struct {
				ID              int64
				Login, Nicename string
			}
			Posts []struct{ Author int64 }
		}
		if err := json.Unmarshal([]byte(m.run("export", "--no-files", "-")), &all); err != nil {
			m.t.Fatal(err)
		}
		got, nicenames := map[string]int64{}, map[string]bool{}
		for _, u := range all.Users {
			if nicenames[u.Nicename] {
				m.t.Errorf("%q is the name of two authors", u.Nicename)
			}
			nicenames[u.Nicename] = true
			for _, p := range all.Posts {
				if p.Author == u.ID {
					got[u.Login]++
				}
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			m.t.Errorf("posts by login (-want +got):\n%s", diff)
		}
		m.serve()
		for n := int64(10); n < id; n++ {
			_, _, body := m.get(fmt.Sprintf("/?p=%d", n))
			for _, link := range regexp.MustCompile(`href="([^"]*/author/[^"]*)"`).FindAllStringSubmatch(body, -1) {
				if status, _, _ := m.get(html.UnescapeString(link[1])); status != 200 {
					m.t.Errorf("the list of an author at %s answers %d", link[1], status)
				}
			}
		}
		for _, address := range []string{"/author/Theme%20Admin/", "/author/ann@example.org/", "/author/JO/"} {
			if status, _, _ := m.get(address); status != 200 {
				m.t.Errorf("%s answers %d", address, status)
			}
		}
	})
}

// Two items with one id are two posts, and a second import of the file changes
// nothing, however far apart they are.
func TestMovedItemsOfOneNumber(t *testing.T) {
	for _, between := range []int{0, 1600} {
		eachMove(t, func(m *moved) {
			items := []string{thing{id: 7, title: "First one", name: "first"}.String()}
			for i := range between {
				items = append(items, thing{id: int64(100 + i), title: fmt.Sprintf("Filler %d", i), name: fmt.Sprintf("filler-%d", i)}.String())
			}
			// A different date, the same date, and no title, as in menu
			// entries.
			items = append(items, thing{id: 7, title: "Second one", name: "second", date: "2020-02-02 03:04:05"}.String(),
				thing{id: 7, title: "Third one", name: "third"}.String(), thing{id: 7, kind: "nav_menu_item", name: "fourth"}.String())
			file := exported(items...)
			if posts, _, _, _ := m.take(file); posts != between+4 {
				m.t.Errorf("%d items between: added %d, want %d", between, posts, between+4)
			}
			m.takeAgain(file)
			m.takeAgain(file)
		})
	}
}

// Exports of two days: a draft is published, a title is corrected, and a
// program numbers posts again with each export.
func TestMovedOnTwoDays(t *testing.T) {
	for name, days := range map[string][2][]thing{
		"published":       {{{id: 7, title: "Notes", name: "notes", status: "draft"}}, {{id: 7, title: "Notes", name: "notes", date: "2020-03-02 03:04:05"}}},
		"published, GUID": {{{id: 7, title: "Notes", status: "draft", guid: "http://old.example/?p=7"}}, {{id: 7, title: "Notes", name: "notes", date: "2020-03-02 03:04:05", guid: "http://old.example/?p=7"}}},
		"renumbered":      {{{id: 1, title: "A", name: "a"}, {id: 2, title: "B", name: "b"}}, {{id: 1, title: "New", name: "new"}, {id: 2, title: "A", name: "a"}, {id: 3, title: "B", name: "b"}}},
		"without numbers": {{{title: "A", name: "a"}, {title: "B", name: "b"}}, {{title: "New", name: "new"}, {title: "A", name: "a"}, {title: "B", name: "b"}}},
	} {
		t.Run(name, func(t *testing.T) {
			eachMove(t, func(m *moved) {
				var files [2]string
				for i, day := range days {
					var items []string
					for _, item := range day {
						items = append(items, item.String())
					}
					files[i] = exported(items...)
				}
				m.take(files[0])
				if posts, _, _, _ := m.take(files[1]); posts != 1 {
					m.t.Errorf("the newer file adds %d posts, want 1", posts)
				}
				for range 2 {
					m.takeAgain(files[1])
					m.takeAgain(files[0])
				}
			})
		})
	}
}

// A post whose title was corrected in the meantime is the same post if the file
// has GUIDs.
func TestMovedAfterTheTitleWasMended(t *testing.T) {
	eachMove(t, func(m *moved) {
		m.take(exported(thing{id: 7, title: "Noets", name: "notes", guid: "http://old.example/?p=7"}.String()))
		m.takeAgain(exported(thing{id: 7, title: "Notes", name: "notes", guid: "http://old.example/?p=7"}.String()))
	})
}

// A blog that was exported in several files, with references between them in
// either order.
func TestMovedInSeveralFiles(t *testing.T) {
	folder := uploads(t, "2020/01/cat.jpg")
	cat := oldBlog + "/wp-content/uploads/2020/01/cat.jpg"
	files := []string{
		exported(thing{id: 11, title: "Child", name: "child", kind: "page", parent: 10, text: `<img src="` + cat + `">`, extra: field("_thumbnail_id", "20")}.String(),
			thing{id: 40, kind: "nav_menu_item", name: "40", extra: field("_menu_item_type", "post_type") + field("_menu_item_object_id", "10") +
				`<category domain="nav_menu" nicename="main"><![CDATA[Main]]></category>`}.String(),
			`<wp:category><wp:term_id>3</wp:term_id><wp:category_nicename>Under Water</wp:category_nicename><wp:category_parent>Sea Side</wp:category_parent><wp:cat_name>Under</wp:cat_name></wp:category>`),
		exported(thing{id: 10, title: "Parent", name: "parent", kind: "page"}.String(), attached(20, 11, "cat", cat, "2020/01/cat.jpg"),
			`<wp:category><wp:term_id>2</wp:term_id><wp:category_nicename>Sea Side</wp:category_nicename><wp:cat_name>Sea</wp:cat_name></wp:category>`),
	}
	for _, order := range [][]int{{0, 1}, {1, 0}} {
		for _, own := range []bool{false, true} { // posts of the blog's own, so that ids change
			eachMove(t, func(m *moved) {
				if own {
					m.take(strings.ReplaceAll(exported(thing{id: 10, title: "Own", name: "own"}.String(), thing{id: 20, title: "Own too", name: "own-too"}.String()), oldBlog, "http://other.example"))
				}
				for _, i := range order {
					m.take(files[i], "--attachments", folder)
				}
				child, parent, picture := m.find("Child"), m.find("Parent"), m.find("Picture 20")
				if child.Parent != parent.ID {
					m.t.Errorf("the parent is %d, want %d", child.Parent, parent.ID)
				}
				if got := child.field("_thumbnail_id"); got != fmt.Sprint(picture.ID) {
					m.t.Errorf("the thumbnail is %q, want %d", got, picture.ID)
				}
				if picture.Parent != child.ID {
					m.t.Errorf("the picture hangs on %d, want %d", picture.Parent, child.ID)
				}
				if strings.Contains(child.Content, "old.example") || !strings.Contains(child.Content, "/wp-content/uploads/2020/01/cat.jpg") {
					m.t.Errorf("the text is %q", child.Content)
				}
				posts, terms := m.content()
				for _, p := range posts {
					if p.Type == "nav_menu_item" && p.field("_menu_item_object_id") != fmt.Sprint(parent.ID) {
						m.t.Errorf("the entry of the menu leads to %q, want %d", p.field("_menu_item_object_id"), parent.ID)
					}
				}
				ids := map[string]int64{}
				for _, term := range terms {
					ids[term.Name] = term.ID
				}
				for _, term := range terms {
					if term.Name == "Under" && term.Parent != ids["Sea"] {
						m.t.Errorf("the parent of a category is %d, want %d", term.Parent, ids["Sea"])
					}
				}
				for _, i := range order {
					m.takeAgain(files[i], "--attachments", folder)
				}
			})
		}
	}
}

// Texts show imported files, including smaller versions, from this blog.
// Everything else in them stays the same.
func TestMovedTextsShowTheFilesHere(t *testing.T) {
	old := oldBlog + "/wp-content/uploads/2020/01/"
	folder := uploads(t, "2020/01/cat.jpg", "2020/01/big-scaled.jpg", "2021/05/dot.com.jpg", "podcast.jpg")
	text := `<a href="` + old + `cat.jpg"><img class="wp-image-20" src="https://www.old.example/wp-content/uploads/2020/01/cat-300x225.jpg" srcset="` + old + `cat-150x150.jpg 150w, //old.example/wp-content/uploads/2020/01/cat.jpg 400w"></a>` +
		`<img src="` + old + `cat-77x55.jpg?x=1&amp;y=2"><img src="` + old + `big.jpg"><img src="https://i2.wp.com/old.example/wp-content/uploads/2020/01/cat.jpg?resize=300%2C225">` +
		`<img src="https://shed.wordpress.com/wp-content/uploads/2021/05/dot.com.jpg"><!-- wp:image {"url":"` + old + `cat.jpg"} -->` +
		`<img src="http://elsewhere.example/x.jpg"> <a href="` + oldBlog + `/2020/01/02/post/">a post</a> ` + old + `lost.jpg and // no address`
	file := exported(
		attached(20, 10, "cat", old+"cat.jpg", "2020/01/cat.jpg"), attached(21, 10, "big", old+"big-scaled.jpg", "2020/01/big-scaled.jpg"),
		attached(22, 0, "dot", "https://shed.files.wordpress.com/2021/05/dot.com.jpg", ""), attached(23, 0, "lost", old+"lost.jpg", "2020/01/lost.jpg"),
		attached(24, 0, "podcast", oldBlog+"/media/podcast.jpg", ""),
		thing{id: 10, title: "Cat", name: "cat-post", text: text, extra: field("enclosure", oldBlog+"/media/podcast.jpg\n123\nimage/jpeg\n")}.String())
	eachMove(t, func(m *moved) {
		m.take(file, "--attachments", folder)
		post := m.find("Cat")
		for _, stays := range []string{`src="http://elsewhere.example/x.jpg"`, `href="` + oldBlog + `/2020/01/02/post/"`, old + "lost.jpg and // no address", "class=\"wp-image-20\""} {
			if !strings.Contains(post.Content, stays) {
				m.t.Errorf("the text lost %q: %s", stays, post.Content)
			}
		}
		if got := post.field("enclosure"); got != "/wp-content/uploads/podcast.jpg\n123\nimage/jpeg\n" {
			m.t.Errorf("the enclosure is %q", got)
		}
		m.serve()
		addresses := regexp.MustCompile(`[^"\s,]*(?:cat|big|dot)[^"\s,?]*\.jpg`).FindAllString(post.Content, -1)
		if len(addresses) != 9 {
			m.t.Errorf("%d addresses in %s", len(addresses), post.Content)
		}
		for _, address := range addresses {
			if strings.Contains(address, "//") {
				m.t.Errorf("%s is not here", address)
			} else if status, kind, _ := m.get(address); status != 200 || kind != "image/jpeg" {
				m.t.Errorf("%s answers %d, %s", address, status, kind)
			}
		}
		m.takeAgain(file, "--attachments", folder)
		if again := m.find("Cat"); again.Content != post.Content {
			m.t.Errorf("a second import changes the text to %s", again.Content)
		}
	})
	eachMove(t, func(m *moved) { // with an address of its own, and with files that come later
		m.take(file, "--base-url", "https://blog.example/home")
		m.take(file, "--base-url", "https://blog.example/home", "--attachments", folder)
		if post := m.find("Cat"); !strings.Contains(post.Content, `<a href="https://blog.example/home/wp-content/uploads/2020/01/cat.jpg">`) {
			m.t.Errorf("the text is %s", post.Content)
		}
	})
}

// Files are found although another system has changed their names, and keep the
// paths of their addresses in the source.
func TestMovedFilesFromOtherSystems(t *testing.T) {
	for _, test := range []struct{ name, attached, address, there, here string }{
		{"month of WordPress.com", "", "https://shed.files.wordpress.com/2020/01/cat.jpg", "2020/01/cat.jpg", "2020/01/cat.jpg"},
		{"path of a server", "/home/shed/public_html/wp-content/uploads/2008/05/a.jpg", "", "2008/05/a.jpg", "2008/05/a.jpg"},
		{"path of Windows", `C:\inetpub\wp\wp-content\uploads\2010\03\b.jpg`, "", "2010/03/b.jpg", "2010/03/b.jpg"},
		{"backslashes", `2010\03\c.jpg`, "", "2010/03/c.jpg", "2010/03/c.jpg"},
		{"letters taken apart on disk", "2020/01/cafe\u0301.jpg", "", "2020/01/caf\u00e9.jpg", "2020/01/caf\u00e9.jpg"},
		{"letters taken apart in the file", "2020/01/caf\u00e9.jpg", "", "2020/01/cafe\u0301.jpg", "2020/01/caf\u00e9.jpg"},
		{"Korean", "2020/01/\ud55c\uae00.jpg", "", "2020/01/\u1112\u1161\u11ab\u1100\u1173\u11af.jpg", "2020/01/\ud55c\uae00.jpg"},
		{"case", "2020/01/IMG_1.JPG", "", "2020/01/img_1.jpg", "2020/01/IMG_1.JPG"},
		{"escaped address", "", oldBlog + "/wp-content/uploads/2020/01/caf%C3%A9%20x.jpg", "2020/01/caf\u00e9 x.jpg", "2020/01/caf\u00e9 x.jpg"},
		{"escaped on disk", "2020/01/\u00fc.jpg", "", "2020/01/%C3%BC.jpg", "2020/01/\u00fc.jpg"},
		{"reserved characters", "2020/01/what: a? day.jpg", "", "2020/01/what_ a_ day.jpg", "2020/01/what- a- day.jpg"},
		{"a query", "", "https://cdn.example/img/photo.jpg?format=1500w", "photo.jpg", "photo.jpg"},
		{"leading dot", "2020/01/.hidden.jpg", "", "hidden.jpg", "2020/01/hidden.jpg"},
		{"address in the field", oldBlog + "/wp-content/uploads/2020/01/d.jpg", "", "2020/01/d.jpg", "2020/01/d.jpg"},
		{"upwards", "../../2020/01/e.jpg", oldBlog + "/x/e.jpg", "2020/01/e.jpg", "2020/01/e.jpg"},
	} {
		t.Run(test.name, func(t *testing.T) {
			eachMove(t, func(m *moved) {
				_, _, _, problems := m.take(exported(attached(20, 0, "x", test.address, test.attached)), "--attachments", uploads(t, test.there))
				if len(problems) > 0 {
					m.t.Errorf("problems: %v", problems)
				}
				if _, err := os.Stat(filepath.Join(m.place[1], "uploads", filepath.FromSlash(test.here))); err != nil {
					m.t.Error(err)
				}
			})
		})
	}
}

// The old addresses of the pages of pictures lead to them, and so do the names
// of posts after any prefix.
func TestMovedAddressesLeadToThePosts(t *testing.T) {
	file := exported(thing{id: 10, title: "Trip", name: "trip-to-the-sea"}.String(), thing{id: 11, title: "About", name: "about", kind: "page"}.String(),
		thing{id: 12, title: "Team", name: "team", kind: "page", parent: 11}.String(), thing{id: 13, title: "Secret", name: "trip-secret", status: "private"}.String(),
		attached(20, 10, "a-pic", oldBlog+"/a.jpg", ""), attached(21, 11, "b-pic", oldBlog+"/b.jpg", ""), attached(22, 0, "c-pic", oldBlog+"/c.jpg", ""),
		attached(23, 12, "d-pic", oldBlog+"/d.jpg", ""))
	found := map[string]string{
		"/trip-to-the-sea/": "Trip", "/2020/01/02/trip-to-th/": "Trip", "/blog/trip-to-the-sea": "Trip", "/archives/2019/trip_to_the_sea.html": "Trip", "/trip-to-the-sea.php?x=1": "Trip",
		"/team/": "Team", "/index.php/team": "Team", "/?name=trip-to-the-sea": "Trip", "/?pagename=about/team": "Team", "/?pagename=about": "About", "/Trip%20To%20The%20Sea": "Trip",
	}
	pictures := map[string]string{"/about/b-pic/": "Picture 21", "/c-pic/": "Picture 22", "/about/team/d-pic/": "Picture 23", "/about/attachment/b-pic/": "Picture 21"}
	for structure, own := range map[string]map[string]string{
		"/%year%/%monthnum%/%day%/%postname%/": {"/2020/01/02/trip-to-the-sea/a-pic/": "Picture 20", "/2020/01/02/trip-to-the-sea/attachment/a-pic": "Picture 20"},
		"/%postname%/":                         {"/trip-to-the-sea/a-pic/": "Picture 20", "/2020/01/02/trip-to-the-sea/": "Trip"},
		"":                                     {"/2020/01/02/trip-to-the-sea/": "Trip"},
	} {
		eachMove(t, func(m *moved) {
			m.run("option", "set", "permalink_structure", structure)
			m.take(file)
			m.serve()
			for address, heading := range found {
				if strings.HasPrefix(address, "/2020/01/02/trip-to-th/") && structure != "/%year%/%monthnum%/%day%/%postname%/" && structure != "/%postname%/" {
					continue
				}
				m.shows(address, heading)
			}
			for address, heading := range own {
				m.shows(address, heading)
			}
			for address, heading := range pictures {
				if structure != "" {
					m.shows(address, heading)
				}
			}
			for _, address := range []string{"/trip-secret/", "/tr/", "/nothing/", "/?name=trip-secret", "/c-pi/", "/" + strings.Repeat("x/", 2000), "/%00", "/?name=%00"} {
				if status, _, _ := m.get(address); status != 404 && status != 400 {
					m.t.Errorf("%.60s answers %d, want 404", address, status)
				}
			}
			if structure == "/%year%/%monthnum%/%day%/%postname%/" {
				if status, _, _ := m.get("/2019/12/31/trip-to-th/"); status != 404 {
					m.t.Errorf("the beginning of a name with another date answers %d", status)
				}
			}
		})
	}
}

// A published post with a future date is scheduled, and a scheduled one whose
// date has passed is published.
func TestMovedDatesAhead(t *testing.T) {
	eachMove(t, func(m *moved) {
		m.take(exported(thing{id: 10, title: "Ahead", name: "ahead", date: "2099-01-01 00:00:00"}.String(), thing{id: 11, title: "Due", name: "due", status: "future"}.String(),
			thing{id: 12, title: "Page ahead", name: "page", kind: "page", date: "2099-01-01 00:00:00"}.String(), thing{id: 13, title: "Draft ahead", status: "draft", date: "2099-01-01 00:00:00"}.String()))
		for title, want := range map[string]string{"Ahead": "future", "Due": "publish", "Page ahead": "future", "Draft ahead": "draft"} {
			if got := m.find(title).Status; got != want {
				m.t.Errorf("%s has the status %q, want %q", title, got, want)
			}
		}
		m.serve()
		for address, want := range map[string]int{"/?p=10": 404, "/?p=11": 200, "/?page_id=12": 404, "/?name=ahead": 404} {
			if status, _, _ := m.get(address); status != want {
				m.t.Errorf("%s answers %d, want %d", address, status, want)
			}
		}
	})
}

// An entry is in one menu, the first in the file, and a menu counts its
// entries.
func TestMovedMenus(t *testing.T) {
	entry := func(id int64, status string, menus ...string) string {
		extra := field("_menu_item_type", "custom") + field("_menu_item_url", "http://old.example/")
		for _, menu := range menus {
			extra += `<category domain="nav_menu" nicename="` + menu + `"><![CDATA[Menu ` + menu + `]]></category>`
		}
		return thing{id: id, kind: "nav_menu_item", name: fmt.Sprint(id), status: status, extra: extra}.String()
	}
	eachMove(t, func(m *moved) {
		file := exported(entry(30, "publish", "main", "foot"), entry(31, "publish", "main"), entry(32, "publish", "foot"), entry(33, "draft", "foot"))
		m.take(file)
		posts, _ := m.content()
		inMenus := map[int64]int{}
		for _, p := range posts {
			inMenus[p.ID] = len(p.Terms)
		}
		if want := map[int64]int{30: 1, 31: 1, 32: 1, 33: 1}; !cmp.Equal(want, inMenus) {
			m.t.Errorf("menus of the entries: %v", inMenus)
		}
		var counts []string
		db := databasetest.Open(m.t, m.url)
		if err := db.Select(m.t.Context(), &counts, `SELECT name || ' ' || (count + COALESCE((SELECT SUM(n) FROM term_shifts s WHERE s.term_id = terms.id), 0)) FROM terms WHERE taxonomy = 'nav_menu' ORDER BY name`); err != nil {
			m.t.Fatal(err)
		}
		if want := []string{"Menu foot 1", "Menu main 2"}; !cmp.Equal(want, counts) {
			m.t.Errorf("entries of the menus: %q, want %q", counts, want)
		}
	})
}
