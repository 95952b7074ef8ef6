package profiles

import (
	"bytes"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/quillgate/quillgate/auth"
)

// screen is the data of a template: the visit with its methods, and the page.
type screen struct {
	*visit
	Page any
}

// render shows a page. If it fails, it has written nothing.
func (v *visit) render(status int, name string, page any) {
	var out bytes.Buffer
	if err := v.p.templates[name].ExecuteTemplate(&out, "layout", screen{v, page}); err != nil {
		v.p.cfg.Logger.ErrorContext(v.ctx(), "page not shown", "page", name, "cause", err)
		http.Error(v.w, "Something went wrong on the server. Its log records the cause under request "+v.w.Header().Get("X-Request-Id")+".",
			http.StatusInternalServerError)
		return
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/html; charset=UTF-8")
	h.Set("Content-Length", strconv.Itoa(out.Len()))
	v.w.WriteHeader(status)
	if v.r.Method != http.MethodHead {
		out.WriteTo(v.w)
	}
}

// show is render with the right status: 422 if something in the form is wrong.
func (v *visit) show(name string, page any) error {
	status := http.StatusOK
	if len(v.problems) > 0 {
		status, v.posted = http.StatusUnprocessableEntity, true
	}
	v.render(status, name, page)
	return nil
}

// The methods below are for templates.

// T translates a text into the visitor's language.
func (v *visit) T(text string, args ...any) string { return v.printer.Sprintf(text, args...) }

// Language returns the language of the page.
func (v *visit) Language() string { return "en" }

// Title returns the title of the page.
func (v *visit) Title() string { return v.title }

// Blog returns the name of the blog.
func (v *visit) Blog() string {
	if v.around.Title == "" {
		return "Quillgate"
	}
	return v.around.Title
}

// Root returns the path of the home page, with which addresses begin.
func (v *visit) Root() string { return v.p.root }

// Base returns the address of the home page.
func (v *visit) Base() string { return v.p.cfg.BaseURL }

// Path returns the path of the page.
func (v *visit) Path() string { return v.r.URL.Path }

// User returns the user who is signed in.
func (v *visit) User() *auth.User {
	if !v.who.LoggedIn() {
		return nil
	}
	return &v.who.User
}

// Administrator reports whether the visitor may see the pages for
// administrators.
func (v *visit) Administrator() bool {
	return v.who.Can(auth.ManageOptions) && v.who.Can(auth.ListUsers)
}

// Flash returns the message of the previous page about what was done. It is
// shown once.
func (v *visit) Flash() string {
	if !v.s.Exists(v.ctx(), keyFlash) {
		return ""
	}
	return v.s.PopString(v.ctx(), keyFlash)
}

// Problems returns what is wrong with the form.
func (v *visit) Problems() []fieldProblem { return v.problems }

// Value returns the value of a field: what was entered, if the form is shown
// again, and otherwise is. The fields of other forms on the page keep their
// values.
func (v *visit) Value(field, is string) string {
	if v.posted && v.r.PostForm.Has(field) {
		return v.r.PostForm.Get(field)
	}
	return is
}

// Checked returns the attribute of a checkbox that is checked.
func (v *visit) Checked(field, value string, is bool) template.HTMLAttr {
	if v.posted {
		is = false
		for _, have := range v.r.PostForm[field] {
			is = is || have == value
		}
	}
	if is {
		return "checked"
	}
	return ""
}

// Selected returns the attribute of an option that is selected.
func (v *visit) Selected(field, value, is string) template.HTMLAttr {
	if v.Value(field, is) == value {
		return "selected"
	}
	return ""
}

// Invalid returns the attributes that connect a field with its problem and with
// the hints below it.
func (v *visit) Invalid(field string, hints ...string) template.HTMLAttr {
	attributes := ""
	for _, p := range v.problems {
		if p.Field == field {
			attributes, hints = `aria-invalid="true" `, append(hints, field+"-wrong")
			break
		}
	}
	if len(hints) > 0 {
		attributes += `aria-describedby="` + template.HTMLEscapeString(strings.Join(hints, " ")) + `"`
	}
	return template.HTMLAttr(attributes)
}

// Wrong describes the problem with a field.
func (v *visit) Wrong(field string) template.HTML {
	for _, p := range v.problems {
		if p.Field == field {
			return template.HTML(fmt.Sprintf(`<span class="wrong" id="%s-wrong">%s</span>`, template.HTMLEscapeString(field), template.HTMLEscapeString(p.Text)))
		}
	}
	return ""
}

// When shows how long ago a time was, or how far ahead it is; its title has the
// exact time in the reader's time zone.
func (v *visit) When(t time.Time) template.HTML {
	if t.IsZero() {
		return template.HTML(template.HTMLEscapeString(v.T("never")))
	}
	return v.moment(t, v.distance(t))
}

// Exactly shows a time in the reader's time zone, for sentences such as "It
// works until".
func (v *visit) Exactly(t time.Time) template.HTML { return v.moment(t, v.exact(t)) }

// Clock shows the time of day in the reader's time zone.
func (v *visit) Clock(t time.Time) template.HTML { return v.moment(t, t.In(v.zone).Format("15:04")) }

// moment marks up a time with a text for it.
func (v *visit) moment(t time.Time, text string) template.HTML {
	return template.HTML(fmt.Sprintf(`<time datetime="%s" title="%s">%s</time>`, t.UTC().Format(time.RFC3339),
		template.HTMLEscapeString(v.exact(t)), template.HTMLEscapeString(text)))
}

func (v *visit) exact(t time.Time) string { return t.In(v.zone).Format("2 January 2006, 15:04") }

// date returns the day of a time in the reader's time zone.
func (v *visit) date(t time.Time) string { return t.In(v.zone).Format("Monday, 2 January 2006") }

const day = 24 * time.Hour

// distance describes the time between now and t in words, or the day of t if it
// is more than 30 days away.
func (v *visit) distance(t time.Time) string {
	ago := v.now().Sub(t)
	past, apart := ago >= 0, ago.Abs()
	for _, unit := range []struct {
		below, is         time.Duration
		ago, oneAgo       string
		future, oneFuture string
	}{
		{time.Hour, time.Minute, "%d minutes ago", "1 minute ago", "in %d minutes", "in 1 minute"},
		{day, time.Hour, "%d hours ago", "1 hour ago", "in %d hours", "in 1 hour"},
		{30 * day, day, "%d days ago", "1 day ago", "in %d days", "in 1 day"},
	} {
		n := int(apart / unit.is)
		switch {
		case n < 1:
			return v.T("just now")
		case apart >= unit.below:
			continue
		case past && n == 1:
			return v.T(unit.oneAgo)
		case past:
			return v.T(unit.ago, n)
		case n == 1:
			return v.T(unit.oneFuture)
		}
		return v.T(unit.future, n)
	}
	return t.In(v.zone).Format("2 January 2006")
}

// Zone returns the name of the reader's time zone.
func (v *visit) Zone() string {
	switch name := v.zone.String(); {
	case name == "+00:00":
		return "UTC"
	case strings.HasPrefix(name, "+"), strings.HasPrefix(name, "-"):
		return "UTC" + name
	default:
		return name
	}
}

// PasswordID returns the id of the password field; see part.
func (v *visit) PasswordID() string { return "password" }

// part is one of several forms of a page, each with a password field.
type part struct {
	*visit
	PasswordID string
}

// Part returns the form with this button. The list of problems links to the
// field of the form that was sent.
func (v *visit) Part(do string) part {
	if v.form("do") == do {
		return part{v, "password"}
	}
	return part{v, "password-" + do}
}

// NeedsPassword reports whether an action that requires the password needs it
// again.
func (v *visit) NeedsPassword() bool { return !v.proved() }
