package wordpress

import (
	"context"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/xmlrpc"
)

func (a *API) bloggerGetUsersBlogs(ctx context.Context, who auth.Identity, p params) (xmlrpc.Value, error) {
	return xmlrpc.Value{}, errNotYet
}

func (a *API) bloggerGetUserInfo(ctx context.Context, who auth.Identity, p params) (xmlrpc.Value, error) {
	return xmlrpc.Value{}, errNotYet
}

func (a *API) bloggerGetPost(ctx context.Context, who auth.Identity, p params) (xmlrpc.Value, error) {
	return xmlrpc.Value{}, errNotYet
}

func (a *API) bloggerGetRecentPosts(ctx context.Context, who auth.Identity, p params) (xmlrpc.Value, error) {
	return xmlrpc.Value{}, errNotYet
}

func (a *API) bloggerNewPost(ctx context.Context, who auth.Identity, p params) (xmlrpc.Value, error) {
	return xmlrpc.Value{}, errNotYet
}

func (a *API) bloggerEditPost(ctx context.Context, who auth.Identity, p params) (xmlrpc.Value, error) {
	return xmlrpc.Value{}, errNotYet
}

func (a *API) bloggerDeletePost(ctx context.Context, who auth.Identity, p params) (xmlrpc.Value, error) {
	return xmlrpc.Value{}, errNotYet
}
