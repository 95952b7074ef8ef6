package upstream

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

// Failure is why a request got no answer. Each caller has its own words for it, since its readers can do different things
// about it.
type Failure int

const (
	OtherFailure   Failure = iota // none of those below
	Canceled                      // the caller gave up
	NameUnknown                   // DNS has no such name
	NameNotFound                  // DNS does not answer
	NotTrusted                    // the certificate is signed by nobody who is known here
	OtherName                     // the certificate belongs to another name
	Expired                       // the certificate is not valid yet, or no more
	BadCertificate                // the certificate is wrong in another way
	NoTLS                         // what answers does not speak TLS
	TLSRefused                    // the other side ended the handshake with an alert
	Refused                       // nothing listens there
	NoRoute                       // there is no way to this address from here
	TimedOut                      // no answer came in time
	Closed                        // the connection was closed without an answer
)

// FailureOf finds out why a request got no answer, from the error of an [http.RoundTripper] or [http.Client].
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
