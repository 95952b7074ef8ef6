package apps

import (
	"errors"
	"time"
)

// Times related to the expiry of a key.
const (
	SuggestedLife = 365 * 24 * time.Hour // suggested for a new key; by default a key does not expire
	ExpirySoon    = 14 * 24 * time.Hour  // from then on, answers and pages mention the expiry
	ExpiryUrgent  = 3 * 24 * time.Hour   // from then on, they emphasize it
)

// ErrUnused means that the key was disabled because it had not been used for
// too long. It is for the log, like ErrRevoked.
var ErrUnused = errors.New("the application has not been used for too long")

// State is the state of a key.
type State string

// The states.
const (
	InUse      State = "in use"
	Superseded State = "superseded" // it has a successor, and still works
	Unused     State = "unused"     // unused for too long: refused until its owner changes or renews it
	Expired    State = "expired"
	Revoked    State = "revoked"
)

// Works reports whether signatures by a key in this state are accepted.
func (s State) Works() bool { return s == InUse || s == Superseded }

// State returns the current state of a key.
func (s *Store) State(a App) State {
	now := s.clock()
	switch {
	case !a.Revoked.IsZero():
		return Revoked
	case a.ExpiresWithin(0, now):
		return Expired
	case s.unusedAfter > 0 && now.Sub(a.wanted()) >= s.unusedAfter:
		return Unused
	case a.Successor != "":
		return Superseded
	}
	return InUse
}

// wanted returns when someone last used, changed or created the key.
func (a App) wanted() time.Time {
	last := a.Created
	for _, t := range []time.Time{a.LastUse.At, a.Renewed} {
		if t.After(last) {
			last = t
		}
	}
	return last
}

// ExpiresWithin reports whether the credential expires within d of now, or has
// expired.
func (t Terms) ExpiresWithin(d time.Duration, now time.Time) bool {
	return !t.Expires.IsZero() && !now.Add(d).Before(t.Expires)
}

// UsedAfterRotation reports whether a client still signs with a pair that has a
// successor.
func (a App) UsedAfterRotation() bool { return a.Successor != "" && a.LastUse.At.After(a.Rotated) }
