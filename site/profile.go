package site

import (
	"context"
	"net/url"
	"strings"

	"github.com/quillgate/quillgate/auth"
)

// EditProfile changes what the caller says of themselves. Names lose all markup, the biography keeps that of comments,
// and the address keeps only what is one; an empty nickname, display name or nicename becomes the user name. Errors:
// *auth.Invalid.
func (s *Site) EditProfile(ctx context.Context, who auth.Identity, p auth.Profile) error {
	if !who.LoggedIn() {
		return &Denied{Action: "edit a profile without signing in"}
	}
	for _, text := range []*string{p.FirstName, p.LastName, p.Nickname, p.DisplayName} {
		if text != nil {
			*text = plainLine(*text)
		}
	}
	if p.Bio != nil {
		*p.Bio = strings.TrimSpace(filterHTML(cleanText(*p.Bio), titlePolicy()))
	}
	if p.URL != nil {
		*p.URL = webAddress(*p.URL)
	}
	for _, name := range []*string{p.DisplayName, p.Nicename} {
		if name != nil && strings.TrimSpace(*name) == "" {
			*name = who.User.Login
		}
	}
	_, err := s.users.UpdateProfile(ctx, who.User.ID, p)
	return err
}

// plainLine makes one line of text without markup, in which &, < and > are entities.
func plainLine(text string) string {
	text = tag.ReplaceAllString(cleanText(text), "")
	return escapeText(strings.Join(strings.Fields(text), " "))
}

// webAddress keeps an address that a browser may be led to, and makes "" of all others. Like WordPress it takes one
// without a scheme for http.
func webAddress(text string) string {
	text = strings.Map(func(c rune) rune {
		if c <= ' ' || c == 0x7f || strings.ContainsRune("\"<>\\^`{|}", c) {
			return -1
		}
		return c
	}, cleanText(text))
	if text == "" {
		return ""
	}
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	switch strings.ToLower(u.Scheme) {
	case "http", "https", "ftp", "ftps", "mailto", "irc", "ircs", "gopher", "nntp", "news", "feed", "tel", "sms", "xmpp", "webcal", "urn":
		return text
	case "":
		if strings.HasPrefix(text, "/") || strings.HasPrefix(text, "#") || strings.HasPrefix(text, "?") {
			return text
		}
		return "http://" + text
	}
	// host:port without a scheme reads as one.
	if _, rest, _ := strings.Cut(text, ":"); rest != "" && rest[0] >= '0' && rest[0] <= '9' {
		return "http://" + text
	}
	return ""
}
