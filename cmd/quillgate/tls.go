package main

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"

	"github.com/quillgate/quillgate/server"
)

// hasTLS reports whether the server itself offers TLS.
func (s *settings) hasTLS() bool { return len(s.TLSDomain) > 0 || s.TLSCert != "" || s.TLSKey != "" }

// domainForm matches names that a certificate authority accepts: with a dot, in
// lower case, international names as xn--.
var domainForm = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// checkTLS returns an error for settings that contradict each other.
func (s *settings) checkTLS() (bad []error) {
	for _, d := range s.TLSDomain {
		if len(d) > 253 || !domainForm.MatchString(d) {
			bad = append(bad, fmt.Errorf("tls-domain: %q is not a domain such as blog.example; write international names as xn--…", d))
		}
	}
	if (s.TLSCert == "") != (s.TLSKey == "") {
		bad = append(bad, errors.New("tls-cert and tls-key must be given together"))
	}
	if len(s.TLSDomain) > 0 && s.TLSCert+s.TLSKey != "" {
		bad = append(bad, errors.New("tls-domain gets certificates, tls-cert gives one: use only one of them"))
	}
	if len(s.TLSDomain) == 0 && s.ACMEDirectory+s.ACMEEmail+s.ACMERoot != "" {
		bad = append(bad, errors.New("acme-directory, acme-email and acme-root need tls-domain"))
	}
	if s.ACMEDirectory != "" {
		if u, err := url.Parse(s.ACMEDirectory); err != nil || u.Scheme != "https" || u.Host == "" {
			bad = append(bad, errors.New("acme-directory: must be the https address of an ACME directory"))
		}
	}
	if s.HSTS < 0 {
		bad = append(bad, errors.New("hsts: must not be negative"))
	}
	if _, _, err := net.SplitHostPort(s.TLSListen); err != nil && s.hasTLS() {
		bad = append(bad, fmt.Errorf("tls-listen: %q is not HOST:PORT", s.TLSListen))
	}
	return bad
}

// listeners opens every address that the settings name.
func (s *settings) listeners() (on server.Listeners, err error) {
	defer func() {
		if err != nil {
			closeAll(on)
		}
	}()
	secure := s.TLSListen
	if !s.hasTLS() {
		secure = ""
	}
	for _, l := range []struct {
		flag, address string
		to            *net.Listener
	}{{"listen", s.Listen, &on.Plain}, {"tls-listen", secure, &on.Secure}, {"metrics-listen", s.MetricsListen, &on.Metrics}} {
		if l.address == "" {
			continue
		}
		if *l.to, err = listen(l.flag, l.address); err != nil {
			return on, err
		}
	}
	return on, nil
}

func closeAll(on server.Listeners) {
	for _, l := range []net.Listener{on.Plain, on.Secure, on.Metrics} {
		if l != nil {
			l.Close()
		}
	}
}

// tls returns the source of certificates, or nil without TLS.
func (s *settings) tls() (*server.TLS, error) {
	if !s.hasTLS() {
		return nil, nil
	}
	t := &server.TLS{Domains: s.TLSDomain, Directory: s.ACMEDirectory, Email: s.ACMEEmail, CertFile: s.TLSCert, KeyFile: s.TLSKey}
	if s.ACMERoot != "" {
		text, err := os.ReadFile(s.ACMERoot)
		if err != nil {
			return nil, fmt.Errorf("acme-root: %w", err)
		}
		t.Roots = x509.NewCertPool()
		if !t.Roots.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("acme-root: %s contains no PEM certificate", s.ACMERoot)
		}
	}
	return t, nil
}

// home returns the address of the home page of a server that listens on these
// addresses, for settings without base-url.
func (s *settings) home(plain, secure string) (string, error) {
	if !s.hasTLS() {
		return baseOf("http", plain)
	}
	host, port, err := net.SplitHostPort(secure)
	if err != nil {
		return "", fmt.Errorf("tls-listen: %w", err)
	}
	if len(s.TLSDomain) > 0 {
		host = s.TLSDomain[0]
	} else if name := firstName(s.TLSCert); name != "" {
		host = name
	}
	return baseOf("https", net.JoinHostPort(host, port))
}

// firstName returns the first host name in a certificate, or "" if there is
// none. It ignores errors in the file, because the server reports them when it
// loads the certificate.
func firstName(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return ""
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return ""
	}
	for _, name := range c.DNSNames {
		if !strings.HasPrefix(name, "*") {
			return name
		}
	}
	return ""
}

// reloadOnHangup reads the certificate again at each SIGHUP, until the returned
// function is called. Without a certificate the signal has no effect. By
// default it would end the server, both at "systemctl reload" and when a
// terminal is closed.
func reloadOnHangup(srv *server.Server, logger *slog.Logger) (stop func()) {
	hangup, end, ended := make(chan os.Signal, 1), make(chan struct{}), make(chan struct{})
	signal.Notify(hangup, syscall.SIGHUP)
	go func() {
		defer close(ended)
		for {
			select {
			case <-hangup:
				if err := srv.Reload(); err != nil {
					logger.Error("the old certificate stays in use", "cause", err)
				}
			case <-end:
				return
			}
		}
	}()
	return func() {
		signal.Stop(hangup)
		close(end)
		<-ended
	}
}
