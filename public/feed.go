package public

import (
	"context"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/html"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/options"
	"github.com/quillgate/quillgate/site"
)

// The elements of RSS 2.0, with the extensions in WordPress's feeds, and of
// Atom (RFC 4287). The prefixes are fixed, because feed readers expect the
// usual ones.

const (
	rssType  = "application/rss+xml"
	atomType = "application/atom+xml"
)

type rss struct {
	XMLName xml.Name `xml:"rss"`
	Version string   `xml:"version,attr"`
	Content string   `xml:"xmlns:content,attr"`
	WFW     string   `xml:"xmlns:wfw,attr"`
	DC      string   `xml:"xmlns:dc,attr"`
	AtomNS  string   `xml:"xmlns:atom,attr"`
	SY      string   `xml:"xmlns:sy,attr"`
	Slash   string   `xml:"xmlns:slash,attr"`
	Channel channel  `xml:"channel"`
}

type channel struct {
	Title       string   `xml:"title"`
	Self        selfLink `xml:"atom:link"`
	Link        string   `xml:"link"`
	Description string   `xml:"description"`
	Built       string   `xml:"lastBuildDate,omitempty"`
	Language    string   `xml:"language"`
	Period      string   `xml:"sy:updatePeriod"`
	Frequency   int      `xml:"sy:updateFrequency"`
	Generator   string   `xml:"generator"`
	Items       []item   `xml:"item"`
}

type selfLink struct {
	Href string `xml:"href,attr"`
	Rel  string `xml:"rel,attr"`
	Type string `xml:"type,attr"`
}

type item struct {
	Title       string     `xml:"title"`
	Link        string     `xml:"link"`
	Comments    string     `xml:"comments,omitempty"`
	Creator     *cdata     `xml:"dc:creator"`
	Published   string     `xml:"pubDate"`
	Categories  []cdata    `xml:"category"`
	GUID        guid       `xml:"guid"`
	Description cdata      `xml:"description"`
	Content     *cdata     `xml:"content:encoded"`
	Enclosure   *enclosure `xml:"enclosure"`
	CommentRSS  string     `xml:"wfw:commentRss,omitempty"`
	Count       string     `xml:"slash:comments,omitempty"`
}

type cdata struct {
	Text string `xml:",cdata"`
}

type guid struct {
	Permanent bool   `xml:"isPermaLink,attr"`
	Text      string `xml:",chardata"`
}

type enclosure struct {
	URL    string `xml:"url,attr"`
	Length string `xml:"length,attr"`
	Type   string `xml:"type,attr"`
}

type atom struct {
	XMLName  xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
	Lang     string      `xml:"xml:lang,attr"`
	Title    atomText    `xml:"title"`
	Subtitle *atomText   `xml:"subtitle"`
	Updated  string      `xml:"updated"`
	Links    []atomLink  `xml:"link"`
	ID       string      `xml:"id"`
	Maker    string      `xml:"generator"`
	Entries  []atomEntry `xml:"entry"`
}

type atomText struct {
	Type string `xml:"type,attr"`
	Text string `xml:",cdata"`
}

type atomLink struct {
	Rel  string `xml:"rel,attr"`
	Type string `xml:"type,attr,omitempty"`
	Href string `xml:"href,attr"`
}

type atomEntry struct {
	Author     atomPerson     `xml:"author"`
	Title      atomText       `xml:"title"`
	Links      []atomLink     `xml:"link"`
	ID         string         `xml:"id"`
	Updated    string         `xml:"updated"`
	Published  string         `xml:"published"`
	Categories []atomCategory `xml:"category"`
	Summary    *atomText      `xml:"summary"`
	Content    atomText       `xml:"content"`
}

type atomPerson struct {
	Name string `xml:"name"`
	URI  string `xml:"uri,omitempty"`
}

type atomCategory struct {
	Term string `xml:"term,attr"`
}

// news is an entry of a feed, independent of the format.
type news struct {
	title, link, id, author, authorURL string
	published, updated                 time.Time
	categories                         []string
	summary                            string // text
	content                            string // HTML that has passed the policy
	comments                           string // where comments are, "" when there are none
	commentRSS                         string
	count                              int64
	enclosure                          *enclosure
}

