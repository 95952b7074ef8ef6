package signature_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/quillgate/quillgate/signature"
)

type vector struct {
	Name, Public, Secret, Digest, Authorization string

	Body64  string `json:"body_base64"`
	Formula *struct {
		Length int
	} `json:"body_formula"`
	MustRefuse map[string]string `json:"must_refuse"`
}

func (v vector) body(t *testing.T) []byte {
	t.Helper()
	if v.Formula != nil {
		body := make([]byte, v.Formula.Length)
		for i := range body {
			body[i] = byte(i*31 + 7)
		}
		return body
	}
	body, err := base64.StdEncoding.DecodeString(v.Body64)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func read(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

func vectors(t *testing.T) []vector {
	t.Helper()
	var file struct{ Vectors []vector }
	read(t, "vectors.json", &file)
	if len(file.Vectors) < 12 {
		t.Fatalf("%d vectors in the file, want at least 12", len(file.Vectors))
	}
	return file.Vectors
}

// check is what a server does, with the body coming in pieces of n bytes.
func check(value, secret string, body []byte, n int) (matches, legacy bool) {
	header, err := signature.Parse(value)
	if err != nil {
		return false, false
	}
	h := signature.NewHash(secret)
	for len(body) > n {
		h.Write(body[:n])
		body = body[n:]
	}
	h.Write(body)
	return h.Matches(header), header.Legacy()
}

func TestVectors(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			body := v.body(t)
			if got := signature.Sign(v.Public, v.Secret, body); got != v.Authorization {
				t.Errorf("Sign = %s, want %s", got, v.Authorization)
			}
			for _, n := range []int{1 << 30, 64, 1000} {
				if ok, legacy := check(v.Authorization, v.Secret, body, n); !ok || legacy {
					t.Errorf("in pieces of %d bytes: matches %v, legacy %v; want true, false", n, ok, legacy)
				}
			}
			if ok, _ := check(v.Authorization, v.Secret, append(body, '\n'), 1<<30); ok {
				t.Error("one newline more still matches")
			}
			for name, value := range v.MustRefuse {
				if ok, _ := check(v.Public+"||"+value, v.Secret, body, 1<<30); ok {
					t.Errorf("%s: %s matches", name, value)
				}
			}
			// As if the key had no secret: S5.
			if ok, _ := check(v.Public+"||"+v.MustRefuse["empty_secret"], "", body, 1<<30); ok {
				t.Error("an empty secret matches")
			}
		})
	}
}

func TestLegacyForm(t *testing.T) {
	var cases []struct {
		Name, Authorization, Body string
		OK                        bool
	}
	read(t, "legacy.json", &cases)
	const public, secret = "b730db0864b0d4453ba6a26ad6613cd4", "7647a19f5bf3e9fd001419900ad48a54"
	passed := 0
	for _, c := range cases {
		ok, legacy := check(c.Authorization, secret, []byte(c.Body), 1<<30)
		if strings.HasPrefix(c.Authorization, public) && ok != c.OK {
			t.Errorf("%s: matches %v, want %v", c.Name, ok, c.OK)
		}
		if ok {
			passed++
			if !legacy {
				t.Errorf("%s: not told to be legacy", c.Name)
			}
		}
	}
	if passed == 0 {
		t.Error("nothing matched: the test tests nothing")
	}
}

// The single hash in digits, and the double hash in base64, are neither form.
func TestFormsDoNotMix(t *testing.T) {
	const secret = "7647a19f5bf3e9fd001419900ad48a54"
	body := []byte("<methodCall/>")
	inner := sha256.Sum256(append([]byte(secret), body...))
	single := hex.EncodeToString(inner[:])
	double := strings.TrimPrefix(signature.Sign("k", secret, body), "k||")
	b64 := base64.StdEncoding.EncodeToString
	tests := []struct {
		name, digest string
		want         bool
	}{
		{"double", double, true},
		{"legacy", b64([]byte(single)), true},
		{"single in digits", single, false},
		{"double in base64", b64([]byte(double)), false},
		{"legacy in upper case", b64([]byte(strings.ToUpper(single))), false},
		{"base64 of raw bytes", b64(inner[:]), false},
		{"legacy without padding", strings.TrimRight(b64([]byte(single)), "="), false},
		{"legacy with a line break", b64([]byte(single))[:44] + "\n" + b64([]byte(single))[44:], false},
	}
	for _, test := range tests {
		if got, _ := check("k||"+test.digest, secret, body, 1<<30); got != test.want {
			t.Errorf("%s: matches %v, want %v", test.name, got, test.want)
		}
	}
}

