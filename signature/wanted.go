package signature

import "net/http"

// WantedSignature is a signature that a client requests for the answer (RFC
// 9421 section 5.1). Zero values are not requested.
type WantedSignature struct {
	Label      string
	Components []string // as in a signature base
	KeyID      string
	Alg        Algorithm
	Nonce      string
	Tag        string
}

// Wanted returns the signature with a tag that the Accept-Signature field
// requests. If the field is malformed, or requests several with the tag, found
// is false.
func Wanted(h http.Header, tag string) (w WantedSignature, found bool) {
	lines := h.Values("Accept-Signature")
	if len(lines) == 0 {
		return WantedSignature{}, false
	}
	members, err := dictionary(lines)
	if err != nil {
		return WantedSignature{}, false
	}
	for i := range members {
		m := &members[i]
		if !m.inner || len(m.items) > maxComponents {
			return WantedSignature{}, false
		}
		if named := m.params.get("tag"); named.kind != text || named.text != tag {
			continue
		}
		if found {
			return WantedSignature{}, false
		}
		w, found = WantedSignature{Label: m.name, Tag: tag}, true
		for _, it := range m.items {
			w.Components = append(w.Components, string(it.append(nil)))
		}
		w.KeyID = m.params.string("keyid")
		w.Alg = Algorithm(m.params.string("alg"))
		w.Nonce = m.params.string("nonce")
	}
	return w, found
}
