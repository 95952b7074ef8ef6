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
	w := &Wakeful{base: t, wall: func() time.Time { return time.Now().Round(0) }}
	w.awake()
	return w, nil
}

// A Wakeful is a transport that drops kept connections when the computer has slept: they are gone at
// the other end, and a call that is written into one is lost.
type Wakeful struct {
	base *http.Transport
	wall func() time.Time // the clock that does not stand still while the computer sleeps

	mu         sync.Mutex
	seen, told time.Time // of the monotonic clock, which does, and of wall
}

// RoundTrip implements http.RoundTripper.
func (w *Wakeful) RoundTrip(r *http.Request) (*http.Response, error) {
	if slept := w.awake(); slept > 5*time.Second || slept < -5*time.Second {
		w.base.CloseIdleConnections()
	}
	return w.base.RoundTrip(r)
}

// awake returns how much further the one clock went than the other since it was
// called last.
func (w *Wakeful) awake() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	now, wall := time.Now(), w.wall()
	slept := wall.Sub(w.told) - now.Sub(w.seen)
	w.seen, w.told = now, wall
	return slept
}

// CloseIdleConnections closes what is kept.
func (w *Wakeful) CloseIdleConnections() { w.base.CloseIdleConnections() }

// Base returns the transport below, for programs that look at connections.
func (w *Wakeful) Base() *http.Transport { return w.base }
