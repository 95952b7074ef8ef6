package public

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"time"
)

// document is a file that is the same for every visitor.
type document struct {
	name, kind, tag string
	body            []byte
}

// made is the Last-Modified of documents that are part of the program. Its
// exact value does not matter, because the entity tag changes with the content.
var made = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)

func newDocument(name, kind string, body []byte) document {
	sum := sha256.Sum256(body)
	return document{name: name, kind: kind, tag: `"` + hex.EncodeToString(sum[:8]) + `"`, body: body}
}

func (d document) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", d.kind)
	h.Set("ETag", d.tag)
	h.Set("Cache-Control", "public, max-age=3600")
	http.ServeContent(w, r, d.name, made, bytes.NewReader(d.body))
}

// RSD serves the discovery document. At the address of the endpoint it answers
// every method, as WordPress does; a parameter in the query takes precedence
// over one in the body.
func (p *Pages) RSD(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/xml; charset=UTF-8")
	h.Set("Cache-Control", "no-cache")
	h.Set("Content-Length", strconv.Itoa(len(p.rsd)))
	if r.Method != http.MethodHead {
		w.Write(p.rsd)
	}
}

// Manifest serves the manifest of Windows Live Writer and its successor.
func (p *Pages) Manifest(w http.ResponseWriter, r *http.Request) { p.manifest.ServeHTTP(w, r) }
