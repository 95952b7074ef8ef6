package public

import (
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/quillgate/quillgate/network"
)

// The cookie of a visitor who has entered the password of a post. It holds a
// keyed hash of it, and opens all posts with the same password, as in
// WordPress.
const (
	passwordCookieName = "quillgate-post"
	passwordCookieLife = 10 * 24 * time.Hour
)

func passwordCookie(r *http.Request) string {
	c, err := r.Cookie(passwordCookieName)
	if err != nil {
		return ""
	}
	return c.Value
}

// Unlock handles the form for the password of a post.
func (p *Pages) Unlock(w http.ResponseWriter, r *http.Request) {
	form, t, ok := p.postForm(w, r, "post")
	if !ok {
		return
	}
	if t.post.Password == "" {
		p.sendMissing(w, r)
		return
	}
	from := network.Of(p.clientAddr(r))
	if _, wait := p.guesses.Take(from, time.Now()); wait > 0 {
		p.refusePassword(w, r, t, say("There were too many wrong passwords. Please try again in a few minutes."), http.StatusTooManyRequests)
		return
	}
	token, err := p.site.PasswordToken(r.Context(), &t.post.Post, form.Get("post_password"))
	if err != nil {
		p.broken(w, r, err)
		return
	}
	if token == "" {
		p.refusePassword(w, r, t, say("The password is wrong."), http.StatusForbidden)
		return
	}
	p.guesses.Forget(from)
	http.SetCookie(w, &http.Cookie{
		Name: passwordCookieName, Value: token, Path: p.basePath + "/", MaxAge: int(passwordCookieLife / time.Second), HttpOnly: true,
		SameSite: http.SameSiteLaxMode, Secure: strings.HasPrefix(p.site.BaseURL(), "https:"),
	})
	p.redirectTo(w, r, t.link)
}

func (p *Pages) refusePassword(w http.ResponseWriter, r *http.Request, t *target, problem string, status int) {
	a, err := p.postPage(r.Context(), &ask{}, t, &remark{problem: problem})
	if err != nil {
		p.broken(w, r, err)
		return
	}
	a.status = status
	p.serve(w, r, a)
}

// A network may try maxGuesses passwords at once, and one more after each
// guessPause.
const (
	maxGuesses  = 10
	guessPause  = time.Minute
	maxGuessers = 10_000
)

func newGuesses() *network.Rate[netip.Prefix] {
	return network.NewRate[netip.Prefix](maxGuesses, guessPause, maxGuessers)
}
