package apps

import (
	"errors"
	"time"
)

// Times around the end of a key.
const (
	SuggestedLife = 365 * 24 * time.Hour // of a new key; none is the default
	ExpirySoon    = 14 * 24 * time.Hour  // from then on answers and pages tell of the end
	ExpiryUrgent  = 3 * 24 * time.Hour   // from then on they do so loudly
)

// ErrUnused means that no one has used the key for so long that it no longer
// works; for the log, as ErrRevoked.
var ErrUnused = errors.New("the application has not been used for too long")

// State is how it stands with a key.
type State string

// The states.
const (
	InUse      State = "in use"
	Superseded State = "superseded" // it has a successor, and still works
	Unused     State = "unused"     // not used for too long: refused until its owner changes or renews it
	Expired    State = "expired"
	Revoked    State = "revoked"
)

// Works reports whether signatures of a key in this state are taken.
func (s State) Works() bool { return s == InUse || s == Superseded }

// State says how it stands with a key now.
func (s *Store) State(a App) State {
	now := s.clock()
	switch {
	case !a.Revoked.IsZero():
		return Revoked
	case !a.Expires.IsZero() && !now.Before(a.Expires):
		return Expired
	case s.unusedAfter > 0 && now.Sub(a.wanted()) >= s.unusedAfter:
		return Unused
	case a.Successor != "":
		return Superseded
	}
	return InUse
}

// wanted is when someone last showed that the key is of use.
func (a App) wanted() time.Time {
	last := a.Created
	for _, t := range []time.Time{a.LastUse.At, a.Renewed} {
		if t.After(last) {
			last = t
		}
	}
	return last
}

// ExpiresWithin reports whether the key ends within d of now, or has ended.
func (a App) ExpiresWithin(d time.Duration, now time.Time) bool {
	return !a.Expires.IsZero() && !now.Add(d).Before(a.Expires)
}

// UsedAfterRotation reports whether a program still signs with a pair that has
// a successor.
func (a App) UsedAfterRotation() bool { return a.Successor != "" && a.LastUse.At.After(a.Rotated) }
