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

// SessionEnded is written into the audit trail when someone signs out.
const SessionEnded audit.Kind = "session.ended"

// The values of a session that the store knows. A session that is new to the
// store has SessionNew; without it a commit changes what is there and brings
// nothing back that was ended meanwhile.
const (
	SessionNew     = "new"     // bool
	SessionUser    = "user"    // int64: who is signed in
	SessionPending = "pending" // int64: whose password was right, while the second factor is missing
	SessionAddr    = "addr"    // string
	SessionAgent   = "agent"   // string
)

// Session is a browser in which someone is signed in.
type Session struct {
	ID      string // tells sessions apart; no one can get in with it
	UserID  int64
	Created time.Time
	Seen    time.Time // when it was last used
	Expires time.Time
	Addr    netip.Addr
	Agent   string
}

// Sessions in which someone has shown a password and not yet the second factor:
// so many of one account from one network, and of one account. Beyond that the
// oldest ends. No one begins one without a right password.
const (
	halfwayNetwork = 20
	halfwayAccount = 1000
)

// SessionStore keeps the sessions of browsers in the database. It is a store
// of github.com/alexedwards/scs/v2, to be used with HashTokenInStore: a copy
// of the database opens no session. It is safe for concurrent use.
type SessionStore struct {
	db    *database.DB
	clock func() time.Time
}

var _ scs.CtxStore = (*SessionStore)(nil)

// NewSessionStore returns the sessions in a database. The clock is time.Now
// when nil.
func NewSessionStore(db *database.DB, clock func() time.Time) *SessionStore {
	if clock == nil {
		clock = time.Now
	}
	return &SessionStore{db: db, clock: clock}
}

func (s *SessionStore) now() time.Time { return s.clock().UTC().Truncate(time.Microsecond) }

// SessionID is the ID of the session that a token belongs to.
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

// CommitCtx writes a session down. One that is not new and not there any more
// stays away: someone has ended it. A session of no one, in which not even a
// password was right, is not kept: strangers could fill the table with them.
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
	// The library reads the clock of the system.
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
	// Of an account there are few halfway sessions: who counts them must be alone with it.
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

// makeRoom ends the oldest halfway sessions of an account, where there are as
// many as there may be.
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

// Find, Commit and Delete are what the Ctx forms are, without a deadline.
func (s *SessionStore) Find(id string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), id)
}

// Commit is CommitCtx.
func (s *SessionStore) Commit(id string, data []byte, expires time.Time) error {
	return s.CommitCtx(context.Background(), id, data, expires)
}

// Delete is DeleteCtx.
func (s *SessionStore) Delete(id string) error { return s.DeleteCtx(context.Background(), id) }

// List returns the sessions in which a user is signed in, the one that was
// used last first.
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

// End signs a user out of one session. One that is not there, or not the
// user's, is none to end and no error.
func (s *SessionStore) End(ctx context.Context, by audit.Actor, userID int64, id string) error {
	return s.end(ctx, by, userID, `token = $2`, id)
}

// EndAll signs a user out of all sessions but one, halfway ones too; except is
// its ID, or empty.
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
