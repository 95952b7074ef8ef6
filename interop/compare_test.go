package interop

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// comparison collects the differences between an expectation and a result. The
// rules are those of the recordings: every recorded member must exist with the
// same type, and additional members are allowed.
type comparison struct {
	vars map[string]string
	bad  []string
}

func (c *comparison) add(format string, args ...any) {
	c.bad = append(c.bad, fmt.Sprintf(format, args...))
}

func (c *comparison) compare(want, got *node, path string) {
	if want.AnyType {
		return
	}
	if want.T != got.T {
		c.add("%s: got type %s %s, want %s %s", path, got.T, clip(got.value()), want.T, clip(want.value()))
		return
	}
	switch want.T {
	case "struct":
		c.compareStruct(want, got, path)
	case "array":
		c.compareArray(want, got, path)
	default:
		c.compareScalar(want, got, path)
	}
}

func (c *comparison) compareStruct(want, got *node, path string) {
	if want.Any {
		return
	}
	for name, x := range want.M {
		if y := got.M[name]; y != nil {
			c.compare(x, y, path+"."+name)
		} else {
			c.add("%s: member %q (%s) is missing", path, name, x.T)
		}
	}
}

func (c *comparison) compareArray(want, got *node, path string) {
	switch {
	case want.Any:
		return
	case want.Superset:
		c.compareSuperset(want, got, path)
		return
	case want.AnyLen:
		if len(want.I) > 0 && len(got.I) == 0 {
			c.add("%s: got an empty array, want elements", path)
		}
		for i, x := range got.I {
			if len(want.I) > 0 {
				c.compare(want.I[0], x, path+"."+strconv.Itoa(i))
			}
		}
		return
	case len(want.I) != len(got.I):
		c.add("%s: got %d elements, want %d", path, len(got.I), len(want.I))
		return
	}
	items := append([]*node(nil), got.I...)
	if want.Unordered {
		items = c.settle(want.I, items)
	}
	for _, tie := range want.Ties {
		copy(items[tie[0]:tie[1]], c.settle(want.I[tie[0]:tie[1]], items[tie[0]:tie[1]]))
	}
	for i, x := range want.I {
		c.compare(x, items[i], path+"."+strconv.Itoa(i))
	}
}

func (c *comparison) compareSuperset(want, got *node, path string) {
	have := make(map[string]bool)
	for _, x := range got.I {
		have[plain(x)] = true
	}
	for _, x := range want.I {
		if !have[plain(x)] {
			c.add("%s: element %s is missing", path, plain(x))
		}
	}
}

// settle puts the elements of got into the order of want if they match, and the
// others into the remaining places.
func (c *comparison) settle(want, got []*node) []*node {
	left := append([]*node(nil), got...)
	out := make([]*node, len(want))
	for i, x := range want {
		for j, y := range left {
			trial := comparison{vars: c.vars}
			if trial.compare(x, y, ""); len(trial.bad) == 0 {
				out[i] = y
				left = append(left[:j:j], left[j+1:]...)
				break
			}
		}
	}
	for i := range out {
		if out[i] == nil {
			out[i], left = left[0], left[1:]
		}
	}
	return out
}

func (c *comparison) compareScalar(want, got *node, path string) {
	if want.Any {
		if want.Nonempty && got.value() == "" {
			c.add("%s: got an empty value, want something", path)
		}
		return
	}
	if want.Loose {
		return
	}
	a, b := want.value(), got.value()
	if want.Ref != "" {
		a = c.vars[want.Ref]
	}
	switch want.T {
	case "double":
		x, errX := strconv.ParseFloat(a, 64)
		y, errY := strconv.ParseFloat(b, 64)
		if errX == nil && errY == nil && x == y {
			return
		}
	case "base64":
		a, b = strings.Join(strings.Fields(a), ""), strings.Join(strings.Fields(b), "")
	}
	if a != b {
		c.add("%s: got %s %q, want %q", path, want.T, clip(b), clip(a))
	}
}

func plain(n *node) string {
	var flat func(n *node) any
	flat = func(n *node) any {
		switch n.T {
		case "struct":
			m := make(map[string]any)
			for k, x := range n.M {
				m[k] = flat(x)
			}
			return m
		case "array":
			list := []any{}
			for _, x := range n.I {
				list = append(list, flat(x))
			}
			return list
		}
		return n.value()
	}
	text, err := json.Marshal(flat(n))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func clip(s string) string {
	if r := []rune(s); len(r) > 120 {
		return string(r[:120]) + "…"
	}
	return s
}

// judge compares an answer with the expectation of its exchange.
func (x *exchange) judge(got *reply, vars map[string]string) []string {
	c := comparison{vars: vars}
	if x.Status >= 500 && x.Outcome != "ok" {
		// The recorded server crashed here, so any refusal is right.
		if got.outcome == "ok" {
			c.add("got an answer, want a refusal")
		}
		return c.bad
	}
	for _, code := range x.Tolerate {
		if got.outcome == "fault" && got.code == code {
			return nil
		}
	}
	if got.status/100 != x.Status/100 {
		c.add("got HTTP %d, want %d", got.status, x.Status)
	}
	if a, b := mainType(x.ContentType), mainType(got.contentType); a != "" && a != b && x.Outcome != "http" {
		c.add("got Content-Type %s, want %s", b, a)
	}
	if x.Outcome != got.outcome {
		c.add("got %s, want %s %s", got, x.Outcome, codeText(x.FaultCode))
		return c.bad
	}
	switch x.Outcome {
	case "fault":
		if x.FaultCode == nil || *x.FaultCode != got.code {
			c.add("got %s, want fault %s", got, codeText(x.FaultCode))
		}
		if got.codeType != "int" {
			c.add("got a faultCode of type %s, want int", got.codeType)
		}
	case "ok":
		c.compare(x.Expect, got.result, "$")
	case "rsd":
		for _, want := range x.APIs {
			found := want[0] == "WP-API" // WordPress's REST interface, which clients must be able to recognize as missing here
			for _, api := range got.apis {
				found = found || api == want
			}
			if !found {
				c.add("got interfaces %v, want %v among them", got.apis, want)
			}
		}
	}
	return c.bad
}

func mainType(s string) string {
	s, _, _ = strings.Cut(s, ";")
	return strings.TrimSpace(s)
}

func codeText(code *int) string {
	if code == nil {
		return ""
	}
	return strconv.Itoa(*code)
}
