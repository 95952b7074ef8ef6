package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/quillgate/quillgate/applications"
	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/upstream"
	"github.com/quillgate/quillgate/xmlrpc"
)

// faults are the errors for which a gateway has a fault of its own; package
// applications has the others.
var faults = []struct {
	err   error
	fault *xmlrpc.Fault
}{
	{auth.ErrBusy, &xmlrpc.Fault{Code: upstream.CodeUnavailable, Message: "The server is checking too many passwords at the moment. Try again in a few seconds."}},
	{auth.ErrPasswordsRefused, &xmlrpc.Fault{Code: codeForbidden, Message: "This site does not accept account passwords in calls. Create a key on your Quillgate profile page, and use that."}},
	{auth.ErrNotFound, &xmlrpc.Fault{Code: http.StatusNotFound, Message: "There is no such user."}},
	{apps.ErrNoUpstream, &xmlrpc.Fault{Code: upstream.CodeUnavailable, Message: "You have no stored credential for the blog. Sign in once on the blog's Quillgate page, then try again. Nothing was changed."}},
	{apps.ErrSealed, &xmlrpc.Fault{Code: upstream.CodeUnavailable, Message: "Your stored credential for the blog cannot be decrypted. Sign in once on the blog's Quillgate page, then try again. Nothing was changed."}},
}

// Fault returns the fault for an error, or nil for an error that no client may
// see.
func (g *Gateway) Fault(_ context.Context, err error) *xmlrpc.Fault {
	if f, ok := errors.AsType[*xmlrpc.Fault](err); ok {
		return f
	}
	if t, ok := errors.AsType[*troubled](err); ok {
		return t.Trouble.Fault(t.changes)
	}
	if t, ok := errors.AsType[*upstream.Trouble](err); ok {
		return t.Fault(true)
	}
	if s, ok := errors.AsType[*auth.Stale](err); ok {
		return &xmlrpc.Fault{Code: codeForbidden, Message: fmt.Sprintf("The signature is too old or too far in the future. The server's time is %d (%s); sign again with that.", s.Now.Unix(), s.Now.UTC().Format(time.RFC3339))}
	}
	for _, row := range faults {
		if errors.Is(err, row.err) {
			return row.fault
		}
	}
	return applications.Fault(err)
}
