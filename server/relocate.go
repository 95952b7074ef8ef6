package server

import (
	"context"
	"fmt"
	"strconv"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/mail"
	"github.com/quillgate/quillgate/pingback"
	"github.com/quillgate/quillgate/site"
)

// Moved says that the blog is served at its address from now on, and is the same that was served elsewhere. It returns
// where that was, "" when that is not known.
func (b *Blog) Moved(ctx context.Context, by audit.Actor) (was string, err error) {
	err = b.DB.Update(ctx, func(tx *database.Tx) (err error) {
		if was, err = b.Site.Relocate(ctx, tx); err != nil {
			return err
		}
		return audit.Append(ctx, tx, audit.Event{Kind: site.SiteMoved, By: by, Detail: map[string]string{"was": was, "now": b.Site.BaseURL()}})
	})
	if err != nil {
		return "", fmt.Errorf("move the blog: %w", err)
	}
	return was, nil
}

// Parted is what became of a copy.
type Parted struct {
	Was    string // where the original was served last, "" when that is not known
	Keys   int    // keys of applications that were revoked
	Tokens int    // tokens and application passwords that were revoked
}

// Copied says that the blog is a copy of one that is served elsewhere, and gives it a life of its own: sessions, nonces,
// one-time codes, remembered creations, pingbacks that are due, mail that waits, TLS certificates and the key that signs answers are dropped.
// Unless keepKeys, all keys of applications, tokens and application passwords are revoked: those who have them gave their trust
// to the original. All of it happens or none. No server may run on the copy meanwhile.
func (b *Blog) Copied(ctx context.Context, by audit.Actor, keepKeys bool) (Parted, error) {
	var out Parted
	err := b.DB.Update(ctx, func(tx *database.Tx) (err error) {
		if out.Was, err = b.Site.Relocate(ctx, tx); err != nil {
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
