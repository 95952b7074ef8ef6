package server

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/gorilla/mux"
)

// Well-known paths for monitoring.
const (
	healthPath = "/healthz"
	readyPath  = "/readyz"
)

// routes returns the table of everything that the public listener serves: the
// shell's own rows, then those of the entrances. Paths that include everything
// below them come last, the longest first.
func (s *Server) routes() []Route {
	rows := []Route{
		{"health", healthPath, http.HandlerFunc(s.healthy)},
		{"ready", readyPath, http.HandlerFunc(s.ready)},
	}
	for _, e := range s.entrances {
		rows = append(rows, e.Routes...)
	}
	slices.SortStableFunc(rows, func(a, b Route) int { return cmp.Compare(b.breadth(), a.breadth()) })
	return rows
}

// router turns the table into a handler. Paths are matched unchanged: cleaning
// them would answer a publishing client with a redirect, which turns its POST
// into a GET.
func (s *Server) router() http.Handler {
	r := mux.NewRouter().SkipClean(true)
	for _, row := range s.routes() {
		h := named(row.Name, row.Handler)
		if row.below() {
			r.PathPrefix(row.Path).Handler(h).Name(row.Name)
		} else {
			r.Path(row.Path).Handler(h)
		}
	}
	// The router's own ServeHTTP copies the request twice to record the route
	// and its variables, which are not used here.
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		var match mux.RouteMatch
		if !r.Match(req, &match) || match.Handler == nil {
			http.NotFound(w, req)
			return
		}
		match.Handler.ServeHTTP(w, req)
	})
}

// named writes the row's name into the record of the request.
func named(name string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recordOf(r.Context()).route = name
		h.ServeHTTP(w, r)
	})
}
