package profiles

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/quillgate/quillgate/apps"
)

// rightWords describes the rights.
var rightWords = map[apps.Right]string{
	apps.Read:     "read everything you can read",
	apps.Draft:    "read and write drafts",
	apps.Publish:  "read, publish, change and delete posts and pages",
	apps.Media:    "see, upload and delete files",
	apps.Comments: "read, reply to and moderate comments",
	apps.Users:    "change your profile",
	apps.Options:  "change the settings of the site",
}

// Rights lists the rights, for the boxes of a form.
func (v *visit) Rights() []apps.Right { return apps.Rights() }

// Right describes a right.
func (v *visit) Right(r apps.Right) string { return v.T(rightWords[r]) }

// ScopeOf describes in words what a scope allows.
func (v *visit) ScopeOf(s apps.Scope) string {
	if s.IsZero() {
		return v.T("everything you may do")
	}
	var words []string
	for _, r := range s.Rights {
		words = append(words, v.Right(r))
	}
	text := strings.Join(words, "; ")
	if len(s.Methods) > 0 {
		only := v.T("only the methods %s", strings.Join(s.Methods, ", "))
		if text != "" {
			only = "; " + only
		}
		text += only
	}
	return text
}

// NetworksOf formats networks for the field of a form.
func (v *visit) NetworksOf(list []netip.Prefix) string {
	texts := make([]string, len(list))
	for i, n := range list {
		texts[i] = n.String()
		if n.IsSingleIP() {
			texts[i] = n.Addr().String()
		}
	}
	return strings.Join(texts, ", ")
}

// Words formats a list for the field of a form.
func (v *visit) Words(list []string) string { return strings.Join(list, ", ") }

// Algorithms lists the algorithms of verification keys.
func (v *visit) Algorithms() []string { return apps.Algorithms() }

// card is a credential on a page, for templates that show one.
type card struct {
	*visit
	C  credential
	At string // the beginning of its address
}

// Card returns a credential for templates.
func (v *visit) Card(c credential, at string) card { return card{v, c, at} }

// HasAll reports whether the credential has every right of its user.
func (c card) HasAll() bool { return len(c.C.Scope.Rights) == 0 }

// HasSome reports whether the credential is limited to rights that do not form
// a preset.
func (c card) HasSome() bool {
	return !slices.ContainsFunc(apps.Presets(), func(p apps.Preset) bool { return p.Is(c.C.Scope) })
}

// Has reports whether the credential is limited to rights that do not form a
// preset, and r is one of them.
func (c card) Has(r apps.Right) bool { return c.HasSome() && c.C.Scope.Allows(r) }

// preset is a set of rights that a form offers.
type preset struct {
	apps.Preset
	Value string // the value of the choice
	Taken bool
}

// Presets lists the sets of rights that the form offers.
func (c card) Presets() (list []preset) {
	for _, p := range apps.Presets() {
		p.Label, p.For = c.T(p.Label), c.T(p.For)
		value := presetValue + p.Name
		if len(p.Rights) == 0 {
			value = everyRight
		}
		list = append(list, preset{p, value, p.Is(c.C.Scope)})
	}
	return list
}

// Blind describes what a credential cannot do that may write but not read; it
// returns "" for all others.
func (v *visit) Blind(s apps.Scope) string {
	if !s.WritesBlindly() {
		return ""
	}
	return v.T("It may write, but not read what others wrote. Most clients read first, and their first refresh will fail. Tick “read everything you can read”, unless you know that this client only writes.")
}

// Rare reports whether the credential has one of the less common limits, or the
// form was sent with an invalid one.
func (c card) Rare() bool {
	return len(c.C.Networks) > 0 || len(c.C.Scope.Methods) > 0 || c.C.Strict || c.posted
}

// Day formats the day of a time for a date field, in the reader's time zone; ""
// for the zero time.
func (v *visit) Day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(v.zone).Format(time.DateOnly)
}

// The choices above the checkboxes of the rights.
const (
	everyRight  = "all"     // every right that the user has, now and later
	someRights  = "some"    // the selected rights
	presetValue = "preset:" // followed by the name of a preset: its rights
)

// limits holds the limits of a credential that a form describes.
type limits struct {
	Name     string
	Scope    apps.Scope
	Networks []netip.Prefix
	Expires  time.Time
	Strict   bool
}

// limits reads the form, and records what is invalid. was is the current
// expiry: it stays exactly as it is if the day has not changed.
func (v *visit) limits(was time.Time) limits {
	l := limits{Name: v.form("name"), Strict: v.form("strict") != ""}
	var err error
	ticked := v.r.PostForm["scope"]
	rights := slices.DeleteFunc(slices.Clone(ticked), func(r string) bool {
		return r == everyRight || r == someRights || strings.HasPrefix(r, presetValue)
	})
	chosen, preset := presetOf(ticked)
	switch all := slices.Contains(ticked, everyRight); {
	case preset && len(rights) > 0:
		v.wrong("scope", v.T("You chose %s, and ticked some permissions. Choose one or the other.", chosen.Label))
	case preset:
		names, _ := chosen.Scope().Format()
		rights = strings.Fields(names)
	case !all && len(rights) == 0: // apps takes an empty list for all rights, so a form without any selected right must not get there
		v.wrong("scope", v.T("Choose everything, or tick what it may do."))
	case all && len(rights) > 0: // without scripts, rights can remain selected
		v.wrong("scope", v.T("You chose everything, and ticked some permissions. Choose one or the other."))
	}
	if l.Scope, err = apps.ParseScope(strings.Join(rights, " "), v.r.PostForm.Get("methods")); err != nil {
		v.wrong("scope", v.T("One of these permissions is unknown."))
	}
	if l.Networks, err = apps.ParseNetworks(v.r.PostForm.Get("networks")); err != nil {
		v.wrong("networks", v.T("Enter networks such as 192.0.2.0/24, or addresses, separated by commas."))
	}
	l.Expires = v.expiry(was)
	return l
}

// presetOf returns the preset among the choices of a form.
func presetOf(choices []string) (apps.Preset, bool) {
	for _, c := range choices {
		if name, ok := strings.CutPrefix(c, presetValue); ok {
			if p, known := apps.PresetNamed(name); known && len(p.Rights) > 0 {
				return p, true
			}
		}
	}
	return apps.Preset{}, false
}

// expiry reads the last day on which a credential works.
func (v *visit) expiry(was time.Time) time.Time {
	text := v.form("expires")
	if text == "" {
		return time.Time{}
	}
	if text == v.Day(was) {
		return was
	}
	day, err := time.ParseInLocation(time.DateOnly, text, v.zone)
	if err != nil {
		v.wrong("expires", v.T("Enter a date such as 2026-05-31."))
		return time.Time{}
	}
	// It expires at the end of the day, as people expect; a second earlier,
	// so that it is shown as the same day again.
	end := day.AddDate(0, 0, 1).Add(-time.Second)
	if !end.After(v.now()) {
		v.wrong("expires", v.T("This date is in the past."))
	}
	return end
}
