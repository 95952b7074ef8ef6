package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alecthomas/kong"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/gateway"
)

type gatewaySiteCmd struct {
	Add    siteAddCmd    `cmd:"" help:"Add a site. Its settings are --upstream, --base-url, --upstream-host, --password-mode, --allow-method, --pass and --pass-from."`
	List   siteListCmd   `cmd:"" help:"List the sites."`
	Set    siteSetCmd    `cmd:"" help:"Change the settings of a site, with the same flags."`
	Remove siteRemoveCmd `cmd:"" help:"Remove a site with its users, keys, credentials and trail."`
}

// siteShown is a site as --json shows it.
type siteShown struct {
	Host         string    `json:"host"`
	BaseURL      string    `json:"base_url"`
	Upstream     string    `json:"upstream"`
	UpstreamHost string    `json:"upstream_host"`
	PasswordMode string    `json:"password_mode"`
	AllowMethods string    `json:"allow_methods"`
	Pass         string    `json:"pass"`
	PassFrom     string    `json:"pass_from"`
	FromFile     bool      `json:"from_file"`
	Off          bool      `json:"off"`
	Created      time.Time `json:"created"`
}

func showSite(s gateway.Site) siteShown {
	shown := siteShown{s.Host, s.BaseURL, s.Upstream, s.UpstreamHost, string(s.PasswordMode), s.AllowMethods, s.Pass, s.PassFrom, s.Listed, s.Off, s.Created}
	if shown.BaseURL == "" && s.Host != "" {
		shown.BaseURL = "https://" + s.Host
	}
	return shown
}

func tellSite(io streams, site gateway.Site, done string, asJSON bool) error {
	if asJSON {
		return writeJSON(io.out, showSite(site))
	}
	_, err := fmt.Fprintf(io.out, "Site %s %s: %s in front of %s\n", site.Host, done, showSite(site).BaseURL, site.Upstream)
	return err
}

type siteAddCmd struct {
	Host string `arg:"" help:"Host name in requests for the site, such as blog.example."`
	JSON bool   `name:"json" help:"Print JSON."`
}

// Help is shown by quillgate gateway site add --help.
func (siteAddCmd) Help() string {
	return `The address of the site is https://HOST, unless --base-url sets another. A running gateway serves it within a
second.`
}

func (c *siteAddCmd) Run(ctx context.Context, k *kong.Context, flags *gatewayFlags, s *settings, io streams) error {
	return withGateway(ctx, s, io, func(g *gatewayKeys) error {
		host, err := gateway.CleanHost(c.Host)
		if err != nil {
			return badSite(err)
		}
		site := gateway.Site{Host: host}
		setGiven(k, s, flags, &site)
		flags.change(&site, s)
		if site, err = g.list.Add(ctx, audit.Operator, site); err != nil {
			return badSite(err)
		}
		return tellSite(io, site, "was added", c.JSON)
	})
}

// setGiven sets of a site what the command line itself has: the variables of these flags are about the gateway.
func setGiven(k *kong.Context, s *settings, flags *gatewayFlags, site *gateway.Site) {
	for _, p := range k.Path {
		if p.Flag == nil || p.Resolved {
			continue
		}
		switch p.Flag.Name {
		case "password-mode":
			site.PasswordMode = auth.Mode(s.PasswordMode)
		case "pass":
			site.Pass = flags.Pass
		case "pass-from":
			site.PassFrom = flags.PassFrom
		}
	}
}

type siteSetCmd struct {
	Host string `arg:"" help:"Host of the site."`
	JSON bool   `name:"json" help:"Print JSON."`
}

func (c *siteSetCmd) Run(ctx context.Context, k *kong.Context, flags *gatewayFlags, s *settings, io streams) error {
	return withGateway(ctx, s, io, func(g *gatewayKeys) error {
		site, err := g.siteOf(ctx, c.Host)
		if err != nil {
			return err
		}
		flags.change(&site, s)
		setGiven(k, s, flags, &site)
		if site, err = g.list.Set(ctx, audit.Operator, site); err != nil {
			return badSite(err)
		}
		return tellSite(io, site, "is now", c.JSON)
	})
}

// siteOf returns the site of a host that somebody has typed.
func (g *gatewayKeys) siteOf(ctx context.Context, host string) (gateway.Site, error) {
	host, err := gateway.CleanHost(host)
	if err != nil {
		return gateway.Site{}, badSite(err)
	}
	site, err := g.list.Get(ctx, host)
	if errors.Is(err, gateway.ErrNoSite) {
		return site, fmt.Errorf("there is no site %s: \"quillgate gateway site list\" lists them", host)
	}
	return site, err
}

type siteListCmd struct {
	JSON bool `name:"json" help:"Print JSON."`
}

func (c *siteListCmd) Run(ctx context.Context, s *settings, io streams) error {
	return withGateway(ctx, s, io, func(g *gatewayKeys) error {
		sites, err := g.list.List(ctx)
		if err != nil {
			return err
		}
		list := []siteShown{}
		for _, site := range sites {
			list = append(list, showSite(site))
		}
		return tellList(io, list, c.JSON, []any{"HOST", "ADDRESS", "UPSTREAM", "PASSWORDS", "STATE"}, func(site siteShown) []any {
			host, mode, state := site.Host, site.PasswordMode, "served"
			if host == "" {
				host = "(any)"
			}
			if mode == "" {
				mode = "as the gateway"
			}
			if site.Off {
				state = "off: not in the file of sites"
			}
			return []any{host, site.BaseURL, site.Upstream, mode, state}
		})
	})
}

type siteRemoveCmd struct {
	Host string `arg:"" help:"Host of the site."`
	Yes  bool   `help:"Remove the site. Without this flag, the command only shows what would be removed."`
}

func (c *siteRemoveCmd) Run(ctx context.Context, s *settings, io streams) error {
	return withGateway(ctx, s, io, func(g *gatewayKeys) error {
		site, err := g.siteOf(ctx, c.Host)
		if err != nil {
			return err
		}
		what, err := g.list.Removal(ctx, site.Host)
		if err != nil {
			return err
		}
		fmt.Fprintf(io.out, "Site %s has %d users, %d application keys and %d lines in its trail.\n", site.Host, what.Users, what.Apps, what.Lines)
		if !c.Yes {
			return usageError{errors.New("nothing was removed: say --yes to remove the site with all of that")}
		}
		if err := g.list.Remove(ctx, audit.Operator, site.Host); err != nil {
			return err
		}
		_, err = fmt.Fprintln(io.out, "All of that and the site are gone.")
		return err
	})
}
