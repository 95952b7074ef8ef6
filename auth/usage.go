package auth

import (
	"cmp"
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/quillgate/quillgate/database"
)

const (
	usageEvery = 20 * time.Second // how often uses are written
	usageSize  = 4096             // waiting entries
)

// usage collects the uses of account passwords, outside of requests.
type usage struct {
	clients *database.Batch[clientKey, PasswordClient]

	start, stop sync.Once
	done        chan struct{}
	idle        sync.WaitGroup
}

// prepareUsage creates the batch.
func (u *Users) prepareUsage() {
	u.usage.done = make(chan struct{})
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

// passwordSent records that a client has sent the right password of an account.
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

// startWriting starts the goroutine that writes; Close ends it.
func (u *Users) startWriting() {
	u.usage.start.Do(func() { u.usage.idle.Go(u.writeUsage) })
}

// Close writes the last uses of passwords and waits until that is done. Nothing
// may be verified any more.
func (u *Users) Close() error {
	u.usage.stop.Do(func() { close(u.usage.done) })
	u.usage.idle.Wait()
	return nil
}

func (u *Users) writeUsage() {
	u.usage.clients.Run(u.usage.done, usageEvery, u.now, func(err error) {
		u.logger.Warn("last uses of passwords were not written yet", "error", err)
	})
}

func writeClient(ctx context.Context, tx *database.Tx, key clientKey, c PasswordClient) error {
	tx = tx.Of(key.user.site)
	err := tx.Later(ctx, `INSERT INTO password_clients (site_id, user_id, agent, address, first, last, taken, refused) VALUES ($site, $1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (user_id, agent) DO UPDATE SET address = excluded.address, last = excluded.last,
			taken = password_clients.taken + excluded.taken, refused = password_clients.refused + excluded.refused`,
		key.user.key, c.Agent, addrText(c.Addr), c.First, c.Last, c.Taken, c.Refused)
	if err != nil {
		return err
	}
	err = tx.Later(ctx, `DELETE FROM password_clients WHERE site_id = $site AND user_id = $1 AND agent NOT IN
		(SELECT agent FROM password_clients WHERE site_id = $site AND user_id = $1 ORDER BY last DESC, agent LIMIT $2)`, key.user.key, maxPasswordClients)
	return err
}

func addrText(addr netip.Addr) string {
	if !addr.IsValid() {
		return ""
	}
	return addr.String()
}
