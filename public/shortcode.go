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

// Shortcodes are what texts of WordPress hold in brackets in place of markup. Those for pictures, sound and films are
// shown; all others stay what they are, text. What comes out here passes the policy like everything that authors write.

// shortcodeStart is the beginning of one, with its attributes; a second bracket around it says that it is only named.
var shortcodeStart = regexp.MustCompile(`(\[?)\[(caption|wp_caption|gallery|audio|video|embed)((?:\s(?:[^\[\]"']|"[^"]*"|'[^']*')*)?)(/?)\](\]?)`)

// literal is text in which brackets are brackets.
var literal = regexp.MustCompile(`(?is)<pre\b.*?</pre>|<code\b.*?</code>|<!--.*?-->`)

// maxShortcodes bounds how many of a text are shown.
const maxShortcodes = 500

// album is the pictures that the galleries of some posts show.
type album struct {
	p        *Pages
	pictures map[int64]site.Attachment
	attached map[int64][]int64 // of a post, for galleries that name none
}

// expand writes the shortcodes of a post as markup.
func (a *album) expand(post int64, content string) string {
	if !strings.Contains(content, "[") {
		return content
	}
	literals := literal.FindAllStringIndex(content, -1)
	var b strings.Builder
	for at, n := 0, 0; ; {
		m := shortcodeStart.FindStringSubmatchIndex(content[at:])
		if m == nil || n >= maxShortcodes {
			b.WriteString(content[at:])
			return b.String()
		}
		for i := range m {
			m[i] += at
		}
		if i := slices.IndexFunc(literals, func(l []int) bool { return m[0] >= l[0] && m[0] < l[1] }); i >= 0 {
			b.WriteString(content[at:literals[i][1]])
			at = literals[i][1]
			continue
		}
		b.WriteString(content[at:m[0]])
		n++
		if m[2] < m[3] && m[10] < m[11] { // [[gallery]]
			b.WriteString(content[m[3]:m[10]])
			at = m[1]
			continue
		}
		b.WriteString(content[m[2]:m[3]])
		end := m[10] // before a second bracket that was there by chance
		name, attributes := content[m[4]:m[5]], shortcodeAttributes(content[m[6]:m[7]])
		inner := ""
		if m[8] == m[9] && name != "gallery" {
			if text, _, closed := strings.Cut(content[end:], "[/"+name+"]"); closed && !strings.Contains(text, "["+name) {
				inner, end = text, end+len(text)+len("[/"+name+"]")
			}
		}
		text, ok := a.shortcode(post, name, attributes, inner)
		if !ok {
			text = content[m[3]:end]
		}
		b.WriteString(text)
		at = end
	}
}

var shortcodeAttribute = regexp.MustCompile(`([A-Za-z0-9_-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"']+))|"([^"]*)"|([^\s"']+)`)

// shortcodeAttributes reads attributes; one without a name is under "".
func shortcodeAttributes(text string) map[string]string {
	if !strings.Contains(text, `"`) {
		text = strings.ReplaceAll(text, "&quot;", `"`)
	}
	out := make(map[string]string)
	for _, m := range shortcodeAttribute.FindAllStringSubmatch(text, -1) {
		out[strings.ToLower(m[1])] = html.UnescapeString(m[2] + m[3] + m[4] + m[5] + m[6])
	}
	return out
}

func (a *album) shortcode(post int64, name string, attributes map[string]string, inner string) (string, bool) {
	switch name {
	case "caption", "wp_caption":
		return caption(attributes, inner)
	case "gallery":
		return a.gallery(post, attributes)
	case "audio":
		return player("audio", attributes, inner, []string{"src", "mp3", "m4a", "ogg", "wav", "flac"})
	case "video":
		return player("video", attributes, inner, []string{"src", "mp4", "m4v", "webm", "ogv", "mov"})
	}
	address := strings.TrimSpace(html.UnescapeString(firstOf(inner, attributes["src"], attributes[""])))
	return "\n\n" + html.EscapeString(address) + "\n\n", webAddress.MatchString(address)
}

// captioned is a picture, possibly a link, and the text below it.
var captioned = regexp.MustCompile(`(?is)^\s*((?:<a\b[^>]*>\s*)?<img\b[^>]*>(?:\s*</a>)?)(.*)$`)

var alignments = []string{"alignleft", "alignright", "aligncenter", "alignnone", "alignwide", "alignfull"}

func caption(attributes map[string]string, inner string) (string, bool) {
	m := captioned.FindStringSubmatch(inner)
	if m == nil {
		return "", false
	}
	text := strings.TrimSpace(firstOf(attributes["caption"], m[2]))
	if text == "" {
		return m[1], true
	}
	class := "wp-caption"
	if align := attributes["align"]; slices.Contains(alignments, align) {
		class += " " + align
	}
	return `<figure class="` + class + `">` + m[1] + `<figcaption class="wp-caption-text">` + text + "</figcaption></figure>", true
}

// maxGallery bounds the pictures of one gallery.
const maxGallery = 200

var galleryIDs = regexp.MustCompile(`[0-9]{1,18}`)

// idsOf are the pictures that a gallery names.
func idsOf(attributes map[string]string) []int64 {
	var ids []int64
	for _, text := range galleryIDs.FindAllString(firstOf(attributes["ids"], attributes["include"]), maxGallery) {
		id, _ := strconv.ParseInt(text, 10, 64)
		ids = append(ids, id)
	}
	return ids
}

func (a *album) gallery(post int64, attributes map[string]string) (string, bool) {
	ids := idsOf(attributes)
	if len(ids) == 0 {
		ids = a.attached[post]
	}
	columns, err := strconv.Atoi(attributes["columns"])
	if err != nil || columns < 1 || columns > 9 {
		columns = 3
	}
	var b strings.Builder
	b.WriteString(`<figure class="wp-block-gallery is-cropped columns-` + strconv.Itoa(columns) + `">`)
	shown := 0
	for _, id := range ids {
		picture, ok := a.pictures[id]
		if !ok || !picture.IsPicture() {
			continue
		}
		shown++
		a.galleryPicture(&b, &picture, attributes["link"], columns)
	}
	b.WriteString("</figure>")
	return b.String(), shown > 0
}

// galleryPicture writes one picture, in the smallest version that is large enough.
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

// player writes a sound or a film, which the browser loads when it is started.
func player(kind string, attributes map[string]string, inner string, sources []string) (string, bool) {
	var list []string
	for _, name := range sources {
		if address := attributes[name]; webAddress.MatchString(address) {
			list = append(list, address)
		}
	}
	if address := strings.TrimSpace(inner); len(list) == 0 && webAddress.MatchString(address) {
		list = append(list, address)
	}
	if len(list) == 0 {
		return "", false
	}
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
	// For readers of feeds that show no players.
	b.WriteString(`<a href="` + html.EscapeString(list[0]) + `">` + html.EscapeString(path.Base(list[0])) + "</a></" + kind + "></figure>")
	return b.String(), true
}
