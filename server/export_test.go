package server

import (
	"context"
	"net/http"
	"time"

	"github.com/caddyserver/certmagic"
)

// Paths returns the paths in the table of routes.
func (s *Server) Paths() []string {
	var out []string
	for _, row := range s.routes() {
		out = append(out, row.Path)
	}
	return out
}

// Wrap puts the middleware around a handler.
func (s *Server) Wrap(h http.Handler) http.Handler { return s.wrap(h) }

// Plain returns what the plain listener serves next to a TLS listener.
func (s *Server) Plain() http.Handler { return s.plain }

// Metrics returns what the metrics listener serves.
func (s *Server) Metrics() http.Handler { return s.metrics.handler() }

// RenewEarly makes certificates be renewed when the given share of their life
// is left, and be checked that often.
func (t *TLS) RenewEarly(share float64, check time.Duration) {
	t.renewShare, t.renewCheck = share, check
}

// NewVault returns the storage of certificates.
func NewVault(b *Blog) interface {
	certmagic.Storage
	certmagic.TryLocker
} {
	return newVault(b.Keys)
}

// OpenSites returns the number of a gateway's sites that are in memory.
func OpenSites(s *Server) int {
	s.gateways.mu.RLock()
	defer s.gateways.mu.RUnlock()
	return len(s.gateways.open)
}

// KeepHouse makes a gateway clean up, as it does once a minute.
func KeepHouse(ctx context.Context, s *Server) error { return s.gateways.keepHouse(ctx) }
