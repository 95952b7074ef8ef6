package server

import (
	"context"
	"fmt"
	"strconv"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/mail"
	"github.com/quillgate/quillgate/options"
	"github.com/quillgate/quillgate/pingback"
	"github.com/quillgate/quillgate/site"
)

// Moved records that the blog moved to its current address. It returns the
// previous address, or "" if that is unknown.
func (b *Blog) Moved(ctx context.Context, by audit.Actor) (was string, err error) {
	err = b.DB.Update(ctx, func(tx *database.Tx) (err error) {
		if was, err = b.Site.Relocate(ctx, tx); err != nil {
			return err
		}
		if err := readdress(ctx, tx, b.Site.BaseURL()); err != nil {
			return err
		}
		return audit.Append(ctx, tx, audit.Event{Kind: site.SiteMoved, By: by, Detail: map[string]string{"was": was, "now": b.Site.BaseURL()}})
	})
	if err != nil {
		return "", fmt.Errorf("move the blog: %w", err)
	}
	return was, nil
}

// readdress changes the stored address of the blog, if there is one: it was that
// of the blog before.
func readdress(ctx context.Context, tx *database.Tx, now string) error {
	opts, err := options.Read(ctx, tx)
	if err != nil || opts.Text(options.Address) == "" {
		return err
	}
	_, err = options.Write(ctx, tx, map[string]string{options.Address: now})
	return err
}

// Parted counts what Copied has revoked.
type Parted struct {
	Was    string // where the original was last served, "" if unknown
	Keys   int    // revoked application keys
	Tokens int    // revoked tokens and application passwords
}

// Copied records that the blog is a copy of one that is served elsewhere, and
// separates it from the original. It drops the stored address, sessions, nonces, one-time codes,
// remembered creations, pending pingbacks, waiting mail, TLS certificates and
// the key that signs answers. Unless keepKeys is set, it revokes all
// application keys, tokens and application passwords: their owners trusted the
// original. Either all of it happens or nothing. No server may run on the copy
// meanwhile.
func (b *Blog) Copied(ctx context.Context, by audit.Actor, keepKeys bool) (Parted, error) {
	var out Parted
	err := b.DB.Update(ctx, func(tx *database.Tx) (err error) {
		if out.Was, err = b.Site.Relocate(ctx, tx); err != nil {
			return err
		}
		if err := readdress(ctx, tx, ""); err != nil {
			return err
		}
		if err := b.Site.DropUnfinished(ctx, tx); err != nil {
			return err
		}
		if err := pingback.DropUnfinished(ctx, tx); err != nil {
			return err
		}
		if err := mail.DropUnfinished(ctx, tx); err != nil {
			return err
		}
		if err := b.Media.Part(ctx, tx); err != nil {
			return err
		}
		for _, statement := range []string{`DELETE FROM certificates`, `DELETE FROM certificate_locks`} {
			if _, err := tx.Exec(ctx, statement); err != nil {
				return fmt.Errorf("drop certificates: %w", err)
			}
		}
		if out.Keys, out.Tokens, err = b.Apps.PartFromOriginal(ctx, tx, by, !keepKeys); err != nil {
			return err
		}
		if err := b.Users.PartFromOriginal(ctx, tx); err != nil {
			return err
		}
		return audit.Append(ctx, tx, audit.Event{Kind: site.SiteCopied, By: by, Detail: map[string]string{
			"was": out.Was, "now": b.Site.BaseURL(), "keys": strconv.Itoa(out.Keys), "tokens": strconv.Itoa(out.Tokens),
		}})
	})
	if err != nil {
		return Parted{}, fmt.Errorf("make the copy a blog of its own: %w", err)
	}
	return out, nil
}
