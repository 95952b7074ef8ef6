package wxr

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A Writer writes an export of version 1.2 in WordPress's layout: the Site
// first, then authors, categories, tags, terms and posts, each kind in one run.
// An item out of this order is refused with ErrOrder, and nothing is written.
// After an error of the destination, every further call returns it.
//
// It is not safe for concurrent use.
type Writer struct {
	dst     *bufio.Writer
	out     []byte // the current item
	stage   stage
	dropped int
	err     error
}

// A stage is the progress of the document.
type stage uint8

const (
	begun stage = iota
	inSite
	inAuthors
	inCategories
	inTags
	inTerms
	inPosts
	closed
)

// NewWriter returns a Writer to dst. Close must be called at the end; it does
// not close dst.
func NewWriter(dst io.Writer) *Writer {
	return &Writer{dst: bufio.NewWriterSize(dst, chunk)}
}

// Dropped returns how many characters were left out because XML forbids them
// (control characters, U+FFFE, U+FFFF), or replaced by U+FFFD because they were
// not UTF-8.
func (w *Writer) Dropped() int { return w.dropped }

// enter moves to the stage of the next item.
func (w *Writer) enter(to stage, kind Kind) error {
	if w.err != nil {
		return w.err
	}
	if to < w.stage || to == inSite && w.stage != begun || to > inSite && w.stage == begun {
		return fmt.Errorf("write %s: %w", kind, ErrOrder)
	}
	w.stage = to
	w.out = w.out[:0]
	return nil
}

// flush writes the finished item to the destination.
func (w *Writer) flush(kind Kind) error {
	if _, err := w.dst.Write(w.out); err != nil {
		w.err = fmt.Errorf("write %s: %w", kind, err)
	}
	return w.err
}

// WriteSite starts the document. It ignores Version, which is always 1.2.
func (w *Writer) WriteSite(s *Site) error {
	if err := w.enter(inSite, KindSite); err != nil {
		return err
	}
	w.raw(`<?xml version="1.0" encoding="UTF-8" ?>
<rss version="2.0"
	xmlns:excerpt="http://wordpress.org/export/1.2/excerpt/"
	xmlns:content="http://purl.org/rss/1.0/modules/content/"
	xmlns:wfw="http://wellformedweb.org/CommentAPI/"
	xmlns:dc="http://purl.org/dc/elements/1.1/"
	xmlns:wp="http://wordpress.org/export/1.2/"
>

<channel>
`)
	w.line(1, "title", s.Title)
	w.line(1, "link", s.Link)
	w.line(1, "description", s.Description)
	w.line(1, "pubDate", rssDate(s.PubDate))
	w.line(1, "language", s.Language)
	w.line(1, "wp:wxr_version", "1.2")
	w.line(1, "wp:base_site_url", s.BaseSiteURL)
	w.line(1, "wp:base_blog_url", s.BaseBlogURL)
	if s.Generator != "" {
		w.line(1, "generator", s.Generator)
	}
	w.raw("\n")
	return w.flush(KindSite)
}

// WriteAuthor writes a user, before the first category, tag, term or post.
// Every Post.Creator should have one.
func (w *Writer) WriteAuthor(a *Author) error {
	if err := w.enter(inAuthors, KindAuthor); err != nil {
		return err
	}
	w.raw("\t<wp:author>")
	w.number("wp:author_id", a.ID)
	w.cdata("wp:author_login", a.Login)
	w.cdata("wp:author_email", a.Email)
	w.cdata("wp:author_display_name", a.DisplayName)
	w.cdata("wp:author_first_name", a.FirstName)
	w.cdata("wp:author_last_name", a.LastName)
	w.raw("</wp:author>\n")
	return w.flush(KindAuthor)
}

// WriteCategory writes a category. Parents should come before their children:
// importers create them as they read.
func (w *Writer) WriteCategory(c *Category) error {
	if err := w.enter(inCategories, KindCategory); err != nil {
		return err
	}
	w.raw("\t<wp:category>")
	w.number("wp:term_id", c.ID)
	w.cdata("wp:category_nicename", c.Slug)
	w.cdata("wp:category_parent", c.Parent)
	w.cdata("wp:cat_name", c.Name)
	w.cdata("wp:category_description", c.Description)
	w.meta("<wp:termmeta>", c.Meta, "</wp:termmeta>")
	w.raw("</wp:category>\n")
	return w.flush(KindCategory)
}

// WriteTag writes a tag.
func (w *Writer) WriteTag(t *Tag) error {
	if err := w.enter(inTags, KindTag); err != nil {
		return err
	}
	w.raw("\t<wp:tag>")
	w.number("wp:term_id", t.ID)
	w.cdata("wp:tag_slug", t.Slug)
	w.cdata("wp:tag_name", t.Name)
	w.cdata("wp:tag_description", t.Description)
	w.meta("<wp:termmeta>", t.Meta, "</wp:termmeta>")
	w.raw("</wp:tag>\n")
	return w.flush(KindTag)
}

