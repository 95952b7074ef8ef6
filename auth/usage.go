package auth

import (
	"cmp"
	"context"
	"maps"
	"net/netip"
	"slices"
	"strings"
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
	usageBatch = 100              // how many are in one transaction, for which all other writers may have to wait
)

// usage collects the uses of tokens and passwords, off the request path.
type usage struct {
	mu      sync.Mutex
	tokens  map[string]apps.Use // by the ID of the token
	written map[string]time.Time
	clients map[clientKey]PasswordClient

	start, stop sync.Once
	done        chan struct{}
	idle        sync.WaitGroup
}

type clientKey struct {
	userID int64
	agent  string
}

func (k clientKey) compare(other clientKey) int {
	return cmp.Or(cmp.Compare(k.userID, other.userID), cmp.Compare(k.agent, other.agent))
}

// used notes that a token was used. It is written down within 20 seconds, and
// for one token at most once a minute.
func (u *Users) used(id string, use apps.Use) {
	u.usage.mu.Lock()
	defer u.usage.mu.Unlock()
	if u.usage.tokens == nil {
		u.usage.tokens, u.usage.written = make(map[string]apps.Use), make(map[string]time.Time)
	}
	if last, ok := u.usage.tokens[id]; ok && use.Method == "" {
		use.Method = last.Method
	}
	u.usage.tokens[id] = use
	u.startWriting()
}

// Called adds to the use of a token that was noted last what the program has
// called, which is known only once the request was parsed. Without such a use
// it does nothing. The name has to be one of the table.
func (u *Users) Called(id, method string) {
	u.usage.mu.Lock()
	defer u.usage.mu.Unlock()
	if use, ok := u.usage.tokens[id]; ok {
		use.Method = method
		u.usage.tokens[id] = use
	}
}

// passwordSent notes that a program has sent the right password of an account.
func (u *Users) passwordSent(userID int64, addr netip.Addr, agent string, taken bool) {
	agent = strings.ToValidUTF8(agent[:min(len(agent), 200)], "")
	agent = strings.ReplaceAll(agent, "\x00", "")
	now := u.now()
	u.usage.mu.Lock()
	defer u.usage.mu.Unlock()
	key := clientKey{userID, agent}
	c, ok := u.usage.clients[key]
	if !ok {
		if len(u.usage.clients) >= usageSize {
			return
		}
		c = PasswordClient{Agent: agent, First: now}
	}
	c.Addr, c.Last = addr, now
	if taken {
		c.Taken++
	} else {
		c.Refused++
	}
	if u.usage.clients == nil {
		u.usage.clients = make(map[clientKey]PasswordClient)
	}
	u.usage.clients[key] = c
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
	ticker := time.NewTicker(usageEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			u.flushUsage(false)
		case <-u.usage.done:
			u.flushUsage(true)
			return
		}
	}
}

// due takes out what is to be written now; all of it at the end.
func (s *usage) due(all bool) (map[string]apps.Use, map[clientKey]PasswordClient) {
	s.mu.Lock()
	defer s.mu.Unlock()
	tokens := make(map[string]apps.Use)
	for id, use := range s.tokens {
		if all || use.At.Sub(s.written[id]) >= usageStep {
			tokens[id], s.written[id] = use, use.At
			delete(s.tokens, id)
		}
	}
	if len(s.written) > usageSize {
		clear(s.written)
	}
	clients := s.clients
	s.clients = nil
	return tokens, clients
}

func (u *Users) flushUsage(all bool) {
	tokens, clients := u.usage.due(all)
	if len(tokens) == 0 && len(clients) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), usageEvery)
	defer cancel()
	writes := make([]func(tx *database.Tx) error, 0, len(clients)+len(tokens))
	// In one order in all processes, or two of them could wait for each other.
	for _, key := range slices.SortedFunc(maps.Keys(clients), clientKey.compare) {
		writes = append(writes, func(tx *database.Tx) error { return writeClient(ctx, tx, key.userID, clients[key]) })
	}
	for _, id := range slices.Sorted(maps.Keys(tokens)) {
		writes = append(writes, func(tx *database.Tx) error { return u.writeTokenUse(ctx, tx, id, tokens[id]) })
	}
	for batch := range slices.Chunk(writes, usageBatch) {
		err := u.db.Update(ctx, func(tx *database.Tx) error {
			for _, write := range batch {
				if err := write(tx); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			u.logger.Warn("last uses of tokens and passwords were not written", "error", err, "tokens", len(tokens), "programs", len(clients))
			return
		}
	}
}

func (u *Users) writeTokenUse(ctx context.Context, tx *database.Tx, id string, use apps.Use) error {
	r, err := getToken(ctx, tx, id)
	if err != nil || r.LastUsed.Valid && !r.LastUsed.Time.Before(use.At) {
		return ignore(err, ErrNoToken)
	}
	_, err = tx.Exec(ctx, `UPDATE application_passwords SET last_used = $2, last_address = $3, last_agent = $4, last_method = $5 WHERE id = $1`,
		r.Row, use.At, addrText(use.Addr), use.Agent, use.Method)
	if err != nil || r.LastUsed.Valid {
		return err
	}
	t := Token{ID: r.ID, UserID: r.UserID, Kind: TokenKind(r.Kind), Name: r.Name}
	by := audit.Actor{UserID: r.UserID, Via: t.identity(User{}).Via.String(), App: r.ID, Addr: use.Addr, Agent: use.Agent}
	return audit.Append(ctx, tx, tokenEvent(TokenFirstUsed, by, t, use.At))
}

func writeClient(ctx context.Context, tx *database.Tx, userID int64, c PasswordClient) error {
	_, err := tx.Exec(ctx, `INSERT INTO password_clients (user_id, agent, address, first, last, taken, refused) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (user_id, agent) DO UPDATE SET address = excluded.address, last = excluded.last,
			taken = password_clients.taken + excluded.taken, refused = password_clients.refused + excluded.refused`,
		userID, c.Agent, addrText(c.Addr), c.First, c.Last, c.Taken, c.Refused)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `DELETE FROM password_clients WHERE user_id = $1 AND agent NOT IN
		(SELECT agent FROM password_clients WHERE user_id = $1 ORDER BY last DESC, agent LIMIT $2)`, userID, maxPasswordClients)
	return err
}

func addrText(addr netip.Addr) string {
	if !addr.IsValid() {
		return ""
	}
	return addr.String()
}
