package auth

import "net/http"

// beginMessage begins the verification of a message signature (RFC 9421).
func (v *Verifier) beginMessage(r *http.Request, q *Request) (proof, error) {
	return nil, v.deny(r.Context(), Event{Reason: MalformedHeader, Via: ViaSignature, Addr: q.addr})
}
