package apps

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// Algorithms of keys without a secret, as in the registry of RFC 9421.
const (
	Ed25519   = "ed25519"
	RSAPSS    = "rsa-pss-sha512"
	RSAv15    = "rsa-v1_5-sha256"
	ECDSAP256 = "ecdsa-p256-sha256"

	hmacSHA256 = "hmac-sha256" // of keys that have a secret
)

// Algorithms lists the algorithms of verification keys.
func Algorithms() []string { return []string{Ed25519, ECDSAP256, RSAPSS, RSAv15} }

// Limits for the modulus of an RSA key, in bits.
const (
	minRSA      = 2048
	maxRSA      = 8192
	minExponent = 65537
)

// VerificationKey is a checked public key with its algorithm. The zero value is
// not a key: nobody can enrol with it.
type VerificationKey struct {
	algorithm string
	der       []byte // PKIX
}

var errNoKey = &Invalid{"verification key", "it is missing"}

// maxKeyText is how much of a key is read, in bytes.
const maxKeyText = 16 << 10

// ParseVerificationKey parses a public key: PEM with the label PUBLIC KEY
// (PKIX) or RSA PUBLIC KEY (PKCS #1), or PKIX in DER. It accepts RSA from 2048
// to 8192 bits with an exponent of 65537 or more, Ed25519, and ECDSA over
// P-256, each for its own algorithms only. Error: *Invalid.
func ParseVerificationKey(algorithm string, text []byte) (VerificationKey, error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return VerificationKey{}, errNoKey
	}
	if len(text) > maxKeyText {
		return VerificationKey{}, &Invalid{"verification key", "it is too long"}
	}
	public, err := parsePublic(text)
	if err != nil {
		return VerificationKey{}, err
	}
	if only, ok := public.(pssOnly); ok {
		if algorithm != RSAPSS {
			return VerificationKey{}, &Invalid{"algorithm", "the key is limited to PSS: it must sign with " + RSAPSS}
		}
		public = only.PublicKey
	}
	if err := suits(algorithm, public); err != nil {
		return VerificationKey{}, err
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return VerificationKey{}, &Invalid{"verification key", "it is not a public key of a known type"}
	}
	return VerificationKey{algorithm, der}, nil
}

func parsePublic(text []byte) (any, error) {
	der, pkcs1 := withoutSpace(text), false
	if block, rest := pem.Decode(bytes.TrimSpace(text)); block != nil {
		switch {
		case strings.Contains(block.Type, "PRIVATE"):
			return nil, &Invalid{"verification key", "this is the private half, which only the client may have. Give the public half, and create a new pair if this one was sent over a network"}
		case len(bytes.TrimSpace(rest)) > 0:
			return nil, &Invalid{"verification key", "it has more than one block"}
		case block.Type != "PUBLIC KEY" && block.Type != "RSA PUBLIC KEY":
			return nil, &Invalid{"verification key", "it must be a PEM block labelled PUBLIC KEY"}
		}
		der, pkcs1 = block.Bytes, block.Type == "RSA PUBLIC KEY"
	}
	var public any
	var err error
	if pkcs1 {
		public, err = x509.ParsePKCS1PublicKey(der)
	} else if public, err = parsePSS(der); public == nil && err == nil {
		public, err = x509.ParsePKIXPublicKey(der)
	}
	if errors.As(err, new(*Invalid)) {
		return nil, err
	}
	if err != nil {
		return nil, &Invalid{"verification key", "it is not a public key in PEM or DER"}
	}
	return public, nil
}

// withoutSpace removes white space around DER. The last byte of a key may
// itself be a space or a line feed, so the length in the DER determines its
// end.
func withoutSpace(text []byte) []byte {
	text = bytes.TrimLeft(text, " \t\r\n")
	var whole asn1.RawValue
	if rest, err := asn1.Unmarshal(text, &whole); err == nil && len(bytes.TrimSpace(rest)) == 0 {
		return whole.FullBytes
	}
	return text
}

// pssOnly is an RSA key that is restricted to PSS (RFC 4055 section 1.2).
type pssOnly struct{ *rsa.PublicKey }

// parsePSS parses such a key, which package x509 does not support. It returns
// nil for other keys.
func parsePSS(der []byte) (any, error) {
	var k struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	_, err := asn1.Unmarshal(der, &k)
	switch {
	case err != nil || !k.Algorithm.Algorithm.Equal(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}):
		return nil, nil
	case len(k.Algorithm.Parameters.FullBytes) > 0:
		return nil, &Invalid{"verification key", "the key is bound to one hash. Create one that is not: openssl genpkey -algorithm rsa-pss -pkeyopt rsa_keygen_bits:3072"}
	}
	public, err := x509.ParsePKCS1PublicKey(k.Key.RightAlign())
	return pssOnly{public}, err
}

// suits reports whether a key fits an algorithm.
func suits(algorithm string, public any) error {
	var kind string
	var allowed []string
	switch k := public.(type) {
	case *rsa.PublicKey:
		bits := k.N.BitLen()
		switch {
		case bits < minRSA || bits > maxRSA:
			return &Invalid{"verification key", fmt.Sprintf("an RSA key must have %d to %d bits (3072 is a good choice); this one has %d", minRSA, maxRSA, bits)}
		case k.E < minExponent || k.E%2 == 0 || k.N.Bit(0) == 0:
			return &Invalid{"verification key", fmt.Sprintf("an RSA key must have an exponent of at least %d", minExponent)}
		}
		kind, allowed = "RSA", []string{RSAPSS, RSAv15}
	case ed25519.PublicKey:
		kind, allowed = "Ed25519", []string{Ed25519}
	case *ecdsa.PublicKey:
		if k.Curve != elliptic.P256() {
			return &Invalid{"verification key", "P-256 is the only elliptic curve that is accepted"}
		}
		kind, allowed = "ECDSA", []string{ECDSAP256}
	default:
		return &Invalid{"verification key", "it must be RSA, Ed25519 or ECDSA over P-256"}
	}
	for _, name := range allowed {
		if algorithm == name {
			return nil
		}
	}
	return &Invalid{"algorithm", fmt.Sprintf("a key of type %s signs with %s", kind, strings.Join(allowed, " or "))}
}
