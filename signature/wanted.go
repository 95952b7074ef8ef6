package signature

import (
	"net/http"

	"github.com/dunglas/httpsfv"
)

// WantedSignature is a signature that a client asks of the answer (RFC 9421 section
// 5.1). What is zero is not asked for.
type WantedSignature struct {
	Label      string
	Components []string // as in a signature base
	KeyID      string
	Alg        Algorithm
	Nonce      string
	Tag        string
}

// Wanted returns the signature with a tag that the Accept-Signature field
// asks for. A field that is malformed, or that asks for several with the tag,
// asks for none.
func Wanted(h http.Header, tag string) (w WantedSignature, found bool) {
	d, _, err := dictionary(h.Values("Accept-Signature"))
	if err != nil {
		return WantedSignature{}, false
	}
	for _, label := range d.Names() {
		m, _ := d.Get(label)
		inner, ok := m.(httpsfv.InnerList)
		if !ok || len(inner.Items) > maxComponents {
			return WantedSignature{}, false
		}
		if named, _ := inner.Params.Get("tag"); named != tag {
			continue
		}
		if found {
			return WantedSignature{}, false
		}
		w, found = WantedSignature{Label: label, Tag: tag}, true
		for _, item := range inner.Items {
			name, err := httpsfv.Marshal(item)
			if err != nil {
				return WantedSignature{}, false
			}
			w.Components = append(w.Components, name)
		}
		w.KeyID = text(inner.Params, "keyid")
		w.Alg = Algorithm(text(inner.Params, "alg"))
		w.Nonce = text(inner.Params, "nonce")
	}
	return w, found
}

// text is a parameter that is a string, or "".
func text(p *httpsfv.Params, name string) string {
	v, _ := p.Get(name)
	s, _ := v.(string)
	return s
}
