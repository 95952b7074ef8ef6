package auth

import (
	"net/netip"
	"time"

	"github.com/quillgate/quillgate/network"
)

const (
	quietAfter = 20              // lines of one reason from one network at once …
	quietEvery = 3 * time.Second // … and one more after this
	quietSize  = 10000
)

// quiet keeps refusals from filling the log: of those of one reason from one network it lets through 20 at once and
// then one each three seconds, and the hundredth, thousandth and so on, with their number. Config.Observe sees them
// all.
//
// Wrong signatures and tokens have no other throttle. They cannot be guessed,
// so no one must wait, and the right one of someone behind the same address
// passes whatever the others send.
type quiet struct{ bursts *network.Rate[burstKey] }

type burstKey struct {
	reason  Reason
	network netip.Prefix
}

func newQuiet() quiet { return quiet{network.NewRate[burstKey](quietAfter, quietEvery, quietSize)} }

// loud counts a refusal. It returns how many of its kind there were, and reports whether this one should be logged.
func (q quiet) loud(e Event, now time.Time) (n int, ok bool) {
	n, wait := q.bursts.Take(burstKey{e.Reason, network.Of(e.Addr)}, now)
	return n, wait == 0 || isMilestone(n)
}

// isMilestone reports whether n is 100, 1000, 10000 and so on.
func isMilestone(n int) bool {
	m := 100
	for m < n {
		m *= 10
	}
	return m == n
}