// feed makes the requested feed.
func (p *Pages) feed(ctx context.Context, q *ask, t *target) (*answer, error) {
	opts, err := p.site.Options().Current(ctx)
	if err != nil {
		return nil, err
	}
	blog := firstOf(plainText(opts.Text("blog_title")), p.site.BaseURL())
	title, link := blog, p.site.BaseURL()+"/"
	var list []news
	var self string
	switch {
	case t.kind == "comments":
		title, self = say("Comments on %s", blog), commentsFeed(p.site.BaseURL(), opts)
		list, err = p.commentNews(ctx, 0, opts)
	case t.post != nil && t.post.Password != "":
		return p.missing(ctx, auth.Identity{}) // comments on a post that is not public are not public either
	case t.post != nil:
		title, link, self = say("Comments on %s", titleOf(t.post)), t.link, feedLink(t.link, q.feed, opts)
		list, err = p.commentNews(ctx, t.post.ID, opts)
	default:
		if t.heading != "" {
			title = t.heading + titleEnd(blog)
		}
		link, self = t.link, feedLink(t.link, q.feed, opts)
		list, err = p.postNews(ctx, q, t, opts)
	}
	if err != nil {
		return nil, err
	}
	channel := feedHead{title: title, link: link, self: self, description: firstOf(t.intro, plainText(opts.Text("blog_tagline"))), language: opts.Language()}
	if q.feed == "atom" {
		return writeFeed(atomType+"; charset=UTF-8", channel.atom(list))
	}
	return writeFeed(rssType+"; charset=UTF-8", channel.rss(list))
}

func writeFeed(kind string, feed any) (*answer, error) {
	body, err := xml.MarshalIndent(feed, "", " ")
	if err != nil {
		return nil, fmt.Errorf("write a feed: %w", err)
	}
	return newAnswer(http.StatusOK, kind, append([]byte(xml.Header), body...)), nil
}

// postNews returns the newest posts of a list. Of a post with a password it
// returns only the title.
func (p *Pages) postNews(ctx context.Context, q *ask, t *target, opts *options.Values) ([]news, error) {
	perPage := opts.Count(options.PostsPerFeed)
	posts, err := p.posts(ctx, t, perPage, (q.page-1)*perPage, feedText+1)
	if err != nil {
		return nil, err
	}
	var ids []int64
	for _, post := range posts {
		ids = append(ids, post.Author)
	}
	authors, err := p.site.Authors(ctx, ids)
	if err != nil {
		return nil, err
	}
	done, err := p.turn(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	texts := feedSources(posts)
	a, err := p.album(ctx, texts)
	if err != nil {
		return nil, err
	}
	out := make([]news, len(posts))
	for i := range posts {
		post := &posts[i]
		n := news{
			title: titleOf(post), link: post.Link, id: p.site.GUID(&post.Post), author: plainText(authors[post.Author].Name),
			authorURL: webOnly(authors[post.Author].URL), published: p.site.Moment(&post.Post), updated: p.site.ModifiedMoment(&post.Post),
		}
		for _, term := range post.Terms {
			if term.Taxonomy == site.Category || term.Taxonomy == site.PostTag {
				n.categories = append(n.categories, plainText(term.Name))
			}
		}
		if post.Password != "" {
			n.summary = say("This post is protected by a password.")
			n.content = "<p>" + n.summary + "</p>"
		} else {
			root, err := a.prepare(ctx, &texts[i])
			if err != nil {
				return nil, err
			}
			if texts[i].cut {
				root.AppendChild(moreLink(post.Link))
			}
			content, err := render(root)
			if err != nil {
				return nil, err
			}
			excerpt, _ := beginning(post.Excerpt, listedText)
			n.content, n.summary = string(content), firstOf(textOf(excerpt), clip(wordsOf(root), 400))
			n.comments, n.commentRSS, n.count = post.Link+"#comments", feedLink(post.Link, "rss2", opts), post.CommentCount
			if e, ok := post.Enclosure(); ok && webOnly(e.URL) != "" {
				n.enclosure = &enclosure{URL: e.URL, Length: fmt.Sprint(e.Length), Type: e.Type}
			}
		}
		out[i] = n
	}
	return out, nil
}

// feedSources returns the texts of posts for a feed. They are complete, except
// for very long ones.
func feedSources(posts []site.FullPost) []text {
	texts := make([]text, len(posts))
	left := feedTexts
	for i := range posts {
		if posts[i].Password != "" {
			continue
		}
		limit := feedText
		if left < feedText {
			limit = listedText
		}
		content, cut := beginning(posts[i].Content, limit)
		left -= len(content)
		texts[i] = newSource(posts[i].ID, nextPage.ReplaceAllString(content, "\n\n"))
		texts[i].cut = cut
	}
	return texts
}

// moreLink returns a link from the beginning of a text in a feed to the rest.
func moreLink(address string) *html.Node {
	p, a := newNode("p", nil), newNode("a", []html.Attribute{{Key: "href", Val: address}})
	a.AppendChild(newText(say("Continue reading")))
	p.AppendChild(a)
	return p
}

// commentNews returns the newest comments on a post, or on all posts.
func (p *Pages) commentNews(ctx context.Context, post int64, opts *options.Values) ([]news, error) {
	list, err := p.site.LatestComments(ctx, post, opts.Count(options.PostsPerFeed))
	if err != nil {
		return nil, err
	}
	out := make([]news, len(list))
	for i, c := range list {
		name := firstOf(plainText(c.Author), say("Anonymous"))
		root, err := p.remark(ctx, c.Content)
		if err != nil {
			return nil, err
		}
		content, err := render(root)
		if err != nil {
			return nil, err
		}
		out[i] = news{
			title: say("%s on %s", name, plainText(c.PostTitle)), link: c.Link, id: p.site.BaseURL() + "/?p=" + itoa(c.Post) + "#comment-" + itoa(c.ID),
			author: name, authorURL: webOnly(c.URL), published: c.DateGMT, updated: c.DateGMT, content: string(content), summary: clip(wordsOf(root), 400),
		}
	}
	return out, nil
}

// webOnly returns an address if it is a complete web address, otherwise "".
func webOnly(address string) string {
	if u, err := url.Parse(address); err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https") {
		return address
	}
	return ""
}

