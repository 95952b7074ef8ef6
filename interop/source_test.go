package interop

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// sources are the pages of a site that links to the blog, by path. Captured values of the scenario stand in them.
type sources map[string]source

type source struct {
	Body    string            `json:"body"`
	Type    string            `json:"type"`   // text/html when empty
	Status  int               `json:"status"` // 200 when 0
	Headers map[string]string `json:"headers"`
}

// UnmarshalJSON reads a page, or its text alone.
func (s *source) UnmarshalJSON(text []byte) error {
	if json.Unmarshal(text, &s.Body) == nil {
		return nil
	}
	type plain source
	return json.Unmarshal(text, (*plain)(s))
}

// serve starts the site on loopback and returns its address, "" when there are no pages. The values are read when a
// page is asked for, which happens while an exchange of the scenario waits for its answer.
func (s sources) serve(t *testing.T, vars map[string]string) string {
	if len(s) == 0 {
		return ""
	}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page, ok := s[r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound) // with nothing in it, as the recorded site had it
			return
		}
		fill := func(text string) string {
			return placeholder.ReplaceAllStringFunc(text, func(m string) string { return vars[m[2:len(m)-1]] })
		}
		w.Header().Set("Content-Type", "text/html; charset=UTF-8")
		if page.Type != "" {
			w.Header().Set("Content-Type", page.Type)
		}
		for name, value := range page.Headers {
			w.Header().Set(name, fill(value))
		}
		if page.Status != 0 {
			w.WriteHeader(page.Status)
		}
		io.WriteString(w, fill(page.Body))
	}))
	t.Cleanup(web.Close)
	return web.URL
}
