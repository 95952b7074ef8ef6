package profiles

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/auth"
)

var (
	// ErrForbidden means that the visitor may not see the page.
	ErrForbidden = errors.New("not for this user")
	// errNothing means that there is no such page.
	errNothing = errors.New("no such page")
	// errAgain means that the password must be entered again.
	errAgain = errors.New("the password must be given again")
	// errOtherSite means that the form was sent by another site.
	errOtherSite = errors.New("a form of another site")
)

// problem is an answer that tells the visitor what cannot be done.
type problem struct {
	err    error
	status int
	title  string
	text   string
}

// problems maps errors to answers; the first match counts. Any other error is a
// fault of the server: status 500 with a request id, under which the log
// records the cause.
var problems = []problem{
	{errNothing, http.StatusNotFound, "Not found", "There is no such page."},
	{ErrForbidden, http.StatusForbidden, "Not allowed", "Only administrators may open this page."},
	{errOtherSite, http.StatusForbidden, "Sent by another site", "This form was sent by another site, so it was ignored. Open the page on this site and try again."},
	{errAgain, http.StatusForbidden, "Confirm your password", "This action needs your password. Open the page again and enter your password there."},
	{auth.ErrPasskey, http.StatusForbidden, "Not accepted", "The passkey was not accepted. Please try again."},
	{auth.ErrNoPasskey, http.StatusNotFound, "Not found", "There is no such passkey."},
	{auth.ErrTooManyPasskeys, http.StatusConflict, "Too many passkeys", "You have reached the limit of passkeys. Remove one that you no longer need."},
	{auth.ErrPasskeyAddress, http.StatusNotFound, "Not here", "Passkeys need a site with a domain name and https."},
	{auth.ErrSetUpCode, http.StatusForbidden, "This link has expired", "This link is wrong, has been used, or has expired. The server's administrator can create another with the command quillgate user set-up-link."},
	{auth.ErrResetCode, http.StatusForbidden, "This link has expired", "This link is wrong, has been used, or has expired. Ask for another one on the page for forgotten passwords."},
	{auth.ErrDeparture, http.StatusForbidden, "Start again", "This return from the blog was not started in this browser, is too old, or has already been used. Nothing was changed. Sign in again."},
	{auth.ErrWrongCode, http.StatusForbidden, "Wrong code", "This code is wrong or has already been used."},
	{auth.ErrSecondFactorOn, http.StatusConflict, "Already on", "Signing in already requires a code from an authenticator app."},
	{auth.ErrNoSecondFactor, http.StatusNotFound, "Not found", "There is no second factor, and none is being set up."},
	{apps.ErrNoToken, http.StatusNotFound, "Not found", "There is no such application, or it is not yours."},
	{apps.ErrTooManyTokens, http.StatusConflict, "Too many applications", "You have reached the limit of application passwords and tokens. Revoke one that you no longer need."},
	{apps.ErrRotated, http.StatusConflict, "Already rotated", "The key of this application has already been rotated."},
	{apps.ErrUnused, http.StatusGone, "Disabled", "This application was disabled because it was not used."},
	{apps.ErrNoEnrolment, http.StatusNotFound, "Not found", "There is no open enrolment."},
	{apps.ErrNotFound, http.StatusNotFound, "Not found", "There is no such application, or it is not yours."},
	{apps.ErrRevoked, http.StatusGone, "Revoked", "This application was revoked."},
	{apps.ErrExpired, http.StatusGone, "Expired", "This application has expired."},
	{apps.ErrTooMany, http.StatusConflict, "Too many applications", "You have reached the limit of applications. Revoke one that you no longer need."},
	{apps.ErrTaken, http.StatusConflict, "Taken", "This public key already exists."},
	{apps.ErrSealed, http.StatusInternalServerError, "Damaged", "The secret of this application cannot be read. Revoke the application and add a new one."},
	{auth.ErrLastAdministrator, http.StatusConflict, "The last administrator", "This is the last administrator. Make somebody else an administrator first."},
	{auth.ErrClearText, http.StatusForbidden, "Not encrypted", "Passwords are accepted over encrypted connections only. Open this page over https."},
	{auth.ErrBusy, http.StatusServiceUnavailable, "Busy", "Too many people are signing in at the moment. Please try again in a few seconds."},
	{auth.ErrNotFound, http.StatusNotFound, "Not found", "There is no such user."},
	{auth.ErrDenied, http.StatusForbidden, "Refused", "User name or password is wrong."},
}

