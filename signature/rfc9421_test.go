package signature_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/signature"
)

// rfcMessage is a message of the vectors.
type rfcMessage struct {
	Method, Scheme, Authority, Target string
	Status                            int
	Header                            http.Header
	Request                           *rfcMessage
	Body                              string
}

func (m *rfcMessage) message() *signature.Message {
	if m == nil {
		return nil
	}
	h := m.Header.Clone()
	h.Del("Host") // where net/http has taken it
	return &signature.Message{
		Method: m.Method, Scheme: m.Scheme, Authority: m.Authority, Target: m.Target,
		Status: m.Status, Header: h, Request: m.Request.message(),
	}
}

type rfcVector struct {
	Section, Message, Key, Input, Signature string
	Alg                                     signature.Algorithm
	Exact                                   bool // the algorithm gives the same each time
	Base                                    []string
	Also, Not                               []string // other messages, under which it holds or does not
}

type rfcVectors struct {
	Requests map[string]*rfcMessage
	Vectors  []rfcVector
}

// rfcSecret is test-shared-secret, appendix B.1.5.
const rfcSecret = "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ=="

// rfcKey reads one of the keys of appendix B.1: the private one where the
// file has it.
func rfcKey(t testing.TB, name string, alg signature.Algorithm) signature.Key {
	t.Helper()
	if name == "test-shared-secret" {
		secret, err := base64.StdEncoding.DecodeString(rfcSecret)
		if err != nil {
			t.Fatal(err)
		}
		return signature.HMACKey(secret)
	}
	file, err := os.ReadFile("testdata/rfc9421/keys.pem")
	if err != nil {
		t.Fatal(err)
	}
	var key signature.Key
	for {
		block, rest := pem.Decode(file)
		if block == nil {
			break
		}
		mine := bytes.HasPrefix(bytes.TrimSpace(file), []byte(name+" "))
		file = rest
		if !mine {
			continue
		}
		read := signature.ParsePublicKey
		if block.Type == "PRIVATE KEY" {
			read = signature.ParsePrivateKey
		}
		if key, err = read(alg, pem.EncodeToMemory(block)); err != nil {
			t.Fatal(err)
		}
	}
	if key.IsZero() {
		t.Fatalf("no key %s", name)
	}
	return key
}

// last returns the last signature of a message with these fields more.
func last(t *testing.T, m *signature.Message, input, value string) signature.Signed {
	t.Helper()
	m.Header.Set("Signature-Input", input)
	m.Header.Set("Signature", value)
	list, err := signature.Signatures(m.Header)
	if err != nil {
		t.Fatal(err)
	}
	return list[len(list)-1]
}

