package public

import (
	"context"
	"math"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/net/html"

	"github.com/quillgate/quillgate/site"
)

// gallery is the attachments that posts show.
type gallery struct {
	p      *Pages
	byID   map[int64]site.Attachment
	byFile map[string]site.Attachment
	shown  int // how many pictures stand on the page so far
}

var (
	pictureClass = regexp.MustCompile(`\bwp-image-([0-9]{1,18})\b`)
	sizeSuffix   = regexp.MustCompile(`-[0-9]{1,5}x[0-9]{1,5}(\.[A-Za-z0-9]+)$`)
)

// gallery reads the attachments that the texts and the posts themselves name.
func (p *Pages) gallery(ctx context.Context, list []site.FullPost, out []Post) (*gallery, error) {
	g := &gallery{p: p}
	var ids []int64
	var names []string
	for i, post := range list {
		if out[i].Locked {
			continue
		}
		if post.Thumbnail != 0 {
			ids = append(ids, post.Thumbnail)
		}
		if post.Type == site.TypeAttachment {
			ids = append(ids, post.ID)
		}
		eachPicture(out[i].sanitized, func(t *html.Token) {
			src, id := pictureOf(t)
			if id != 0 {
				ids = append(ids, id)
				return
			}
			if name := p.uploadName(src); name != "" {
				names = append(names, name, sizeSuffix.ReplaceAllString(name, "$1"), sizeSuffix.ReplaceAllString(name, "-scaled$1"))
			}
		})
	}
	var err error
	g.byID, g.byFile, err = p.site.PicturesInText(ctx, ids, names)
	return g, err
}

// uploadName is the name of the upload at an address of this blog, "" for other addresses.
func (p *Pages) uploadName(src string) string {
	uploads := p.site.UploadsURL()
	if rest, ok := strings.CutPrefix(src, uploads); ok {
		return rest
	}
	u, err := url.Parse(uploads)
	if err != nil {
		return ""
	}
	rest, _ := strings.CutPrefix(src, u.Path)
	if rest == src {
		return ""
	}
	return rest
}

// eachPicture calls fn with each img of a text, and returns the text with what fn has made of them.
func eachPicture(content string, fn func(*html.Token)) string {
	if !strings.Contains(content, "<img") {
		return content
	}
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(content))
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			b.Write(z.Raw())
			return b.String()
		}
		raw := string(z.Raw())
		if kind == html.StartTagToken || kind == html.SelfClosingTagToken {
			if t := z.Token(); t.Data == "img" {
				fn(&t)
				t.Type = html.SelfClosingTagToken
				b.WriteString(t.String())
				continue
			}
		}
		b.WriteString(raw)
	}
}

func pictureOf(t *html.Token) (src string, id int64) {
	if m := pictureClass.FindStringSubmatch(attribute(t, "class")); m != nil {
		id, _ = strconv.ParseInt(m[1], 10, 64)
	}
	return attribute(t, "src"), id
}

