package loose

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/quillgate/quillgate/xmlrpc"
)

// wireDate matches every form in which clients write a date: yyyyMMddTHH:mm:ss,
// with dashes or without colons, with a space or a lower-case t for the T, with
// fractions of a second, without seconds or without the time of day, and with a
// time zone.
var wireDate = regexp.MustCompile(`^([0-9]{4})-?([0-9]{2})-?([0-9]{2})(?:(?:[Tt]| +)([0-9]{2}):?([0-9]{2})(?::?([0-9]{2})(?:[.,][0-9]+)?)?)?\s*(Z|z|[+-][0-9]{2}(?::?[0-9]{2})?)?$`)

// Date reads a date from a dateTime or a string, and returns it in GMT. zoned
// reports whether the value names its time zone, as Z or an offset. As in
// WordPress, 24:00 is midnight, a leap second is the next second, and a day
// that the month does not have moves into the next month. ok is false if the
// value cannot be read.
func Date(v xmlrpc.Value) (t time.Time, zoned, ok bool) {
	m := wireDate.FindStringSubmatch(strings.TrimSpace(Text(v)))
	if m == nil {
		return time.Time{}, false, false
	}
	var n [6]int
	for i := range n {
		n[i], _ = strconv.Atoi(m[i+1]) // digits, or empty if the part is left out
	}
	if n[0] == 0 || n[1] < 1 || n[1] > 12 || n[2] < 1 || n[2] > 31 || n[3] > 24 || n[4] > 59 || n[5] > 60 {
		return time.Time{}, false, false
	}
	t = time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], n[5], 0, time.UTC)
	offset, ok := zoneOffset(m[7])
	if t = t.Add(-offset); !ok || t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}, false, false
	}
	return t, m[7] != "", true
}

// zoneOffset reads Z, +hh, +hhmm or +hh:mm; an empty string is not an offset.
// No place on Earth is further from GMT than 14 hours.
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
