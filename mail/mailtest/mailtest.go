// Package mailtest provides tests with a real SMTP server on loopback, which
// records the mail it accepts and stops with the test.
package mailtest

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"mime"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Options describe how a server behaves.
type Options struct {
	// TLS uses TLS from the first byte; otherwise the server offers STARTTLS,
	// unless Clear is set.
	TLS, Clear bool
	// User and Password are required unless User is empty.
	User, Password string
	// Answer decides about a recipient; nil accepts all. Return a Code to
	// reject it.
	Answer func(to string) error
}

// Code is an SMTP reply code that rejects a recipient.
func Code(code int, text string) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 7, 1}, Message: text}
}

// Mail is a mail that was accepted.
type Mail struct {
	From, To string // of the envelope
	Raw      string
	Header   netmail.Header
	Subject  string
	Text     string
}

// Server is a running SMTP server.
type Server struct {
	Host string // localhost, the name in the certificate
	Port int
	// Roots holds the certificate, and RootFile is a file with it.
	Roots    *x509.CertPool
	RootFile string

	options Options
	secure  *tls.Config
	server  *smtp.Server

	listener net.Listener

	mu    sync.Mutex
	mails []Mail
	took  chan struct{} // closed and made again with each mail
}

// Start starts a server.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	s := &Server{Host: "localhost", options: o, took: make(chan struct{})}
	s.certify(t)
	s.listen(t, "127.0.0.1:0")
	t.Cleanup(s.Stop)
	return s
}

func (s *Server) certify(t testing.TB) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	s.RootFile = filepath.Join(t.TempDir(), "smtp.pem")
	if err := os.WriteFile(s.RootFile, text, 0o600); err != nil {
		t.Fatal(err)
	}
	s.Roots = x509.NewCertPool()
	s.Roots.AppendCertsFromPEM(text)
	s.secure = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

func (s *Server) listen(t testing.TB, address string) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	s.listener = l
	s.Port = l.Addr().(*net.TCPAddr).Port
	s.server = smtp.NewServer(s)
	s.server.Domain, s.server.AllowInsecureAuth = "localhost", s.options.Clear
	s.server.ErrorLog = log.New(io.Discard, "", 0)
	switch {
	case s.options.TLS:
		l = tls.NewListener(l, s.secure)
	case !s.options.Clear:
		s.server.TLSConfig = s.secure
	}
	server := s.server
	go server.Serve(l)
}

// Stop stops the server, so that connections to its port are refused.
func (s *Server) Stop() {
	s.listener.Close() // which the server knows only once it runs
	s.server.Close()
}

// Restart starts a stopped server again on its port.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.listen(t, fmt.Sprintf("127.0.0.1:%d", s.Port))
}

// URL returns the address of the server as a setting, with user and password.
func (s *Server) URL() string {
	scheme, user := "smtp", ""
	if s.options.TLS {
		scheme = "smtps"
	}
	if s.options.User != "" {
		user = s.options.User + ":" + s.options.Password + "@"
	}
	return fmt.Sprintf("%s://%slocalhost:%d", scheme, user, s.Port)
}

// Mails returns the mails accepted so far.
func (s *Server) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Mail(nil), s.mails...)
}

// Wait returns the mails once there are n of them, and fails the test after a
// minute.
func (s *Server) Wait(t testing.TB, n int) []Mail {
	t.Helper()
	return s.WaitFor(t, n, "")
}

// WaitFor is Wait for mails whose text contains a part.
func (s *Server) WaitFor(t testing.TB, n int, part string) []Mail {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		s.mu.Lock()
		var list []Mail
		for _, m := range s.mails {
			if strings.Contains(m.Text, part) {
				list = append(list, m)
			}
		}
		took := s.took
		s.mu.Unlock()
		if len(list) >= n {
			return list
		}
		select {
		case <-took:
		case <-ctx.Done():
			t.Fatalf("%d mails with %q arrived, want %d", len(list), part, n)
		}
	}
}

// NewSession implements smtp.Backend.
func (s *Server) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{server: s}, nil }

type session struct {
	server   *Server
	from, to string
	known    bool
}

// AuthMechanisms implements smtp.AuthSession.
func (s *session) AuthMechanisms() []string {
	if s.server.options.User == "" {
		return nil
	}
	return []string{sasl.Plain}
}

// Auth implements smtp.AuthSession.
func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != s.server.options.User || password != s.server.options.Password {
			return smtp.ErrAuthFailed
		}
		s.known = true
		return nil
	}), nil
}

// Mail implements smtp.Session.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if s.server.options.User != "" && !s.known {
		return smtp.ErrAuthRequired
	}
	s.from = from
	return nil
}

// Rcpt implements smtp.Session.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = to
	if s.server.options.Answer != nil {
		return s.server.options.Answer(to)
	}
	return nil
}

// Data implements smtp.Session.
func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m, err := read(raw)
	if err != nil {
		return Code(554, err.Error())
	}
	m.From, m.To = s.from, s.to
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.server.mails = append(s.server.mails, m)
	close(s.server.took)
	s.server.took = make(chan struct{})
	return nil
}

// Reset implements smtp.Session.
func (s *session) Reset() {}

// Logout implements smtp.Session.
func (s *session) Logout() error { return nil }

// read parses a mail.
func read(raw []byte) (Mail, error) {
	parsed, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return Mail{}, err
	}
	m := Mail{Raw: string(raw), Header: parsed.Header}
	if m.Subject, err = new(mime.WordDecoder).DecodeHeader(parsed.Header.Get("Subject")); err != nil {
		return m, err
	}
	body := parsed.Body
	switch encoding := strings.ToLower(parsed.Header.Get("Content-Transfer-Encoding")); encoding {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "7bit", "8bit", "":
	default:
		return m, errors.New("a mail in " + encoding)
	}
	text, err := io.ReadAll(body)
	m.Text = strings.ReplaceAll(string(text), "\r\n", "\n")
	return m, err
}
