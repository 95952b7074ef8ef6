package gateway

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/methods"
)

// A Site is a blog behind a gateway. Its users, keys and all other rows are
// stored under its ID; see database.DB.Of.
type Site struct {
	ID int64 `db:"id"`
	// Host is the host in requests for the site: lower case, without a port. It
	// is empty only for site 0, the single blog of a gateway without a list of
	// sites.
	Host         string    `db:"host"`
	Upstream     string    `db:"upstream"`      // address of WordPress's xmlrpc.php
	UpstreamHost string    `db:"upstream_host"` // sent as Host; empty: the host of the blog's address
	BaseURL      string    `db:"base_url"`      // address of the blog; empty: https://HOST
	PasswordMode auth.Mode `db:"password_mode"` // can only be stricter than the gateway's
	AllowMethods string    `db:"allow_methods"` // NAME=POSITION, separated by spaces
	Pass         string    `db:"pass"`          // PassJetpack or PassNone; empty: as the gateway
	PassFrom     string    `db:"pass_from"`     // networks; empty: those of the gateway
	Listed       bool      `db:"listed"`        // it comes from a file of sites
	Off          bool      `db:"off"`           // it is no longer in that file, and is not served
	Created      time.Time `db:"created"`
}

const siteColumns = `id, host, upstream, upstream_host, base_url, password_mode, allow_methods, pass, pass_from, listed, off, created`

// The values of Site.Pass; see Pass.
const (
	PassJetpack = "jetpack"
	PassNone    = "none"
)

var (
	// ErrNoSite means that there is no such site.
	ErrNoSite = errors.New("there is no such site")
	// ErrSiteTaken means that there is already a site for the host.
	ErrSiteTaken = errors.New("there is a site for this host already")
)

// InvalidSite names the setting of a site that is refused, and the reason.
type InvalidSite struct{ Field, Why string }

func (e *InvalidSite) Error() string { return e.Field + ": " + e.Why }

