package wordpress

import (
	"context"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/xmlrpc"
)

func (a *API) newPost(ctx context.Context, who auth.Identity, p params) (xmlrpc.Value, error) {
	return xmlrpc.Value{}, errNotYet
}

func (a *API) editPost(ctx context.Context, who auth.Identity, p params) (xmlrpc.Value, error) {
	return xmlrpc.Value{}, errNotYet
}

func (a *API) deletePost(ctx context.Context, who auth.Identity, p params) (xmlrpc.Value, error) {
	return xmlrpc.Value{}, errNotYet
}

func (a *API) getPost(ctx context.Context, who auth.Identity, p params) (xmlrpc.Value, error) {
	return xmlrpc.Value{}, errNotYet
}

func (a *API) getPosts(ctx context.Context, who auth.Identity, p params) (xmlrpc.Value, error) {
	return xmlrpc.Value{}, errNotYet
}

func (a *API) getRevisions(ctx context.Context, who auth.Identity, p params) (xmlrpc.Value, error) {
	return xmlrpc.Value{}, errNotYet
}

func (a *API) restoreRevision(ctx context.Context, who auth.Identity, p params) (xmlrpc.Value, error) {
	return xmlrpc.Value{}, errNotYet
}

func (a *API) getPostFormats(ctx context.Context, who auth.Identity, p params) (xmlrpc.Value, error) {
	return xmlrpc.Value{}, errNotYet
}

func (a *API) getPostType(ctx context.Context, who auth.Identity, p params) (xmlrpc.Value, error) {
	return xmlrpc.Value{}, errNotYet
}

func (a *API) getPostTypes(ctx context.Context, who auth.Identity, p params) (xmlrpc.Value, error) {
	return xmlrpc.Value{}, errNotYet
}

func (a *API) getPostStatusList(ctx context.Context, who auth.Identity, p params) (xmlrpc.Value, error) {
	return xmlrpc.Value{}, errNotYet
}
