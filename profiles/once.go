package profiles

import (
	"crypto/rand"
	"strconv"
	"sync"
	"time"
)

// once remembers which forms were sent, so that a page that is loaded again, or a button that is pressed twice, does
// not make a second key. It is a kindness and no guard: another process knows nothing of it.
type once struct {
	mu   sync.Mutex
	sent map[string]time.Time
}

// maxSent is how many forms are remembered.
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

// forget lets a form be sent again: it came to nothing.
func (o *once) forget(id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.sent, id)
}

// FormID is a name for a form, for templates.
func (v *visit) FormID() string { return rand.Text() }

// formID is the name of the form that was sent, empty when it has none.
func (v *visit) formID() string {
	id := v.form("form")
	if id == "" || len(id) > 100 {
		return ""
	}
	return strconv.FormatInt(v.who.User.ID, 10) + " " + id
}
