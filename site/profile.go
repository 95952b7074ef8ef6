package site

import (
	"context"
	"net/url"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/markup"
)

// EditProfile changes what the caller says about themselves. Names lose all
// markup, the biography keeps the markup of comments, and an invalid address
// becomes empty; an empty nickname, display name or nicename becomes the user
// name. As in WordPress, an unchanged biography is filtered again. Error:
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
	if p.Bio == nil {
		user, err := s.users.Get(ctx, who.User.ID)
		if err != nil {
			return err
		}
		p.Bio = &user.Bio
	}
	*p.Bio = strings.TrimSpace(markup.Bio().Filter(database.CleanText(*p.Bio)))
	if p.URL != nil {
		*p.URL = webAddress(*p.URL)
	}
	for _, name := range []*string{p.DisplayName, p.Nicename} {
		if name != nil && strings.TrimSpace(*name) == "" {
			*name = who.User.Login
		}
	}
	if p.Nicename != nil {
		*p.Nicename = plainText(*p.Nicename)
	}
	_, err := s.users.UpdateProfile(ctx, who.Actor(), who.User.ID, p)
	return err
}

// plainText returns text in lower case, without accents on Latin letters.
func plainText(text string) string {
	var b strings.Builder
	for _, c := range norm.NFC.String(text) {
		b.WriteString(markup.PlainLetters(c))
	}
	return b.String()
}

// plainLine returns one line of text without markup, with &, < and > as
// entities.
func plainLine(text string) string {
	text = markup.DropTags(database.CleanText(text))
	return markup.Escape(strings.Join(strings.Fields(text), " "))
}

// webAddress returns an address to which a browser may be sent, and "" for all
// others. Like WordPress it adds http to one without a scheme.
func webAddress(text string) string {
	text = strings.Map(func(c rune) rune {
		if c <= ' ' || c == 0x7f || strings.ContainsRune("\"<>\\^`{|}", c) {
			return -1
		}
		return c
	}, database.CleanText(text))
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
	// host:port without a scheme looks like one.
	if _, rest, _ := strings.Cut(text, ":"); rest != "" && rest[0] >= '0' && rest[0] <= '9' {
		return "http://" + text
	}
	return ""
}
