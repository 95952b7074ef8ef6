package site

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/network"
	"github.com/quillgate/quillgate/permalink"
)

type optionKind uint8

const (
	kindText      optionKind = iota
	kindTitle                // text that is stored with its HTML characters escaped
	kindFormat               // text without tags
	kindNumber               // a whole number, 0 or above
	kindFlag                 // 0 or 1
	kindOffset               // hours east of GMT, with a fraction
	kindZone                 // a name of the IANA database, or nothing
	kindStatus               // open or closed
	kindRole                 // one of WordPress's roles
	kindNames                // JSON: a list of names
	kindTitles               // JSON: an object of names and titles
	kindNetworks             // networks with ports; see network.ParseDestinations
	kindWho                  // nobody, users or anybody
	kindStructure            // the permalink structure, or empty
)

// optionEntry is a row of the table of options: its type and its default.
type optionEntry struct {
	kind  optionKind
	value string
}

// optionTable has every option that this server reads. Names are those of
// wp.getOptions, otherwise those of WordPress's own table. Bundles may bring
// others, which are kept and exported again.
var optionTable = map[string]optionEntry{
	"blog_title":                    {kindTitle, "My blog"},
	"blog_tagline":                  {kindTitle, ""},
	"gmt_offset":                    {kindOffset, "0"},
	"timezone_string":               {kindZone, ""},
	"date_format":                   {kindFormat, "F j, Y"},
	"time_format":                   {kindFormat, "g:i a"},
	"admin_email":                   {kindText, ""},
	"users_can_register":            {kindFlag, "0"},
	"default_role":                  {kindRole, "subscriber"},
	"default_category":              {kindNumber, "1"},
	"default_post_format":           {kindText, "0"},
	"default_comment_status":        {kindStatus, "open"},
	"default_ping_status":           {kindStatus, "open"},
	OptionCommenters:                {kindWho, CommentersUsers},
	"comment_moderation":            {kindFlag, "0"},
	"comment_previously_approved":   {kindFlag, "1"},
	"comment_max_links":             {kindNumber, "2"},
	"comment_registration":          {kindFlag, "0"},
	"comments_notify":               {kindFlag, "1"},
	"moderation_notify":             {kindFlag, "1"},
	"moderation_keys":               {kindText, ""},
	"disallowed_keys":               {kindText, ""},
	"require_name_email":            {kindFlag, "1"},
	"thread_comments":               {kindFlag, "1"},
	"thread_comments_depth":         {kindNumber, "5"},
	"anonymous_comments":            {kindFlag, "0"},
	"pingback":                      {kindFlag, "0"}, // whether other sites may report that they link here
	"pingback_fault_codes":          {kindFlag, "0"}, // whether they learn why they are refused
	"pingback_networks":             {kindNetworks, ""},
	"pingback_send":                 {kindFlag, "0"}, // whether this blog notifies the pages that it links to
	"thumbnail_size_w":              {kindNumber, "150"},
	"thumbnail_size_h":              {kindNumber, "150"},
	"thumbnail_crop":                {kindFlag, "1"},
	"medium_size_w":                 {kindNumber, "300"},
	"medium_size_h":                 {kindNumber, "300"},
	"medium_large_size_w":           {kindNumber, "768"},
	"medium_large_size_h":           {kindNumber, "0"},
	"large_size_w":                  {kindNumber, "1024"},
	"large_size_h":                  {kindNumber, "1024"},
	"image_default_link_type":       {kindText, "none"},
	"image_default_size":            {kindText, ""},
	"image_default_align":           {kindText, ""},
	"permalink_structure":           {kindStructure, ""},
	"blog_charset":                  {kindText, "UTF-8"},
	"uploads_use_yearmonth_folders": {kindFlag, "1"},
	"blog_public":                   {kindFlag, "1"},
	"use_trackback":                 {kindFlag, "0"},
	"template":                      {kindText, "default"},
	"stylesheet":                    {kindText, "default"},
	"theme_supports":                {kindNames, `["post-thumbnails"]`},
	"page_templates":                {kindTitles, `{"default":"Default"}`},
}

// Option is an option with its value, as in ListOptions.
type Option struct{ Name, Value string }

// ListOptions returns all options sorted by name, with their defaults if they
// were never set. It omits options that another one replaces; Option reads
// them.
func (s *Site) ListOptions(ctx context.Context) ([]Option, error) {
	o, err := s.Options(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]Option, 0, len(optionTable))
	for name := range optionTable {
		if formerOptions[name] == "" {
			list = append(list, Option{name, o.Text(name)})
		}
	}
	for name, value := range o.values {
		if _, known := optionTable[name]; !known {
			list = append(list, Option{name, value})
		}
	}
	slices.SortFunc(list, func(a, b Option) int { return cmp.Compare(a.Name, b.Name) })
	return list, nil
}

// Option returns the value of an option, and whether the option exists.
func (s *Site) Option(ctx context.Context, name string) (value string, known bool, err error) {
	o, err := s.Options(ctx)
	if err != nil {
		return "", false, err
	}
	if _, known = optionTable[name]; !known {
		_, known = o.values[name]
	}
	return o.Text(name), known, nil
}

// SetOption sets an option for the operator of the server, who needs no role.
// The error for an invalid name or value is *Invalid. Titles are plain text.
func (s *Site) SetOption(ctx context.Context, name, value string) error {
	entry, known := optionTable[name]
	if !known {
		return &Invalid{Field: name, Why: "there is no such option"}
	}
	stored, err := entry.check(name, value)
	if err != nil {
		return err
	}
	_, err = s.storeOptions(ctx, audit.Operator, map[string]string{name: stored})
	return err
}

