package signature_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/quillgate/quillgate/signature"
)

func macOf(secret, text string) (string, error) {
	mac := hmac.New(sha256.New, []byte(secret))
	_, err := mac.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil)), err
}

// baseLine is the line of one component in the signature base of a message.
func baseLine(t *testing.T, m *signature.Message, component string) (string, error) {
	t.Helper()
	m.Header = m.Header.Clone()
	if m.Header == nil {
		m.Header = http.Header{}
	}
	h := http.Header{"Signature-Input": {"x=(" + component + ")"}, "Signature": {"x=:AA==:"}}
	list, err := signature.Signatures(h)
	if err != nil {
		return "", err
	}
	base, err := list[0].Base(m)
	line, _, _ := strings.Cut(string(base), "\n")
	return line, err
}

// The examples of RFC 9421 sections 2.1 and 2.2.
func TestComponents(t *testing.T) {
	request := func(target string) *signature.Message {
		return &signature.Message{Method: "POST", Scheme: "https", Authority: "www.example.com", Target: target}
	}
	fields := &signature.Message{Method: "GET", Scheme: "https", Authority: "www.example.com", Target: "/foo", Header: http.Header{
		"Date":           {"Tue, 20 Apr 2021 02:07:56 GMT"},
		"X-Ows-Header":   {"   Leading and trailing whitespace.   "},
		"Cache-Control":  {"max-age=60", "   must-revalidate"},
		"X-Empty-Header": {""},
		"Example-Dict":   {" a=1, b=2;x=1;y=2, c=(a   b   c), d"},
		"Priority":       {"  u=1,   i;   x=1"},
		"Example-Header": {"value, with, lots", "of, commas"},
		"X-Binary":       {"caf\xc3\xa9"},
		"X-Twice":        {"a=1, a=2"},
	}}
	params := request("/path?param=value&foo=bar&baz=batman&qux=")
	multi := request("/parameters?var=this%20is%20a%20big%0Amultiline%20value&bar=with+plus+whitespace&fa%C3%A7ade%22%3A%20=something")
	twice := request("/?a=1&a=2&bad=%zz")
	response := &signature.Message{Status: 200, Header: http.Header{"Date": {"x"}}, Request: fields}
	tests := []struct {
		m               *signature.Message
		component, want string // want is empty for a refusal
	}{
		{fields, `"date"`, `Tue, 20 Apr 2021 02:07:56 GMT`},
		{fields, `"x-ows-header"`, `Leading and trailing whitespace.`},
		{fields, `"cache-control"`, `max-age=60, must-revalidate`},
		{fields, `"x-empty-header"`, ``},
		{fields, `"example-dict"`, `a=1, b=2;x=1;y=2, c=(a   b   c), d`},
		{fields, `"example-dict";key="a"`, `1`},
		{fields, `"example-dict";key="d"`, `?1`},
		{fields, `"example-dict";key="b"`, `2;x=1;y=2`},
		{fields, `"example-dict";key="c"`, `(a b c)`},
		{fields, `"example-dict";key="e"`, "-"},
		{fields, `"date";key="a"`, "-"},
		{fields, `"x-twice";key="a"`, "-"},
		{fields, `"priority";sf`, `u=1, i;x=1`},
		{fields, `"date";sf`, "-"},
		{fields, `"example-header"`, `value, with, lots, of, commas`},
		{fields, `"example-header";bs`, `:dmFsdWUsIHdpdGgsIGxvdHM=:, :b2YsIGNvbW1hcw==:`},
		{fields, `"x-binary"`, "-"},
		{fields, `"x-binary";bs`, `:Y2Fmw6k=:`},
		{fields, `"x-missing"`, "-"},
		{fields, `"date";req`, "-"},
		{fields, `"@status"`, "-"},
		{fields, `"@unknown"`, "-"},
		{fields, `"host"`, "www.example.com"},
		{request("/path?param=value"), `"@method"`, `POST`},
		{request("/path?param=value"), `"@target-uri"`, `https://www.example.com/path?param=value`},
		{request("/path?param=value"), `"@authority"`, `www.example.com`},
		{&signature.Message{Scheme: "https", Authority: "WWW.Example.com:443"}, `"@authority"`, `www.example.com`},
		{&signature.Message{Scheme: "http", Authority: "example.com:443"}, `"@authority"`, `example.com:443`},
		{&signature.Message{Scheme: "http", Authority: "[::1]:80"}, `"@authority"`, `[::1]`},
		{&signature.Message{Scheme: "http", Authority: "Example.com:"}, `"@authority"`, `example.com`},
		{&signature.Message{Scheme: "http"}, `"@authority"`, "-"},
		{request("/path?param=value"), `"@scheme"`, `https`},
		{request("/path?param=value"), `"@request-target"`, `/path?param=value`},
		{request("https://www.example.com/path?param=value"), `"@request-target"`, `https://www.example.com/path?param=value`},
		{request("https://www.example.com/path?param=value"), `"@path"`, `/path`},
		{request("https://www.example.com?a=b"), `"@path"`, `/`},
		{request("https://www.example.com"), `"@query"`, `?`},
		{request("*"), `"@request-target"`, `*`},
		{request("/path?param=value"), `"@path"`, `/path`},
		{request(""), `"@path"`, `/`},
		{request("/a%2Fb/%c3%a4"), `"@path"`, `/a%2Fb/%c3%a4`},
		{request("/path?param=value&foo=bar&baz=bat%2Dman"), `"@query"`, `?param=value&foo=bar&baz=bat%2Dman`},
		{request("/path?queryString"), `"@query"`, `?queryString`},
		{request("/path?"), `"@query"`, `?`},
		{request("/path"), `"@query"`, `?`},
		{request("/a?to=http://b/c?d"), `"@query"`, `?to=http://b/c?d`},
		{params, `"@query-param";name="baz"`, `batman`},
		{params, `"@query-param";name="qux"`, ``},
		{params, `"@query-param";name="param"`, `value`},
		{params, `"@query-param";name="none"`, "-"},
		{multi, `"@query-param";name="var"`, `this%20is%20a%20big%0Amultiline%20value`},
		{multi, `"@query-param";name="bar"`, `with%20plus%20whitespace`},
		{multi, `"@query-param";name="fa%C3%A7ade%22%3A%20"`, `something`},
		{twice, `"@query-param";name="a"`, "-"},
		{twice, `"@query-param";name="bad"`, "-"},
		{response, `"@status"`, "200"},
		{response, `"@method"`, "-"},
		{response, `"@method";req`, "GET"},
		{response, `"date";req`, "Tue, 20 Apr 2021 02:07:56 GMT"},
		{response, `"date"`, "x"},
		{&signature.Message{Status: 200}, `"date";req`, "-"},
		{&signature.Message{Header: http.Header{"A": {"x\ny"}}}, `"a"`, "-"},
	}
	for _, test := range tests {
		got, err := baseLine(t, test.m, test.component)
		if test.want == "-" {
			if !errors.Is(err, signature.ErrComponent) {
				t.Errorf("%s of %+v = %q, %v; want ErrComponent", test.component, test.m, got, err)
			}
			continue
		}
		if want := test.component + ": " + test.want; err != nil || got != want {
			t.Errorf("%s of %q = %q, %v; want %q", test.component, test.m.Target, got, err, want)
		}
	}
}

