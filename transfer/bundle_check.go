package transfer

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/media"
	"github.com/quillgate/quillgate/options"
	"github.com/quillgate/quillgate/permalink"
	"github.com/quillgate/quillgate/site"
)

var (
	bundleTaxonomies      = []string{"category", "post_tag", "post_format", taxonomyMenu}
	bundlePostTypes       = site.PostTypeNames()
	bundlePostStatuses    = []string{"publish", "future", "draft", "pending", "private", "trash", "auto-draft", "inherit"}
	bundleCommentStatuses = []string{site.CommentApproved, site.CommentHeld, site.CommentSpam, site.CommentTrashed, site.CommentPostTrashed}
)

// check finds errors in the bundle itself, independent of the content of the
// blog.
func (b *Bundle) check(notes *[]string) error {
	if err := eachObject("user", b.Users, func(u *auth.ImportUser) int64 { return u.ID }, checkUser); err != nil {
		return err
	}
	if err := eachObject("term", b.Terms, func(t *BundleTerm) int64 { return t.ID }, (*BundleTerm).check); err != nil {
		return err
	}
	if err := eachObject("post", b.Posts, func(p *BundlePost) int64 { return p.ID }, (*BundlePost).check); err != nil {
		return err
	}
	if err := eachObject("comment", b.Comments, func(c *BundleComment) int64 { return c.ID }, (*BundleComment).check); err != nil {
		return err
	}
	for i := range b.Terms {
		if t := &b.Terms[i]; t.TaxonomyID != 0 && t.TaxonomyID != t.ID {
			note(notes, "term %d: term_taxonomy_id %d becomes %d: a term has one id here", t.ID, t.TaxonomyID, t.ID)
		}
	}
	if err := b.checkNames(); err != nil {
		return err
	}
	if err := b.NextIDs.check(); err != nil {
		return err
	}
	return b.checkMetaIDs()
}

// maxID is the highest id that a bundle may use: JSON numbers, and numbers in
// many clients, are exact up to this value.
const maxID = int64(1) << 53

func (n *BundleNextIDs) check() error {
	if n == nil {
		return nil
	}
	for name, id := range map[string]int64{
		"users": n.Users, "terms": n.Terms, "posts": n.Posts, "comments": n.Comments, "postmeta": n.PostMeta, "termmeta": n.TermMeta,
	} {
		if id < 0 || id > maxID {
			return &BundleError{"next_ids", name, fmt.Sprintf("must be between 1 and %d", maxID)}
		}
	}
	return nil
}

// eachObject checks the objects of one list, and that no id occurs twice.
func eachObject[T any](kind string, list []T, id func(*T) int64, check func(*T) (field, why string)) error {
	seen := make(map[int64]bool, len(list))
	for i := range list {
		object, n := &list[i], id(&list[i])
		if n <= 0 || n > maxID {
			return &BundleError{fmt.Sprintf("%s number %d", kind, i+1), "id", fmt.Sprintf("must be between 1 and %d", maxID)}
		}
		name := fmt.Sprintf("%s %d", kind, n)
		if seen[n] {
			return &BundleError{name, "id", "occurs twice"}
		}
		seen[n] = true
		if field, why := check(object); why != "" {
			return &BundleError{name, field, why}
		}
	}
	return nil
}

// badText finds text that no database column can store.
func badText(fields ...string) (field, why string) {
	for i := 0; i < len(fields); i += 2 {
		if strings.ContainsRune(fields[i+1], 0) {
			return fields[i], "text cannot hold the character U+0000"
		}
		if !utf8.ValidString(fields[i+1]) {
			return fields[i], "text must be UTF-8"
		}
	}
	return "", ""
}

func badMeta(list []BundleMeta) (field, why string) {
	for _, m := range list {
		if m.Key == "" {
			return "meta", "a custom field has no key"
		}
		if m.ID < 0 || m.ID > maxID {
			return "meta", fmt.Sprintf("an id must be between 1 and %d", maxID)
		}
		if _, why := badText("key", m.Key, "value", m.Value); why != "" {
			return "meta", why
		}
	}
	return "", ""
}

