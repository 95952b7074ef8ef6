package auth_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/signature"
)

// verificationKey creates a key pair and replaces the application's secret by
// its public half.
func (h *house) verificationKey(t testing.TB, u auth.User, alg signature.Algorithm) (apps.App, signature.Key) {
	t.Helper()
	app, _ := h.key(t, u)
	var private any
	var err error
	switch alg {
	case signature.Ed25519:
		_, private, err = ed25519.GenerateKey(nil)
	case signature.ECDSAP256SHA256:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		private, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	key, err := signature.ParsePrivateKey(alg, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	if err != nil {
		t.Fatal(err)
	}
	public, err := key.MarshalPublic()
	if err != nil {
		t.Fatal(err)
	}
	h.pin(t, app, alg, public)
	return app, key
}

// pin gives an application a verification key in PEM.
func (h *house) pin(t testing.TB, app apps.App, alg signature.Algorithm, public []byte) {
	t.Helper()
	var der []byte
	if block, _ := pem.Decode(public); block != nil {
		der = block.Bytes
	}
	_, err := h.db.Exec(context.Background(), `UPDATE apps SET secret = $4, algorithm = $2, verification_key = $3 WHERE public = $1`, app.Public, string(alg), der, []byte{})
	if err != nil {
		t.Fatal(err)
	}
}

// K15: the algorithm was fixed with the key. A request that names another is
// refused, even if its signature is right for that one.
func TestK15PinnedAlgorithm(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		ada := h.user(t, "ada", auth.Author)
		algorithms := []signature.Algorithm{signature.Ed25519, signature.ECDSAP256SHA256, signature.RSAPSSSHA512, signature.RSAv15SHA256}
		for _, alg := range algorithms {
			app, key := h.verificationKey(t, ada, alg)
			if _, err := h.verify(strict(h, app, key).request(t), body); err != nil {
				t.Errorf("%s: %v", alg, err)
			}
			public, err := key.MarshalPublic()
			if err != nil {
				t.Fatal(err)
			}
			// A public value must not work as a secret, whatever alg is.
			block, _ := pem.Decode(public)
			for _, known := range [][]byte{public, block.Bytes} {
				for _, named := range append(algorithms, signature.HMACSHA256, "none", "rsa-sha1") {
					m := strict(h, app, signature.HMACKey(known))
					m.params.Alg = named
					if _, err := h.verify(m.request(t), body); err != auth.ErrDenied {
						t.Errorf("%s: HMAC with the public key, named %s: %v", alg, named, err)
					}
				}
			}
			h.reasons()
			if _, err := h.verify(post(addr, body, signature.Sign(app.Public, "", []byte(body))), body); err != auth.ErrDenied {
				t.Errorf("%s: the header scheme: %v", alg, err)
			}
			if diff := cmp.Diff([]auth.Reason{auth.VerificationKeyOnly}, h.reasons()); diff != "" {
				t.Errorf("%s: reasons (-want +got):\n%s", alg, diff)
			}
		}
		// One pair of RSA, two algorithms.
		app, key := h.verificationKey(t, ada, signature.RSAPSSSHA512)
		public, err := key.MarshalPublic()
		if err != nil {
			t.Fatal(err)
		}
		h.clock.Add(2 * time.Second)
		h.pin(t, app, signature.RSAv15SHA256, public)
		if _, err := h.verify(strict(h, app, key).request(t), body); err != auth.ErrDenied {
			t.Errorf("rsa-pss under a key of rsa-v1_5: %v", err)
		}
	})
}

// K15: an empty key matches nobody.
func TestK15NoKeyIsNobody(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		ada := h.user(t, "ada", auth.Author)
		for _, alg := range []signature.Algorithm{signature.Ed25519, signature.HMACSHA256, ""} {
			app, _ := h.key(t, ada)
			h.pin(t, app, alg, nil)
			_, err := h.db.Exec(t.Context(), `UPDATE apps SET verification_key = $2 WHERE public = $1`, app.Public, []byte{})
			if err != nil {
				t.Fatal(err)
			}
			for _, secret := range []string{"x", app.Public} {
				m := strict(h, app, signature.HMACKey([]byte(secret)))
				for _, named := range []signature.Algorithm{alg, signature.HMACSHA256, signature.Ed25519} {
					m.params.Alg = named
					if _, err := h.verify(m.request(t), body); err != auth.ErrDenied {
						t.Errorf("%q: signed by %q as %q: %v", alg, secret, named, err)
					}
				}
			}
		}
	})
}

// A message that was signed for another server is refused here, since both may
// know the verification key.
func TestOtherServersMessages(t *testing.T) {
	own := true
	each(t, func(c *auth.Config) {
		c.Origin = func(r *http.Request) auth.Origin { return auth.Origin{Scheme: "https", Authority: r.Host, Own: own} }
	}, func(t *testing.T, h *house) {
		ada := h.user(t, "ada", auth.Author)
		pair, private := h.verificationKey(t, ada, signature.Ed25519)
		app, secret := h.key(t, ada)
		for _, own = range []bool{true, false} {
			if _, err := h.verify(strict(h, pair, private).request(t), body); (err == nil) != own {
				t.Errorf("verification key, own %v: %v", own, err)
			}
			if _, err := h.verify(strict(h, app, hmacKey(secret)).request(t), body); err != nil {
				t.Errorf("secret, own %v: %v", own, err)
			}
		}
	})
}
