package wordpress

import (
	"context"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/xmlrpc"
)

func (a *API) mtGetRecentPostTitles(ctx context.Context, who auth.Identity, p params) (xmlrpc.Value, error) {
	return xmlrpc.Value{}, errNotYet
}

func (a *API) mtGetCategoryList(ctx context.Context, who auth.Identity, p params) (xmlrpc.Value, error) {
	return xmlrpc.Value{}, errNotYet
}

func (a *API) mtGetPostCategories(ctx context.Context, who auth.Identity, p params) (xmlrpc.Value, error) {
	return xmlrpc.Value{}, errNotYet
}

func (a *API) mtSetPostCategories(ctx context.Context, who auth.Identity, p params) (xmlrpc.Value, error) {
	return xmlrpc.Value{}, errNotYet
}

func (a *API) mtPublishPost(ctx context.Context, who auth.Identity, p params) (xmlrpc.Value, error) {
	return xmlrpc.Value{}, errNotYet
}

func (a *API) mtSupportedMethods(ctx context.Context, who auth.Identity, p params) (xmlrpc.Value, error) {
	return xmlrpc.Value{}, errNotYet
}

func (a *API) mtSupportedTextFilters(ctx context.Context, who auth.Identity, p params) (xmlrpc.Value, error) {
	return xmlrpc.Value{}, errNotYet
}

func (a *API) mtGetTrackbackPings(ctx context.Context, who auth.Identity, p params) (xmlrpc.Value, error) {
	return xmlrpc.Value{}, errNotYet
}
