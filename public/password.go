package public

import (
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/quillgate/quillgate/site"
)

// The cookie of a visitor who has shown the password of a post. It holds a keyed hash of it, and opens all posts with the
// same password, as in WordPress.
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

// Unlock takes the form for the password of a post.
func (p *Pages) Unlock(w http.ResponseWriter, r *http.Request) {
	form, ok := p.form(w, r)
	if !ok {
		return
	}
	ctx := r.Context()
	id, _ := number(form.Get("post"))
	t, err := p.findPost(ctx, p.site.BaseURL()+"/?p="+itoa(int64(id)))
	if errors.Is(err, site.ErrNotFound) || err == nil && t.post.Password == "" {
		p.sendMissing(w, r)
		return
	}
	if err != nil {
		p.broken(w, r, err)
		return
	}
	from := p.clientAddr(r)
	if !p.guesses.allow(from, time.Now()) {
		p.refusePassword(w, r, t, say("There were too many wrong passwords. Please try again in some minutes."), http.StatusTooManyRequests)
		return
	}
	token, err := p.site.PasswordToken(ctx, &t.post.Post, form.Get("post_password"))
	if err != nil {
		p.broken(w, r, err)
		return
	}
	if token == "" {
		p.refusePassword(w, r, t, say("That is not the password."), http.StatusForbidden)
		return
	}
	p.guesses.forget(from)
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

// Wrong passwords from one address, or one IPv6 network, within the time.
const (
	maxGuesses   = 10
	guessTime    = 10 * time.Minute
	maxGuessers  = 10_000
	guessNetwork = 64
)

// guesses counts the passwords that addresses have tried, in bounded memory: when it is full it begins anew.
type guesses struct {
	mu    sync.Mutex
	tries map[netip.Prefix]*tries
}

type tries struct {
	n     int
	since time.Time
}

func newGuesses() *guesses { return &guesses{tries: make(map[netip.Prefix]*tries)} }

func guesser(a netip.Addr) netip.Prefix {
	bits := a.BitLen()
	if a.Is6() {
		bits = guessNetwork
	}
	network, _ := a.Prefix(bits)
	return network
}

// allow counts a try and says whether it may be made.
func (g *guesses) allow(from netip.Addr, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	who := guesser(from)
	t := g.tries[who]
	if t == nil || now.Sub(t.since) >= guessTime {
		if len(g.tries) >= maxGuessers {
			clear(g.tries)
		}
		t = &tries{since: now}
		g.tries[who] = t
	}
	t.n++
	return t.n <= maxGuesses
}

// forget lets somebody who knew the password begin anew.
func (g *guesses) forget(from netip.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.tries, guesser(from))
}
