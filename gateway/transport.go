package gateway

import (
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

// NewTransport returns a transport for calls to a WordPress. It keeps
// connections for less than the 60 seconds after which common servers close
// them. serverName is the name in the certificate for https, if it differs from
// that in the address. It uses no proxy: the WordPress is near.
func NewTransport(serverName string) http.RoundTripper {
	if host, _, err := net.SplitHostPort(serverName); err == nil {
		serverName = host
	}
	return &http.Transport{
		DialContext:           (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:       &tls.Config{ServerName: serverName, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:   10 * time.Second,
		MaxIdleConns:          256,
		MaxIdleConnsPerHost:   64,
		IdleConnTimeout:       45 * time.Second,
		ExpectContinueTimeout: time.Second,
		WriteBufferSize:       64 << 10,
		ReadBufferSize:        64 << 10,
		DisableCompression:    true,
	}
}
