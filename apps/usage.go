package apps

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/database"
)

const (
	usageEvery = 20 * time.Second // how often last uses are written
	usageStep  = time.Minute      // the shortest time between two written uses of one key
)

// credential identifies what was used: an application by its public key, or a
// token by its ID.
type credential struct {
	named
	presented bool // a token or application password; an application signs
}

func (c credential) compare(other credential) int {
	if c.presented != other.presented {
		return map[bool]int{false: -1, true: 1}[c.presented]
	}
	return c.named.compare(other.named)
}

// pendingUse is the last unwritten use of a credential, with the number of
// uses.
type pendingUse struct {
	Use
	n int
}

// newUsage returns the batch that collects uses of credentials, outside of
// requests.
func (s *Store) newUsage() *database.Batch[credential, pendingUse] {
	return database.NewBatch(database.BatchConfig[credential, pendingUse]{
		DB: s.db, Compare: credential.compare, Step: usageStep, Write: writeUse,
		Merge: func(older, newer pendingUse) pendingUse {
			if newer.Method == "" {
				newer.Method = older.Method // until Called sets the method
			}
			newer.n += older.n
			return newer
		},
		// A use whose method is unknown waits for it, but not for ever: not
		// every request calls one.
		Ready: func(use pendingUse, written time.Time) bool {
			waits := use.Method == "" && s.now().Sub(use.At) < usageEvery
			return !waits && use.At.Sub(written) >= usageStep
		},
	})
}

// Used records that a key has signed a request. A zero time means now. It runs
// no statement: uses are written in batches within a minute and a half, for one
// key at most once a minute.
func (s *Store) Used(public string, use Use) { s.used(credential{named: s.named(public)}, use) }

// TokenUsed is Used for a token or application password, by its ID.
func (s *Store) TokenUsed(id string, use Use) { s.used(credential{s.named(id), true}, use) }

func (s *Store) used(c credential, use Use) {
	if use.At.IsZero() {
		use.At = s.now()
	}
	s.usage.Add(c, pendingUse{use, 1})
}

// Called adds the method to the last recorded use: it is known only when the
// request has been parsed. The name must be one of the table. Without such a
// use, Called does nothing.
func (s *Store) Called(public, method string) { s.called(credential{named: s.named(public)}, method) }

// TokenCalled is Called for a token or application password, by its ID.
func (s *Store) TokenCalled(id, method string) { s.called(credential{s.named(id), true}, method) }

func (s *Store) called(c credential, method string) {
	s.usage.Change(c, func(use pendingUse) pendingUse {
		use.Method = method
		return use
	})
}

// withWaiting adds the uses that this process has not written yet, so that a
// user sees them at once. Those of other processes appear when they are written.
func (s *Store) withWaiting(a App) App {
	if use, ok := s.usage.Waiting(credential{named: s.named(a.Public)}); ok {
		a.Uses += int64(use.n)
		a.LastUse = a.LastUse.or(use.Use)
	}
	return a
}

// tokenWithWaiting is withWaiting for tokens.
func (s *Store) tokenWithWaiting(t Token) Token {
	if use, ok := s.usage.Waiting(credential{s.named(t.ID), true}); ok {
		t.LastUse = t.LastUse.or(use.Use)
	}
	return t
}

// or returns the later of two uses.
func (u Use) or(other Use) Use {
	if other.At.After(u.At) {
		return other
	}
	return u
}

// writeUsage runs until Close.
func (s *Store) writeUsage() {
	s.usage.Run(s.done, usageEvery, s.now, func(err error) {
		s.logger.Warn("last uses of applications and tokens were not written yet", slog.Any("error", err))
	})
}

func writeUse(ctx context.Context, tx *database.Tx, c credential, use pendingUse) error {
	if tx = tx.Of(c.site); c.presented {
		return writeTokenUse(ctx, tx, c.public, use.Use)
	}
	return writeAppUse(ctx, tx, c.public, use)
}

// writeAppUse adds the count, and keeps the newest use: other processes write
// uses of the same key.
func writeAppUse(ctx context.Context, tx *database.Tx, public string, use pendingUse) error {
	err := tx.Later(ctx, `UPDATE apps SET uses = uses + $2,
			last_address = CASE WHEN last_used >= $3 THEN last_address ELSE $4 END,
			last_agent = CASE WHEN last_used >= $3 THEN last_agent ELSE $5 END,
			last_method = CASE WHEN last_used >= $3 THEN last_method ELSE $6 END,
			last_used = CASE WHEN last_used >= $3 THEN last_used ELSE $3 END
		WHERE site_id = $site AND public = $1`, public, use.n, use.At, use.address(), cutAgent(use.Agent), use.Method)
	return err
}

// writeTokenUse keeps the newest use. The first use of a token is recorded in
// the audit trail.
func writeTokenUse(ctx context.Context, tx *database.Tx, id string, use Use) error {
	r, err := getToken(ctx, tx, id)
	switch {
	case errors.Is(err, ErrNoToken):
		return nil
	case err != nil || r.LastUsed.Valid && !r.LastUsed.Time.Before(use.At):
		return err
	}
	err = tx.Later(ctx, `UPDATE application_passwords SET last_used = $2, last_address = $3, last_agent = $4, last_method = $5 WHERE site_id = $site AND id = $1`,
		r.ID, use.At, use.address(), cutAgent(use.Agent), use.Method)
	if err != nil || r.LastUsed.Valid {
		return err
	}
	by := audit.Actor{UserID: r.UserID, Via: TokenKind(r.Kind).Via(), App: r.UUID, Addr: use.Addr, Agent: use.Agent}
	return audit.Append(ctx, tx, r.event(TokenFirstUsed, by, use.At))
}

// address formats the address of a use for tables.
func (u Use) address() string {
	if !u.Addr.IsValid() {
		return ""
	}
	return u.Addr.String()
}

// maxAgent is the most characters of a client's name that a row stores.
const maxAgent = 200

func cutAgent(agent string) string {
	runes := []rune(agent)
	return string(runes[:min(len(runes), maxAgent)])
}
