// Package upstream knows how other people's XML-RPC servers answer, WordPress
// above all: what an answer is worth that came with notices around it, cut,
// empty, as a page of HTML or not at all, and whether the call may have been
// carried out. The local signer and the gateway send calls to such servers and
// tell their own clients the truth.
//
// The rules were tried on WordPress 6.1 behind nginx and PHP-FPM. testdata/lines
// holds the bytes that it sent.
package upstream

import (
	"fmt"
	"strings"
	"time"

	"github.com/quillgate/quillgate/xmlrpc"
)

// An Outcome reports whether a call that got no proper answer was carried out.
type Outcome int

const (
	// NotDone means it is proven that the call changed nothing.
	NotDone Outcome = iota
	// Unknown means that the call may have been carried out.
	Unknown
)

// Fault codes for troubles between here and the upstream. They are the numbers
// of HTTP with the same meaning, as WordPress uses them. None is 401 or 403:
// clients take those for a wrong password and ask the person for another.
const (
	CodeBadAnswer   = 502 // what came is not an answer to a call
	CodeUnavailable = 503 // the upstream cannot be reached or does not work now
	CodeTimeout     = 504 // the upstream took too long
	CodeTooLarge    = 413 // the upstream does not take a call of this size
	CodeTooMany     = 429 // the upstream refuses because of too many calls
)

// A Trouble is an upstream that did not answer a call properly.
type Trouble struct {
	Code    int     // of the fault for the client
	Outcome Outcome // of the call
	What    string  // what happened, one or two sentences for the person at the client
	// RetryAfter is how long the upstream asks to wait; 0 when it does not say.
	RetryAfter time.Duration
	Status     int    // of HTTP; 0 when there was none
	Seen       string // the beginning of what came, made fit for a log line
	Err        error  // the cause in this program, or nil
}

// Error returns what happened and the beginning of what came.
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

// Unwrap returns the cause in this program.
func (t *Trouble) Unwrap() error { return t.Err }

// Later is how long to wait before another try; 0 when that is not known.
func (t *Trouble) Later() time.Duration { return t.RetryAfter }

// Fault returns what the client is told. changes reports whether the call was
// one that changes something: only then is the outcome worth a word.
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

// beginning makes the start of a body fit for a log line.
func beginning(b []byte) string {
	text := strings.Join(strings.Fields(string(b[:min(len(b), 1024)])), " ")
	return xmlrpc.Shown(text)
}
