package gateway

import (
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

// NewTransport returns a transport for calls to a WordPress. Connections are
// kept, for less than the 60 seconds that common servers keep them. serverName
// is whose certificate counts on https, where it is not that of the address.
// No proxy is used: the WordPress is near.
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
