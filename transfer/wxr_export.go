package transfer

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/wxr"
)

// ExportWXR writes the blog as a WordPress export in its state at one moment;
// see Walk. generator names the program, such as "quillgate 0.1.0". Options,
// passwords, roles, revisions and the bytes of uploads are left out.
func (b *Blog) ExportWXR(ctx context.Context, w io.Writer, generator string) error {
	opts, err := b.Options().Current(ctx)
	if err != nil {
		return err
	}
	out := wxr.NewWriter(w)
	err = out.WriteSite(&wxr.Site{
		Title: opts.Title(), Link: b.BaseURL(), Description: opts.Tagline(), PubDate: time.Now().UTC(), Language: "en-US",
		BaseSiteURL: b.BaseURL(), BaseBlogURL: b.BaseURL(), Generator: generator,
	})
	if err == nil {
		err = b.Walk(ctx, Visitor{Author: out.WriteAuthor, Term: func(t *wxr.Term) error { return writeTerm(out, t) }, Post: out.WritePost})
	}
	if err == nil {
		err = out.Close()
	}
	if err != nil {
		return fmt.Errorf("export the blog: %w", err)
	}
	return nil
}

// writeTerm writes categories and tags as the elements that they have in the
// format.
func writeTerm(out *wxr.Writer, t *wxr.Term) error {
	switch t.Taxonomy {
	case site.Category:
		return out.WriteCategory(&wxr.Category{ID: t.ID, Slug: t.Slug, Parent: t.Parent, Name: t.Name, Description: t.Description, Meta: t.Meta})
	case site.PostTag:
		return out.WriteTag(&wxr.Tag{ID: t.ID, Slug: t.Slug, Name: t.Name, Description: t.Description, Meta: t.Meta})
	}
	return out.WriteTerm(t)
}
