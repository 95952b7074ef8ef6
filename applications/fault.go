package applications

import (
	"errors"
	"fmt"
	"math"
	"net/http"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/xmlrpc"
)

// The codes are WordPress's, which clients branch on: they follow the HTTP
// statuses of the same meaning. The words are ours.
var (
	// ErrLogin is the fault of every refused password, signature and token.
	ErrLogin = &xmlrpc.Fault{Code: http.StatusForbidden, Message: "The user name, the password or the signature is wrong."}
	// ErrTooFew is the fault of a call with too few arguments.
	ErrTooFew = &xmlrpc.Fault{Code: http.StatusBadRequest, Message: "This method needs more arguments than were sent."}
)

// faults maps errors about callers and their credentials to what a client
// sees, at a server and at a gateway alike. The first row that matches counts.
// What the two answer differently is in tables of their own, wordpress/fault.go
// and gateway/fault.go.
var faults = []struct {
	err   error
	fault *xmlrpc.Fault
}{
	{auth.ErrClearText, &xmlrpc.Fault{Code: http.StatusForbidden, Message: "Passwords are accepted over https only, or from the server's own machine. Use the https address, or sign the request."}},
	{auth.ErrDenied, ErrLogin},
	{apps.ErrTooMany, &xmlrpc.Fault{Code: http.StatusForbidden, Message: "You have reached the limit of applications. Revoke one that you no longer use."}},
	{apps.ErrNoEnrolment, ErrNoEnrolment},
	{apps.ErrNotFound, &xmlrpc.Fault{Code: http.StatusNotFound, Message: "There is no such application."}},
}

// Fault returns what a client sees of an error about a caller or a credential;
// nil for any other error.
func Fault(err error) *xmlrpc.Fault {
	if invalid, ok := errors.AsType[*apps.Invalid](err); ok {
		return &xmlrpc.Fault{Code: http.StatusBadRequest, Message: invalid.Error() + "."}
	}
	if rotated, ok := errors.AsType[*apps.Rotated](err); ok {
		return &xmlrpc.Fault{Code: http.StatusConflict, Message: "The key has already been rotated: its successor is " + rotated.Successor + "."}
	}
	if throttled, ok := errors.AsType[*auth.Throttled](err); ok {
		// The same for every name, known or not, so it reveals nothing but the wait.
		seconds := int(math.Ceil(throttled.RetryAfter.Seconds()))
		return &xmlrpc.Fault{Code: http.StatusForbidden, Message: fmt.Sprintf("Too many wrong passwords have come from your address. Try again in %d seconds.", seconds)}
	}
	for _, row := range faults {
		if errors.Is(err, row.err) {
			return row.fault
		}
	}
	return nil
}
