package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"math/big"

	"github.com/quillgate/quillgate/signature"
)

// dummies are keys that no one has, one for each algorithm. A signature under a
// key that does not exist is checked with one of them, so that the time of the
// answer does not tell such a key from one that exists. They are kept as an
// application's are: reading them is a part of that time.
type dummies struct {
	secret string
	public map[signature.Algorithm][]byte // PKIX
}

func newDummies(secret string) dummies {
	// Reading from rand never fails since Go 1.24, and so neither does this.
	edwards, _, _ := ed25519.GenerateKey(nil)
	curve, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	// A modulus need not have two prime factors to be computed with, and to
	// find them would take a second of every start.
	modulus := make([]byte, 2048/8)
	rand.Read(modulus)
	modulus[0], modulus[len(modulus)-1] = 0xff, modulus[len(modulus)-1]|1
	mod := &rsa.PublicKey{N: new(big.Int).SetBytes(modulus), E: 65537}
	d := dummies{secret, make(map[signature.Algorithm][]byte)}
	for alg, public := range map[signature.Algorithm]crypto.PublicKey{
		signature.Ed25519: edwards, signature.ECDSAP256SHA256: curve.Public(), signature.RSAPSSSHA512: mod, signature.RSAv15SHA256: mod,
	} {
		der, err := x509.MarshalPKIXPublicKey(public)
		if err != nil {
			panic("auth: " + err.Error())
		}
		d.public[alg] = der
	}
	return d
}

// key is the one for an algorithm; for one that is not known the zero Key,
// which matches nothing.
func (d dummies) key(alg signature.Algorithm) signature.Key {
	if alg == signature.HMACSHA256 {
		return signature.HMACKey([]byte(d.secret))
	}
	key, err := signature.ParsePublicKey(alg, d.public[alg])
	if err != nil {
		return signature.Key{}
	}
	return key
}
