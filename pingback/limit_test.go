package pingback

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/fetch"
	"github.com/quillgate/quillgate/site"
)

func newClock() *databasetest.Clock {
	return databasetest.NewClock(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
}

func pingFrom(host, page, client string) Ping {
	p := NewPing("http://"+host+"/"+page, "https://blog.example/?p=1")
	p.IP = client
	return p
}

func TestLooksAgain(t *testing.T) {
	inside := errors.New("inside")
	for _, test := range []struct {
		name   string
		first  error
		second error         // at once
		pause  time.Duration // after which it is looked at again
	}{
		{"taken", nil, ErrWait, time.Minute},
		{"no link", ErrLink, ErrLink, time.Minute},
		{"not reached", fmt.Errorf("get: %w", fetch.ErrUnreachable), fetch.ErrUnreachable, time.Minute},
		{"flood", site.ErrCommentFlood, site.ErrCommentFlood, 15 * time.Second},
		{"client gone", context.Canceled, ErrWait, time.Minute},
		{"error inside", inside, inside, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			clock := newClock()
			l := newLooks(clock.Now)
			n := 0
			look := func() error {
				return l.once(pingFrom("a.example", "x", "192.0.2.1"), func() error { n++; return test.first })
			}
			if err := look(); !errors.Is(err, test.first) {
				t.Fatalf("first: got %v, want %v", err, test.first)
			}
			if err := look(); !errors.Is(err, test.second) {
				t.Errorf("second: got %v, want %v", err, test.second)
			}
			want := 1
			if test.pause == 0 {
				want = 2
			}
			if n != want {
				t.Errorf("looked %d times at once, want %d", n, want)
			}
			clock.Add(test.pause - time.Nanosecond)
			look()
			clock.Add(time.Nanosecond)
			if look(); n != want+1 && test.pause != 0 {
				t.Errorf("looked %d times after the pause, want %d", n, want+1)
			}
		})
	}
}

func TestLooksLimits(t *testing.T) {
	for _, test := range []struct {
		name  string
		ping  func(n int) Ping
		burst int
		pause time.Duration
	}{
		{"host", func(n int) Ping {
			return pingFrom([]string{"a.example", "A.EXAMPLE", "a.example."}[n%3], fmt.Sprint(n), fmt.Sprintf("192.0.2.%d", n))
		}, 32, time.Minute},
		{"client", func(n int) Ping { return pingFrom(fmt.Sprintf("h%d.example", n), "x", "192.0.2.1") }, 60, 2 * time.Second},
		{"client of IPv6", func(n int) Ping {
			return pingFrom(fmt.Sprintf("h%d.example", n), "x", fmt.Sprintf("2001:db8::%x", n+1))
		}, 60, 2 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			clock := newClock()
			l := newLooks(clock.Now)
			next := 0
			run := func() int {
				for looked := 0; ; looked++ {
					next++
					if err := l.once(test.ping(next), func() error { return nil }); err != nil {
						return looked
					}
				}
			}
			if n := run(); n != test.burst {
				t.Errorf("%d looks at first, want %d", n, test.burst)
			}
			clock.Add(test.pause)
			if n := run(); n != 1 {
				t.Errorf("%d looks after a pause, want 1", n)
			}
			clock.Add(test.pause * time.Duration(2*test.burst))
			if n := run(); n != test.burst {
				t.Errorf("%d looks after a long pause, want %d", n, test.burst)
			}
		})
	}
}

func TestLooksAtOnce(t *testing.T) {
	l := newLooks(newClock().Now)
	var nested func(n int) error
	nested = func(n int) error {
		return l.once(pingFrom(fmt.Sprintf("h%d.example", n), "x", "192.0.2.1"), func() error {
			if n == pagesAtOnce {
				return nil
			}
			return nested(n + 1)
		})
	}
	if err := nested(1); err != nil {
		t.Errorf("%d pages at once: %v", pagesAtOnce, err)
	}
	if err := nested(0); !errors.Is(err, ErrWait) {
		t.Errorf("%d pages at once: %v, want to wait", pagesAtOnce+1, err)
	}
	same := pingFrom("same.example", "x", "192.0.2.1")
	err := l.once(same, func() error { return l.once(same, func() error { return nil }) })
	if !errors.Is(err, ErrWait) {
		t.Errorf("the same page while it is looked at: %v, want to wait", err)
	}
}

func TestLooksForget(t *testing.T) {
	clock := newClock()
	l := newLooks(clock.Now)
	for i := range 3 * looksKept {
		if i%looksKept == looksKept-1 {
			clock.Add(time.Hour)
		}
		l.once(pingFrom(fmt.Sprintf("h%d.example", i), "x", fmt.Sprint(i)), func() error { return nil })
	}
	if n := max(len(l.answers), l.hosts.Len(), l.clients.Len()); n > looksKept {
		t.Errorf("%d entries are kept, want at most %d", n, looksKept)
	}
	clock.Add(time.Hour)
	if err := l.once(pingFrom("last.example", "x", "192.0.2.1"), func() error { return nil }); err != nil {
		t.Errorf("after the flood: %v", err)
	}
}
