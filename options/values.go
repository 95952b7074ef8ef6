package options

import (
	"cmp"
	"fmt"
	"html"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // option timezone_string names a zone, and small machines have no database of them

	"github.com/quillgate/quillgate/network"
	"github.com/quillgate/quillgate/permalink"
)

// Values is an immutable state of all options. Call Store.Current again for the
// next request.
type Values struct {
	stored map[string]string
	zone   *time.Location
	now    func() time.Time
}

func newValues(stored map[string]string) *Values {
	o := &Values{stored: stored, now: time.Now}
	o.zone = zoneOf(o.Text("timezone_string"), o.Text("gmt_offset"))
	return o
}

// Stored returns the options that were set, in stored form.
func (o *Values) Stored() map[string]string { return maps.Clone(o.stored) }

// Unset reports whether no option was ever set.
func (o *Values) Unset() bool { return len(o.stored) == 0 }

// With returns the options with these values stored.
func (o *Values) With(values map[string]string) *Values {
	after := newValues(o.Stored())
	maps.Copy(after.stored, values)
	return after
}

// Has reports whether an option was set, be it to its default.
func (o *Values) Has(name string) bool { _, set := o.stored[name]; return set }

// Text returns the stored value of an option, its default if it was never set,
// or "" for an unknown option.
func (o *Values) Text(name string) string {
	if v, ok := o.stored[name]; ok {
		return v
	}
	if name == WhoMayComment {
		return o.Commenters()
	}
	return table[name].value
}

// Int returns the value of an option as an integer, or 0 if it is not one.
func (o *Values) Int(name string) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(o.Text(name)), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// Bool reports whether an option is on: neither empty nor "0".
func (o *Values) Bool(name string) bool {
	v := o.Text(name)
	return v != "" && v != "0"
}

// Option is an option with its value, as in Values.List.
type Option struct{ Name, Value string }

// List returns all options sorted by name, with their defaults if they were
// never set. It omits options that another one replaces; Get reads them.
func (o *Values) List() []Option {
	list := make([]Option, 0, len(table))
	for name := range table {
		if former[name] == "" {
			list = append(list, Option{name, o.Text(name)})
		}
	}
	for name, value := range o.stored {
		if !Known(name) {
			list = append(list, Option{name, value})
		}
	}
	slices.SortFunc(list, func(a, b Option) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// Get returns the value of an option, and whether the option exists.
func (o *Values) Get(name string) (value string, known bool) {
	return o.Text(name), Known(name) || o.Has(name)
}

// Title returns the name of the blog as plain text. As in WordPress, the option
// itself holds HTML text.
func (o *Values) Title() string { return html.UnescapeString(o.Text("blog_title")) }

// Tagline returns the tagline of the blog as plain text.
func (o *Values) Tagline() string { return html.UnescapeString(o.Text("blog_tagline")) }

// Location returns the time zone of the blog: option timezone_string if it
// names one, otherwise gmt_offset hours east of GMT.
func (o *Values) Location() *time.Location { return o.zone }

// Local returns the wall clock of the blog at the time t, as a time whose zone
// is UTC.
func (o *Values) Local(t time.Time) time.Time {
	l := t.In(o.zone)
	return time.Date(l.Year(), l.Month(), l.Day(), l.Hour(), l.Minute(), l.Second(), l.Nanosecond(), time.UTC)
}

// UTC returns the time at which the blog's wall clock shows local, whose own
// zone is ignored. As in WordPress, a time that the clocks skip in spring
// counts from before the change: 02:30 is when they show 03:30.
func (o *Values) UTC(local time.Time) time.Time {
	local = time.Date(local.Year(), local.Month(), local.Day(), local.Hour(), local.Minute(), local.Second(), local.Nanosecond(), time.UTC)
	moment := time.Date(local.Year(), local.Month(), local.Day(), local.Hour(), local.Minute(), local.Second(), local.Nanosecond(), o.zone)
	// In such a gap, time.Date may use the later offset, which is too early by
	// the length of the gap.
	if early := local.Sub(o.Local(moment)); early > 0 {
		moment = moment.Add(early)
	}
	return moment.UTC()
}

// GMTOffset returns the offset from GMT in hours, as stored or, for a named
// zone, as it is now.
func (o *Values) GMTOffset() (hours float64, named bool) {
	if _, err := namedZone(o.Text("timezone_string")); err == nil {
		_, seconds := o.now().In(o.zone).Zone()
		return math.Round(float64(seconds)/36) / 100, true
	}
	hours, _ = strconv.ParseFloat(strings.TrimSpace(o.Text("gmt_offset")), 64)
	return hours, false
}

// Lists returns the form that addresses of lists have.
func (o *Values) Lists() permalink.Lists { return permalink.ListsOf(o.Text("permalink_structure")) }

// PingbackNetworks returns the networks that pingbacks may reach in addition to
// public addresses.
func (o *Values) PingbackNetworks() []network.Destination {
	list, _ := network.ParseDestinations(o.Text("pingback_networks")) // the table checks it when it is set
	return list
}

// zoneOf returns the zone with a name or, if there is none, with an offset from
// GMT in hours.
func zoneOf(name, offset string) *time.Location {
	if loc, err := namedZone(name); err == nil {
		return loc
	}
	hours, err := strconv.ParseFloat(strings.TrimSpace(offset), 64)
	if err != nil || math.IsNaN(hours) || math.Abs(hours) > 24 {
		hours = 0
	}
	minutes := int(math.Round(hours * 60))
	sign := '+'
	if minutes < 0 {
		sign = '-'
	}
	abs := max(minutes, -minutes)
	return time.FixedZone(fmt.Sprintf("%c%02d:%02d", sign, abs/60, abs%60), minutes*60)
}

// namedZone finds a zone of the IANA database. It does not accept the zone of
// this machine.
func namedZone(name string) (*time.Location, error) {
	if name == "" || name == "Local" {
		return nil, fmt.Errorf("no time zone %q", name)
	}
	return time.LoadLocation(name)
}
