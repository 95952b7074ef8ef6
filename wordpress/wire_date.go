package wordpress

import (
	"time"

	"github.com/quillgate/quillgate/loose"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/xmlrpc"
)

// dateOf reads a date. One with Z or an offset is that moment; one without is a moment when gmt is set, and the blog's wall
// clock otherwise. What cannot be read is not ok.
func dateOf(v xmlrpc.Value, gmt bool) (d site.PostDate, ok bool) {
	t, zoned, ok := loose.Date(v)
	return site.PostDate{Time: t, Local: ok && !zoned && !gmt}, ok
}

// A dateMember is a member of a content struct in which a client may have put the date.
type dateMember struct {
	value xmlrpc.Value
	gmt   bool
}

// firstDate is the first date that can be read. It is nil when there is none:
// an unreadable date is not a fault, as in WordPress. A new post is of now
// then; an old one keeps its date, where WordPress would take now.
func firstDate(members ...dateMember) *site.PostDate {
	for _, m := range members {
		if d, ok := dateOf(m.value, m.gmt); ok {
			return &d
		}
	}
	return nil
}

// newDate is the date of a new post in wp.newPost. The member in GMT wins, but
// not as a text next to the other member.
func newDate(content xmlrpc.Value) *site.PostDate {
	local, gmt := dateMember{content.Get("post_date"), false}, dateMember{content.Get("post_date_gmt"), true}
	if !local.value.IsZero() && gmt.value.Kind() != xmlrpc.KindDateTime {
		return firstDate(local, gmt)
	}
	return firstDate(gmt, local)
}

// editDate is the date in wp.editPost.
func editDate(content xmlrpc.Value) *site.PostDate {
	return firstDate(dateMember{content.Get("post_date_gmt"), true}, dateMember{content.Get("post_date"), false})
}

// contentDate is the date in a content struct of metaWeblog and of pages.
func contentDate(content xmlrpc.Value) *site.PostDate {
	return firstDate(dateMember{content.Get("date_created_gmt"), true}, dateMember{content.Get("dateCreated"), false})
}

// momentOf reads a member that is in GMT; nil when there is none, or none that can be read.
func momentOf(v xmlrpc.Value) *time.Time {
	d, ok := dateOf(v, true)
	if !ok {
		return nil
	}
	return &d.Time
}
