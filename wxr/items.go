package wxr

import (
	"slices"
	"time"
)

func (d *decoder) author(start token) (*Author, error) {
	a := new(Author)
	return a, d.wpChildren(start, func(local []byte, e token) error {
		switch string(local) {
		case "author_id":
			return d.number(e, &a.ID)
		case "author_login":
			return d.word(e, &a.Login)
		case "author_email":
			return d.word(e, &a.Email)
		case "author_display_name":
			return d.prose(e, &a.DisplayName)
		case "author_first_name":
			return d.prose(e, &a.FirstName)
		case "author_last_name":
			return d.prose(e, &a.LastName)
		}
		return d.skip(e)
	})
}

func (d *decoder) category(start token) (*Category, error) {
	c := new(Category)
	return c, d.wpChildren(start, func(local []byte, e token) error {
		switch string(local) {
		case "term_id":
			return d.number(e, &c.ID)
		case "category_nicename":
			return d.word(e, &c.Slug)
		case "category_parent":
			return d.word(e, &c.Parent)
		case "cat_name":
			return d.prose(e, &c.Name)
		case "category_description":
			return d.prose(e, &c.Description)
		case "termmeta":
			return d.meta(e, &c.Meta)
		}
		return d.skip(e)
	})
}

func (d *decoder) tag(start token) (*Tag, error) {
	t := new(Tag)
	return t, d.wpChildren(start, func(local []byte, e token) error {
		switch string(local) {
		case "term_id":
			return d.number(e, &t.ID)
		case "tag_slug":
			return d.word(e, &t.Slug)
		case "tag_name":
			return d.prose(e, &t.Name)
		case "tag_description":
			return d.prose(e, &t.Description)
		case "termmeta":
			return d.meta(e, &t.Meta)
		}
		return d.skip(e)
	})
}

func (d *decoder) term(start token) (*Term, error) {
	t := new(Term)
	return t, d.wpChildren(start, func(local []byte, e token) error {
		switch string(local) {
		case "term_id":
			return d.number(e, &t.ID)
		case "term_taxonomy":
			return d.word(e, &t.Taxonomy)
		case "term_slug":
			return d.word(e, &t.Slug)
		case "term_parent":
			return d.word(e, &t.Parent)
		case "term_name":
			return d.prose(e, &t.Name)
		case "term_description":
			return d.prose(e, &t.Description)
		case "termmeta":
			return d.meta(e, &t.Meta)
		}
		return d.skip(e)
	})
}

func (d *decoder) post(start token) (*Post, error) {
	p := new(Post)
	var published time.Time
	var hasGMT bool
	err := d.children(start, func(e token) error {
		space, local := d.name(e)
		switch space {
		case "wp":
			hasGMT = hasGMT || string(local) == "post_date_gmt"
			return d.postField(p, local, e)
		case "":
			switch string(local) {
			case "title":
				return d.prose(e, &p.Title)
			case "link":
				return d.word(e, &p.Link)
			case "pubDate":
				return d.pubDate(e, &published)
			case "guid":
				return d.word(e, &p.GUID)
			case "category":
				return d.postTerm(e, &p.Terms)
			}
		case "dc":
			if string(local) == "creator" {
				return d.word(e, &p.Creator)
			}
		case "content":
			if string(local) == "encoded" {
				return d.prose(e, &p.Content)
			}
		case "excerpt":
			if string(local) == "encoded" {
				return d.prose(e, &p.Excerpt)
			}
		}
		return d.skip(e)
	})
	if !hasGMT {
		p.DateGMT = published
	}
	p.Terms = withoutBare(p.Terms)
	return p, err
}

