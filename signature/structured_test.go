package signature

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/dunglas/httpsfv"
)

// What structured values mean, and what is refused.
func TestDictionary(t *testing.T) {
	tests := []struct{ in, want string }{
		{``, ``},
		{`a`, `a=?1`},
		{`a=1`, `a=1`},
		{` a=1 `, `a=1`},
		{"a=1,\tb;x", `a=1, b=?1;x`},
		{`a=-007;y=?0;z=?1`, `a=-7;y=?0;z`},
		{`a=999999999999999`, `a=999999999999999`},
		{`a=1000000000000000`, ``},
		{`a=-0`, `a=0`},
		{`a=1.50, b=000123456789.001, c=-0.010, d=2.0`, `a=1.5, b=123456789.001, c=-0.01, d=2.0`},
		{`a=1.`, ``},
		{`a=1.0000`, ``},
		{`a=1234567890123.0`, ``},
		{`a=.5`, ``},
		{`a=--1`, ``},
		{`a=1 ;x`, ``},
		{`a=1; x`, `a=1;x`},
		{`a=1;X`, ``},
		{`a="\"\\ ~"`, `a="\"\\ ~"`},
		{`a="\x"`, ``},
		{`a="x`, ``},
		{`a="` + "\x7f" + `"`, ``},
		{"a=\"\t\"", ``},
		{`a=to/k:en*`, `a=to/k:en*`},
		{`a=*`, `a=*`},
		{`a=:AAE=:`, `a=:AAE=:`},
		{`a=:AAE:`, ``},
		{"a=:AA\nE=:", ``},
		{`a=:AAE=`, ``},
		{`a=("x" 1;q  t );w`, `a=("x" 1;q t);w`},
		{`a=()`, `a=()`},
		{`a=("x""y")`, ``},
		{"a=(1\t2)", ``},
		{`a=(1`, ``},
		{`a=((1))`, ``},
		{`a=1,`, ``},
		{`a=1,,b`, ``},
		{`,`, ``},
		{`a=1, a=2`, ``},
		{`a;x;x`, ``},
		{`a=("x";y=1;y=2)`, ``},
		{`A=1`, ``},
		{`1=1`, ``},
		{`a=`, ``},
		{`a=@1`, ``},
		{`a=%"x"`, ``},
		{`a=?2`, ``},
		{`a=` + strings.Repeat("1", maxField), ``},
	}
	for _, test := range tests {
		members, err := dictionary([]string{test.in})
		if got := spelt(members); got != test.want || (err == nil) != (test.want != "" || test.in == "") {
			t.Errorf("%.40q: %q, %v, want %q", test.in, got, err, test.want)
		}
	}
	// What appears twice is found among many too.
	for _, separator := range []string{",", ";"} {
		many := keys(100, separator)
		if _, err := dictionary([]string{many}); err != nil {
			t.Errorf("%.40q: %v", many, err)
		}
		if _, err := dictionary([]string{many + separator + "kadv"}); err == nil { // the last
			t.Errorf("%.40q with one of them again is taken", many)
		}
	}
	if members, err := dictionary([]string{"a=1", "b=2"}); err != nil || spelt(members) != "a=1, b=2" {
		t.Errorf("two lines: %q, %v", spelt(members), err)
	}
}

func spelt(members []member) string {
	var list []string
	for i := range members {
		list = append(list, members[i].name+"="+string(members[i].append(nil)))
	}
	return strings.Join(list, ", ")
}

// keys is a text of n names, each different.
func keys(n int, separator string) string {
	list := make([]string, n)
	for i := range list {
		list[i] = "k" + string(rune('a'+i/676)) + string(rune('a'+i/26%26)) + string(rune('a'+i%26))
	}
	return strings.Join(list, separator)
}

// A field of thousands of names against one of sixteen, for each name: no one
// gets more than linear work out of us.
func BenchmarkDictionary(b *testing.B) {
	for _, kind := range []struct{ name, separator string }{{"members", ","}, {"parameters", ";"}} {
		b.Run(kind.name, func(b *testing.B) {
			const few, many = 16, 3000
			small, large := []string{keys(few, kind.separator)}, []string{keys(many, kind.separator)}
			read := func(lines []string, times int) time.Duration {
				start := time.Now()
				for range times {
					if _, err := dictionary(lines); err != nil {
						b.Fatal(err)
					}
				}
				return time.Since(start)
			}
			var each, all time.Duration
			for b.Loop() {
				each += read(small, many/few)
				all += read(large, 1)
			}
			b.ReportMetric(float64(all)/float64(each), "many/few")
		})
	}
}

