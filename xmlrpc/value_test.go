package xmlrpc_test

import (
	"io"
	"math"
	"testing"

	"github.com/quillgate/quillgate/xmlrpc"
)

func TestValueReadings(t *testing.T) {
	for _, c := range []struct {
		name  string
		v     xmlrpc.Value
		text  string
		whole int64
		float float64
		truth bool
	}{
		{"nil", xmlrpc.Value{}, "", 0, 0, false},
		{"string is not read as a number", xmlrpc.String("12"), "12", 0, 0, false},
		{"int", xmlrpc.Int(-3), "-3", -3, -3, true},
		{"true", xmlrpc.Bool(true), "1", 1, 1, true},
		{"false", xmlrpc.Bool(false), "0", 0, 0, false},
		{"double is cut", xmlrpc.Double(-1.9), "-1.9", -1, -1.9, true},
		{"double beyond int64", xmlrpc.Double(1e30), "1000000000000000000000000000000", math.MaxInt64, 1e30, true},
		{"double below int64", xmlrpc.Double(-1e30), "-1000000000000000000000000000000", math.MinInt64, -1e30, true},
		{"date", xmlrpc.DateTime("20260102T03:04:05"), "20260102T03:04:05", 0, 0, false},
		{"bytes", xmlrpc.Bytes([]byte("ab")), "ab", 0, 0, false},
		{"array", xmlrpc.Array(xmlrpc.Int(1)), "", 0, 0, false},
	} {
		if got := c.v.Text(); got != c.text {
			t.Errorf("%s: Text() = %q, want %q", c.name, got, c.text)
		}
		if got := c.v.Int64(); got != c.whole {
			t.Errorf("%s: Int64() = %d, want %d", c.name, got, c.whole)
		}
		if got := c.v.Float64(); got != c.float {
			t.Errorf("%s: Float64() = %g, want %g", c.name, got, c.float)
		}
		if got := c.v.Bool(); got != c.truth {
			t.Errorf("%s: Bool() = %v, want %v", c.name, got, c.truth)
		}
	}
}

func TestValueContainers(t *testing.T) {
	s := xmlrpc.Struct(xmlrpc.M("a", xmlrpc.Int(1)), xmlrpc.M("nil", xmlrpc.Value{}))
	if v, ok := s.Member("nil"); ok || !v.IsZero() || s.Len() != 2 {
		t.Errorf("a member that is nil: %v %v, want nothing", v, ok)
	}
	if v, ok := s.Member("b"); ok || !v.IsZero() || !s.Get("b").IsZero() {
		t.Errorf("a member that is not there: %v %v, want nothing", v, ok)
	}
	a := xmlrpc.Array(xmlrpc.Int(1), xmlrpc.Int(2))
	if a.Len() != 2 || a.Index(1).Int64() != 2 || !a.Index(2).IsZero() || !a.Index(-1).IsZero() {
		t.Errorf("array of two: length %d, second %v, others %v %v", a.Len(), a.Index(1), a.Index(2), a.Index(-1))
	}
	if v := xmlrpc.Int(1); v.Len() != 0 || v.Elements() != nil || v.Members() != nil || !v.Get("a").IsZero() {
		t.Error("an int has elements or members")
	}
	if !a.Equal(xmlrpc.Array(xmlrpc.Int(1), xmlrpc.Int(2))) || a.Equal(xmlrpc.Array(xmlrpc.Int(1), xmlrpc.Int(3))) || a.Equal(s) ||
		s.Equal(xmlrpc.Struct(xmlrpc.M("b", xmlrpc.Int(1)), xmlrpc.M("nil", xmlrpc.Value{}))) {
		t.Error("Equal does not compare content")
	}
}

func TestValueOpen(t *testing.T) {
	for _, v := range []xmlrpc.Value{xmlrpc.Bytes([]byte("abc")), xmlrpc.String("abc")} {
		r, err := v.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil || string(b) != "abc" || v.Size() != 3 {
			t.Errorf("%v: read %q %v, size %d", v.Kind(), b, err, v.Size())
		}
	}
	if _, err := xmlrpc.Int(1).Open(); err == nil {
		t.Error("the bytes of an int can be read")
	}
}
