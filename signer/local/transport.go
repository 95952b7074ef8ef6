package local

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"
)

// NewTransport returns the transport by which calls go to the blogs: TLS 1.2
// and up, checked against the system's certificates and those of the files
// roots; HTTP/2; kept connections. proxy is the address of a proxy, and "" takes
// the one that HTTPS_PROXY, HTTP_PROXY and NO_PROXY name.
func NewTransport(roots []string, proxy string) (*Wakeful, error) {
	t := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 20 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:     true,
		TLSHandshakeTimeout:   20 * time.Second,
		MaxIdleConnsPerHost:   32,
		IdleConnTimeout:       45 * time.Second, // less than the 60 s after which common servers close
		ExpectContinueTimeout: time.Second,
		DisableCompression:    true,
		WriteBufferSize:       64 << 10,
		ReadBufferSize:        64 << 10,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
	}
	if proxy != "" {
		u, err := url.Parse(proxy)
		if err != nil || u.Host == "" {
			return nil, errors.New("the address of the proxy cannot be read: it has the form http://HOST:PORT")
		}
		t.Proxy = http.ProxyURL(u)
	}
	if len(roots) > 0 {
		pool, err := x509.SystemCertPool()
		if err != nil {
			return nil, fmt.Errorf("read the system's certificates: %w", err)
		}
		for _, path := range roots {
			content, err := os.ReadFile(path)
			if err != nil {
				return nil, fmt.Errorf("read certificates: %w", err)
			}
			if !pool.AppendCertsFromPEM(content) {
				return nil, fmt.Errorf("read certificates: %s holds none in PEM", path)
			}
		}
		t.TLSClientConfig.RootCAs = pool
	}
	return &Wakeful{base: t, seen: time.Now()}, nil
}

// A Wakeful is a transport that drops kept connections when the computer has slept: they are gone at
// the other end, and a call that is written into one is lost.
type Wakeful struct {
	base *http.Transport
	mu   sync.Mutex
	seen time.Time
}

// RoundTrip implements http.RoundTripper.
func (w *Wakeful) RoundTrip(r *http.Request) (*http.Response, error) {
	now := time.Now()
	w.mu.Lock()
	// The monotonic clock stands still while the computer sleeps, the other one
	// does not.
	slept := now.Round(0).Sub(w.seen.Round(0)) - now.Sub(w.seen)
	w.seen = now
	w.mu.Unlock()
	if slept > 5*time.Second || slept < -5*time.Second {
		w.base.CloseIdleConnections()
	}
	return w.base.RoundTrip(r)
}

// CloseIdleConnections closes what is kept.
func (w *Wakeful) CloseIdleConnections() { w.base.CloseIdleConnections() }

// Base returns the transport below, for programs that look at connections.
func (w *Wakeful) Base() *http.Transport { return w.base }
