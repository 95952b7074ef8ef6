package public

import (
	"io"
	"net/http"
)

// NoREST answers in the form of WordPress's REST interface that there is none.
// Clients that try it first then use XML-RPC. They would try to parse the HTML
// of a page.
func (p *Pages) NoREST(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(http.StatusNotFound)
	if r.Method != http.MethodHead {
		// The connection is gone, so the error cannot be reported to anybody.
		_, _ = io.WriteString(w, `{"code":"rest_disabled","message":"This site has no REST interface. Use XML-RPC.","data":{"status":404}}`+"\n")
	}
}
