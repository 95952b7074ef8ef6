package public

import (
	"html"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/quillgate/quillgate/site"
)

// expand replaces the shortcodes in a text by markup, to which the same rules
// apply as to everything that authors write. A shortcode without content
// becomes nothing.
func (a *album) expand(t *text) string {
	var b strings.Builder
	at := 0
	for i := range t.codes {
		s := &t.codes[i]
		b.WriteString(t.content[at:s.start])
		if s.named {
			b.WriteString(t.content[s.start+1 : s.end-1])
		} else {
			b.WriteString(a.shortcode(t.post, s))
		}
		at = s.end
	}
	b.WriteString(t.content[at:])
	return b.String()
}

func (a *album) shortcode(post int64, s *shortcode) string {
	switch s.name {
	case "caption", "wp_caption":
		return caption(s.attributes, s.inner)
	case "gallery":
		return a.gallery(post, s.attributes)
	case "playlist":
		return a.playlist(post, s.attributes)
	case "audio", "video":
		if shown := player(s.name, s.attributes, s.inner); shown != "" || hasSource(s.name, s.attributes) {
			return shown
		}
		return a.attachedPlayer(post, s.name, s.attributes)
	}
	address := strings.TrimSpace(html.UnescapeString(firstOf(s.inner, s.attributes["src"], s.attributes[""])))
	if !webAddress.MatchString(address) {
		return ""
	}
	return "\n\n" + html.EscapeString(address) + "\n\n"
}

// captioned matches a picture, possibly in a link, and the text below it.
var captioned = regexp.MustCompile(`(?is)^\s*((?:<a\b[^>]*>\s*)?<img\b[^>]*>(?:\s*</a>)?)(.*)$`)

var alignments = []string{"alignleft", "alignright", "aligncenter", "alignnone", "alignwide", "alignfull"}

// caption returns a picture with its caption. Text without a picture or a
// caption stays the same.
func caption(attributes map[string]string, inner string) string {
	m := captioned.FindStringSubmatch(inner)
	if m == nil {
		return inner
	}
	text := strings.TrimSpace(firstOf(attributes["caption"], m[2]))
	if text == "" {
		return m[1]
	}
	class := "wp-caption"
	if align := attributes["align"]; slices.Contains(alignments, align) {
		class += " " + align
	}
	return `<figure class="` + class + `">` + m[1] + `<figcaption class="wp-caption-text">` + text + "</figcaption></figure>"
}

// maxGallery bounds the pictures of a gallery.
const maxGallery = 200

var galleryIDs = regexp.MustCompile(`[0-9]{1,18}`)

// idsOf returns the ids of pictures that a gallery names.
func idsOf(attributes map[string]string) []int64 {
	var ids []int64
	for _, text := range galleryIDs.FindAllString(firstOf(attributes["ids"], attributes["include"]), maxGallery) {
		id, _ := strconv.ParseInt(text, 10, 64)
		ids = append(ids, id)
	}
	return ids
}

// listed returns the attachments that a gallery or a playlist shows: those that
// it names, otherwise those that belong to the post.
func (a *album) listed(post int64, attributes map[string]string) []site.Attachment {
	ids := idsOf(attributes)
	if len(ids) == 0 {
		ids = a.attached[post]
	}
	var list []site.Attachment
	for _, id := range ids {
		if file, ok := a.files[id]; ok {
			list = append(list, file)
		}
	}
	return list
}

func (a *album) gallery(post int64, attributes map[string]string) string {
	columns, err := strconv.Atoi(attributes["columns"])
	if err != nil || columns < 1 || columns > 9 {
		columns = 3
	}
	var b strings.Builder
	b.WriteString(`<figure class="wp-block-gallery is-cropped columns-` + strconv.Itoa(columns) + `">`)
	shown := 0
	for _, file := range a.listed(post, attributes) {
		if file.IsPicture() && a.left > 0 {
			shown++
			a.left--
			a.galleryPicture(&b, &file, attributes["link"], columns)
		}
	}
	if shown == 0 {
		return ""
	}
	b.WriteString("</figure>")
	return b.String()
}

