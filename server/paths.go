package server

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/quillgate/quillgate/methods"
)

// Clients join the address of the blog and the path of the endpoint without
// checking the slashes, and some append another part. Such addresses are served
// directly: a redirect would turn the POST of most clients into a GET.

// tidied hides doubled slashes, "." segments, and anything after the endpoint's
// path from the following handlers. The addresses of pages stay unchanged:
// other forms are redirected to the canonical one. The request line stays
// unchanged too: strict signatures cover it.
func (s *Server) tidied(next http.Handler) http.Handler {
	rows := s.routes()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tidy := tidyPath(r.URL.Path)
		if tidy != r.URL.Path && reaches(rows, tidy) {
			other := *r
			other.URL = &url.URL{Path: tidy, RawQuery: r.URL.RawQuery}
			r = &other
		}
		next.ServeHTTP(w, r)
	})
}

// reaches reports whether a path is that of a row for a single path.
func reaches(rows []Route, path string) bool {
	for _, row := range rows {
		if row.Path == path || row.Path != "/" && strings.HasSuffix(row.Path, "/") && strings.HasPrefix(path, row.Path) {
			return true
		}
	}
	return false
}

// tidyPath returns the shortest form of a path. It keeps ".." segments.
func tidyPath(path string) string {
	if !strings.HasPrefix(path, "/") {
		return path
	}
	if strings.Contains(path, "//") || strings.Contains(path, "/.") {
		var b strings.Builder
		rest := path
		for rest != "" {
			part, after, more := strings.Cut(rest[1:], "/")
			rest = ""
			if more {
				rest = "/" + after
			}
			if part != "" && part != "." || !more {
				b.WriteByte('/')
				if part != "." {
					b.WriteString(part)
				}
			}
		}
		path = b.String()
	}
	if strings.HasPrefix(path, methods.EndpointPath+"/") {
		return methods.EndpointPath
	}
	return path
}
