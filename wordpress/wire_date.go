package wordpress

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/xmlrpc"
)

// wireDate is every form in which clients write a date: yyyyMMddTHH:mm:ss, the same with dashes or without colons, with
// a blank or a small t for the T, with fractions of a second, without seconds or the time of day, and with a zone.
var wireDate = regexp.MustCompile(`^([0-9]{4})-?([0-9]{2})-?([0-9]{2})(?:(?:[Tt]| +)([0-9]{2}):?([0-9]{2})(?::?([0-9]{2})(?:[.,][0-9]+)?)?)?\s*(Z|z|[+-][0-9]{2}(?::?[0-9]{2})?)?$`)

// dateOf reads a date, in a dateTime or in a text. One with Z or an offset is that moment; one without is a moment when
// gmt is set, and the blog's wall clock otherwise. 24:00 is midnight, a leap second the next second, and a day that the
// month does not have goes over into the next month, as in WordPress. What cannot be read is not ok.
func dateOf(v xmlrpc.Value, gmt bool) (d site.PostDate, ok bool) {
	m := wireDate.FindStringSubmatch(strings.TrimSpace(textOf(v)))
	if m == nil {
		return site.PostDate{}, false
	}
	var n [6]int
	for i := range n {
		n[i], _ = strconv.Atoi(m[i+1]) // digits, or nothing where a part is left out
	}
	if n[0] == 0 || n[1] < 1 || n[1] > 12 || n[2] < 1 || n[2] > 31 || n[3] > 24 || n[4] > 59 || n[5] > 60 {
		return site.PostDate{}, false
	}
	t := time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], n[5], 0, time.UTC)
	offset, ok := zoneOffset(m[7])
	if t = t.Add(-offset); !ok || t.Year() < 1 || t.Year() > 9999 {
		return site.PostDate{}, false
	}
	return site.PostDate{Time: t, Local: m[7] == "" && !gmt}, true
}

// zoneOffset reads Z, +hh, +hhmm or +hh:mm; nothing is no offset. No place on Earth is further from GMT than 14 hours.
func zoneOffset(zone string) (offset time.Duration, ok bool) {
	if zone == "" || zone == "Z" || zone == "z" {
		return 0, true
	}
	digits := strings.ReplaceAll(zone[1:], ":", "")
	hours, _ := strconv.Atoi(digits[:2])
	minutes, _ := strconv.Atoi(digits[2:])
	offset = time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	if zone[0] == '-' {
		offset = -offset
	}
	return offset, minutes <= 59 && offset.Abs() <= 14*time.Hour
}

// A dateMember is a member of a content struct in which a client may have put the date.
type dateMember struct {
	value xmlrpc.Value
	gmt   bool
}

// firstDate is the first date that can be read. It is nil when there is none: an unreadable date is no fault, as in
// WordPress. A new post is of now then; an old one keeps its date, where WordPress would take now.
func firstDate(members ...dateMember) *site.PostDate {
	for _, m := range members {
		if d, ok := dateOf(m.value, m.gmt); ok {
			return &d
		}
	}
	return nil
}

// newDate is the date of a new post in wp.newPost. The member in GMT wins, but not as a text beside the other member.
func newDate(content xmlrpc.Value) *site.PostDate {
	local, gmt := dateMember{content.Get("post_date"), false}, dateMember{content.Get("post_date_gmt"), true}
	if !local.value.IsZero() && gmt.value.Kind() != xmlrpc.KindDateTime {
		return firstDate(local, gmt)
	}
	return firstDate(gmt, local)
}

// editDate is the date in wp.editPost.
func editDate(content xmlrpc.Value) *site.PostDate {
	return firstDate(dateMember{content.Get("post_date_gmt"), true}, dateMember{content.Get("post_date"), false})
}

// contentDate is the date in a content struct of metaWeblog and of pages.
func contentDate(content xmlrpc.Value) *site.PostDate {
	return firstDate(dateMember{content.Get("date_created_gmt"), true}, dateMember{content.Get("dateCreated"), false})
}

// momentOf reads a member that is in GMT; nil when there is none, or none that can be read.
func momentOf(v xmlrpc.Value) *time.Time {
	d, ok := dateOf(v, true)
	if !ok {
		return nil
	}
	return &d.Time
}
