package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
)

// serverRoom is how many bytes of garbage a server or gateway may accumulate.
const serverRoom = 24 << 20

// A collector starts the garbage collector after room bytes of allocations, or
// after as many as were in use at the last collection, whichever is more. Go's
// usual rule is the second part alone: a server has 10 MiB in use, so a third
// of its time went into collections, one every few hundred calls. GOGC=N in the
// environment takes precedence.
type collector struct {
	room    uint64
	percent int
	stopped atomic.Bool
}

// collectLater starts a collector. It returns a function that stops it and
// restores the usual rule.
func collectLater(room uint64) (stop func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	c := &collector{room: room, percent: 100}
	c.adjust()
	c.afterNext()
	return func() {
		c.stopped.Store(true)
		debug.SetGCPercent(100)
	}
}

// afterNext arranges a call of adjust after the next collection. It creates a
// piece of garbage with a cleanup for that.
func (c *collector) afterNext() {
	runtime.AddCleanup(new([32]byte), func(c *collector) {
		if !c.stopped.Load() {
			c.adjust()
			c.afterNext()
		}
	}, c)
}

// adjust sets the percentage by which the heap may grow.
func (c *collector) adjust() {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	percent := max(100, int(min(c.room*100/max(live[0].Value.Uint64(), 1<<20), 3200)))
	// Each change stops the world for a moment.
	if diff := percent - c.percent; diff*10 > c.percent || -diff*10 > c.percent {
		debug.SetGCPercent(percent)
		c.percent = percent
	}
}
