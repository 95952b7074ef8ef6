package server

import (
	"context"
	"io"
	"net/http"
	"time"
)

// healthy says that the process answers; it asks nothing else, so that a slow database does not have it restarted.
func (s *Server) healthy(w http.ResponseWriter, r *http.Request) {
	sayStatus(w, http.StatusOK, "ok\n")
}

// ready reports whether requests should be sent here: the database answers and
// the server is not on its way out.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	if s.draining.Load() {
		sayStatus(w, http.StatusServiceUnavailable, "stopping\n")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	if err := s.cfg.Keys.DB.Ping(ctx); err != nil {
		s.logger.ErrorContext(ctx, "not ready", "cause", err)
		sayStatus(w, http.StatusServiceUnavailable, "the database does not answer\n")
		return
	}
	sayStatus(w, http.StatusOK, "ready\n")
}

func sayStatus(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	io.WriteString(w, text)
}
