package xmlrpc

import (
	"net/http"
	"net/netip"
	"time"

	"github.com/quillgate/quillgate/network"
)

// shares divide the spool. Each network has a share of it, and a smaller one
// for requests without a credential, which together leave room for requests
// with one.
type shares struct {
	from      network.Share[shareKey]
	anonymous network.Share[struct{}]
}

type shareKey struct {
	network   netip.Prefix
	presented bool
}

// shareLimits returns the limits in bytes. A share never refuses a single body
// for which the spool has room.
func (cfg *Config[I]) shareLimits(presented bool) (share, together int64) {
	one := min(cfg.MaxBody, cfg.SpoolTotal)
	if presented {
		return max(cfg.SpoolTotal/4, one), cfg.SpoolTotal
	}
	return max(cfg.SpoolTotal/16, one), max(cfg.SpoolTotal/2, one)
}

// presented reports whether a request carries a credential that a Check has
// recognized. It may still be wrong.
func (q *request[I]) presented() bool {
	p, ok := q.check.(interface{ Presented() bool })
	return q.check != nil && (!ok || p.Presented())
}

// claim reserves n bytes of the spool, if this client may have them.
func (q *request[I]) claim(n int64) bool {
	cfg := &q.h.cfg
	if q.h.spooled.Add(n) > cfg.SpoolTotal {
		q.h.spooled.Add(-n)
		return false
	}
	b := &q.body
	if b.counted == 0 {
		from, limited := peerOf(q.r), true
		if cfg.Client != nil {
			from, limited = cfg.Client(q.r)
		}
		b.share, b.limited = shareKey{network.Of(from), q.presented()}, limited
	}
	if b.limited {
		share, together := cfg.shareLimits(b.share.presented)
		if !q.h.shares.from.Take(b.share, n, share) {
			q.h.spooled.Add(-n)
			return false
		}
		if !b.share.presented && !q.h.shares.anonymous.Take(struct{}{}, n, together) {
			q.h.shares.from.Give(b.share, n)
			q.h.spooled.Add(-n)
			return false
		}
	}
	b.counted += n
	return true
}

// unclaim releases the body's bytes of the spool.
func (q *request[I]) unclaim() {
	b := &q.body
	if b.counted == 0 {
		return
	}
	q.h.spooled.Add(-b.counted)
	if b.limited {
		q.h.shares.from.Give(b.share, b.counted)
		if !b.share.presented {
			q.h.shares.anonymous.Give(struct{}{}, b.counted)
		}
	}
	b.counted = 0
}

// peerOf returns the address at the other end of the connection.
func peerOf(r *http.Request) netip.Addr {
	at, _ := netip.ParseAddrPort(r.RemoteAddr)
	return at.Addr()
}

// anonymousLarge is how much of a body without a credential earns a long pause,
// in bytes.
const anonymousLarge = 8 << 20

// hurry moves the read deadline of the connection to the time by which the next
// bytes must arrive. Bytes earn time at BodyRate, up to three times BodyGrace:
// a pause is tolerated, but nobody can hold the spool for long by sending much
// and then nothing. A large body without a credential earns at most BodyGrace.
func (q *request[I]) hurry() {
	cfg := &q.h.cfg
	now := time.Now()
	if q.due.IsZero() {
		q.due = q.start.Add(cfg.BodyGrace)
	}
	earned := time.Duration(float64(q.event.In-q.paced) / float64(cfg.BodyRate) * float64(time.Second))
	q.paced = q.event.In
	longest := 3 * cfg.BodyGrace
	if q.event.In > anonymousLarge && !q.presented() {
		longest = cfg.BodyGrace
	}
	q.due = q.due.Add(earned)
	if limit := now.Add(longest); q.due.After(limit) {
		q.due = limit
	}
	deadline := q.due
	if end := q.start.Add(cfg.BodyTime); deadline.After(end) {
		deadline = end
	}
	_ = q.control.SetReadDeadline(deadline)
}
