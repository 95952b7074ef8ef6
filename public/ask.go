package public

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/options"
	"github.com/quillgate/quillgate/permalink"
)

// ask is the content of a request, as far as it is clear without the database.
// Unknown parameters are left out, so that addresses that differ only in those
// share an answer.
type ask struct {
	path  []string // the parts of the path, without those that select a page of a list or a feed
	query url.Values
	page  int    // the page of a list, from 1
	part  int    // the page of a post, from 1, if it is in the query
	feed  string // rss2 or atom; "" for a page
	// comments requests the comments of the whole blog as a feed.
	comments bool
	reply    int64 // the comment that the form replies to
	held     int64 // the held comment that is shown to the visitor with its token
	token    string
	notice   string // one of the notices, about the visitor's comment

	given    string // the escaped path, unchanged
	rest     string // the whole query in the form of permalink.OldQuery, if it has unknown parameters
	asked    string // the address in a form that can be compared with the canonical one
	front    string // the beginning of addresses of lists
	dates    string
	unlocked bool          // the visitor has entered the password of the post
	who      auth.Identity // the visitor; an answer for a user who is signed in is only for that user
	edition  edition       // the revision of the blog at the time of the request
}

// parameters lists the parameters that select what is shown.
var parameters = []string{"p", "page_id", "attachment_id", "cat", "tag", "category_name", "author", "author_name", "m", "year", "monthnum", "day", "s", "page", "name", "pagename"}

// otherParameters lists known parameters that select nothing.
var otherParameters = []string{"paged", "replytocom", "unapproved", "moderation-hash", "comment", "feed"}

// feedNames maps the names of feeds in addresses to formats. The older formats
// are answered in the newer one.
var feedNames = map[string]string{"feed": "rss2", "rss2": "rss2", "rss": "rss2", "rdf": "rss2", "atom": "atom"}

// parseAsk parses an address below the base URL; a proxy has removed the path
// of the base URL.
func parseAsk(u *url.URL, o *options.Values) ask {
	q := ask{query: url.Values{}, page: 1, given: u.EscapedPath()}
	lists := o.Lists()
	q.front, q.dates = lists.Front, lists.Dates
	given := u.Query()
	for _, name := range parameters {
		if v := given.Get(name); v != "" || name == "s" && given.Has(name) {
			q.query.Set(name, v)
		}
	}
	for name := range given {
		if !slices.Contains(parameters, name) && !slices.Contains(otherParameters, name) {
			q.rest = permalink.OldQuery(u.RawQuery)
		}
	}
	if n, ok := number(given.Get("paged")); ok {
		q.page = n
	}
	if n, ok := number(given.Get("page")); ok {
		q.part = n
	}
	if n, ok := number(given.Get("replytocom")); ok {
		q.reply = int64(n)
	}
	if n, ok := number(given.Get("unapproved")); ok {
		q.held, q.token = int64(n), given.Get("moderation-hash")
	}
	if notices[given.Get("comment")] != "" {
		q.notice = given.Get("comment")
	}
	if feed := given.Get("feed"); feed != "" {
		name := strings.TrimPrefix(feed, "comments-")
		q.comments = name != feed
		q.feed = feedNames[name]
	}
	for part := range strings.SplitSeq(u.EscapedPath(), "/") {
		if part != "" {
			q.path = append(q.path, part)
		}
	}
	// A server without rewriting has the program's name in front of every
	// address. If the addresses of the blog do not have it, it is ignored.
	if len(q.path) > 0 && q.path[0] == "index.php" && (len(q.path) == 1 || !strings.HasPrefix(q.front, "/index.php/")) {
		q.path = q.path[1:]
	}
	paged := q.page > 1
	q.trim()
	q.asked = spelled(u.EscapedPath(), q.query, q.page, paged)
	return q
}

// number parses a positive integer of plausible size.
func number(text string) (int, bool) {
	n, err := strconv.Atoi(text)
	return n, err == nil && n > 0 && n < 1<<31
}

