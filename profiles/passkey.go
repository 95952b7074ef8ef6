package profiles

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/netip"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/network"
)

// keyCeremony is the name of a session value: the state of a challenge for a
// new passkey.
const keyCeremony = "ceremony" // []byte

// The number of passkey challenges that a network can request at once, and the
// time until it can request another. A challenge costs computation, but no
// memory.
const (
	questionsEach     = 30
	questionsPause    = 10 * time.Second
	questionsNetworks = 10000
)

func newQuestions() *network.Rate[netip.Prefix] {
	return network.NewRate[netip.Prefix](questionsEach, questionsPause, questionsNetworks)
}

// Passkeys reports to templates whether passkeys work with the address of the
// site.
func (v *visit) Passkeys() bool { return v.p.passkeys != nil }

// Next returns the address to go to after signing in.
func (v *visit) Next() string {
	if next := v.r.URL.Query().Get("next"); next != "" {
		return next
	}
	return v.form("next")
}

// ask sends the challenge to the script of the page.
func (v *visit) ask(c auth.Ceremony) error {
	v.w.Header().Set("Content-Type", "application/json")
	_, err := v.w.Write(c.Options)
	return err
}

// beginPasskeySignIn requests a passkey: any, or, after the password, one of
// the user's. The browser keeps the sealed state. If each challenge were a
// session in the database, strangers could fill the table.
func (v *visit) beginPasskeySignIn() error {
	if v.p.passkeys == nil {
		return errNothing
	}
	pending := v.s.GetInt64(v.ctx(), auth.SessionPending)
	if pending == 0 {
		if _, wait := v.p.questions.Take(network.Of(v.addr), v.now()); wait > 0 {
			return &auth.Throttled{RetryAfter: wait}
		}
	}
	c, err := v.p.passkeys.BeginPasskeySignIn(v.ctx(), pending)
	if err != nil {
		return err
	}
	v.keepQuestion(base64.RawURLEncoding.EncodeToString(c.State), auth.CeremonyTime)
	return v.ask(c)
}

// keepQuestion stores the state of a challenge in the browser, or deletes it if
// state is empty.
func (v *visit) keepQuestion(state string, life time.Duration) {
	age := int(life / time.Second)
	if state == "" {
		age = -1
	}
	http.SetCookie(v.w, &http.Cookie{
		Name: v.questionCookie(), Value: state, Path: "/", MaxAge: age,
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: v.p.sessions(v.r).Cookie.Secure,
	})
}

func (v *visit) questionCookie() string { return v.p.sessions(v.r).Cookie.Name + "-passkey" }

// question returns the state that the browser has kept, or nil if there is
// none.
func (v *visit) question() []byte {
	c, err := v.r.Cookie(v.questionCookie())
	if err != nil {
		return nil
	}
	state, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err != nil {
		return nil
	}
	return state
}

// passkeySignIn checks the response to a challenge, and signs the visitor in.
func (v *visit) passkeySignIn() error {
	if v.p.passkeys == nil {
		return errNothing
	}
	state := v.question()
	v.keepQuestion("", 0)
	next := v.form("next")
	if text := v.s.GetString(v.ctx(), keyNext); text != "" {
		next = text
	}
	user, err := v.p.passkeys.SignIn(v.ctx(), v.client(), state, []byte(v.form("answer")))
	if errors.Is(err, auth.ErrPasskey) {
		v.title = v.T("Sign in")
		v.wrong("login", v.T("The passkey was not accepted."))
		v.render(http.StatusForbidden, "signin", next)
		return nil
	}
	if err != nil {
		return err
	}
	return v.enter(user.ID, next)
}

// beginPasskey requests a new passkey.
func (v *visit) beginPasskey() error {
	if v.p.passkeys == nil {
		return errNothing
	}
	if !v.proved() {
		return errAgain
	}
	c, err := v.p.passkeys.BeginPasskey(v.ctx(), v.who.User.ID)
	if err != nil {
		return err
	}
	v.s.Put(v.ctx(), keyCeremony, c.State)
	return v.ask(c)
}

// addPasskey checks the response, and stores the new passkey.
func (v *visit) addPasskey() error {
	if v.p.passkeys == nil {
		return errNothing
	}
	if !v.proved() {
		return errAgain
	}
	_, err := v.p.passkeys.AddPasskey(v.ctx(), v.actor(), v.who.User.ID, v.s.PopBytes(v.ctx(), keyCeremony), []byte(v.form("answer")), v.form("name"))
	if err != nil {
		return err
	}
	return v.done("/profile/security", v.T("The passkey was added."))
}

// changePasskey renames or removes a passkey, depending on the button.
func (v *visit) changePasskey() error {
	if v.p.passkeys == nil {
		return errNothing
	}
	var err error
	text := v.T("The passkey was renamed.")
	switch v.form("do") {
	case "rename":
		err = v.p.passkeys.Rename(v.ctx(), v.actor(), v.who.User.ID, v.form("id"), v.form("name"))
	case "remove":
		if !v.proved() {
			return errAgain
		}
		text = v.T("The passkey was removed.")
		err = v.p.passkeys.Remove(v.ctx(), v.actor(), v.who.User.ID, v.form("id"))
	default:
		return errNothing
	}
	if err != nil {
		return err
	}
	return v.done("/profile/security", text)
}
