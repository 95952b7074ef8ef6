package public

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// phpDate formats the time of a zone in the format of PHP's function date,
// which the options date_format and time_format use. A letter after a backslash
// stands for itself, and so do letters without a meaning.
func phpDate(format string, clock time.Time, zone *time.Location) string {
	t := time.Date(clock.Year(), clock.Month(), clock.Day(), clock.Hour(), clock.Minute(), clock.Second(), clock.Nanosecond(), zone)
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		c := format[i]
		if c == '\\' && i+1 < len(format) {
			i++
			b.WriteByte(format[i])
			continue
		}
		if layout, ok := phpLayouts[c]; ok {
			b.WriteString(t.Format(layout))
			continue
		}
		b.WriteString(phpLetter(c, t))
	}
	return b.String()
}

// phpLayouts maps letters to layouts of package time, if there are any.
var phpLayouts = map[byte]string{
	'd': "02", 'D': "Mon", 'j': "2", 'l': "Monday", 'F': "January", 'm': "01", 'M': "Jan", 'n': "1", 'Y': "2006", 'y': "06",
	'a': "pm", 'A': "PM", 'g': "3", 'h': "03", 'H': "15", 'i': "04", 's': "05", 'c': "2006-01-02T15:04:05-07:00", 'r': time.RFC1123Z,
	'P': "-07:00", 'O': "-0700", 'T': "MST",
}

func phpLetter(c byte, t time.Time) string {
	switch c {
	case 'N':
		return strconv.Itoa((int(t.Weekday())+6)%7 + 1)
	case 'w':
		return strconv.Itoa(int(t.Weekday()))
	case 'S':
		return ordinal(t.Day())
	case 'z':
		return strconv.Itoa(t.YearDay() - 1)
	case 'W':
		_, week := t.ISOWeek()
		return fmt.Sprintf("%02d", week)
	case 't':
		return strconv.Itoa(time.Date(t.Year(), t.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day())
	case 'L':
		if time.Date(t.Year(), 12, 31, 0, 0, 0, 0, time.UTC).YearDay() == 366 {
			return "1"
		}
		return "0"
	case 'o':
		year, _ := t.ISOWeek()
		return strconv.Itoa(year)
	case 'B':
		return fmt.Sprintf("%03d", beats(t))
	case 'u':
		return fmt.Sprintf("%06d", t.Nanosecond()/1000)
	case 'v':
		return fmt.Sprintf("%03d", t.Nanosecond()/1_000_000)
	case 'I':
		if t.IsDST() {
			return "1"
		}
		return "0"
	case 'Z':
		_, offset := t.Zone()
		return strconv.Itoa(offset)
	case 'e':
		return t.Location().String()
	case 'p':
		if _, offset := t.Zone(); offset == 0 {
			return "Z"
		}
		return t.Format("-07:00")
	case 'G':
		return strconv.Itoa(t.Hour())
	case 'U':
		return strconv.FormatInt(t.Unix(), 10)
	}
	return string([]byte{c}) // a byte of a longer character, perhaps
}

// beats returns the time of day in thousandths, as Swatch Internet Time counts
// it, in UTC+1.
func beats(t time.Time) int {
	seconds := int(t.Unix()+3600) % 86400
	return (seconds + 86400) % 86400 * 10 / 864
}

// ordinal returns the English ending of an ordinal number: 1st, 2nd, 3rd, 4th,
// 11th.
func ordinal(n int) string {
	if n%100 < 11 || n%100 > 13 {
		switch n % 10 {
		case 1:
			return "st"
		case 2:
			return "nd"
		case 3:
			return "rd"
		}
	}
	return "th"
}
