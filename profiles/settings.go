package profiles

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/quillgate/quillgate/auth"
)

// Surroundings is what the pages belong to, a blog for example.
type Surroundings struct {
	Title string // plain text; Quillgate when empty
	// Zone is what times are shown in to people who have chosen none.
	Zone *time.Location
}

// Settings are what administrators may set next to how people sign in.
type Settings struct {
	Title  string // of their part of the page
	Fields []Field
	// Values returns their values as text, by name; a flag that is set is "1".
	Values func(context.Context) (map[string]string, error)
	// Set sets all values that it is given, or none when one cannot be taken; bad says which and why. ErrForbidden is
	// for a caller who may not.
	Set func(ctx context.Context, who auth.Identity, values map[string]string) (bad []Invalid, err error)
	// Fresh reports whether no one has set TitleField and ZoneField yet: then the first administrator is asked for both.
	Fresh                 func(context.Context) (bool, error)
	TitleField, ZoneField string
	// AddressField is the address of the blog, for which the first administrator is asked too. It is empty if the operator
	// has given the address. A new one takes effect when the server is restarted.
	AddressField string
	// AddressProblem returns why an address cannot be taken, as in Invalid, or "".
	AddressProblem func(string) string
}

// Field is one setting.
type Field struct {
	Name, Label string
	Kind        string // text, url, email, number, lines (of text), flag, zone, choice, one (of the few in Of), list, or fixed (only shown)
	Section     string // the heading above the first field of a group
	Hint        string // shown with the field; may be empty
	Present     string // what is in effect, if that may differ from the value; all that a field of the kind fixed shows
	Of          []Choice
	// List returns what a field of the kind list offers, for a caller and the present value, which must be among it.
	List func(ctx context.Context, who auth.Identity, is string) ([]Choice, error)
	// Choices returns what a field of the kind choice offers, with examples of that moment. The last one is a text that
	// the user types. Set must refuse Other, which is its value as long as nothing is typed.
	Choices func(time.Time) []Choice
	Other   string
}

// Choice is one of the values that a field offers.
type Choice struct{ Value, Label, Example string }

// Invalid says which setting cannot be taken. Why goes on after "This": "must be a number".
type Invalid struct{ Field, Why string }

type shownSetting struct {
	Field
	Is     string
	On     bool
	Listed []Choice
	Typed  string // what is in the field for another value
}

func (v *visit) settingsTitle() string {
	if v.p.cfg.Settings == nil {
		return ""
	}
	return v.T(v.p.cfg.Settings.Title)
}

// shownSettings are the settings as they are, or as they were typed in a form that is shown again.
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

// choose lists the choices. A value that is not one of them is in the field for another one.
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

// typedSetting returns what the form has for a field. there is false for a field that the form does not have, which
// stays as it is; only a box that is not ticked is never sent.
func (v *visit) typedSetting(f Field) (value string, there bool) {
	value, there = v.form(f.Name), f.Kind == "flag" || v.r.PostForm.Has(f.Name)
	if f.Choices != nil && value == f.Other {
		value = cmp.Or(v.form(f.Name+"-other"), value)
	}
	if f.Kind == "lines" {
		value = strings.ReplaceAll(value, "\r\n", "\n") // as browsers end lines, whatever they were
	}
	return value, there
}

// changeSettings takes them, all or none.
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
