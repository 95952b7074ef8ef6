package site

import (
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"strings"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/markup"
)

// The largest texts of a comment, in bytes, as in WordPress's columns.
const (
	maxCommentAuthor  = 245
	maxCommentEmail   = 100
	maxCommentURL     = 200
	maxCommentContent = 65525
)

// filterCommentTexts makes the texts of a comment safe to display. Authors
// without the right unfiltered_html keep only the elements that visitors may
// use. Links to other sites are marked for search engines as not from the blog
// itself.
func (s *Site) filterCommentTexts(c *Comment, unfiltered bool) {
	c.Author = plainLine(c.Author)
	c.Email = strings.TrimSpace(database.CleanText(c.Email))
	c.URL = webAddress(c.URL)
	c.Content = s.filterCommentContent(c.Content, unfiltered)
	c.Agent = truncate(database.CleanText(c.Agent), 254)
}

func (s *Site) filterCommentContent(text string, unfiltered bool) string {
	text = database.CleanText(text)
	if !unfiltered {
		text = markup.Inline().Filter(text)
	}
	return s.markForeignLinks(markTargets(text))
}

// unfilteredComment reports whether a comment of this user may contain any
// markup.
func unfilteredComment(u auth.User) bool { return u.ID != 0 && u.Role.Can(auth.UnfilteredHTML) }

// ErrCommentLength means that a text of a comment is too long.
var ErrCommentLength = errors.New("too long for a comment")

// checkCommentLengths returns an error for a text that is too long.
func checkCommentLengths(c *Comment) error {
	for _, f := range []struct {
		name, text string
		limit      int
	}{
		{"author", c.Author, maxCommentAuthor},
		{"author_email", c.Email, maxCommentEmail},
		{"author_url", c.URL, maxCommentURL},
		{"content", c.Content, maxCommentContent},
	} {
		if len(f.text) > f.limit {
			return fmt.Errorf("%s: %w", f.name, ErrCommentLength)
		}
	}
	return nil
}

// truncate cuts a text between characters.
func truncate(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "")
}

// validEmail reports whether a text is an e-mail address that a visitor may
// enter.
func validEmail(text string) bool {
	a, err := mail.ParseAddress(text)
	if err != nil || a.Address != text {
		return false
	}
	_, host, _ := strings.Cut(text, "@")
	return strings.Contains(strings.Trim(host, "."), ".")
}

// markForeignLinks adds rel="nofollow ugc" to the links of a comment that lead
// away from the blog. As in WordPress, a tag that spans several lines stays as
// it is; pages mark it when they show it.
func (s *Site) markForeignLinks(text string) string {
	home := webHost(s.baseURL)
	return markup.MoveRel(text, func(link markup.Link) []string {
		if host := webHost(link.Address); link.Lines || host != "" && host == home {
			return nil
		}
		return []string{"nofollow", "ugc"}
	})
}

// webHost returns the host of a web address, in lower case. It accepts any
// path, since a path may contain what url.Parse refuses.
func webHost(address string) string {
	scheme, rest, _ := strings.Cut(address, "://")
	if !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https") {
		return ""
	}
	if end := strings.IndexAny(rest, `/\?#`); end >= 0 {
		rest = rest[:end]
	}
	u, err := url.Parse(scheme + "://" + rest)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}
