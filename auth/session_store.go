package auth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/database"
)

// SessionEnded is the audit event for signing out.
const SessionEnded audit.Kind = "session.ended"

// The values of a session that the store reads. A session that is not in the
// database yet has SessionNew. Without it, a commit only changes an existing
// row, so that it cannot recreate a session that was ended meanwhile.
const (
	SessionNew     = "new"     // bool
	SessionUser    = "user"    // int64: the user who is signed in
	SessionPending = "pending" // int64: the user whose password was right, while the second factor is missing
	SessionAddr    = "addr"    // string
	SessionAgent   = "agent"   // string
)

// Session is a browser in which someone is signed in.
type Session struct {
	ID      string // identifies the session; useless for getting in
	UserID  int64
	Created time.Time
	Seen    time.Time // when it was last used
	Expires time.Time
	Addr    netip.Addr
	Agent   string
}

// Limits for sessions in which someone has entered a password but not yet the
// second factor: for one account from one network, and for one account. Beyond
// them, the oldest ends. Nobody can begin one without a right password.
const (
	halfwayNetwork = 20
	halfwayAccount = 1000
)

// SessionStore stores the sessions of browsers in the database. It is a store
// for github.com/alexedwards/scs/v2, to be used with HashTokenInStore, so that
// a copy of the database opens no session. It is safe for concurrent use.
type SessionStore struct {
	db    *database.DB
	clock func() time.Time
}

var _ scs.CtxStore = (*SessionStore)(nil)

// NewSessionStore returns the sessions in a database. A nil clock means
// time.Now.
func NewSessionStore(db *database.DB, clock func() time.Time) *SessionStore {
	if clock == nil {
		clock = time.Now
	}
	return &SessionStore{db: db, clock: clock}
}

func (s *SessionStore) now() time.Time { return s.clock().UTC().Truncate(time.Microsecond) }

// SessionID returns the ID of the session that a token belongs to.
func SessionID(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// FindCtx returns the data of a session that has not expired.
func (s *SessionStore) FindCtx(ctx context.Context, id string) (data []byte, found bool, err error) {
	err = s.db.Get(ctx, &data, `SELECT data FROM sessions WHERE site_id = $site AND token = $1 AND expires > $2`, id, s.now())
	if errors.Is(err, database.ErrNoRows) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("find a session: %w", err)
	}
	return data, true, nil
}

