package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/methods"
	"github.com/quillgate/quillgate/xmlrpc"
)

// TLS is the source of the certificate: ACME (RFC 8555) for the Domains, or the
// two files.
type TLS struct {
	// Domains get certificates by ACME, which are renewed. Their keys and the
	// account are stored sealed in the database. The ACME server must reach the
	// plain listener at port 80 (HTTP-01) or the TLS listener at port 443
	// (TLS-ALPN-01).
	Domains   []string
	Directory string         // of the ACME server; default: Let's Encrypt
	Email     string         // contact address for the ACME server
	Roots     *x509.CertPool // trusted for the ACME server; default: the system's

	// CertFile holds the chain, KeyFile its key, both in PEM. They are read
	// again when they change.
	CertFile, KeyFile string

	renewCheck time.Duration // default: certmagic's ten minutes
	renewShare float64       // the share of its life that is left when a certificate is renewed; default: certmagic's third
}

// keeper supplies the certificates of a TLS listener.
type keeper struct {
	config    *tls.Config
	challenge func(http.ResponseWriter, *http.Request) bool // answers HTTP-01 challenges; nil without them
	stop      func()
}

// newTLSConfig allows versions 1.2 and 1.3; Go chooses the ciphers.
func newTLSConfig(get func(*tls.ClientHelloInfo) (*tls.Certificate, error)) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: get, NextProtos: []string{"h2", "http/1.1"}}
}

// keep starts to manage certificates. plain is nil if there is no listener
// without TLS.
func (s *Server) keep(ctx context.Context, plain, secure net.Listener) (*keeper, error) {
	if s.files != nil {
		return &keeper{config: newTLSConfig(s.files.get), stop: func() {}}, nil
	}
	var cache *certmagic.Cache
	var config *certmagic.Config
	log := zap.New(zapLog{s.logger})
	vault := newVault(s.cfg.Keys)
	cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert:   func(certmagic.Certificate) (*certmagic.Config, error) { return config, nil },
		RenewCheckInterval: s.tls.renewCheck,
		Logger:             log,
	})
	config = certmagic.New(cache, certmagic.Config{Storage: vault, Logger: log, OnEvent: s.certificateEvent, RenewalWindowRatio: s.tls.renewShare})
	template := certmagic.ACMEIssuer{
		CA: s.tls.Directory, TestCA: s.tls.Directory, Email: s.tls.Email, Agreed: true, TrustedRoots: s.tls.Roots,
		AltTLSALPNPort: portOf(secure), ListenHost: hostOf(secure), DisableHTTPChallenge: plain == nil, Logger: log,
	}
	if template.CA == "" {
		template.CA, template.TestCA = certmagic.LetsEncryptProductionCA, certmagic.LetsEncryptStagingCA
	}
	if plain != nil {
		template.AltHTTPPort = portOf(plain)
	}
	issuer := certmagic.NewACMEIssuer(config, template)
	config.Issuers = []certmagic.Issuer{issuer}
	k := &keeper{config: newTLSConfig(config.GetCertificate), challenge: issuer.HandleHTTPChallenge}
	k.config.NextProtos = append(k.config.NextProtos, "acme-tls/1") // RFC 8737
	k.stop = func() {
		cache.Stop()
		if err := vault.leave(context.WithoutCancel(ctx)); err != nil {
			s.logger.Warn("certificates", "cause", err)
		}
	}
	if err := config.ManageAsync(ctx, s.tls.Domains); err != nil {
		k.stop()
		return nil, fmt.Errorf("get the certificates: %w", err)
	}
	return k, nil
}

// certificateEvent logs events that matter to an operator.
func (s *Server) certificateEvent(ctx context.Context, event string, data map[string]any) error {
	switch event {
	case "cert_obtained":
		s.logger.InfoContext(ctx, "certificate obtained", "domain", data["identifier"], "renewal", data["renewal"])
	case "cert_failed":
		s.logger.ErrorContext(ctx, "certificate not obtained; trying again", "domain", data["identifier"], "cause", data["error"])
	}
	return nil
}

func portOf(l net.Listener) int {
	_, port, _ := net.SplitHostPort(l.Addr().String())
	n, _ := strconv.Atoi(port)
	return n
}

func hostOf(l net.Listener) string {
	host, _, _ := net.SplitHostPort(l.Addr().String())
	return host
}

