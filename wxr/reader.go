package wxr

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/text/encoding"
)

// Default limits of a Reader.
const (
	DefaultMaxItem    = 32 << 20 // bytes
	DefaultMaxDepth   = 64
	DefaultMaxEntries = 250_000
)

// A Reader reads an export from start to end. It holds one item at a time: its
// memory is limited by MaxEntries and a small multiple of MaxItem, and depends
// on the largest item so far, not on the size of the file. It is not safe for
// concurrent use.
//
// The limits may be changed before the first call of Next.
type Reader struct {
	MaxItem    int // size of one item in the file in bytes; a larger one is an ItemError with ErrTooLarge
	MaxDepth   int // nesting of elements, including the item itself; ErrTooDeep
	MaxEntries int // terms, custom fields and comments of one item in total; ErrTooMany

	scan    scanner
	spaces  map[string]string // prefix in the file → WordPress's prefix
	wp      string            // prefix in the file of the namespace wp
	charset encoding.Encoding // nil for UTF-8
	items   *decoder
	site    Site
	open    bool // the channel has begun
	headed  bool // the Site has been returned
	ended   bool // the channel has ended
	offset  int64
	notes   []Note
	scratch []byte // body of an item after cleaning
	err     error  // the end
}

// NewReader returns a Reader for the export that begins with the first byte of
// src. It reads ahead.
func NewReader(src io.Reader) *Reader {
	return &Reader{
		MaxItem:    DefaultMaxItem,
		MaxDepth:   DefaultMaxDepth,
		MaxEntries: DefaultMaxEntries,
		scan:       scanner{src: src},
		wp:         "wp",
	}
}

// Resume returns a Reader that continues in the same file after the item for
// which Reader.InputOffset returned offset. It reads the head of the file
// again, for its character set, its namespaces and its Site, which Reader.Site
// returns and Next does not. Offset 0 starts at the beginning, including the
// Site.
//
// The error is a *FormatError; it wraps ErrOffset if there is no boundary
// between two items at the offset.
func Resume(src io.ReadSeeker, offset int64) (*Reader, error) {
	if _, err := src.Seek(0, io.SeekStart); err != nil {
		return nil, &FormatError{Err: fmt.Errorf("seek: %w", err)}
	}
	r := NewReader(src)
	if offset == 0 {
		return r, nil
	}
	if _, err := r.Next(); err != nil {
		return nil, err
	}
	if offset < r.offset {
		return nil, &FormatError{offset, ErrOffset}
	}
	const tail = 1 << 10 // bytes before offset that are searched for the end of an item
	from := max(0, offset-tail)
	if _, err := src.Seek(from, io.SeekStart); err != nil {
		return nil, &FormatError{offset, fmt.Errorf("seek: %w", err)}
	}
	r.scan = scanner{src: src, base: from}
	before := r.scan.need(int(offset - from))
	switch {
	case r.scan.err != nil && r.scan.err != io.EOF:
		return nil, &FormatError{offset, r.scan.err}
	case int64(len(before)) < offset-from:
		return nil, &FormatError{offset, ErrOffset}
	}
	before = before[:offset-from]
	r.scan.pos += len(before)
	switch name := lastTag(before); {
	case name == "/channel" || name == "/rss":
		r.ended = true
	case !r.isItem(strings.Trim(name, "/")) && !r.atItem():
		return nil, &FormatError{offset, ErrOffset}
	}
	r.offset = offset
	r.notes = r.notes[:0]
	return r, nil
}

// lastTag returns the name in the end tag or empty tag at the end of text, with
// its slash: "/name" or "name/".
func lastTag(text []byte) string {
	last := text[max(0, bytes.LastIndexByte(text, '<')):]
	m, ok := findTag(last)
	switch {
	case !ok || m.size != len(last):
	case m.kind == endTag:
		return "/" + string(m.name)
	case m.kind == emptyTag:
		return string(m.name) + "/"
	}
	return ""
}

func (r *Reader) isItem(name string) bool {
	_, known := kindOf(r.name([]byte(name)))
	return known
}

// atItem reports whether an item or the end of the channel follows.
func (r *Reader) atItem() bool {
	if next := r.scan.need(1); len(next) == 0 || next[0] != '<' {
		return false
	}
	m, ok := r.scan.tag()
	if !ok {
		return false
	}
	if m.kind == endTag {
		return string(m.name) == "channel" || string(m.name) == "rss"
	}
	return r.isItem(string(m.name))
}

