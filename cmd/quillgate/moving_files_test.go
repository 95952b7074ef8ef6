package main

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Files in the form of their producers. Each is small and has the peculiarities
// of its producer.

// ofWordPressCom are the two files in an archive from WordPress.com: titles
// with entities, media at files.wordpress.com, a child in the first whose
// parent is in the second, and most addresses with a month.
func ofWordPressCom() (first, second string) {
	head := `<?xml version="1.0" encoding="UTF-8"?>
<!-- generator="WordPress.com" created="2024-02-03 10:00"-->
<rss version="2.0" xmlns:excerpt="http://wordpress.org/export/1.2/excerpt/" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:wfw="http://wellformedweb.org/CommentAPI/"
	xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:wp="http://wordpress.org/export/1.2/">
<channel><title>Tom &amp; Jo&#8217;s Harbour</title><link>https://harbourlog.wordpress.com</link><description>Tides &amp; boats</description><pubDate>Sat, 03 Feb 2024 10:00:00 +0000</pubDate>
<language>en</language><wp:wxr_version>1.2</wp:wxr_version><wp:base_site_url>http://wordpress.com/</wp:base_site_url><wp:base_blog_url>https://harbourlog.wordpress.com</wp:base_blog_url>
<wp:author><wp:author_id>77</wp:author_id><wp:author_login>jomarsh</wp:author_login><wp:author_email>jo@example.org</wp:author_email><wp:author_display_name><![CDATA[Jo Marsh]]></wp:author_display_name></wp:author>
<generator>http://wordpress.com/</generator>
<image><url>https://s0.wp.com/i/buttonw-com.png</url><title>Harbour</title><link>https://harbourlog.wordpress.com</link></image>`
	item := func(id int, kind, name, link string, more string) string {
		return fmt.Sprintf(`<item><title>%s</title><link>https://harbourlog.wordpress.com%s</link><pubDate>Mon, 09 Mar 2015 08:05:02 +0000</pubDate><dc:creator>jomarsh</dc:creator>
<guid isPermaLink="false">http://harbourlog.wordpress.com/?p=%d</guid><description></description><content:encoded><![CDATA[<p>See <img src="https://harbourlog.files.wordpress.com/2015/03/cat.jpg?w=300"></p>]]></content:encoded>
<wp:post_id>%d</wp:post_id><wp:post_date>2015-03-09 09:05:02</wp:post_date><wp:post_date_gmt>2015-03-09 08:05:02</wp:post_date_gmt><wp:comment_status>open</wp:comment_status>
<wp:post_name>%s</wp:post_name><wp:status>%s</wp:status><wp:post_type>%s</wp:post_type>%s</item>`, strings.ToUpper(name[:1])+name[1:], link, id, id, name, map[bool]string{true: "inherit", false: "publish"}[kind == "attachment"], kind, more)
	}
	first = head + item(10, "post", "tides", "/2015/03/09/tides/", "") + item(11, "page", "crew", "/about/crew/", "<wp:post_parent>12</wp:post_parent>") + `</channel></rss>`
	second = head + item(12, "page", "about", "/about/", "") + item(13, "post", "ebb", "/2015/03/09/ebb/", "") +
		item(14, "attachment", "cat", "/2015/03/09/tides/cat/", "<wp:post_parent>10</wp:post_parent><wp:attachment_url>https://harbourlog.files.wordpress.com/2015/03/cat.jpg</wp:attachment_url>") + `</channel></rss>`
	return first, second
}

