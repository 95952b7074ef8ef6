package profiles

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/quillgate/quillgate/auth"
)

// Upstream is the WordPress behind a gateway, which decides who somebody is:
// people sign in there, and the application password that they bring back is
// stored as the credential with which the gateway calls it. Passwords, second
// factors and profiles are managed there, so there are no pages about them.
type Upstream struct {
	// Ask returns the page of the WordPress on which people create an
	// application password for the gateway. sends reports whether that page
	// sends the browser to the address back, with site_url, user_login and
	// password in the query; otherwise it shows the password, and the
	// visitor pastes it. If there is no page, why explains that to the
	// visitor.
	Ask func(ctx context.Context, back string) (page string, sends bool, why string)
	// Own reports whether a site_url belongs to this WordPress.
	Own func(ctx context.Context, siteURL string) bool
	// Keep stores a credential that works. The note is for the visitor, and
	// may be empty.
	Keep func(ctx context.Context, who auth.Identity, login, password string) (note string, err error)
	// Works reports whether the WordPress accepts the stored credential of
	// a user, as far as is known.
	Works func(ctx context.Context, userID int64) (bool, error)
}

// outcomes explains why a sign-in by the page of the WordPress failed, by the
// value of the parameter outcome.
var outcomes = map[string]string{
	"rejected":  "You declined, so nothing was changed.",
	"disabled":  "The blog offers you no application passwords. Sign in with your user name and password below.",
	"late":      "This return from the blog was not started in this browser, is too old, or has already been used. Start again.",
	"elsewhere": "The answer comes from another blog, so it was ignored. Start again.",
	"denied":    "The blog rejects the application password that it has just created. Start again, or sign in with your user name and password below.",
	"throttled": "There were too many attempts. Wait a little, then start again.",
	"trouble":   "The blog did not answer as expected. Nothing was changed. Please try again.",
}

// upstreamRows returns the pages that a gateway has in place of those about
// passwords.
func upstreamRows() []row {
	return []row{
		{"GET /{$}", anybody, (*visit).upstreamHome},
		{"GET /signin/blog", anybody, (*visit).depart},
		{"GET /signin/blog/back", anybody, (*visit).arrive},
		{"POST /profile/zone", person, (*visit).setZone},
	}
}

// Elsewhere reports whether a WordPress decides who somebody is.
func (v *visit) Elsewhere() bool { return v.p.cfg.Upstream != nil }

// Renewal reports whether the WordPress no longer accepts the stored credential
// of the visitor.
func (v *visit) Renewal() bool {
	if !v.Elsewhere() || !v.who.LoggedIn() {
		return false
	}
	works, err := v.p.cfg.Upstream.Works(v.ctx(), v.who.User.ID)
	if err != nil {
		v.p.cfg.Logger.ErrorContext(v.ctx(), "it is not known whether the credential for the blog works", "cause", err)
	}
	return err == nil && !works
}

// upstreamHome is the first page for visitors: it sends them to the WordPress,
// if that sends them back.
func (v *visit) upstreamHome() error {
	if v.who.LoggedIn() {
		v.redirect("/profile")
		return nil
	}
	return v.depart()
}

// upstreamSignIn shows the ways to sign in.
func (v *visit) upstreamSignIn(status int, next string) error {
	page := struct {
		Next, Paste, Why, Outcome string
		Sends                     bool
	}{Next: next, Outcome: outcomes[v.r.URL.Query().Get("outcome")]}
	if page.Paste, _, page.Why = v.p.cfg.Upstream.Ask(v.ctx(), ""); page.Paste != "" {
		_, page.Sends, _ = v.p.cfg.Upstream.Ask(v.ctx(), v.back(""))
	}
	v.title = v.T("Sign in")
	v.render(status, "signin-blog", page)
	return nil
}

// back returns the address to which the WordPress sends the browser back.
func (v *visit) back(state string) string {
	return v.Base() + v.p.cfg.Prefix + "/signin/blog/back?" + url.Values{"state": {state}}.Encode()
}