var (
	hostName       = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$`)
	allowedMethods = regexp.MustCompile(`^[A-Za-z0-9_.:/]{1,200}$`)
)

// CleanHost normalizes a host name. Error: *InvalidSite.
func CleanHost(host string) (string, error) {
	host = strings.TrimSuffix(strings.ToLower(strings.TrimSpace(host)), ".")
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return "", &InvalidSite{"host", "a site has a name, not an address"}
	}
	if len(host) > 253 || !hostName.MatchString(host) {
		return "", &InvalidSite{"host", "it must be the name of a host, such as blog.example, without a scheme, port or path"}
	}
	return host, nil
}

// Config returns base with the settings of the site applied, and checks them.
// Error: *InvalidSite.
func (s Site) Config(base Config) (Config, error) {
	cfg := base
	var err error
	if cfg.Endpoint, err = siteAddress("upstream", s.Upstream, "give the address of the WordPress's xmlrpc.php, such as http://127.0.0.1:8081/xmlrpc.php"); err != nil {
		return cfg, err
	}
	home := s.BaseURL
	if home == "" && s.Host != "" {
		home = "https://" + s.Host
	}
	if home != "" {
		if cfg.BaseURL, err = siteAddress("base-url", strings.TrimRight(home, "/"), "give the address of the blog as people see it, such as https://blog.example"); err != nil {
			return cfg, err
		}
		if s.Host != "" && !strings.EqualFold(cfg.BaseURL.Hostname(), s.Host) {
			return cfg, &InvalidSite{"base-url", "its host has to be " + s.Host + ", by which the site is found"}
		}
		cfg.Host = cfg.BaseURL.Host
	}
	if s.UpstreamHost != "" {
		if u, err := url.Parse("http://" + s.UpstreamHost); err != nil || u.Host != s.UpstreamHost || u.Hostname() == "" {
			return cfg, &InvalidSite{"upstream-host", "it must be a host, with its port where that is not the usual one"}
		}
		cfg.Host = s.UpstreamHost
	}
	if !s.PasswordMode.Valid() {
		return cfg, &InvalidSite{"password-mode", "it must be allow, warn or refuse"}
	}
	if cfg.Jetpack, err = s.jetpack(base.Jetpack); err != nil {
		return cfg, err
	}
	cfg.Allow, err = ParseAllowed(s.AllowMethods)
	return cfg, err
}

// jetpack returns the Pass of the site, or otherwise that of the gateway.
func (s Site) jetpack(otherwise *Pass) (*Pass, error) {
	networks, err := apps.ParseNetworks(s.PassFrom)
	if err != nil {
		return nil, &InvalidSite{"pass-from", err.Error()}
	}
	switch {
	case s.Pass == PassNone:
		return nil, nil
	case s.Pass != PassJetpack && s.Pass != "":
		return nil, &InvalidSite{"pass", "it must be jetpack or none"}
	case s.Pass == "" && otherwise == nil:
		return nil, nil
	case len(networks) == 0 && otherwise != nil:
		return otherwise, nil
	}
	return &Pass{From: networks}, nil
}

// siteAddress parses an http or https address.
func siteAddress(field, text, why string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, &InvalidSite{field, why}
	}
	return u, nil
}

// ParseAllowed parses a list of plugin methods to let through: NAME=POSITION,
// with the position of the user name from 0 to 9, or none. Error: *InvalidSite.
func ParseAllowed(text string) (map[string]int, error) {
	allowed := make(map[string]int)
	for pair := range strings.FieldsSeq(text) {
		name, position, found := strings.Cut(pair, "=")
		at := methods.NoLogin
		if position != "none" {
			var err error
			if at, err = strconv.Atoi(position); err != nil || at < 0 || at > 9 || !found {
				return nil, &InvalidSite{"allow-method", pair + ": give the position of the user name, from 0 to 9, or none"}
			}
		}
		if !allowedMethods.MatchString(name) || strings.HasPrefix(name, "system.") || strings.HasPrefix(name, "pingback.") {
			return nil, &InvalidSite{"allow-method", name + " cannot be let through"}
		}
		allowed[name] = at
	}
	return allowed, nil
}

// FormatAllowed formats a list for ParseAllowed. The positions are written as
// on the command line.
func FormatAllowed(allowed map[string]string) string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(allowed)) {
		pairs = append(pairs, name+"="+allowed[name])
	}
	return strings.Join(pairs, " ")
}

// Kinds of changes to the list of sites. They are recorded in the audit trail
// of site 0, which is the operator's.
const (
	SiteAdded   audit.Kind = "site.added"
	SiteChanged audit.Kind = "site.changed"
	SiteRemoved audit.Kind = "site.removed"
)

// Sites is the list of the sites of a gateway. It is safe for concurrent use.
type Sites struct {
	db    *database.DB
	apps  *apps.Store
	users *auth.Users
	clock func() time.Time

	known  atomic.Pointer[knownSites]
	asking chan struct{} // holds a token while nobody reads the list
}

// NewSites returns the list in the database of a store. If clock is nil, it
// uses time.Now.
func NewSites(db *database.DB, store *apps.Store, users *auth.Users, clock func() time.Time) *Sites {
	if clock == nil {
		clock = time.Now
	}
	s := &Sites{db: db, apps: store, users: users, clock: clock, asking: make(chan struct{}, 1)}
	s.asking <- struct{}{}
	return s
}

func (s *Sites) now() time.Time { return s.clock().UTC().Truncate(time.Microsecond) }

// List returns all sites sorted by host, site 0 first.
func (s *Sites) List(ctx context.Context) ([]Site, error) {
	var list []Site
	if err := s.db.Select(ctx, &list, `SELECT `+siteColumns+` FROM sites ORDER BY host`); err != nil {
		return nil, fmt.Errorf("list sites: %w", err)
	}
	return list, nil
}

// Get returns the site of a host; the empty host is site 0. Error: ErrNoSite.
func (s *Sites) Get(ctx context.Context, host string) (Site, error) { return getSite(ctx, s.db, host) }

func getSite(ctx context.Context, q database.Queryer, host string) (Site, error) {
	var site Site
	err := q.Get(ctx, &site, `SELECT `+siteColumns+` FROM sites WHERE host = $1`, host)
	if errors.Is(err, database.ErrNoRows) {
		return Site{}, ErrNoSite
	}
	if err != nil {
		return Site{}, fmt.Errorf("look for a site: %w", err)
	}
	return site, nil
}

// check normalizes the host and checks all settings.
func (s *Site) check() error {
	if s.Host != "" {
		host, err := CleanHost(s.Host)
		if err != nil {
			return err
		}
		s.Host = host
	}
	_, err := s.Config(Config{})
	return err
}

// Add adds a site. Errors: *InvalidSite, ErrSiteTaken.
func (s *Sites) Add(ctx context.Context, by audit.Actor, site Site) (Site, error) {
	if err := site.check(); err != nil {
		return Site{}, err
	}
	err := s.db.Update(ctx, func(tx *database.Tx) (err error) {
		_, err = getSite(ctx, tx, site.Host)
		switch {
		case err == nil:
			return ErrSiteTaken
		case !errors.Is(err, ErrNoSite):
			return err
		}
		site, err = s.add(ctx, tx, by, site)
		return err
	})
	if err != nil {
		return Site{}, fmt.Errorf("add the site %s: %w", site.Host, err)
	}
	s.outdated()
	return site, nil
}

func (s *Sites) add(ctx context.Context, tx *database.Tx, by audit.Actor, site Site) (Site, error) {
	site.Created = s.now()
	columns, values := `host, upstream, upstream_host, base_url, password_mode, allow_methods, listed, off, created, pass, pass_from, revision`,
		`$1, $2, $3, $4, $5, $6, $7, FALSE, $8, $9, $10, (SELECT COALESCE(MAX(revision), 0) + 1 FROM sites)`
	if site.Host == "" {
		columns, values = columns+`, id`, values+`, 0`
	}
	err := tx.Get(ctx, &site.ID, `INSERT INTO sites (`+columns+`) VALUES (`+values+`) RETURNING id`,
		site.Host, site.Upstream, site.UpstreamHost, site.BaseURL, string(site.PasswordMode), site.AllowMethods, site.Listed, site.Created,
		site.Pass, site.PassFrom)
	if err != nil {
		return site, err
	}
	if site.ID != 0 {
		if err := audit.Open(ctx, tx.Of(site.ID)); err != nil {
			return site, err
		}
	}
	return site, audit.Append(ctx, tx.Of(0), s.event(SiteAdded, by, site))
}

func (s *Sites) event(kind audit.Kind, by audit.Actor, site Site) audit.Event {
	e := audit.Event{Kind: kind, By: by, At: s.now(), Detail: map[string]string{"host": site.Host, "site": strconv.FormatInt(site.ID, 10), "upstream": site.Upstream}}
	// Settings that bypass keys are recorded.
	for name, value := range map[string]string{"allow-method": site.AllowMethods, "pass": site.Pass, "pass-from": site.PassFrom} {
		if value != "" {
			e.Detail[name] = value
		}
	}
	return e
}

// Set changes all settings of the site with this host, but not its ID or the
// time when it was added. Errors: *InvalidSite, ErrNoSite.
func (s *Sites) Set(ctx context.Context, by audit.Actor, site Site) (Site, error) {
	if err := site.check(); err != nil {
		return Site{}, err
	}
	err := s.db.Update(ctx, func(tx *database.Tx) error {
		there, err := getSite(ctx, tx, site.Host)
		if err != nil {
			return err
		}
		site.ID, site.Created = there.ID, there.Created
		if site == there {
			return nil
		}
		return s.set(ctx, tx, by, site)
	})
	if err != nil {
		return Site{}, fmt.Errorf("change the site %s: %w", site.Host, err)
	}
	s.outdated()
	return site, nil
}

func (s *Sites) set(ctx context.Context, tx *database.Tx, by audit.Actor, site Site) error {
	_, err := tx.Exec(ctx, `UPDATE sites SET upstream = $2, upstream_host = $3, base_url = $4, password_mode = $5, allow_methods = $6, listed = $7, off = $8, pass = $9, pass_from = $10,
			revision = (SELECT MAX(revision) + 1 FROM sites) WHERE id = $1`,
		site.ID, site.Upstream, site.UpstreamHost, site.BaseURL, string(site.PasswordMode), site.AllowMethods, site.Listed, site.Off, site.Pass, site.PassFrom)
	if err != nil {
		return err
	}
	return audit.Append(ctx, tx.Of(0), s.event(SiteChanged, by, site))
}

// A Removal counts what is deleted together with a site.
type Removal struct {
	Site  Site
	Users int
	Apps  int // application keys that are not revoked
	Lines int64
}

// Removal returns what Remove would delete. Error: ErrNoSite.
func (s *Sites) Removal(ctx context.Context, host string) (Removal, error) {
	site, err := s.Get(ctx, host)
	if err != nil {
		return Removal{}, err
	}
	r := Removal{Site: site}
	if r.Users, err = s.users.Of(site.ID).Count(ctx, auth.Filter{}); err != nil {
		return r, err
	}
	if r.Apps, err = s.apps.Of(site.ID).Count(ctx); err != nil {
		return r, err
	}
	r.Lines, err = audit.Count(ctx, s.db.Of(site.ID))
	return r, err
}

// Remove deletes a site with everything stored for it: users, keys, tokens,
// credentials, sessions, codes and its audit trail. The operator's trail
// records the last line of the deleted one. Site 0 cannot be removed. Error:
// ErrNoSite.
func (s *Sites) Remove(ctx context.Context, by audit.Actor, host string) error {
	if host == "" {
		return ErrNoSite
	}
	err := s.db.Update(ctx, func(tx *database.Tx) error {
		site, err := getSite(ctx, tx, host)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM sites WHERE id = $1`, site.ID); err != nil {
			return err
		}
		there := tx.Of(site.ID)
		if err := s.users.DropSite(ctx, there); err != nil {
			return err
		}
		e := s.event(SiteRemoved, by, site)
		end, err := audit.Drop(ctx, there)
		if err != nil {
			return err
		}
		e.Detail["trail"] = end.String()
		return audit.Append(ctx, tx.Of(0), e)
	})
	if err != nil {
		return fmt.Errorf("remove the site %s: %w", host, err)
	}
	s.outdated()
	return nil
}