// postField reads a child of an item in the namespace wp.
func (d *decoder) postField(p *Post, local []byte, e token) error {
	switch string(local) {
	case "post_id":
		return d.number(e, &p.ID)
	case "post_date":
		return d.date(e, &p.Date)
	case "post_date_gmt":
		return d.date(e, &p.DateGMT)
	case "post_modified":
		return d.date(e, &p.Modified)
	case "post_modified_gmt":
		return d.date(e, &p.ModifiedGMT)
	case "comment_status":
		return d.word(e, &p.CommentStatus)
	case "ping_status":
		return d.word(e, &p.PingStatus)
	case "post_name":
		return d.word(e, &p.Name)
	case "status":
		return d.word(e, &p.Status)
	case "post_parent":
		return d.number(e, &p.Parent)
	case "menu_order":
		return d.number(e, &p.MenuOrder)
	case "post_type":
		return d.word(e, &p.Type)
	case "post_password":
		return d.prose(e, &p.Password)
	case "is_sticky":
		var sticky int64
		err := d.number(e, &sticky)
		p.Sticky = sticky != 0
		return err
	case "attachment_url":
		return d.word(e, &p.AttachmentURL)
	case "postmeta":
		return d.meta(e, &p.Meta)
	case "comment":
		return d.comment(e, &p.Comments)
	}
	return d.skip(e)
}

// postTerm reads <category domain="taxonomy" nicename="slug">name</category>.
func (d *decoder) postTerm(e token, into *[]PostTerm) error {
	if err := d.entry(); err != nil {
		return err
	}
	var t PostTerm
	for name, value, rest, ok := cutAttribute(e.attrs); ok; name, value, rest, ok = cutAttribute(rest) {
		switch string(name) {
		case "nicename":
			t.Slug = string(d.in.appendText(nil, value, false))
		case "domain":
			t.Taxonomy = string(d.in.appendText(nil, value, false))
		}
	}
	switch t.Taxonomy {
	case "":
		t.Taxonomy = "category"
	case "tag": // version 1.0
		t.Taxonomy = "post_tag"
	}
	err := d.prose(e, &t.Name)
	*into = append(*into, t)
	return err
}

// withoutBare removes terms without a slug that also exist with one: version
// 1.0 writes each of them twice.
func withoutBare(terms []PostTerm) []PostTerm {
	if !slices.ContainsFunc(terms, func(t PostTerm) bool { return t.Slug == "" }) {
		return terms
	}
	full := make(map[PostTerm]bool)
	for _, t := range terms {
		if t.Slug != "" {
			full[PostTerm{Taxonomy: t.Taxonomy, Name: t.Name}] = true
		}
	}
	kept := terms[:0]
	for _, t := range terms {
		if t.Slug != "" || !full[t] {
			kept = append(kept, t)
		}
	}
	return kept
}

// meta reads wp:postmeta, wp:commentmeta or wp:termmeta.
func (d *decoder) meta(start token, into *[]Meta) error {
	if err := d.entry(); err != nil {
		return err
	}
	var m Meta
	err := d.wpChildren(start, func(local []byte, e token) error {
		switch string(local) {
		case "meta_key":
			return d.prose(e, &m.Key)
		case "meta_value":
			return d.prose(e, &m.Value)
		}
		return d.skip(e)
	})
	*into = append(*into, m)
	return err
}

func (d *decoder) comment(start token, into *[]Comment) error {
	if err := d.entry(); err != nil {
		return err
	}
	var c Comment
	err := d.wpChildren(start, func(local []byte, e token) error {
		switch string(local) {
		case "comment_id":
			return d.number(e, &c.ID)
		case "comment_author":
			return d.prose(e, &c.Author)
		case "comment_author_email":
			return d.word(e, &c.AuthorEmail)
		case "comment_author_url":
			return d.word(e, &c.AuthorURL)
		case "comment_author_IP":
			return d.word(e, &c.AuthorIP)
		case "comment_date":
			return d.date(e, &c.Date)
		case "comment_date_gmt":
			return d.date(e, &c.DateGMT)
		case "comment_content":
			return d.prose(e, &c.Content)
		case "comment_approved":
			return d.word(e, &c.Approved)
		case "comment_type":
			return d.word(e, &c.Type)
		case "comment_parent":
			return d.number(e, &c.Parent)
		case "comment_user_id":
			return d.number(e, &c.UserID)
		case "commentmeta":
			return d.meta(e, &c.Meta)
		}
		return d.skip(e)
	})
	*into = append(*into, c)
	return err
}
