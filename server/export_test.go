package server

import (
	"context"
	"net/http"
	"time"

	"github.com/caddyserver/certmagic"
)

// Paths are those of the table of routes.
func (s *Server) Paths() []string {
	var out []string
	for _, row := range s.routes() {
		out = append(out, row.Path)
	}
	return out
}

// Wrap puts the middleware around a handler.
func (s *Server) Wrap(h http.Handler) http.Handler { return s.wrap(h) }

// Plain is what the plain listener serves next to one of TLS.
func (s *Server) Plain() http.Handler { return s.plain }

// Metrics is what the listener of the metrics serves.
func (s *Server) Metrics() http.Handler { return s.metrics.handler() }

// RenewEarly has certificates renewed when such a share of their life is left,
// and looked at so often.
func (t *TLS) RenewEarly(share float64, check time.Duration) {
	t.renewShare, t.renewCheck = share, check
}

// NewVault returns what certificates are kept in.
func NewVault(b *Blog) interface {
	certmagic.Storage
	certmagic.TryLocker
} {
	return newVault(b.Keys)
}

// OpenSites is for how many sites of a gateway something is kept in memory.
func OpenSites(s *Server) int {
	s.gateways.mu.RLock()
	defer s.gateways.mu.RUnlock()
	return len(s.gateways.open)
}

// KeepHouse has a gateway do what it does once a minute.
func KeepHouse(ctx context.Context, s *Server) error { return s.gateways.keepHouse(ctx) }
