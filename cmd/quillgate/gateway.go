package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/quillgate/quillgate/gateway"
	"github.com/quillgate/quillgate/methods"
	"github.com/quillgate/quillgate/server"
)

// gatewayCmd is the shield in front of a WordPress.
type gatewayCmd struct {
	gatewayFlags

	Serve gatewayServeCmd `cmd:"" default:"withargs" help:"Serve the gateway (default)."`
	User  gatewayUserCmd  `cmd:"" help:"Users of the WordPress: add."`
	Check gatewayCheckCmd `cmd:"" help:"Check whether the WordPress can be reached without the gateway."`
}

// gatewayFlags say what is behind the gateway.
type gatewayFlags struct {
	Upstream     string            `help:"Address of the xmlrpc.php of the WordPress behind the gateway, such as http://127.0.0.1:8081/xmlrpc.php. It is stored in the data folder." placeholder:"URL" env:"QUILLGATE_UPSTREAM" group:"Gateway"`
	UpstreamHost string            `help:"Host name to send to the WordPress. Default: that of --base-url." placeholder:"HOST" env:"QUILLGATE_UPSTREAM_HOST" group:"Gateway"`
	AllowMethod  map[string]string `help:"Plugin method to allow, with the position of the user name among its arguments, counted from 0, or none. Only keys without limits may call it." placeholder:"NAME=POSITION" env:"QUILLGATE_ALLOW_METHOD" group:"Gateway"`
}

// behind is what a data folder remembers of the WordPress behind its gateway.
type behind struct {
	Upstream     string            `json:"upstream"`
	UpstreamHost string            `json:"upstream_host,omitempty"`
	BaseURL      string            `json:"base_url,omitempty"`
	AllowMethod  map[string]string `json:"allow_method,omitempty"`
}

// behindFile is in the data folder of every gateway, and of nothing else.
const behindFile = "gateway.json"

// readBehind reads what was remembered; there is false for a folder that is not
// a gateway's.
func readBehind(s *settings) (b behind, there bool, err error) {
	text, err := os.ReadFile(filepath.Join(s.Data, behindFile))
	if errors.Is(err, fs.ErrNotExist) {
		return b, false, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &b)
	}
	if err != nil {
		return b, false, fmt.Errorf("read the stored settings of the gateway: %w", err)
	}
	return b, true, nil
}

// remember writes it down, whole or not at all.
func (b behind) remember(s *settings) error {
	text, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.Data, 0o700); err != nil {
		return fmt.Errorf("create the data folder: %w", err)
	}
	path := filepath.Join(s.Data, behindFile)
	next := path + ".new"
	if err := errors.Join(os.WriteFile(next, append(text, '\n'), 0o600), os.Rename(next, path)); err != nil {
		return fmt.Errorf("store the settings of the gateway: %w", err)
	}
	return nil
}

// behind puts together what the flags say and what is remembered. A folder that is a blog's is refused.
func (f *gatewayFlags) behind(ctx context.Context, s *settings) (behind, error) {
	b, there, err := readBehind(s)
	if err != nil {
		return b, err
	}
	if !there && s.Database == "" {
		blog, err := hasBlog(ctx, s)
		if err != nil {
			return b, err
		}
		if blog {
			return b, fmt.Errorf("%s is the data folder of a blog: give the gateway its own folder with --data", s.Data)
		}
	}
	for _, set := range []struct {
		flag string
		to   *string
	}{{f.Upstream, &b.Upstream}, {f.UpstreamHost, &b.UpstreamHost}, {s.BaseURL, &b.BaseURL}} {
		if set.flag != "" {
			*set.to = set.flag
		}
	}
	if len(f.AllowMethod) > 0 {
		b.AllowMethod = f.AllowMethod
	}
	if b.Upstream == "" {
		return b, usageError{errors.New("give the address of the WordPress's xmlrpc.php with --upstream, such as http://127.0.0.1:8081/xmlrpc.php")}
	}
	return b, nil
}

// config turns what is remembered into the configuration of a gateway.
func (b behind) config(logger *slog.Logger) (gateway.Config, error) {
	cfg := gateway.Config{Host: b.UpstreamHost, Logger: logger, Transport: gateway.NewTransport(b.UpstreamHost), Allow: map[string]int{}}
	var err error
	if cfg.Endpoint, err = url.Parse(b.Upstream); err != nil {
		return cfg, usageError{errors.New("upstream: not a valid address")}
	}
	if b.BaseURL != "" {
		if cfg.BaseURL, err = url.Parse(strings.TrimRight(b.BaseURL, "/")); err != nil {
			return cfg, usageError{errors.New("base-url: not a valid address")}
		}
		if cfg.Host == "" {
			cfg.Host = cfg.BaseURL.Host
		}
	}
	for name, position := range b.AllowMethod {
		at := methods.NoLogin
		if position != "none" {
			if at, err = strconv.Atoi(position); err != nil || at < 0 || at > 9 {
				return cfg, usageError{fmt.Errorf("allow-method: %s=%s: must be the position of the user name, from 0 to 9, or none", name, position)}
			}
		}
		if !methodName.MatchString(name) || strings.HasPrefix(name, "system.") || strings.HasPrefix(name, "pingback.") {
			return cfg, usageError{fmt.Errorf("allow-method: %s cannot be allowed", name)}
		}
		cfg.Allow[name] = at
	}
	return cfg, nil
}

// gatewayServeCmd serves one blog.
type gatewayServeCmd struct{}

// Help is shown by quillgate gateway serve --help.
func (gatewayServeCmd) Help() string {
	return `Configure the web server to forward /xmlrpc.php to the gateway and to refuse it from everyone else:
"quillgate gateway check" prints the configuration. Create users with "quillgate gateway user add" and keys
with "quillgate app create"; clients can create keys themselves with xmlrpcs.createApplication.`
}

func (*gatewayServeCmd) Run(ctx context.Context, flags *gatewayFlags, s *settings, io streams) (err error) {
	b, err := flags.behind(ctx, s)
	if err != nil {
		return err
	}
	on, err := s.listeners()
	if err != nil {
		return err
	}
	defer closeAll(on)
	if b.BaseURL == "" {
		if b.BaseURL, err = s.home(actual(s.Listen, on.Plain), actual(s.TLSListen, on.Secure)); err != nil {
			return err
		}
	}
	logger := s.logger(io.err)
	inside, err := b.config(logger)
	if err != nil {
		return err
	}
	config, err := s.server(logger)
	if err != nil {
		return err
	}
	config.BaseURL = inside.BaseURL.String()
	keys, err := openKeys(ctx, s, logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, keys.Close()) }()
	config.Keys = keys
	srv, err := server.NewGateway(config, inside)
	if err != nil {
		return err
	}
	if s.BaseURL == "" {
		b.BaseURL = "" // it was made of the address to listen on
	}
	if err := b.remember(s); err != nil {
		return err
	}
	s.warnOfSealing(logger)
	fmt.Fprintf(io.out, "quillgate serves %s%s in front of %s\n", config.BaseURL, methods.EndpointPath, inside.Endpoint.Redacted())
	logger.Info("quillgate starts", "version", version, "address", config.BaseURL)
	defer reloadOnHangup(srv, logger)()
	return srv.Run(ctx, on)
}
