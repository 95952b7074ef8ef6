package wordpress

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/xmlrpc"
)

// wireDate is every form in which clients write a date: yyyyMMddTHH:mm:ss, the same with dashes or without colons, with
// a blank for the T, with fractions of a second, and with a zone.
var wireDate = regexp.MustCompile(`^([0-9]{4})-?([0-9]{2})-?([0-9]{2})[Tt ]([0-9]{2}):?([0-9]{2})(?::?([0-9]{2})(?:[.,][0-9]+)?)?\s*(Z|z|[+-][0-9]{2}(?::?[0-9]{2})?)?$`)

// dateOf reads a date. One with Z or an offset is that moment; one without is a moment when gmt is set, and the blog's
// wall clock otherwise. What cannot be read is not ok.
func dateOf(v xmlrpc.Value, gmt bool) (d site.PostDate, ok bool) {
	m := wireDate.FindStringSubmatch(strings.TrimSpace(textOf(v)))
	if m == nil {
		return site.PostDate{}, false
	}
	var n [6]int
	for i := range n {
		n[i], _ = strconv.Atoi(m[i+1]) // digits, or nothing where the seconds are left out
	}
	if n[0] == 0 || n[1] < 1 || n[1] > 12 || n[2] < 1 || n[2] > 31 || n[3] > 24 || n[4] > 59 || n[5] > 60 {
		return site.PostDate{}, false
	}
	t := time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], n[5], 0, time.UTC)
	zone := m[7]
	switch {
	case zone == "":
		return site.PostDate{Time: t, Local: !gmt}, true
	case zone == "Z" || zone == "z":
		return site.PostDate{Time: t}, true
	}
	digits := strings.ReplaceAll(zone[1:], ":", "")
	hours, _ := strconv.Atoi(digits[:2])
	minutes, _ := strconv.Atoi(digits[2:])
	offset := time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	if zone[0] == '-' {
		offset = -offset
	}
	return site.PostDate{Time: t.Add(-offset)}, true
}

// choosePostDate reads the date of a post from its two members: that in GMT wins. nil when neither is there, or when
// the one that counts cannot be read, which is no fault: a new post is of now then, and an old one keeps its date.
func choosePostDate(local, gmt xmlrpc.Value) *site.PostDate {
	v := local
	if !gmt.IsZero() {
		v = gmt
	}
	if v.IsZero() {
		return nil
	}
	d, ok := dateOf(v, !gmt.IsZero())
	if !ok {
		return nil
	}
	return &d
}

// newDate is the date of a new post in wp.newPost. A text in place of a dateTime counts only as far as the other member
// leaves it to.
func newDate(content xmlrpc.Value) *site.PostDate {
	local, gmt := content.Get("post_date"), content.Get("post_date_gmt")
	if !local.IsZero() && gmt.Kind() != xmlrpc.KindDateTime {
		gmt = xmlrpc.Value{}
	}
	return choosePostDate(local, gmt)
}

// editDate is the date in wp.editPost, which takes nothing but a dateTime, and ignores what is empty.
func editDate(content xmlrpc.Value) (*site.PostDate, error) {
	local, gmt := content.Get("post_date"), content.Get("post_date_gmt")
	for name, v := range map[string]*xmlrpc.Value{"post_date": &local, "post_date_gmt": &gmt} {
		if !truthOf(*v) {
			*v = xmlrpc.Value{}
		} else if v.Kind() != xmlrpc.KindDateTime {
			return nil, &site.Invalid{Field: name, Why: "it has to be a dateTime"}
		}
	}
	return choosePostDate(local, gmt), nil
}
