package public

import (
	"context"
	"html/template"
	"iter"
	"math"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/net/html"

	"github.com/quillgate/quillgate/site"
)

// gallery holds the attachments that posts show.
type gallery struct {
	p      *Pages
	byID   map[int64]site.Attachment
	byFile map[string]site.Attachment
	shown  int // the number of pictures on the page so far
}

var (
	pictureClass = regexp.MustCompile(`\bwp-image-([0-9]{1,18})\b`)
	sizeSuffix   = regexp.MustCompile(`-[0-9]{1,5}x[0-9]{1,5}(\.[A-Za-z0-9]+)$`)
)

// gallery reads the attachments to which the texts and the posts refer.
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
		for n := range pictures(out[i].tree) {
			src, id := pictureOf(n)
			if id != 0 {
				ids = append(ids, id)
			} else if name := p.uploadName(src); name != "" {
				names = append(names, uploadNames(name)...)
			}
		}
	}
	var err error
	g.byID, g.byFile, err = p.site.PicturesInText(ctx, ids, names)
	return g, err
}

// uploadName returns the name of the upload at an address of this blog, or ""
// for any other address.
func (p *Pages) uploadName(src string) string {
	uploads := p.site.UploadURL("")
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

// uploadNames returns the possible names of the file of a picture, which may be
// one of its smaller versions.
func uploadNames(name string) []string {
	return []string{name, sizeSuffix.ReplaceAllString(name, "$1"), sizeSuffix.ReplaceAllString(name, "-scaled$1")}
}

// maxPictures limits the number of pictures on a page that get their sizes.
const maxPictures = 1000

// pictures yields the first maxPictures pictures of a text.
func pictures(root *html.Node) iter.Seq[*html.Node] {
	return func(yield func(*html.Node) bool) {
		n := 0
		for d := range root.Descendants() {
			if d.Type == html.ElementNode && d.Data == "img" {
				if n++; n > maxPictures || !yield(d) {
					return
				}
			}
		}
	}
}

func pictureOf(n *html.Node) (src string, id int64) {
	if m := pictureClass.FindStringSubmatch(nodeAttribute(n, "class")); m != nil {
		id, _ = strconv.ParseInt(m[1], 10, 64)
	}
	return nodeAttribute(n, "src"), id
}

// illustrate adds to the pictures of a post their dimensions, so that the
// layout is known before they load, and their smaller versions. All except the
// first are loaded when they are needed.
func (g *gallery) illustrate(post *site.FullPost, o *Post) {
	switch {
	case post.Type == site.TypeAttachment:
		if a, ok := g.byID[post.ID]; ok {
			o.Picture = g.picture(&a, firstOf(a.Alt, o.Title))
			if o.Picture == nil {
				o.File = &Link{Text: path.Base(a.File), URL: g.p.site.FileURL(&a)}
				o.Player = g.player(&a)
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
	reachable(o.tree)
	for n := range pictures(o.tree) {
		src, id := pictureOf(n)
		setAttribute(n, "decoding", "async")
		if g.shown++; g.shown > 1 {
			setAttribute(n, "loading", "lazy")
		}
		a, ok := g.byID[id]
		if name := g.p.uploadName(src); !ok && name != "" {
			for _, name := range uploadNames(name) {
				if a, ok = g.byFile[name]; ok {
					break
				}
			}
		}
		if ok && a.IsPicture() {
			g.describe(n, &a, src)
		}
	}
}

// player returns a player for a sound or a video on its own page, or "" for
// other files.
func (g *gallery) player(a *site.Attachment) template.HTML {
	kind, _, _ := strings.Cut(a.MimeType, "/")
	if kind != "audio" && kind != "video" {
		return ""
	}
	return template.HTML(playerOf(kind, nil, []string{g.p.site.FileURL(a)}, path.Base(a.File))) // already escaped
}

// version is a size of a picture.
type version struct {
	url           string
	width, height int
}

func (g *gallery) versions(a *site.Attachment) []version {
	folder := g.p.site.UploadURL("")
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
func (g *gallery) describe(n *html.Node, a *site.Attachment, src string) {
	list := g.versions(a)
	var at *version
	for i := range list {
		if path.Base(list[i].url) == path.Base(src) {
			at = &list[i]
		}
	}
	if at == nil || at.width <= 0 || at.height <= 0 {
		return // the picture is another one than its class claims
	}
	width, err := strconv.Atoi(nodeAttribute(n, "width"))
	if err != nil || width <= 0 || nodeAttribute(n, "height") == "" {
		width = at.width
		setAttribute(n, "width", strconv.Itoa(at.width))
		setAttribute(n, "height", strconv.Itoa(at.height))
	}
	if set := sourceSet(list, *at); set != "" {
		setAttribute(n, "srcset", set)
		sizes := sizesFor(width)
		for _, class := range strings.Fields(nodeAttribute(n, "class") + " " + nodeAttribute(n.Parent, "class")) {
			sizes = firstOf(wideSizes[class], sizes)
		}
		setAttribute(n, "sizes", sizes)
	}
}

// columnWidth is the approximate width, in pixels, at which themes show
// pictures.
const columnWidth = 800

// wideSizes holds the widths at which pictures with these classes are shown.
var wideSizes = map[string]string{"alignwide": "(max-width: 928px) 100vw, 928px", "alignfull": "100vw"}

func sizesFor(width int) string {
	w := strconv.Itoa(min(width, columnWidth)) + "px"
	return "(max-width: " + w + ") 100vw, " + w
}

// sourceSet lists the versions with the same shape as like, or returns "" if
// there is only one.
func sourceSet(list []version, like version) string {
	var set []string
	seen := make(map[int]bool)
	shape := float64(like.width) / float64(like.height)
	for _, v := range list {
		if v.width <= 0 || v.height <= 0 || seen[v.width] {
			continue
		}
		// Rounding may change either side by a pixel.
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

// picture describes an attachment that is shown on its own, or returns nil if
// it is not a picture.
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
