package server

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/caddyserver/certmagic"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/database"
)

// vault stores certificates and their keys in the database, so that all servers
// of one database share them and only one fetches them. Values are sealed under
// the keyset of the applications: a copied database opens no key. It is a
// certmagic.Storage, whose names are paths with slashes.
type vault struct {
	db     *database.DB
	seal   *apps.Store
	holder string // identifies this process as the holder of locks
}

// A lock that is not renewed expires after lockLease: its holder has died. A
// waiting process checks it every lockPoll.
const (
	lockLease = 2 * time.Minute
	lockPoll  = 250 * time.Millisecond
)

var (
	_ certmagic.Storage          = (*vault)(nil)
	_ certmagic.TryLocker        = (*vault)(nil)
	_ certmagic.LockLeaseRenewer = (*vault)(nil)
)

func newVault(k *Keys) *vault { return &vault{db: k.DB, seal: k.Apps, holder: rand.Text()} }

// place returns the place for which the value of a name is sealed.
func place(name string) apps.Place {
	return apps.Place{Table: "certificates", Key: name, Column: "sealed"}
}

// valueMark precedes a value in base64, since a sealed value must be text and
// must not be empty.
const valueMark = "base64,"

// Store implements certmagic.Storage.
func (v *vault) Store(ctx context.Context, name string, value []byte) error {
	err := v.db.Update(ctx, func(tx *database.Tx) error {
		sealed, err := v.seal.Seal(ctx, tx, place(name), base64.StdEncoding.AppendEncode([]byte(valueMark), value))
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO certificates (name, sealed, size, modified) VALUES ($1, $2, $3, $4)
			ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed, size = excluded.size, modified = excluded.modified`,
			name, sealed, len(value), time.Now())
		return err
	})
	if err != nil {
		return fmt.Errorf("store %s: %w", name, err)
	}
	return nil
}

// Load implements certmagic.Storage. A value that cannot be opened, for example
// after a change of keyset, counts as missing: the certificate is fetched
// again.
func (v *vault) Load(ctx context.Context, name string) ([]byte, error) {
	var value []byte
	err := v.db.Get(ctx, &value, `SELECT sealed FROM certificates WHERE name = $1`, name)
	if err == nil {
		value, err = v.seal.Unseal(place(name), value)
	}
	if err == nil {
		value, err = base64.StdEncoding.DecodeString(strings.TrimPrefix(string(value), valueMark))
	}
	if errors.Is(err, database.ErrNoRows) || errors.Is(err, apps.ErrSealed) {
		err = fs.ErrNotExist
	}
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", name, err)
	}
	return value, nil
}

// Delete implements certmagic.Storage. A folder is deleted with everything
// below it.
func (v *vault) Delete(ctx context.Context, name string) error {
	if _, err := v.db.Exec(ctx, `DELETE FROM certificates WHERE name = $1 OR name LIKE $2 ESCAPE '\'`, name, below(name)); err != nil {
		return fmt.Errorf("delete %s: %w", name, err)
	}
	return nil
}

// Exists implements certmagic.Storage.
func (v *vault) Exists(ctx context.Context, name string) bool {
	_, err := v.Stat(ctx, name)
	return err == nil
}

// List implements certmagic.Storage.
func (v *vault) List(ctx context.Context, folder string, recursive bool) ([]string, error) {
	var all []string
	if err := v.db.Select(ctx, &all, `SELECT name FROM certificates WHERE name LIKE $1 ESCAPE '\' ORDER BY name`, below(folder)); err != nil {
		return nil, fmt.Errorf("list %s: %w", folder, err)
	}
	var out []string
	seen := make(map[string]bool)
	add := func(name string) {
		if !seen[name] {
			seen[name] = true
			out = append(out, name)
		}
	}
	start := 0
	if folder = strings.Trim(folder, "/"); folder != "" {
		start = len(folder) + 1
	}
	for _, name := range all {
		for i := start; i < len(name); i++ {
			if name[i] == '/' {
				add(name[:i])
				if !recursive {
					break
				}
			}
		}
		if recursive || !strings.Contains(name[start:], "/") {
			add(name)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("list %s: %w", folder, fs.ErrNotExist)
	}
	return out, nil
}

// Stat implements certmagic.Storage.
func (v *vault) Stat(ctx context.Context, name string) (certmagic.KeyInfo, error) {
	var rows []struct {
		Name     string    `db:"name"`
		Size     int64     `db:"size"`
		Modified time.Time `db:"modified"`
	}
	err := v.db.Select(ctx, &rows, `SELECT name, size, modified FROM certificates WHERE name = $1 OR name LIKE $2 ESCAPE '\' ORDER BY name LIMIT 1`,
		name, below(name))
	switch {
	case err != nil:
		return certmagic.KeyInfo{}, fmt.Errorf("look at %s: %w", name, err)
	case len(rows) == 0:
		return certmagic.KeyInfo{}, fmt.Errorf("look at %s: %w", name, fs.ErrNotExist)
	case rows[0].Name != name:
		return certmagic.KeyInfo{Key: name}, nil
	}
	return certmagic.KeyInfo{Key: name, Size: rows[0].Size, Modified: rows[0].Modified, IsTerminal: true}, nil
}

// below returns the pattern for the names in a folder.
func below(folder string) string {
	if folder = strings.Trim(folder, "/"); folder == "" {
		return "%"
	}
	return database.Like(folder+"/") + "%"
}

// TryLock implements certmagic.TryLocker.
func (v *vault) TryLock(ctx context.Context, name string) (bool, error) {
	now := time.Now()
	r, err := v.db.Exec(ctx, `INSERT INTO certificate_locks (name, holder, expires) VALUES ($1, $2, $3)
		ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires = excluded.expires WHERE certificate_locks.expires < $4`,
		name, v.holder, now.Add(lockLease), now)
	if err != nil {
		return false, fmt.Errorf("lock %s: %w", name, err)
	}
	n, err := r.RowsAffected()
	return n == 1, err
}

// Lock implements certmagic.Locker.
func (v *vault) Lock(ctx context.Context, name string) error {
	tick := time.NewTicker(lockPoll)
	defer tick.Stop()
	for {
		if ok, err := v.TryLock(ctx, name); ok || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("lock %s: %w", name, ctx.Err())
		}
	}
}

// Unlock implements certmagic.Locker.
func (v *vault) Unlock(ctx context.Context, name string) error {
	if _, err := v.db.Exec(ctx, `DELETE FROM certificate_locks WHERE name = $1 AND holder = $2`, name, v.holder); err != nil {
		return fmt.Errorf("unlock %s: %w", name, err)
	}
	return nil
}

// leave releases all locks of this process, when it stops.
func (v *vault) leave(ctx context.Context) error {
	if _, err := v.db.Exec(ctx, `DELETE FROM certificate_locks WHERE holder = $1`, v.holder); err != nil {
		return fmt.Errorf("give back the locks of certificates: %w", err)
	}
	return nil
}

// RenewLockLease implements certmagic.LockLeaseRenewer.
func (v *vault) RenewLockLease(ctx context.Context, name string, lease time.Duration) error {
	_, err := v.db.Exec(ctx, `UPDATE certificate_locks SET expires = $3 WHERE name = $1 AND holder = $2`,
		name, v.holder, time.Now().Add(max(lease, lockLease)))
	if err != nil {
		return fmt.Errorf("renew the lock of %s: %w", name, err)
	}
	return nil
}
