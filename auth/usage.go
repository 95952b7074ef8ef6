package auth

import (
	"cmp"
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/database"
)

const (
	usageEvery = 20 * time.Second // how often what was used is written
	usageStep  = time.Minute      // how far apart two uses of one token are
	usageSize  = 4096             // entries that wait
)

// usage collects the uses of tokens and passwords, off the request path.
type usage struct {
	tokens  *database.Batch[placed[string], apps.Use] // by the ID of the token
	clients *database.Batch[clientKey, PasswordClient]

	start, stop sync.Once
	done        chan struct{}
	idle        sync.WaitGroup
}

// prepareUsage makes the batches.
func (u *Users) prepareUsage() {
	u.usage.done = make(chan struct{})
	u.usage.tokens = database.NewBatch(database.BatchConfig[placed[string], apps.Use]{
		DB: u.db, Compare: placed[string].compare, Step: usageStep, Size: usageSize, Write: u.writeTokenUse,
		Merge: func(older, newer apps.Use) apps.Use {
			if newer.Method == "" {
				newer.Method = older.Method
			}
			return newer
		},
		Ready: func(use apps.Use, written time.Time) bool { return use.At.Sub(written) >= usageStep },
	})
	u.usage.clients = database.NewBatch(database.BatchConfig[clientKey, PasswordClient]{
		DB: u.db, Compare: clientKey.compare, Size: usageSize, Write: writeClient,
		Merge: func(older, newer PasswordClient) PasswordClient {
			newer.First = older.First
			newer.Taken += older.Taken
			newer.Refused += older.Refused
			return newer
		},
	})
}

type clientKey struct {
	user  placed[int64]
	agent string
}

func (k clientKey) compare(other clientKey) int {
	return cmp.Or(k.user.compare(other.user), cmp.Compare(k.agent, other.agent))
}

// used notes that a token was used. It is written down within 20 seconds, and
// for one token at most once a minute.
func (u *Users) used(id string, use apps.Use) {
	u.usage.tokens.Add(at(u, id), use)
	u.startWriting()
}

// Called adds to the use of a token that was noted last what the program has
// called, which is known only once the request was parsed. Without such a use
// it does nothing. The name must be one of the table.
func (u *Users) Called(id, method string) {
	u.usage.tokens.Change(at(u, id), func(use apps.Use) apps.Use {
		use.Method = method
		return use
	})
}

// passwordSent notes that a program has sent the right password of an account.
func (u *Users) passwordSent(userID int64, addr netip.Addr, agent string, taken bool) {
	now := u.now()
	c := PasswordClient{Agent: agent, Addr: addr, First: now, Last: now}
	if taken {
		c.Taken = 1
	} else {
		c.Refused = 1
	}
	u.usage.clients.Add(clientKey{at(u, userID), agent}, c)
	u.startWriting()
}

// startWriting begins the goroutine that writes; Close ends it.
func (u *Users) startWriting() {
	u.usage.start.Do(func() { u.usage.idle.Go(u.writeUsage) })
}

// Close writes down the last uses of tokens and passwords and waits for that
// to end. Nothing may be verified any more.
func (u *Users) Close() error {
	u.usage.stop.Do(func() { close(u.usage.done) })
	u.usage.idle.Wait()
	return nil
}

func (u *Users) writeUsage() {
	warn := func(err error) { u.logger.Warn("last uses of tokens and passwords were not written yet", "error", err) }
	var both sync.WaitGroup
	both.Go(func() { u.usage.tokens.Run(u.usage.done, usageEvery, u.now, warn) })
	both.Go(func() { u.usage.clients.Run(u.usage.done, usageEvery, u.now, warn) })
	both.Wait()
}

func (u *Users) writeTokenUse(ctx context.Context, tx *database.Tx, token placed[string], use apps.Use) error {
	tx = tx.Of(token.site)
	r, err := getToken(ctx, tx, token.key)
	if err != nil || r.LastUsed.Valid && !r.LastUsed.Time.Before(use.At) {
		return ignore(err, ErrNoToken)
	}
	_, err = tx.Exec(ctx, `UPDATE application_passwords SET last_used = $2, last_address = $3, last_agent = $4, last_method = $5 WHERE site_id = $site AND id = $1`,
		r.Row, use.At, addrText(use.Addr), use.Agent, use.Method)
	if err != nil || r.LastUsed.Valid {
		return err
	}
	t := Token{ID: r.ID, UserID: r.UserID, Kind: TokenKind(r.Kind), Name: r.Name}
	by := audit.Actor{UserID: r.UserID, Via: t.identity(User{}).Via.String(), App: r.ID, Addr: use.Addr, Agent: use.Agent}
	return audit.Append(ctx, tx, tokenEvent(TokenFirstUsed, by, t, use.At))
}

func writeClient(ctx context.Context, tx *database.Tx, key clientKey, c PasswordClient) error {
	tx = tx.Of(key.user.site)
	_, err := tx.Exec(ctx, `INSERT INTO password_clients (site_id, user_id, agent, address, first, last, taken, refused) VALUES ($site, $1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (user_id, agent) DO UPDATE SET address = excluded.address, last = excluded.last,
			taken = password_clients.taken + excluded.taken, refused = password_clients.refused + excluded.refused`,
		key.user.key, c.Agent, addrText(c.Addr), c.First, c.Last, c.Taken, c.Refused)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `DELETE FROM password_clients WHERE site_id = $site AND user_id = $1 AND agent NOT IN
		(SELECT agent FROM password_clients WHERE site_id = $site AND user_id = $1 ORDER BY last DESC, agent LIMIT $2)`, key.user.key, maxPasswordClients)
	return err
}

func addrText(addr netip.Addr) string {
	if !addr.IsValid() {
		return ""
	}
	return addr.String()
}