// ofSquarespace is an export from Squarespace: links without a host, names that
// are paths, dates with single digits, and files on its own servers.
const ofSquarespace = `<?xml version="1.0" encoding="UTF-8"?>
<rss xmlns:excerpt="http://wordpress.org/export/1.1/excerpt/" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:wp="http://wordpress.org/export/1.2/" version="2.0">
<channel><title>Net Shed</title><link>http://www.netshed.example</link><pubDate>Sat, 03 Feb 2024 10:00:00 +0000</pubDate><description/><language>en-US</language><wp:wxr_version>1.2</wp:wxr_version>
<wp:author><wp:author_id>1</wp:author_id><wp:author_login>ann@example.org</wp:author_login><wp:author_email>ann@example.org</wp:author_email><wp:author_display_name><![CDATA[Ann]]></wp:author_display_name></wp:author>
<item><title>First Nets</title><link>/blog/2013/5/2/First-Nets</link><content:encoded><![CDATA[<p>Mended.</p>]]></content:encoded><excerpt:encoded/><wp:post_name>blog/2013/5/2/First-Nets</wp:post_name><wp:post_type>post</wp:post_type>
<wp:post_id>4</wp:post_id><wp:status>publish</wp:status><pubDate>Thu, 02 May 2013 10:00:00 +0000</pubDate><wp:post_date>2013-05-02 10:00:00</wp:post_date><wp:post_date_gmt>2013-05-02 10:00:00</wp:post_date_gmt><dc:creator>ann@example.org</dc:creator></item>
<item><title>About Us</title><link>/about-us</link><content:encoded><![CDATA[<p>We.</p>]]></content:encoded><wp:post_name>about-us</wp:post_name><wp:post_type>page</wp:post_type>
<wp:post_id>5</wp:post_id><wp:status>publish</wp:status><wp:post_date>2013-05-02 10:00:00</wp:post_date><wp:post_date_gmt>2013-05-02 10:00:00</wp:post_date_gmt><dc:creator>ann@example.org</dc:creator></item>
<item><title>net.jpg</title><link>/blog/2013/5/2/First-Nets/net-jpg</link><wp:post_name>net-jpg</wp:post_name><wp:post_type>attachment</wp:post_type><wp:post_id>6</wp:post_id><wp:post_parent>4</wp:post_parent><wp:status>inherit</wp:status>
<wp:post_date>2013-05-02 10:00:00</wp:post_date><wp:attachment_url>http://static1.squarespace.com/static/5a/t/5b/1367488800000/net.jpg</wp:attachment_url></item>
</channel></rss>`

// ofBlogger is a blog from Blogger that a converter has turned into an export:
// addresses with .html, and the field in which WordPress's importer stores
// them.
func ofBlogger() string {
	post := func(id int, name, day, more string) string {
		return fmt.Sprintf(`<item><title>%s</title><link>http://quay.blogspot.com/2011/07/%s.html</link><dc:creator>kim</dc:creator><content:encoded><![CDATA[<p>Text</p>]]></content:encoded>
<wp:post_id>%d</wp:post_id><wp:post_date>2011-07-%s 10:00:00</wp:post_date><wp:post_date_gmt>2011-07-%[4]s 10:00:00</wp:post_date_gmt><wp:post_name>%[2]s</wp:post_name><wp:status>publish</wp:status><wp:post_type>post</wp:post_type>%[5]s</item>`,
			strings.ToUpper(name[:1])+name[1:], name, id, day, more)
	}
	return `<?xml version="1.0" encoding="UTF-8"?><rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:wp="http://wordpress.org/export/1.2/">
<channel><title>The Quay</title><link>http://quay.blogspot.com</link><description>Old stones</description><wp:wxr_version>1.2</wp:wxr_version><wp:base_blog_url>http://quay.blogspot.com</wp:base_blog_url>` +
		post(30, "bollards", "04", field("blogger_permalink", "/2011/07/bollards_04.html")) + post(31, "ropes-and-knots", "07", "") + post(32, "seven", "07", "") + `</channel></rss>`
}

func (m *moved) file(name string, content []byte) string {
	m.t.Helper()
	path := filepath.Join(m.t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		m.t.Fatal(err)
	}
	return path
}

func (m *moved) zipped(name string, files ...string) string {
	m.t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		f, err := w.Create(files[i])
		if err == nil {
			_, err = f.Write([]byte(files[i+1]))
		}
		if err != nil {
			m.t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		m.t.Fatal(err)
	}
	return m.file(name, b.Bytes())
}

