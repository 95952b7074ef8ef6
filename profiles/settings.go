package profiles

import (
	"context"
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
	// Set sets all, or none when one cannot be taken; bad says which and why. ErrForbidden is for a caller who may not.
	Set func(ctx context.Context, who auth.Identity, values map[string]string) (bad []Invalid, err error)
	// Fresh reports whether no one has set TitleField and ZoneField yet: then the first administrator is asked for both.
	Fresh                 func(context.Context) (bool, error)
	TitleField, ZoneField string
}

// Field is one setting.
type Field struct {
	Name, Label string
	Kind        string // text, number, flag, zone, status (open or closed), or who: no one, users or anyone
}

// Invalid says which setting cannot be taken. Why goes on after "This": "must be a number".
type Invalid struct{ Field, Why string }

type shownSetting struct {
	Field
	Is string
	On bool
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
		f.Label = v.T(f.Label)
		shown := shownSetting{Field: f, Is: values[f.Name]}
		if v.sent("/admin/settings") {
			shown.Is = v.form(f.Name)
		}
		shown.On = shown.Is != ""
		list = append(list, shown)
	}
	return list, nil
}

// changeSettings takes them, all or none.
func (v *visit) changeSettings() error {
	settings := v.p.cfg.Settings
	if settings == nil {
		return errNothing
	}
	values := make(map[string]string)
	for _, f := range settings.Fields {
		values[f.Name] = v.form(f.Name)
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
