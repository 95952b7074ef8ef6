package upstream

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"time"

	"github.com/quillgate/quillgate/xmlrpc"
)

// SmallCall is how many bytes of a call are sent in one piece.
const SmallCall = 64 << 10

// SetBody makes a document the body of a request. One of up to SmallCall bytes
// is copied: net/http sends a [bytes.Reader] together with the header, and any
// other reader after it.
func SetBody(req *http.Request, body xmlrpc.Source) error {
	size := body.Size()
	if size <= SmallCall {
		text := make([]byte, size)
		if n, err := body.ReadAt(text, 0); n < len(text) {
			return fmt.Errorf("read the call: %w", err)
		}
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil }
	} else {
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(io.NewSectionReader(body, 0, size)), nil }
	}
	req.Body, _ = req.GetBody()
	req.ContentLength = size
	return nil
}

// Send sends a call once. The error is a [*Trouble], which knows whether the
// upstream may have seen the call: that is so from the moment the header was
// written.
//
// The request must be safe to send at most once: Send removes the fields by
// which Go's transport would take the liberty to send it again, and does not
// follow redirects. It asks for an answer that is not compressed.
func Send(rt http.RoundTripper, req *http.Request) (*http.Response, error) {
	var written atomic.Bool
	trace := &httptrace.ClientTrace{WroteHeaders: func() { written.Store(true) }}
	ctx := httptrace.WithClientTrace(req.Context(), trace)
	req = req.WithContext(ctx)
	req.Header = req.Header.Clone()
	// Go sends a request with one of these again by itself (net/http.Request).
	req.Header.Del("Idempotency-Key")
	req.Header.Del("X-Idempotency-Key")
	req.Header.Set("Accept-Encoding", "identity")
	resp, err := rt.RoundTrip(req)
	if err == nil {
		return resp, nil
	}
	t := unreachable(req.URL.Hostname(), err)
	if written.Load() {
		t.Outcome = Unknown
	}
	return nil, t
}

// unreachable finds words for a request that got no answer.
func unreachable(host string, err error) *Trouble {
	t := &Trouble{Code: CodeUnavailable, Outcome: NotDone, Err: err}
	switch FailureOf(err) {
	case Canceled:
		t.What = "The call was cancelled before the blog answered."
	case NameUnknown:
		t.What = "The host name " + host + " is unknown. Check the address and the network."
	case NameNotFound:
		t.What = "The host name " + host + " cannot be looked up at the moment. Check the network."
	case NotTrusted:
		t.What = "The certificate of " + host + " is signed by " + issuer(err) + ", which is not trusted here. A proxy, a virus scanner or a hotel network may be in between."
	case OtherName:
		t.What = "The certificate presented for " + host + " belongs to another name. A hotel network may be in between."
	case Expired:
		t.What = "The certificate of " + host + " has expired, or the clock of this computer is wrong" + validity(err) + "."
	case BadCertificate:
		t.What = "The certificate of " + host + " is not valid."
	case NoTLS:
		t.What = host + " does not speak TLS on this port."
	case TLSRefused:
		t.What = host + " refused the encrypted connection."
	case Refused:
		t.What = host + " refused the connection. Its server may be down."
	case NoRoute:
		t.What = "This network has no route to " + host + ". On macOS, allow access to the local network in the privacy settings."
	case TimedOut:
		t.Code, t.What = CodeTimeout, host+" did not answer in time."
	case Closed:
		t.What, t.Outcome = host+" closed the connection without an answer.", Unknown
	default:
		t.What = host + " cannot be reached."
	}
	return t
}

// issuer names who signed the certificate that was shown.
func issuer(err error) string {
	if verify, ok := errors.AsType[*tls.CertificateVerificationError](err); ok && len(verify.UnverifiedCertificates) > 0 {
		chain := verify.UnverifiedCertificates
		if name := chain[len(chain)-1].Issuer.String(); name != "" {
			return "“" + strings.Map(printable, name) + "”"
		}
	}
	return "an unknown issuer"
}

func printable(r rune) rune {
	if r < ' ' || r == 0x7f {
		return -1
	}
	return r
}

// validity says when the certificate that was shown is valid.
func validity(err error) string {
	invalid, ok := errors.AsType[x509.CertificateInvalidError](err)
	if !ok || invalid.Cert == nil {
		return ""
	}
	c := invalid.Cert
	return fmt.Sprintf(" (valid from %s to %s)", c.NotBefore.Format(time.DateOnly), c.NotAfter.Format(time.DateOnly))
}
