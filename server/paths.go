package server

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/quillgate/quillgate/methods"
)

// Clients join the address of the blog and the path of the endpoint without looking at the slashes, and some add a part
// behind it. Such addresses are answered as they come: a redirect would turn the POST of most clients into a GET.

// tidied has what follows see the path without doubled slashes and parts that are a dot, and the endpoint's without
// anything behind it. Addresses of pages stay as they are: those have one form, and other forms are redirected to it. The
// request line stays too: it is what a strict signature covers.
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

// reaches reports whether a path is that of a row with a path of its own.
func reaches(rows []Route, path string) bool {
	for _, row := range rows {
		if row.Path == path || row.Path != "/" && strings.HasSuffix(row.Path, "/") && strings.HasPrefix(path, row.Path) {
			return true
		}
	}
	return false
}

// tidyPath is the path in its shortest form. It does not go up: a part that is two dots stays.
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
