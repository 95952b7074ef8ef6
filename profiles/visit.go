package profiles

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
)

// access says who may see a page.
type access int

const (
	anybody access = iota
	person         // who is signed in
	administrator
)

// row is one line of the table of pages.
type row struct {
	pattern string // of net/http.ServeMux
	needs   access
	handle  func(*visit) error
}

// visit is one request on its way through a page.
type visit struct {
	p    *Pages
	w    http.ResponseWriter
	r    *http.Request
	s    *scs.SessionManager
	addr netip.Addr
	who  auth.Identity // the zero Identity: not signed in

	around   Surroundings
	zone     *time.Location
	printer  *message.Printer
	title    string
	problems []fieldProblem
	posted   bool   // the form is shown again, with what was typed
	note     string // what the first page of a session says
	links    []Link // of the section
}

// languages are those that the pages exist in.
var languages = language.NewMatcher([]language.Tag{language.English})

// The values of a session that the pages keep next to those that the store
// knows.
const (
	keyProved = "proved" // int64: when the password was given last, in seconds since 1970
	keyFlash  = "flash"  // string: what the next page says
	keyNext   = "next"   // string: where to go when signed in
)

// serve makes a row into a handler: session, language, zone, who this is, the form; then the page, then its error.
func (p *Pages) serve(row row) http.Handler { return p.serveWithin(row, maxForm) }

// serveWithin is serve for a page that takes forms of so many bytes.
func (p *Pages) serveWithin(row row, limit int64) http.Handler {
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, limit)
		v := &visit{p: p, w: w, r: r, s: p.sessions(r)}
		v.addr, _ = p.cfg.ClientAddr(r)
		tags, _, _ := language.ParseAcceptLanguage(r.Header.Get("Accept-Language")) // what does not read is not a wish
		tag, _, _ := languages.Match(tags...)
		v.printer = message.NewPrinter(tag)
		err := v.begin(row.needs)
		if err == nil {
			err = row.handle(v)
		}
		if err != nil {
			v.fail(err)
		}
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.sessions(r).LoadAndSave(page).ServeHTTP(w, r) })
}

// cleanValues makes text that every database takes of what a form or a query holds, and reports whether it was not. Passwords
// are hashed as they are.
func cleanValues(values url.Values) (changed bool) {
	for name, list := range values {
		if strings.Contains(name, "password") {
			continue
		}
		for i, value := range list {
			list[i] = auth.Text(value)
			changed = changed || list[i] != value
		}
	}
	return changed
}

// errHandled means that the answer is out already.
var errHandled = errors.New("answered")

// begin finds out who this is, and lets no one past who may not.
func (v *visit) begin(needs access) error {
	var err error
	if v.around, err = v.p.cfg.Surroundings(v.ctx()); err != nil {
		return err
	}
	v.zone = v.around.Zone
	if err := v.identify(); err != nil {
		return err
	}
	if v.r.Method == http.MethodPost {
		if err := v.r.ParseForm(); err != nil {
			return err
		}
		cleanValues(v.r.PostForm)
	}
	if q := v.r.URL.Query(); cleanValues(q) {
		v.r.URL.RawQuery = q.Encode()
	}
	switch {
	case needs == anybody || v.who.LoggedIn() && needs == person:
		return nil
	case v.who.LoggedIn():
		if v.who.Can(auth.ManageOptions) && v.who.Can(auth.ListUsers) {
			return nil
		}
		return ErrForbidden
	case v.arrival():
		return errHandled
	}
	if v.r.Method == http.MethodPost {
		v.interrupted()
	} else {
		v.toSignIn(v.r.URL.RequestURI())
	}
	return errHandled
}

// identify reads who is signed in in this session. The account is read again
// for every request: one that is gone is out at once, and a role counts as it
// is now.
func (v *visit) identify() error {
	id := v.s.GetInt64(v.ctx(), auth.SessionUser)
	if id == 0 {
		return nil
	}
	var err error
	if v.who, err = v.p.person(v.r, id); err != nil {
		return err
	}
	if !v.who.LoggedIn() {
		return v.s.Destroy(v.ctx())
	}
	v.s.Put(v.ctx(), auth.SessionAddr, v.addr.String())
	v.s.Put(v.ctx(), auth.SessionAgent, auth.Agent(v.r))
	zone, err := v.p.cfg.Users.Zone(v.ctx(), id)
	if zone != nil {
		v.zone = zone
	}
	return err
}

// arrival answers a visitor who comes from another site. The browser has kept the cookie back then, so this page sends
// it on to the same address from here, where the cookie comes along. It returns false when that is not the case.
func (v *visit) arrival() bool {
	if v.r.Header.Get("Sec-Fetch-Site") != "cross-site" || v.r.Method != http.MethodGet {
		return false
	}
	v.title = v.T("One moment")
	v.render(http.StatusOK, "arrival", v.p.root+v.r.URL.RequestURI())
	return true
}

// toSignIn sends the browser to the sign-in page, and from there to a page of ours.
func (v *visit) toSignIn(next string) { v.redirect("/signin?next=" + url.QueryEscape(next)) }