// WriteTerm writes a term of a taxonomy other than category and post_tag;
// parents should come before children.
func (w *Writer) WriteTerm(t *Term) error {
	if err := w.enter(inTerms, KindTerm); err != nil {
		return err
	}
	w.raw("\t<wp:term>")
	w.number("wp:term_id", t.ID)
	w.cdata("wp:term_taxonomy", t.Taxonomy)
	w.cdata("wp:term_slug", t.Slug)
	w.cdata("wp:term_parent", t.Parent)
	w.cdata("wp:term_name", t.Name)
	w.cdata("wp:term_description", t.Description)
	w.meta("<wp:termmeta>", t.Meta, "</wp:termmeta>")
	w.raw("</wp:term>\n")
	return w.flush(KindTerm)
}

// WritePost writes a post of any type with its terms, custom fields and
// comments.
func (w *Writer) WritePost(p *Post) error {
	if err := w.enter(inPosts, KindPost); err != nil {
		return err
	}
	w.raw("\t<item>\n")
	w.cdataLine("title", p.Title)
	w.line(2, "link", p.Link)
	w.line(2, "pubDate", rssDate(p.DateGMT))
	w.cdataLine("dc:creator", p.Creator)
	w.raw("\t\t<guid isPermaLink=\"false\">")
	w.text(p.GUID, false)
	w.raw("</guid>\n\t\t<description></description>\n")
	w.cdataLine("content:encoded", p.Content)
	w.cdataLine("excerpt:encoded", p.Excerpt)
	w.numberLine("wp:post_id", p.ID)
	w.cdataLine("wp:post_date", sqlDate(p.Date))
	w.cdataLine("wp:post_date_gmt", sqlDate(p.DateGMT))
	w.cdataLine("wp:post_modified", sqlDate(p.Modified))
	w.cdataLine("wp:post_modified_gmt", sqlDate(p.ModifiedGMT))
	w.cdataLine("wp:comment_status", p.CommentStatus)
	w.cdataLine("wp:ping_status", p.PingStatus)
	w.cdataLine("wp:post_name", p.Name)
	w.cdataLine("wp:status", p.Status)
	w.numberLine("wp:post_parent", p.Parent)
	w.numberLine("wp:menu_order", p.MenuOrder)
	w.cdataLine("wp:post_type", p.Type)
	w.cdataLine("wp:post_password", p.Password)
	sticky := int64(0)
	if p.Sticky {
		sticky = 1
	}
	w.numberLine("wp:is_sticky", sticky)
	if p.Type == "attachment" || p.AttachmentURL != "" {
		w.cdataLine("wp:attachment_url", p.AttachmentURL)
	}
	for i := range p.Terms {
		w.postTerm(&p.Terms[i])
	}
	for _, m := range p.Meta {
		w.raw("\t\t<wp:postmeta>\n\t")
		w.cdataLine("wp:meta_key", m.Key)
		w.raw("\t")
		w.cdataLine("wp:meta_value", m.Value)
		w.raw("\t\t</wp:postmeta>\n")
	}
	for i := range p.Comments {
		w.comment(&p.Comments[i])
	}
	w.raw("\t</item>\n")
	return w.flush(KindPost)
}

func (w *Writer) postTerm(t *PostTerm) {
	w.raw("\t\t<category domain=\"")
	w.text(t.Taxonomy, true)
	if t.Slug != "" {
		w.raw("\" nicename=\"")
		w.text(t.Slug, true)
	}
	w.raw("\">")
	w.section(t.Name)
	w.raw("</category>\n")
}

func (w *Writer) comment(c *Comment) {
	w.raw("\t\t<wp:comment>\n\t\t\t")
	w.number("wp:comment_id", c.ID)
	w.raw("\n\t")
	w.cdataLine("wp:comment_author", c.Author)
	w.raw("\t")
	w.cdataLine("wp:comment_author_email", c.AuthorEmail)
	w.line(3, "wp:comment_author_url", c.AuthorURL)
	w.raw("\t")
	w.cdataLine("wp:comment_author_IP", c.AuthorIP)
	w.raw("\t")
	w.cdataLine("wp:comment_date", sqlDate(c.Date))
	w.raw("\t")
	w.cdataLine("wp:comment_date_gmt", sqlDate(c.DateGMT))
	w.raw("\t")
	w.cdataLine("wp:comment_content", c.Content)
	w.raw("\t")
	w.cdataLine("wp:comment_approved", c.Approved)
	w.raw("\t")
	w.cdataLine("wp:comment_type", c.Type)
	w.raw("\t")
	w.numberLine("wp:comment_parent", c.Parent)
	w.raw("\t")
	w.numberLine("wp:comment_user_id", c.UserID)
	w.meta("\t\t\t<wp:commentmeta>", c.Meta, "</wp:commentmeta>\n")
	w.raw("\t\t</wp:comment>\n")
}

