package main

import (
	"runtime"
	"runtime/metrics"
	"testing"
	"time"
)

// The heap of a server may grow by room, and no more than usual if much memory
// is in use.
func TestServersCollectLater(t *testing.T) {
	t.Setenv("GOGC", "")
	percent := func() uint64 {
		sample := []metrics.Sample{{Name: "/gc/gogc:percent"}}
		metrics.Read(sample)
		return sample[0].Value.Uint64()
	}
	becomes := func(what string, good func(percent uint64) bool) {
		t.Helper()
		for began := time.Now(); !good(percent()); runtime.GC() {
			if time.Since(began) > 10*time.Second {
				t.Fatalf("%s: the heap may grow by %d %%", what, percent())
			}
		}
	}
	stop := collectLater(256 << 20)
	becomes("with little in use", func(n uint64) bool { return n >= 200 })
	much := make([]*[1 << 20]byte, 400)
	for i := range much {
		much[i] = new([1 << 20]byte)
	}
	becomes("with much in use", func(n uint64) bool { return n <= 110 })
	runtime.KeepAlive(much)
	stop()
	becomes("at the end", func(n uint64) bool { return n == 100 })
}