func oneOf(field, value string, allowed []string) (string, string) {
	if slices.Contains(allowed, value) {
		return "", ""
	}
	return field, fmt.Sprintf("%q is not one of %s", value, strings.Join(allowed, ", "))
}

// firstBad returns the first finding that is not empty.
func firstBad(findings ...[2]string) (field, why string) {
	for _, f := range findings {
		if f[1] != "" {
			return f[0], f[1]
		}
	}
	return "", ""
}

func bad(field, why string) [2]string { return [2]string{field, why} }

// checkUser checks little, because auth.Users.ImportUsers checks the rest.
func checkUser(u *auth.ImportUser) (field, why string) {
	if strings.TrimSpace(u.Login) == "" {
		return "login", "is missing"
	}
	return badText("login", u.Login, "email", u.Email, "first_name", u.FirstName, "last_name", u.LastName, "nickname", u.Nickname,
		"nicename", u.Nicename, "display_name", u.DisplayName, "url", u.URL, "bio", u.Bio)
}

func (t *BundleTerm) check() (field, why string) {
	if t.Name == "" {
		return "name", "is missing"
	}
	if t.Slug == "" {
		return "slug", "is missing"
	}
	if t.Parent == t.ID {
		return "parent", "a term cannot be its own parent"
	}
	return firstBad(
		bad(oneOf("taxonomy", t.Taxonomy, bundleTaxonomies)),
		bad(badText("name", t.Name, "slug", t.Slug, "description", t.Description)),
		bad(badMeta(t.Meta)),
	)
}

func (p *BundlePost) check() (field, why string) {
	if p.CommentStatus == "" {
		p.CommentStatus = "closed"
	}
	if p.PingStatus == "" {
		p.PingStatus = "closed"
	}
	if p.Date.IsZero() && p.DateGMT.IsZero() {
		return "date", "is missing"
	}
	if p.Parent == p.ID {
		return "parent", "a post cannot be its own parent"
	}
	if p.Type == "revision" && p.Parent <= 0 {
		return "parent", "a revision needs the post that it belongs to"
	}
	if p.Type == "attachment" && p.File == "" {
		return "file", "is missing"
	}
	if p.File != "" && media.CheckName(p.File) != nil {
		return "file", fmt.Sprintf("%q cannot be the name of a file below the folder of uploads", p.File)
	}
	if p.Type != "attachment" && (p.File != "" || p.Data != nil || p.Image != nil) {
		return "file", "only an attachment has a file"
	}
	if field, why := checkOld(p.OldAddresses); why != "" {
		return field, why
	}
	if p.Image != nil && (p.Image.Width < 1 || p.Image.Height < 1 || p.Image.Width > 30000 || p.Image.Height > 30000) {
		return "image", "width and height must be between 1 and 30000"
	}
	return firstBad(
		bad(oneOf("type", p.Type, bundlePostTypes)),
		bad(oneOf("status", p.Status, bundlePostStatuses)),
		bad(oneOf("comment_status", p.CommentStatus, []string{"open", "closed"})),
		bad(oneOf("ping_status", p.PingStatus, []string{"open", "closed"})),
		bad(badText("title", p.Title, "name", p.Name, "content", p.Content, "excerpt", p.Excerpt, "password", p.Password,
			"mime_type", p.MimeType, "guid", p.GUID, "file", p.File)),
		bad(badMeta(p.Meta)),
	)
}

func (c *BundleComment) check() (field, why string) {
	if c.Date.IsZero() && c.DateGMT.IsZero() {
		return "date", "is missing"
	}
	if c.Parent == c.ID {
		return "parent", "a comment cannot be its own parent"
	}
	if c.Type == "" {
		c.Type = "comment"
	}
	return firstBad(
		bad(oneOf("status", c.Status, bundleCommentStatuses)),
		bad(badText("author", c.Author, "email", c.Email, "url", c.URL, "ip", c.IP, "agent", c.Agent, "type", c.Type, "content", c.Content)),
		bad(badMeta(c.Meta)),
	)
}

