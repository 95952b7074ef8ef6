package wordpress

import (
	"time"

	"github.com/quillgate/quillgate/loose"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/xmlrpc"
)

// dateOf reads a date. With Z or an offset it is an instant. Otherwise it is an
// instant if gmt is set, and the blog's wall clock if not. ok is false if it
// cannot be read.
func dateOf(v xmlrpc.Value, gmt bool) (d site.PostDate, ok bool) {
	t, zoned, ok := loose.Date(v)
	return site.PostDate{Time: t, Local: ok && !zoned && !gmt}, ok
}

// A dateMember is a member of a content struct that may hold the date.
type dateMember struct {
	value xmlrpc.Value
	gmt   bool
}

// firstDate returns the first date that can be read, or nil. As in WordPress,
// an unreadable date is not a fault. A new post then gets the current time; an
// old one keeps its date, where WordPress would use the current time.
func firstDate(members ...dateMember) *site.PostDate {
	for _, m := range members {
		if d, ok := dateOf(m.value, m.gmt); ok {
			return &d
		}
	}
	return nil
}

// newDate returns the date of a new post in wp.newPost. The member in GMT takes
// precedence, unless it is a string and the other member exists.
func newDate(content xmlrpc.Value) *site.PostDate {
	local, gmt := dateMember{content.Get("post_date"), false}, dateMember{content.Get("post_date_gmt"), true}
	if !local.value.IsZero() && gmt.value.Kind() != xmlrpc.KindDateTime {
		return firstDate(local, gmt)
	}
	return firstDate(gmt, local)
}

// editDate returns the date in wp.editPost.
func editDate(content xmlrpc.Value) *site.PostDate {
	return firstDate(dateMember{content.Get("post_date_gmt"), true}, dateMember{content.Get("post_date"), false})
}

// contentDate returns the date in a content struct of metaWeblog and of pages.
func contentDate(content xmlrpc.Value) *site.PostDate {
	return firstDate(dateMember{content.Get("date_created_gmt"), true}, dateMember{content.Get("dateCreated"), false})
}

// momentOf reads a member in GMT. It returns nil if it is missing or cannot be
// read.
func momentOf(v xmlrpc.Value) *time.Time {
	d, ok := dateOf(v, true)
	if !ok {
		return nil
	}
	return &d.Time
}