func TestRFC9421Vectors(t *testing.T) {
	var file rfcVectors
	read(t, "rfc9421/vectors.json", &file)
	for _, v := range file.Vectors {
		t.Run(v.Section, func(t *testing.T) {
			key := rfcKey(t, v.Key, v.Alg)
			m := file.Requests[v.Message].message()
			s := last(t, m, v.Input, v.Signature)
			if err := s.Verify(key, m); err != nil {
				t.Errorf("Verify: %v", err)
			}
			base, err := s.Base(m)
			if err != nil {
				t.Fatal(err)
			}
			if want := strings.Join(v.Base, "\n"); want != "" {
				if diff := cmp.Diff(want, string(base)); diff != "" {
					t.Errorf("signature base (-want +got):\n%s", diff)
				}
			}
			for _, name := range v.Also {
				if err := s.Verify(key, file.Requests[name].message()); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			for _, name := range v.Not {
				if err := s.Verify(key, file.Requests[name].message()); !errors.Is(err, signature.ErrMismatch) {
					t.Errorf("%s: %v, want ErrMismatch", name, err)
				}
			}
			s.Params.Created++ // the parameters differ from what is verified
			other := m
			other.Header = other.Header.Clone()
			tampered := last(t, other, strings.Replace(v.Input, ";created=16", ";created=17", -1), v.Signature)
			if err := tampered.Verify(key, other); !errors.Is(err, signature.ErrMismatch) {
				t.Errorf("another time: %v, want ErrMismatch", err)
			}
			input, value, err := signature.SignMessage(key, s.Label, m, s.Covered(), tampered.Params)
			if err != nil {
				if !errors.Is(err, signature.ErrKey) {
					t.Error(err)
				}
				return // there is only the public half
			}
			own := last(t, other, input, value)
			if err := own.Verify(key, m); err != nil && !strings.Contains(v.Input, `"signature"`) {
				t.Errorf("our own signature: %v", err)
			}
		})
	}
}

// Signing again gives the same fields where the algorithm has no randomness.
func TestRFC9421ExactVectors(t *testing.T) {
	var file rfcVectors
	read(t, "rfc9421/vectors.json", &file)
	n := 0
	for _, v := range file.Vectors {
		if !v.Exact {
			continue
		}
		n++
		m := file.Requests[v.Message].message()
		s := last(t, m, v.Input, v.Signature)
		input, value, err := signature.SignMessage(rfcKey(t, v.Key, v.Alg), s.Label, m, s.Covered(), s.Params)
		if err != nil || input != v.Input || value != v.Signature {
			t.Errorf("%s: SignMessage = %s, %s, %v; want %s, %s", v.Section, input, value, err, v.Input, v.Signature)
		}
	}
	if n != 3 {
		t.Errorf("%d vectors are exact, want 3", n)
	}
}

// newKeys makes one key for each algorithm.
func newKeys(t testing.TB) map[signature.Algorithm]signature.Key {
	t.Helper()
	_, ed, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[signature.Algorithm]signature.Key{signature.HMACSHA256: signature.HMACKey([]byte("a secret"))}
	for alg, signer := range map[signature.Algorithm]crypto.Signer{
		signature.Ed25519: ed, signature.ECDSAP256SHA256: ec, signature.RSAPSSSHA512: r, signature.RSAv15SHA256: r,
	} {
		if keys[alg], err = signature.PrivateKey(alg, signer); err != nil {
			t.Fatal(err)
		}
	}
	return keys
}

func testRequest(t testing.TB) *signature.Message {
	t.Helper()
	text, err := os.ReadFile("testdata/rfc9421/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var file rfcVectors
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	return file.Requests["test-request"].message()
}

var allComponents = []string{`"@method"`, `"@authority"`, `"@path"`, `"@query"`, `"content-type"`, `"content-digest"`}

// Every algorithm takes its own signatures and those of no other key or
// algorithm.
func TestAlgorithms(t *testing.T) {
	keys := newKeys(t)
	for alg, key := range keys {
		m := testRequest(t)
		input, value, err := signature.SignMessage(key, "s", m, allComponents, signature.Params{Created: 1618884473, KeyID: "k", Alg: alg, Nonce: "n", Tag: "t"})
		if err != nil {
			t.Fatal(err)
		}
		s := last(t, m, input, value)
		if want := (signature.Params{Created: 1618884473, KeyID: "k", Alg: alg, Nonce: "n", Tag: "t"}); s.Params != want {
			t.Errorf("%s: parameters %+v, want %+v", alg, s.Params, want)
		}
		for other, k := range keys {
			if err := s.Verify(k, m); (err == nil) != (other == alg) {
				t.Errorf("a signature by %s under a key of %s: %v", alg, other, err)
			}
		}
		if err := s.Verify(newKeys(t)[alg], m); alg != signature.HMACSHA256 && !errors.Is(err, signature.ErrMismatch) {
			t.Errorf("%s: another key: %v", alg, err)
		}
		if err := s.Verify(signature.Key{}, m); !errors.Is(err, signature.ErrMismatch) {
			t.Errorf("%s: no key: %v", alg, err)
		}
		if strings.Contains(key.String()+key.GoString(), "secret") {
			t.Errorf("%s: the key shows itself: %s", alg, key)
		}
		if public, err := key.MarshalPublic(); err == nil {
			again, err := signature.ParsePublicKey(alg, public)
			if err != nil || s.Verify(again, m) != nil {
				t.Errorf("%s: the marshalled public key does not verify: %v", alg, err)
			}
			if _, _, err := signature.SignMessage(again, "s", m, nil, signature.Params{}); !errors.Is(err, signature.ErrKey) {
				t.Errorf("%s: a public key signs: %v", alg, err)
			}
		} else if alg != signature.HMACSHA256 {
			t.Error(err)
		}
	}
}

// K15: keys that are too weak, of another kind, or empty.
func TestK15WeakKeys(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	good, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	one, three := rsa.PublicKey{N: good.N, E: 1}, rsa.PublicKey{N: good.N, E: 3}
	tests := []struct {
		name string
		alg  signature.Algorithm
		key  crypto.PublicKey
		ok   bool
	}{
		{"RSA 2048", signature.RSAPSSSHA512, &good.PublicKey, true},
		{"RSA 2048", signature.RSAv15SHA256, &good.PublicKey, true},
		{"RSA 1024", signature.RSAPSSSHA512, &small.PublicKey, false},
		{"RSA exponent 1", signature.RSAPSSSHA512, &one, false},
		{"RSA exponent 3", signature.RSAv15SHA256, &three, false},
		{"RSA for Ed25519", signature.Ed25519, &good.PublicKey, false},
		{"RSA for HMAC", signature.HMACSHA256, &good.PublicKey, false},
		{"RSA for SHA-1", "rsa-sha1", &good.PublicKey, false},
		{"P-384", signature.ECDSAP256SHA256, &p384.PublicKey, false},
		{"short Ed25519", signature.Ed25519, make(ed25519.PublicKey, 5), false},
		{"nothing", signature.Ed25519, nil, false},
	}
	for _, test := range tests {
		if _, err := signature.PublicKey(test.alg, test.key); (err == nil) != test.ok {
			t.Errorf("%s as %s: %v, want ok %v", test.name, test.alg, err, test.ok)
		} else if err != nil && !errors.Is(err, signature.ErrKey) {
			t.Errorf("%s: %v is not ErrKey", test.name, err)
		}
	}
	for _, text := range []string{"", "x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"} {
		if _, err := signature.ParsePublicKey("", []byte(text)); !errors.Is(err, signature.ErrKey) {
			t.Errorf("ParsePublicKey(%q): %v", text, err)
		}
		if _, err := signature.ParsePrivateKey("", []byte(text)); !errors.Is(err, signature.ErrKey) {
			t.Errorf("ParsePrivateKey(%q): %v", text, err)
		}
	}
	if !signature.HMACKey(nil).IsZero() {
		t.Error("an empty secret is a key")
	}
}

// Keys that openssl marks as being for PSS alone are read, for that alone;
// those it binds to a hash are refused with what to do.
func TestK15KeysForPSSAlone(t *testing.T) {
	file := func(name string) []byte {
		text, err := os.ReadFile("testdata/pss/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	base := []byte("a text")
	for _, alg := range []signature.Algorithm{"", signature.RSAPSSSHA512} {
		private, err := signature.ParsePrivateKey(alg, file("private.pem"))
		public, errPublic := signature.ParsePublicKey(alg, file("public.pem"))
		if err != nil || errPublic != nil || private.Algorithm() != signature.RSAPSSSHA512 || public.Algorithm() != signature.RSAPSSSHA512 {
			t.Fatalf("%q: %v, %v, %v, %v", alg, private, err, public, errPublic)
		}
		if mine, err := private.MarshalPublic(); err != nil || !signature.SignedBy(t, private, public, base) {
			t.Errorf("%q: %s, %v: the halves do not belong together", alg, mine, err)
		}
	}
	for _, test := range []struct {
		alg                   signature.Algorithm
		private, public, want string
	}{
		{signature.RSAv15SHA256, "private.pem", "public.pem", "for rsa-pss-sha512 alone"},
		{"", "bound-private.pem", "bound-public.pem", "openssl genpkey -algorithm rsa-pss"},
	} {
		_, errPrivate := signature.ParsePrivateKey(test.alg, file(test.private))
		_, errPublic := signature.ParsePublicKey(test.alg, file(test.public))
		for _, err := range []error{errPrivate, errPublic} {
			if !errors.Is(err, signature.ErrKey) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%q, %s: %v, want %q", test.alg, test.private, err, test.want)
			}
		}
	}
	for block, want := range map[string]string{"ENCRYPTED PRIVATE KEY": "openssl pkey", "OPENSSH PRIVATE KEY": "openssl genpkey"} {
		_, err := signature.ParsePrivateKey("", pem.EncodeToMemory(&pem.Block{Type: block, Bytes: []byte("x")}))
		if !errors.Is(err, signature.ErrKey) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", block, err, want)
		}
	}
}

// An expiry at the very beginning of time is one, and long past.
func TestExpiryOfZero(t *testing.T) {
	list, err := signature.Signatures(http.Header{"Signature-Input": {`s=("@method");expires=0`}, "Signature": {"s=:AA==:"}})
	if err != nil || list[0].Params.Expires >= 0 {
		t.Errorf("%+v, %v, want an expiry before 1970", list, err)
	}
}

// Signatures of others, next to the one with the tag, need not be understood,
// except for their labels.
func TestTagged(t *testing.T) {
	for _, other := range []string{`("@frob" "x";tr);tag="x"`, `("Date");created="now"`, `("@method" "@method")`, `"a text"`, `(date);tag=quillgate`} {
		h := http.Header{"Signature-Input": {`a=` + other + `, b=("@method");tag="quillgate"`}, "Signature": {`a=:AA==:, b=:AAAA:`}}
		if list, err := signature.Tagged(h, "quillgate"); err != nil || len(list) != 1 || list[0].Label != "b" {
			t.Errorf("next to %s: %+v, %v", other, list, err)
		}
		h.Set("Signature", `b=:AAAA:, c=:AA==:`)
		if list, err := signature.Tagged(h, "quillgate"); !errors.Is(err, signature.ErrFields) {
			t.Errorf("next to %s, with another label: %+v, %v, want ErrFields", other, list, err)
		}
	}
	for _, mine := range []string{`("@method" "x";tr);tag="quillgate"`, `("@method");created="now";tag="quillgate"`} {
		h := http.Header{"Signature-Input": {`b=` + mine}, "Signature": {`b=:AAAA:`}}
		if list, err := signature.Tagged(h, "quillgate"); err == nil {
			t.Errorf("%s: %+v, want an error", mine, list)
		}
	}
}

// What is legal but odd as structured fields is understood, whichever of the
// two spellings the sender has signed: the one that travels, or the one of
// RFC 9421 section 2.3.
func TestOddSpellings(t *testing.T) {
	key := signature.HMACKey([]byte("a secret"))
	for _, odd := range []string{
		`("@method" "date");created=1;keyid="k"`,
		`( "@method"   "date"  );created=1;keyid="k"`,
		`("@method" "date"); created=1;  keyid="k"`,
		`("@method" "date");created=0001;keyid="k"`,
		`("@method" "date");keyid="k";created=1;x-other=1.50;flag;y=tok/en;z=:AQ==:`,
		`("@method" "date");created=1;keyid="k";quoted="a\"b\\c, d;e=(f)"`,
		`("date";req=?0 "@method");created=1`,
	} {
		m := testRequest(t)
		base := "\"@method\": POST\n\"date\": Tue, 20 Apr 2021 02:07:55 GMT\n\"@signature-params\": " + odd
		m.Header.Set("Signature-Input", "a=("+`"@path"`+");created=5 ,\t s="+odd)
		m.Header.Set("Signature", "a=:AA==:,s=:AAAA:")
		list, err := signature.Signatures(m.Header)
		if strings.Contains(odd, "?0") {
			if !errors.Is(err, signature.ErrComponent) {
				t.Errorf("%s: %v, want ErrComponent", odd, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", odd, err)
			continue
		}
		canonical, err := list[1].Base(m)
		if err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{"as it travels": base, "in its one spelling": string(canonical)} {
			value, err := macOf("a secret", text)
			if err != nil {
				t.Fatal(err)
			}
			m.Header.Set("Signature", "a=:AA==:, s=:"+value+":")
			list, err := signature.Signatures(m.Header)
			if err != nil {
				t.Fatal(err)
			}
			if err := list[1].Verify(key, m); err != nil {
				t.Errorf("%s, signed %s: %v", odd, name, err)
			}
			if err := list[0].Verify(key, m); !errors.Is(err, signature.ErrMismatch) {
				t.Errorf("%s: the other signature: %v", odd, err)
			}
		}
	}
}

// Whatever could be understood in two ways is refused, and so is what is not
// understood at all.
func TestAmbiguityIsRefused(t *testing.T) {
	tests := []struct {
		name, input, value string
		want               error
	}{
		{"good", `s=("@method")`, "s=:AA==:", nil},
		{"label twice", `s=("@method"), s=("@path")`, "s=:AA==:", signature.ErrFields},
		{"value twice", `s=("@method")`, "s=:AA==:, s=:AAAA:", signature.ErrFields},
		{"no value", `s=("@method")`, "", signature.ErrFields},
		{"no input", "", "s=:AA==:", signature.ErrFields},
		{"other label", `s=("@method")`, "t=:AA==:", signature.ErrFields},
		{"one value too few", `s=("@method"), t=("@method")`, "t=:AA==:", signature.ErrFields},
		{"value is text", `s=("@method")`, `s="AA=="`, signature.ErrFields},
		{"value is a list", `s=("@method")`, `s=(:AA==:)`, signature.ErrFields},
		{"input is no list", `s="@method"`, "s=:AA==:", signature.ErrFields},
		{"component twice", `s=("@method" "@method")`, "s=:AA==:", signature.ErrFields},
		{"component twice, turned around", `s=("x";req;key="a" "x";key="a";req)`, "s=:AA==:", signature.ErrFields},
		{"parameter twice", `s=("@method");created=1;created=2`, "s=:AA==:", signature.ErrFields},
		{"parameter of a component twice", `s=("x";key="a";key="b")`, "s=:AA==:", signature.ErrFields},
		{"created is text", `s=("@method");created="1"`, "s=:AA==:", signature.ErrFields},
		{"created is a decimal", `s=("@method");created=1.0`, "s=:AA==:", signature.ErrFields},
		{"keyid is a token", `s=("@method");keyid=k`, "s=:AA==:", signature.ErrFields},
		{"a date", `s=("@method");x=@1`, "s=:AA==:", signature.ErrFields},
		{"a display string", `s=("@method");x=%"a\"`, "s=:AA==:", signature.ErrFields},
		{"upper case", `s=("Date")`, "s=:AA==:", signature.ErrComponent},
		{"a token", `s=(date)`, "s=:AA==:", signature.ErrComponent},
		{"trailer", `s=("x";tr)`, "s=:AA==:", signature.ErrComponent},
		{"unknown parameter", `s=("x";frob)`, "s=:AA==:", signature.ErrComponent},
		{"bs and sf", `s=("x";bs;sf)`, "s=:AA==:", signature.ErrComponent},
		{"bs and key", `s=("x";key="a";bs)`, "s=:AA==:", signature.ErrComponent},
		{"derived and sf", `s=("@method";sf)`, "s=:AA==:", signature.ErrComponent},
		{"name elsewhere", `s=("@method";name="a")`, "s=:AA==:", signature.ErrComponent},
		{"query-param without name", `s=("@query-param")`, "s=:AA==:", signature.ErrComponent},
		{"garbage", `s=("@method`, "s=:AA==:", signature.ErrFields},
		{"many signatures", manyLabels(17, `("@method")`), manyLabels(17, ":AA==:"), signature.ErrFields},
		{"many components", "s=(" + strings.Join(slices.Collect(maps.Keys(manyNames(65))), " ") + ")", "s=:AA==:", signature.ErrFields},
		{"long", `s=("@method");x="` + strings.Repeat("a", 20000) + `"`, "s=:AA==:", signature.ErrFields},
	}
	for _, test := range tests {
		h := http.Header{}
		if test.input != "" {
			h.Set("Signature-Input", test.input)
		}
		if test.value != "" {
			h.Set("Signature", test.value)
		}
		if _, err := signature.Signatures(h); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
	if list, err := signature.Signatures(http.Header{}); list != nil || err != nil {
		t.Errorf("without fields: %v, %v", list, err)
	}
}

func manyLabels(n int, value string) string {
	labels := make([]string, n)
	for i := range labels {
		labels[i] = "s" + strings.Repeat("x", i) + "=" + value
	}
	return strings.Join(labels, ", ")
}

func manyNames(n int) map[string]bool {
	names := map[string]bool{}
	for i := range n {
		names[`"x`+strings.Repeat("x", i)+`"`] = true
	}
	return names
}
