package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/transfer"
	"github.com/quillgate/quillgate/wxr"
)

// writeWXR writes the blog as an export of WordPress.
func writeWXR(ctx context.Context, s *site.Site, w io.Writer) error {
	options, err := s.Options(ctx)
	if err != nil {
		return err
	}
	out := wxr.NewWriter(w)
	err = out.WriteSite(&wxr.Site{
		Title: options.Title(), Link: s.BaseURL(), Description: options.Tagline(), PubDate: time.Now().UTC(), Language: "en-US",
		BaseSiteURL: s.BaseURL(), BaseBlogURL: s.BaseURL(), Generator: "quillgate " + version,
	})
	if err == nil {
		err = transfer.New(s).Walk(ctx, transfer.Visitor{
			Author: func(a transfer.PortableAuthor) error { return out.WriteAuthor((*wxr.Author)(&a)) },
			Term:   func(t transfer.PortableTerm) error { return writeTerm(out, t) },
			Post:   func(p transfer.PortablePost) error { return out.WritePost(exportedPost(p)) },
		})
	}
	if err == nil {
		err = out.Close()
	}
	if err != nil {
		return fmt.Errorf("export the blog: %w", err)
	}
	return nil
}

func writeTerm(out *wxr.Writer, t transfer.PortableTerm) error {
	meta := exportedMeta(t.Meta)
	switch t.Taxonomy {
	case site.Category:
		return out.WriteCategory(&wxr.Category{ID: t.ID, Slug: t.Slug, Parent: t.Parent, Name: t.Name, Description: t.Description, Meta: meta})
	case site.PostTag:
		return out.WriteTag(&wxr.Tag{ID: t.ID, Slug: t.Slug, Name: t.Name, Description: t.Description, Meta: meta})
	}
	return out.WriteTerm(&wxr.Term{ID: t.ID, Taxonomy: t.Taxonomy, Slug: t.Slug, Parent: t.Parent, Name: t.Name, Description: t.Description, Meta: meta})
}

func exportedMeta(list []transfer.PortableMeta) []wxr.Meta {
	var out []wxr.Meta
	for _, m := range list {
		out = append(out, wxr.Meta(m))
	}
	return out
}

// approved is what WordPress's database says of the status of a comment.
var approved = map[string]string{site.CommentApproved: "1", site.CommentHeld: "0"}

func exportedPost(p transfer.PortablePost) *wxr.Post {
	out := &wxr.Post{
		ID: p.ID, Title: p.Title, Link: p.Link, Creator: p.Author, GUID: p.GUID, Content: p.Content, Excerpt: p.Excerpt, Date: p.Date, DateGMT: p.DateGMT,
		Modified: p.Modified, ModifiedGMT: p.ModifiedGMT, CommentStatus: p.CommentStatus, PingStatus: p.PingStatus, Name: p.Name, Status: p.Status,
		Parent: p.Parent, MenuOrder: p.MenuOrder, Type: p.Type, Password: p.Password, Sticky: p.Sticky, AttachmentURL: p.FileURL, Meta: exportedMeta(p.Meta),
	}
	if p.File != "" {
		out.Meta = append(out.Meta, wxr.Meta{Key: "_wp_attached_file", Value: p.File})
	}
	for _, t := range p.Terms {
		out.Terms = append(out.Terms, wxr.PostTerm(t))
	}
	for _, c := range p.Comments {
		status := c.Status
		if known, ok := approved[status]; ok {
			status = known
		}
		out.Comments = append(out.Comments, wxr.Comment{
			ID: c.ID, Author: c.Author, AuthorEmail: c.Email, AuthorURL: c.URL, AuthorIP: c.IP, Date: c.Date, DateGMT: c.DateGMT, Content: c.Content,
			Approved: status, Type: c.Type, Parent: c.Parent, UserID: c.UserID, Meta: exportedMeta(c.Meta),
		})
	}
	return out
}