// CommitCtx writes a session. If the session is not new and no longer exists,
// someone has ended it, and it is not written. A session without a user, in
// which not even a password was right, is not stored: strangers could fill the
// table.
func (s *SessionStore) CommitCtx(ctx context.Context, id string, data []byte, expires time.Time) error {
	codec := scs.GobCodec{}
	deadline, values, err := codec.Decode(data)
	if err != nil {
		return fmt.Errorf("store a session: %w", err)
	}
	user, _ := values[SessionUser].(int64)
	pending, _ := values[SessionPending].(int64)
	fresh, _ := values[SessionNew].(bool)
	delete(values, SessionNew)
	if data, err = codec.Encode(deadline, values); err != nil {
		return fmt.Errorf("store a session: %w", err)
	}
	// The library uses the clock of the system.
	expires = s.now().Add(time.Until(expires))
	addr, _ := values[SessionAddr].(string)
	agent, _ := values[SessionAgent].(string)
	if !fresh {
		_, err := s.db.Exec(ctx, `UPDATE sessions SET data = $2, expires = $3, user_id = $4, seen = $5, address = $6, agent = $7 WHERE site_id = $site AND token = $1`,
			id, data, expires, user, s.now(), addr, agent)
		if err != nil {
			return fmt.Errorf("store a session: %w", err)
		}
		return nil
	}
	if user == 0 && pending == 0 {
		return nil
	}
	// The number of half-finished sessions of an account is limited, so
	// counting them needs a lock.
	locks := []database.Lock{{Rule: "halfway sessions", Of: strconv.FormatInt(pending, 10)}}
	err = s.db.Write(ctx, locks, func(tx *database.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM sessions WHERE expires <= $1`, s.now()); err != nil {
			return err
		}
		if user == 0 {
			if err := makeRoom(ctx, tx, pending, addr); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `INSERT INTO sessions (site_id, token, data, expires, user_id, pending, created, seen, address, agent)
			VALUES ($site, $1, $2, $3, $4, $5, $6, $6, $7, $8)`, id, data, expires, user, pending, s.now(), addr, agent)
		return err
	})
	if err != nil {
		return fmt.Errorf("store a session: %w", err)
	}
	return nil
}

// makeRoom ends the oldest half-finished sessions of an account if it has
// reached the limit.
func makeRoom(ctx context.Context, tx *database.Tx, pending int64, addr string) error {
	const oldest = `DELETE FROM sessions WHERE site_id = $site AND token IN (SELECT token FROM sessions WHERE site_id = $site AND user_id = 0 AND pending = $1`
	_, err := tx.Exec(ctx, oldest+` AND address = $2 ORDER BY created DESC, token LIMIT 10000 OFFSET $3)`, pending, addr, halfwayNetwork-1)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, oldest+` ORDER BY created DESC, token LIMIT 10000 OFFSET $2)`, pending, halfwayAccount-1)
	return err
}

// DeleteCtx ends a session.
func (s *SessionStore) DeleteCtx(ctx context.Context, id string) error {
	if _, err := s.db.Exec(ctx, `DELETE FROM sessions WHERE site_id = $site AND token = $1`, id); err != nil {
		return fmt.Errorf("end a session: %w", err)
	}
	return nil
}

// Find, Commit and Delete are like the Ctx forms, without a deadline.
func (s *SessionStore) Find(id string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), id)
}

// Commit is CommitCtx.
func (s *SessionStore) Commit(id string, data []byte, expires time.Time) error {
	return s.CommitCtx(context.Background(), id, data, expires)
}

// Delete is DeleteCtx.
func (s *SessionStore) Delete(id string) error { return s.DeleteCtx(context.Background(), id) }

// List returns the sessions in which a user is signed in, the most recently
// used first.
func (s *SessionStore) List(ctx context.Context, userID int64) ([]Session, error) {
	var rows []struct {
		Token   string    `db:"token"`
		Created time.Time `db:"created"`
		Seen    time.Time `db:"seen"`
		Expires time.Time `db:"expires"`
		Address string    `db:"address"`
		Agent   string    `db:"agent"`
	}
	err := s.db.Select(ctx, &rows, `SELECT token, created, seen, expires, address, agent FROM sessions
		WHERE site_id = $site AND user_id = $1 AND expires > $2 ORDER BY seen DESC, token LIMIT 200`, userID, s.now())
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	list := make([]Session, len(rows))
	for i, r := range rows {
		list[i] = Session{ID: r.Token, UserID: userID, Created: r.Created, Seen: r.Seen, Expires: r.Expires, Agent: r.Agent}
		list[i].Addr, _ = netip.ParseAddr(r.Address)
	}
	return list, nil
}

// End signs a user out of one session. A session that does not exist, or
// belongs to another user, is not an error.
func (s *SessionStore) End(ctx context.Context, by audit.Actor, userID int64, id string) error {
	return s.end(ctx, by, userID, `token = $2`, id)
}

// EndAll signs a user out of all sessions, including half-finished ones, except
// the one whose ID is except.
func (s *SessionStore) EndAll(ctx context.Context, by audit.Actor, userID int64, except string) error {
	if _, err := s.db.Exec(ctx, `DELETE FROM sessions WHERE site_id = $site AND user_id = 0 AND pending = $1`, userID); err != nil {
		return fmt.Errorf("end sessions: %w", err)
	}
	return s.end(ctx, by, userID, `token <> $2`, except)
}

func (s *SessionStore) end(ctx context.Context, by audit.Actor, userID int64, which, id string) error {
	err := s.db.Update(ctx, func(tx *database.Tx) error {
		r, err := tx.Exec(ctx, `DELETE FROM sessions WHERE site_id = $site AND user_id = $1 AND `+which, userID, id)
		if err != nil {
			return err
		}
		n, err := r.RowsAffected()
		if err != nil || n == 0 {
			return err
		}
		return audit.Append(ctx, tx, audit.Event{
			Kind: SessionEnded, UserID: userID, By: by, At: s.now(),
			Detail: map[string]string{"sessions": fmt.Sprint(n)},
		})
	})
	if err != nil {
		return fmt.Errorf("end sessions: %w", err)
	}
	return nil
}
