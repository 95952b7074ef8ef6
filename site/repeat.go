package site

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
)

// RepeatWindow is how long a call that has created something is recognized when
// its request is repeated: then nothing is created.
const RepeatWindow = 10 * time.Minute

// Repeated means that the same call of the same request has created something
// within RepeatWindow. Nothing was created this time; the caller gets the first
// result.
type Repeated struct{ ID int64 } // id of the first result

func (r *Repeated) Error() string { return fmt.Sprintf("this request has already created %d", r.ID) }

// create runs a transaction that creates one object, and returns its id. For a
// caller whose request could be repeated, it records the result in the same
// transaction, so that neither a crash nor another process can create it twice.
// The locks are those for the rules of fn; see database.DB.Write.
func (s *Site) create(ctx context.Context, who auth.Identity, locks []database.Lock, fn func(tx *database.Tx) (int64, error)) error {
	err := s.db.Write(ctx, locks, func(tx *database.Tx) error {
		id, err := fn(tx)
		if err != nil {
			return err
		}
		return s.claim(ctx, tx, who, id)
	})
	if err != nil {
		return s.unlessMade(ctx, who, err)
	}
	s.forgetCreations(ctx, who)
	return nil
}

// creationKey returns the key under which a call is recorded. The digest that
// the client sent is hashed once more, because it authorizes the request.
func creationKey(r auth.Repeat) (public, digest string, call int) {
	sum := sha256.Sum256([]byte(r.Public + "||" + r.Digest))
	return r.Public, hex.EncodeToString(sum[:]), r.Call
}

// made returns *Repeated if the call has already created something.
func (s *Site) made(ctx context.Context, who auth.Identity) error {
	if who.Repeat.Public == "" {
		return nil
	}
	public, digest, call := creationKey(who.Repeat)
	var id int64
	err := s.db.Get(ctx, &id, `SELECT made FROM creations WHERE public = $1 AND digest = $2 AND call = $3 AND at > $4`,
		public, digest, call, s.now().Add(-RepeatWindow))
	switch {
	case errors.Is(err, database.ErrNoRows):
		return nil
	case err != nil:
		return fmt.Errorf("look for a repeated request: %w", err)
	}
	return &Repeated{ID: id}
}

// unlessMade returns *Repeated in place of an error if the call has already
// created something: an earlier call, or a copy of this one that was faster, may
// be the reason for the error. That is rare, so nobody asks before.
func (s *Site) unlessMade(ctx context.Context, who auth.Identity, err error) error {
	if again := s.made(ctx, who); again != nil {
		return again
	}
	return err
}

// claim records what the call has created. The primary key enforces the rule: a
// concurrent copy waits here for this one, finds its row, and is rolled back,
// because made must not be NULL.
func (s *Site) claim(ctx context.Context, tx *database.Tx, who auth.Identity, id int64) error {
	if who.Repeat.Public == "" {
		return nil
	}
	public, digest, call := creationKey(who.Repeat)
	now := s.now()
	err := tx.Later(ctx, `INSERT INTO creations (public, digest, call, made, at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (public, digest, call) DO UPDATE SET made = CASE WHEN creations.at <= $6 THEN excluded.made END, at = excluded.at`,
		public, digest, call, id, now, now.Add(-RepeatWindow))
	if err != nil {
		return fmt.Errorf("record what a request created: %w", err)
	}
	return nil
}

// forgetCreations removes outdated records, once a minute, as part of other
// calls.
func (s *Site) forgetCreations(ctx context.Context, who auth.Identity) {
	now := s.now()
	last := s.forgot.Load()
	if who.Repeat.Public == "" || now.Unix()-last < 60 || !s.forgot.CompareAndSwap(last, now.Unix()) {
		return
	}
	if _, err := s.db.Exec(context.WithoutCancel(ctx), `DELETE FROM creations WHERE at <= $1`, now.Add(-RepeatWindow)); err != nil {
		s.logger.WarnContext(ctx, "records of repeated requests were not deleted", "error", err)
	}
}
