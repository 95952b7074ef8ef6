package wordpress

import (
	"context"
	"errors"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/xmlrpc"
)

// createApplication answers xmlrpcs.createApplication(blog, user, password, name), a method of the Secure XML-RPC
// plugin: a struct with the name, the public key and the secret, which nothing shows again. The row of the table has
// made sure that the caller sent the account's password, over TLS or from this machine, and not in a multicall.
func (a *API) createApplication(ctx context.Context, who auth.Identity, p params) (xmlrpc.Value, error) {
	app, secret, err := a.apps.Create(ctx, who.Actor(), apps.New{UserID: who.User.ID, Name: p.text(3)})
	var invalid *apps.Invalid
	switch {
	case errors.As(err, &invalid):
		return xmlrpc.Value{}, &xmlrpc.Fault{Code: codeTooFew, Message: "No application was made: " + invalid.Why + "."}
	case err != nil:
		return xmlrpc.Value{}, err
	}
	return xmlrpc.Struct(
		xmlrpc.M("app", xmlrpc.String(app.Name)),
		xmlrpc.M("key", xmlrpc.String(app.Public)),
		xmlrpc.M("secret", xmlrpc.String(secret.Reveal())),
	), nil
}
