package server

import (
	"errors"
	"io"
	"net/http"

	"github.com/quillgate/quillgate/database"
)

// healthy answers that the process runs. It checks nothing else, so that a slow
// database does not cause a restart.
func (s *Server) healthy(w http.ResponseWriter, r *http.Request) {
	sayStatus(w, http.StatusOK, "ok\n")
}

// ready reports whether this server should get requests: the database accepts
// writes and the server is not stopping. It answers within 3 s.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	if s.draining.Load() {
		sayStatus(w, http.StatusServiceUnavailable, "stopping\n")
		return
	}
	if err := s.cfg.Keys.DB.Ready(r.Context()); err != nil {
		s.logger.ErrorContext(r.Context(), "not ready", "cause", err)
		words := "the database does not answer\n"
		if errors.Is(err, database.ErrSchema) {
			words = "the database belongs to another release\n"
		}
		sayStatus(w, http.StatusServiceUnavailable, words)
		return
	}
	sayStatus(w, http.StatusOK, "ready\n")
}

func sayStatus(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	io.WriteString(w, text)
}
