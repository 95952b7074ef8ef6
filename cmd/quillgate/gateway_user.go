package main

import (
	"context"
	"fmt"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/gateway"
)

type gatewayUserCmd struct {
	siteFlag

	Add gatewayUserAddCmd `cmd:"" help:"Add a user of the WordPress, or replace a user's credential."`
}

type gatewayUserAddCmd struct {
	Login                string `arg:"" help:"User name here, the same as in the WordPress."`
	UpstreamLogin        string `help:"User name or e-mail address at the WordPress. Default: the same." placeholder:"LOGIN"`
	UpstreamPasswordFile string `help:"File with the credential: preferably an application password of the WordPress, otherwise the account's password; - is the standard input." required:"" placeholder:"FILE"`
	JSON                 bool   `name:"json" help:"Print JSON."`
}

// Help is shown by quillgate gateway user add --help.
func (gatewayUserAddCmd) Help() string {
	return `The credential is tested with one call and stored sealed. Clients never see it: they sign with keys from
"quillgate app create", and the gateway signs in to the WordPress. Create an application password only for the gateway:
when you replace it, the gateway revokes it at the WordPress.`
}

func (c *gatewayUserAddCmd) Run(ctx context.Context, flags *gatewayFlags, s *settings, io streams) error {
	return withGateway(ctx, s, io, func(keys *gatewayKeys) error {
		site, g, err := flags.gateway(ctx, s, io, keys)
		if err != nil {
			return err
		}
		password, err := readSecret(io, c.UpstreamPasswordFile, "credential")
		if err != nil {
			return err
		}
		if c.UpstreamLogin == "" {
			c.UpstreamLogin = c.Login
		}
		p, err := g.Profile(ctx, c.UpstreamLogin, password)
		if err != nil {
			return fmt.Errorf("test the credential: %w", g.Explain(ctx, err))
		}
		if site.ID == 0 {
			if err := keys.remember(ctx, site); err != nil {
				return err
			}
		}
		p.Login = c.Login
		of := keys.Of(site.ID)
		user, err := gateway.UserOf(ctx, of.Users, audit.Operator, p)
		if err != nil {
			return err
		}
		note, err := g.Give(ctx, audit.Operator, user.ID, c.UpstreamLogin, password)
		if err != nil {
			return err
		}
		if note != "" {
			fmt.Fprintln(io.err, note)
		}
		return tellUser(io, user, "", false, c.JSON, "the WordPress accepts the credential, which is stored sealed")
	})
}
