package apps_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"math/big"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
)

func publicPEM(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func edKey(t *testing.T) apps.VerificationKey {
	t.Helper()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := apps.ParseVerificationKey(apps.Ed25519, publicPEM(t, public))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// modulus returns an odd number with the given number of bits; nobody needs to
// sign with it.
func modulus(bits int) *big.Int {
	n := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
	return n.Add(n, big.NewInt(12345))
}

// K15: which keys can be enrolled, and for which algorithm.
func TestK15VerificationKeys(t *testing.T) {
	ed, edPrivate, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	curve := func(c elliptic.Curve) *ecdsa.PublicKey {
		k, err := ecdsa.GenerateKey(c, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return &k.PublicKey
	}
	rsaKey := func(bits, e int) []byte { return publicPEM(t, &rsa.PublicKey{N: modulus(bits), E: e}) }
	private, err := x509.MarshalPKCS8PrivateKey(edPrivate)
	if err != nil {
		t.Fatal(err)
	}
	privatePEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	der, _ := pem.Decode(publicPEM(t, ed))
	pkcs1 := pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(&rsa.PublicKey{N: modulus(3072), E: 65537})})
	even := modulus(2048)
	even.SetBit(even, 0, 0)
	tests := []struct {
		name, algorithm string
		text            []byte
		ok              bool
	}{
		{"Ed25519", apps.Ed25519, publicPEM(t, ed), true},
		{"Ed25519 in DER", apps.Ed25519, der.Bytes, true},
		{"Ed25519 in DER with a line feed", apps.Ed25519, append(bytes.Clone(der.Bytes), '\n'), true},
		{"Ed25519 in DER with another byte", apps.Ed25519, append(bytes.Clone(der.Bytes), 'x'), false},
		{"Ed25519 that ends with a line feed", apps.Ed25519, endsWith(t, '\n'), true},
		{"Ed25519 that ends with a space", apps.Ed25519, endsWith(t, ' '), true},
		{"P-256", apps.ECDSAP256, publicPEM(t, curve(elliptic.P256())), true},
		{"RSA 2048", apps.RSAPSS, rsaKey(2048, 65537), true},
		{"RSA 3072", apps.RSAv15, rsaKey(3072, 65537), true},
		{"RSA in PKCS #1", apps.RSAPSS, pkcs1, true},
		{"RSA 8192", apps.RSAPSS, rsaKey(8192, 65537), true},
		{"RSA for PSS alone", apps.RSAPSS, pssPEM(t, modulus(2048), asn1.RawValue{}), true},
		{"RSA for PSS alone, for another algorithm", apps.RSAv15, pssPEM(t, modulus(2048), asn1.RawValue{}), false},
		{"RSA for PSS alone, 1024", apps.RSAPSS, pssPEM(t, modulus(1024), asn1.RawValue{}), false},
		{"RSA for PSS with SHA-1 alone", apps.RSAPSS, pssPEM(t, modulus(2048), asn1.RawValue{FullBytes: []byte{0x30, 0}}), false},
		{"nothing", apps.Ed25519, nil, false},
		{"white space", apps.Ed25519, []byte(" \n"), false},
		{"RSA 1024", apps.RSAPSS, rsaKey(1024, 65537), false},
		{"RSA 2047", apps.RSAPSS, rsaKey(2047, 65537), false},
		{"RSA 8193", apps.RSAPSS, rsaKey(8193, 65537), false},
		{"exponent 1", apps.RSAPSS, rsaKey(2048, 1), false},
		{"exponent 3", apps.RSAPSS, rsaKey(2048, 3), false},
		{"even exponent", apps.RSAPSS, rsaKey(2048, 65538), false},
		{"even modulus", apps.RSAPSS, publicPEM(t, &rsa.PublicKey{N: even, E: 65537}), false},
		{"P-384", apps.ECDSAP256, publicPEM(t, curve(elliptic.P384())), false},
		{"another algorithm", apps.RSAPSS, publicPEM(t, ed), false},
		{"RSA for ECDSA", apps.ECDSAP256, rsaKey(2048, 65537), false},
		{"hmac", "hmac-sha256", publicPEM(t, ed), false},
		{"SHA-1", "rsa-v1_5-sha1", rsaKey(2048, 65537), false},
		{"no algorithm", "", publicPEM(t, ed), false},
		{"private half", apps.Ed25519, privatePEM, false},
		{"two blocks", apps.Ed25519, append(publicPEM(t, ed), publicPEM(t, ed)...), false},
		{"another label", apps.Ed25519, bytes.ReplaceAll(publicPEM(t, ed), []byte("PUBLIC KEY"), []byte("CERTIFICATE")), false},
		{"no key", apps.Ed25519, []byte("not a key"), false},
		{"very long", apps.Ed25519, append(publicPEM(t, ed), bytes.Repeat([]byte(" x"), 10000)...), false},
	}
	for _, test := range tests {
		_, err := apps.ParseVerificationKey(test.algorithm, test.text)
		var invalid *apps.Invalid
		if test.ok != (err == nil) || err != nil && !errors.As(err, &invalid) {
			t.Errorf("%s: %v, want ok %v", test.name, err, test.ok)
		}
		if err != nil && strings.Contains(err.Error(), string(bytes.Split(privatePEM, []byte("\n"))[1])) {
			t.Errorf("%s: the error holds the private half", test.name)
		}
	}
}

// endsWith returns an Ed25519 key in DER whose last byte is b.
func endsWith(t *testing.T, b byte) []byte {
	t.Helper()
	for range 100_000 {
		key, _, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if key[len(key)-1] != b {
			continue
		}
		der, err := x509.MarshalPKIXPublicKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	t.Fatalf("no key ends with %q", b)
	return nil
}

// pssPEM returns an RSA key that is restricted to PSS, as openssl genpkey
// -algorithm rsa-pss makes it.
func pssPEM(t *testing.T, n *big.Int, parameters asn1.RawValue) []byte {
	t.Helper()
	der, err := asn1.Marshal(struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}{
		pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}, Parameters: parameters},
		asn1.BitString{Bytes: x509.MarshalPKCS1PublicKey(&rsa.PublicKey{N: n, E: 65537})},
	})
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// K15: a key without a secret has none anywhere and keeps its algorithm, and an
// empty key is unusable.
func TestK15Enrolled(t *testing.T) {
	each(t, func(t *testing.T, s *apps.Store, db *database.DB, c *databasetest.Clock) {
		app, err := s.Enrol(t.Context(), audit.Operator, apps.New{UserID: 1, Name: "Build server", Scope: apps.Scope{Rights: []apps.Right{apps.Draft}}}, edKey(t))
		if err != nil {
			t.Fatal(err)
		}
		secret, got, err := s.Lookup(t.Context(), app.Public)
		if err != nil || !secret.IsEmpty() || got.Algorithm != apps.Ed25519 || !got.Strict || len(got.VerificationKey) == 0 || got.Hint != "" {
			t.Errorf("Lookup: %+v, %v, a secret: %v", got, err, !secret.IsEmpty())
		}
		var stored int
		if err := db.Get(t.Context(), &stored, `SELECT LENGTH(secret) FROM apps WHERE public = $1`, app.Public); err != nil || stored != 0 {
			t.Errorf("%d bytes of a secret are stored, %v", stored, err)
		}
		loose := false
		if got, err := s.Update(t.Context(), audit.Operator, 1, app.Public, apps.Change{Strict: &loose}); err != nil || !got.Strict {
			t.Errorf("without a secret there is nothing but strict: %+v, %v", got.Strict, err)
		}
		var none apps.VerificationKey
		var invalid *apps.Invalid
		if _, err := s.Enrol(t.Context(), audit.Operator, apps.New{UserID: 1, Name: "x"}, none); !errors.As(err, &invalid) {
			t.Errorf("no key: %v, want *Invalid", err)
		}
		if _, err := s.RotateKey(t.Context(), audit.Operator, 1, app.Public, time.Hour, none); !errors.As(err, &invalid) {
			t.Errorf("a successor without a key: %v, want *Invalid", err)
		}
		// The algorithm of a key with a secret, or a key that was emptied, must
		// not turn into an empty secret.
		withSecret, _ := create(t, s, 1)
		for name, damage := range map[string]string{
			"emptied":              `UPDATE apps SET verification_key = $2 WHERE public = $1`,
			"hmac with no secret":  `UPDATE apps SET algorithm = 'hmac-sha256', secret = $2 WHERE public = $1`,
			"secret and algorithm": `UPDATE apps SET algorithm = 'ed25519', verification_key = NULL WHERE public = $1 AND LENGTH($2) = 0`,
		} {
			enrolled, err := s.Enrol(t.Context(), audit.Operator, apps.New{UserID: 1, Name: name}, edKey(t))
			if err != nil {
				t.Fatal(err)
			}
			public := enrolled.Public
			if name == "secret and algorithm" {
				public = withSecret.Public
			}
			if _, err := db.Exec(t.Context(), damage, public, []byte{}); err != nil {
				t.Fatal(err)
			}
			c.Add(2 * time.Second)
			if secret, _, err := s.Lookup(t.Context(), public); !errors.Is(err, apps.ErrSealed) || !secret.IsEmpty() {
				t.Errorf("%s: %v, want ErrSealed", name, err)
			}
		}
	})
}

