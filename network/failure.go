package network

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"
)

// Failure is the reason why a request got no answer. Each caller words it for
// its own readers, who can do different things about it.
type Failure int

const (
	OtherFailure   Failure = iota // none of those below
	Canceled                      // the caller canceled the request
	NameUnknown                   // DNS has no such name
	NameNotFound                  // the DNS server does not answer
	NotTrusted                    // no known authority signed the certificate
	OtherName                     // the certificate belongs to another name
	Expired                       // the certificate is not valid yet, or has expired
	BadCertificate                // the certificate is wrong in another way
	NoTLS                         // the server does not speak TLS
	TLSRefused                    // the other side ended the handshake with an alert
	Refused                       // nothing listens there
	NoRoute                       // the address cannot be reached from here
	TimedOut                      // no answer came in time
	Closed                        // the connection was closed without an answer
)

// FailureOf returns the reason for an error of a connection, of an
// [http.RoundTripper] or of an [http.Client].
func FailureOf(err error) Failure {
	var (
		dns     *net.DNSError
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
		verify  *tls.CertificateVerificationError
		record  tls.RecordHeaderError
		alert   tls.AlertError
		remote  *net.OpError
		timeout net.Error
	)
	switch {
	case errors.Is(err, context.Canceled):
		return Canceled
	case errors.As(err, &dns) && dns.IsNotFound:
		return NameUnknown
	case errors.As(err, &dns):
		return NameNotFound
	case errors.As(err, &unknown):
		return NotTrusted
	case errors.As(err, &name):
		return OtherName
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return Expired
	case errors.As(err, &verify):
		return BadCertificate
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return NoTLS
	case errors.As(err, &alert), errors.As(err, &remote) && remote.Op == "remote error": // as crypto/tls names an alert
		return TLSRefused
	case errors.Is(err, syscall.ECONNREFUSED):
		return Refused
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EADDRNOTAVAIL):
		return NoRoute
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return TimedOut
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return Closed
	}
	return OtherFailure
}