// depart redirects the browser to the page of the WordPress.
func (v *visit) depart() error {
	next := v.r.URL.Query().Get("next")
	state, ticket, err := v.p.cfg.Verifier.Depart(v.ctx())
	if err != nil {
		return err
	}
	page, sends, _ := v.p.cfg.Upstream.Ask(v.ctx(), v.back(state))
	if !sends {
		v.toSignIn(next)
		return nil
	}
	v.ticket(ticket+"."+base64.RawURLEncoding.EncodeToString([]byte(cut(next, 1000))), int(auth.DepartureTime.Seconds()))
	v.leave(page)
	return nil
}

// ticket sets the cookie that binds the way back to this browser. Browsers send
// it even if the page of the WordPress is on another host.
func (v *visit) ticket(value string, age int) {
	name, secure := v.ticketName()
	http.SetCookie(v.w, &http.Cookie{
		Name: name, Value: value, Path: v.p.root + "/signin/blog/", MaxAge: age, HttpOnly: true, Secure: secure,
		SameSite: http.SameSiteLaxMode,
	})
}

func (v *visit) ticketName() (name string, secure bool) {
	if v.s == v.p.secure {
		return "__Secure-quillgate-departure", true
	}
	return "quillgate-departure", false
}

// arrive handles what the page of the WordPress sent back. The address contains
// a password, so the browser is redirected to another one at once, whatever the
// outcome.
func (v *visit) arrive() error {
	v.w.Header().Set("Referrer-Policy", "no-referrer")
	var ticket, next string
	name, _ := v.ticketName()
	if c, err := v.r.Cookie(name); err == nil {
		var text string
		ticket, text, _ = strings.Cut(c.Value, ".")
		if decoded, err := base64.RawURLEncoding.DecodeString(text); err == nil {
			next = string(decoded)
		}
	}
	v.ticket("", -1)
	outcome, err := v.arrived(ticket, next)
	if err != nil {
		v.p.cfg.Logger.ErrorContext(v.ctx(), "sign-in by the page of the blog failed", "cause", err)
		outcome = "trouble"
	}
	if outcome != "" {
		v.redirect("/signin?" + url.Values{"outcome": {outcome}, "next": {next}}.Encode())
	}
	return nil
}

// arrived signs in a visitor who comes back. outcome is empty if that worked.
func (v *visit) arrived(ticket, next string) (outcome string, err error) {
	q, verifier := v.r.URL.Query(), v.p.cfg.Verifier
	state, login := q.Get("state"), q.Get("user_login")
	switch err := verifier.Returned(v.ctx(), state, ticket); {
	case errors.Is(err, auth.ErrDeparture):
		return "late", nil
	case err != nil:
		return "", err
	case q.Get("error") == "disabled":
		return "disabled", nil
	case q.Get("success") == "false" || !q.Has("password"):
		return "rejected", nil
	case !v.p.cfg.Upstream.Own(v.ctx(), q.Get("site_url")):
		return "elsewhere", nil
	}
	user, _, err := verifier.SignIn(v.ctx(), v.client(), login, q.Get("password"))
	switch throttled := (*auth.Throttled)(nil); {
	case errors.As(err, &throttled), errors.Is(err, auth.ErrBusy):
		return "throttled", nil
	case errors.Is(err, auth.ErrDenied), err == nil && !strings.EqualFold(user.Login, login):
		return "denied", nil
	case err != nil:
		return "", err
	}
	switch err := verifier.Arrive(v.ctx(), state, ticket); {
	case errors.Is(err, auth.ErrDeparture):
		return "late", nil
	case err != nil:
		return "", err
	}
	return "", v.settle(user, login, q.Get("password"), next)
}

// settle stores the credential that a sign-in has brought, and starts the
// session.
func (v *visit) settle(user auth.User, login, password, next string) error {
	who := auth.Identity{User: user, Via: auth.ViaSession, Addr: v.addr, Agent: auth.Agent(v.r)}
	note, err := v.p.cfg.Upstream.Keep(v.ctx(), who, login, password)
	if err != nil {
		return err
	}
	v.note = note
	return v.enter(user.ID, next)
}

// setZone sets the visitor's time zone. All other properties of the account
// belong to the WordPress.
func (v *visit) setZone() error {
	if err := v.p.cfg.Users.SetZone(v.ctx(), v.who.User.ID, v.form("zone")); err != nil {
		if err := v.refused(err); err != nil {
			return err
		}
		return v.accountPage()
	}
	return v.done("/profile/account", v.T("Your account was changed."))
}
