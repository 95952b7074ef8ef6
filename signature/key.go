package signature

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"slices"
)

// Algorithm is the name of a signature algorithm in the registry of RFC 9421
// section 6.2.
type Algorithm string

// The supported algorithms.
const (
	HMACSHA256      Algorithm = "hmac-sha256"
	Ed25519         Algorithm = "ed25519"
	RSAPSSSHA512    Algorithm = "rsa-pss-sha512"
	RSAv15SHA256    Algorithm = "rsa-v1_5-sha256"
	ECDSAP256SHA256 Algorithm = "ecdsa-p256-sha256"
)

// Valid reports whether the algorithm is supported.
func (a Algorithm) Valid() bool {
	switch a {
	case HMACSHA256, Ed25519, RSAPSSSHA512, RSAv15SHA256, ECDSAP256SHA256:
		return true
	}
	return false
}

var (
	// ErrKey means that a key does not fit its algorithm, or is too weak.
	ErrKey = errors.New("unusable key")
	// ErrMismatch means that a signature does not belong to the message and the
	// key.
	ErrMismatch = errors.New("the signature does not match")
)

// The sizes of RSA moduli that are accepted, in bits. The upper limit exists
// because the verification time grows with the size.
const (
	minRSA = 2048
	maxRSA = 8192
)

// p256Len is the length of r and of s. A signature is r followed by s (RFC 9421
// section 3.3.4), not DER.
const p256Len = 32

// Key is a key together with its only algorithm. The zero value signs nothing
// and matches nothing. Printing it reveals only the algorithm.
type Key struct {
	alg    Algorithm
	secret []byte
	public crypto.PublicKey
	signer crypto.Signer
}

// HMACKey returns a key for hmac-sha256. An empty secret yields the zero Key.
func HMACKey(secret []byte) Key {
	if len(secret) == 0 {
		return Key{}
	}
	return Key{alg: HMACSHA256, secret: slices.Clone(secret)}
}

// PublicKey returns a key that verifies. The error is ErrKey if the type of the
// key does not fit the algorithm, or if the modulus of an RSA key has less than
// 2048 or more than 8192 bits, or its exponent is below 65537.
func PublicKey(alg Algorithm, public crypto.PublicKey) (Key, error) {
	switch p := public.(type) {
	case ed25519.PublicKey:
		if alg == Ed25519 && len(p) == ed25519.PublicKeySize {
			return Key{alg: alg, public: p}, nil
		}
	case *ecdsa.PublicKey:
		if alg == ECDSAP256SHA256 && p.Curve == elliptic.P256() {
			return Key{alg: alg, public: p}, nil
		}
	case *rsa.PublicKey:
		if alg != RSAPSSSHA512 && alg != RSAv15SHA256 {
			break
		}
		if bits := p.N.BitLen(); bits < minRSA || bits > maxRSA {
			return Key{}, fmt.Errorf("%w: an RSA key of %d bits, want %d to %d", ErrKey, bits, minRSA, maxRSA)
		}
		if p.E < 65537 || p.E%2 == 0 {
			return Key{}, fmt.Errorf("%w: the exponent of the RSA key is %d, want 65537", ErrKey, p.E)
		}
		return Key{alg: alg, public: p}, nil
	}
	return Key{}, fmt.Errorf("%w: a key of type %T is not for %q", ErrKey, public, string(alg))
}

// PrivateKey returns a key that signs and verifies. Errors: those of PublicKey.
func PrivateKey(alg Algorithm, private crypto.Signer) (Key, error) {
	if private == nil {
		return Key{}, ErrKey
	}
	k, err := PublicKey(alg, private.Public())
	k.signer = private
	if err != nil {
		return Key{}, err
	}
	return k, nil
}

// ParsePublicKey parses a public key: PEM with one block ("PUBLIC KEY" or "RSA
// PUBLIC KEY"), or a SubjectPublicKeyInfo in DER. An RSA key may be restricted
// to PSS. If alg is empty, the type of the key selects it; RSA keys get
// rsa-pss-sha512. Error: ErrKey.
func ParsePublicKey(alg Algorithm, text []byte) (Key, error) {
	der, kind := text, "PUBLIC KEY"
	if block, rest := pem.Decode(text); block != nil {
		if more, _ := pem.Decode(rest); more != nil {
			return Key{}, fmt.Errorf("%w: several keys in one text", ErrKey)
		}
		der, kind = block.Bytes, block.Type
	}
	var public crypto.PublicKey
	var err error
	switch kind {
	case "PUBLIC KEY":
		var found bool
		if public, found, err = pssPublic(alg, der); !found {
			public, err = x509.ParsePKIXPublicKey(der)
		}
	case "RSA PUBLIC KEY":
		public, err = x509.ParsePKCS1PublicKey(der)
	default:
		err = errors.New("not a public key")
	}
	switch {
	case errors.Is(err, ErrKey):
		return Key{}, err
	case err != nil:
		return Key{}, fmt.Errorf("%w: %v", ErrKey, err)
	}
	if alg == "" {
		alg = usual(public)
	}
	return PublicKey(alg, public)
}