// knownSites is the list as it was read at some time.
type knownSites struct {
	mark   string // the state of the table
	at     time.Time
	byHost map[string]*Site
}

// outdated makes the next request read the list again.
func (s *Sites) outdated() {
	if known := s.known.Load(); known != nil {
		next := *known
		next.at = time.Time{}
		s.known.Store(&next)
	}
}

// knownFor is the greatest age of the list that requests are served by.
const knownFor = time.Second

// Find returns the site of a host, in any case and with or without a port. It
// returns ErrNoSite if there is none or if the site is off. The result is at
// most a second old. Callers share the Site and must not change it; as long as
// a site does not change, Find returns the same pointer.
func (s *Sites) Find(ctx context.Context, host string) (*Site, error) {
	known := s.known.Load()
	if known == nil || s.clock().Sub(known.at).Abs() >= knownFor {
		var err error
		if known, err = s.read(ctx); err != nil {
			return nil, err
		}
	}
	if site := known.byHost[host]; site != nil {
		return site, nil
	}
	name := strings.TrimSuffix(strings.ToLower((&url.URL{Host: host}).Hostname()), ".")
	if site := known.byHost[name]; site != nil {
		return site, nil
	}
	return nil, ErrNoSite
}

// read reads the list if it has changed. One caller reads, and the others wait.
func (s *Sites) read(ctx context.Context) (*knownSites, error) {
	select {
	case <-s.asking:
		defer func() { s.asking <- struct{}{} }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	now := s.clock()
	before := s.known.Load()
	if before != nil && now.Sub(before.at).Abs() < knownFor {
		return before, nil
	}
	var state struct {
		N        int64 `db:"n"`
		Last     int64 `db:"last"`
		Revision int64 `db:"revision"`
	}
	err := s.db.Get(ctx, &state, `SELECT COUNT(*) AS n, COALESCE(MAX(id), 0) AS last, COALESCE(MAX(revision), 0) AS revision FROM sites`)
	if err != nil {
		return nil, fmt.Errorf("look for sites: %w", err)
	}
	next := &knownSites{mark: fmt.Sprint(state), at: now}
	if before != nil && before.mark == next.mark {
		next.byHost = before.byHost
		s.known.Store(next)
		return next, nil
	}
	list, err := s.List(ctx)
	if err != nil {
		return nil, err
	}
	next.byHost = make(map[string]*Site, len(list))
	for i := range list {
		site := &list[i]
		if site.Off {
			continue
		}
		host := site.Host
		if site.ID == 0 {
			u, err := url.Parse(site.BaseURL)
			if err != nil || u.Hostname() == "" {
				continue // it is served for every host
			}
			host = strings.ToLower(u.Hostname())
		}
		if before != nil {
			if same := before.byHost[host]; same != nil && *same == *site {
				site = same
			}
		}
		if next.byHost[host] == nil || site.ID != 0 {
			next.byHost[host] = site
		}
	}
	s.known.Store(next)
	return next, nil
}