// Next returns the next item in the order of the file, the Site first. The item
// belongs to the caller.
//
// The error is io.EOF at the end; an *ItemError for an item that cannot be
// read, after which Next may be called again; or a *FormatError, which all
// further calls return too. For a truncated file, the *FormatError wraps
// io.ErrUnexpectedEOF.
func (r *Reader) Next() (Item, error) {
	if r.err != nil {
		return nil, r.err
	}
	r.notes = r.notes[:0]
	r.scan.limit = r.MaxItem
	item, err := r.next()
	if err != nil {
		if _, skippable := errors.AsType[*ItemError](err); !skippable {
			r.err = err
		}
		r.notes = r.notes[:0]
		return nil, err
	}
	return item, nil
}

// InputOffset returns how far the file has been read: the offset after the last
// item that Next returned or skipped. Stored together with the results of the
// item, it is where Resume continues. In a file that is truncated inside an
// item, it is the offset before that item.
func (r *Reader) InputOffset() int64 { return r.offset }

// Site returns what is known from the head of the channel. After the Site item
// it can still grow, since WordPress writes the generator after the terms.
func (r *Reader) Site() Site { return r.site }

// Notes returns what was tolerated in the item that Next returned last, at most
// 16 notes. It is valid until the next call of Next.
func (r *Reader) Notes() []Note { return r.notes }

const maxNotes = 16

func (r *Reader) note(field, problem string) {
	if len(r.notes) < maxNotes {
		r.notes = append(r.notes, Note{field, problem})
	}
}

// kindOf returns the kind of item for a child of the channel, if it is an item.
func kindOf(name string) (Kind, bool) {
	switch name {
	case "item":
		return KindPost, true
	case "wp:author":
		return KindAuthor, true
	case "wp:category":
		return KindCategory, true
	case "wp:tag":
		return KindTag, true
	case "wp:term":
		return KindTerm, true
	}
	return "", false
}

func (r *Reader) idElement(kind Kind) string {
	switch kind {
	case KindPost:
		return r.wp + ":post_id"
	case KindAuthor:
		return r.wp + ":author_id"
	}
	return r.wp + ":term_id"
}

// name replaces the prefix of an element's name by the one that WordPress
// writes, whatever prefix the file uses.
func (r *Reader) name(raw []byte) string {
	prefix, local, found := bytes.Cut(raw, []byte(":"))
	if !found {
		return string(raw)
	}
	if space, bound := r.spaces[string(prefix)]; bound && space != string(prefix) {
		return space + ":" + string(local)
	}
	return string(raw)
}

func (r *Reader) next() (Item, error) {
	if !r.open {
		if err := r.prolog(); err != nil {
			return nil, err
		}
		r.open = true
	}
	if r.ended {
		return nil, r.epilog()
	}
	for {
		m := r.scan.markup()
		begin := r.scan.offset()
		switch m.kind {
		case endOfFile:
			return nil, &FormatError{begin, r.scan.sourceError()}
		case declaration:
			return nil, &FormatError{begin, ErrDoctype}
		case endTag:
			if !m.beginsNext() { // an end tag without a start, left by a broken item
				r.scan.pos += m.size
				continue
			}
			if !r.headed {
				return r.head(begin), nil
			}
			r.scan.pos += m.size
			r.offset = r.scan.offset()
			r.ended = true
			return nil, r.epilog()
		}
		name := r.name(m.name)
		kind, known := kindOf(name)
		switch {
		case known && !r.headed:
			return r.head(begin), nil
		case known:
			return r.item(m, kind)
		}
		if err := r.header(m); err != nil {
			return nil, err
		}
	}
}

func (r *Reader) head(offset int64) *Site {
	r.headed = true
	r.offset = offset
	switch r.site.Version {
	case "1.0", "1.1", "1.2":
	case "":
		r.note("wp:wxr_version", "missing")
	default:
		r.note("wp:wxr_version", fmt.Sprintf("unknown version, read as 1.2: %.40q", r.site.Version))
	}
	site := r.site
	return &site
}

// item reads the item whose start tag is m.
func (r *Reader) item(m markup, kind Kind) (Item, error) {
	begin := r.scan.offset()
	f, err := r.scan.frame(m, r.MaxDepth, r.idElement(kind))
	if err != nil {
		return nil, &FormatError{begin, err}
	}
	r.offset = r.scan.offset()
	var item Item
	if f.err == nil {
		item, f.err = r.items.item(kind, r.legal(f.body))
	}
	if f.err != nil {
		return nil, &ItemError{Offset: begin, Kind: kind, ID: f.id, Err: f.err}
	}
	return item, nil
}

// header reads a child of the channel that is not an item: a part of the Site,
// or something unknown.
func (r *Reader) header(m markup) error {
	begin := r.scan.offset()
	f, err := r.scan.frame(m, r.MaxDepth, "")
	if err != nil {
		return &FormatError{begin, err}
	}
	if f.err == nil {
		f.err = r.items.site(&r.site, r.legal(f.body))
	}
	if f.err != nil {
		r.note(f.name, f.err.Error())
	}
	return nil
}

