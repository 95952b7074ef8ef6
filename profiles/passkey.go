package profiles

import (
	"errors"
	"net/http"
	"time"

	"github.com/quillgate/quillgate/auth"
)

// ceremonyTime is how long somebody may take to show a passkey.
const ceremonyTime = 5 * time.Minute

// keyCeremony is a value of the session: the state of a question to a passkey.
const keyCeremony = "ceremony" // []byte

// Passkeys tells templates whether the address of the site is one that passkeys work with.
func (v *visit) Passkeys() bool { return v.p.passkeys != nil }

// Next is where to go when signed in.
func (v *visit) Next() string {
	if next := v.r.URL.Query().Get("next"); next != "" {
		return next
	}
	return v.form("next")
}

// ask sends the question to the script of the page.
func (v *visit) ask(c auth.Ceremony) error {
	v.s.Put(v.ctx(), keyCeremony, c.State)
	v.w.Header().Set("Content-Type", "application/json")
	_, err := v.w.Write(c.Options)
	return err
}

// beginPasskeySignIn asks for a passkey: any, or after the password one of the user's.
func (v *visit) beginPasskeySignIn() error {
	if v.p.passkeys == nil {
		return errNothing
	}
	pending := v.s.GetInt64(v.ctx(), keyPending)
	// Each question of a stranger is a session in the database.
	if ok, wait := v.p.questions.allow(v.addr, v.now()); pending == 0 && !ok {
		return &auth.Throttled{RetryAfter: wait}
	}
	c, err := v.p.passkeys.BeginPasskeySignIn(v.ctx(), pending)
	if err != nil {
		return err
	}
	if pending == 0 && !v.who.LoggedIn() {
		if err := v.begun(ceremonyTime); err != nil {
			return err
		}
	}
	return v.ask(c)
}

// passkeySignIn takes the answer.
func (v *visit) passkeySignIn() error {
	if v.p.passkeys == nil {
		return errNothing
	}
	state := v.s.PopBytes(v.ctx(), keyCeremony)
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

// beginPasskey asks for a new passkey.
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
	return v.ask(c)
}

// addPasskey takes the answer.
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

// changePasskey renames or removes one: the button says which.
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
