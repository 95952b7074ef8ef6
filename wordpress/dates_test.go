package wordpress_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/xmlrpc"
)

// datePlaces lists the methods and members in which a client sends a date. Each
// writes an object with the date, and returns the resulting date of the object,
// by the blog's clock, two hours ahead of GMT.
var datePlaces = []struct {
	name string
	gmt  bool
	edit bool // for an object that has the date in old
	do   func(t *testing.T, e *endpoint, date xmlrpc.Value) (got string, fault int)
}{
	{"wp.newPost post_date", false, false, func(t *testing.T, e *endpoint, date xmlrpc.Value) (string, int) {
		return e.dated(t, "wp.newPost", object("post_title", "T", "post_status", "publish", "post_date", date))
	}},
	{"wp.newPost post_date_gmt", true, false, func(t *testing.T, e *endpoint, date xmlrpc.Value) (string, int) {
		return e.dated(t, "wp.newPost", object("post_title", "T", "post_status", "publish", "post_date_gmt", date))
	}},
	{"wp.newPost both, only post_date to be read", false, false, func(t *testing.T, e *endpoint, date xmlrpc.Value) (string, int) {
		return e.dated(t, "wp.newPost", object("post_title", "T", "post_status", "publish", "post_date", date, "post_date_gmt", xmlrpc.DateTime("00000000T00:00:00")))
	}},
	{"wp.editPost post_date", false, true, func(t *testing.T, e *endpoint, date xmlrpc.Value) (string, int) {
		return e.redated(t, "wp.editPost", object("post_date", date))
	}},
	{"wp.editPost post_date_gmt", true, true, func(t *testing.T, e *endpoint, date xmlrpc.Value) (string, int) {
		return e.redated(t, "wp.editPost", object("post_date_gmt", date))
	}},
	{"metaWeblog.newPost dateCreated", false, false, func(t *testing.T, e *endpoint, date xmlrpc.Value) (string, int) {
		return e.dated(t, "metaWeblog.newPost", object("title", "T", "dateCreated", date), xmlrpc.Bool(true))
	}},
	{"metaWeblog.newPost date_created_gmt", true, false, func(t *testing.T, e *endpoint, date xmlrpc.Value) (string, int) {
		return e.dated(t, "metaWeblog.newPost", object("title", "T", "date_created_gmt", date), xmlrpc.Bool(true))
	}},
	{"metaWeblog.editPost dateCreated", false, true, func(t *testing.T, e *endpoint, date xmlrpc.Value) (string, int) {
		return e.redated(t, "metaWeblog.editPost", object("dateCreated", date), xmlrpc.Bool(true))
	}},
	{"metaWeblog.editPost date_created_gmt", true, true, func(t *testing.T, e *endpoint, date xmlrpc.Value) (string, int) {
		return e.redated(t, "metaWeblog.editPost", object("date_created_gmt", date), xmlrpc.Bool(true))
	}},
	{"wp.newPage dateCreated", false, false, func(t *testing.T, e *endpoint, date xmlrpc.Value) (string, int) {
		return e.dated(t, "wp.newPage", object("title", "T", "dateCreated", date), xmlrpc.Bool(true))
	}},
	{"wp.newPage date_created_gmt", true, false, func(t *testing.T, e *endpoint, date xmlrpc.Value) (string, int) {
		return e.dated(t, "wp.newPage", object("title", "T", "date_created_gmt", date), xmlrpc.Bool(true))
	}},
	{"wp.editPage dateCreated", false, true, func(t *testing.T, e *endpoint, date xmlrpc.Value) (string, int) {
		return e.redated(t, "wp.editPage", object("dateCreated", date), xmlrpc.Bool(true))
	}},
	{"wp.editPage date_created_gmt", true, true, func(t *testing.T, e *endpoint, date xmlrpc.Value) (string, int) {
		return e.redated(t, "wp.editPage", object("date_created_gmt", date), xmlrpc.Bool(true))
	}},
	{"wp.editPost of a picture", false, true, func(t *testing.T, e *endpoint, date xmlrpc.Value) (string, int) {
		id := e.get(t, "wp.uploadFile", object("name", "a.txt", "type", "text/plain", "bits", xmlrpc.Bytes([]byte("a")))).Get("id")
		e.get(t, "wp.editPost", id, object("post_date", xmlrpc.DateTime(oldDate)))
		_, fault := e.as(t, "administrator", "wp.editPost", id, object("post_date", date))
		return e.get(t, "wp.getPost", id).Get("post_date").Text(), fault
	}},
	{"wp.editComment date_created_gmt", true, true, func(t *testing.T, e *endpoint, date xmlrpc.Value) (string, int) {
		post := e.get(t, "wp.newPost", object("post_title", "T", "post_status", "publish", "comment_status", "open"))
		id := e.get(t, "wp.newComment", post, object("content", "c"))
		// Two hours behind the blog's clock, and each time another
		// comment, since an edit that changes nothing is a fault.
		e.get(t, "wp.editComment", id, object("date_created_gmt", xmlrpc.DateTime("20010101T03:04:05")))
		_, fault := e.as(t, "administrator", "wp.editComment", id, object("content", "d", "date_created_gmt", date))
		at, err := time.Parse("20060102T15:04:05", e.get(t, "wp.getComment", id).Get("date_created_gmt").Text())
		must(t, err)
		return at.Add(2 * time.Hour).Format("20060102T15:04:05"), fault
	}},
}