// prolog reads everything before the content of the channel.
func (r *Reader) prolog() error {
	s := &r.scan
	r.items = &decoder{r: r}
	fail := func(err error) error {
		if s.err != nil && s.err != io.EOF {
			err = s.err
		}
		return &FormatError{s.offset(), err}
	}
	head := s.need(len(utf8BOM))
	if bytes.HasPrefix(head, []byte("\xFE\xFF")) || bytes.HasPrefix(head, []byte("\xFF\xFE")) {
		return fail(fmt.Errorf("%w: UTF-16", ErrCharset))
	}
	if bytes.HasPrefix(head, []byte(utf8BOM)) {
		s.pos += len(utf8BOM)
	}
	// Plugins and themes that end with an empty line put it before the XML
	// declaration.
	for rest := s.need(1); len(rest) > 0 && strings.IndexByte(" \t\r\n", rest[0]) >= 0; rest = s.need(1) {
		s.pos++
	}
	if rest := s.need(1); len(rest) == 0 || rest[0] != '<' {
		return fail(ErrNotExport)
	}
	if err := r.declaration(); err != nil {
		return fail(err)
	}
	m := s.markup()
	if m.kind == declaration && s.doctype() {
		m = s.markup()
	}
	switch {
	case m.kind == declaration:
		return fail(ErrDoctype)
	case m.kind != startTag || string(m.name) != "rss":
		return fail(fmt.Errorf("%w: its first element is not rss", ErrNotExport))
	}
	r.bind(m.attrs)
	s.pos += m.size
	m = s.markup()
	switch {
	case m.kind == declaration:
		return fail(ErrDoctype)
	case m.kind != startTag || string(m.name) != "channel":
		return fail(fmt.Errorf("%w: it has no channel", ErrNotExport))
	}
	s.pos += m.size
	r.offset = s.offset()
	return nil
}

// declaration reads the XML declaration, if there is one, to determine the
// character set.
func (r *Reader) declaration() error {
	const longest = 1 << 10
	rest := r.scan.need(longest)
	rest = rest[:min(len(rest), longest)]
	if !bytes.HasPrefix(rest, []byte("<?xml")) {
		return nil
	}
	end := bytes.Index(rest, []byte("?>"))
	if end < 0 {
		return fmt.Errorf("%w: its XML declaration does not end", ErrNotExport)
	}
	_, label, found := bytes.Cut(rest[:end], []byte("encoding"))
	label = bytes.TrimLeft(label, "= \t\r\n")
	r.scan.pos += end + len("?>")
	if !found || len(label) == 0 {
		return nil
	}
	if i := bytes.IndexByte(label[1:], label[0]); i >= 0 {
		label = label[1 : 1+i]
	}
	var err error
	r.charset, err = lookupCharset(string(label))
	return err
}

// bind determines the prefixes of the namespaces from the attributes of the
// root. A namespace that the file does not declare, or declares in an unknown
// version, has its usual prefix.
func (r *Reader) bind(attrs []byte) {
	r.spaces = make(map[string]string)
	var t tokenizer
	for name, value, rest, ok := cutAttribute(attrs); ok; name, value, rest, ok = cutAttribute(rest) {
		prefix, isSpace := strings.CutPrefix(string(name), "xmlns:")
		if !isSpace {
			continue
		}
		switch uri := strings.TrimSpace(string(t.appendText(nil, value, false))); {
		case strings.HasPrefix(uri, "http://wordpress.org/export/") && strings.Contains(uri, "excerpt"):
			r.spaces[prefix] = "excerpt"
		case strings.HasPrefix(uri, "http://wordpress.org/export/"):
			r.spaces[prefix] = "wp"
			r.wp = prefix
		case uri == "http://purl.org/rss/1.0/modules/content/":
			r.spaces[prefix] = "content"
		case uri == "http://purl.org/dc/elements/1.1/":
			r.spaces[prefix] = "dc"
		}
	}
}

// epilog reads what follows the channel, where only the end of the root is
// allowed.
func (r *Reader) epilog() error {
	for {
		m := r.scan.markup()
		begin := r.scan.offset()
		switch m.kind {
		case endOfFile:
			if r.scan.err != nil && r.scan.err != io.EOF {
				return &FormatError{begin, r.scan.err}
			}
			return io.EOF
		case declaration:
			return &FormatError{begin, ErrDoctype}
		case startTag, emptyTag:
			return &FormatError{begin, ErrTrailing}
		}
		r.scan.pos += m.size
	}
}