func attribute(t *html.Token, name string) string {
	for _, a := range t.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func setAttribute(t *html.Token, name, value string) {
	for i := range t.Attr {
		if t.Attr[i].Key == name {
			t.Attr[i].Val = value
			return
		}
	}
	t.Attr = append(t.Attr, html.Attribute{Key: name, Val: value})
}

// illustrate puts the pictures of a post in order: each says how large it is before it comes, and which smaller versions
// there are. Those below the first come when they are needed.
func (g *gallery) illustrate(post *site.FullPost, o *Post) {
	switch {
	case post.Type == site.TypeAttachment:
		if a, ok := g.byID[post.ID]; ok {
			o.Picture = g.picture(&a, firstOf(a.Alt, o.Title))
			if o.Picture == nil {
				o.File = &Link{Text: path.Base(a.File), URL: g.p.site.FileURL(&a)}
			}
		}
	case post.Thumbnail != 0:
		if a, ok := g.byID[post.Thumbnail]; ok {
			o.Picture = g.picture(&a, a.Alt)
		}
	}
	if o.Picture != nil {
		g.shown++
	}
	o.sanitized = eachPicture(reachable(o.sanitized), func(t *html.Token) {
		src, id := pictureOf(t)
		setAttribute(t, "decoding", "async")
		if g.shown++; g.shown > 1 {
			setAttribute(t, "loading", "lazy")
		}
		a, ok := g.byID[id]
		if !ok {
			name := g.p.uploadName(src)
			for _, n := range []string{name, sizeSuffix.ReplaceAllString(name, "$1"), sizeSuffix.ReplaceAllString(name, "-scaled$1")} {
				if a, ok = g.byFile[n]; ok {
					break
				}
			}
		}
		if ok && a.IsPicture() {
			g.describe(t, &a, src)
		}
	})
}

// version is one size of a picture.
type version struct {
	url           string
	width, height int
}

func (g *gallery) versions(a *site.Attachment) []version {
	folder := g.p.site.UploadsURL()
	if dir := path.Dir(a.File); dir != "." {
		folder += dir + "/"
	}
	list := []version{{g.p.site.FileURL(a), a.Width, a.Height}}
	for _, v := range a.Versions {
		list = append(list, version{folder + v.File, v.Width, v.Height})
	}
	return list
}

// describe adds the dimensions and the other sizes to a picture in a text.
func (g *gallery) describe(t *html.Token, a *site.Attachment, src string) {
	list := g.versions(a)
	var at *version
	for i := range list {
		if path.Base(list[i].url) == path.Base(src) {
			at = &list[i]
		}
	}
	if at == nil || at.width <= 0 || at.height <= 0 {
		return // the picture is another one than its class says
	}
	width, err := strconv.Atoi(attribute(t, "width"))
	if err != nil || width <= 0 || attribute(t, "height") == "" {
		width = at.width
		setAttribute(t, "width", strconv.Itoa(at.width))
		setAttribute(t, "height", strconv.Itoa(at.height))
	}
	if set := sourceSet(list, *at); set != "" {
		setAttribute(t, "srcset", set)
		sizes := sizesFor(width)
		for _, class := range strings.Fields(attribute(t, "class")) {
			sizes = firstOf(wideSizes[class], sizes)
		}
		setAttribute(t, "sizes", sizes)
	}
}

// columnWidth is as wide as a theme shows pictures, in pixels, about.
const columnWidth = 800

// wideSizes are how wide pictures of these classes are shown.
var wideSizes = map[string]string{"alignwide": "(max-width: 928px) 100vw, 928px", "alignfull": "100vw"}

func sizesFor(width int) string {
	w := strconv.Itoa(min(width, columnWidth)) + "px"
	return "(max-width: " + w + ") 100vw, " + w
}

// sourceSet lists the versions that have the same shape as one of them; "" when there is but one.
func sourceSet(list []version, like version) string {
	var set []string
	seen := make(map[int]bool)
	shape := float64(like.width) / float64(like.height)
	for _, v := range list {
		if v.width <= 0 || v.height <= 0 || seen[v.width] {
			continue
		}
		// Rounding may cost a pixel either way.
		if expected := float64(v.width) / shape; math.Abs(expected-float64(v.height)) > 1.5 {
			continue
		}
		seen[v.width] = true
		set = append(set, strings.ReplaceAll(v.url, " ", "%20")+" "+strconv.Itoa(v.width)+"w")
	}
	if len(set) < 2 {
		return ""
	}
	return strings.Join(set, ", ")
}

// picture describes an attachment that stands for itself; nil when it is no picture.
func (g *gallery) picture(a *site.Attachment, alt string) *Picture {
	if !a.IsPicture() || !strings.HasPrefix(a.MimeType, "image/") {
		return nil
	}
	list := g.versions(a)
	out := &Picture{Src: list[0].url, Width: a.Width, Height: a.Height, Alt: alt}
	if set := sourceSet(list, list[0]); set != "" {
		out.Srcset, out.Sizes = set, sizesFor(a.Width)
	}
	return out
}
