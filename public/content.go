package public

import (
	"context"
	"html/template"
	"regexp"
	"strings"
	"time"

	"golang.org/x/net/html"

	"github.com/quillgate/quillgate/markup"
	"github.com/quillgate/quillgate/site"
)

// webAddress is an address of the web, or one on this blog.
var webAddress = regexp.MustCompile(`^(?:(?i:https?)://|/)[^\s<>"']+$`)

// commentHTML is what a page shows of a comment. Its links lead elsewhere on nobody's recommendation.
func commentHTML(text string) string {
	return markup.AddRel(markup.Remark().Filter(paragraphs(text)), func(markup.Link) []string { return []string{"nofollow"} })
}

// shown prepares posts for a list, with a bounded number of statements.
func (p *Pages) shown(ctx context.Context, list []site.FullPost) ([]Post, error) {
	a, err := p.album(ctx, list)
	if err != nil {
		return nil, err
	}
	out := make([]Post, len(list))
	for i := range list {
		post := &list[i]
		out[i] = p.plainPost(post, post.Password != "")
		if !out[i].Locked {
			a.summarize(post, &out[i])
		}
	}
	if err := p.complete(ctx, list, out); err != nil {
		return nil, err
	}
	for i := range out {
		out[i].Summary = template.HTML(out[i].sanitized)
		if out[i].Picture != nil {
			out[i].Picture.Alt = "" // it is a second link to the post, and says nothing more than the first
		}
	}
	return out, nil
}

// whole prepares a post for its own page, which is one of several when its author has divided it.
func (p *Pages) whole(ctx context.Context, post *site.FullPost, unlocked bool, page int) (*Post, error) {
	out := []Post{p.plainPost(post, post.Password != "" && !unlocked)}
	if !out[0].Locked {
		a, err := p.album(ctx, []site.FullPost{*post})
		if err != nil {
			return nil, err
		}
		parts := pagesOf(post.Content)
		out[0].sanitized = a.prepare(post.ID, parts[min(page, len(parts))-1])
		out[0].plain = firstOf(textOf(clean(post.Excerpt)), textOf(out[0].sanitized))
		for i := range parts {
			if len(parts) > 1 {
				out[0].Pages = append(out[0].Pages, Link{Text: itoa(int64(i + 1)), URL: postPageLink(post.Link, i+1), Current: i+1 == page})
			}
		}
	}
	if err := p.complete(ctx, []site.FullPost{*post}, out); err != nil {
		return nil, err
	}
	out[0].Content = template.HTML(out[0].sanitized)
	return &out[0], nil
}

// titleOf is the title as text, never empty: of a post without one it is how the text begins.
func titleOf(post *site.FullPost) string {
	title := plainText(post.Title)
	if title == "" && post.Password == "" {
		beginning := strings.ToValidUTF8(post.Content[:min(len(post.Content), 4000)], "")
		title = clip(textOf(shortcodeStart.ReplaceAllString(beginning, "")), 60)
	}
	return firstOf(title, say("(no title)"))
}

// plainPost is what can be said of a post without asking the database.
func (p *Pages) plainPost(post *site.FullPost, locked bool) Post {
	out := Post{ID: post.ID, Kind: post.Type, Title: titleOf(post), Link: post.Link, Untitled: !locked && plainText(post.Title) == "", Locked: locked, Sticky: post.Sticky, comments: post.CommentCount}
	out.Stamp = p.site.Moment(&post.Post).UTC().Format(time.RFC3339)
	out.Changed = p.site.ModifiedMoment(&post.Post).UTC().Format(time.RFC3339)
	return out
}

// summaryWords is how many words a list shows of a post that says nothing itself of what it should show; one that is
// not much longer is shown whole.
const (
	summaryWords = 55
	shortPost    = 90
)

// moreMark divides what lists show of a post from the rest; it may say what the link to the rest is called.
var moreMark = regexp.MustCompile(`<!--\s*more(?:\s([^>]*?))?\s*-->`)

