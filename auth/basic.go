package auth

import "context"

// beginBasic begins the verification of HTTP Basic credentials (RFC 7617).
func (v *Verifier) beginBasic(ctx context.Context, q *Request, credentials string) (proof, error) {
	return nil, v.deny(ctx, Event{Reason: MalformedHeader, Via: ViaNothing, Addr: q.addr})
}