// ParsePrivateKey parses an unencrypted private key, from PEM with one key:
// "PRIVATE KEY", "RSA PRIVATE KEY" or "EC PRIVATE KEY". If alg is empty, it is
// chosen as by ParsePublicKey. Error: ErrKey.
func ParsePrivateKey(alg Algorithm, text []byte) (Key, error) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		var private any
		var err error
		switch block.Type {
		case "PRIVATE KEY":
			if key, found, err := parsePSSPrivate(alg, block.Bytes); found {
				return key, err
			}
			private, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "RSA PRIVATE KEY":
			private, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			private, err = x509.ParseECPrivateKey(block.Bytes)
		case "ENCRYPTED PRIVATE KEY":
			return Key{}, fmt.Errorf("%w: the private key is encrypted: openssl pkey -in FILE -out PLAIN writes it unencrypted", ErrKey)
		case "OPENSSH PRIVATE KEY":
			return Key{}, fmt.Errorf("%w: the private key is in the form of OpenSSH: openssl genpkey -algorithm ed25519 makes one in PEM", ErrKey)
		default: // such as the parameters that openssl writes before the key
			continue
		}
		signer, ok := private.(crypto.Signer)
		if err != nil || !ok {
			// The parser's error may reveal parts of the key.
			return Key{}, fmt.Errorf("%w: the private key cannot be read", ErrKey)
		}
		if alg == "" {
			alg = usual(signer.Public())
		}
		return PrivateKey(alg, signer)
	}
	return Key{}, fmt.Errorf("%w: there is no private key in PEM", ErrKey)
}

// usual returns the default algorithm for a type of key.
func usual(public crypto.PublicKey) Algorithm {
	switch public.(type) {
	case ed25519.PublicKey:
		return Ed25519
	case *ecdsa.PublicKey:
		return ECDSAP256SHA256
	case *rsa.PublicKey:
		return RSAPSSSHA512
	}
	return ""
}

// Algorithm returns the algorithm of the key. It is empty for the zero value.
func (k Key) Algorithm() Algorithm { return k.alg }

// IsZero reports whether the key is the zero value, which matches nothing.
func (k Key) IsZero() bool { return k.alg == "" }

// String and GoString omit the key.
func (k Key) String() string   { return "signature.Key(" + string(k.alg) + ")" }
func (k Key) GoString() string { return k.String() }

// MarshalPublic returns the public half in PEM, as "PUBLIC KEY". The error is
// ErrKey if the key has none.
func (k Key) MarshalPublic() ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(k.public)
	if err != nil {
		return nil, fmt.Errorf("%w: no public half", ErrKey)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// sign computes the signature of a text.
func (k Key) sign(base []byte) ([]byte, error) {
	if k.alg == HMACSHA256 {
		return k.mac(base), nil
	}
	if k.signer == nil {
		return nil, fmt.Errorf("%w: it cannot sign", ErrKey)
	}
	var value []byte
	var err error
	switch k.alg {
	case Ed25519:
		value, err = k.signer.Sign(rand.Reader, base, crypto.Hash(0))
	case RSAPSSSHA512:
		sum := sha512.Sum512(base)
		value, err = k.signer.Sign(rand.Reader, sum[:], &rsa.PSSOptions{SaltLength: sha512.Size, Hash: crypto.SHA512})
	case RSAv15SHA256:
		sum := sha256.Sum256(base)
		value, err = k.signer.Sign(rand.Reader, sum[:], crypto.SHA256)
	case ECDSAP256SHA256:
		sum := sha256.Sum256(base)
		if value, err = k.signer.Sign(rand.Reader, sum[:], crypto.SHA256); err == nil {
			value, err = rawECDSA(value)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return value, nil
}

func (k Key) mac(base []byte) []byte {
	mac := hmac.New(sha256.New, k.secret)
	mac.Write(base)
	return mac.Sum(nil)
}

// rawECDSA converts a signature from DER.
func rawECDSA(der []byte) ([]byte, error) {
	var parts struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(der, &parts); err != nil || len(rest) > 0 {
		return nil, errors.New("the signer does not return ECDSA signatures in DER")
	}
	raw := make([]byte, 2*p256Len)
	parts.R.FillBytes(raw[:p256Len])
	parts.S.FillBytes(raw[p256Len:])
	return raw, nil
}

// matches reports whether value is a signature of a text under the key.
func (k Key) matches(base, value []byte) bool {
	switch k.alg {
	case HMACSHA256:
		return hmac.Equal(k.mac(base), value)
	case Ed25519:
		public, ok := k.public.(ed25519.PublicKey)
		return ok && ed25519.Verify(public, base, value)
	case RSAPSSSHA512:
		public, ok := k.public.(*rsa.PublicKey)
		sum := sha512.Sum512(base)
		// RFC 9421 section 3.3.1 demands a salt of 64 bytes, as signed here.
		// Some libraries use the longest salt that fits, which is not weaker.
		options := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto}
		return ok && rsa.VerifyPSS(public, crypto.SHA512, sum[:], value, options) == nil
	case RSAv15SHA256:
		public, ok := k.public.(*rsa.PublicKey)
		sum := sha256.Sum256(base)
		return ok && rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], value) == nil
	case ECDSAP256SHA256:
		public, ok := k.public.(*ecdsa.PublicKey)
		if !ok || len(value) != 2*p256Len {
			return false
		}
		sum := sha256.Sum256(base)
		r, s := new(big.Int).SetBytes(value[:p256Len]), new(big.Int).SetBytes(value[p256Len:])
		return ecdsa.Verify(public, sum[:], r, s)
	}
	return false
}
