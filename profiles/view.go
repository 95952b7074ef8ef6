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

// screen is what a template sees: the visit with its methods, and what the page is about.
type screen struct {
	*visit
	Page any
}

// render shows a page. It is written at once or not at all.
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

// show is render with the status that fits: 422 when something in the form is wrong.
func (v *visit) show(name string, page any) error {
	status := http.StatusOK
	if len(v.problems) > 0 {
		status, v.posted = http.StatusUnprocessableEntity, true
	}
	v.render(status, name, page)
	return nil
}

// The methods below are for templates.

// T is a text in the language of the visitor.
func (v *visit) T(text string, args ...any) string { return v.printer.Sprintf(text, args...) }

// Language is that of the page.
func (v *visit) Language() string { return "en" }

// Title is that of the page.
func (v *visit) Title() string { return v.title }

// Blog is the name of the blog.
func (v *visit) Blog() string {
	if v.around.Title == "" {
		return "Quillgate"
	}
	return v.around.Title
}

// Root is what addresses begin with: the path of the home page.
func (v *visit) Root() string { return v.p.root }

// Base is the address of the home page.
func (v *visit) Base() string { return v.p.cfg.BaseURL }

// Path is that of the page.
func (v *visit) Path() string { return v.r.URL.Path }

// User is who is signed in.
func (v *visit) User() *auth.User {
	if !v.who.LoggedIn() {
		return nil
	}
	return &v.who.User
}

// Administrator reports whether the pages of administrators are for this
// visitor.
func (v *visit) Administrator() bool {
	return v.who.Can(auth.ManageOptions) && v.who.Can(auth.ListUsers)
}

// Flash is what was done by the page before. It is said once.
func (v *visit) Flash() string {
	if !v.s.Exists(v.ctx(), keyFlash) {
		return ""
	}
	return v.s.PopString(v.ctx(), keyFlash)
}

// Problems is what is wrong with the form.
func (v *visit) Problems() []fieldProblem { return v.problems }

// Value is what a field holds: what was typed, when the form is shown again. The fields of the other forms of a page
// hold what they held.
func (v *visit) Value(field, is string) string {
	if v.posted && v.r.PostForm.Has(field) {
		return v.r.PostForm.Get(field)
	}
	return is
}

// Checked marks a box.
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

// Selected marks a choice.
func (v *visit) Selected(field, value, is string) template.HTMLAttr {
	if v.Value(field, is) == value {
		return "selected"
	}
	return ""
}

// Invalid ties a field to what is wrong with it, and to the hints below it.
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

// Wrong says what is wrong with a field.
func (v *visit) Wrong(field string) template.HTML {
	for _, p := range v.problems {
		if p.Field == field {
			return template.HTML(fmt.Sprintf(`<span class="wrong" id="%s-wrong">%s</span>`, template.HTMLEscapeString(field), template.HTMLEscapeString(p.Text)))
		}
	}
	return ""
}

// When shows how long ago a moment was, or how far ahead it is; the exact time
// by the clock of the reader is in its title.
func (v *visit) When(t time.Time) template.HTML {
	if t.IsZero() {
		return template.HTML(template.HTMLEscapeString(v.T("never")))
	}
	return v.moment(t, v.distance(t))
}

// Exactly shows a moment by the clock of the reader, for sentences such as "It
// works until".
func (v *visit) Exactly(t time.Time) template.HTML { return v.moment(t, v.exact(t)) }

// Clock shows the time of day of a moment, by the clock of the reader.
func (v *visit) Clock(t time.Time) template.HTML { return v.moment(t, t.In(v.zone).Format("15:04")) }

// moment is a moment with a text for it.
func (v *visit) moment(t time.Time, text string) template.HTML {
	return template.HTML(fmt.Sprintf(`<time datetime="%s" title="%s">%s</time>`, t.UTC().Format(time.RFC3339),
		template.HTMLEscapeString(v.exact(t)), template.HTMLEscapeString(text)))
}

func (v *visit) exact(t time.Time) string { return t.In(v.zone).Format("2 January 2006, 15:04") }

// date is the day of a moment, by the clock of the reader.
func (v *visit) date(t time.Time) string { return t.In(v.zone).Format("Monday, 2 January 2006") }

const day = 24 * time.Hour

// distance is the time between now and a moment in words, or the day of the
// moment if it is more than 30 days away.
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

// Zone is the name of the reader's zone.
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

// PasswordID is the id of the field for the password; see part.
func (v *visit) PasswordID() string { return "password" }

// part is a form of a page that has several, each with a field for the password.
type part struct {
	*visit
	PasswordID string
}

// Part is the form with this button. The one that was sent has the id that the list of problems leads to.
func (v *visit) Part(do string) part {
	if v.form("do") == do {
		return part{v, "password"}
	}
	return part{v, "password-" + do}
}

// NeedsPassword reports whether the password must be given again for what needs
// it.
func (v *visit) NeedsPassword() bool { return !v.proved() }
