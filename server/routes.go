package server

import (
	"net/http"

	"github.com/gorilla/mux"

	"github.com/quillgate/quillgate/profiles"
	"github.com/quillgate/quillgate/site"
)

// The paths that monitors know by heart.
const (
	healthPath = "/healthz"
	readyPath  = "/readyz"
)

// route is one row of the table of everything that the public listener answers. A path that ends in a slash holds
// everything below it.
type route struct {
	name    string // label of logs and metrics
	path    string
	handler http.HandlerFunc
}

func (s *Server) routes() []route {
	rows := []route{
		{"xmlrpc", site.EndpointPath, s.endpoint},
		{"uploads", site.UploadsPath, s.uploads},
		{"manifest", "/wp-includes/wlwmanifest.xml", s.pages.Manifest},
		{"manifest", "/wlwmanifest.xml", s.pages.Manifest}, // where Open Live Writer looks first
		{"keys", "/.well-known/quillgate", s.api.WellKnown},
		{"rest", "/wp-json", s.pages.NoREST},
		{"rest", "/wp-json/", s.pages.NoREST},
		{"sign-in", "/wp-login.php", s.toPage("/wp-login.php", "/signin")},
		{"sign-in", "/wp-admin/", s.toPage("/wp-admin/", "/profile")},
		{"style", "/style.css", s.pages.Style},
		{"theme", "/theme/", s.pages.ThemeFile},
		{"comment", "/wp-comments-post.php", s.pages.Comment},
		{"unlock", "/wp-pass.php", s.pages.Unlock},
		{"robots", "/robots.txt", s.pages.Robots},
		{"sitemap", "/wp-sitemap.xml", s.pages.Sitemap},
		{"sitemap", "/sitemap.xml", s.pages.Sitemap},
		{"health", healthPath, s.healthy},
		{"ready", readyPath, s.ready},
	}
	var people []route
	for _, path := range profiles.Paths() {
		people = append(people, route{"profiles", path, s.profiles.ServeHTTP})
	}
	// The page that authorises applications is below /wp-admin/ too, and the first row that matches counts.
	return append(append(people, rows...), route{"pages", "/", s.visitors})
}

// visitors answers the pages of the blog, and at any of their addresses who asks for the REST interface of WordPress.
func (s *Server) visitors(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Has("rest_route") {
		recordOf(r.Context()).route = "rest"
		s.pages.NoREST(w, r)
		return
	}
	s.pages.Home(w, r)
}

// toPage sends people from an address that wp.getOptions tells (login_url, admin_url) to the page that does the same here.
func (s *Server) toPage(from, to string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != from || r.Method != http.MethodGet && r.Method != http.MethodHead {
			s.visitors(w, r)
			return
		}
		http.Redirect(w, r, s.blog.Site.BaseURL()+to, http.StatusSeeOther)
	}
}

// router makes the table into a handler. Paths are matched as they are: cleaning them would answer a publishing client
// with a redirect, which turns its POST into a GET.
func (s *Server) router() http.Handler {
	r := mux.NewRouter().SkipClean(true)
	for _, row := range s.routes() {
		h := named(row.name, row.handler)
		if row.path[len(row.path)-1] == '/' {
			r.PathPrefix(row.path).Handler(h).Name(row.name)
		} else {
			r.Path(row.path).Handler(h)
		}
	}
	return r
}

// named writes the row's name into the record of the request.
func named(name string, h http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recordOf(r.Context()).route = name
		h(w, r)
	})
}

// endpoint answers XML-RPC, and the discovery document to whoever asks for it, whatever the method and the body.
func (s *Server) endpoint(w http.ResponseWriter, r *http.Request) {
	if r.URL.RawQuery == "rsd" || r.URL.Query().Has("rsd") {
		s.pages.RSD(w, r)
		return
	}
	s.calls.ServeHTTP(w, r)
}
