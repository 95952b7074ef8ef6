package apps

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/database"
)

// Kinds of audit events about upstream credentials.
const (
	UpstreamGiven   audit.Kind = "upstream.given"
	UpstreamRefused audit.Kind = "upstream.refused"
)

// ErrNoUpstream means that a user has no credential for the server behind the
// gateway.
var ErrNoUpstream = errors.New("the user has no credential for the blog behind the gateway")

// Upstream is the credential with which a gateway signs in for one user at the
// WordPress behind it.
type Upstream struct {
	Login   string
	Secret  Secret    // an application password, or the account's own
	UUID    string    // of an application password, to revoke it; empty if unknown
	Given   time.Time // when it was stored; SetUpstream sets it
	Refused time.Time // when the WordPress last refused it; zero: it has not
}

func upstreamPlace(userID int64) Place {
	return Place{Table: "upstream_credentials", User: userID, Column: "secret"}
}

// SetUpstream stores a user's credential, sealed, and replaces an older one.
// The caller has tried it.
func (s *Store) SetUpstream(ctx context.Context, by audit.Actor, userID int64, up Upstream) error {
	err := s.db.Update(ctx, func(tx *database.Tx) error {
		sealed, err := s.Seal(ctx, tx, upstreamPlace(userID), []byte(up.Secret.Reveal()))
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO upstream_credentials (site_id, user_id, login, secret, uuid, given) VALUES ($site, $1, $2, $3, $4, $5)
			ON CONFLICT (user_id) DO UPDATE SET login = excluded.login, secret = excluded.secret, uuid = excluded.uuid, refused = NULL, given = excluded.given
				WHERE upstream_credentials.site_id = excluded.site_id`,
			userID, up.Login, sealed, up.UUID, s.now())
		if err != nil {
			return err
		}
		return audit.Append(ctx, tx, audit.Event{Kind: UpstreamGiven, UserID: userID, By: by, At: s.now()})
	})
	if err != nil {
		return fmt.Errorf("store the credential for the blog behind the gateway: %w", err)
	}
	return nil
}

// owner is a user of a site.
type owner struct{ site, user int64 }

// upstream is a cached result of Upstream.
type upstream struct {
	Upstream
	err error
}

// Upstream returns a user's opened credential. It is as current as the result
// of Lookup. Errors: ErrNoUpstream, ErrSealed.
func (s *Store) Upstream(ctx context.Context, userID int64) (Upstream, error) {
	found, err := s.upstreams.Get(ctx, owner{s.db.Site(), userID})
	if err != nil {
		return Upstream{}, err
	}
	return found.Upstream, found.err
}

// readUpstream is the Load of the cache. A credential that cannot be opened is
// cached only briefly, as for a key.
func (s *Store) readUpstream(ctx context.Context, of owner) (upstream, time.Time, error) {
	asked := s.clock()
	up, err := s.Of(of.site).openUpstream(ctx, of.user)
	switch {
	case errors.Is(err, ErrNoUpstream):
		return upstream{err: err}, time.Time{}, nil
	case errors.Is(err, ErrSealed):
		return upstream{err: err}, asked.Add(sealedLife), nil
	}
	return upstream{Upstream: up}, time.Time{}, err
}

func (s *Store) openUpstream(ctx context.Context, userID int64) (Upstream, error) {
	var r struct {
		Login   string       `db:"login"`
		Secret  []byte       `db:"secret"`
		UUID    string       `db:"uuid"`
		Given   time.Time    `db:"given"`
		Refused sql.NullTime `db:"refused"`
	}
	err := s.db.Get(ctx, &r, `SELECT login, secret, uuid, given, refused FROM upstream_credentials WHERE site_id = $site AND user_id = $1`, userID)
	if errors.Is(err, database.ErrNoRows) {
		return Upstream{}, ErrNoUpstream
	}
	if err != nil {
		return Upstream{}, fmt.Errorf("look up the credential for the blog behind the gateway: %w", err)
	}
	plain, err := s.Unseal(upstreamPlace(userID), r.Secret)
	if err != nil {
		return Upstream{}, fmt.Errorf("decrypt the credential for the blog behind the gateway: %w", err)
	}
	return Upstream{Login: r.Login, Secret: NewSecret(string(plain)), UUID: r.UUID, Given: r.Given.UTC(), Refused: r.Refused.Time}, nil
}

// RefuseUpstream records that the WordPress has refused a user's credential, so
// that it is not used again until it is replaced: plugins there count failures
// and would lock out the gateway for everyone. given is that of the refused
// credential; one that was stored since is not affected.
func (s *Store) RefuseUpstream(ctx context.Context, userID int64, given time.Time) error {
	err := s.db.Update(ctx, func(tx *database.Tx) error {
		r, err := tx.Exec(ctx, `UPDATE upstream_credentials SET refused = $1 WHERE site_id = $site AND user_id = $2 AND given = $3 AND refused IS NULL`, s.now(), userID, given)
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return audit.Append(ctx, tx, audit.Event{Kind: UpstreamRefused, UserID: userID, By: audit.Actor{UserID: userID, Via: "gateway"}, At: s.now()})
	})
	if err != nil {
		return fmt.Errorf("note that a credential was refused: %w", err)
	}
	return nil
}