// A request has the same components at both of its ends.
func TestRequestMessage(t *testing.T) {
	var got *signature.Message
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = signature.RequestMessage(r) }))
	defer server.Close()
	for _, target := range []string{"/", "", "/a%2fb/c?d=%20+&e", "/x?", "?a=b"} {
		r, err := http.NewRequest(http.MethodPost, server.URL+target, strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		sent := signature.RequestMessage(r)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		for _, c := range []string{`"@method"`, `"@authority"`, `"@scheme"`, `"@target-uri"`, `"@request-target"`, `"@path"`, `"@query"`} {
			want, err := baseLine(t, sent, c)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := baseLine(t, got, c); got != want || err != nil {
				t.Errorf("%q: the server has %q, %v; the client %q", target, got, err, want)
			}
		}
	}
}

// RFC 9530, with the bodies of its appendix B and of RFC 9421.
func TestContentDigest(t *testing.T) {
	const (
		hello  = "{\"hello\": \"world\"}\n"
		sum256 = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"
		sum512 = "sha-512=:YMAam51Jz/jOATT6/zvHrLVgOYTGFy1d6GJiOHTohq4yP+pgk4vf2aCsyRZOtw8MjkM7iw7yZ/WkppmM44T3qg==:"
		zero   = "sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:"
	)
	tests := []struct {
		name    string
		values  []string
		body    string
		usable  bool
		matches bool
	}{
		{"sha-256", []string{sum256}, hello, true, true},
		{"sha-512", []string{sum512}, hello, true, true},
		{"both", []string{sum256 + ", " + sum512}, hello, true, true},
		{"two lines", []string{sum256, sum512}, hello, true, true},
		{"an unknown one", []string{"md5=:AAAA:, " + sum256 + ",x=1"}, hello, true, true},
		{"one differs", []string{zero + "," + sum512}, hello, true, false},
		{"other body", []string{sum256}, hello + " ", true, false},
		{"empty body", []string{"sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"}, "", true, true},
		{"none", nil, hello, false, false},
		{"empty", []string{""}, hello, false, false},
		{"only unknown", []string{"md5=:AAAA:"}, hello, false, false},
		{"twice", []string{sum256, sum256}, hello, false, false},
		{"short", []string{"sha-256=:AAAA:"}, hello, false, false},
		{"hex", []string{`sha-256="44aff4ab2d7c3250525675a08f0cfa959116 8cffe51791c5f5bbc417c15a6c38"`}, hello, false, false},
		{"old field", []string{"SHA-256=RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg="}, hello, false, false},
		{"no value", []string{"sha-256"}, hello, false, false},
	}
	for _, test := range tests {
		d, err := signature.NewContentDigest(test.values)
		if (err == nil) != test.usable || err != nil && !errors.Is(err, signature.ErrContentDigest) {
			t.Errorf("%s: %v, want usable %v", test.name, err, test.usable)
		}
		if err != nil {
			continue
		}
		for chunk := range bytes.SplitAfterSeq([]byte(test.body), []byte("o")) {
			d.Write(chunk)
		}
		if got := d.Matches(); got != test.matches {
			t.Errorf("%s: matches %v, want %v", test.name, got, test.matches)
		}
	}
	if got, err := signature.ContentDigestOf(strings.NewReader(hello)); got != sum256 || err != nil {
		t.Errorf("ContentDigestOf = %s, %v; want %s", got, err, sum256)
	}
	if new(signature.ContentDigest).Matches() {
		t.Error("a message without a digest matches")
	}
}
