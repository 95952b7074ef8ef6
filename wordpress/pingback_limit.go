package wordpress

import (
	"context"
	"errors"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/quillgate/quillgate/site"
)

// Pingbacks make this server ask a host that a stranger names. So that it cannot be made into a weapon against that host,
// nor into an eye, a process looks
//
//   - at a page for one target once a minute: the same question within the minute has the same answer, unasked;
//   - at the pages of one host once a minute in the long run, with hostBurst looks in advance, since a host may well have
//     written about several posts at once;
//   - for one client once every two seconds in the long run, with clientBurst looks in advance;
//   - at pagesAtOnce pages at a time.
const (
	askAgain    = time.Minute
	floodAgain  = 15 * time.Second // the pause between the comments of one address
	hostPause   = time.Minute
	hostBurst   = 32
	clientPause = 2 * time.Second
	clientBurst = 60
	pagesAtOnce = 8
	looksKept   = 20000 // entries of each table; no looks beyond
	sweepPause  = 10 * time.Second
)

// looks remembers which pages were looked at. The zero value is not ready; see newLooks.
type looks struct {
	now   func() time.Time
	slots chan struct{}

	mu      sync.Mutex
	answers map[[2]string]answer // by source and target
	// The moments from which on a host or a client has all its looks again.
	hosts, clients map[string]time.Time
	swept          time.Time
}

// answer is what came of a look; while it goes on the error is errPingWait.
type answer struct {
	err   error
	until time.Time
}

func newLooks(now func() time.Time) *looks {
	return &looks{now: now, slots: make(chan struct{}, pagesAtOnce), answers: map[[2]string]answer{}, hosts: map[string]time.Time{}, clients: map[string]time.Time{}}
}

// once calls look unless the limits forbid, which is errPingWait, or the answer is known.
func (l *looks) once(p site.Pingback, look func() error) error {
	select {
	case l.slots <- struct{}{}:
		defer func() { <-l.slots }()
	default:
		return errPingWait
	}
	key := [2]string{p.Source, p.Target}
	if err := l.begin(key, hostOf(p.Source), clientOf(p.IP)); err != nil {
		return err
	}
	err := look()
	l.end(key, err)
	return err
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
}

// clientOf is the address of a client, of IPv6 the network that one customer has.
func clientOf(ip string) string {
	addr, err := netip.ParseAddr(ip)
	if err != nil || !addr.Is6() || addr.Is4In6() {
		return ip
	}
	return netip.PrefixFrom(addr, 64).Masked().String()
}

func (l *looks) begin(key [2]string, host, client string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if known, ok := l.answers[key]; ok && now.Before(known.until) {
		return known.err
	}
	l.sweep(now)
	hostFull, hostFree := fill(l.hosts[host], now, hostPause, hostBurst)
	clientFull, clientFree := fill(l.clients[client], now, clientPause, clientBurst)
	if !hostFree || !clientFree || max(len(l.answers), len(l.hosts), len(l.clients)) >= looksKept {
		return errPingWait
	}
	l.hosts[host], l.clients[client] = hostFull, clientFull
	l.answers[key] = answer{errPingWait, now.Add(askAgain)}
	return nil
}

// fill is a bucket of burst looks that gets one back after every pause, told by the moment from which on it is full.
func fill(full, now time.Time, pause time.Duration, burst int) (time.Time, bool) {
	if full.Before(now) {
		full = now
	}
	full = full.Add(pause)
	return full, full.Sub(now) <= pause*time.Duration(burst)
}

// end keeps what came of a look, when it says something about the page. What is inside an error is not kept.
func (l *looks) end(key [2]string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if err == nil || errors.Is(err, context.Canceled) {
		return // begin has left what the next one hears: the pingback is there now, or its client did not wait
	}
	delete(l.answers, key)
	for _, row := range pingFaults {
		if !errors.Is(err, row.err) {
			continue
		}
		again := askAgain
		if row.err == site.ErrCommentFlood {
			again = floodAgain
		}
		l.answers[key] = answer{row.err, now.Add(again)}
		return
	}
}

// sweep forgets what does not count any more, when there is much.
func (l *looks) sweep(now time.Time) {
	if max(len(l.answers), len(l.hosts), len(l.clients)) < looksKept/2 || now.Sub(l.swept) < sweepPause {
		return
	}
	l.swept = now
	for key, a := range l.answers {
		if !now.Before(a.until) {
			delete(l.answers, key)
		}
	}
	for _, table := range []map[string]time.Time{l.hosts, l.clients} {
		for key, full := range table {
			if !now.Before(full) {
				delete(table, key)
			}
		}
	}
}
