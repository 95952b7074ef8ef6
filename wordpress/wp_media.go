package wordpress

import (
	"context"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/xmlrpc"
)

func (a *API) getMediaItem(ctx context.Context, who auth.Identity, p params) (xmlrpc.Value, error) {
	return xmlrpc.Value{}, errNotYet
}

func (a *API) getMediaLibrary(ctx context.Context, who auth.Identity, p params) (xmlrpc.Value, error) {
	return xmlrpc.Value{}, errNotYet
}

func (a *API) deleteFile(ctx context.Context, who auth.Identity, p params) (xmlrpc.Value, error) {
	return xmlrpc.Value{}, errNotYet
}

func (a *API) newMediaObject(ctx context.Context, who auth.Identity, p params) (xmlrpc.Value, error) {
	return xmlrpc.Value{}, errNotYet
}