// S6: the grammar, whole.
func TestParseS6(t *testing.T) {
	digest := strings.Repeat("0123456789abcdef", 4)
	tests := []struct {
		name, value string
		ok          bool
	}{
		{"shortest key", "k||" + digest, true},
		{"longest key", strings.Repeat("k", 64) + "||" + digest, true},
		{"all kinds of letters", "aZ09_-||" + digest, true},
		{"empty", "", false},
		{"only bars", "||", false},
		{"empty key", "||" + digest, false},
		{"empty digest", "k||", false},
		{"key too long", strings.Repeat("k", 65) + "||" + digest, false},
		{"one bar", "k|" + digest, false},
		{"three bars", "k|||" + digest, false},
		{"no bars", "k" + digest, false},
		{"third part", "k||" + digest + "||x", false},
		{"bars before", "||k||" + digest, false},
		{"bars after", "k||" + digest + "||", false},
		{"spaces inside", "k || " + digest, false},
		{"space before", " k||" + digest, false},
		{"quoted", `"k||` + digest + `"`, false},
		{"scheme word", "Bearer k||" + digest, false},
		{"list", "x||" + digest + ", k||" + digest, false},
		{"semicolon", "k||" + digest + ";", false},
		{"upper case", "k||" + strings.ToUpper(digest), false},
		{"not hex", "k||" + strings.Repeat("z", 64), false},
		{"short", "k||" + digest[:62], false},
		{"long", "k||" + digest + "00", false},
		{"other bars", "k\u2016" + digest, false},
		{"quote", "x' OR '1'='1||" + digest, false},
		{"wildcard", "%||" + digest, false},
		{"path", "../../k||" + digest, false},
		{"newline", "k\n||" + digest, false},
		{"newline at the end", "k||" + digest + "\n", false},
		{"NUL", "k\x00||" + digest, false},
		{"letters of other scripts", "clef-é-鍵||" + digest, true},
		{"a letter and a combining mark", "e\u0301||" + digest, false},
		{"not UTF-8", "clef-\xe9||" + digest, false},
		{"key too long in bytes", strings.Repeat("é", 33) + "||" + digest, false},
		{"huge", strings.Repeat("a", 60000) + "||" + digest, false},
	}
	for _, test := range tests {
		h, err := signature.Parse(test.value)
		if ok := err == nil; ok != test.ok {
			t.Errorf("%s: Parse(%.100q): %v, want ok %v", test.name, test.value, err, test.ok)
		}
		if err != nil && !errors.Is(err, signature.ErrMalformed) {
			t.Errorf("%s: %v is not ErrMalformed", test.name, err)
		}
		if err == nil && h.Public() != test.value[:strings.Index(test.value, "||")] {
			t.Errorf("%s: Public = %q", test.name, h.Public())
		}
	}
}

func FuzzParse(f *testing.F) {
	digest := strings.Repeat("0123456789abcdef", 4)
	f.Add("k||" + digest)
	f.Add("k||" + base64.StdEncoding.EncodeToString([]byte(digest)))
	f.Add("k|||" + digest)
	grammar := regexp.MustCompile(`^[0-9A-Za-z_\p{L}\p{Nd}-]{1,64}\|\|[0-9a-f]{64}$`)
	legacy := regexp.MustCompile(`^[0-9A-Za-z_\p{L}\p{Nd}-]{1,64}\|\|[0-9A-Za-z+/]{86}==$`)
	f.Fuzz(func(t *testing.T, value string) {
		h, err := signature.Parse(value)
		proper := grammar.MatchString(value) && strings.Index(value, "||") <= 64
		if (err == nil && !h.Legacy()) != proper {
			t.Errorf("Parse(%q): %v, the grammar says %v", value, err, proper)
		}
		if err == nil && h.Legacy() && !legacy.MatchString(value) {
			t.Errorf("Parse(%q) took it for the legacy form", value)
		}
	})
}

// The cost of checking a signature, next to the bare hash of the same body that
// nothing can do without.
func BenchmarkMatches(b *testing.B) {
	for _, size := range []struct {
		name  string
		bytes int
	}{{"1KB", 1 << 10}, {"64KB", 64 << 10}, {"1MB", 1 << 20}} {
		body := make([]byte, size.bytes)
		const secret = "qgs_0123456789012345678901234567890123456789012345678"
		value := signature.Sign("b730db0864b0d4453ba6a26ad6613cd4", secret, body)
		b.Run(size.name+"/sha256", func(b *testing.B) {
			b.SetBytes(int64(size.bytes))
			for b.Loop() {
				sha256.Sum256(body)
			}
		})
		b.Run(size.name+"/signature", func(b *testing.B) {
			b.SetBytes(int64(size.bytes))
			for b.Loop() {
				if ok, _ := check(value, secret, body, 1<<30); !ok {
					b.Fatal("does not match")
				}
			}
		})
	}
}