func (m *moved) says(text string, wants ...string) {
	m.t.Helper()
	for _, want := range wants {
		if !regexp.MustCompile(`(?m)` + want).MatchString(text) {
			m.t.Errorf("the summary does not match %q:\n%s", want, text)
		}
	}
}

func (m *moved) option(name, want string) {
	m.t.Helper()
	if got := strings.TrimSuffix(m.run("option", "get", name), "\n"); got != want {
		m.t.Errorf("the option %s is %q, want %q", name, got, want)
	}
}

// leads reports an error unless an address redirects to the given other address
// of the blog.
func (m *moved) leads(address, want string) {
	m.t.Helper()
	client := clientWithoutRedirects()
	answer, err := client.Get(m.base + address)
	if err != nil {
		m.t.Fatal(err)
	}
	answer.Body.Close()
	if got := strings.TrimPrefix(answer.Header.Get("Location"), m.base); answer.StatusCode != 301 || got != want {
		m.t.Errorf("%s answers %d with %q, want a redirect to %s", address, answer.StatusCode, got, want)
	}
}

// The archive from WordPress.com restores the blog: title, tagline, permalink
// structure, pages below pages of the other file, and pictures in texts. A
// second import changes nothing.
func TestMovedFromWordPressCom(t *testing.T) {
	first, second := ofWordPressCom()
	eachMove(t, func(m *moved) {
		archive := m.zipped("harbourlog.zip", "harbourlog.wordpress.2024-02-03.000.xml", first, "harbourlog.wordpress.2024-02-03.001.xml", second)
		folder := uploads(m.t, "2015/03/cat.jpg")
		m.says(m.run("import", archive, "--quiet", "--attachments", folder), `^ *posts +5 +0 +0$`, `^Files stored: 1$`, `^The title is now "Tom & Jo’s Harbour"\.$`, `^The tagline is now "Tides & boats"\.$`,
			`^Posts have addresses like /%year%/%monthnum%/%day%/%postname%/, as before \(2 of the newest 2 keep theirs\)`, `There is no administrator yet`, `1 user has no password yet`,
			`The clock of the old blog was \+1 hours from UTC`, `the old one was at https://harbourlog\.wordpress\.com`)
		m.option("blog_title", "Tom &amp; Jo’s Harbour")
		m.option("blog_tagline", "Tides &amp; boats")
		m.option("permalink_structure", "/%year%/%monthnum%/%day%/%postname%/")
		if again := m.run("import", archive, "--quiet"); !strings.HasPrefix(again, "Everything was already there.") || strings.Contains(again, "is now") {
			m.t.Errorf("a second import says %s", again)
		}
		m.serve()
		m.shows("/2015/03/09/tides/", "Tides")
		m.shows("/about/crew/", "Crew")
		m.shows("/2015/03/09/tides/cat/", "Cat")
		if _, _, body := m.get("/2015/03/09/ebb/"); strings.Contains(body, "files.wordpress.com") || !strings.Contains(body, "/wp-content/uploads/2015/03/cat") {
			m.t.Errorf("a text shows its picture from elsewhere: %s", body)
		}
	})
}

// Addresses of Squarespace have a form that is not supported here, so they
// redirect.
func TestMovedFromSquarespace(t *testing.T) {
	eachMove(t, func(m *moved) {
		m.says(m.run("import", m.file("Squarespace-Wordpress-Export.xml", []byte(ofSquarespace)), "--quiet", "--attachments", uploads(m.t, "net.jpg")),
			`^Files stored: 1$`, `The old addresses have a form that cannot be set here; they redirect`)
		m.option("permalink_structure", "")
		m.serve()
		m.leads("/blog/2013/5/2/First-Nets", "/?p=4")
		m.leads("/blog/2013/5/2/first-nets?format=amp", "/?p=4")
		m.leads("/about-us", "/?page_id=5")
		m.leads("/blog/2013/5/2/First-Nets/net-jpg", "/?attachment_id=6")
		m.run("option", "set", "permalink_structure", "/%postname%/")
		m.shows("/blog/2013/5/2/First-Nets", "First Nets")
	})
}

