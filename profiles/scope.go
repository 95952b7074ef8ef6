package profiles

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/quillgate/quillgate/apps"
)

// rightWords says what each right is, to people.
var rightWords = map[apps.Right]string{
	apps.Read:     "read everything that you can read",
	apps.Draft:    "read and write drafts",
	apps.Publish:  "read, publish, change and delete posts and pages",
	apps.Media:    "see, upload and delete files",
	apps.Comments: "read, answer and moderate comments",
	apps.Users:    "change your profile",
	apps.Options:  "change the settings of the site",
}

// Rights lists the rights, for the boxes of a form.
func (v *visit) Rights() []apps.Right { return apps.Rights() }

// Right says what a right is.
func (v *visit) Right(r apps.Right) string { return v.T(rightWords[r]) }

// ScopeOf says in words what a scope lets through.
func (v *visit) ScopeOf(s apps.Scope) string {
	if s.IsZero() {
		return v.T("everything that you may do")
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

// NetworksOf writes a list of networks as a form takes it.
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

// Words writes a list as a form takes it.
func (v *visit) Words(list []string) string { return strings.Join(list, ", ") }

// Algorithms lists those of verification keys.
func (v *visit) Algorithms() []string { return apps.Algorithms() }

// card is a credential on a page, for the parts that show one.
type card struct {
	*visit
	C  credential
	At string // what its address begins with
}

// Card shows a credential.
func (v *visit) Card(c credential, at string) card { return card{v, c, at} }

// HasAll tells whether the credential is limited to no rights.
func (c card) HasAll() bool { return len(c.C.Scope.Rights) == 0 }

// Has tells whether the credential is limited to some rights, and this is one of them.
func (c card) Has(r apps.Right) bool { return len(c.C.Scope.Rights) > 0 && c.C.Scope.Allows(r) }

// Rare tells whether the credential has one of the limits that few want, or the form says one that is wrong.
func (c card) Rare() bool {
	return len(c.C.Networks) > 0 || len(c.C.Scope.Methods) > 0 || c.C.Strict || c.posted
}

// Day is a moment as a date field has it, by the clock of the reader; empty for none.
func (v *visit) Day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(v.zone).Format(time.DateOnly)
}

// everything is the box that stands for all rights.
const everything = "all"

// limits is what a form says of a credential.
type limits struct {
	Name     string
	Scope    apps.Scope
	Networks []netip.Prefix
	Expires  time.Time
	Strict   bool
}

// limits reads the form. What cannot be taken is noted. was is the expiry that there is: a day that was not changed
// leaves it as it is.
func (v *visit) limits(was time.Time) limits {
	l := limits{Name: v.form("name"), Strict: v.form("strict") != ""}
	var err error
	rights := v.r.PostForm["scope"]
	switch {
	case len(rights) == 0: // an empty list means everything below, and must not come about by taking the last right away
		v.wrong("scope", v.T("Tick what it may do, or everything."))
	default: // what is ticked beside it is meant
		rights = slices.DeleteFunc(slices.Clone(rights), func(r string) bool { return r == everything })
	}
	if l.Scope, err = apps.ParseScope(strings.Join(rights, " "), v.r.PostForm.Get("methods")); err != nil {
		v.wrong("scope", v.T("One of these rights is not known."))
	}
	if l.Networks, err = apps.ParseNetworks(v.r.PostForm.Get("networks")); err != nil {
		v.wrong("networks", v.T("Give networks such as 192.0.2.0/24 or addresses, with commas between them."))
	}
	l.Expires = v.expiry(was)
	return l
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
		v.wrong("expires", v.T("Give a day such as 2026-05-31."))
		return time.Time{}
	}
	// To the end of the day, as people mean it; a second less, so that it reads as the same day again.
	end := day.AddDate(0, 0, 1).Add(-time.Second)
	if !end.After(v.now()) {
		v.wrong("expires", v.T("This day is over already."))
	}
	return end
}
