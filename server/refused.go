package server

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/xmlrpc"
)

// busyRetry is when a client may try again if its password could not be checked
// in time.
const busyRetry = 5 * time.Second

// outageRetry is the number of seconds after which a client may try again after
// a database outage.
const outageRetry = "5"

// errOutage is the fault of a call during an outage of the database.
var errOutage = &xmlrpc.Fault{Code: http.StatusServiceUnavailable, Message: "The database is not available at the moment. Try again in a few seconds."}

// outages returns a function that gives outages of the database a fault of
// their own, and leaves other errors to fault.
func outages(fault func(context.Context, error) *xmlrpc.Fault) func(context.Context, error) *xmlrpc.Fault {
	return func(ctx context.Context, err error) *xmlrpc.Fault {
		if database.Outage(err) {
			return errOutage
		}
		if fault == nil {
			return nil
		}
		return fault(ctx, err)
	}
}

// timeField is the header field with the server's time, in seconds since 1970.
// It accompanies the fault that refuses a signature because of its time, so
// that a client can correct its clock. Package signer reads it.
const timeField = "X-Quillgate-Time"

// refused returns the function for xmlrpc.Config.Refused. It always sets the
// fields that tell a client when to come back and what time it is, and returns
// the HTTP status if the operator wants one other than 200.
func refused(withStatus bool) func(http.Header, error) int {
	return func(h http.Header, err error) int {
		if database.Outage(err) {
			h.Set("Retry-After", outageRetry)
			return http.StatusServiceUnavailable // whatever the setting: the same call may succeed at another server, or soon
		}
		if down, ok := errors.AsType[outage](err); ok {
			h.Set("Retry-After", strconv.Itoa(int(math.Ceil(down.Outage().Seconds()))))
			return http.StatusServiceUnavailable // as above
		}
		status, retry := statusOf(err)
		if retry > 0 {
			h.Set("Retry-After", strconv.Itoa(int(math.Ceil(retry.Seconds()))))
		}
		if stale, ok := errors.AsType[*auth.Stale](err); ok {
			h.Set(timeField, strconv.FormatInt(stale.Now.Unix(), 10))
		}
		if !withStatus {
			return 0
		}
		if status == http.StatusUnauthorized {
			h.Set("WWW-Authenticate", `Quillgate realm="XML-RPC"`) // RFC 9110 section 11.6.1 demands one
		}
		return status
	}
}

// outage is the error of something other than the database that a call needs
// and that is not available at the moment. Outage returns when to try again.
type outage interface {
	error
	Outage() time.Duration
}

// unavailable is the error of something that an entrance needs and cannot
// reach. Later returns when to try again, or 0 if that is unknown.
type unavailable interface {
	error
	Later() time.Duration
}

// statusOf returns the HTTP status for an error, or 0 if the error is not a
// refusal, and when to try again.
func statusOf(err error) (status int, retry time.Duration) {
	if throttled, ok := errors.AsType[*auth.Throttled](err); ok {
		return http.StatusTooManyRequests, max(throttled.RetryAfter, time.Second)
	}
	if later, ok := errors.AsType[unavailable](err); ok {
		return http.StatusServiceUnavailable, later.Later()
	}
	switch {
	case errors.Is(err, auth.ErrBusy):
		return http.StatusServiceUnavailable, busyRetry
	case errors.Is(err, auth.ErrDenied):
		return http.StatusUnauthorized, 0
	}
	if f, ok := errors.AsType[*xmlrpc.Fault](err); ok && (f.Code == 401 || f.Code == 403) {
		return http.StatusForbidden, 0
	}
	return 0, 0
}
