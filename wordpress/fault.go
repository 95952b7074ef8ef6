package wordpress

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/quillgate/quillgate/applications"
	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/options"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/xmlrpc"
)

// The codes are those of WordPress, which clients check for. They follow the
// HTTP statuses with the same meaning. The texts are this server's.
//
// A fault about the content of a call never has code 403, unless WordPress uses
// it for the same fault: clients take 403 for a wrong password and ask their
// user for another.
const (
	codeInvalid     = 400 // too few arguments, or an invalid one
	codeNotAllowed  = 401
	codeForbidden   = 403 // a wrong password, and forbidden actions in those methods in which WordPress uses this code
	codeNotFound    = 404
	codeDisabled    = 405
	codeConflict    = 409
	codeServerError = 500
	codeUnavailable = 503
)

var (
	errTooFew      = applications.ErrTooFew
	errLogin       = applications.ErrLogin
	errSiteDetails = &xmlrpc.Fault{Code: codeForbidden, Message: "You are not allowed to read details about this site."}
	errNoPost      = &xmlrpc.Fault{Code: codeNotFound, Message: "There is no post with this id."}
)

// faults maps errors of other packages to faults: the first matching row wins.
// Errors about callers and credentials, which a gateway answers alike, are in
// package applications.
var faults = []struct {
	err   error
	fault *xmlrpc.Fault
}{
	{auth.ErrBusy, &xmlrpc.Fault{Code: codeServerError, Message: "The server is checking too many passwords at the moment. Try again in a few seconds."}},
	{auth.ErrPasswordsRefused, &xmlrpc.Fault{Code: codeForbidden, Message: "This site does not accept account passwords in calls. Create a key or an application password on your profile page, and use that."}},
	{options.ErrDenied, &xmlrpc.Fault{Code: codeForbidden, Message: "You are not allowed to change the options of this site."}},
	{site.ErrConflict, &xmlrpc.Fault{Code: codeConflict, Message: "The post has been changed since you last read it."}},
	{site.ErrEmptyPost, &xmlrpc.Fault{Code: codeServerError, Message: "A post needs a title, a text or an excerpt."}},
	{site.ErrNoAuthor, &xmlrpc.Fault{Code: codeNotFound, Message: "There is no user with the id of the author."}},
	{site.ErrNoFileName, errNoFileName},
	{site.ErrFileType, errFileType},
	{site.ErrMedia, &xmlrpc.Fault{Code: codeUnavailable, Message: "The server cannot store files at the moment. Try again in a minute; nothing was changed."}},
	{site.ErrNoThumbnail, &xmlrpc.Fault{Code: codeNotFound, Message: "There is no attachment with the given thumbnail id."}},
	{site.ErrNoTerm, &xmlrpc.Fault{Code: codeNotFound, Message: "There is no term with this id in this taxonomy."}},
	{site.ErrNoTermID, &xmlrpc.Fault{Code: codeServerError, Message: "No term was given: 0 is not the id of a term."}},
	{site.ErrPostTermName, &xmlrpc.Fault{Code: codeServerError, Message: "A term of the post could not be created: it needs a name of at most 200 characters."}},
	{site.ErrTermName, &xmlrpc.Fault{Code: codeForbidden, Message: "A term needs a name."}},
	{site.ErrTermLength, &xmlrpc.Fault{Code: codeServerError, Message: "The name of a term can have at most 200 characters."}},
	{site.ErrTermExists, &xmlrpc.Fault{Code: codeServerError, Message: "A term with this name already exists."}},
	{site.ErrTermSlug, &xmlrpc.Fault{Code: codeServerError, Message: "Another term already has this slug."}},
	{site.ErrNoComment, errNoComment},
	{site.ErrNoPostType, errNoCommentsType},
	{site.ErrSame, &xmlrpc.Fault{Code: codeServerError, Message: "Nothing was changed: the new values are the same as the old."}},
	{site.ErrSignInToComment, errLogin},
	{site.ErrCommentLength, &xmlrpc.Fault{Code: codeInvalid, Message: "The text of the comment is too long, or the name, e-mail address or web address of its author is."}},
	{site.ErrCommentsClosed, &xmlrpc.Fault{Code: codeForbidden, Message: "This post does not accept comments."}},
	{site.ErrDuplicateComment, &xmlrpc.Fault{Code: codeForbidden, Message: "You have already posted this comment."}},
	{site.ErrCommentFlood, &xmlrpc.Fault{Code: codeForbidden, Message: "Your last comment is only seconds old. Wait a little before the next."}},
	{site.ErrNotFound, errNoPost},
	{auth.ErrNotFound, errNoUser},
	{apps.ErrNoToken, &xmlrpc.Fault{Code: codeNotFound, Message: "There is no such token."}},
	{apps.ErrTooManyTokens, &xmlrpc.Fault{Code: codeForbidden, Message: "You have reached the limit of tokens. Revoke one that you no longer use."}},
	{auth.ErrNoSecondFactor, &xmlrpc.Fault{Code: codeConflict, Message: "The account has no second factor."}},
	{auth.ErrSecondFactorOn, &xmlrpc.Fault{Code: codeConflict, Message: "The account already has a second factor."}},
}

// fault converts an error to a fault. It returns a *xmlrpc.Fault unchanged. It
// also returns an error without a row unchanged: the handler then answers with
// an internal error and an id under which the cause is logged.
func (a *API) fault(ctx context.Context, err error) error {
	var f *xmlrpc.Fault
	if errors.As(err, &f) {
		return f
	}
	var invalid *site.Invalid
	if errors.As(err, &invalid) {
		return &xmlrpc.Fault{Code: invalidCode(invalid), Message: invalid.Error()}
	}
	var stale *auth.Stale
	if errors.As(err, &stale) {
		// The signature is correct, so the caller is authentic, and may learn
		// what it needs to correct its clock.
		return &xmlrpc.Fault{Code: codeForbidden, Message: fmt.Sprintf("The signature was not made just now. By the clock of the server it is %d (%s); sign again with that.",
			stale.Now.Unix(), stale.Now.UTC().Format(time.RFC3339))}
	}
	var denied *site.Denied
	if errors.As(err, &denied) {
		return &xmlrpc.Fault{Code: codeNotAllowed, Message: "You are not allowed to " + denied.Action + "."}
	}
	for _, row := range faults {
		if errors.Is(err, row.err) {
			return row.fault
		}
	}
	if shared := applications.Fault(err); shared != nil {
		return shared
	}
	return err
}

// invalidCode returns WordPress's code for an invalid value: 403 for names and
// ids that belong to no post type, taxonomy or term. For others WordPress has
// no code, since it fails or accepts any value.
func invalidCode(e *site.Invalid) int {
	switch e.Field {
	case "post type", "taxonomy", "terms", "parent":
		return codeForbidden
	}
	return codeInvalid
}
