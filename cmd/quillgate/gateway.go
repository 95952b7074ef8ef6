package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/gateway"
	"github.com/quillgate/quillgate/methods"
	"github.com/quillgate/quillgate/server"
)

// gatewayCmd is the shield in front of a WordPress.
type gatewayCmd struct {
	gatewayFlags

	Serve gatewayServeCmd `cmd:"" default:"withargs" help:"Serve the gateway (default)."`
	Site  gatewaySiteCmd  `cmd:"" help:"The sites of a gateway in front of many blogs"`
	User  gatewayUserCmd  `cmd:"" help:"Users of the WordPress"`
	Check gatewayCheckCmd `cmd:"" help:"Check whether the WordPress can be reached without the gateway."`
}

// gatewayFlags describe the WordPress behind the gateway.
type gatewayFlags struct {
	Upstream     string            `help:"Address of the xmlrpc.php of the WordPress behind the gateway, such as http://127.0.0.1:8081/xmlrpc.php. It is stored in the database." placeholder:"URL" env:"QUILLGATE_UPSTREAM" group:"Gateway"`
	UpstreamHost string            `help:"Host name to send to the WordPress. Default: that of --base-url." placeholder:"HOST" env:"QUILLGATE_UPSTREAM_HOST" group:"Gateway"`
	AllowMethod  map[string]string `help:"Plugin method to allow, with the position of the user name among its arguments, counted from 0, or none. Only keys without limits may call it." placeholder:"NAME=POSITION" env:"QUILLGATE_ALLOW_METHOD" group:"Gateway"`
	Pass         string            `help:"What to forward unchanged: jetpack, or none. Default: none; for a site, the setting of the gateway. docs/GATEWAY.md explains the consequences." placeholder:"WHAT" enum:"jetpack,none," default:"" env:"QUILLGATE_PASS" group:"Gateway"`
	PassFrom     string            `help:"Networks from which --pass accepts requests. Default: all." placeholder:"NETWORKS" env:"QUILLGATE_PASS_FROM" group:"Gateway"`
}

// siteFlag names one of the sites of a gateway.
type siteFlag struct {
	Site string `help:"Site of a gateway in front of many blogs, by its host." placeholder:"HOST" env:"QUILLGATE_SITE" group:"Gateway"`
}

// AfterApply marks the settings as those of a gateway, so that commands open
// its database.
func (f *siteFlag) AfterApply(s *settings) error {
	s.site = f.Site
	return nil
}

// behindFile is a file in the data folder in which earlier gateways stored what
// is behind them.
const behindFile = "gateway.json"

// behind is the content of that file.
type behind struct {
	Upstream     string            `json:"upstream"`
	UpstreamHost string            `json:"upstream_host,omitempty"`
	BaseURL      string            `json:"base_url,omitempty"`
	AllowMethod  map[string]string `json:"allow_method,omitempty"`
}

// adoptBehind moves the content of the file into the database, once.
func adoptBehind(ctx context.Context, s *settings, list *gateway.Sites) error {
	path := filepath.Join(s.Data, behindFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var b behind
	if err == nil {
		err = json.Unmarshal(text, &b)
	}
	if err != nil {
		return fmt.Errorf("read the stored settings of the gateway: %w", err)
	}
	_, err = list.Add(ctx, audit.Operator, gateway.Site{Upstream: b.Upstream, UpstreamHost: b.UpstreamHost, BaseURL: b.BaseURL, AllowMethods: gateway.FormatAllowed(b.AllowMethod)})
	if err != nil && !errors.Is(err, gateway.ErrSiteTaken) {
		return err
	}
	return os.Remove(path)
}

// gatewayKeys is the stored data of a gateway.
type gatewayKeys struct {
	*server.Keys
	list *gateway.Sites
}

// openGateway opens the data of a gateway. It refuses the database of a blog.
func openGateway(ctx context.Context, s *settings, logger *slog.Logger) (_ *gatewayKeys, err error) {
	keys, err := openKeys(ctx, s, logger)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			keys.Close()
		}
	}()
	blog, err := server.HasBlog(ctx, keys)
	if err != nil {
		return nil, err
	}
	if blog {
		return nil, fmt.Errorf("%s is the data folder of a blog: give the gateway its own folder with --data", s.Data)
	}
	g := &gatewayKeys{keys, gateway.NewSites(keys.DB, keys.Apps, keys.Users, nil)}
	return g, adoptBehind(ctx, s, g.list)
}

