package profiles

import (
	"net/netip"
	"sync"
	"time"
)

// pace bounds how often strangers of one network have something written down for them. It is of this process alone.
type pace struct {
	mu    sync.Mutex
	since time.Time
	asked map[netip.Prefix]int
}

// How many questions to a passkey a network gets within a while, and how many networks are counted.
const (
	paceEach     = 30
	paceTime     = 5 * time.Minute
	paceNetworks = 10000
)

// allow counts one, and tells whether it is not too many; if it is, for how long.
func (p *pace) allow(addr netip.Addr, now time.Time) (bool, time.Duration) {
	bits := 32
	if addr = addr.Unmap(); addr.Is6() {
		bits = 64 // what one subscriber gets
	}
	network, _ := addr.Prefix(bits) // the zero Prefix for no address
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.asked == nil || now.Sub(p.since) >= paceTime || len(p.asked) >= paceNetworks {
		p.since, p.asked = now, make(map[netip.Prefix]int)
	}
	p.asked[network]++
	return p.asked[network] <= paceEach, paceTime - now.Sub(p.since)
}
