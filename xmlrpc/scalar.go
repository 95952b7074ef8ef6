package xmlrpc

import (
	"math"
	"strconv"
)

// parseScalar reads the text of a boolean, number, date or nil. The grammars
// are narrower than those of package strconv.
func parseScalar(t tag, text string) (Value, bool) {
	if text == "" && (t == tagInt || t == tagI4 || t == tagI8) {
		// An empty blog id: html2wordpress1 and others send <int></int>.
		return Int(0), true
	}
	text = trim(text)
	if len(text) > maxNumber {
		return Value{}, false
	}
	switch t {
	case tagInt:
		n, ok := parseInt(text)
		return Int(n), ok && n >= math.MinInt32 && n <= math.MaxInt32
	case tagI4, tagI8:
		// WordPress for iOS writes every number as <i4>, however large.
		n, ok := parseInt(text)
		return Int(n), ok
	case tagBoolean:
		switch text {
		case "1", "true":
			return Bool(true), true
		case "0", "false":
			return Bool(false), true
		}
		return Value{}, false
	case tagDouble:
		f, ok := parseDouble(text)
		return Double(f), ok
	case tagDateTime:
		return DateTime(text), isDate(text)
	case tagNil:
		return Value{}, text == ""
	}
	return Value{}, false
}

// parseInt reads an optional sign and decimal digits.
func parseInt(s string) (n int64, ok bool) {
	negative := false
	if s != "" && (s[0] == '-' || s[0] == '+') {
		negative = s[0] == '-'
		s = s[1:]
	}
	if s == "" {
		return 0, false
	}
	for i := 0; i < len(s); i++ {
		c := int64(s[i]) - '0'
		if c < 0 || c > 9 {
			return 0, false
		}
		// Counted downwards, where one more number fits than upwards.
		if n < (math.MinInt64+c)/10 {
			return 0, false
		}
		n = n*10 - c
	}
	if negative {
		return n, true
	}
	return -n, n != math.MinInt64
}

// parseDouble reads a finite decimal number: no hexadecimal, no underscore, no
// word, all of which strconv.ParseFloat takes.
func parseDouble(s string) (float64, bool) {
	i := 0
	digits := func() bool {
		start := i
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		return i > start
	}
	sign := func() {
		if i < len(s) && (s[i] == '-' || s[i] == '+') {
			i++
		}
	}
	sign()
	some := digits()
	if i < len(s) && s[i] == '.' {
		i++
		some = digits() || some
	}
	if !some {
		return 0, false
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		i++
		sign()
		if !digits() {
			return 0, false
		}
	}
	if i != len(s) {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil
}

// isDate knows the forms of a date that clients send: 20060102T15:04:05 and
// 2006-01-02T15:04:05, the time also without colons (aXMLRPC), with a fraction
// of a second (browsers), and with Z or an offset, with or without a colon
// (metaweblog.el). A date that was never set is empty or all zeros. Day and
// time must exist.
func isDate(s string) bool {
	if s == "" {
		return true
	}
	ok := true
	number := func(n int) int {
		if len(s) < n {
			ok, s = false, ""
			return 0
		}
		v := 0
		for _, c := range []byte(s[:n]) {
			if c < '0' || c > '9' {
				ok = false
			}
			v = v*10 + int(c-'0')
		}
		s = s[n:]
		return v
	}
	skip := func(c byte) bool {
		if s != "" && s[0] == c {
			s = s[1:]
			return true
		}
		return false
	}
	year := number(4)
	dashed := skip('-')
	month := number(2)
	if skip('-') != dashed {
		return false
	}
	day := number(2)
	if !skip('T') {
		return false
	}
	hour := number(2)
	colons := skip(':')
	minute := number(2)
	if skip(':') != colons {
		return false
	}
	second := number(2)
	if skip('.') {
		number(1)
		for s != "" && s[0] >= '0' && s[0] <= '9' {
			s = s[1:]
		}
	}
	switch {
	case skip('Z'):
	case skip('+'), skip('-'):
		zoneHour := number(2)
		skip(':')
		if zoneMinute := number(2); zoneHour > 14 || zoneMinute > 59 {
			return false
		}
	}
	if !ok || s != "" || hour > 23 || minute > 59 || second > 59 {
		return false
	}
	if year == 0 && month == 0 && day == 0 {
		return true
	}
	return year > 0 && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month)
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}
