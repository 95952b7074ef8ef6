package auth

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

var (
	here  = netip.MustParseAddr("192.0.2.1")
	there = netip.MustParseAddr("198.51.100.7")
	start = time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)
)

// A2: no wait for the first failures, then a wait that doubles to 15 minutes.
func TestThrottleDoublesA2(t *testing.T) {
	var th throttle
	local := netip.MustParseAddr("127.0.0.1") // without the limit by address
	now := start
	want := []time.Duration{0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900}
	for i, seconds := range want {
		th.failed("ada", local, now)
		got := th.wait("ada", local, now)
		if got != seconds*time.Second {
			t.Errorf("after failure %d: wait %v, want %v", i+1, got, seconds*time.Second)
		}
		if got > 0 && th.wait("ada", local, now.Add(got-1)) == 0 {
			t.Errorf("after failure %d the wait ends early", i+1)
		}
		now = now.Add(got)
		if th.wait("ada", local, now) != 0 {
			t.Errorf("after failure %d the wait does not end", i+1)
		}
	}
	th.passed("ada", local)
	th.failed("ada", local, now)
	if got := th.wait("ada", local, now); got != 0 {
		t.Errorf("a failure after a success waits %v", got)
	}
}

// A2: from somewhere else there is no wait.
func TestThrottleSparesTheOwnerA2(t *testing.T) {
	var th throttle
	for range 1000 {
		th.failed("ada", here, start)
	}
	if th.wait("ada", here, start) == 0 {
		t.Error("the guesser does not wait")
	}
	if got := th.wait("ada", there, start); got != 0 {
		t.Errorf("the owner waits %v at another address", got)
	}
	th.passed("ada", there)
	if th.wait("ada", here, start) == 0 {
		t.Error("the owner's success has freed the guesser")
	}
}

// A2: 20 failures in 15 minutes from one address, over whatever accounts.
func TestThrottleByAddressA2(t *testing.T) {
	var th throttle
	for i := range addrFailures {
		if got := th.wait("next", here, start.Add(time.Duration(i)*time.Second)); got != 0 {
			t.Errorf("failure %d waits %v", i, got)
		}
		th.failed(fmt.Sprint("user", i), here, start.Add(time.Duration(i)*time.Second))
	}
	now := start.Add(time.Minute)
	if got := th.wait("next", here, now); got != 14*time.Minute {
		t.Errorf("after %d failures the address waits %v, want 14m", addrFailures, got)
	}
	th.passed("user0", here)
	if th.wait("next", here, now) == 0 {
		t.Error("one right password has bought more guesses")
	}
	if got := th.wait("next", here, start.Add(addrWindow)); got != 0 {
		t.Errorf("after the window the address waits %v", got)
	}
	if got := th.wait("next", there, now); got != 0 {
		t.Errorf("another address waits %v", got)
	}
}

func TestThrottleNetworks(t *testing.T) {
	tests := []struct {
		name, a, b string
		same       bool
	}{
		{"neighbours of version 4", "192.0.2.1", "192.0.2.2", false},
		{"one /64", "2001:db8:1:2::1", "2001:db8:1:2:ffff::1", true},
		{"two /64", "2001:db8:1:2::1", "2001:db8:1:3::1", false},
	}
	for _, test := range tests {
		var th throttle
		for range 10 {
			th.failed("ada", netip.MustParseAddr(test.a), start)
		}
		if got := th.wait("ada", netip.MustParseAddr(test.b), start) > 0; got != test.same {
			t.Errorf("%s: counted together %v, want %v", test.name, got, test.same)
		}
	}
	// An address that is not known is counted too, all of them together.
	var th throttle
	for range 10 {
		th.failed("ada", netip.Addr{}, start)
	}
	if th.wait("ada", netip.Addr{}, start) == 0 {
		t.Error("without an address nothing is counted")
	}
}

// The memory is bounded, and a flood does not wash away what counts.
func TestThrottleIsBounded(t *testing.T) {
	var th throttle
	for range 30 {
		th.failed("ada", here, start)
	}
	for i := range 3 * throttleLimit {
		addr := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		th.failed(fmt.Sprint("name", i), addr, start.Add(time.Minute))
		if len(th.failures) > throttleLimit+1 {
			t.Fatalf("%d entries", len(th.failures))
		}
	}
	if th.wait("ada", here, start.Add(time.Minute)) == 0 {
		t.Error("the flood has washed away the count of the guessed account")
	}
}
