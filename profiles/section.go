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

// Section is a part of the pages that another package makes, about what this one does not know, such as the posts of a
// blog. Its pages have the layout, the sessions and the guards of the others. They are for people who are signed in; who
// of them may do what is decided by the package that owns the data.
type Section struct {
	Pages []Page
	// Templates holds the files NAME.html, each of which defines "main" as the templates of this package do.
	Templates fs.FS
	// Links are the entries of the menu for a caller.
	Links func(ctx context.Context, who auth.Identity) ([]Link, error)
}

// Page is one page of a section, or one form of it.
type Page struct {
	Pattern string // of net/http.ServeMux, below one of Paths
	Handle  func(*Visit) error
	MaxForm int64 // bytes of the largest form that it takes; 64 KiB when 0
}

// Link is an entry of the menu.
type Link struct {
	Path, Name string
	// Waiting is how many things wait there for the caller, and Notice says so on the first page of the profile.
	Waiting int64
	Notice  string
	Here    bool
}

// Problem is an error that says what a visitor reads. A section returns it for errors of its own.
type Problem struct {
	Status      int // of HTTP
	Title, Text string
}

// Error returns the text.
func (p *Problem) Error() string { return p.Text }

// NothingHere is the answer for an address that is not a page.
var NothingHere error = errNothing

// Visit is one request on its way through a page of a section. Templates see its methods, next to the page itself.
type Visit struct{ *visit }

// Context is that of the request.
func (v *Visit) Context() context.Context { return v.ctx() }

// Who is the person who is signed in.
func (v *Visit) Who() auth.Identity { return v.who }

// Form returns what was posted in a field, without the white space around it.
func (v *Visit) Form(name string) string { return v.form(name) }

// Sent returns the form as it was posted.
func (v *Visit) Sent() url.Values { return v.r.PostForm }

// Query returns a parameter of the address, without the white space around it.
func (v *Visit) Query(name string) string { return strings.TrimSpace(v.r.URL.Query().Get(name)) }

// PathValue returns a part of the path; see http.Request.
func (v *Visit) PathValue(name string) string { return v.r.PathValue(name) }

// From tells where the visitor is: an address and what the browser calls itself.
func (v *Visit) From() (addr, agent string) { return v.addr.String(), auth.Agent(v.r) }

// Location is the zone in which times are shown to the visitor.
func (v *Visit) Location() *time.Location { return v.zone }

// Refuse notes what is wrong with a field of the form, which Show then shows again with what was typed. A problem of
// the whole form has no field.
func (v *Visit) Refuse(field, text string) { v.wrong(field, text) }

// Show shows a page: the template NAME.html of the section.
func (v *Visit) Show(title, name string, page any) error {
	v.title = title
	return v.show(name, page)
}

// Done says on the next page what was done, and leads there.
func (v *Visit) Done(path, text string) error { return v.done(path, text) }

// Proved reports whether the password was given a short while ago, or is in this form. If not, it notes a problem of
// the field.
func (v *Visit) Proved() (bool, error) { return v.prove() }

// sectionRows are the pages of the section.
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

// sectionLinks are the section's entries of the menu.
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

// Notices is what waits for the visitor elsewhere, for the first page of the profile.
func (v *visit) Notices() (list []Link) {
	for _, l := range v.sectionLinks() {
		if l.Waiting > 0 && l.Notice != "" {
			list = append(list, l)
		}
	}
	return list
}

// asProblem is the answer that a section has given itself.
func asProblem(err error) (problem, bool) {
	var p *Problem
	if !errors.As(err, &p) {
		return problem{}, false
	}
	return problem{status: max(p.Status, http.StatusBadRequest), title: p.Title, text: p.Text}, true
}