// K15: the successor of such a key has no secret either.
func TestK15RotateVerificationKey(t *testing.T) {
	each(t, func(t *testing.T, s *apps.Store, _ *database.DB, c *databasetest.Clock) {
		app, err := s.Enrol(t.Context(), audit.Operator, apps.New{UserID: 1, Name: "x"}, edKey(t))
		if err != nil {
			t.Fatal(err)
		}
		var invalid *apps.Invalid
		if _, _, err := s.Rotate(t.Context(), audit.Operator, 1, app.Public, time.Hour); !errors.As(err, &invalid) {
			t.Errorf("a secret as successor: %v, want *Invalid", err)
		}
		next, err := s.RotateKey(t.Context(), audit.Operator, 1, app.Public, time.Hour, edKey(t))
		if err != nil || bytes.Equal(next.VerificationKey, app.VerificationKey) || next.Algorithm != apps.Ed25519 {
			t.Fatalf("%+v, %v", next, err)
		}
		if err := lookup(t, s, app.Public); err != nil {
			t.Errorf("the old key during the overlap: %v", err)
		}
		c.Add(time.Hour)
		if err := lookup(t, s, app.Public); !errors.Is(err, apps.ErrExpired) {
			t.Errorf("the old key afterwards: %v, want ErrExpired", err)
		}
		withSecret, _ := create(t, s, 1)
		if _, err := s.RotateKey(t.Context(), audit.Operator, 1, withSecret.Public, time.Hour, edKey(t)); !errors.As(err, &invalid) {
			t.Errorf("a verification key as successor of a secret: %v, want *Invalid", err)
		}
	})
}

