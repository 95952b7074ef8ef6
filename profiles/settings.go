package profiles

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/quillgate/quillgate/auth"
)

// Surroundings describes what the pages belong to, for example a blog.
type Surroundings struct {
	Title string         // plain text; "" means Quillgate
	Zone  *time.Location // for users who have not chosen a time zone
}

// Settings are the settings that the settings page shows in addition to those
// of signing in. Only administrators see the page.
type Settings struct {
	Title  string // the heading of this part of the page
	Fields []Field
	// Values returns the values as text, by the name of the field. A flag that
	// is set is "1".
	Values func(context.Context) (map[string]string, error)
	// Set saves all values, or none if one of them is invalid; then bad names
	// the invalid ones. It returns ErrForbidden if the caller may not change
	// settings.
	Set func(ctx context.Context, who auth.Identity, values map[string]string) (bad []Invalid, err error)
	// Fresh reports whether TitleField and ZoneField were never set. The set-up
	// page asks for them then.
	Fresh                 func(context.Context) (bool, error)
	TitleField, ZoneField string
	// AddressField is the name of the field for the address of the blog, which
	// the set-up page asks for too. It is "" if the operator has set the
	// address. A change takes effect when the server restarts.
	AddressField string
	// AddressProblem returns why an address is invalid, in the form of
	// Invalid.Why, or "".
	AddressProblem func(string) string
}

// Field is one setting.
type Field struct {
	Name, Label string
	// Kind is text, url, email, number, lines (several lines of text), flag,
	// zone, choice (one of Choices), one (one of Of), list (one of List), or
	// fixed (read-only).
	Kind    string
	Section string // the heading above the first field of a group
	Hint    string // shown with the field; may be empty
	Present string // the value in effect, if it can differ from the stored one; a fixed field shows only this
	Of      []Choice
	// List returns the choices for a caller. They must include the present
	// value, is.
	List func(ctx context.Context, who auth.Identity, is string) ([]Choice, error)
	// Choices returns the choices, with examples for the given time. The last
	// choice has the value Other, and a text field next to it. If the user
	// leaves that field empty, Set gets Other and must report it as invalid.
	Choices func(time.Time) []Choice
	Other   string
}

// Choice is a value that the user can choose for a field.
type Choice struct{ Value, Label, Example string }

// Invalid says which field has an invalid value, and why. Why continues a
// sentence that begins with "This", such as "must be a number".
type Invalid struct{ Field, Why string }

type shownSetting struct {
	Field
	Is     string
	On     bool
	Listed []Choice
	Typed  string // the content of the text field next to the choice Other
}

func (v *visit) settingsTitle() string {
	if v.p.cfg.Settings == nil {
		return ""
	}
	return v.T(v.p.cfg.Settings.Title)
}

// shownSettings returns the settings with their stored values, or with the
// typed ones if the form is shown again.
func (v *visit) shownSettings() (list []shownSetting, err error) {
	settings := v.p.cfg.Settings
	if settings == nil {
		return nil, nil
	}
	values, err := settings.Values(v.ctx())
	if err != nil {
		return nil, err
	}
	for _, f := range settings.Fields {
		f.Label, f.Hint, f.Section = v.T(f.Label), v.T(f.Hint), v.T(f.Section)
		shown := shownSetting{Field: f, Is: values[f.Name]}
		if typed, there := v.typedSetting(f); v.sent("/admin/settings") && there {
			shown.Is = typed
		}
		shown.On = shown.Is != ""
		if f.Choices != nil {
			shown.choose(f.Choices(v.now().In(v.around.Zone)))
		}
		if f.List != nil {
			if shown.Listed, err = f.List(v.ctx(), v.who, shown.Is); err != nil {
				return nil, err
			}
		}
		list = append(list, shown)
	}
	return list, nil
}

// choose sets the choices. A value that is not among them is shown in the text
// field next to the choice Other.
func (s *shownSetting) choose(from []Choice) {
	s.Listed = from
	if slices.ContainsFunc(from, func(c Choice) bool { return c.Value == s.Is }) {
		return
	}
	if s.Is != s.Other {
		s.Typed = s.Is
	}
	s.Is = s.Other
}

// typedSetting returns the value of a field in the form. there is false if the
// form does not have the field; its value does not change then. A flag is
// always there, because browsers do not send a box that is not ticked.
func (v *visit) typedSetting(f Field) (value string, there bool) {
	value, there = v.form(f.Name), f.Kind == "flag" || v.r.PostForm.Has(f.Name)
	if f.Choices != nil && value == f.Other {
		value = cmp.Or(v.form(f.Name+"-other"), value)
	}
	if f.Kind == "lines" {
		value = strings.ReplaceAll(value, "\r\n", "\n") // browsers send every line end as CR LF
	}
	return value, there
}

// changeSettings saves the settings of the form, all or none.
func (v *visit) changeSettings() error {
	settings := v.p.cfg.Settings
	if settings == nil {
		return errNothing
	}
	values := make(map[string]string)
	for _, f := range settings.Fields {
		if typed, there := v.typedSetting(f); there && f.Kind != "fixed" {
			values[f.Name] = typed
		}
	}
	bad, err := settings.Set(v.ctx(), v.who, values)
	if err != nil {
		return err
	}
	for _, invalid := range bad {
		v.wrong(invalid.Field, v.T("This %s.", invalid.Why))
	}
	if len(bad) > 0 {
		return v.settingsPage()
	}
	return v.done("/admin/settings", v.T("The settings were saved."))
}
