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

// RepeatWindow is for how long a call that has made something is known by its request: the same request again makes
// nothing.
const RepeatWindow = 10 * time.Minute

// Repeated means that the same call of the same request has made something before, within RepeatWindow. Nothing was made
// this time; the caller is to be told of the first.
type Repeated struct{ ID int64 } // of what was made

func (r *Repeated) Error() string { return fmt.Sprintf("this request has already created %d", r.ID) }

// create runs a transaction that makes one thing, and returns its id. For a caller whose request could come again, what
// was made is written down in the same transaction, so that neither a crash nor another process can make it twice.
// The locks are those of the rules that fn keeps; see database.DB.Write.
func (s *Site) create(ctx context.Context, who auth.Identity, locks []database.Lock, fn func(tx *database.Tx) (int64, error)) error {
	if err := s.made(ctx, who); err != nil {
		return err
	}
	err := s.db.Write(ctx, locks, func(tx *database.Tx) error {
		id, err := fn(tx)
		if err != nil {
			return err
		}
		return s.claim(ctx, tx, who, id)
	})
	if err != nil {
		// A copy that ran at the same time may have been quicker, and be why this one is refused.
		if again := s.made(ctx, who); again != nil {
			return again
		}
		return err
	}
	s.forgetCreations(ctx, who)
	return nil
}

// creationKey is under which a call is written down. The digest that the client sent is hashed once more: it is what
// authorizes the request.
func creationKey(r auth.Repeat) (public, digest string, call int) {
	sum := sha256.Sum256([]byte(r.Public + "||" + r.Digest))
	return r.Public, hex.EncodeToString(sum[:]), r.Call
}

// made returns *Repeated when the call has made something before.
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

// claim writes down what the call has made. The primary key keeps the rule: a copy that runs at the same time waits here
// for this one, finds its row, and is rolled back.
func (s *Site) claim(ctx context.Context, tx *database.Tx, who auth.Identity, id int64) error {
	if who.Repeat.Public == "" {
		return nil
	}
	public, digest, call := creationKey(who.Repeat)
	now := s.now()
	r, err := tx.Exec(ctx, `INSERT INTO creations (public, digest, call, made, at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (public, digest, call) DO UPDATE SET made = excluded.made, at = excluded.at WHERE creations.at <= $6`,
		public, digest, call, id, now, now.Add(-RepeatWindow))
	if err != nil {
		return fmt.Errorf("record what a request created: %w", err)
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return errors.Join(errQuicker, err)
	}
	return nil
}

// errQuicker means that a copy of the request was quicker.
var errQuicker = errors.New("a copy of this request was faster")

// forgetCreations removes, once a minute and in passing, what was made too long ago to count.
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
