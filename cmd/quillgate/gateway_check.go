package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/quillgate/quillgate/gateway"
)

type gatewayCheckCmd struct {
	siteFlag
	JSON bool `name:"json" help:"Print JSON."`
}

// Help is shown by quillgate gateway check --help.
func (gatewayCheckCmd) Help() string {
	return `Run it while the gateway is running, ideally from another machine too. The exit code is 0 if the WordPress
cannot be reached without the gateway, 1 if it can, and 2 if that could not be determined.`
}

// errAround and errUnclear are the errors of a check that does not succeed.
var (
	errAround  = errors.New("the WordPress can be reached without the gateway: close that with the lines above")
	errUnclear = errors.New("could not determine whether the WordPress can be reached without the gateway")
)

func (c *gatewayCheckCmd) Run(ctx context.Context, flags *gatewayFlags, s *settings, io streams) error {
	var g *gateway.Gateway
	err := withGateway(ctx, s, io, func(keys *gatewayKeys) (err error) {
		var site gateway.Site
		if site, g, err = flags.gateway(ctx, s, io, keys); err == nil && showSite(site).BaseURL == "" {
			err = usageError{errors.New("give the public address of the blog with --base-url")}
		}
		return err
	})
	if err != nil {
		return err
	}
	report := g.Check(ctx)
	if c.JSON {
		err = writeJSON(io.out, report)
	} else {
		for _, w := range report.Ways {
			fmt.Fprintf(io.out, "%s %s: %s\n", painted(io.out, string(w.State)), w.Address, w.Seen)
		}
		for _, note := range report.Notes {
			fmt.Fprintf(io.out, "note     %s\n", note)
		}
		if report.State() == gateway.Around {
			_, err = fmt.Fprintf(io.out, "\n%s", gateway.Closing(s.Listen))
		}
	}
	if err != nil {
		return err
	}
	switch report.State() {
	case gateway.Around:
		return errAround
	case gateway.Unclear:
		return usageError{errUnclear}
	}
	return nil
}
