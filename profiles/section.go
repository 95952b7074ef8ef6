package profiles

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/quillgate/quillgate/auth"
)

// Section is a part of the pages that another package provides, about something
// that this package does not know, such as the posts of a blog. Its pages have
// the layout, the sessions and the protection of the others. They are for
// people who are signed in; the package that owns the data decides who may do
// what.
type Section struct {
	Pages []Page
	// Templates holds the files NAME.html, each of which defines "main",
	// like the templates of this package.
	Templates fs.FS
	// Links returns the menu entries for a caller.
	Links func(ctx context.Context, who auth.Identity) ([]Link, error)
}

// Page is a page or a form of a section.
type Page struct {
	Pattern string // as in net/http.ServeMux, below one of Paths
	Handle  func(*Visit) error
	MaxForm int64 // the size of the largest form, in bytes; 0: 64 KiB
}

// Link is an entry of the menu.
type Link struct {
	Path, Name string
	// Waiting is the number of things there that need the caller's
	// attention; Notice describes them on the first page of the profile.
	Waiting int64
	Notice  string
	Here    bool
}

// Problem is an error with the text that a visitor reads. A section returns it
// for errors of its own.
type Problem struct {
	Status      int // HTTP status
	Title, Text string
}

// Error returns the text.
func (p *Problem) Error() string { return p.Text }

// NothingHere is the error for an address that is not a page.
var NothingHere error = errNothing

// Visit is a request for a page of a section. Templates can use its methods, in
// addition to the page itself.
type Visit struct{ *visit }

// Context returns the context of the request.
func (v *Visit) Context() context.Context { return v.ctx() }

// Who returns the person who is signed in.
func (v *Visit) Who() auth.Identity { return v.who }

// Form returns the value of a field of the form, without surrounding white
// space.
func (v *Visit) Form(name string) string { return v.form(name) }

// Sent returns the form as it was posted.
func (v *Visit) Sent() url.Values { return v.r.PostForm }

// Query returns a parameter of the address, without surrounding white space.
func (v *Visit) Query(name string) string { return strings.TrimSpace(v.r.URL.Query().Get(name)) }

// PathValue returns a part of the path; see http.Request.
func (v *Visit) PathValue(name string) string { return v.r.PathValue(name) }

// From returns the visitor's address, and the User-Agent of the browser.
func (v *Visit) From() (addr, agent string) { return v.addr.String(), auth.Agent(v.r) }

// Location returns the visitor's time zone.
func (v *Visit) Location() *time.Location { return v.zone }

// Refuse records a problem with a field of the form; Show then shows the form
// again with the values that were entered. A problem with the whole form has no
// field.
func (v *Visit) Refuse(field, text string) { v.wrong(field, text) }

// Show shows a page: the template NAME.html of the section.
func (v *Visit) Show(title, name string, page any) error {
	v.title = title
	return v.show(name, page)
}

// Done redirects to a page, which then shows what was done.
func (v *Visit) Done(path, text string) error { return v.done(path, text) }

// Proved reports whether the password was entered a short while ago, or is in
// this form. If not, it records a problem with the field.
func (v *Visit) Proved() (bool, error) { return v.prove() }

// sectionRows passes the pages of the section to serve.
func (p *Pages) sectionRows(serve func(row, int64)) {
	if p.cfg.Section == nil {
		return
	}
	for _, page := range p.cfg.Section.Pages {
		limit := page.MaxForm
		if limit == 0 {
			limit = maxForm
		}
		serve(row{page.Pattern, person, func(v *visit) error { return page.Handle(&Visit{v}) }}, limit)
	}
}

// sectionLinks returns the menu entries of the section.
func (v *visit) sectionLinks() []Link {
	if v.p.cfg.Section == nil || !v.who.LoggedIn() {
		return nil
	}
	if v.links == nil {
		links, err := v.p.cfg.Section.Links(v.ctx(), v.who)
		if err != nil && !errors.Is(err, context.Canceled) {
			v.p.cfg.Logger.ErrorContext(v.ctx(), "menu not complete", "cause", err)
		}
		v.links = links
	}
	return v.links
}

// Notices lists what needs the visitor's attention in the section, for the
// first page of the profile.
func (v *visit) Notices() (list []Link) {
	for _, l := range v.sectionLinks() {
		if l.Waiting > 0 && l.Notice != "" {
			list = append(list, l)
		}
	}
	return list
}

// asProblem returns the answer that a section chose for an error.
func asProblem(err error) (problem, bool) {
	var p *Problem
	if !errors.As(err, &p) {
		return problem{}, false
	}
	return problem{status: max(p.Status, http.StatusBadRequest), title: p.Title, text: p.Text}, true
}
