package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
)

// serverRoom is how much garbage a server or gateway lets gather.
const serverRoom = 24 << 20

// A collector has the garbage collector run when room bytes were allocated since it ran last, or as much as was in use then,
// whichever is more. The usual rule is the second part alone: a server has 10 MiB in use, and a third of its work was to
// collect after every few hundred calls. GOGC=N, set from outside, wins.
type collector struct {
	room    uint64
	percent int
	stopped atomic.Bool
}

// collectLater starts a collector. It returns a function that stops it, and goes back to the usual rule.
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

// afterNext has adjust called after the next collection: it leaves a piece of garbage that the collector will find.
func (c *collector) afterNext() {
	runtime.AddCleanup(new([32]byte), func(c *collector) {
		if !c.stopped.Load() {
			c.adjust()
			c.afterNext()
		}
	}, c)
}

// adjust sets by how many percent the heap may grow.
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
