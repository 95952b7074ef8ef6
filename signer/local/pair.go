package local

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"time"
)

// NewPair creates an Ed25519 key pair and returns both halves in PEM. The
// private half never leaves this computer.
func NewPair() (private, public string, err error) {
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", "", fmt.Errorf("make a key pair: %w", err)
	}
	inner, err := x509.MarshalPKCS8PrivateKey(priv)
	if err != nil {
		return "", "", fmt.Errorf("make a key pair: %w", err)
	}
	outer, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return "", "", fmt.Errorf("make a key pair: %w", err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: inner})), string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: outer})), nil
}

// ApplicationName returns the name of this signer for the blog's list of
// applications. It contains the computer and the time: older WordPress versions
// require unique names.
func ApplicationName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "this computer"
	}
	return fmt.Sprintf("Quillgate signer on %.60s, %s", host, time.Now().Format("2006-01-02 15:04:05"))
}
