package site

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/quillgate/quillgate/database"
)

// MaxSlug bounds a slug, in bytes of its encoded form; WordPress has room for as many.
const MaxSlug = 200

// Slug makes the name of a post or term for its address, as WordPress does: lower-case ASCII letters, digits, dashes
// and underscores. Latin letters lose their accents, other scripts become percent-encoded UTF-8 in lower case, and what
// is left is at most 200 bytes. A text of punctuation alone gives "".
func Slug(text string) string {
	text = norm.NFC.String(stripElements(text))
	var b strings.Builder
	used := 0
	for i := 0; i < len(text) && used < MaxSlug; {
		if c, size := encodedSign(text[i:]); size > 0 {
			writeSlugRune(&b, c)
			used, i = used+size, i+size
			continue
		}
		if octet(text[i:]) { // what is percent-encoded already stays so
			b.WriteString(strings.ToLower(text[i : i+3]))
			used, i = used+3, i+3
			continue
		}
		c, size := utf8.DecodeRuneInString(text[i:])
		i += size
		if c == utf8.RuneError && size == 1 {
			continue
		}
		for _, l := range PlainLetters(c) {
			cost := encodedLen(l)
			if used+cost > MaxSlug {
				used = MaxSlug
				break
			}
			used += cost
			writeSlugRune(&b, l)
		}
	}
	return tidySlug(b.String())
}

// givenSlug is the slug that a client asks for: "" when it asks for none, which "0" does not either (wp_insert_post and
// wp_insert_term take it for empty).
func givenSlug(text string) string {
	if slug := Slug(text); slug != "0" {
		return slug
	}
	return ""
}

// writeSlugRune writes one letter, already in lower case, in the form that it has in a slug.
func writeSlugRune(b *strings.Builder, c rune) {
	switch {
	case c == '%':
		// A percent sign that begins no octet says nothing.
	case c < utf8.RuneSelf:
		b.WriteByte(byte(c))
	case c == '×':
		b.WriteByte('x')
	case unicode.Is(slugDash, c):
		b.WriteByte('-')
	case unicode.Is(slugNothing, c):
	default:
		var buf [utf8.UTFMax]byte
		for _, o := range buf[:utf8.EncodeRune(buf[:], c)] {
			fmt.Fprintf(b, "%%%02x", o)
		}
	}
}

// tidySlug keeps what a slug may hold of a text that is encoded already.
func tidySlug(text string) string {
	for _, dash := range []string{"&nbsp;", "&#160;", "&ndash;", "&#8211;", "&mdash;", "&#8212;", "/"} {
		text = strings.ReplaceAll(text, dash, "-")
	}
	text = dropEntities(text)
	var b strings.Builder
	dash := false
	for i := range len(text) {
		switch c := text[i]; {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '_', c == '%':
			if dash && b.Len() > 0 {
				b.WriteByte('-')
			}
			dash = false
			b.WriteByte(c)
		case c == '-', c == '.', c == ' ', c >= '\t' && c <= '\r':
			dash = true
		}
	}
	return b.String()
}

// PlainText is a text without elements, percent-encoded octets and entities, its letters composed.
func PlainText(text string) string {
	return dropEntities(withoutOctets(stripElements(norm.NFC.String(text))))
}

// dropEntities takes out everything from an ampersand to the next semicolon of the same line.
func dropEntities(text string) string {
	for from := 0; ; {
		start := strings.IndexByte(text[from:], '&')
		if start < 0 {
			return text
		}
		start += from
		end := strings.IndexAny(text[start+1:], ";\n")
		if end < 1 || text[start+1+end] == '\n' {
			from = start + 1
			continue
		}
		text = text[:start] + text[start+end+2:]
		from = start
	}
}

// stripElements takes out what looks like elements and comments of HTML. A "<" before white space is a character.
func stripElements(text string) string {
	if !strings.Contains(text, "<") {
		return text
	}
	var b strings.Builder
	for {
		start := strings.IndexByte(text, '<')
		if start < 0 || start+1 == len(text) {
			b.WriteString(text)
			return b.String()
		}
		b.WriteString(text[:start])
		text = text[start:]
		switch {
		case strings.IndexByte(" \t\r\n", text[1]) >= 0:
			b.WriteByte('<')
			text = text[1:]
		case strings.HasPrefix(text, "<!--"):
			_, text, _ = strings.Cut(text, "-->")
		default:
			text = text[elementEnd(text):]
		}
	}
}

// elementEnd returns the length of the element that text begins with; a ">" inside quotes does not end it.
func elementEnd(text string) int {
	quote := byte(0)
	for i := range len(text) {
		switch c := text[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return i + 1
		}
	}
	return len(text)
}

