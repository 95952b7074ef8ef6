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

// NewTransport returns the transport for calls to the blogs: TLS 1.2 or later,
// verified against the system's certificates and those in the files roots;
// HTTP/2; kept connections. proxy is the address of a proxy; with "",
// HTTPS_PROXY, HTTP_PROXY and NO_PROXY apply.
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
	w := &Wakeful{base: t, wall: func() time.Time { return time.Now().Round(0) }}
	w.awake()
	return w, nil
}

// A Wakeful is a transport that drops kept connections when the computer has
// been asleep: the other end has closed them, and a call sent over one would be
// lost.
type Wakeful struct {
	base *http.Transport
	wall func() time.Time // the clock that continues while the computer sleeps

	mu         sync.Mutex
	seen, told time.Time // of the monotonic clock, which stops, and of wall
}

// RoundTrip implements http.RoundTripper.
func (w *Wakeful) RoundTrip(r *http.Request) (*http.Response, error) {
	if slept := w.awake(); slept > 5*time.Second || slept < -5*time.Second {
		w.base.CloseIdleConnections()
	}
	return w.base.RoundTrip(r)
}

// awake returns how much further the wall clock has advanced than the monotonic
// one since the last call.
func (w *Wakeful) awake() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	now, wall := time.Now(), w.wall()
	slept := wall.Sub(w.told) - now.Sub(w.seen)
	w.seen, w.told = now, wall
	return slept
}

// CloseIdleConnections closes kept connections.
func (w *Wakeful) CloseIdleConnections() { w.base.CloseIdleConnections() }

// Base returns the underlying transport.
func (w *Wakeful) Base() *http.Transport { return w.base }
