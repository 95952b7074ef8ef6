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

// The files in a data folder. With PostgreSQL the first does not exist.
const (
	databaseFile  = "quillgate.db"
	keysetFile    = "keyset"
	uploadsFolder = "uploads"
	spoolFolder   = "spool"
)

// KeysConfig configures Keys.
type KeysConfig struct {
	Folder   string // data folder; created with mode 0700 if necessary
	Database string // URL of a PostgreSQL database; default: a SQLite file in Folder
	// UnusedKeys is the time without use after which a key is refused; 0 means
	// never.
	UnusedKeys time.Duration
	// Keyset is the file with the master key. The default is one in Folder. It
	// is created for a database that was never used with one.
	Keyset   string
	Unsealed bool             // store secrets unencrypted, without a keyset
	Logger   *slog.Logger     // default: discards
	Clock    func() time.Time // default time.Now
	Hash     auth.HashCost    // of new passwords; default auth.DefaultHashCost
}

// Keys is everything that decides who may call: the open database, the
// credentials of applications and the users. A blog adds its content; a gateway
// has its blogs elsewhere. Several processes can open the same Keys.
type Keys struct {
	Folder string
	DB     *database.DB
	Apps   *apps.Store
	Users  *auth.Users

	close []func() error
	cut   *time.Timer
}

// OpenKeys opens the database, the credentials and the users, and creates what
// is missing: the folder, the database with its schema and the master key. It
// creates no user; see FirstAdministrator.
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

// cutAfter breaks all connections to the database after d, unless Close has
// finished before.
func (k *Keys) cutAfter(d time.Duration) {
	if k.cut == nil {
		k.cut = time.AfterFunc(d, k.DB.Cut)
	}
}

// Close closes what OpenKeys has opened, in reverse order.
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

// FirstAdministrator creates the user admin with a random password if there are
// no users. It returns the password, which is not stored, or "" if there are
// users.
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