// Against another reader of structured values, which knows the kinds of RFC
// 9651 too and takes the last of what appears twice.
func FuzzDictionary(f *testing.F) {
	f.Add(`sig-b26=("date" "@method" "x";req;key="a");created=1618884473;keyid="k\"",b=:AA==:`)
	f.Add(`a=( "@query-param";name="Pet"  ); created=1;flag;x=1.5 , b=()`)
	f.Add(`a=?0;y="\"\\;,", t=*a:/;n=-012;m=-1.250`)
	f.Fuzz(func(t *testing.T, text string) {
		members, err := dictionary([]string{text})
		other, otherErr := httpsfv.UnmarshalDictionary([]string{text})
		if err != nil {
			if otherErr == nil && !refused(text, other) {
				t.Errorf("%q is refused: %v", text, err)
			}
			return
		}
		// White space at the end is not refused here, as that at the start is
		// not.
		if otherErr != nil {
			other, otherErr = httpsfv.UnmarshalDictionary([]string{strings.Trim(text, " ")})
		}
		if otherErr != nil {
			t.Fatalf("%q is taken: %v", text, otherErr)
		}
		if len(other.Names()) != len(members) {
			t.Fatalf("%q: %d members, want %d", text, len(members), len(other.Names()))
		}
		for i, name := range other.Names() {
			m, _ := other.Get(name)
			if members[i].name != name || describe(m) != describeOwn(&members[i]) {
				t.Errorf("%q: %s, want %s=%s", text, describeOwn(&members[i]), name, describe(m))
			}
		}
		again, err := dictionary([]string{spelt(members)})
		if err != nil || spelt(again) != spelt(members) {
			t.Errorf("%q became %q and then %q, %v", text, spelt(members), spelt(again), err)
		}
	})
}

// refused tells what only this reader refuses: what appears twice, what is too
// long, and the kinds that came later.
func refused(text string, d *httpsfv.Dictionary) bool {
	if len(text) > maxField || strings.ContainsAny(text, "@%") {
		return true
	}
	// Nothing in quotes may count: then there are as many names as beginnings.
	names, beginnings := 0, 1
	count := func(p *httpsfv.Params) { names += len(p.Names()) }
	for _, name := range d.Names() {
		names++
		switch m, _ := d.Get(name); m := m.(type) {
		case httpsfv.InnerList:
			count(m.Params)
			for _, it := range m.Items {
				count(it.Params)
			}
		case httpsfv.Item:
			count(m.Params)
		}
	}
	quoted := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ';' || c == ','):
			beginnings++
		}
	}
	return names < beginnings
}

func describe(m httpsfv.Member) string {
	switch m := m.(type) {
	case httpsfv.InnerList:
		var list []string
		for _, it := range m.Items {
			list = append(list, describe(it))
		}
		return "(" + strings.Join(list, " ") + ")" + describeParams(m.Params)
	case httpsfv.Item:
		return describeBare(m.Value) + describeParams(m.Params)
	}
	return fmt.Sprintf("%T", m)
}

func describeParams(p *httpsfv.Params) string {
	var b strings.Builder
	for _, name := range p.Names() {
		v, _ := p.Get(name)
		b.WriteString(";" + name + "=" + describeBare(v))
	}
	return b.String()
}

func describeBare(v any) string {
	switch v := v.(type) {
	case bool:
		return fmt.Sprint(v)
	case int64:
		return fmt.Sprint(v)
	case float64:
		return fmt.Sprintf("%d/1000", int64(math.Round(v*1000)))
	case httpsfv.Token:
		return "token " + string(v)
	case []byte:
		return fmt.Sprintf("%x", v)
	}
	return fmt.Sprintf("%T %[1]q", v)
}

func describeOwn(m *member) string {
	one := func(it item) string {
		s := it.value.describe()
		for _, p := range it.params {
			s += ";" + p.name + "=" + p.value.describe()
		}
		return s
	}
	if !m.inner {
		return one(m.item)
	}
	var list []string
	for _, it := range m.items {
		list = append(list, one(it))
	}
	return "(" + strings.Join(list, " ") + ")" + strings.TrimPrefix(one(item{params: m.params}), value{}.describe())
}

func (v value) describe() string {
	switch v.kind {
	case boolean:
		return fmt.Sprint(v.number == 1)
	case integer:
		return fmt.Sprint(v.number)
	case decimal:
		return fmt.Sprintf("%d/1000", v.number)
	case token:
		return "token " + v.text
	case binary:
		return fmt.Sprintf("%x", v.text)
	}
	return fmt.Sprintf("string %q", v.text)
}

// minusZero is a decimal that the other writer gives a sign, against RFC 8941
// section 4.1.5.
var minusZero = regexp.MustCompile(`-0+\.0+`)

// The canonical spelling of a field, against another reader and writer.
func FuzzStrictly(f *testing.F) {
	f.Add(`sig=(  "a";x   "b" );c=01.50, flag;y, other=?0, bytes=:AA==:`)
	f.Add(`:AA==:, :AQ==:;a=1,  (  1 2.0 )`)
	f.Add(`*token;q="\"\\"`)
	f.Fuzz(func(t *testing.T, text string) {
		for name, read := range map[string]func([]string) (httpsfv.StructuredFieldValue, error){
			"priority":          func(l []string) (httpsfv.StructuredFieldValue, error) { return httpsfv.UnmarshalDictionary(l) },
			"client-cert-chain": func(l []string) (httpsfv.StructuredFieldValue, error) { return httpsfv.UnmarshalList(l) },
			"client-cert":       func(l []string) (httpsfv.StructuredFieldValue, error) { return httpsfv.UnmarshalItem(l) },
		} {
			got, err := strictly(name, []string{text})
			if err != nil {
				continue // FuzzDictionary holds what is refused against the other reader
			}
			v, err := read([]string{strings.Trim(text, " ")})
			if err != nil {
				t.Fatalf("%q as %s is taken: %v", text, name, err)
			}
			if want, err := httpsfv.Marshal(v); err != nil || got != want && !minusZero.MatchString(text) {
				t.Errorf("%q as %s is %q, want %q, %v", text, name, got, want, err)
			}
		}
	})
}
