package site

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"math"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // option timezone_string names a zone, and small machines have no database of them

	"github.com/quillgate/quillgate/database"
)

// optionEpoch is the epoch of the table options.
const optionEpoch database.Epoch = "options"

// Options is an immutable state of all options. Call Site.Options again for the
// next request.
type Options struct {
	values map[string]string
	zone   *time.Location
	now    func() time.Time
}

// Options returns the options of the blog. They include every change that this
// process has made, and changes of other processes that are more than a second
// old.
func (s *Site) Options(ctx context.Context) (*Options, error) { return s.options.Get(ctx, struct{}{}) }

func (s *Site) readOptions(ctx context.Context, _ struct{}) (*Options, time.Time, error) {
	o, err := ReadOptions(ctx, s.db)
	if err != nil {
		return nil, time.Time{}, err
	}
	o.now = s.clock
	s.lastRead.Store(o)
	return o, time.Time{}, nil
}

func ReadOptions(ctx context.Context, q database.Queryer) (*Options, error) {
	var rows []struct {
		Name  string `db:"name"`
		Value string `db:"value"`
	}
	if err := q.Select(ctx, &rows, `SELECT name, value FROM options`); err != nil {
		return nil, fmt.Errorf("read the options: %w", err)
	}
	values := make(map[string]string, len(rows))
	for _, r := range rows {
		values[r.Name] = r.Value
	}
	return newOptions(values), nil
}

func newOptions(values map[string]string) *Options {
	o := &Options{values: values, now: time.Now}
	o.zone = zoneOf(o.Text("timezone_string"), o.Text("gmt_offset"))
	return o
}

// Stored returns the options that were set, in stored form.
func (o *Options) Stored() map[string]string { return maps.Clone(o.values) }

// With returns the options with these values stored.
func (o *Options) With(values map[string]string) *Options {
	after := newOptions(o.Stored())
	maps.Copy(after.values, values)
	return after
}

// Has reports whether an option was set, be it to its default.
func (o *Options) Has(name string) bool { _, set := o.values[name]; return set }

// Text returns the stored value of an option, its default if it was never set,
// or "" for an unknown option.
func (o *Options) Text(name string) string {
	if v, ok := o.values[name]; ok {
		return v
	}
	if name == OptionCommenters {
		return o.Commenters()
	}
	return optionTable[name].value
}

// Int returns the value of an option as an integer, or 0 if it is not one.
func (o *Options) Int(name string) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(o.Text(name)), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// Bool reports whether an option is on: neither empty nor "0".
func (o *Options) Bool(name string) bool {
	v := o.Text(name)
	return v != "" && v != "0"
}

// Title returns the name of the blog as plain text. As in WordPress, the option
// itself holds HTML text.
func (o *Options) Title() string { return html.UnescapeString(o.Text("blog_title")) }

// Tagline returns the tagline of the blog as plain text.
func (o *Options) Tagline() string { return html.UnescapeString(o.Text("blog_tagline")) }

// Location returns the time zone of the blog: option timezone_string if it
// names one, otherwise gmt_offset hours east of GMT.
func (o *Options) Location() *time.Location { return o.zone }

// Local returns the wall clock of the blog at the time t, as a time whose zone
// is UTC.
func (o *Options) Local(t time.Time) time.Time {
	l := t.In(o.zone)
	return time.Date(l.Year(), l.Month(), l.Day(), l.Hour(), l.Minute(), l.Second(), l.Nanosecond(), time.UTC)
}

// UTC returns the time at which the blog's wall clock shows local, whose own
// zone is ignored. As in WordPress, a time that the clocks skip in spring
// counts from before the change: 02:30 is when they show 03:30.
func (o *Options) UTC(local time.Time) time.Time {
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
func (o *Options) GMTOffset() (hours float64, named bool) {
	if _, err := namedZone(o.Text("timezone_string")); err == nil {
		_, seconds := o.now().In(o.zone).Zone()
		return math.Round(float64(seconds)/36) / 100, true
	}
	hours, _ = strconv.ParseFloat(strings.TrimSpace(o.Text("gmt_offset")), 64)
	return hours, false
}

// Theme describes what the blog's theme offers to authors.
type Theme struct {
	Template   string `json:"template"`
	Stylesheet string `json:"stylesheet"`
	// Supports lists features by WordPress's names, such as "post-thumbnails".
	Supports []string `json:"supports"`
	// PageTemplates maps the file of each page template to its title; the
	// default is "default".
	PageTemplates map[string]string `json:"page_templates"`
}

// Theme returns the theme of the blog.
func (o *Options) Theme() Theme {
	t := Theme{Template: o.Text("template"), Stylesheet: o.Text("stylesheet")}
	// The table checks both when they are set.
	_ = json.Unmarshal([]byte(o.Text("theme_supports")), &t.Supports)
	_ = json.Unmarshal([]byte(o.Text("page_templates")), &t.PageTemplates)
	return t
}

// SupportsFeature reports whether the theme supports a feature, such as
// "post-thumbnails".
func (t Theme) SupportsFeature(feature string) bool {
	for _, f := range t.Supports {
		if f == feature {
			return true
		}
	}
	return false
}

// Local is Options.Local with the current options, or the last known ones if
// the database does not answer.
func (s *Site) Local(t time.Time) time.Time { return s.lastOptions().Local(t) }

// UTC is Options.UTC with the current options, or the last known ones if the
// database does not answer.
func (s *Site) UTC(local time.Time) time.Time { return s.lastOptions().UTC(local) }

func (s *Site) lastOptions() *Options {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	o, err := s.Options(ctx)
	if err != nil {
		o = s.lastRead.Load() // Open has read them once
	}
	return o
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
