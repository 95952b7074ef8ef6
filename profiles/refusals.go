package profiles

import (
	"cmp"
	"slices"
	"time"

	"github.com/quillgate/quillgate/auth"
)

// refusals shows the numbers of refused credentials by reason, and the last
// refusals.
func (v *visit) refusals() error {
	v.title = v.T("Refusals")
	month, err := v.p.cfg.Refusals.ByReason(v.ctx(), v.now().AddDate(0, 0, -29))
	if err != nil {
		return err
	}
	today, err := v.p.cfg.Refusals.ByReason(v.ctx(), v.now())
	if err != nil {
		return err
	}
	last, err := v.p.cfg.Refusals.LastOfAll(v.ctx())
	if err != nil {
		return err
	}
	var bars []bar
	most := int64(1)
	for reason, n := range month {
		bars = append(bars, bar{Reason: v.T(reason.Words()), Name: string(reason), Count: n, Today: today[reason]})
		most = max(most, n)
	}
	slices.SortFunc(bars, func(a, b bar) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name)) })
	for i := range bars {
		b := &bars[i]
		b.Y = 8 + i*48
		b.Base = b.Y + 15
		b.Bar = b.Y + 20
		b.Width = max(1, int(b.Count*80/most))
		b.Number = b.Bar + 13
	}
	return v.show("refusals", struct {
		Bars   []bar
		Height int
		Last   []refusedLine
	}{bars, 16 + 48*len(bars), v.lastRefused(last, v.names())})
}

// bar is a bar of the chart, with its position in pixels. The label is above
// it, the number after it.
type bar struct {
	Reason, Name         string
	Count, Today         int64
	Y, Base, Bar, Number int
	Width                int // in hundredths of the width of the chart
}

// refusedLine describes one of the last refusals in words.
type refusedLine struct {
	At      time.Time
	Text    string
	Remedy  string
	Remarks []string // the owner, the client, and the address
}

// lastRefused describes refusals in words. names returns the name of a user;
// nil: all refusals belong to the visitor.
func (v *visit) lastRefused(list []auth.Refused, names func(int64) string) []refusedLine {
	lines := make([]refusedLine, 0, len(list))
	for _, r := range list {
		l := refusedLine{At: r.At, Text: v.T(r.Reason.Words()), Remedy: v.T(r.Reason.Remedy())}
		remark := func(format string, args ...any) { l.Remarks = append(l.Remarks, v.T(format, args...)) }
		switch {
		case names == nil:
		case r.UserID != 0:
			l.Remarks = append(l.Remarks, names(r.UserID))
		case r.Named:
			remark("a user name that does not exist")
		}
		switch {
		case r.Public != "":
			remark("key %s", r.Public)
		case r.KeyLength > 0:
			remark("an unknown key of %d characters", r.KeyLength)
		}
		if r.Addr.IsValid() {
			l.Remarks = append(l.Remarks, r.Addr.String())
		}
		if r.Agent != "" {
			l.Remarks = append(l.Remarks, program(r.Agent))
		}
		lines = append(lines, l)
	}
	return lines
}
