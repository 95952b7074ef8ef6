package wordpress

import (
	"context"
	"errors"

	"github.com/quillgate/quillgate/xmlrpc"
)

// Fault is what the client sees of an error that did not come from a method of the table, such as a signature that
// does not hold. It is nil for an error that no client may see.
func (a *API) Fault(ctx context.Context, err error) *xmlrpc.Fault {
	var f *xmlrpc.Fault
	if errors.As(a.fault(ctx, err), &f) {
		return f
	}
	return nil
}
