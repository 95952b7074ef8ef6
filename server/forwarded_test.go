package server

import (
	"net/http"
	"strings"
	"testing"
)

// Whatever a client sends as Host, a proxy that quotes it passes on exactly one
// element.
func FuzzForwarded(f *testing.F) {
	for _, host := range []string{"blog.example", "a,for=203.0.113.5", "a,for=203.0.113.5;proto=https", `a",for=203.0.113.5`, `a\`, `a\",b="`, "", ";;,,", "a=b"} {
		f.Add(host)
	}
	f.Fuzz(func(t *testing.T, host string) {
		parseForwarded([]string{host}) // reads or refuses, but does not panic
		quoted := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(host) + `"`
		hops, err := parseForwarded([]string{"for=192.0.2.1;proto=https, for=198.51.100.9;host=" + quoted + ";proto=http"})
		if err != nil || len(hops) != 2 || hops[1] != (hop{"198.51.100.9", host, "http"}) {
			t.Errorf("a quoted host %q is read as %q, %v", host, hops, err)
		}
	})
}

// The time to parse grows linearly with the number of elements: the test prints
// the ratio of the times for twice as many.
func BenchmarkForwarded(b *testing.B) {
	for _, shape := range []struct{ name, text string }{
		{"elements", "for=192.0.2.1;proto=https,"}, {"empty", ",;"}, {"quoted", `for="\\\\\\\\\\\\\\\\",`}, {"open", `for="",host=";`},
	} {
		measure := func(n int) float64 {
			fields := []string{strings.Repeat(shape.text, n)}
			return float64(testing.Benchmark(func(b *testing.B) {
				for b.Loop() {
					parseForwarded(fields)
				}
			}).NsPerOp())
		}
		b.Run(shape.name, func(b *testing.B) {
			for b.Loop() {
				b.ReportMetric(measure(2000)/measure(1000), "twice/once")
			}
		})
	}
}

// H17: the host that a client has signed is read by the same rules.
func TestH17ForwardedHost(t *testing.T) {
	for _, test := range []struct{ field, want string }{
		{`for=192.0.2.1;host=blog.example`, "blog.example"},
		{`for=192.0.2.1;host="blog.example:8443"`, "blog.example:8443"},
		{`for=192.0.2.1;host=evil.example, for=10.0.0.1;host=blog.example`, "blog.example"},
		{`for=192.0.2.1;host="a,host=evil.example"`, "a,host=evil.example"},
		{`host=evil.example;host=blog.example`, ""},
	} {
		if got := forwarded(http.Header{"Forwarded": {test.field}}).host; got != test.want {
			t.Errorf("%s names the host %q, want %q", test.field, got, test.want)
		}
	}
}
