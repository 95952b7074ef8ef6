package xmlrpc

import (
	"math"
	"strconv"
	"strings"
)

// parseScalar parses the text of a boolean, number, date or nil. The grammars
// of numbers are narrower than those of package strconv.
func parseScalar(t tag, text string) (Value, bool) {
	if text == "" && (t == tagInt || t == tagI4 || t == tagI8) {
		// html2wordpress1 and others send <int></int> for an empty blog id.
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
		// Programs write their language's own boolean, True or TRUE; templates
		// leave the element empty.
		switch strings.ToLower(text) {
		case "1", "true":
			return Bool(true), true
		case "0", "false", "":
			return Bool(false), true
		}
		return Value{}, false
	case tagDouble:
		if text == "" {
			return Double(0), true
		}
		f, ok := parseDouble(text)
		return Double(f), ok
	case tagDateTime:
		// The method decides what a text means as a date: as in WordPress, an
		// invalid one is no reason to refuse the other members.
		return DateTime(text), true
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
		// Counting down, because the smallest integer has no positive
		// counterpart.
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

// parseDouble parses a finite decimal number. Unlike strconv.ParseFloat, it
// accepts no hexadecimal digits, underscores or words.
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

// parsePlain parses the text of a number or boolean in its usual form. It
// returns false for anything else, which need not be wrong.
func parsePlain(t tag, b []byte) (Value, bool) {
	switch {
	case len(b) == 0 || len(b) > 9:
	case t == tagBoolean:
		return Bool(b[0] == '1'), len(b) == 1 && (b[0] == '0' || b[0] == '1')
	case t == tagInt || t == tagI4 || t == tagI8:
		n := int64(0)
		for _, c := range b {
			if c < '0' || c > '9' {
				return Value{}, false
			}
			n = n*10 + int64(c-'0')
		}
		return Int(n), true
	}
	return Value{}, false
}
