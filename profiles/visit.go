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

// access determines who may see a page.
type access int

const (
	anybody access = iota
	person         // users who are signed in
	administrator
)

// row is a row of the table of pages.
type row struct {
	pattern string // as in net/http.ServeMux
	needs   access
	handle  func(*visit) error
}

// visit is a request for a page.
type visit struct {
	p    *Pages
	w    http.ResponseWriter
	r    *http.Request
	s    *scs.SessionManager
	addr netip.Addr
	who  auth.Identity // the zero Identity: nobody is signed in

	around   Surroundings
	zone     *time.Location
	printer  *message.Printer
	title    string
	problems []fieldProblem
	posted   bool   // the form is shown again, with what was entered
	note     string // the message on the first page of a session
	links    []Link // of the section
}

// languages lists the languages of the pages.
var languages = language.NewMatcher([]language.Tag{language.English})

// Session values of the pages, in addition to those that the store knows.
const (
	keyProved = "proved" // int64: when the password was last entered, in seconds since 1970
	keyFlash  = "flash"  // string: the message for the next page
	keyNext   = "next"   // string: the address to go to after signing in
)

// serve returns the handler for a row. It loads the session, and determines the
// language, the time zone, the user and the form; then it runs the page, and
// answers if the page returns an error.
func (p *Pages) serve(row row) http.Handler { return p.serveWithin(row, maxForm) }

// serveWithin is serve for a page with another limit for forms, in bytes.
func (p *Pages) serveWithin(row row, limit int64) http.Handler {
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, limit)
		v := &visit{p: p, w: w, r: r, s: p.sessions(r)}
		v.addr, _ = p.cfg.ClientAddr(r)
		tags, _, _ := language.ParseAcceptLanguage(r.Header.Get("Accept-Language")) // ignored if it cannot be parsed
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

// cleanValues replaces what not every database accepts as text in the values of
// a form or a query, and reports whether it changed any. It does not change
// passwords, because they are hashed.
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

// errHandled means that the answer has been written.
var errHandled = errors.New("answered")

// begin determines who the visitor is, and stops visitors who may not see the
// page.
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

// identify determines the user of this session. It reads the account for every
// request, so a deleted account is signed out at once, and a new role takes
// effect.
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

// arrival answers a visitor who comes from another site. The browser did not
// send the cookie then, so this page redirects it to the same address from this
// site, and then it does. It returns false if the visitor did not come from
// another site.
func (v *visit) arrival() bool {
	if v.r.Header.Get("Sec-Fetch-Site") != "cross-site" || v.r.Method != http.MethodGet {
		return false
	}
	v.title = v.T("One moment")
	v.render(http.StatusOK, "arrival", v.p.root+v.r.URL.RequestURI())
	return true
}

// toSignIn redirects to the sign-in page, which leads back to a page of this
// package.
func (v *visit) toSignIn(next string) { v.redirect("/signin?next=" + url.QueryEscape(next)) }

// interrupted answers a form that arrives after its session has ended. It shows
// how to send the form again, with everything that was entered except passwords
// and codes. The server stores nothing for that.
func (v *visit) interrupted() {
	if strings.Contains(v.r.URL.Path, "authorize") { // its form may lead to another site, and only that page may allow it
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

// person returns the user of a session, or the zero Identity if the account was
// deleted, or may not be used from the visitor's address.
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

// Visitor returns the user who is signed in in the browser that sent a request,
// or the zero Identity. It is for pages of other packages on the same host;
// they do not prolong the session. Without a session cookie it does not read
// the database.
func (p *Pages) Visitor(r *http.Request) (auth.Identity, error) {
	s := p.sessions(r)
	cookie, err := r.Cookie(s.Cookie.Name)
	if err != nil {
		return auth.Identity{}, nil // no cookie
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

// blogPost matches the address of a post of the blog, which its link to sign in
// leads back to.
var blogPost = regexp.MustCompile(`^/\?p=[1-9][0-9]{0,17}(#respond)?$`)

// ours reports whether an address is a page of this package or a post of the
// blog, so that redirects to it are safe. An address that a browser could take
// for another host is not: it must begin with one of our paths.
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

// redirect redirects to a page of this package, to be fetched with GET.
func (v *visit) redirect(path string) {
	v.w.Header().Set("Location", v.p.root+path)
	v.w.WriteHeader(http.StatusSeeOther)
}

// done redirects to a page, which then shows what was done.
func (v *visit) done(path, text string) error {
	v.s.Put(v.ctx(), keyFlash, text)
	v.redirect(path)
	return nil
}

func (v *visit) ctx() context.Context { return v.r.Context() }

// actor returns the visitor for the audit trail.
func (v *visit) actor() audit.Actor { return v.who.Actor() }

func (v *visit) now() time.Time { return v.p.cfg.Clock() }

// form returns the value of a field of the form, without surrounding white
// space.
func (v *visit) form(name string) string { return strings.TrimSpace(v.r.PostForm.Get(name)) }

// proved reports whether the password was entered a short while ago.
func (v *visit) proved() bool {
	at := time.Unix(v.s.GetInt64(v.ctx(), keyProved), 0)
	age := v.now().Sub(at)
	return age < passwordTime && age > -time.Minute
}

// prove checks the password in the form, unless it was entered a short while
// ago. If it returns false, it has recorded a problem with the field.
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

// client returns what package auth needs to know about the visitor's
// connection.
func (v *visit) client() auth.Client { return v.p.cfg.Verifier.Client(v.r) }

// cut shortens a text to at most n bytes, without splitting a character.
func cut(text string, n int) string {
	text = strings.ToValidUTF8(text, "\ufffd")
	for len(text) > n {
		text = strings.ToValidUTF8(text[:n], "")
	}
	return text
}
