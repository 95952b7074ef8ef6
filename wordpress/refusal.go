package wordpress

import (
	"context"
	"errors"
	"fmt"

	"github.com/quillgate/quillgate/xmlrpc"
)

// Fault returns the fault for an error that did not come from a method of the
// table, such as an invalid signature. It returns nil for an error that no
// client may see.
func (a *API) Fault(ctx context.Context, err error) *xmlrpc.Fault {
	var f *xmlrpc.Fault
	if errors.As(a.fault(ctx, err), &f) {
		return f
	}
	return nil
}

// told is fault for the methods of the table: it returns an error with both the
// fault and its cause, from which the server determines HTTP headers, such as
// when to try again.
func (a *API) told(ctx context.Context, err error) error {
	if f, ok := errors.AsType[*xmlrpc.Fault](a.fault(ctx, err)); ok {
		return fmt.Errorf("%w: %w", f, err)
	}
	return err
}