const oldDate = "20010101T05:04:05"

// dated creates a post and returns its date.
func (e *endpoint) dated(t *testing.T, method string, params ...xmlrpc.Value) (string, int) {
	t.Helper()
	id, fault := e.as(t, "administrator", method, params...)
	if fault != 0 {
		return "", fault
	}
	return e.get(t, "wp.getPost", id).Get("post_date").Text(), 0
}

// redated changes a post or page with a date, and returns its new date.
func (e *endpoint) redated(t *testing.T, method string, params ...xmlrpc.Value) (string, int) {
	t.Helper()
	create, member, editing := "wp.newPost", "post_date", params
	var id xmlrpc.Value
	if method == "wp.editPage" {
		create, member = "wp.newPage", "dateCreated"
	}
	id = e.get(t, create, object("post_title", "T", "title", "T", "post_status", "publish", member, xmlrpc.DateTime(oldDate)), xmlrpc.Bool(true))
	login, password := xmlrpc.String("administrator"), xmlrpc.String("administrator-password")
	var args []xmlrpc.Value
	switch method {
	case "wp.editPage":
		args = append([]xmlrpc.Value{xmlrpc.Int(1), id, login, password}, editing...)
	case "metaWeblog.editPost":
		args = append([]xmlrpc.Value{id, login, password}, editing...)
	default:
		args = append([]xmlrpc.Value{xmlrpc.Int(1), login, password, id}, editing...)
	}
	_, fault := e.call(t, method, args...)
	return e.get(t, "wp.getPost", id).Get("post_date").Text(), fault
}

// Old clients write dates in many forms, as dateTime and as text. Every
// readable date is accepted everywhere. An unreadable one is not a fault: a new
// object gets the current time, an existing one keeps its date.
func TestDatesOfClients(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		e := openEndpoint(t, db)
		const local, now = "20260301T14:00:00", ""
		for _, place := range datePlaces {
			for i, c := range []struct{ text, local, gmt string }{
				{"20210304T05:06:07", "20210304T05:06:07", "20210304T07:06:07"},
				{"2021-03-04 05:06:07", "20210304T05:06:07", "20210304T07:06:07"},
				{"2021-03-04T05:06", "20210304T05:06:00", "20210304T07:06:00"},
				{"20210304T0506", "20210304T05:06:00", "20210304T07:06:00"},
				{"2021-03-04", "20210304T00:00:00", "20210304T02:00:00"},
				{"20210304", "20210304T00:00:00", "20210304T02:00:00"},
				{" 20210304t05:06:07z ", "20210304T07:06:07", "20210304T07:06:07"},
				{"2021-03-04T05:06:07+02", "20210304T05:06:07", "20210304T05:06:07"},
				{"2021-03-04 05:06:07 -0530", "20210304T12:36:07", "20210304T12:36:07"},
				{"20210304T24:00:00", "20210305T00:00:00", "20210305T02:00:00"},
				{"20161231T23:59:60Z", "20170101T02:00:00", "20170101T02:00:00"},
				{"20210431T05:06:07", "20210501T05:06:07", "20210501T07:06:07"},
				{"tomorrow", now, now},
				{"20211304T05:06:07", now, now},
				{"20210304T25:06:07", now, now},
				{"20210304T05:06:07+25:00", now, now},
				{"00000000T00:00:00", now, now},
				{"00010101T00:00:00+14:00", now, now},
				{"1614834367", now, now},
				{"", now, now},
			} {
				want := c.local
				if place.gmt {
					want = c.gmt
				}
				if want == now {
					if want = local; place.edit {
						want = oldDate
					}
				}
				date := xmlrpc.DateTime(c.text)
				if i%2 == 1 {
					date = xmlrpc.String(c.text)
				}
				if got, fault := place.do(t, e, date); got != want || fault != 0 {
					t.Errorf("%s: %v %q: %s, fault %d; want %s", place.name, date.Kind(), c.text, got, fault, want)
				}
			}
		}
	})
}

