package network_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/quillgate/quillgate/network"
)

var start = time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)

// H18: every limit by address counts IPv6 by /64.
func TestH18OneCustomerIsOneNetwork(t *testing.T) {
	for _, test := range []struct {
		a, b string
		same bool
	}{
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true},
		{"2001:db8:1:2::1", "2001:db8:1:3::1", false},
		{"fe80::1%eth0", "fe80::2%eth1", true},
		{"::1", "127.0.0.1", false},
	} {
		a, b := network.Of(netip.MustParseAddr(test.a)), network.Of(netip.MustParseAddr(test.b))
		if (a == b) != test.same {
			t.Errorf("%s counts as %v and %s as %v; want the same: %v", test.a, a, test.b, b, test.same)
		}
	}
	if network.Of(netip.Addr{}).IsValid() {
		t.Error("an address that is not known has a network")
	}
}

func TestRate(t *testing.T) {
	r := network.NewRate[string](3, time.Minute, 100)
	now := start
	takes := func(key string) (n int) {
		for {
			if _, wait := r.Take(key, now); wait > 0 {
				return n
			}
			n++
		}
	}
	if n := takes("a"); n != 3 {
		t.Errorf("%d in advance, want 3", n)
	}
	if n := takes("b"); n != 3 {
		t.Errorf("another key has %d, want 3", n)
	}
	if wait := r.Wait("a", now); wait != time.Minute {
		t.Errorf("the next waits %v, want a minute", wait)
	}
	now = now.Add(time.Minute)
	if n := takes("a"); n != 1 {
		t.Errorf("%d after an interval, want 1", n)
	}
	if n, _ := r.Take("a", now); n != 7 {
		t.Errorf("try %d since the bucket was full, want 7", n)
	}
	r.Forget("a")
	if n := takes("a"); n != 3 {
		t.Errorf("%d after it was forgotten, want 3", n)
	}
	now = now.Add(-time.Hour)
	if wait := r.Wait("a", now); wait > time.Minute {
		t.Errorf("after the clock was set back the next waits %v", wait)
	}
	now = now.Add(3 * time.Hour)
	if n := takes("a"); n != 3 {
		t.Errorf("%d after a long pause, want 3", n)
	}
}

// A flood of keys neither fills the memory nor frees the key that keeps asking.
func TestRateIsBounded(t *testing.T) {
	r := network.NewRate[int](2, time.Hour, 1000)
	r.Take(-1, start)
	r.Take(-1, start)
	for i := range 10_000 {
		r.Take(i, start)
		if i%100 == 0 {
			if _, wait := r.Take(-1, start); wait == 0 {
				t.Fatalf("after %d other keys the first one is free again", i)
			}
		}
	}
	if n := r.Len(); n > 1000 {
		t.Errorf("%d keys are kept, want at most 1000", n)
	}
}

func TestShare(t *testing.T) {
	var s network.Share[string]
	if !s.Take("a", 6, 10) || s.Take("a", 5, 10) || !s.Take("a", 4, 10) || !s.Take("b", 10, 10) {
		t.Error("a share is not what its key may hold")
	}
	s.Give("a", 6)
	if s.Take("a", 7, 10) || !s.Take("a", 6, 10) {
		t.Error("what was given back cannot be taken again")
	}
}

func BenchmarkRate(b *testing.B) {
	r := network.NewRate[netip.Prefix](10, time.Second, 10_000)
	from := network.Of(netip.MustParseAddr("2001:db8::1"))
	for b.Loop() {
		r.Take(from, start)
	}
}