// feedHead is what a feed contains about itself.
type feedHead struct{ title, link, self, description, language string }

func newestOf(list []news) time.Time {
	var newest time.Time
	for _, n := range list {
		if n.updated.After(newest) {
			newest = n.updated
		}
		if n.published.After(newest) {
			newest = n.published
		}
	}
	return newest
}

func (f feedHead) rss(list []news) rss {
	out := rss{
		Version: "2.0", Content: "http://purl.org/rss/1.0/modules/content/", WFW: "http://wellformedweb.org/CommentAPI/", DC: "http://purl.org/dc/elements/1.1/",
		AtomNS: "http://www.w3.org/2005/Atom", SY: "http://purl.org/rss/1.0/modules/syndication/", Slash: "http://purl.org/rss/1.0/modules/slash/",
	}
	out.Channel = channel{
		Title: rssText(f.title), Self: selfLink{f.self, "self", rssType}, Link: f.link, Description: rssText(f.description),
		Language: f.language, Period: "hourly", Frequency: 1, Generator: "https://wordpress.org/?v=6.1.9",
	}
	if newest := newestOf(list); !newest.IsZero() {
		out.Channel.Built = newest.UTC().Format(time.RFC1123Z)
	}
	for _, n := range list {
		i := item{
			Title: rssText(n.title), Link: n.link, Comments: n.comments, Published: n.published.UTC().Format(time.RFC1123Z), GUID: guid{false, n.id},
			Description: cdata{rssText(n.summary)}, Content: &cdata{xmlText(n.content)}, Enclosure: n.enclosure, CommentRSS: n.commentRSS,
		}
		if n.author != "" {
			i.Creator = &cdata{rssText(n.author)}
		}
		if n.comments != "" {
			i.Count = itoa(n.count)
		}
		for _, c := range n.categories {
			i.Categories = append(i.Categories, cdata{rssText(c)})
		}
		out.Channel.Items = append(out.Channel.Items, i)
	}
	return out
}

func (f feedHead) atom(list []news) atom {
	newest := newestOf(list)
	if newest.IsZero() {
		newest = time.Unix(0, 0)
	}
	out := atom{
		Lang: f.language, Title: atomText{"text", xmlText(f.title)}, Updated: newest.UTC().Format(time.RFC3339), ID: f.self, Maker: "WordPress",
		Links: []atomLink{{"alternate", "text/html", f.link}, {"self", atomType, f.self}},
	}
	if f.description != "" {
		out.Subtitle = &atomText{"text", xmlText(f.description)}
	}
	for _, n := range list {
		e := atomEntry{
			Author: atomPerson{firstOf(xmlText(n.author), say("Anonymous")), n.authorURL}, Title: atomText{"text", xmlText(n.title)},
			Links: []atomLink{{"alternate", "text/html", n.link}}, ID: n.id, Updated: n.updated.UTC().Format(time.RFC3339),
			Published: n.published.UTC().Format(time.RFC3339), Content: atomText{"html", xmlText(n.content)},
		}
		if n.summary != "" {
			e.Summary = &atomText{"text", xmlText(n.summary)}
		}
		if n.commentRSS != "" {
			e.Links = append(e.Links, atomLink{"replies", rssType, n.commentRSS})
		}
		for _, c := range n.categories {
			e.Categories = append(e.Categories, atomCategory{xmlText(c)})
		}
		out.Entries = append(out.Entries, e)
	}
	return out
}

// rssText returns text for an element of RSS. Some readers always parse it as
// HTML, so it must not contain markup for them.
func rssText(s string) string {
	return strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(xmlText(s))
}

// xmlText removes the characters that XML 1.0 cannot contain.
func xmlText(s string) string {
	return strings.Map(func(c rune) rune {
		if c == '\t' || c == '\n' || c == '\r' || c >= 0x20 && c <= 0xD7FF || c >= 0xE000 && c <= 0xFFFD || c >= 0x10000 {
			return c
		}
		return -1
	}, s)
}
