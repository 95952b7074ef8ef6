// Package upstream sends calls to other XML-RPC servers, above all to
// WordPress, and judges their answers: answers with notices around them,
// truncated or empty ones, HTML pages, and none. For each it tells whether the
// call may have been carried out. The local signer and the gateway use it to
// tell their own clients the truth.
//
// The rules were tested with WordPress 6.1 behind nginx and PHP-FPM.
// testdata/lines holds the bytes that it sent.
package upstream

import (
	"fmt"
	"strings"
	"time"

	"github.com/quillgate/quillgate/xmlrpc"
)

// An Outcome is what is known about the effect of a call without a proper
// answer.
type Outcome int

const (
	// NotDone means that the call has certainly changed nothing.
	NotDone Outcome = iota
	// Unknown means that the call may have been carried out.
	Unknown
)

// Fault codes for problems on the way to the upstream. They are the HTTP status
// codes with the same meaning, as in WordPress. None is 401 or 403: clients
// take those for a wrong password and ask the person for another.
const (
	CodeBadAnswer   = 502 // the answer is not an answer to a call
	CodeUnavailable = 503 // the upstream cannot be reached or does not work at the moment
	CodeTimeout     = 504 // the upstream took too long
	CodeTooLarge    = 413 // the upstream does not accept a call of this size
	CodeTooMany     = 429 // the upstream refuses because of too many calls
)

// A Trouble is the error of a call that an upstream did not answer properly.
type Trouble struct {
	Code    int     // of the fault for the client
	Outcome Outcome // of the call
	What    string  // one or two sentences for the person at the client
	// RetryAfter is how long the upstream asks to wait, or 0 if it does not
	// say.
	RetryAfter time.Duration
	Status     int    // the HTTP status; 0 if there was none
	Seen       string // the beginning of the answer, cleaned for a log line
	Err        error  // the underlying error in this process, or nil
}

// Error describes the problem, with the beginning of the answer.
func (t *Trouble) Error() string {
	text := t.What
	if t.Status != 0 {
		text += fmt.Sprintf(" (HTTP status %d)", t.Status)
	}
	if t.Err != nil {
		text += ": " + t.Err.Error()
	}
	if t.Seen != "" {
		text += ": " + t.Seen
	}
	return text
}

// Unwrap returns the underlying error in this process.
func (t *Trouble) Unwrap() error { return t.Err }

// Later returns how long to wait before trying again, or 0 if that is unknown.
func (t *Trouble) Later() time.Duration { return t.RetryAfter }

// Fault returns the fault for the client. changes reports whether the call
// changes something: only then does the fault mention the outcome.
func (t *Trouble) Fault(changes bool) *xmlrpc.Fault {
	text := t.What
	switch {
	case !changes:
	case t.Outcome == NotDone:
		text += " Nothing was changed."
	default:
		text += " It is not known whether the blog carried out the call. Check the blog before you send the call again."
	}
	return &xmlrpc.Fault{Code: t.Code, Message: text}
}

// beginning cleans the start of a body for a log line.
func beginning(b []byte) string {
	text := strings.Join(strings.Fields(string(b[:min(len(b), 1024)])), " ")
	return xmlrpc.Shown(text)
}