// Addresses of Blogger stay the same, also with the parameter of its mobile
// page, and so do older ones that WordPress's importer has stored.
func TestMovedFromBlogger(t *testing.T) {
	eachMove(t, func(m *moved) {
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		if _, err := w.Write([]byte(ofBlogger())); err != nil {
			m.t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			m.t.Fatal(err)
		}
		m.says(m.run("import", m.file("quay.xml.gz", packed.Bytes()), "--quiet"), `^Posts have addresses like /%year%/%monthnum%/%postname%\.html, as before \(3 of the newest 3 keep theirs\)`)
		m.option("permalink_structure", "/%year%/%monthnum%/%postname%.html")
		m.serve()
		m.shows("/2011/07/ropes-and-knots.html", "Ropes-and-knots")
		m.shows("/2011/07/ropes-and-knots.html?m=1", "Ropes-and-knots")
		m.leads("/2011/07/bollards_04.html", "/2011/07/bollards.html")
		m.run("option", "set", "permalink_structure", "/%postname%/")
		m.shows("/2011/07/seven.html?m=1", "Seven")
	})
}

// A blog with content of its own, or with a structure that its operator has
// chosen, keeps its title and its addresses. The old structure is only
// reported.
func TestMovedToABlogInUse(t *testing.T) {
	eachMove(t, func(m *moved) {
		m.take(exported(thing{id: 1, title: "Mine", name: "mine"}.String()))
		m.run("option", "set", "blog_title", "My own")
		said := m.run("import", m.file("quay.xml", []byte(ofBlogger())), "--quiet")
		m.says(said, `The old addresses were like /%year%/%monthnum%/%postname%\.html\. "quillgate option set permalink_structure '/%year%/%monthnum%/%postname%\.html'" keeps them for 3 of the newest 3 posts`)
		if strings.Contains(said, "is now") {
			m.t.Errorf("something was set: %s", said)
		}
		m.option("blog_title", "My own")
		m.option("blog_tagline", "")
		m.option("permalink_structure", "")
		m.serve()
		m.leads("/2011/07/seven.html", "/?p=32")
	})
	eachMove(t, func(m *moved) {
		m.run("option", "set", "permalink_structure", "/%postname%/")
		m.says(m.run("import", m.file("quay.xml", []byte(ofBlogger())), "--quiet"), `^The title is now "The Quay"`, `The old addresses were like /%year%/%monthnum%/%postname%\.html`)
		m.option("permalink_structure", "/%postname%/")
	})
}