// Both databases store the earliest and the latest date that can be written.
func TestDatesAtTheEnds(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		e := openEndpoint(t, db)
		for _, date := range []string{"00010102T00:00:00", "99991231T23:59:59", "19011213T20:45:52", "20380119T03:14:08"} {
			if got, fault := e.dated(t, "wp.newPost", object("post_title", "T", "post_status", "draft", "post_date", xmlrpc.DateTime(date))); got != date || fault != 0 {
				t.Errorf("%s: %s, fault %d", date, got, fault)
			}
		}
	})
}

// In spring clocks skip an hour. As in WordPress, a time within it is counted
// from before the change.
func TestSkippedHour(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		e := openEndpoint(t, db)
		for _, c := range []struct{ zone, date, local, gmt string }{
			{"America/Chicago", "20270314T02:30:00", "20270314T03:30:00", "20270314T08:30:00"},
			{"America/Chicago", "20270314T01:59:59", "20270314T01:59:59", "20270314T07:59:59"},
			{"America/Chicago", "20270314T03:00:00", "20270314T03:00:00", "20270314T08:00:00"},
			{"America/Chicago", "20271107T01:30:00", "20271107T01:30:00", "20271107T06:30:00"},
			{"Europe/Berlin", "20270328T02:30:00", "20270328T03:30:00", "20270328T01:30:00"},
			{"Europe/Berlin", "20271031T02:30:00", "20271031T02:30:00", "20271031T01:30:00"},
			{"Australia/Lord_Howe", "20271003T02:15:00", "20271003T02:45:00", "20271002T15:45:00"},
			{"Pacific/Apia", "20111230T12:00:00", "20111231T12:00:00", "20111230T22:00:00"}, // a whole day
		} {
			must(t, e.site.Options().Set(t.Context(), "timezone_string", c.zone))
			id := e.get(t, "metaWeblog.newPost", object("title", "T", "dateCreated", xmlrpc.DateTime(c.date)), xmlrpc.Bool(true))
			post := e.get(t, "wp.getPost", id)
			if local, gmt := post.Get("post_date").Text(), post.Get("post_date_gmt").Text(); local != c.local || gmt != c.gmt {
				t.Errorf("%s in %s: %s, %s GMT; want %s, %s", c.date, c.zone, local, gmt, c.local, c.gmt)
			}
		}
	})
}

// The expiry of a key is a date in any form, or a number of days. Any other
// text is refused, and not read in part.
func TestExpiryOfClients(t *testing.T) {
	e := openEndpoint(t, databasetest.Open(t, databasetest.SQLite(t)))
	for i, c := range []struct {
		value xmlrpc.Value
		fault int
	}{
		{xmlrpc.DateTime("20270101T00:00:00"), 0},
		{xmlrpc.String("2027-01-01"), 0},
		{xmlrpc.String("30"), 0},
		{xmlrpc.Int(30), 0},
		{xmlrpc.Value{}, 0},
		{xmlrpc.DateTime("tomorrow"), 400},
		{xmlrpc.DateTime(""), 400},
		{xmlrpc.String("3 weeks"), 400},
		{xmlrpc.String("2027-13-01"), 400},
		{xmlrpc.Int(0), 400},
	} {
		_, fault := e.as(t, "administrator", "xmlrpcs.createApplication", xmlrpc.String("app "+strconv.Itoa(i)), object("expires", c.value))
		if fault != c.fault {
			t.Errorf("expires %v %q: fault %d, want %d", c.value.Kind(), c.value.Text(), fault, c.fault)
		}
	}
}
