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

// TLS says where the certificate comes from: by ACME (RFC 8555) for the Domains, or out of the two files.
type TLS struct {
	// Domains are fetched and renewed. Their keys and the account lie
	// sealed in the database of the blog. The ACME server must reach the
	// plain listener at port 80 (HTTP-01) or the one of TLS at port 443
	// (TLS-ALPN-01).
	Domains   []string
	Directory string         // of the ACME server; Let's Encrypt's when empty
	Email     string         // where the ACME server may write to
	Roots     *x509.CertPool // that vouch for the ACME server; the system's when nil

	// CertFile holds the chain, KeyFile its key, both in PEM. They are read again when they change.
	CertFile, KeyFile string

	renewCheck time.Duration // certmagic's ten minutes when 0
	renewShare float64       // of its life is left when a certificate is renewed; certmagic's third when 0
}

// keeper is where a listener of TLS has its certificates from.
type keeper struct {
	config    *tls.Config
	challenge func(http.ResponseWriter, *http.Request) bool // answers those of HTTP-01; nil when there are none
	stop      func()
}

// newTLSConfig has versions 1.2 and 1.3; which of the ciphers is Go's decision.
func newTLSConfig(get func(*tls.ClientHelloInfo) (*tls.Certificate, error)) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: get, NextProtos: []string{"h2", "http/1.1"}}
}

// keep begins to care for certificates; plain is nil when there is no listener without TLS.
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

// certificateEvent says in the log what an operator wants to know of.
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

// inClear is what the plain listener serves next to one of TLS: challenges and
// health; the endpoint to programs on this machine; what a trusted proxy says
// came over TLS; everything else is told to use https. Pages are redirected.
// The endpoint is not: most clients would repeat a redirected POST as a GET,
// and those that do not would have sent the password unencrypted already.
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
			w.Header().Set("Connection", "close") // whatever it is that follows
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
	h.Set("Connection", "close") // the body is still to come
	if s.cfg.FaultStatus {
		w.WriteHeader(http.StatusForbidden)
	}
	w.Write(xmlrpc.AppendFault(nil, &xmlrpc.Fault{Code: http.StatusForbidden, Message: "Calls are accepted over https only. Set the address of the blog to " +
		s.origin(r) + methods.EndpointPath + " in your client. If the client has just sent a password, change that password."}))
}

// origin is scheme and host of the blog's address over TLS. Of many blogs it is the one that was asked for.
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

// warnInClear says loudly what it means to listen where others can read along.
func (s *Server) warnInClear(l net.Listener) {
	addr := socketAddr(l.Addr().String())
	if s.tls != nil || len(s.proxies) > 0 || addr.IsLoopback() {
		return
	}
	s.logger.Warn("LISTENING UNENCRYPTED on an address that other machines can reach, with no trusted proxy configured. Signed requests can be read in transit, "+
		"and passwords are refused. Use --tls-domain, or --tls-cert and --tls-key, or list the proxy that terminates TLS: --trusted-proxies", "address", l.Addr().String())
}

// checkTLS refuses what cannot work before anything listens.
func checkTLS(t *TLS) error {
	switch {
	case len(t.Domains) > 0 && (t.CertFile != "" || t.KeyFile != ""):
		return errors.New("use certificates from ACME or from files, not both")
	case len(t.Domains) == 0 && (t.CertFile == "" || t.KeyFile == ""):
		return errors.New("TLS needs domains, or a certificate file and a key file")
	}
	return nil
}

// newFiles opens the certificate files, when there are some.
func newFiles(t *TLS, clock func() time.Time, logger *slog.Logger) (*certificateFiles, error) {
	if t.CertFile == "" {
		return nil, nil
	}
	f := &certificateFiles{cert: t.CertFile, key: t.KeyFile, clock: clock, logger: logger}
	return f, f.reload()
}
