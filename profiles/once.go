package profiles

import (
	"crypto/rand"
	"strconv"
	"sync"
	"time"
)

// once remembers which forms were sent, so that reloading a page or pressing a
// button twice does not create a second key. It is a convenience, not a
// guarantee: other processes do not know about it.
type once struct {
	mu   sync.Mutex
	sent map[string]time.Time
}

// maxSent is the number of forms that are remembered.
const maxSent = 10000

// first reports whether a form is sent for the first time.
func (o *once) first(id string, now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if at, known := o.sent[id]; known && now.Sub(at) < sessionTime {
		return false
	}
	if len(o.sent) >= maxSent || o.sent == nil {
		o.sent = make(map[string]time.Time)
	}
	o.sent[id] = now
	return true
}

// forget allows a form to be sent again, because it had no effect.
func (o *once) forget(id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.sent, id)
}

// FormID returns a new id for a form, for templates.
func (v *visit) FormID() string { return rand.Text() }

// formID returns the id of the form that was sent, or "" if it has none.
func (v *visit) formID() string {
	id := v.form("form")
	if id == "" || len(id) > 100 {
		return ""
	}
	return strconv.FormatInt(v.who.User.ID, 10) + " " + id
}