// Close ends the document and writes the rest to the destination. Without a
// Site there is no document: ErrOrder.
func (w *Writer) Close() error {
	if w.err != nil {
		return w.err
	}
	if w.stage == begun || w.stage == closed {
		return fmt.Errorf("close export: %w", ErrOrder)
	}
	w.stage = closed
	_, err := w.dst.WriteString("</channel>\n</rss>\n")
	if err == nil {
		err = w.dst.Flush()
	}
	if err != nil {
		w.err = fmt.Errorf("close export: %w", err)
	}
	return w.err
}

func (w *Writer) raw(parts ...string) {
	for _, s := range parts {
		w.out = append(w.out, s...)
	}
}

const tabs = "\t\t\t"

// line writes an element of escaped text on a line of its own.
func (w *Writer) line(depth int, name, value string) {
	w.raw(tabs[:depth])
	w.raw("<", name, ">")
	w.text(value, false)
	w.raw("</", name, ">\n")
}

func (w *Writer) cdata(name, value string) {
	w.raw("<", name, ">")
	w.section(value)
	w.raw("</", name, ">")
}

func (w *Writer) cdataLine(name, value string) {
	w.raw("\t\t")
	w.cdata(name, value)
	w.raw("\n")
}

func (w *Writer) number(name string, n int64) {
	w.raw("<", name, ">")
	w.out = strconv.AppendInt(w.out, n, 10)
	w.raw("</", name, ">")
}

func (w *Writer) numberLine(name string, n int64) {
	w.raw("\t\t")
	w.number(name, n)
	w.raw("\n")
}

func (w *Writer) meta(begin string, all []Meta, end string) {
	for _, m := range all {
		w.raw(begin)
		w.cdata("wp:meta_key", m.Key)
		w.cdata("wp:meta_value", m.Value)
		w.raw(end)
	}
}

// section writes a CDATA section. It splits "]]>" over two sections, and writes
// a carriage return, which XML readers turn into a line feed, as a reference
// between two sections.
func (w *Writer) section(s string) {
	w.raw("<![CDATA[")
	w.replaced(s, inSection)
	w.raw("]]>")
}

func inSection(s string) (size int, instead string) {
	switch {
	case s[0] == '\r':
		return 1, "]]>&#13;<![CDATA["
	case s[0] == ']' && strings.HasPrefix(s, "]]>"):
		return len("]]"), "]]]]><![CDATA["
	}
	return 0, ""
}

// text writes escaped text, or the value of an attribute, in which readers
// would otherwise turn white space into blanks.
func (w *Writer) text(s string, attribute bool) {
	if attribute {
		w.replaced(s, inAttribute)
	} else {
		w.replaced(s, inText)
	}
}

func inText(s string) (size int, instead string) {
	switch s[0] {
	case '&':
		return 1, "&amp;"
	case '<':
		return 1, "&lt;"
	case '>':
		return 1, "&gt;"
	case '\r':
		return 1, "&#13;"
	}
	return 0, ""
}

func inAttribute(s string) (size int, instead string) {
	switch s[0] {
	case '"':
		return 1, "&quot;"
	case '\n':
		return 1, "&#10;"
	case '\t':
		return 1, "&#9;"
	}
	return inText(s)
}

// replaced writes s with replacements for characters that XML forbids, and for
// those with a meaning there: special returns how many bytes at the beginning
// of a text are replaced, and by what.
func (w *Writer) replaced(s string, special func(s string) (size int, instead string)) {
	from := 0
	for i := 0; i < len(s); {
		size, instead := special(s[i:])
		if size == 0 {
			if size, instead = w.legal(s[i:]); size > 0 {
				i += size
				continue
			}
			size = -size
		}
		w.raw(s[from:i], instead)
		i += size
		from = i
	}
	w.raw(s[from:])
}

// legal returns the size of the character that s begins with. If XML forbids
// it, the size is negative, and instead is its replacement.
func (w *Writer) legal(s string) (size int, instead string) {
	if c := s[0]; c < utf8.RuneSelf {
		if c >= 0x20 || c == '\t' || c == '\n' || c == '\r' {
			return 1, ""
		}
		w.dropped++
		return -1, ""
	}
	c, size := utf8.DecodeRuneInString(s)
	switch {
	case c == utf8.RuneError && size == 1:
		w.dropped++
		return -1, string(utf8.RuneError)
	case !legalRune(c):
		w.dropped++
		return -size, ""
	}
	return size, ""
}

// sqlDate formats a date as MySQL does.
func sqlDate(t time.Time) string { return formatted(t, dateLayout, zeroDate) }

func rssDate(t time.Time) string { return formatted(t, time.RFC1123Z, "") }

// formatted formats a date in UTC. Years with more than four digits are not
// dates.
func formatted(t time.Time, layout, none string) string {
	t = t.UTC()
	if t.IsZero() || t.Year() < 0 || t.Year() > 9999 {
		return none
	}
	return t.Format(layout)
}
