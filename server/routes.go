package server

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/gorilla/mux"
)

// The paths that monitors know by heart.
const (
	healthPath = "/healthz"
	readyPath  = "/readyz"
)

// routes is the table of everything that the public listener answers: the shell's own rows, then those of the
// entrances. Paths that hold everything below them come last, the longest first.
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

// router makes the table into a handler. Paths are matched as they are: cleaning them would answer a publishing client
// with a redirect, which turns its POST into a GET.
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
	// The router's own ServeHTTP copies the request twice to note the route and its variables, which no one asks for.
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
