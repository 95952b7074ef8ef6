package gateway

import (
	"context"
	"crypto/rand"
	"errors"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/upstream"
)

// PagesPath is the path below which the pages of a gateway are; see package
// profiles.
const PagesPath = "/quillgate"

// appID is by what a WordPress knows the application passwords that were made
// for a gateway. It takes a UUID in lower case only.
const appID = "0d0e5f2e-6c53-4c1a-9a3c-6f8b0a6f4c11"

// How long what a WordPress says of itself is remembered: strangers can have it
// asked.
const (
	indexLife  = time.Minute
	indexRetry = 5 * time.Second
)

// known is what a WordPress has said of itself.
type known struct {
	mu    sync.Mutex
	index upstream.Index
	err   error
	until time.Time
}

// known is index, asked from time to time.
func (g *Gateway) known(ctx context.Context) (upstream.Index, error) {
	k := &g.said
	k.mu.Lock()
	defer k.mu.Unlock()
	if now := g.cfg.Clock(); !now.Before(k.until) {
		// What others wait for does not end with the one who asks.
		k.index, k.err = g.index(context.WithoutCancel(ctx))
		k.until = g.cfg.Clock().Add(indexLife)
		if k.err != nil || k.index.Authorize == "" {
			k.until = g.cfg.Clock().Add(indexRetry)
		}
	}
	return k.index, k.err
}

// Name is what the blog is called, or its host where it does not say.
func (g *Gateway) Name(ctx context.Context) string {
	if i, err := g.known(ctx); err == nil && i.Name != "" {
		return i.Name
	}
	return g.cfg.BaseURL.Host
}

// Ask returns the page of the WordPress on which someone makes an application
// password for this gateway. The page sends the browser back where sends is
// true; else it shows the password. Without a page, why tells people why there
// is none, and what mends that.
func (g *Gateway) Ask(ctx context.Context, back string) (page string, sends bool, why string) {
	i, err := g.known(ctx)
	switch {
	case errors.Is(err, upstream.ErrNoREST):
		// It is closed to visitors, which says nothing about the page.
		i.Authorize = g.cfg.BaseURL.JoinPath("wp-admin", "authorize-application.php").String()
	case err != nil:
		return "", false, "The blog does not answer at the moment, so you cannot sign in."
	case i.Authorize == "":
		return "", false, "The blog offers no application passwords. " + behindHTTPS + " Or a plugin has switched them off."
	}
	at, err := url.Parse(i.Authorize)
	if err != nil {
		return "", false, "The blog names no page for application passwords."
	}
	if strings.EqualFold(at.Host, g.cfg.Endpoint.Host) {
		at.Scheme, at.Host = g.cfg.BaseURL.Scheme, g.cfg.BaseURL.Host // it calls itself by its address inside
	}
	q := at.Query()
	// In WordPress 6.1 two of one user must not have one name.
	q.Set("app_name", "Quillgate at "+g.cfg.BaseURL.Host+", "+g.cfg.Clock().UTC().Format("2006-01-02 15:04")+", "+rand.Text()[:4])
	q.Set("app_id", appID)
	if sends = back != "" && g.sendsTo(ctx, back); sends {
		q.Set("success_url", back)
		q.Set("reject_url", back+"&success=false")
	}
	at.RawQuery = q.Encode()
	return at.String(), sends, ""
}

// sendsTo reports whether the page sends people to an address: to https always,
// and from 7.0 on to http on two addresses of the machine itself.
func (g *Gateway) sendsTo(ctx context.Context, back string) bool {
	u, err := url.Parse(back)
	if err != nil {
		return false
	}
	addr, err := netip.ParseAddr(u.Hostname())
	switch {
	case u.Scheme == "https":
		return true
	case err != nil || addr != netip.IPv6Loopback() && addr != netip.MustParseAddr("127.0.0.1"):
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, restTime)
	defer cancel()
	major, err := g.rest().Version(ctx)
	return err == nil && major >= 7
}

// IsOwn reports whether the site_url that came back from the page is this
// WordPress's.
func (g *Gateway) IsOwn(ctx context.Context, siteURL string) bool {
	came, err := url.Parse(siteURL)
	if err != nil || came.Host == "" {
		return false
	}
	if i, err := g.known(ctx); err == nil && i.URL != "" {
		own, err := url.Parse(i.URL)
		return err == nil && strings.EqualFold(own.Host, came.Host) && strings.Trim(own.Path, "/") == strings.Trim(came.Path, "/")
	}
	return g.isOwn(came)
}

