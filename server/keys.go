package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/methods"
)

// The files of a data folder. With PostgreSQL the first is not there.
const (
	databaseFile  = "quillgate.db"
	keysetFile    = "keyset"
	uploadsFolder = "uploads"
	spoolFolder   = "spool"
)

// KeysConfig says where users and credentials are kept.
type KeysConfig struct {
	Folder   string // data folder; made with mode 0700 when it is not there
	Database string // URL of a PostgreSQL database; empty: a SQLite file in Folder
	// UnusedKeys is after how long without use a key is refused; never when it is 0.
	UnusedKeys time.Duration
	// Keyset is the file with the master key; empty: one in Folder. It is made for a database that has seen none.
	Keyset   string
	Unsealed bool             // secrets are stored unencrypted, without a keyset
	Logger   *slog.Logger     // discards when nil
	Clock    func() time.Time // time.Now when nil
	Hash     auth.HashCost    // of new passwords; auth.DefaultHashCost when zero
}

// Keys is everything that says who may call, opened: the database, the
// credentials of applications and the users. A blog has more next to it; a
// gateway has its blogs elsewhere. Several processes may have the same open.
type Keys struct {
	Folder string
	DB     *database.DB
	Apps   *apps.Store
	Users  *auth.Users

	close []func() error
	cut   *time.Timer
}

// OpenKeys opens the database, the credentials and the users, and makes what is missing: the folder, the database with
// its schema and the master key. It makes no user; see FirstAdministrator.
func OpenKeys(ctx context.Context, cfg KeysConfig) (_ *Keys, err error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(cfg.Folder, 0o700); err != nil {
		return nil, fmt.Errorf("create the data folder: %w", err)
	}
	k := &Keys{Folder: cfg.Folder}
	defer func() {
		if err != nil {
			k.Close()
		}
	}()
	url := cfg.Database
	if url == "" {
		url = filepath.Join(cfg.Folder, databaseFile)
	}
	if k.DB, err = database.Open(ctx, database.Config{URL: url}); err != nil {
		return nil, err
	}
	k.close = append(k.close, k.DB.Close)
	keyset := cfg.Keyset
	if keyset == "" {
		keyset = filepath.Join(cfg.Folder, keysetFile)
	}
	k.Apps, err = apps.Open(ctx, apps.Config{
		DB: k.DB, UnusedAfter: cfg.UnusedKeys, Methods: methods.Names(), KeysetFile: keyset,
		CreateKeyset: true, Unsealed: cfg.Unsealed, Clock: cfg.Clock, Logger: cfg.Logger,
	})
	if err != nil {
		return nil, err
	}
	k.close = append(k.close, k.Apps.Close)
	k.Users = auth.NewUsers(auth.UsersConfig{DB: k.DB, Apps: k.Apps, Clock: cfg.Clock, Logger: cfg.Logger, Hash: cfg.Hash})
	k.close = append(k.close, k.Users.Close)
	return k, nil
}

// cutAfter breaks all connections to the database after some time, unless Close has ended before.
func (k *Keys) cutAfter(d time.Duration) {
	if k.cut == nil {
		k.cut = time.AfterFunc(d, k.DB.Cut)
	}
}

// Close closes what OpenKeys has opened, in the opposite order.
func (k *Keys) Close() error {
	var errs []error
	if k.cut != nil {
		defer k.cut.Stop()
	}
	for i := len(k.close) - 1; i >= 0; i-- {
		errs = append(errs, k.close[i]())
	}
	k.close = nil
	return errors.Join(errs...)
}

// FirstAdministrator makes the user admin with a random password when there are no users, and returns the
// password, which is kept nowhere else. It returns "" when there are users.
func (k *Keys) FirstAdministrator(ctx context.Context) (password string, err error) {
	n, err := k.Users.Count(ctx, auth.Filter{})
	if err != nil || n > 0 {
		return "", err
	}
	password = rand.Text()
	if _, err := k.Users.Create(ctx, audit.Operator, auth.NewUser{Login: "admin", Password: password, Role: auth.Administrator}); err != nil {
		return "", fmt.Errorf("make the first administrator: %w", err)
	}
	return password, nil
}
