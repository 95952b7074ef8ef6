package site

import (
	"time"

	"github.com/quillgate/quillgate/options"
)

// PostDate is the date that someone gave to a post: an instant, or a time on
// the blog's wall clock.
type PostDate struct {
	Time time.Time
	// Local means that Time is the blog's wall clock, and its zone is
	// meaningless.
	Local bool
}

// clocks returns the date on the blog's wall clock and as an instant, in whole
// seconds.
func (d PostDate) clocks(o *options.Values) (local, moment time.Time) {
	t := d.Time.Truncate(time.Second)
	if d.Local {
		t = o.UTC(t)
	}
	// Convert through the instant, so that an hour that the clocks skip becomes
	// one that exists.
	return o.Local(t), t.UTC()
}

// scheduleAfter is how far in the future a date must be to turn a published
// post into a scheduled one. As in WordPress, clients' clocks may be off by a
// minute.
const scheduleAfter = time.Minute

// setDate sets the date of the post and, from date and status, the final
// status. given is nil if the client sent no date: then a new post and a draft
// without a date get the current time, and every other post keeps its date.
func (p *Post) setDate(given *PostDate, old *Post, o *options.Values, now time.Time) {
	switch {
	case given != nil:
		local, moment := given.clocks(o)
		p.Date, p.DateGMT = local, &moment
	case old == nil || old.DateGMT == nil && Floating(old.Status):
		p.Date, p.DateGMT = o.Local(now), nil
	}
	if p.DateGMT == nil && !Floating(p.Status) {
		moment := o.UTC(p.Date)
		p.DateGMT = &moment
	}
	if p.Type == TypeAttachment || p.DateGMT == nil {
		return
	}
	ahead := p.DateGMT.Sub(now) >= scheduleAfter
	switch {
	case p.Status == StatusPublish && ahead:
		p.Status = StatusFuture
	case p.Status == StatusFuture && !ahead:
		p.Status = StatusPublish
	}
}
