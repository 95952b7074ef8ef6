package wordpress

import (
	"context"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/xmlrpc"
)

func (a *API) getRevisions(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	fields, err := fieldsOf(p, "post_date", "post_date_gmt")
	if err != nil {
		return xmlrpc.Value{}, err
	}
	posts, err := a.site.ListRevisions(ctx, who, p.int("post_id"), fields.load())
	if err != nil {
		return xmlrpc.Value{}, err
	}
	return streamed(posts, func(page []site.FullPost) ([]xmlrpc.Value, error) { return a.postStructs(ctx, page, fields) }), nil
}

func (a *API) restoreRevision(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	if err := a.site.RestoreRevision(ctx, who, p.int("revision_id")); err != nil {
		return xmlrpc.Value{}, err
	}
	return xmlrpc.Bool(true), nil
}