// The structure is found with categories and authors in it, and for renamed
// posts, but not from so few posts that a match could be chance.
func TestMovedStructures(t *testing.T) {
	type link struct{ name, date, path, category, author string }
	for want, links := range map[string][]link{
		"/%category%/%postname%/": {{"a-b", "2020-01-02 03:04:05", "/news/a-b/", "news", "jo"}, {"c-d", "2020-02-02 03:04:05", "/sport/c-d/", "sport", "jo"}, {"e-f", "2020-02-03 03:04:05", "/news/e-f/", "news", "jo"}},
		"/%author%/%postname%/":   {{"a-b", "2020-01-02 03:04:05", "/jo/a-b/", "news", "jo"}, {"c-d", "2020-02-02 03:04:05", "/ann/c-d/", "news", "ann"}, {"e-f", "2020-02-03 03:04:05", "/jo/e-f/", "sport", "jo"}},
		"/archives/%post_id%":     {{"a-b", "2020-01-02 03:04:05", "/archives/10", "", "jo"}, {"c-d", "2020-02-02 03:04:05", "/archives/11", "", "jo"}},
		"/p/%post_id%":            {{"a-b", "2020-01-02 03:04:05", "/p/10", "", "jo"}, {"c-d", "2020-02-02 03:04:05", "/p/11", "", "jo"}},
		"/%post_id%/":             {{"a-b", "2020-01-02 03:04:05", "/10/", "", "jo"}, {"c-d", "2020-02-02 03:04:05", "/11/", "", "jo"}},
		"/%year%/%post_id%/":      {{"a-b", "2020-10-02 03:04:05", "/2020/10/", "", "jo"}, {"c-d", "2020-11-02 03:04:05", "/2020/11/", "", "jo"}},
		"/%year%/%monthnum%/%post_id%.html": {
			{"a-b", "2020-10-10 10:10:10", "/2020/10/10.html", "", "jo"}, {"c-d", "2021-01-02 03:04:05", "/2021/01/11.html", "", "jo"}, {"e-f", "2021-01-02 03:04:05", "/2021/01/12.html", "", "jo"},
		},
		"/%category%/%post_id%/":         {{"a-b", "2020-01-02 03:04:05", "/news/10/", "news", "jo"}, {"c-d", "2020-02-02 03:04:05", "/sport/11/", "sport", "jo"}},
		"/archives/%author%/%post_id%":   {{"a-b", "2020-01-02 03:04:05", "/archives/jo/10", "", "jo"}, {"c-d", "2020-02-02 03:04:05", "/archives/ann/11", "", "ann"}},
		"/%post_id%-%postname%":          {{"a-b", "2020-01-02 03:04:05", "/10-a-b", "", "jo"}, {"c-d", "2020-02-02 03:04:05", "/11-c-d", "", "jo"}},
		"/posts/%post_id%":               {{"a-b", "2020-01-02 03:04:05", "/index.php/posts/10", "", "jo"}, {"c-d", "2020-02-02 03:04:05", "/index.php/posts/11", "", "jo"}},
		"/%year%/%monthnum%/%postname%/": {{"a-b", "2020-01-02 03:04:05", "/index.php/2020/01/a-b/", "", "jo"}, {"c-d", "2020-02-02 03:04:05", "/index.php/2020/02/c-d/", "", "jo"}},
		"/%year%/%monthnum%/%day%/%postname%": {
			{"a-b", "2020-03-03 03:03:03", "/2020/03/03/a-b", "", "jo"}, {"c-d", "2020-11-12 03:04:05", "/2020/11/12/c-d", "", "jo"}, {"e-f", "2020-03-03 03:03:03", "/an/older/address", "", "jo"},
		},
		"/blog/%postname%/": {{"a-b", "2020-01-02 03:04:05", "/blog/a-b/", "news", "jo"}, {"c-d", "2020-02-02 03:04:05", "/blog/c-d/", "sport", "jo"}},
		"":                  {{"a-b", "2020-01-02 03:04:05", "/a-b/", "", "jo"}, {"c-d", "2020-02-02 03:04:05", "/one/of/a/kind", "", "jo"}},
	} {
		eachMove(t, func(m *moved) {
			var items []string
			for i, l := range links {
				extra := "<link>" + oldBlog + l.path + "</link>"
				if l.category != "" {
					extra += `<category domain="category" nicename="` + l.category + `"><![CDATA[` + l.category + `]]></category>`
				}
				items = append(items, thing{id: int64(10 + i), title: l.name, name: l.name, date: l.date, by: l.author, extra: extra}.String())
			}
			var said struct {
				Settled struct{ Structure string }
			}
			if err := json.Unmarshal([]byte(m.run("import", m.file("site.xml", []byte(exported(items...))), "--quiet", "--json")), &said); err != nil {
				m.t.Fatal(err)
			}
			if said.Settled.Structure != want {
				m.t.Errorf("the structure is %q, want %q", said.Settled.Structure, want)
			}
			m.option("permalink_structure", want)
			m.serve()
			for _, l := range links {
				m.shows(l.path, l.name)
			}
			m.shows("/2020/", "2020") // a list that any structure leaves alone, or has elsewhere
		})
	}
}

func clientWithoutRedirects() *http.Client {
	return &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}
