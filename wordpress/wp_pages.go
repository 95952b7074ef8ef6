package wordpress

import (
	"context"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/xmlrpc"
)

func (a *API) getPage(ctx context.Context, who auth.Identity, p params) (xmlrpc.Value, error) {
	return xmlrpc.Value{}, errNotYet
}

func (a *API) getPages(ctx context.Context, who auth.Identity, p params) (xmlrpc.Value, error) {
	return xmlrpc.Value{}, errNotYet
}

func (a *API) newPage(ctx context.Context, who auth.Identity, p params) (xmlrpc.Value, error) {
	return xmlrpc.Value{}, errNotYet
}

func (a *API) editPage(ctx context.Context, who auth.Identity, p params) (xmlrpc.Value, error) {
	return xmlrpc.Value{}, errNotYet
}

func (a *API) deletePage(ctx context.Context, who auth.Identity, p params) (xmlrpc.Value, error) {
	return xmlrpc.Value{}, errNotYet
}

func (a *API) getPageList(ctx context.Context, who auth.Identity, p params) (xmlrpc.Value, error) {
	return xmlrpc.Value{}, errNotYet
}

func (a *API) getPageStatusList(ctx context.Context, who auth.Identity, p params) (xmlrpc.Value, error) {
	return xmlrpc.Value{}, errNotYet
}

func (a *API) getPageTemplates(ctx context.Context, who auth.Identity, p params) (xmlrpc.Value, error) {
	return xmlrpc.Value{}, errNotYet
}