// summarize sets what a list shows of a post, and whether that is less than all.
func (a *album) summarize(post *site.FullPost, o *Post) {
	parts := pagesOf(post.Content)
	o.Continue, o.More = say("Continue reading"), true
	if strings.TrimSpace(post.Excerpt) != "" {
		o.sanitized = a.prepare(post.ID, post.Excerpt)
		return
	}
	if at := moreMark.FindStringSubmatchIndex(parts[0]); at != nil {
		if at[2] >= 0 {
			o.Continue = firstOf(plainText(parts[0][at[2]:at[3]]), o.Continue)
		}
		o.sanitized = a.prepare(post.ID, parts[0][:at[0]])
		return
	}
	o.sanitized = a.prepare(post.ID, parts[0])
	words := strings.Fields(textOf(o.sanitized))
	if len(words) > shortPost {
		o.sanitized = "<p>" + html.EscapeString(strings.Join(words[:summaryWords], " ")) + " …</p>"
		return
	}
	o.More = len(parts) > 1
}

// textOf is the text of HTML, its white space made single spaces.
func textOf(content string) string {
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(content))
	for skip := 0; ; {
		switch kind := z.Next(); kind {
		case html.ErrorToken:
			return strings.Join(strings.Fields(b.String()), " ")
		case html.TextToken:
			if skip == 0 {
				b.Write(z.Text())
			}
		case html.StartTagToken, html.EndTagToken, html.SelfClosingTagToken:
			name, _ := z.TagName()
			switch tag := string(name); {
			case tag == "script" || tag == "style":
				if kind == html.StartTagToken {
					skip++
				} else if kind == html.EndTagToken {
					skip = max(skip-1, 0)
				}
			case !inline[tag]:
				b.WriteByte(' ')
			}
		}
	}
}

// inline are the elements that stand inside of words.
var inline = map[string]bool{"a": true, "abbr": true, "b": true, "code": true, "del": true, "em": true, "i": true, "ins": true, "kbd": true, "mark": true,
	"q": true, "s": true, "small": true, "span": true, "strong": true, "sub": true, "sup": true, "u": true}

// clip cuts a text at a space.
func clip(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	cut := strings.LastIndexByte(text[:limit], ' ')
	if cut <= 0 {
		cut = limit
	}
	return strings.ToValidUTF8(text[:cut], "") + " …"
}

// complete adds what posts show of others: authors, terms, pictures.
func (p *Pages) complete(ctx context.Context, list []site.FullPost, out []Post) error {
	opts, err := p.site.Options(ctx)
	if err != nil {
		return err
	}
	var ids []int64
	for _, post := range list {
		ids = append(ids, post.Author)
	}
	authors, err := p.site.Authors(ctx, ids)
	if err != nil {
		return err
	}
	termLink, err := p.site.LinksOfTerms(ctx, list)
	if err != nil {
		return err
	}
	g, err := p.gallery(ctx, list, out)
	if err != nil {
		return err
	}
	for i := range list {
		post, o := &list[i], &out[i]
		o.Date = phpDate(opts.Text("date_format"), post.Date)
		if a, ok := authors[post.Author]; ok {
			o.Author = &Link{Text: plainText(a.Name)}
			if post.Type == site.TypePost && post.Status == site.StatusPublish {
				o.Author.URL = a.Link
			}
		}
		for _, t := range post.Terms {
			l := Link{Text: plainText(t.Name), URL: ""}
			switch t.Taxonomy {
			case site.Category:
				l.URL = termLink(t)
				o.Categories = append(o.Categories, l)
			case site.PostTag:
				l.URL = termLink(t)
				o.Tags = append(o.Tags, l)
			}
		}
		if n := post.CommentCount; n > 0 && !o.Locked {
			o.CommentsLink = &Link{Text: say("%d comments", n), URL: post.Link + "#comments"}
		}
		if !o.Locked {
			g.illustrate(post, o)
		}
	}
	return nil
}

// reachable lets the keyboard reach what may be wider than the page and is scrolled then. The text has passed a policy, in
// whose output these letters begin an element wherever they stand.
func reachable(content string) string {
	return strings.NewReplacer("<pre>", `<pre tabindex="0">`, "<pre ", `<pre tabindex="0" `, "<table>", `<table tabindex="0">`, "<table ", `<table tabindex="0" `).Replace(content)
}
