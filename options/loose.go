package options

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/markup"
	"github.com/quillgate/quillgate/permalink"
)

// SetLoosely sets options for a caller, who needs the right manage_options. It
// accepts values as loosely as wp.setOptions: an invalid value leaves the
// option as it is. The time zone is the option gmt_offset here, whose value is
// an offset from GMT in hours or the name of a zone. It returns the names of
// the options whose stored values have changed. Errors: ErrDenied.
func (s *Store) SetLoosely(ctx context.Context, who auth.Identity, values map[string]string) (changed []string, err error) {
	if !who.Can(auth.ManageOptions) {
		return nil, ErrDenied
	}
	stored := make(map[string]string, len(values))
	for name, value := range values {
		e, known := table[name]
		if !known {
			continue
		}
		switch {
		case e.kind == kindOffset:
			readZone(stored, value)
			continue
		case e.kind == kindStructure && permalink.Problem(value) != "":
			continue
		}
		stored[name] = e.loose(name, database.CleanText(value))
	}
	if len(stored) == 0 {
		return nil, nil
	}
	before, err := s.Current(ctx)
	if err != nil {
		return nil, err
	}
	written, err := s.store(ctx, who.Actor(), stored)
	// An option that is stored for the first time, with its default, has not
	// changed.
	return slices.DeleteFunc(written, func(name string) bool { return before.Text(name) == stored[name] }), err
}

// readZone sets the two options of the time zone from one value.
func readZone(stored map[string]string, value string) {
	value = strings.TrimSpace(value)
	if hours, err := strconv.ParseFloat(value, 64); err == nil && hours >= -14 && hours <= 14 {
		stored["gmt_offset"], stored["timezone_string"] = strings.TrimPrefix(value, "+"), ""
		return
	}
	if loc, err := namedZone(value); err == nil {
		_, seconds := time.Now().In(loc).Zone()
		stored["timezone_string"] = value
		stored["gmt_offset"] = strconv.FormatFloat(float64(seconds)/3600, 'g', 4, 64)
	}
}

// loose converts any text to a value of the option, as WordPress's
// sanitize_option does.
func (e entry) loose(name, value string) string {
	switch e.kind {
	case kindTitle:
		return markup.EscapeTitle(value)
	case kindFormat:
		return markup.EscapeAmpersands(markup.DropTags(value), "&amp;")
	case kindNumber:
		return strconv.FormatInt(looseNumber(value), 10)
	case kindFlag:
		if name == "thumbnail_crop" { // stored unchanged
			return value
		}
		return strconv.FormatInt(looseNumber(value), 10)
	case kindStatus:
		if value != "open" {
			return "closed"
		}
	}
	return value
}

// looseNumber reads the digits at the beginning of a text and ignores their
// sign.
func looseNumber(text string) int64 {
	text = strings.TrimLeft(strings.TrimLeft(text, " \t\n\r"), "+-")
	end := strings.IndexFunc(text, func(c rune) bool { return c < '0' || c > '9' })
	if end >= 0 {
		text = text[:end]
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0
	}
	return n
}