// Keep keeps a credential that the WordPress has found right, in place of the
// one before: one that was made for this gateway always, another only where the
// one before is missing or was refused. An application password that was made
// for this gateway and is replaced is revoked; the note says where that could
// not be.
func (g *Gateway) Keep(ctx context.Context, who auth.Identity, login, password string) (note string, err error) {
	about := g.about(ctx, login, password)
	ours := about.App == appID
	old, err := g.cfg.Apps.Upstream(ctx, who.User.ID)
	missing := errors.Is(err, apps.ErrNoUpstream) || errors.Is(err, apps.ErrSealed)
	if err != nil && !missing {
		return "", err
	}
	if !ours && !missing && old.Refused.IsZero() {
		return "", nil
	}
	next := apps.Upstream{Login: clean(login), Secret: apps.NewSecret(clean(password))}
	if ours {
		next.UUID = about.UUID // others are in use elsewhere, perhaps
	} else {
		old = apps.Upstream{} // it was refused: there is nothing to revoke
	}
	return g.replace(ctx, who.Actor(), who.User.ID, old, next)
}

// Give keeps a credential that the operator gives for a user, and that the
// WordPress has found right. An application password is taken for one that was
// made for this gateway: it is revoked when another takes its place. The note is
// that of Keep.
func (g *Gateway) Give(ctx context.Context, by audit.Actor, userID int64, login, password string) (note string, err error) {
	old, err := g.cfg.Apps.Upstream(ctx, userID)
	if err != nil && !errors.Is(err, apps.ErrNoUpstream) && !errors.Is(err, apps.ErrSealed) {
		return "", err
	}
	return g.replace(ctx, by, userID, old, apps.Upstream{Login: clean(login), Secret: apps.NewSecret(clean(password)), UUID: g.about(ctx, login, password).UUID})
}

// about is what the WordPress tells of an application password; nothing for
// another, and where it cannot be asked.
func (g *Gateway) about(ctx context.Context, login, password string) upstream.Password {
	if !isApplicationPassword(password) {
		return upstream.Password{}
	}
	ctx, cancel := context.WithTimeout(ctx, restTime)
	defer cancel()
	about, err := g.rest().Introspect(ctx, clean(login), clean(password))
	if err != nil {
		g.cfg.Logger.WarnContext(ctx, "an application password cannot be looked at, so it will not be revoked from here", "error", err.Error())
	}
	return about
}

// replace keeps a credential in place of an old one, and revokes that at the
// WordPress where its number is known.
func (g *Gateway) replace(ctx context.Context, by audit.Actor, userID int64, old, next apps.Upstream) (note string, err error) {
	if err := g.cfg.Apps.SetUpstream(ctx, by, userID, next); err != nil {
		return "", err
	}
	if old.UUID == "" || old.UUID == next.UUID {
		return "", nil
	}
	with := next
	if next.UUID == "" {
		with = old // the account's own password opens no REST interface
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), restTime)
	defer cancel()
	if err := g.rest().Revoke(ctx, with.Login, with.Secret.Reveal(), old.UUID); err != nil {
		g.cfg.Logger.WarnContext(ctx, "an application password was replaced and is not revoked", "error", err.Error())
		return "The application password that was used before could not be revoked. If it is still in your profile at the blog, delete it there.", nil
	}
	return "", nil
}

// isApplicationPassword reports whether a password has the form of one: 24
// letters and digits, with anything in between.
func isApplicationPassword(password string) bool {
	n := 0
	for _, r := range password {
		switch {
		case r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z':
			n++
		case r != ' ' && r != '-':
			return false
		}
	}
	return n == 24
}

// Works reports whether a user has a credential that the WordPress has not
// refused.
func (g *Gateway) Works(ctx context.Context, userID int64) (bool, error) {
	up, err := g.cfg.Apps.Upstream(ctx, userID)
	if errors.Is(err, apps.ErrNoUpstream) || errors.Is(err, apps.ErrSealed) {
		return false, nil
	}
	return err == nil && up.Refused.IsZero(), err
}
