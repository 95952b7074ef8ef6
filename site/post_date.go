package site

import "time"

// PostDate is a date that someone gave to a post: a moment, or what the blog's
// clock is to show.
type PostDate struct {
	Time time.Time
	// Local means that Time is the blog's wall clock; its zone means nothing then.
	Local bool
}

// clocks returns the date on the blog's wall clock and as a moment, in whole seconds.
func (d PostDate) clocks(o *Options) (local, moment time.Time) {
	t := d.Time.Truncate(time.Second)
	if d.Local {
		t = o.UTC(t)
	}
	// Through the moment, so that an hour that the clocks skip becomes one that exists.
	return o.Local(t), t.UTC()
}

// scheduleAfter is how far ahead a date must lie to make a published post a scheduled one. WordPress grants clients'
// clocks a minute.
const scheduleAfter = time.Minute

// setDate gives the post its date and, from date and status, the final status. given is nil when the client named no
// date: then a new post and a draft without a date get the present moment, and every other post keeps what it has.
func (p *Post) setDate(given *PostDate, old *Post, o *Options, now time.Time) {
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
