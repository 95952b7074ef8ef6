// Package loose reads values as loosely as WordPress does: clients send numbers
// as strings, strings as numbers, booleans as either, and dates in a dozen
// forms.
package loose

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/quillgate/quillgate/xmlrpc"
)

// Text reads a scalar as a string: numbers in decimal, true as "1", false and
// containers as "".
func Text(v xmlrpc.Value) string {
	switch v.Kind() {
	case xmlrpc.KindBool:
		if v.Bool() {
			return "1"
		}
		return ""
	case xmlrpc.KindDouble:
		return DoubleText(v.Float64(), 14)
	}
	return oneLineEnd(v.Text())
}

// oneLineEnd turns every line end of a string into a line feed. XML does that
// to bare carriage returns, but not to those in character references, which
// some clients write for the line ends of their editor. WordPress answers with
// line feeds.
func oneLineEnd(s string) string {
	if !strings.Contains(s, "\r") {
		return s
	}
	return lineEnds.Replace(s)
}

var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// DoubleText formats a double as PHP does: in decimal, with at most digits
// significant digits (-1 for the fewest that identify the value), and with an
// exponent if there are more of them before the point, or more than three zeros
// after it.
func DoubleText(f float64, digits int) string {
	most := digits
	if digits < 0 {
		most = 17
	}
	text := strconv.FormatFloat(f, 'e', max(digits-1, -1), 64)
	mantissa, exponent, found := strings.Cut(text, "e")
	n, err := strconv.Atoi(exponent)
	if !found || err != nil {
		return text // infinite, or not a number
	}
	if strings.Contains(mantissa, ".") {
		mantissa = strings.TrimSuffix(strings.TrimRight(mantissa, "0"), ".")
	}
	if n >= -4 && n < most {
		short, _ := strconv.ParseFloat(mantissa+"e"+exponent, 64)
		return strconv.FormatFloat(short, 'f', -1, 64)
	}
	if !strings.Contains(mantissa, ".") {
		mantissa += ".0"
	}
	return fmt.Sprintf("%sE%+d", mantissa, n)
}

// Int reads a scalar as an integer: the digits at the beginning of a string, a
// double truncated at the point.
func Int(v xmlrpc.Value) int64 {
	switch v.Kind() {
	case xmlrpc.KindInt, xmlrpc.KindBool:
		return v.Int64()
	case xmlrpc.KindDouble:
		f := v.Float64()
		if math.IsNaN(f) || math.Abs(f) >= 1<<62 {
			return 0
		}
		return int64(f)
	case xmlrpc.KindArray, xmlrpc.KindStruct:
		if v.Len() > 0 {
			return 1
		}
		return 0
	}
	return LeadingInt(v.Text())
}

// LeadingInt reads the digits at the beginning of a string. It returns 0 if
// there are none, or too many.
func LeadingInt(s string) int64 {
	s = strings.TrimLeft(s, " \t\n\r\v\f")
	end := 0
	if end < len(s) && (s[end] == '-' || s[end] == '+') {
		end++
	}
	for end < len(s) && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	n, err := strconv.ParseInt(s[:end], 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// Truth reads a scalar as a boolean: 0, "0", "" and an empty container are
// false; the string "false" is true.
func Truth(v xmlrpc.Value) bool {
	switch v.Kind() {
	case xmlrpc.KindNil:
		return false
	case xmlrpc.KindBool:
		return v.Bool()
	case xmlrpc.KindInt:
		return v.Int64() != 0
	case xmlrpc.KindDouble:
		return v.Float64() != 0
	case xmlrpc.KindArray, xmlrpc.KindStruct:
		return v.Len() > 0
	}
	t := v.Text()
	return t != "" && t != "0"
}
