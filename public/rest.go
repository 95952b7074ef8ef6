package public

import (
	"io"
	"net/http"
)

// NoREST says in the form of WordPress's REST interface that there is none. Clients that try it first go on to XML-RPC
// then; of a page they would try to read the HTML.
func (p *Pages) NoREST(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(http.StatusNotFound)
	if r.Method != http.MethodHead {
		// No one is left to tell when the connection is gone.
		_, _ = io.WriteString(w, `{"code":"rest_disabled","message":"This site has no REST interface. Use XML-RPC.","data":{"status":404}}`+"\n")
	}
}
