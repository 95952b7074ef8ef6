package signature_test

import (
	"bytes"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/signature"
)

// Whatever strangers send in the two fields is refused, or means the same when
// it is written down again.
func FuzzSignatures(f *testing.F) {
	f.Add(`sig-b26=("date" "@method" "x";req;key="a");created=1618884473;keyid="k"`, "sig-b26=:AA==:")
	f.Add(`a=( "@query-param";name="Pet"  ); created=1;flag;x=1.5 , b=()`, "a=:AA==:,b=:AAAA:")
	f.Add(`a=("x";bs;sf);y="\"\\;,"`, "a=:AA==:, a=:AA==:")
	key := signature.HMACKey([]byte("a secret"))
	m := testRequest(f)
	f.Fuzz(func(t *testing.T, input, value string) {
		list, err := signature.Signatures(http.Header{"Signature-Input": {input}, "Signature": {value}})
		if err != nil {
			if !errors.Is(err, signature.ErrFields) && !errors.Is(err, signature.ErrComponent) {
				t.Errorf("%v is not one of the errors", err)
			}
			return
		}
		for _, s := range list {
			base, err := s.Base(m)
			if err != nil {
				continue
			}
			if lines := bytes.Count(base, []byte("\n")); lines != len(s.Covered()) {
				t.Errorf("%q: %d lines for %d components", input, lines+1, len(s.Covered()))
			}
			_, canonical, _ := bytes.Cut(base, []byte(`"@signature-params": `))
			if i := bytes.LastIndex(base, []byte(`"@signature-params": `)); i >= 0 {
				canonical = base[i+len(`"@signature-params": `):]
			}
			again, err := signature.Signatures(http.Header{"Signature-Input": {s.Label + "=" + string(canonical)}, "Signature": {s.Label + "=:AA==:"}})
			if err != nil || len(again) != 1 || again[0].Params != s.Params || !slices.Equal(again[0].Covered(), s.Covered()) {
				t.Errorf("%q became %q: %+v, %v", input, canonical, again, err)
			}
			if err := s.Verify(key, m); err == nil {
				t.Errorf("%q, %q verifies", input, value)
			}
		}
	})
}

// The digest field, against a plain comparison.
func FuzzContentDigest(f *testing.F) {
	f.Add("sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:", "{\"hello\": \"world\"}\n")
	f.Add("sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDh=:", "{\"hello\": \"world\"}\n")
	f.Add("md5=:AAAA:, sha-512=::", "")
	f.Fuzz(func(t *testing.T, field, body string) {
		d, err := signature.NewContentDigest([]string{field})
		if err != nil {
			return
		}
		d.Write([]byte(body))
		want, err := signature.ContentDigestOf(strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		// Two bits of the last digit belong to no byte, and a reader ignores them
		// (RFC 8941, section 4.2.7).
		digest := strings.TrimSuffix(strings.TrimPrefix(want, "sha-256="), "=:")
		digest = digest[:len(digest)-1]
		if d.Matches() && !strings.Contains(field, digest) && !strings.Contains(field, "sha-512") {
			t.Errorf("%q matches the body %q", field, body)
		}
	})
}

// The cost of checking a signed call of 1 KiB, from the fields to the answer,
// next to the bare operation of its algorithm on the same signature base.
func BenchmarkVerify(b *testing.B) {
	body := bytes.Repeat([]byte("x"), 1<<10)
	for alg, key := range newKeys(b) {
		m := testRequest(b)
		digest, err := signature.ContentDigestOf(bytes.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		m.Header.Set("Content-Digest", digest)
		input, value, err := signature.SignMessage(key, "sig", m, allComponents,
			signature.Params{Created: 1618884473, KeyID: "b730db0864b0d4453ba6a26ad6613cd4", Alg: alg, Nonce: "uG3cNDQOBVQMvQZpXV7gzA", Tag: "quillgate"})
		if err != nil {
			b.Fatal(err)
		}
		m.Header.Set("Signature-Input", input)
		m.Header.Set("Signature", value)
		list, err := signature.Signatures(m.Header)
		if err != nil {
			b.Fatal(err)
		}
		base, err := list[0].Base(m)
		if err != nil {
			b.Fatal(err)
		}
		var bare time.Duration
		b.Run(string(alg)+"/bare", func(b *testing.B) {
			defer func() { bare = b.Elapsed() / time.Duration(b.N) }()
			for b.Loop() {
				if !signature.Matches(key, base, list[0]) {
					b.Fatal("does not match")
				}
			}
		})
		b.Run(string(alg)+"/call", func(b *testing.B) {
			defer func() {
				b.ReportMetric(float64(b.Elapsed()/time.Duration(b.N))/float64(max(bare, 1)), "times-bare")
			}()
			for b.Loop() {
				list, err := signature.Signatures(m.Header)
				if err != nil {
					b.Fatal(err)
				}
				d, err := signature.NewContentDigest(m.Header["Content-Digest"])
				if err != nil {
					b.Fatal(err)
				}
				d.Write(body)
				if err := list[0].Verify(key, m); err != nil || !d.Matches() {
					b.Fatal(err)
				}
			}
		})
	}
}

// A client's request for a signed answer is malformed, or can be written again
// with the same meaning.
func FuzzWanted(f *testing.F) {
	f.Add(`a=("@status" "signature";req;key="sig");created;nonce="n";keyid="k";alg="ed25519";tag="t"`)
	f.Add(`a=();tag="t", b=("x");tag="other"`)
	f.Add(`a=();tag="t", b=();tag="t"`)
	f.Fuzz(func(t *testing.T, field string) {
		w, found := signature.Wanted(http.Header{"Accept-Signature": {field}}, "t")
		if !found {
			return
		}
		again := w.Label + "=(" + strings.Join(w.Components, " ") + `);tag="t"`
		got, found := signature.Wanted(http.Header{"Accept-Signature": {again}}, "t")
		if !found || got.Label != w.Label || !slices.Equal(got.Components, w.Components) {
			t.Errorf("%q requests %+v, and %q requests %+v", field, w, again, got)
		}
	})
}