// withGateway runs fn on the data of a gateway, which it creates if there is
// none.
func withGateway(ctx context.Context, s *settings, io streams, fn func(*gatewayKeys) error) (err error) {
	g, err := openGateway(ctx, s, s.logger(io.err))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.Close()) }()
	return fn(g)
}

// site returns the site that a command is about: the one that --site names, or
// the only blog of the gateway with the flags applied.
func (f *gatewayFlags) site(ctx context.Context, s *settings, g *gatewayKeys) (gateway.Site, error) {
	site, err := g.list.Get(ctx, s.site)
	switch {
	case s.site != "" && errors.Is(err, gateway.ErrNoSite):
		return site, fmt.Errorf("there is no site %s: \"quillgate gateway site list\" lists them", s.site)
	case s.site != "" || err != nil && !errors.Is(err, gateway.ErrNoSite):
		return site, err
	}
	f.change(&site, s)
	if site.Upstream == "" {
		return site, usageError{errors.New("give the address of the WordPress's xmlrpc.php with --upstream, such as http://127.0.0.1:8081/xmlrpc.php")}
	}
	return site, nil
}

// change applies the flags to a site.
func (f *gatewayFlags) change(site *gateway.Site, s *settings) {
	for _, set := range []struct {
		flag string
		to   *string
	}{{f.Upstream, &site.Upstream}, {f.UpstreamHost, &site.UpstreamHost}, {s.BaseURL, &site.BaseURL}} {
		if set.flag != "" {
			*set.to = set.flag
		}
	}
	if len(f.AllowMethod) > 0 {
		site.AllowMethods = gateway.FormatAllowed(f.AllowMethod)
	}
}

// remember stores the only blog of a gateway.
func (g *gatewayKeys) remember(ctx context.Context, site gateway.Site) error {
	_, err := g.list.Add(ctx, audit.Operator, site)
	if errors.Is(err, gateway.ErrSiteTaken) {
		_, err = g.list.Set(ctx, audit.Operator, site)
	}
	return badSite(err)
}

// badSite turns the error about a setting that was refused into a usage error.
func badSite(err error) error {
	if bad, ok := errors.AsType[*gateway.InvalidSite](err); ok {
		return usageError{bad}
	}
	return err
}

// configOf turns a site into the configuration of a gateway.
func configOf(site gateway.Site, logger *slog.Logger) (gateway.Config, error) {
	cfg, err := site.Config(gateway.Config{Logger: logger, Transport: gateway.NewTransport(site.UpstreamHost)})
	return cfg, badSite(err)
}

// gateway returns the site that a command is about, and a gateway in front of
// it that has no clients and only calls the WordPress.
func (f *gatewayFlags) gateway(ctx context.Context, s *settings, io streams, keys *gatewayKeys) (gateway.Site, *gateway.Gateway, error) {
	site, err := f.site(ctx, s, keys)
	if err != nil {
		return site, nil, err
	}
	cfg, err := configOf(site, s.logger(io.err))
	if err != nil {
		return site, nil, err
	}
	of := keys.Of(site.ID)
	cfg.DB, cfg.Apps, cfg.Users = of.DB, of.Apps, of.Users
	g, err := gateway.New(cfg)
	if err != nil {
		return site, nil, usageError{err}
	}
	return site, g, nil
}

// gatewayServeCmd serves one blog or many.
type gatewayServeCmd struct {
	Sites       string `help:"File with the sites, read again when it changes; docs/GATEWAY.md describes its format." placeholder:"FILE" type:"path" env:"QUILLGATE_SITES" group:"Gateway"`
	SiteMetrics bool   `help:"Count requests and calls for each site in the metrics." default:"true" negatable:"" env:"QUILLGATE_SITE_METRICS" group:"Gateway"`
}

// jetpack returns the settings from --pass and --pass-from.
func (f *gatewayFlags) jetpack() (*gateway.Pass, error) {
	if f.Pass != gateway.PassJetpack {
		return nil, nil
	}
	networks, err := apps.ParseNetworks(f.PassFrom)
	if err != nil {
		return nil, usageError{fmt.Errorf("pass-from: %w", err)}
	}
	return &gateway.Pass{From: networks}, nil
}