// trim cuts off the end of the path that selects a feed or a page of a list.
func (q *ask) trim() {
	n := len(q.path)
	switch {
	case n >= 1 && q.path[n-1] == "feed":
		q.feed, q.path = "rss2", q.path[:n-1]
	case n >= 2 && q.path[n-2] == "feed" && feedNames[q.path[n-1]] != "":
		q.feed, q.path = feedNames[q.path[n-1]], q.path[:n-2]
	case n >= 2 && q.path[n-2] == "page":
		if page, ok := number(q.path[n-1]); ok {
			q.page, q.path = page, q.path[:n-2]
		}
	case n >= 2 && strings.HasPrefix(q.path[n-1], "comment-page-"):
		q.path = q.path[:n-1] // all comments are on one page
	}
	if q.feed != "" && len(q.path) == 1 && q.path[0] == "comments" {
		q.comments, q.path = true, nil
	}
}

// key returns a text that differs for requests with different answers.
func (q *ask) key() string {
	var b strings.Builder
	b.WriteString(q.asked)
	for _, part := range []string{q.feed, strconv.FormatBool(q.comments), strconv.FormatInt(q.reply, 10), q.notice, strconv.FormatInt(q.held, 10), q.token} {
		b.WriteByte('\n')
		b.WriteString(part)
	}
	return b.String()
}

// spelled returns an address in a form that is equal for two spellings if
// neither redirects to the other. A page number stays where the address has it:
// in the path or in the query.
func spelled(escapedPath string, query url.Values, page int, paged bool) string {
	path, err := url.PathUnescape(escapedPath)
	if err != nil {
		path = escapedPath
	}
	address := "/" + strings.TrimPrefix(path, "/") + "?" + query.Encode()
	if paged {
		address += "#" + strconv.Itoa(page)
	}
	return address
}

// canonical reports whether the requested address is the canonical one.
func (q *ask) canonical(want, basePath string) bool {
	u, err := url.Parse(want)
	if err != nil {
		return true
	}
	given, page, paged := url.Values{}, 1, false
	query := u.Query()
	for _, name := range parameters {
		if query.Has(name) {
			given.Set(name, query.Get(name))
		}
	}
	if n, ok := number(query.Get("paged")); ok {
		page, paged = n, n > 1
	}
	return q.asked == spelled(strings.TrimPrefix(u.EscapedPath(), basePath), given, page, paged)
}

// period is the time that a date in an address covers.
type period struct{ year, month, day int }

// span returns the first moment of the period and the first one after it, in
// the time zone of the blog.
func (d period) span() (from, until time.Time) {
	switch {
	case d.month == 0:
		from = time.Date(d.year, 1, 1, 0, 0, 0, 0, time.UTC)
		return from, from.AddDate(1, 0, 0)
	case d.day == 0:
		from = time.Date(d.year, time.Month(d.month), 1, 0, 0, 0, 0, time.UTC)
		return from, from.AddDate(0, 1, 0)
	}
	from = time.Date(d.year, time.Month(d.month), d.day, 0, 0, 0, 0, time.UTC)
	return from, from.AddDate(0, 0, 1)
}

// newPeriod parses year, month and day; month and day may be missing.
func newPeriod(parts []string) (d period, ok bool) {
	if len(parts) == 0 || len(parts) > 3 || len(parts[0]) != 4 {
		return d, false
	}
	for i, into := range []*int{&d.year, &d.month, &d.day}[:len(parts)] {
		if i > 0 && len(parts[i]) > 2 || strings.Trim(parts[i], "0123456789") != "" {
			return d, false
		}
		n, err := strconv.Atoi(parts[i])
		if err != nil || n == 0 {
			return d, false
		}
		*into = n
	}
	if d.month > 12 || d.day > 31 {
		return d, false
	}
	from, _ := d.span()
	return d, d.day == 0 || from.Day() == d.day // there is no 31 February
}

// date parses the period from the parameter m, or from year, monthnum and day.
func (q *ask) date() (period, bool) {
	if m := q.query.Get("m"); m != "" {
		if len(m) < 4 || len(m) > 8 || len(m)%2 != 0 {
			return period{}, false
		}
		parts := []string{m[:4]}
		for rest := m[4:]; rest != ""; rest = rest[2:] {
			parts = append(parts, rest[:2])
		}
		return newPeriod(parts)
	}
	parts := []string{q.query.Get("year")}
	for _, name := range []string{"monthnum", "day"} {
		if v := q.query.Get(name); v != "" {
			parts = append(parts, v)
		}
	}
	return newPeriod(parts)
}
