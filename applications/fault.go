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

// The codes are those of WordPress, which clients check for. They follow the
// HTTP statuses with the same meaning. The texts are quillgate's own.
var (
	// ErrLogin is the fault of every refused password, signature and token.
	ErrLogin = &xmlrpc.Fault{Code: http.StatusForbidden, Message: "The user name, the password or the signature is wrong."}
	// ErrTooFew is the fault of a call with too few arguments.
	ErrTooFew = &xmlrpc.Fault{Code: http.StatusBadRequest, Message: "This method needs more arguments than were sent."}
)

// faults maps errors about callers and their credentials to faults, for a
// server and a gateway alike. The first matching row wins. Errors that the two
// answer differently are in wordpress/fault.go and gateway/fault.go.
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

// Fault returns the fault for an error about a caller or a credential, or nil
// for any other error.
func Fault(err error) *xmlrpc.Fault {
	if invalid, ok := errors.AsType[*apps.Invalid](err); ok {
		return &xmlrpc.Fault{Code: http.StatusBadRequest, Message: invalid.Error() + "."}
	}
	if rotated, ok := errors.AsType[*apps.Rotated](err); ok {
		return &xmlrpc.Fault{Code: http.StatusConflict, Message: "The key has already been rotated: its successor is " + rotated.Successor + "."}
	}
	if throttled, ok := errors.AsType[*auth.Throttled](err); ok {
		// It is the same for every name, known or not, so it reveals nothing
		// but the wait.
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
