package wxr

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A decoder decodes the bytes of one item.
type decoder struct {
	r       *Reader
	in      tokenizer
	text    []byte   // of the current element
	open    [][]byte // names of the open elements inside it
	entries int      // terms, custom fields and comments of the item so far
}

// root starts with a new body, which must not change, and returns its first
// tag.
func (d *decoder) root(body []byte) (token, error) {
	d.in = tokenizer{in: body}
	d.entries = 0
	for {
		tok, err := d.in.next()
		switch {
		case err != nil:
			return tok, err
		case tok.kind == startTag || tok.kind == emptyTag:
			return tok, nil
		case tok.kind != characters:
			return tok, errMismatch
		}
	}
}

// done returns the error for the caller.
func (d *decoder) done(err error) error {
	if err == nil && d.in.pos < len(d.in.in) {
		return errMismatch
	}
	d.in.forgiven(d.r.note)
	return err
}

func (d *decoder) item(kind Kind, body []byte) (Item, error) {
	start, err := d.root(body)
	if err != nil {
		return nil, d.done(err)
	}
	var item Item
	switch kind {
	case KindAuthor:
		item, err = d.author(start)
	case KindCategory:
		item, err = d.category(start)
	case KindTag:
		item, err = d.tag(start)
	case KindTerm:
		item, err = d.term(start)
	default:
		item, err = d.post(start)
	}
	if err = d.done(err); err != nil {
		return nil, err
	}
	return item, nil
}

// site reads one child of the channel into s.
func (d *decoder) site(s *Site, body []byte) error {
	e, err := d.root(body)
	if err != nil {
		return d.done(err)
	}
	var into *string
	switch space, local := d.name(e); space + ":" + string(local) {
	case ":title":
		into = &s.Title
	case ":link":
		into = &s.Link
	case ":description":
		into = &s.Description
	case ":language":
		into = &s.Language
	case ":generator":
		into = &s.Generator
	case "wp:wxr_version":
		into = &s.Version
	case "wp:base_site_url":
		into = &s.BaseSiteURL
	case "wp:base_blog_url":
		into = &s.BaseBlogURL
	case ":pubDate":
		return d.done(d.pubDate(e, &s.PubDate))
	default:
		return d.done(d.skip(e))
	}
	if into == &s.Title || into == &s.Description {
		return d.done(d.prose(e, into))
	}
	return d.done(d.word(e, into))
}

// name returns the element's prefix, in WordPress's form, and its local name.
func (d *decoder) name(e token) (space string, local []byte) {
	prefix, local, found := bytes.Cut(e.name, []byte(":"))
	if !found {
		return "", e.name
	}
	if usual, bound := d.r.spaces[string(prefix)]; bound {
		return usual, local
	}
	switch string(prefix) {
	case "wp":
		return "wp", local
	case "dc":
		return "dc", local
	case "content":
		return "content", local
	case "excerpt":
		return "excerpt", local
	}
	return "?", local
}

// children calls child for each child of the element. child must read it to its
// end.
func (d *decoder) children(of token, child func(token) error) error {
	if of.kind == emptyTag {
		return nil
	}
	for {
		tok, err := d.in.next()
		if err != nil {
			return err
		}
		switch tok.kind {
		case startTag, emptyTag:
			if err := child(tok); err != nil {
				return err
			}
		case endTag:
			if !bytes.Equal(tok.name, of.name) {
				return errMismatch
			}
			return nil
		case endOfFile:
			return errMismatch
		}
	}
}

// wpChildren is children for elements whose relevant children are all in the
// namespace wp.
func (d *decoder) wpChildren(of token, child func(local []byte, e token) error) error {
	return d.children(of, func(e token) error {
		if space, local := d.name(e); space == "wp" {
			return child(local, e)
		}
		return d.skip(e)
	})
}

// gather reads the element to its end and stores its text, including that of
// nested elements, in d.text.
func (d *decoder) gather(e token) (nested bool, err error) {
	d.text = d.text[:0]
	if e.kind == emptyTag {
		return false, nil
	}
	d.open = append(d.open[:0], e.name)
	for len(d.open) > 0 {
		tok, err := d.in.next()
		if err != nil {
			return nested, err
		}
		switch tok.kind {
		case characters:
			d.text = d.in.appendText(d.text, tok.text, tok.cdata)
		case startTag:
			d.open = append(d.open, tok.name)
			nested = true
		case emptyTag:
			nested = true
		case endTag:
			if !bytes.Equal(tok.name, d.open[len(d.open)-1]) {
				return nested, errMismatch
			}
			d.open = d.open[:len(d.open)-1]
		case endOfFile:
			return nested, errMismatch
		}
	}
	return nested, nil
}

func (d *decoder) skip(e token) error {
	_, err := d.gather(e)
	return err
}

func (d *decoder) note(e token, problem string) {
	d.r.note(d.r.name(e.name), problem)
}

// prose reads a text in which every character counts.
func (d *decoder) prose(e token, into *string) error {
	nested, err := d.gather(e)
	if nested {
		d.note(e, "contains elements where only text is allowed; their tags were dropped")
	}
	*into = string(d.text)
	return err
}

// word reads a name or an address; exports made by hand have white space around
// them.
func (d *decoder) word(e token, into *string) error {
	err := d.prose(e, into)
	*into = strings.TrimSpace(*into)
	return err
}

func (d *decoder) number(e token, into *int64) error {
	var text string
	if err := d.word(e, &text); err != nil || text == "" {
		*into = 0
		return err
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		d.note(e, fmt.Sprintf("not a number, read as 0: %.40q", text))
		n = 0
	}
	*into = n
	return nil
}

func (d *decoder) date(e token, into *time.Time) error {
	var text string
	err := d.word(e, &text)
	if *into = (time.Time{}); err != nil || isZeroDate(text) {
		return err
	}
	for _, layout := range []string{dateLayout, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			*into = t.Truncate(time.Second)
			return nil
		}
	}
	d.note(e, fmt.Sprintf("not a date, left out: %.40q", text))
	return nil
}

// isZeroDate recognizes the ways to write "no date", including PHP's version of
// the year -1.
func isZeroDate(text string) bool {
	return text == "" || strings.HasPrefix(text, "0000-00-00") || strings.HasPrefix(text, "-0001-11-30")
}

// pubDate reads an RSS date. WordPress writes nonsense there for drafts, so an
// invalid date counts as none.
func (d *decoder) pubDate(e token, into *time.Time) error {
	var text string
	err := d.word(e, &text)
	*into = time.Time{}
	for _, layout := range []string{time.RFC1123Z, time.RFC1123} {
		if t, err := time.Parse(layout, text); err == nil {
			*into = t.UTC().Truncate(time.Second)
			break
		}
	}
	return err
}

// entry counts a term, custom field or comment of the item.
func (d *decoder) entry() error {
	if d.entries++; d.entries > d.r.MaxEntries {
		return ErrTooMany
	}
	return nil
}
