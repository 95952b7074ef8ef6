package signature

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
)

// oidPSS marks RSA keys that are for PSS alone (RFC 4055 section 1.2), as
// openssl genpkey -algorithm rsa-pss makes them. Package x509 does not read
// them.
var oidPSS = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}

// parsePSSPrivate reads such a key in PKCS #8; found reports whether it is one.
func parsePSSPrivate(alg Algorithm, der []byte) (key Key, found bool, err error) {
	var k struct {
		Version   int
		Algorithm pkix.AlgorithmIdentifier
		Key       []byte
		Rest      asn1.RawValue `asn1:"optional,tag:0"`
	}
	if _, err := asn1.Unmarshal(der, &k); err != nil || !k.Algorithm.Algorithm.Equal(oidPSS) {
		return Key{}, false, nil
	}
	private, err := x509.ParsePKCS1PrivateKey(k.Key)
	if err != nil {
		return Key{}, true, fmt.Errorf("%w: the private key cannot be read", ErrKey)
	}
	if err := suitsPSS(alg, k.Algorithm); err != nil {
		return Key{}, true, err
	}
	key, err = PrivateKey(RSAPSSSHA512, private)
	return key, true, err
}

// pssPublic reads the public half.
func pssPublic(alg Algorithm, der []byte) (public crypto.PublicKey, found bool, err error) {
	var k struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &k); err != nil || !k.Algorithm.Algorithm.Equal(oidPSS) {
		return nil, false, nil
	}
	if err := suitsPSS(alg, k.Algorithm); err != nil {
		return nil, true, err
	}
	public, err = x509.ParsePKCS1PublicKey(k.Key.RightAlign())
	return public, true, err
}

// suitsPSS refuses what is not rsa-pss-sha512. A key can be bound to a hash and
// a length of the salt; one that is cannot be used with others, and is not
// looked into.
func suitsPSS(alg Algorithm, a pkix.AlgorithmIdentifier) error {
	switch {
	case alg != "" && alg != RSAPSSSHA512:
		return fmt.Errorf("%w: the key is for %s alone", ErrKey, RSAPSSSHA512)
	case len(a.Parameters.FullBytes) > 0:
		return fmt.Errorf("%w: the key is bound to one hash: make one that is not, with openssl genpkey -algorithm rsa-pss -pkeyopt rsa_keygen_bits:3072", ErrKey)
	}
	return nil
}