// K16: enrolment is closed unless it was opened, and closes after its time or
// one success.
func TestK16EnrolmentWindow(t *testing.T) {
	each(t, func(t *testing.T, s *apps.Store, db *database.DB, c *databasetest.Clock) {
		enrol := func(code string) (apps.App, error) {
			return s.EnrolByCode(t.Context(), audit.Actor{Via: "test"}, code, "Build server", edKey(t))
		}
		open := func(life time.Duration) string {
			t.Helper()
			networks, _ := apps.ParseNetworks("192.0.2.0/24")
			code, until, err := s.OpenEnrolment(t.Context(), audit.Operator, apps.New{
				UserID: 2, Networks: networks,
				Scope: apps.Scope{Rights: []apps.Right{apps.Draft}, Methods: []string{"wp.newPost"}},
			}, life)
			if err != nil || life != 0 && !until.Equal(c.Now().Add(life)) {
				t.Fatalf("until %v, %v", until, err)
			}
			if !regexp.MustCompile(`^[A-Z2-7]{26}$`).MatchString(code.Reveal()) { // 5 bits each
				t.Errorf("the code does not have 128 bits")
			}
			return code.Reveal()
		}
		for _, code := range []string{"", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"} {
			if _, err := enrol(code); !errors.Is(err, apps.ErrNoEnrolment) {
				t.Errorf("code %q while none is open: %v, want ErrNoEnrolment", code, err)
			}
		}
		first := open(0)
		c.Add(apps.DefaultEnrolment - time.Millisecond)
		if until, err := s.Enrolment(t.Context(), 2); err != nil || until.IsZero() {
			t.Errorf("Enrolment: %v, %v", until, err)
		}
		// An invalid enrolment leaves it open.
		var invalid *apps.Invalid
		if _, err := s.EnrolByCode(t.Context(), audit.Operator, first, "", edKey(t)); !errors.As(err, &invalid) {
			t.Errorf("no name: %v, want *Invalid", err)
		}
		app, err := enrol(strings.ToLower(first[:5]) + "-" + first[5:])
		if err != nil || app.UserID != 2 || len(app.Networks) != 1 || !app.Scope.Allows(apps.Draft) || app.Scope.Allows(apps.Publish) || app.Scope.AllowsMethod("wp.getPost") {
			t.Errorf("the enrolled key: %+v, %v", app, err)
		}
		if _, err := enrol(first); !errors.Is(err, apps.ErrNoEnrolment) {
			t.Errorf("the same code again: %v, want ErrNoEnrolment", err)
		}
		late := open(10 * time.Minute)
		c.Add(10 * time.Minute)
		if _, err := enrol(late); !errors.Is(err, apps.ErrNoEnrolment) {
			t.Errorf("too late: %v, want ErrNoEnrolment", err)
		}
		if until, err := s.Enrolment(t.Context(), 2); err != nil || !until.IsZero() {
			t.Errorf("Enrolment after its time: %v, %v", until, err)
		}
		replaced, closed := open(0), ""
		closed = open(0)
		if _, err := enrol(replaced); !errors.Is(err, apps.ErrNoEnrolment) {
			t.Errorf("a code that another has replaced: %v, want ErrNoEnrolment", err)
		}
		// The trail has it once, and expired codes of others are removed with
		// it.
		if _, _, err := s.OpenEnrolment(t.Context(), audit.Operator, apps.New{UserID: 1}, time.Minute); err != nil {
			t.Fatal(err)
		}
		c.Add(time.Minute)
		for range 2 {
			if err := s.CloseEnrolment(t.Context(), audit.Operator, 2); err != nil {
				t.Fatal(err)
			}
		}
		var codes int
		if err := db.Get(t.Context(), &codes, `SELECT COUNT(*) FROM one_time_codes`); err != nil || codes != 0 {
			t.Errorf("%d codes are left, %v", codes, err)
		}
		trail, err := audit.List(t.Context(), db, audit.Filter{UserID: 2})
		if err != nil || trail[0].Kind != apps.EnrolmentClosed || trail[1].Kind != apps.EnrolmentOpened {
			t.Errorf("the trail: %+v, %v", trail, err)
		}
		if _, err := enrol(closed); !errors.Is(err, apps.ErrNoEnrolment) {
			t.Errorf("after it was closed: %v, want ErrNoEnrolment", err)
		}
		for _, life := range []time.Duration{-1, apps.MaxEnrolment + 1} {
			if _, _, err := s.OpenEnrolment(t.Context(), audit.Operator, apps.New{UserID: 2}, life); !errors.As(err, &invalid) {
				t.Errorf("open for %v: %v, want *Invalid", life, err)
			}
		}
		var kept []string
		if err := db.Select(t.Context(), &kept, `SELECT detail FROM one_time_codes`); err != nil || len(kept) != 0 {
			t.Errorf("codes that are left: %q, %v", kept, err)
		}
	})
}

// K16: of many clients with one code, one is enrolled.
func TestK16OneSuccess(t *testing.T) {
	each(t, func(t *testing.T, s *apps.Store, _ *database.DB, _ *databasetest.Clock) {
		code, _, err := s.OpenEnrolment(t.Context(), audit.Operator, apps.New{UserID: 1}, 0)
		if err != nil {
			t.Fatal(err)
		}
		key := edKey(t)
		var made atomic.Int64
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				_, err := s.EnrolByCode(t.Context(), audit.Operator, code.Reveal(), "x", key)
				switch {
				case err == nil:
					made.Add(1)
				case !errors.Is(err, apps.ErrNoEnrolment):
					t.Error(err)
				}
			})
		}
		group.Wait()
		if made.Load() != 1 {
			t.Errorf("%d programs were enrolled, want 1", made.Load())
		}
	})
}