// galleryPicture returns a picture in the smallest version that is large
// enough.
func (a *album) galleryPicture(b *strings.Builder, picture *site.Attachment, link string, columns int) {
	list := (&gallery{p: a.p}).versions(picture)
	best := list[0]
	for _, v := range list[1:] {
		sameShape := v.width*list[0].height-v.height*list[0].width < 2*list[0].width && v.height*list[0].width-v.width*list[0].height < 2*list[0].width
		if sameShape && v.width >= 2*columnWidth/columns && v.width < best.width {
			best = v
		}
	}
	text := plainText(picture.Excerpt)
	b.WriteString(`<figure class="wp-block-image">`)
	image := `<img class="wp-image-` + itoa(picture.ID) + `" src="` + html.EscapeString(best.url) + `" alt="` + html.EscapeString(firstOf(picture.Alt, text, plainText(picture.Title))) + `">`
	switch link {
	case "none":
		b.WriteString(image)
	case "file":
		b.WriteString(`<a href="` + html.EscapeString(list[0].url) + `">` + image + "</a>")
	default:
		b.WriteString(`<a href="` + html.EscapeString(a.p.site.BaseURL()+"/?attachment_id="+itoa(picture.ID)) + `">` + image + "</a>")
	}
	if text != "" {
		b.WriteString("<figcaption>" + html.EscapeString(text) + "</figcaption>")
	}
	b.WriteString("</figure>")
}

// sources are the attributes with the address of a sound or film, for each kind
// of player.
var sources = map[string][]string{"audio": {"src", "mp3", "m4a", "ogg", "wav", "flac"}, "video": {"src", "mp4", "m4v", "webm", "ogv", "mov", "flv", "wmv"}}

// hasSource reports whether a shortcode has the address of its sound or film.
func hasSource(kind string, attributes map[string]string) bool {
	return slices.ContainsFunc(sources[kind], func(name string) bool { return attributes[name] != "" })
}

// playlist returns a player for each sound or film of a list.
func (a *album) playlist(post int64, attributes map[string]string) string {
	kind := "audio"
	if attributes["type"] == "video" {
		kind = "video"
	}
	var b strings.Builder
	for _, file := range a.listed(post, attributes) {
		if strings.HasPrefix(file.MimeType, kind+"/") && a.left > 0 {
			a.left--
			b.WriteString(a.filePlayer(&file, kind, nil))
		}
	}
	return b.String()
}

// attachedPlayer returns a player for the first sound or film that belongs to a
// post.
func (a *album) attachedPlayer(post int64, kind string, attributes map[string]string) string {
	for _, file := range a.listed(post, nil) {
		if strings.HasPrefix(file.MimeType, kind+"/") {
			return a.filePlayer(&file, kind, attributes)
		}
	}
	return ""
}

func (a *album) filePlayer(file *site.Attachment, kind string, attributes map[string]string) string {
	return playerOf(kind, attributes, []string{a.p.site.FileURL(file)}, firstOf(plainText(file.Title), path.Base(file.File)))
}

// player returns a player for a sound or film, or "" if none of its addresses
// is a web address.
func player(kind string, attributes map[string]string, inner string) string {
	var list []string
	for _, name := range sources[kind] {
		if address := attributes[name]; webAddress.MatchString(address) {
			list = append(list, address)
		}
	}
	if address := strings.TrimSpace(inner); len(list) == 0 && webAddress.MatchString(address) {
		list = append(list, address)
	}
	if len(list) == 0 {
		return ""
	}
	return playerOf(kind, attributes, list, path.Base(list[0]))
}

// playerOf returns a player that loads nothing before it is started.
func playerOf(kind string, attributes map[string]string, list []string, text string) string {
	var b strings.Builder
	b.WriteString(`<figure class="wp-block-` + kind + `"><` + kind + ` controls preload="none"`)
	if kind == "video" {
		if poster := attributes["poster"]; webAddress.MatchString(poster) {
			b.WriteString(` poster="` + html.EscapeString(poster) + `"`)
		}
		for _, name := range []string{"width", "height"} {
			if n, ok := number(attributes[name]); ok {
				b.WriteString(" " + name + `="` + strconv.Itoa(n) + `"`)
			}
		}
	}
	if len(list) == 1 {
		b.WriteString(` src="` + html.EscapeString(list[0]) + `">`)
	} else {
		b.WriteByte('>')
		for _, address := range list {
			b.WriteString(`<source src="` + html.EscapeString(address) + `">`)
		}
	}
	// For feed readers that do not show players.
	b.WriteString(`<a href="` + html.EscapeString(list[0]) + `">` + html.EscapeString(text) + "</a></" + kind + "></figure>")
	return b.String()
}
