package local

import (
	"sync"
	"time"
)

// status is the result of the last call to a site, for the page.
type status struct {
	mu       sync.Mutex
	at       time.Time
	trouble  string // "" if the last call was answered
	calls    int
	wrong    int // wrong local passwords since the start
	transfer *transfer
}

func (s *status) answered() { s.set("") }

func (s *status) failed(trouble string) { s.set(trouble) }

func (s *status) set(trouble string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at, s.trouble = time.Now(), trouble
	s.calls++
}

func (s *status) refused() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wrong++
}

// begin shows a transfer on the page until end is called.
func (s *status) begin(t *transfer) (end func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.transfer = t
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.transfer == t {
			s.transfer = nil
		}
	}
}

// shown is a copy of the status for the page.
type shown struct {
	At      time.Time
	Trouble string
	Calls   int
	Wrong   int
	Percent int // of a long transfer; -1 without one
}

func (s *status) shown() shown {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := shown{At: s.at, Trouble: s.trouble, Calls: s.calls, Wrong: s.wrong, Percent: -1}
	if s.transfer != nil {
		out.Percent = s.transfer.percent()
	}
	return out
}