// inClear is the handler of the plain listener next to a TLS listener. It
// serves challenges and health checks, the endpoint to programs on this
// machine, and requests that came over TLS according to a trusted proxy. It
// redirects pages to https. Calls from elsewhere are refused and not
// redirected: most clients would repeat a redirected POST as a GET, and the
// others would already have sent the password unencrypted.
func (s *Server) inClear(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := recordOf(r.Context())
		switch {
		case strings.HasPrefix(r.URL.Path, "/.well-known/acme-challenge/") && s.keeper != nil && s.keeper.challenge != nil:
			rec.route = "challenge"
			if !s.keeper.challenge(w, r) {
				http.NotFound(w, r)
			}
		case rec.client.secure, r.URL.Path == healthPath, r.URL.Path == readyPath:
			next.ServeHTTP(w, r)
		case r.URL.Path == methods.EndpointPath && r.Method == http.MethodPost && rec.client.local:
			next.ServeHTTP(w, r)
		case r.URL.Path == methods.EndpointPath && r.Method == http.MethodPost:
			s.refuseInClear(w, r, rec)
		case r.Method == http.MethodGet || r.Method == http.MethodHead:
			rec.route = "redirect"
			http.Redirect(w, r, s.origin(r)+r.URL.RequestURI(), http.StatusMovedPermanently)
		default:
			rec.route = "redirect"
			w.Header().Set("Connection", "close") // whatever follows
			http.Error(w, "This address is answered over https only: "+s.origin(r), http.StatusForbidden)
		}
	})
}

// refuseInClear answers a call without reading it.
func (s *Server) refuseInClear(w http.ResponseWriter, r *http.Request, rec *record) {
	rec.route, rec.outcome, rec.refusal = "xmlrpc", "fault 403", string(auth.ClearText)
	s.metrics.calls.WithLabelValues("none", rec.outcome).Inc()
	h := w.Header()
	h.Set("Content-Type", "text/xml; charset=UTF-8")
	h.Set("Connection", "close") // the body has not been read
	if s.cfg.FaultStatus {
		w.WriteHeader(http.StatusForbidden)
	}
	w.Write(xmlrpc.AppendFault(nil, &xmlrpc.Fault{Code: http.StatusForbidden, Message: "Calls are accepted over https only. Set the address of the blog to " +
		s.origin(r) + methods.EndpointPath + " in your client. If the client has just sent a password, change that password."}))
}

// origin returns scheme and host of the blog's address over TLS. With several
// blogs, it is the host of the request.
func (s *Server) origin(r *http.Request) string {
	if s.cfg.BaseURL == "" {
		return "https://" + (&url.URL{Host: r.Host}).Hostname()
	}
	scheme, rest, _ := strings.Cut(s.cfg.BaseURL, "://")
	host, _, _ := strings.Cut(rest, "/")
	if scheme != "https" {
		host = s.secureHost
	}
	return "https://" + host
}

// warnInClear warns about a listener whose traffic others can read.
func (s *Server) warnInClear(l net.Listener) {
	addr := socketAddr(l.Addr().String())
	if s.tls != nil || len(s.proxies) > 0 || addr.IsLoopback() {
		return
	}
	s.logger.Warn("LISTENING UNENCRYPTED on an address that other machines can reach, with no trusted proxy configured. Signed requests can be read in transit, "+
		"and passwords are refused. Use --tls-domain, or --tls-cert and --tls-key, or list the proxy that terminates TLS: --trusted-proxies", "address", l.Addr().String())
}

// checkTLS refuses an impossible configuration before anything listens.
func checkTLS(t *TLS) error {
	switch {
	case len(t.Domains) > 0 && (t.CertFile != "" || t.KeyFile != ""):
		return errors.New("use certificates from ACME or from files, not both")
	case len(t.Domains) == 0 && (t.CertFile == "" || t.KeyFile == ""):
		return errors.New("TLS needs domains, or a certificate file and a key file")
	}
	return nil
}

// newFiles opens the certificate files, if there are any.
func newFiles(t *TLS, clock func() time.Time, logger *slog.Logger) (*certificateFiles, error) {
	if t.CertFile == "" {
		return nil, nil
	}
	f := &certificateFiles{cert: t.CertFile, key: t.KeyFile, clock: clock, logger: logger}
	return f, f.reload()
}
