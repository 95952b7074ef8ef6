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

// PagesPath is the path below which a gateway has its pages; see package
// profiles.
const PagesPath = "/quillgate"

// appID identifies the application passwords that were created for a gateway.
// WordPress requires a UUID in lower case.
const appID = "0d0e5f2e-6c53-4c1a-9a3c-6f8b0a6f4c11"

// How long the description of a WordPress is cached: strangers can cause the
// request for it.
const (
	indexLife  = time.Minute
	indexRetry = 5 * time.Second
)

// known is the cached description of a WordPress.
type known struct {
	mu    sync.Mutex
	index upstream.Index
	err   error
	until time.Time
}

// known returns the index, which it requests from time to time.
func (g *Gateway) known(ctx context.Context) (upstream.Index, error) {
	k := &g.said
	k.mu.Lock()
	defer k.mu.Unlock()
	if now := g.cfg.Clock(); !now.Before(k.until) {
		// Other requests wait for the result, so it must not be canceled with
		// this one.
		k.index, k.err = g.index(context.WithoutCancel(ctx))
		k.until = g.cfg.Clock().Add(indexLife)
		if k.err != nil || k.index.Authorize == "" {
			k.until = g.cfg.Clock().Add(indexRetry)
		}
	}
	return k.index, k.err
}

// Name returns the title of the blog, or its host if it has none.
func (g *Gateway) Name(ctx context.Context) string {
	if i, err := g.known(ctx); err == nil && i.Name != "" {
		return i.Name
	}
	return g.cfg.BaseURL.Host
}

// Ask returns the page of the WordPress on which a person creates an
// application password for this gateway. sends reports whether the page
// redirects back to the gateway; otherwise it shows the password. If page is
// empty, why explains the reason, and what to do.
func (g *Gateway) Ask(ctx context.Context, back string) (page string, sends bool, why string) {
	i, err := g.known(ctx)
	switch {
	case errors.Is(err, upstream.ErrNoREST):
		// The index is closed to visitors, but the page may exist.
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
		at.Scheme, at.Host = g.cfg.BaseURL.Scheme, g.cfg.BaseURL.Host // it may know itself by an internal address
	}
	q := at.Query()
	// In WordPress 6.1 the names of a user's application passwords must differ.
	q.Set("app_name", "Quillgate at "+g.cfg.BaseURL.Host+", "+g.cfg.Clock().UTC().Format("2006-01-02 15:04")+", "+rand.Text()[:4])
	q.Set("app_id", appID)
	if sends = back != "" && g.sendsTo(ctx, back); sends {
		q.Set("success_url", back)
		q.Set("reject_url", back+"&success=false")
	}
	at.RawQuery = q.Encode()
	return at.String(), sends, ""
}

// sendsTo reports whether the page redirects to an address: to https always,
// and since 7.0 to http on two loopback addresses.
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

// IsOwn reports whether the site_url that the page returned belongs to this
// WordPress.
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

// Keep stores a credential that the WordPress has accepted. A credential that
// was created for this gateway always replaces the previous one; another does
// so only if the previous one is missing or was refused. An application
// password that was created for this gateway is revoked when it is replaced; if
// that fails, note says so.
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
		next.UUID = about.UUID // other application passwords may be in use elsewhere
	} else {
		old = apps.Upstream{} // it was refused, so there is nothing to revoke
	}
	return g.replace(ctx, who.Actor(), who.User.ID, old, next)
}

// Give stores a credential that the operator supplies for a user and that the
// WordPress has accepted. An application password counts as created for this
// gateway: it is revoked when it is replaced. The note is as in Keep.
func (g *Gateway) Give(ctx context.Context, by audit.Actor, userID int64, login, password string) (note string, err error) {
	old, err := g.cfg.Apps.Upstream(ctx, userID)
	if err != nil && !errors.Is(err, apps.ErrNoUpstream) && !errors.Is(err, apps.ErrSealed) {
		return "", err
	}
	return g.replace(ctx, by, userID, old, apps.Upstream{Login: clean(login), Secret: apps.NewSecret(clean(password)), UUID: g.about(ctx, login, password).UUID})
}

// about returns the description of an application password. It is empty for any
// other password, and if the WordPress cannot be asked.
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

// replace stores a credential in place of the old one, and revokes the old one
// at the WordPress if its UUID is known.
func (g *Gateway) replace(ctx context.Context, by audit.Actor, userID int64, old, next apps.Upstream) (note string, err error) {
	if err := g.cfg.Apps.SetUpstream(ctx, by, userID, next); err != nil {
		return "", err
	}
	if old.UUID == "" || old.UUID == next.UUID {
		return "", nil
	}
	with := next
	if next.UUID == "" {
		with = old // the account's own password does not work for the REST interface
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), restTime)
	defer cancel()
	if err := g.rest().Revoke(ctx, with.Login, with.Secret.Reveal(), old.UUID); err != nil {
		g.cfg.Logger.WarnContext(ctx, "an application password was replaced and is not revoked", "error", err.Error())
		return "The application password that was used before could not be revoked. If it is still in your profile at the blog, delete it there.", nil
	}
	return "", nil
}

// isApplicationPassword reports whether a password has the form of an
// application password: 24 letters and digits, with anything in between.
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