// interrupted answers a form of someone whose session has ended: it shows how
// to send it once more, with all that was typed but passwords and codes.
// Nothing is kept here meanwhile.
func (v *visit) interrupted() {
	if strings.Contains(v.r.URL.Path, "authorize") { // its form may lead elsewhere, and that page alone may say where
		v.toSignIn("/authorize?" + wishOf(v.r.PostForm).Encode())
		return
	}
	typed := url.Values{}
	for name, values := range v.r.PostForm {
		if !strings.Contains(name, "password") && name != "code" && name != "answer" {
			typed[name] = values
		}
	}
	v.title = v.T("Your session has ended")
	v.render(http.StatusForbidden, "interrupted", typed)
}

// person is who a session belongs to: the zero Identity when the account is gone, or may not be used from where the
// request comes from.
func (p *Pages) person(r *http.Request, id int64) (auth.Identity, error) {
	addr, _ := p.cfg.ClientAddr(r)
	user, err := p.cfg.Users.Get(r.Context(), id)
	if errors.Is(err, auth.ErrNotFound) || err == nil && !user.Networks.Allow(addr) {
		return auth.Identity{}, nil
	}
	if err != nil {
		return auth.Identity{}, err
	}
	return auth.Identity{User: user, Via: auth.ViaSession, Addr: addr, Agent: auth.Agent(r)}, nil
}

// Visitor returns who is signed in in the browser that sends a request, for pages of other packages on the same host:
// the zero Identity when no one is. Looking at such a page does not prolong the session. It reads no database for a
// browser without a session's cookie.
func (p *Pages) Visitor(r *http.Request) (auth.Identity, error) {
	s := p.sessions(r)
	cookie, err := r.Cookie(s.Cookie.Name)
	if err != nil {
		return auth.Identity{}, nil // there is none
	}
	ctx, err := s.Load(r.Context(), cookie.Value)
	if err != nil {
		return auth.Identity{}, fmt.Errorf("read a session: %w", err)
	}
	id := s.GetInt64(ctx, auth.SessionUser)
	if id == 0 {
		return auth.Identity{}, nil
	}
	return p.person(r, id)
}

// blogPost is the address of a post of the blog, to which its link to sign in comes back.
var blogPost = regexp.MustCompile(`^/\?p=[1-9][0-9]{0,17}(#respond)?$`)

// ours reports whether an address is a page of this package or a post of the
// blog, and so a place to be sent to. Whatever a browser could take for another
// host is none: it must begin with one of our paths.
func ours(address string) bool {
	if strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r == '\\' || r == 0x7f }) {
		return false
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" || strings.Contains(u.Path, "//") || strings.Contains(u.Path, "..") {
		return false
	}
	if blogPost.MatchString(address) {
		return true
	}
	for _, path := range Paths() {
		if u.Path == path || strings.HasSuffix(path, "/") && strings.HasPrefix(u.Path, path) {
			return true
		}
	}
	return false
}

// redirect sends the browser to a page of ours, to be fetched with GET.
func (v *visit) redirect(path string) {
	v.w.Header().Set("Location", v.p.root+path)
	v.w.WriteHeader(http.StatusSeeOther)
}

// done says on the next page what was done, and goes there.
func (v *visit) done(path, text string) error {
	v.s.Put(v.ctx(), keyFlash, text)
	v.redirect(path)
	return nil
}

func (v *visit) ctx() context.Context { return v.r.Context() }

// actor is who acts here, for the audit trail.
func (v *visit) actor() audit.Actor { return v.who.Actor() }

func (v *visit) now() time.Time { return v.p.cfg.Clock() }

// form returns what was posted in a field, without the white space around it.
func (v *visit) form(name string) string { return strings.TrimSpace(v.r.PostForm.Get(name)) }

// proved reports whether the password was given a short while ago.
func (v *visit) proved() bool {
	at := time.Unix(v.s.GetInt64(v.ctx(), keyProved), 0)
	age := v.now().Sub(at)
	return age < passwordTime && age > -time.Minute
}

// prove checks the password in the form, unless it was given a short while ago. When it returns false a problem of the
// field is noted.
func (v *visit) prove() (bool, error) {
	if v.proved() {
		return true, nil
	}
	err := v.p.cfg.Verifier.Confirm(v.ctx(), v.client(), v.who.User.ID, v.r.PostForm.Get("password"))
	var throttled *auth.Throttled
	switch {
	case errors.As(err, &throttled):
		return false, err
	case errors.Is(err, auth.ErrDenied):
		v.wrong("password", v.T("This is not your password."))
		return false, nil
	case err != nil:
		return false, err
	}
	v.s.Put(v.ctx(), keyProved, v.now().Unix())
	return true, nil
}

// client is where the visitor is, for the checks of package auth.
func (v *visit) client() auth.Client { return v.p.cfg.Verifier.Client(v.r) }

// cut shortens a text to n bytes, at a character.
func cut(text string, n int) string {
	text = strings.ToValidUTF8(text, "\ufffd")
	for len(text) > n {
		text = strings.ToValidUTF8(text[:n], "")
	}
	return text
}
