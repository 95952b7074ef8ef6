package public

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"golang.org/x/net/html"

	"github.com/quillgate/quillgate/site"
)

// Lists show a bounded part of a text, however long it is. The bound is in
// bytes of the author's text.
const (
	listedText = 64 << 10  // of a post in a list
	feedText   = 512 << 10 // of a post in a feed
	feedTexts  = 2 << 20   // of all posts of a feed; those behind get listedText each
)

// beginning returns at most the given number of bytes from the beginning of a
// text, and reports whether it has cut it.
func beginning(content string, limit int) (string, bool) {
	if len(content) <= limit {
		return content, false
	}
	return strings.ToValidUTF8(content[:limit], ""), true
}

// shown prepares posts for a list with a bounded number of statements.
func (p *Pages) shown(ctx context.Context, list []site.FullPost) ([]Post, error) {
	done, err := p.turn(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	out := make([]Post, len(list))
	texts := make([]text, len(list))
	for i := range list {
		out[i] = p.plainPost(&list[i], list[i].Password != "")
		texts[i] = newSource(list[i].ID, "")
		if !out[i].Locked {
			texts[i] = newSource(list[i].ID, summarySource(&list[i], &out[i]))
		}
	}
	a, err := p.album(ctx, texts)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if out[i].tree, err = a.prepare(ctx, &texts[i]); err != nil {
			return nil, err
		}
		shorten(&out[i])
	}
	if err := p.complete(ctx, list, out); err != nil {
		return nil, err
	}
	for i := range out {
		if out[i].Summary, err = render(out[i].tree); err != nil {
			return nil, err
		}
		if out[i].Picture != nil {
			out[i].Picture.Alt = "" // it is a second link to the post, and says nothing more than the first
		}
	}
	return out, nil
}

// post is whole with a cache for this edition. The page of a post has many
// variants, such as one for each comment that can be replied to, and all have
// the same text.
func (p *Pages) post(ctx context.Context, post *site.FullPost, q *ask, page int) (*Post, error) {
	key := fmt.Sprint(post.ID, page, q.unlocked)
	if kept, ok := p.texts.find(key, q.edition); ok {
		shown := *kept
		return &shown, nil
	}
	made, err := p.whole(ctx, post, q.unlocked, page)
	if err == nil && q.edition != (edition{}) {
		shown := *made
		p.texts.set(key, q.edition, &shown, len(made.Content))
	}
	return made, err
}

// whole prepares a post for its own page, or for one of several pages if its
// author has divided it.
func (p *Pages) whole(ctx context.Context, post *site.FullPost, unlocked bool, page int) (*Post, error) {
	done, err := p.turn(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	out := []Post{p.plainPost(post, post.Password != "" && !unlocked)}
	if !out[0].Locked {
		parts := pagesOf(post.Content)
		texts := []text{newSource(post.ID, parts[min(page, len(parts))-1])}
		texts[0].blocks = texts[0].blocks || blockText(post.Content)
		a, err := p.album(ctx, texts)
		if err != nil {
			return nil, err
		}
		if out[0].tree, err = a.prepare(ctx, &texts[0]); err != nil {
			return nil, err
		}
		excerpt, _ := beginning(post.Excerpt, listedText)
		out[0].plain = clip(firstOf(textOf(excerpt), wordsOf(out[0].tree)), 200)
		for i := range parts {
			if len(parts) > 1 {
				out[0].Pages = append(out[0].Pages, Link{Text: itoa(int64(i + 1)), URL: postPageLink(post.Link, i+1), Current: i+1 == page})
			}
		}
	}
	if err := p.complete(ctx, []site.FullPost{*post}, out); err != nil {
		return nil, err
	}
	if !out[0].Locked {
		if out[0].Content, err = render(out[0].tree); err != nil {
			return nil, err
		}
		out[0].tree = nil
	}
	return &out[0], nil
}

// titleOf returns the title as text. If it is empty, titleOf returns the
// beginning of the post's text, so the result is never empty.
func titleOf(post *site.FullPost) string {
	title := plainText(post.Title)
	if title == "" && post.Password == "" {
		start, _ := beginning(post.Content, 4000)
		title = clip(textOf(withoutShortcodes(start)), 60)
	}
	return firstOf(title, say("(no title)"))
}

// plainPost returns the part of a post that needs no query.
func (p *Pages) plainPost(post *site.FullPost, locked bool) Post {
	out := Post{ID: post.ID, Kind: post.Type, Title: titleOf(post), Link: post.Link, Untitled: !locked && plainText(post.Title) == "", Locked: locked, Sticky: post.Sticky, comments: post.CommentCount}
	out.Stamp = p.site.Moment(&post.Post).UTC().Format(time.RFC3339)
	out.Changed = p.site.ModifiedMoment(&post.Post).UTC().Format(time.RFC3339)
	return out
}

// summaryWords is how many words of a post a list shows if the post does not
// define a summary. A post that is slightly longer is shown completely.
const (
	summaryWords = 55
	shortPost    = 90
)

// moreMark separates the part of a text that lists show from the rest. It may
// contain the text of the link to the rest.
var moreMark = regexp.MustCompile(`<!--\s*more(?:\s([^>]*?))?\s*-->`)

// summarySource returns the text from which a list shows a part: the excerpt,
// the text before the mark, or the beginning. It sets whether there is more,
// and the text of the link to the rest.
func summarySource(post *site.FullPost, o *Post) string {
	o.Continue, o.More = say("Continue reading"), true
	if strings.TrimSpace(post.Excerpt) != "" {
		excerpt, _ := beginning(post.Excerpt, listedText)
		return excerpt
	}
	content, cut := beginning(post.Content, listedText)
	parts := pagesOf(content)
	if at := moreMark.FindStringSubmatchIndex(parts[0]); at != nil {
		if at[2] >= 0 {
			o.Continue = firstOf(plainText(parts[0][at[2]:at[3]]), o.Continue)
		}
		return parts[0][:at[0]]
	}
	o.More, o.clip = cut || len(parts) > 1, true
	return parts[0]
}

// shorten cuts the text of a post in a list after some words, if the author has
// not marked where it ends.
func shorten(o *Post) {
	if !o.clip {
		return
	}
	words := strings.Fields(wordsOf(o.tree))
	if len(words) <= shortPost {
		return
	}
	o.More = true
	o.tree = newNode("div", nil)
	o.tree.AppendChild(newNode("p", nil))
	o.tree.FirstChild.AppendChild(newText(strings.Join(words[:summaryWords], " ") + " …"))
}

// textOf returns the text in HTML with white space collapsed.
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

// complete adds data of other objects to posts: authors, terms, pictures.
func (p *Pages) complete(ctx context.Context, list []site.FullPost, out []Post) error {
	opts, err := p.site.Options().Current(ctx)
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
		o.Date = phpDate(opts.Text("date_format"), post.Date, opts.Location())
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
