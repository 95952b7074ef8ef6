package wxr

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// A decoder turns the bytes of one item into the item. It takes raw tokens of encoding/xml and keeps the balance of
// the tags itself: Token would invent end tags for broken markup, DecodeElement would reflect.
type decoder struct {
	r       *Reader
	in      feed
	xml     *xml.Decoder
	text    []byte     // of the element being read
	open    []xml.Name // elements open inside it
	entries int        // terms, custom fields and comments of the item so far
}

// A feed hands one item after the other to the same xml.Decoder, whose buffers would otherwise be made anew for each.
type feed struct{ rest []byte }

func (f *feed) ReadByte() (byte, error) {
	if len(f.rest) == 0 {
		return 0, io.EOF
	}
	c := f.rest[0]
	f.rest = f.rest[1:]
	return c, nil
}

func (f *feed) Read(p []byte) (int, error) {
	if len(f.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, f.rest)
	f.rest = f.rest[n:]
	return n, nil
}

func newDecoder(r *Reader) *decoder { return &decoder{r: r} }

// root begins with a new body and returns its first start tag.
func (d *decoder) root(body []byte) (xml.StartElement, error) {
	d.in.rest = body
	d.entries = 0
	if d.xml == nil {
		d.xml = xml.NewDecoder(&d.in)
		d.xml.Strict = false // unknown entities and "&" alone stay as they are
		d.xml.Entity = xml.HTMLEntity
	}
	for {
		tok, err := d.xml.RawToken()
		if err != nil {
			return xml.StartElement{}, err
		}
		if start, ok := tok.(xml.StartElement); ok {
			return start, nil
		}
	}
}

// done turns the outcome of a body into the error for its caller, and leaves the decoder fit for the next body.
func (d *decoder) done(err error) error {
	if err == nil && len(d.in.rest) == 0 {
		return nil
	}
	d.xml = nil // its errors last, and so does what it has read ahead
	if err == nil || err == io.EOF {
		return errors.New("malformed XML: tags do not match")
	}
	if syntax, ok := errors.AsType[*xml.SyntaxError](err); ok {
		return fmt.Errorf("malformed XML: %s", syntax.Msg)
	}
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
	switch space, local := d.name(e); space + ":" + local {
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

// name returns the element's prefix, as WordPress writes it, and its local name.
func (d *decoder) name(e xml.StartElement) (space, local string) {
	space = e.Name.Space
	if usual, bound := d.r.spaces[space]; bound {
		space = usual
	}
	return space, e.Name.Local
}

// children hands each child of the element to the function, which reads it to its end.
func (d *decoder) children(of xml.StartElement, child func(xml.StartElement) error) error {
	for {
		tok, err := d.xml.RawToken()
		if err != nil {
			return err
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			if err := child(tok); err != nil {
				return err
			}
		case xml.EndElement:
			if tok.Name != of.Name {
				return io.EOF
			}
			return nil
		}
	}
}

// wpChildren is children for elements all of whose children of interest are in the namespace wp.
func (d *decoder) wpChildren(of xml.StartElement, child func(local string, e xml.StartElement) error) error {
	return d.children(of, func(e xml.StartElement) error {
		if space, local := d.name(e); space == "wp" {
			return child(local, e)
		}
		return d.skip(e)
	})
}

// gather reads the element to its end and leaves its text, and that of elements inside it, in d.text.
func (d *decoder) gather(e xml.StartElement) (nested bool, err error) {
	d.text = d.text[:0]
	d.open = append(d.open[:0], e.Name)
	for len(d.open) > 0 {
		tok, err := d.xml.RawToken()
		if err != nil {
			return nested, err
		}
		switch tok := tok.(type) {
		case xml.CharData:
			d.text = append(d.text, tok...)
		case xml.StartElement:
			d.open = append(d.open, tok.Name)
			nested = true
		case xml.EndElement:
			if tok.Name != d.open[len(d.open)-1] {
				return nested, io.EOF
			}
			d.open = d.open[:len(d.open)-1]
		}
	}
	return nested, nil
}

func (d *decoder) skip(e xml.StartElement) error {
	_, err := d.gather(e)
	return err
}

func (d *decoder) note(e xml.StartElement, problem string) {
	space, local := d.name(e)
	if space != "" {
		local = space + ":" + local
	}
	d.r.note(local, problem)
}

// prose reads a text, every character of which counts.
func (d *decoder) prose(e xml.StartElement, into *string) error {
	nested, err := d.gather(e)
	if nested {
		d.note(e, "holds elements where only text may be; their tags are lost")
	}
	*into = string(d.text)
	return err
}

// word reads a name or an address; hand-made exports put white space around them.
func (d *decoder) word(e xml.StartElement, into *string) error {
	err := d.prose(e, into)
	*into = strings.TrimSpace(*into)
	return err
}

func (d *decoder) number(e xml.StartElement, into *int64) error {
	var text string
	if err := d.word(e, &text); err != nil || text == "" {
		*into = 0
		return err
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		d.note(e, fmt.Sprintf("not a number, taken as 0: %.40q", text))
		n = 0
	}
	*into = n
	return nil
}

func (d *decoder) date(e xml.StartElement, into *time.Time) error {
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
	d.note(e, fmt.Sprintf("not a date, taken as none: %.40q", text))
	return nil
}

// isZeroDate knows the ways in which "no date" is written, PHP's idea of the year -1 included.
func isZeroDate(text string) bool {
	return text == "" || strings.HasPrefix(text, "0000-00-00") || strings.HasPrefix(text, "-0001-11-30")
}

// pubDate reads a date of RSS. WordPress writes nonsense there for drafts, so what is no date is none.
func (d *decoder) pubDate(e xml.StartElement, into *time.Time) error {
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

// entry counts one more term, custom field or comment of the item.
func (d *decoder) entry() error {
	if d.entries++; d.entries > d.r.MaxEntries {
		return ErrTooMany
	}
	return nil
}