// OptionsChanged is the audit event for options that were set, with their
// values.
const OptionsChanged audit.Kind = "options.changed"

// shownOption is how many bytes of a value the audit trail stores.
const shownOption = 200

// storeOptions writes the options that differ, and returns their names.
func (s *Site) storeOptions(ctx context.Context, by audit.Actor, values map[string]string) ([]string, error) {
	var changed []string
	err := s.db.Update(ctx, func(tx *database.Tx) error {
		now, err := ReadOptions(ctx, tx)
		if err != nil {
			return err
		}
		values := now.WithCommenters(values)
		changed, err = WriteOptions(ctx, tx, values)
		if err != nil || len(changed) == 0 {
			return err
		}
		detail := make(map[string]string, len(changed))
		for _, name := range changed {
			detail[name] = values[name]
			if len(detail[name]) > shownOption {
				detail[name] = strings.ToValidUTF8(detail[name][:shownOption], "") + "…"
			}
		}
		return audit.Append(ctx, tx, audit.Event{Kind: OptionsChanged, By: by, At: s.now(), Detail: detail})
	})
	if err != nil {
		return nil, fmt.Errorf("store options: %w", err)
	}
	return changed, nil
}

// WriteOptions writes the options that differ from those in tx, and returns
// their sorted names.
func WriteOptions(ctx context.Context, tx *database.Tx, values map[string]string) ([]string, error) {
	now, err := ReadOptions(ctx, tx)
	if err != nil {
		return nil, err
	}
	var changed []string
	for name, value := range values {
		if old, there := now.values[name]; !there || old != value {
			changed = append(changed, name)
		}
	}
	slices.Sort(changed)
	for _, name := range changed {
		_, err := tx.Exec(ctx, `INSERT INTO options (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, values[name])
		if err != nil {
			return nil, fmt.Errorf("write option %s: %w", name, err)
		}
	}
	return changed, nil
}

// check returns the value in stored form, or an *Invalid that names the option.
func (e optionEntry) check(name, value string) (string, error) {
	if strings.ContainsRune(value, 0) {
		return "", &Invalid{Field: name, Why: "text cannot hold the character U+0000"}
	}
	bad := func(want string) (string, error) {
		return "", &Invalid{Field: name, Why: "must be " + want}
	}
	switch e.kind {
	case kindTitle:
		return escapeTitle(value), nil
	case kindNumber:
		n, err := strconv.ParseInt(value, 10, 32)
		if err != nil || n < 0 {
			return bad("a whole number, 0 or above")
		}
		return strconv.FormatInt(n, 10), nil
	case kindFlag:
		switch strings.ToLower(value) {
		case "1", "true", "on", "yes":
			return "1", nil
		case "0", "", "false", "off", "no":
			return "0", nil
		}
		return bad("1 (on) or 0 (off)")
	case kindOffset:
		n, err := strconv.ParseFloat(value, 64)
		if err != nil || !(n >= -14 && n <= 14) { // this also refuses NaN
			return bad("hours east of GMT, between -14 and 14, such as 2 or -3.5")
		}
	case kindZone:
		if _, err := namedZone(value); err != nil && value != "" {
			return bad("empty or a time zone such as Europe/Berlin")
		}
	case kindStatus:
		if value != "open" && value != "closed" {
			return bad("open or closed")
		}
	case kindRole:
		if !slices.Contains([]string{"administrator", "editor", "author", "contributor", "subscriber"}, value) {
			return bad("administrator, editor, author, contributor or subscriber")
		}
	case kindWho:
		if !slices.Contains(commenters, value) {
			return bad("nobody, users (who sign in) or anybody")
		}
	case kindStructure:
		if why := permalink.Problem(value); why != "" {
			return "", &Invalid{Field: name, Why: why}
		}
	case kindNames:
		var names []string
		if json.Unmarshal([]byte(value), &names) != nil {
			return bad("a JSON list of names")
		}
	case kindTitles:
		var titles map[string]string
		if json.Unmarshal([]byte(value), &titles) != nil {
			return bad("a JSON object of names and titles")
		}
	case kindNetworks:
		if _, err := network.ParseDestinations(value); err != nil {
			return bad("networks with or without a port, such as 10.0.0.0/8 or 127.0.0.1:8080 or [fd00::/8]:80; " + err.Error())
		}
	}
	return value, nil
}

// OptionValue returns the stored value of an option in the form of a bundle: a
// number if the option is one, otherwise text.
func OptionValue(name, value string) any {
	switch optionTable[name].kind {
	case kindNumber, kindFlag:
		if n, err := strconv.ParseInt(value, 10, 64); err == nil && strconv.FormatInt(n, 10) == value {
			return n
		}
	case kindOffset:
		if f, err := strconv.ParseFloat(value, 64); err == nil {
			return f
		}
	}
	return value
}

// KnownOption reports whether this server reads the option. Others come with
// bundles, and are kept.
func KnownOption(name string) bool { _, known := optionTable[name]; return known }

// CheckStored returns the value from a bundle in stored form, or an *Invalid
// that names the option. Titles are in stored form. A permalink structure that
// cannot be used becomes the plain one.
func CheckStored(name, value string) (string, error) {
	entry, known := optionTable[name]
	switch {
	case !known || entry.kind == kindTitle:
		return value, nil
	case entry.kind == kindStructure && permalink.Problem(value) != "":
		return "", nil
	}
	return entry.check(name, value)
}
