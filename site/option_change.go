package site

import (
	"context"
	"html"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/permalink"
)

// mayChangeOptions returns a *Denied unless the caller may change options.
func mayChangeOptions(who auth.Identity) error {
	if !who.Can(auth.ManageOptions) {
		return &Denied{Action: "change the options of this site"}
	}
	return nil
}

// ChangeOptions sets options for a caller, who needs the right manage_options.
// It accepts values as loosely as wp.setOptions: an invalid value leaves the
// option as it is. The time zone is the option gmt_offset here, whose value is
// an offset from GMT in hours or the name of a zone. It returns the names of
// the options whose stored values have changed.
func (s *Site) ChangeOptions(ctx context.Context, who auth.Identity, values map[string]string) (changed []string, err error) {
	if err := mayChangeOptions(who); err != nil {
		return nil, err
	}
	stored := make(map[string]string, len(values))
	for name, value := range values {
		entry, known := optionTable[name]
		if !known {
			continue
		}
		switch {
		case entry.kind == kindOffset:
			readZone(stored, value)
			continue
		case entry.kind == kindStructure && permalink.Problem(value) != "":
			continue
		}
		stored[name] = entry.loose(name, database.CleanText(value))
	}
	if len(stored) == 0 {
		return nil, nil
	}
	before, err := s.Options(ctx)
	if err != nil {
		return nil, err
	}
	written, err := s.storeOptions(ctx, who.Actor(), stored)
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
func (e optionEntry) loose(name, value string) string {
	switch e.kind {
	case kindTitle:
		return escapeTitle(value)
	case kindFormat:
		return escapeAmpersands(tag.ReplaceAllString(value, ""))
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

var tag = regexp.MustCompile(`<[^>]*(?:>|$)`)

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

// escapeTitle replaces characters with a meaning in HTML by entities, and keeps
// existing entities.
func escapeTitle(text string) string {
	return strings.NewReplacer("<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#039;").Replace(escapeAmpersands(text))
}

func escapeAmpersands(text string) string { return replaceAmpersands(text, "&amp;") }

// replaceAmpersands replaces every & that begins no entity.
func replaceAmpersands(text, entity string) string {
	return ampersand.ReplaceAllStringFunc(text, func(m string) string {
		if html.UnescapeString(m) != m {
			return m
		}
		return entity + m[1:]
	})
}

// ampersand matches an & together with what may make it an entity.
var ampersand = regexp.MustCompile(`&(?:#[0-9]{1,7};|#[xX][0-9a-fA-F]{1,6};|[A-Za-z][A-Za-z0-9]{1,31};)?`)
