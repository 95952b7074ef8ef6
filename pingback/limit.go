package pingback

import (
	"context"
	"errors"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/quillgate/quillgate/fetch"
	"github.com/quillgate/quillgate/network"
	"github.com/quillgate/quillgate/site"
)

// A pingback makes this server send a request to a host that a stranger
// chooses. To keep it from being used to attack or to spy on that host, a
// process fetches
//
//   - one page for one target once a minute: the same pingback within a minute
//     gets the same result without another request;
//   - the pages of one host once a minute on average, with a burst of
//     hostBurst, since a host may well have written about several posts at
//     once;
//   - pages for one client once every two seconds on average, with a burst of
//     clientBurst;
//   - pagesAtOnce pages at a time.
const (
	askAgain    = time.Minute
	floodAgain  = 15 * time.Second // the pause between the comments of one address
	hostPause   = time.Minute
	hostBurst   = 32
	clientPause = 2 * time.Second
	clientBurst = 60
	pagesAtOnce = 8
	looksKept   = 20000 // entries in each table; when they are full, nothing is fetched
	sweepPause  = 10 * time.Second
)

// looks remembers which pages were fetched. Use newLooks: the zero value is not
// ready.
type looks struct {
	now   func() time.Time
	slots chan struct{}

	mu      sync.Mutex
	answers map[[2]string]answer // by source and target
	hosts   *network.Rate[string]
	clients *network.Rate[netip.Prefix]
	swept   time.Time
}

// answer is the result of a look, or ErrWait while it is still running.
type answer struct {
	err   error
	until time.Time
}

func newLooks(now func() time.Time) *looks {
	return &looks{
		now: now, slots: make(chan struct{}, pagesAtOnce), answers: map[[2]string]answer{},
		hosts:   network.NewRate[string](hostBurst, hostPause, looksKept),
		clients: network.NewRate[netip.Prefix](clientBurst, clientPause, looksKept),
	}
}

// once calls look, unless the result is known or the limits forbid it, which is
// ErrWait.
func (l *looks) once(p Ping, look func() error) error {
	select {
	case l.slots <- struct{}{}:
		defer func() { <-l.slots }()
	default:
		return ErrWait
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

// clientOf returns the network that a client's address counts as.
func clientOf(ip string) netip.Prefix {
	addr, _ := netip.ParseAddr(ip)
	return network.Of(addr)
}

func (l *looks) begin(key [2]string, host string, client netip.Prefix) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if known, ok := l.answers[key]; ok && now.Before(known.until) {
		return known.err
	}
	l.sweep(now)
	if len(l.answers) >= looksKept || l.hosts.Wait(host, now) > 0 || l.clients.Wait(client, now) > 0 {
		return ErrWait
	}
	l.hosts.Take(host, now)
	l.clients.Take(client, now)
	l.answers[key] = answer{ErrWait, now.Add(askAgain)}
	return nil
}

// end stores the result of a look if it says something about the page. It does
// not keep wrapped errors.
func (l *looks) end(key [2]string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if err == nil || errors.Is(err, context.Canceled) {
		return // begin has stored the result for the next one: the pingback exists now, or its client did not wait
	}
	delete(l.answers, key)
	for _, known := range aboutPages {
		if !errors.Is(err, known) {
			continue
		}
		again := askAgain
		if known == site.ErrCommentFlood {
			again = floodAgain
		}
		l.answers[key] = answer{known, now.Add(again)}
		return
	}
}

// aboutPages are the results that say something about the page.
var aboutPages = []error{
	site.ErrPinged, site.ErrCommentFlood, site.ErrDuplicateComment, site.ErrPingSource, fetch.ErrURL, fetch.ErrUnreachable,
	ErrWait, ErrEmpty, ErrLink, ErrTitle,
}

// sweep forgets outdated results if there are many.
func (l *looks) sweep(now time.Time) {
	if len(l.answers) < looksKept/2 || now.Sub(l.swept) < sweepPause {
		return
	}
	l.swept = now
	for key, a := range l.answers {
		if !now.Before(a.until) {
			delete(l.answers, key)
		}
	}
}