// checkNames finds slugs and file names that two objects of the bundle use.
func (b *Bundle) checkNames() error {
	slugs := make(map[[2]string]int64, len(b.Terms))
	for i := range b.Terms {
		t := &b.Terms[i]
		key := [2]string{t.Taxonomy, t.Slug}
		if other := slugs[key]; other != 0 {
			return &BundleError{fmt.Sprintf("term %d", t.ID), "slug", fmt.Sprintf("%q is also that of term %d", t.Slug, other)}
		}
		slugs[key] = t.ID
	}
	files := map[string]int64{}
	for i := range b.Posts {
		p := &b.Posts[i]
		if p.File == "" {
			continue
		}
		if other := files[p.File]; other != 0 {
			return &BundleError{fmt.Sprintf("post %d", p.ID), "file", fmt.Sprintf("%q is also that of post %d", p.File, other)}
		}
		files[p.File] = p.ID
	}
	return nil
}

// checkMetaIDs finds ids of custom fields that occur twice.
func (b *Bundle) checkMetaIDs() error {
	check := func(kind string, seen map[int64]int64, id int64, list []BundleMeta) error {
		for _, m := range list {
			if m.ID == 0 {
				continue
			}
			if other, twice := seen[m.ID]; twice {
				return &BundleError{fmt.Sprintf("%s %d", kind, id), "meta", fmt.Sprintf("id %d is also on %s %d", m.ID, kind, other)}
			}
			seen[m.ID] = id
		}
		return nil
	}
	ofPosts, ofTerms, ofComments := map[int64]int64{}, map[int64]int64{}, map[int64]int64{}
	for i := range b.Posts {
		if err := check("post", ofPosts, b.Posts[i].ID, b.Posts[i].Meta); err != nil {
			return err
		}
	}
	for i := range b.Terms {
		if err := check("term", ofTerms, b.Terms[i].ID, b.Terms[i].Meta); err != nil {
			return err
		}
	}
	for i := range b.Comments {
		if err := check("comment", ofComments, b.Comments[i].ID, b.Comments[i].Meta); err != nil {
			return err
		}
	}
	return nil
}

// optionValues converts the options and the theme to stored values. Titles in a
// bundle are in stored form.
func (b *Bundle) optionValues(notes *[]string) (map[string]string, error) {
	values := make(map[string]string, len(b.Options)+4)
	for name, raw := range b.Options {
		text, ok := optionText(raw)
		if !ok {
			return nil, &BundleError{"options", name, "must be text, a number or a boolean"}
		}
		if _, why := badText(name, text, name, name); why != "" {
			return nil, &BundleError{"options", name, why}
		}
		switch {
		case name == options.Address:
			note(notes, "options: the address %q was not taken over; this blog keeps its own", text)
			continue
		case !options.Known(name):
			note(notes, "options: this server does not use %q; it was stored unchanged", name)
		case name == "permalink_structure" && permalink.Problem(text) != "":
			note(notes, "options: addresses like %q are not supported; posts have plain addresses", text)
		}
		text, err := options.CheckStored(name, text)
		if err != nil {
			return nil, &BundleError{"options", name, err.(*options.Invalid).Why}
		}
		values[name] = text
	}
	if t := b.Theme; t != nil {
		values["template"], values["stylesheet"] = t.Template, t.Stylesheet
		for name, list := range map[string]any{"theme_supports": t.Supports, "page_templates": t.PageTemplates} {
			text, err := json.Marshal(list)
			if err != nil {
				return nil, &BundleError{"theme", name, err.Error()}
			}
			values[name] = string(text)
		}
	}
	return values, nil
}

func optionText(raw any) (string, bool) {
	switch v := raw.(type) {
	case nil:
		return "", true
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		if v {
			return "1", true
		}
		return "0", true
	case int:
		return strconv.Itoa(v), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	}
	return "", false
}
