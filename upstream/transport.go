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

	"github.com/quillgate/quillgate/network"
	"github.com/quillgate/quillgate/xmlrpc"
)

// SmallCall is the size up to which a call is sent in one piece, in bytes.
const SmallCall = 64 << 10

// SetBody sets a document as the body of a request. A document of up to
// SmallCall bytes is copied: net/http sends a [bytes.Reader] together with the
// header, and any other reader after it.
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

// Send sends a call once. The error is a [*Trouble]. Its Outcome is Unknown
// from the moment the header was written, since the upstream may have seen the
// call then.
//
// A call must be sent at most once. Send therefore removes the header fields
// that allow Go's transport to repeat a request, and does not follow redirects.
// It asks for an uncompressed answer.
func Send(rt http.RoundTripper, req *http.Request) (*http.Response, error) {
	var written atomic.Bool
	trace := &httptrace.ClientTrace{WroteHeaders: func() { written.Store(true) }}
	ctx := httptrace.WithClientTrace(req.Context(), trace)
	req = req.WithContext(ctx)
	req.Header = req.Header.Clone()
	// With one of these, Go may send a request again (net/http.Request).
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

// unreachable describes why a request got no answer.
func unreachable(host string, err error) *Trouble {
	t := &Trouble{Code: CodeUnavailable, Outcome: NotDone, Err: err}
	switch network.FailureOf(err) {
	case network.Canceled:
		t.What = "The call was cancelled before the blog answered."
	case network.NameUnknown:
		t.What = "The host name " + host + " is unknown. Check the address and the network."
	case network.NameNotFound:
		t.What = "The host name " + host + " cannot be looked up at the moment. Check the network."
	case network.NotTrusted:
		t.What = "The certificate of " + host + " is signed by " + issuer(err) + ", which is not trusted here. A proxy, a virus scanner or a hotel network may be in between."
	case network.OtherName:
		t.What = "The certificate presented for " + host + " belongs to another name. A hotel network may be in between."
	case network.Expired:
		t.What = "The certificate of " + host + " has expired, or the clock of this computer is wrong" + validity(err) + "."
	case network.BadCertificate:
		t.What = "The certificate of " + host + " is not valid."
	case network.NoTLS:
		t.What = host + " does not speak TLS on this port."
	case network.TLSRefused:
		t.What = host + " refused the encrypted connection."
	case network.Refused:
		t.What = host + " refused the connection. Its server may be down."
	case network.NoRoute:
		t.What = "This network has no route to " + host + ". On macOS, allow access to the local network in the privacy settings."
	case network.TimedOut:
		t.Code, t.What = CodeTimeout, host+" did not answer in time."
	case network.Closed:
		t.What, t.Outcome = host+" closed the connection without an answer.", Unknown
	default:
		t.What = host + " cannot be reached."
	}
	return t
}

// issuer returns the name of the issuer of the certificate that the server
// presented.
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

// validity formats the period in which the presented certificate is valid.
func validity(err error) string {
	invalid, ok := errors.AsType[x509.CertificateInvalidError](err)
	if !ok || invalid.Cert == nil {
		return ""
	}
	c := invalid.Cert
	return fmt.Sprintf(" (valid from %s to %s)", c.NotBefore.Format(time.DateOnly), c.NotAfter.Format(time.DateOnly))
}