func octet(s string) bool {
	return len(s) >= 3 && s[0] == '%' && isHex(s[1]) && isHex(s[2])
}

// encodedSign reads one of the signs that a slug has no room for, where a text begins with its percent-encoded form, and
// how long that form is; 0 where there is none.
func encodedSign(text string) (c rune, size int) {
	var buf [utf8.UTFMax]byte
	n := 0
	for ; n < len(buf) && octet(text[3*n:]); n++ {
		b, _ := strconv.ParseUint(text[3*n+1:3*n+3], 16, 8)
		buf[n] = byte(b)
	}
	c, n = utf8.DecodeRune(buf[:n])
	if c == '×' || c >= utf8.RuneSelf && unicode.In(c, slugDash, slugNothing) && c != utf8.RuneError {
		return c, 3 * n
	}
	return 0, 0
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// encodedLen is the length that a letter takes of a slug's 200 bytes.
func encodedLen(c rune) int {
	if c < utf8.RuneSelf {
		return 1
	}
	return 3 * utf8.RuneLen(c)
}

// specialLetters are Latin letters, and two signs, that Unicode does not take apart into a plain letter and marks.
var specialLetters = map[rune]string{
	'ª': "a", 'º': "o", 'Æ': "ae", 'æ': "ae", 'Ð': "d", 'ð': "d", 'Ø': "o", 'ø': "o", 'Þ': "th", 'þ': "th", 'ß': "s",
	'Đ': "d", 'đ': "d", 'Ħ': "h", 'ħ': "h", 'ı': "i", 'Ĳ': "ij", 'ĳ': "ij", 'ĸ': "k", 'Ŀ': "l", 'ŀ': "l", 'Ł': "l", 'ł': "l",
	'ŉ': "n", 'Ŋ': "n", 'ŋ': "n", 'Œ': "oe", 'œ': "oe", 'Ŧ': "t", 'ŧ': "t", 'ſ': "s", 'Ə': "e", 'ǝ': "e", '€': "e", '£': "",
}

// PlainLetters returns a letter in lower case and, when it is a Latin one, without its accents.
func PlainLetters(c rune) string {
	if c < utf8.RuneSelf {
		return string(unicode.ToLower(c))
	}
	if s, ok := specialLetters[c]; ok {
		return s
	}
	apart := norm.NFD.String(string(c))
	base, size := utf8.DecodeRuneInString(apart)
	if base < utf8.RuneSelf && unicode.IsLetter(base) && onlyMarks(apart[size:]) {
		return string(unicode.ToLower(base))
	}
	return string(unicode.ToLower(c))
}

func onlyMarks(s string) bool {
	for _, c := range s {
		if !unicode.Is(unicode.Mn, c) {
			return false
		}
	}
	return true
}

// slugDash are the characters that become a dash: spaces and dashes of other widths, and line separators.
var slugDash = &unicode.RangeTable{R16: []unicode.Range16{
	{Lo: 0x00A0, Hi: 0x00A0, Stride: 1}, {Lo: 0x2000, Hi: 0x200A, Stride: 1}, {Lo: 0x2013, Hi: 0x2014, Stride: 1},
	{Lo: 0x2028, Hi: 0x2029, Stride: 1}, {Lo: 0x202F, Hi: 0x202F, Stride: 1},
}, LatinOffset: 1}

// slugNothing are the characters that a slug leaves out: quotation marks, a few signs, accents that stand alone, and
// what has no width.
var slugNothing = &unicode.RangeTable{R16: []unicode.Range16{
	{Lo: 0x00A1, Hi: 0x00A1, Stride: 1}, {Lo: 0x00A9, Hi: 0x00A9, Stride: 1}, {Lo: 0x00AB, Hi: 0x00AB, Stride: 1},
	{Lo: 0x00AD, Hi: 0x00AE, Stride: 1}, {Lo: 0x00B0, Hi: 0x00B0, Stride: 1}, {Lo: 0x00B4, Hi: 0x00B4, Stride: 1},
	{Lo: 0x00BB, Hi: 0x00BB, Stride: 1}, {Lo: 0x00BF, Hi: 0x00BF, Stride: 1}, {Lo: 0x02CA, Hi: 0x02CA, Stride: 1},
	{Lo: 0x0300, Hi: 0x0301, Stride: 1}, {Lo: 0x0304, Hi: 0x0304, Stride: 1}, {Lo: 0x030C, Hi: 0x030C, Stride: 1},
	{Lo: 0x0341, Hi: 0x0341, Stride: 1}, {Lo: 0x200B, Hi: 0x200F, Stride: 1}, {Lo: 0x2018, Hi: 0x201F, Stride: 1},
	{Lo: 0x2022, Hi: 0x2022, Stride: 1}, {Lo: 0x2026, Hi: 0x2026, Stride: 1}, {Lo: 0x202A, Hi: 0x202E, Stride: 1},
	{Lo: 0x2039, Hi: 0x203A, Stride: 1}, {Lo: 0x2122, Hi: 0x2122, Stride: 1}, {Lo: 0xFEFF, Hi: 0xFEFF, Stride: 1},
	{Lo: 0xFFFC, Hi: 0xFFFC, Stride: 1},
}, LatinOffset: 8}

// CutSlug shortens a slug to at most n bytes without leaving half a percent-encoded letter behind.
func CutSlug(slug string, n int) string {
	if len(slug) <= n {
		return slug
	}
	for n > 0 && n < len(slug) && !octetBoundary(slug, n) {
		n--
	}
	return strings.TrimRight(slug[:n], "-")
}

// octetBoundary says whether the first n bytes of a slug end a letter: at the start of a plain character or of the
// first octet of an encoded one.
func octetBoundary(slug string, n int) bool {
	for back := 1; back <= 2 && n-back >= 0; back++ {
		if octet(slug[n-back:]) {
			return false
		}
	}
	if !octet(slug[n:]) {
		return true
	}
	first, _ := strconv.ParseUint(slug[n+1:n+3], 16, 8)
	return first&0xC0 != 0x80
}

// feedNames are slugs that belong to the feeds.
var feedNames = []string{"feed", "rdf", "rss", "rss2", "atom", "embed"}

// ReservedSlug says whether an address of the blog means something else than the post. structure is the option
// permalink_structure.
func ReservedSlug(p *Post, slug, structure string) bool {
	if slices.Contains(feedNames, slug) {
		return true
	}
	digits := strings.TrimPrefix(slug, "page")
	number, err := strconv.Atoi(digits)
	if p.Type == TypePage {
		return err == nil && digits == strings.TrimLeft(digits, "+-")
	}
	if p.Type != TypePost || err != nil || digits != slug || strings.TrimLeft(slug, "+-") != slug {
		return false
	}
	// A number can be read as a year, month or day where the dates stand in front of the name.
	parts := strings.FieldsFunc(structure, func(c rune) bool { return c == '/' })
	i := slices.Index(parts, "%postname%")
	switch {
	case i < 0:
		return false
	case i == 0:
		return true
	case parts[i-1] == "%year%":
		return number <= 12
	case parts[i-1] == "%monthnum%":
		return number < 32
	}
	return false
}

// UniqueSlug returns the slug, or the first of slug-2, slug-3 … that no other post has: no other of the same type, for
// a page none under the same parent, for an attachment none at all. Posts without an address yet keep what they ask for.
func UniqueSlug(ctx context.Context, tx *database.Tx, p *Post, slug, structure string) (string, error) {
	if slug == "" || Floating(p.Status) || p.Type == TypeRevision {
		return slug, nil
	}
	candidates := []string{slug}
	if ReservedSlug(p, slug, structure) {
		candidates = nil
	}
	for next, batch := 2, 30; ; next, batch = next+batch, min(10*batch, 3000) {
		for n := next; n < next+batch; n++ {
			suffix := "-" + strconv.Itoa(n)
			candidates = append(candidates, CutSlug(slug, MaxSlug-len(suffix))+suffix)
		}
		taken, err := takenSlugs(ctx, tx, p, candidates)
		if err != nil {
			return "", err
		}
		for _, c := range candidates {
			if !taken[c] {
				return c, nil
			}
		}
		candidates = candidates[:0]
	}
}

// takenSlugs tells which of the slugs other posts have.
func takenSlugs(ctx context.Context, tx *database.Tx, p *Post, slugs []string) (map[string]bool, error) {
	where, more := ``, []any{}
	switch {
	case p.Type == TypeAttachment:
	case p.Type == TypePage:
		where, more = ` AND type IN ('page', 'attachment') AND parent = ?`, []any{p.Parent}
	default:
		where, more = ` AND type = ?`, []any{p.Type}
	}
	query, args, err := database.In(`SELECT name FROM posts WHERE name IN (?) AND id <> ?`+where, append([]any{slugs, p.ID}, more...)...)
	if err != nil {
		return nil, err
	}
	var names []string
	if err := tx.Select(ctx, &names, query, args...); err != nil {
		return nil, fmt.Errorf("look for posts named like %q: %w", slugs[0], err)
	}
	taken := make(map[string]bool, len(names))
	for _, n := range names {
		taken[n] = true
	}
	return taken, nil
}