// Help is shown by quillgate gateway serve --help.
func (gatewayServeCmd) Help() string {
	return `Configure the web server to forward /xmlrpc.php to the gateway and to refuse it from everyone else:
"quillgate gateway check" prints the configuration. Create users with "quillgate gateway user add" and keys
with "quillgate app create"; clients can create keys themselves with xmlrpcs.createApplication.

With --upstream the gateway serves one blog. Without it, the gateway serves the sites of "quillgate gateway site add"
or of the file given with --sites; the host of each request selects the site.`
}

func (c *gatewayServeCmd) Run(ctx context.Context, flags *gatewayFlags, s *settings, io streams) (err error) {
	logger := s.logger(io.err)
	g, err := openGateway(ctx, s, logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.Close()) }()
	config, err := s.server(logger)
	if err != nil {
		return err
	}
	config.Keys, config.NoSiteMetrics = g.Keys, !c.SiteMetrics
	sites, err := g.list.List(ctx)
	if err != nil {
		return err
	}
	s.warnOfSealing(logger)
	defer collectLater(serverRoom)()
	if c.Sites != "" || flags.Upstream == "" && (len(sites) > 1 || len(sites) == 1 && sites[0].ID != 0) {
		return c.many(ctx, g, config, flags, s, io, logger)
	}
	return c.one(ctx, g, config, flags, s, io)
}

// one serves one blog for every host name.
func (c *gatewayServeCmd) one(ctx context.Context, g *gatewayKeys, config server.Config, flags *gatewayFlags, s *settings, io streams) error {
	site, err := flags.site(ctx, s, g)
	if err != nil {
		return err
	}
	on, err := s.listeners()
	if err != nil {
		return err
	}
	defer closeAll(on)
	at := site
	if at.BaseURL == "" {
		if at.BaseURL, err = s.home(actual(s.Listen, on.Plain), actual(s.TLSListen, on.Secure)); err != nil {
			return err
		}
	}
	inside, err := configOf(at, config.Logger)
	if err != nil {
		return err
	}
	if inside.Jetpack, err = flags.jetpack(); err != nil {
		return err
	}
	config.BaseURL = inside.BaseURL.String()
	srv, err := server.NewGateway(config, inside)
	if err != nil {
		return err
	}
	if err := g.remember(ctx, site); err != nil {
		return err
	}
	fmt.Fprintf(io.out, "quillgate serves %s%s in front of %s\n", config.BaseURL, methods.EndpointPath, inside.Endpoint.Redacted())
	config.Logger.Info("quillgate starts", "version", version, "address", config.BaseURL)
	defer reloadOnHangup(srv, config.Logger)()
	return srv.Run(ctx, on)
}

// many serves the sites in the database. If there is a file of sites, the
// database follows it.
func (c *gatewayServeCmd) many(ctx context.Context, g *gatewayKeys, config server.Config, flags *gatewayFlags, s *settings, io streams, logger *slog.Logger) error {
	if c.Sites != "" {
		f := &sitesFile{path: c.Sites, list: g.list, logger: logger}
		if err := f.read(ctx); err != nil {
			return err
		}
		following, stop := context.WithCancel(ctx)
		wait := f.follow(following)
		defer func() { stop(); wait() }()
	}
	on, err := s.listeners()
	if err != nil {
		return err
	}
	defer closeAll(on)
	pass, err := flags.jetpack()
	if err != nil {
		return err
	}
	srv, err := server.NewGatewaySites(config, g.list, gateway.Config{Logger: logger, Jetpack: pass})
	if err != nil {
		return err
	}
	sites, err := g.list.List(ctx)
	if err != nil {
		return err
	}
	n := 0
	for _, site := range sites {
		if !site.Off {
			n++
		}
	}
	address, err := s.home(actual(s.Listen, on.Plain), actual(s.TLSListen, on.Secure))
	if err != nil {
		return err
	}
	fmt.Fprintf(io.out, "quillgate listens at %s in front of %d sites\n", address, n)
	logger.Info("quillgate starts", "version", version, "sites", n)
	defer reloadOnHangup(srv, logger)()
	return srv.Run(ctx, on)
}
