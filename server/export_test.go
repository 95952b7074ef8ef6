package server

import "net/http"

// Paths are those of the table of routes.
func (s *Server) Paths() []string {
	var out []string
	for _, row := range s.routes() {
		out = append(out, row.path)
	}
	return out
}

// Wrap puts the middleware around a handler.
func (s *Server) Wrap(h http.Handler) http.Handler { return s.wrap(h) }
