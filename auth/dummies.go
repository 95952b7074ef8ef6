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

// dummies are keys that nobody has, one for each algorithm. A signature under
// an unknown key is checked with one of them, so that the time of the answer
// does not reveal which keys exist. They are stored in the same form as an
// application's, because parsing is part of that time.
type dummies struct {
	secret string
	public map[signature.Algorithm][]byte // PKIX
}

func newDummies(secret string) dummies {
	// Since Go 1.24 reading from rand never fails, and so neither does this.
	edwards, _, _ := ed25519.GenerateKey(nil)
	curve, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	// A modulus need not have two prime factors for the computation, and
	// finding them would add a second to every start.
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

// key returns the key for an algorithm, or the zero Key, which matches nothing,
// for an unknown one.
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