// fail answers with the page of an error.
func (v *visit) fail(err error) {
	if errors.Is(err, errHandled) {
		return
	}
	answer := problem{
		status: http.StatusInternalServerError, title: "Something went wrong",
		text: "Something went wrong on the server. Go back and try again: your browser may still have what you typed.",
	}
	var tooLarge *http.MaxBytesError
	var throttled *auth.Throttled
	switch {
	case errors.As(err, &tooLarge):
		answer = problem{status: http.StatusRequestEntityTooLarge, title: "Too large", text: "This form is larger than the server accepts."}
	case errors.As(err, &throttled):
		v.w.Header().Set("Retry-After", strconv.Itoa(int(throttled.RetryAfter.Seconds())+1))
		answer = problem{
			status: http.StatusTooManyRequests, title: "Too many attempts",
			text: "There were too many attempts. Wait a little, then try again.",
		}
		if wait := throttled.RetryAfter; wait > time.Minute {
			answer.text = v.T("There were too many attempts. Try again in %d minutes.", int(wait.Minutes())+1)
		}
	case v.p.cfg.Unavailable != nil && v.p.cfg.Unavailable(err):
		v.w.Header().Set("Retry-After", "5")
		answer = problem{
			status: http.StatusServiceUnavailable, title: "Not available",
			text: "The site is not available at the moment. Please try again in a few seconds: your browser may still have what you typed.",
		}
	default:
		if fields := v.fieldsOf(err); len(fields) > 0 {
			answer = problem{status: http.StatusUnprocessableEntity, title: "Not possible", text: fields[0].Text}
			break
		}
		if p, own := asProblem(err); own {
			answer = p
			break
		}
		for _, p := range problems {
			if errors.Is(err, p.err) {
				answer = p
				break
			}
		}
	}
	id := ""
	if answer.status >= 500 {
		id = v.w.Header().Get("X-Request-Id")
		v.p.cfg.Logger.ErrorContext(v.ctx(), "page not shown", "cause", err)
	}
	v.title = v.T(answer.title)
	v.render(answer.status, "problem", struct{ Text, ID string }{v.T(answer.text), id})
}

// fieldProblem is a problem with a field of a form.
type fieldProblem struct{ Field, Text string }

// wrong records a problem with a field.
func (v *visit) wrong(field, text string) {
	v.problems = append(v.problems, fieldProblem{field, text})
}

// fieldsOf returns the fields that an error is about, if any.
func (v *visit) fieldsOf(err error) []fieldProblem {
	var ofUser *auth.Invalid
	var ofApp *apps.Invalid
	switch {
	case errors.As(err, &ofUser):
		return []fieldProblem{{fieldIDs[ofUser.Field], ofUser.Field + ": " + ofUser.Why + "."}}
	case errors.As(err, &ofApp):
		return []fieldProblem{{fieldIDs[ofApp.Field], ofApp.Field + ": " + ofApp.Why + "."}}
	}
	return nil
}

// fieldIDs maps names of fields in the errors of other packages to the ids of
// form fields.
var fieldIDs = map[string]string{
	"user name": "login", "email": "email", "password": "new-password", "role": "role", "heir": "heir", "name": "name", "scope": "scope",
	"first name": "first-name", "last name": "last-name", "nickname": "nickname", "display name": "display-name", "url": "url", "bio": "bio",
	"user name or email": "email", "zone": "zone", "networks": "networks", "expires": "expires",
}

// refused records problems with fields. It returns the error itself if it is
// not about fields.
func (v *visit) refused(err error) error {
	fields := v.fieldsOf(err)
	if len(fields) == 0 {
		return err
	}
	v.problems = append(v.problems, fields...)
	return nil
}

// nothing answers for every address that is not a page.
func (v *visit) nothing() error { return errNothing }

// foreign answers a form that was sent by another site.
func (p *Pages) foreign(w http.ResponseWriter, r *http.Request) {
	p.serve(row{"", anybody, func(*visit) error { return errOtherSite }}).ServeHTTP(w, r)
}
