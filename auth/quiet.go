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

// quiet keeps refusals from flooding the log. Of refusals for one reason from
// one network it logs 20 at once and then one every three seconds. It also logs
// the hundredth, thousandth and so on, with their number. Config.Observe sees
// all of them.
//
// Wrong signatures and tokens are not throttled otherwise. They cannot be
// guessed, so nobody must wait, and a right one from the same address is
// accepted whatever others send.
type quiet struct{ bursts *network.Rate[burstKey] }

type burstKey struct {
	reason  Reason
	network netip.Prefix
}

func newQuiet() quiet { return quiet{network.NewRate[burstKey](quietAfter, quietEvery, quietSize)} }

// loud counts a refusal. It returns how many there were of its kind, and
// reports whether this one should be logged.
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
