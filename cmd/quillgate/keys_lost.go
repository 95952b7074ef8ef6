package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/server"
)

type keysReplaceLostCmd struct {
	GiveUpSecrets bool `help:"Confirm that everything sealed with the lost key may be lost for good."`
}

// Help is shown by quillgate keys replace-lost --help.
func (keysReplaceLostCmd) Help() string {
	return `For a keyset file that is lost together with all its copies. Nothing can recover the secrets that were
sealed with it. This command creates a new keyset, so that the blog can be opened again. All keys that have
a secret are revoked, and so are tokens and application passwords. Second factors are removed, and their
users sign in with the password alone. Certificates are requested again. Posts, accounts, passwords and keys
without a secret stay.

Stop the servers and back up the database first. The command can be interrupted and run again.`
}

// givenUp counts what the command has removed.
type givenUp struct{ keys, tokens, factors, others int }

func (c *keysReplaceLostCmd) Run(ctx context.Context, s *settings, io streams) error {
	if !c.GiveUpSecrets {
		return usageError{errors.New("this permanently revokes every key with a secret, every token and every second factor: look for a copy of the keyset file first, and give --give-up-secrets if there is none")}
	}
	if s.Sealing == "off" {
		return usageError{errors.New("with --sealing off there is no keyset to lose")}
	}
	if err := needBlog(ctx, s); err != nil {
		return err
	}
	if _, err := os.Stat(s.keysetFile()); errors.Is(err, fs.ErrNotExist) {
		if err := forgetKeyset(ctx, s); err != nil {
			return err
		}
	}
	return withKeys(ctx, s, io, func(keys *server.Keys) error {
		ended, err := giveUp(ctx, keys)
		if err != nil {
			return err
		}
		if ended == (givenUp{}) {
			_, err = fmt.Fprintln(io.out, "Everything can be opened: nothing is lost.")
			return err
		}
		_, err = fmt.Fprintf(io.out, "Lost: %d keys, %d tokens and application passwords, %d second factors, %d certificates and keys of the server.\nThe new keyset is %s. Keep a copy of it separate from the backups of the database.\n",
			ended.keys, ended.tokens, ended.factors, ended.others, s.keysetFile())
		return err
	})
}

// forgetKeyset is the first step: the blog cannot be opened before it.
func forgetKeyset(ctx context.Context, s *settings) (err error) {
	db, err := database.Open(ctx, database.Config{URL: s.databaseURL()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return apps.ForgetKeyset(ctx, db, s.keysetFile(), audit.Operator)
}

// giveUp removes everything that cannot be opened. Tokens come first, because
// their hashes depend on a key that is removed as well.
func giveUp(ctx context.Context, keys *server.Keys) (ended givenUp, err error) {
	for {
		report, err := keys.Apps.VerifySealed(ctx, nil)
		if err != nil || len(report.Damaged) == 0 {
			return ended, err
		}
		if err := endTokens(ctx, keys, &ended); err != nil {
			return ended, err
		}
		for _, p := range report.Damaged {
			switch p.Table {
			case "second_factors":
				err = keys.Users.ResetSecondFactor(ctx, audit.Operator, p.User)
				ended.factors++
			case "apps":
				err = keys.Apps.GiveUp(ctx, audit.Operator, p)
				ended.keys++
			default:
				err = keys.Apps.GiveUp(ctx, audit.Operator, p)
				ended.others++
			}
			if err != nil {
				return ended, err
			}
		}
	}
}

func endTokens(ctx context.Context, keys *server.Keys, ended *givenUp) error {
	users, err := keys.Users.List(ctx, auth.Filter{})
	if err != nil {
		return err
	}
	for _, u := range users {
		n, err := keys.Apps.RevokeTokens(ctx, audit.Operator, u.ID)
		if err != nil {
			return err
		}
		ended.tokens += n
	}
	return nil
}
