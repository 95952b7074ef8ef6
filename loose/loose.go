// Package loose reads values as loosely as WordPress does: clients send numbers as text, text as numbers, flags as either,
// and dates in a dozen forms.
package loose

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/quillgate/quillgate/xmlrpc"
)

// Text reads a scalar as text: numbers in decimal, true as "1", false and containers as nothing.
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

// oneLineEnd makes every line end of a text a line feed. XML does that with bare carriage returns, but not with those in
// references, which some clients write for what their editor has in the text. WordPress's answers hand out line feeds.
func oneLineEnd(s string) string {
	if !strings.Contains(s, "\r") {
		return s
	}
	return lineEnds.Replace(s)
}

var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// DoubleText writes a double as PHP does: in decimal, with at most so many digits (-1 for as many as tell it apart from
// all others), and with an exponent when there are more of them before the point, or more than three zeros behind it.
func DoubleText(f float64, digits int) string {
	most := digits
	if digits < 0 {
		most = 17
	}
	text := strconv.FormatFloat(f, 'e', max(digits-1, -1), 64)
	mantissa, exponent, found := strings.Cut(text, "e")
	n, err := strconv.Atoi(exponent)
	if !found || err != nil {
		return text // infinite, or no number
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

// Int reads a scalar as an integer: the digits that a text begins with, a double cut at its point.
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

// LeadingInt reads the digits that a text begins with; 0 when there are none, or too many.
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

// Truth reads a scalar as a flag: 0, "0", "" and an empty container are false, the text "false" is true.
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
