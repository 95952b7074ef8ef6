package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"math/big"

	"github.com/quillgate/quillgate/signature"
)

// dummies are keys that nobody has, one for each algorithm. A signature under
// a key that does not exist is checked with one of them, so that the time of
// the answer does not tell such a key from one that exists. For an algorithm
// that is not known there is the zero Key, which matches nothing.
type dummies map[signature.Algorithm]signature.Key

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
	d := dummies{signature.HMACSHA256: signature.HMACKey([]byte(secret))}
	for alg, public := range map[signature.Algorithm]crypto.PublicKey{
		signature.Ed25519: edwards, signature.ECDSAP256SHA256: curve.Public(), signature.RSAPSSSHA512: mod, signature.RSAv15SHA256: mod,
	} {
		key, err := signature.PublicKey(alg, public)
		if err != nil {
			panic("auth: " + err.Error())
		}
		d[alg] = key
	}
	return d
}
