package apps_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
)

func rotate(t *testing.T, s *apps.Store) apps.SealReport {
	t.Helper()
	report, err := s.RotateKeyset(t.Context(), audit.Operator, nil)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// K5: a rotation while two other processes look up and create keys. Nothing
// fails, and afterwards no row needs the old key.
func TestK5RotationUnderLoad(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, url string) {
		file, ctx := keyset(t), t.Context()
		command := open(t, databasetest.Open(t, url), file, newClock())
		db := databasetest.Open(t, url)
		addUsers(t, db)
		var servers []*apps.Store
		var clocks []*databasetest.Clock
		secrets := map[string]string{}
		for range 2 {
			c := newClock()
			clocks = append(clocks, c)
			servers = append(servers, open(t, databasetest.Open(t, url), file, c))
		}
		for range 40 {
			app, secret := create(t, servers[0], 1)
			secrets[app.Public] = secret.Reveal()
		}
		var made sync.Map
		var stop atomic.Bool
		var all sync.WaitGroup
		for i, s := range servers {
			all.Go(func() {
				for !stop.Load() {
					for public, want := range secrets {
						clocks[i].Add(2 * time.Second) // cached lookups are older than this
						got, _, err := s.Lookup(ctx, public)
						if err != nil || got.Reveal() != want {
							t.Errorf("%s cannot be opened during the rotation: %v", public, err)
						}
						if stop.Load() {
							return
						}
					}
				}
			})
			all.Go(func() {
				for range 5 {
					app, secret, err := s.Create(ctx, audit.Operator, apps.New{UserID: 2, Name: "made meanwhile"})
					if err != nil {
						t.Error(err)
						return
					}
					made.Store(app.Public, secret.Reveal())
				}
			})
		}
		first, err := command.RotateKeyset(ctx, audit.Operator, nil)
		stop.Store(true)
		all.Wait()
		if err != nil {
			t.Fatal(err)
		}
		if len(first.Keys) != 2 || first.Keys[1] != first.Primary || first.Broken+first.Clear > 0 {
			t.Errorf("after the rotation: %+v", first)
		}
		dropped, err := command.DropOldKeys(ctx, audit.Operator)
		if err != nil || len(dropped) != 1 || dropped[0] != first.Keys[0] {
			t.Errorf("dropped %v, %v; want %d", dropped, err, first.Keys[0])
		}
		made.Range(func(public, secret any) bool {
			secrets[public.(string)] = secret.(string)
			return true
		})
		// A process that starts now has only the new key.
		fresh := open(t, databasetest.Open(t, url), file, newClock())
		for public, want := range secrets {
			if got, _, err := fresh.Lookup(ctx, public); err != nil || got.Reveal() != want {
				t.Errorf("%s cannot be opened once the old key is gone: %v", public, err)
			}
		}
		report, err := fresh.VerifySealed(ctx, nil)
		if err != nil || report.Broken != 0 || report.Under[report.Primary] != int64(len(secrets))+2 || len(report.Under) != 1 {
			t.Errorf("%+v, %v; want %d secrets, the key of the trail and the check row under one key", report, err, len(secrets))
		}
	})
}

// K5: the old key stays as long as a value needs it, and the earlier keyset
// opens the values in a backup.
func TestK5OldKeyIsDroppedLast(t *testing.T) {
	each(t, func(t *testing.T, s *apps.Store, db *database.DB, c *databasetest.Clock) {
		ctx := t.Context()
		app, _ := create(t, s, 1)
		var before []byte
		if err := db.Get(ctx, &before, `SELECT secret FROM apps WHERE public = $1`, app.Public); err != nil {
			t.Fatal(err)
		}
		rotate(t, s)
		place := apps.Place{Table: "apps", User: 1, Key: app.Public, Column: "secret"}
		if _, err := s.Unseal(place, before); err != nil {
			t.Errorf("a value from before cannot be opened while its key is in the file: %v", err)
		}
		// As after restoring a backup.
		if _, err := db.Exec(ctx, `UPDATE apps SET secret = $2 WHERE public = $1`, app.Public, before); err != nil {
			t.Fatal(err)
		}
		if _, err := s.DropOldKeys(ctx, audit.Operator); err == nil || !strings.Contains(err.Error(), "still needed") {
			t.Errorf("the old key is dropped while a row needs it: %v", err)
		}
		// It finishes without another key.
		if report := rotate(t, s); len(report.Keys) != 2 {
			t.Errorf("%d keys after the rotation was finished, want 2", len(report.Keys))
		}
		if _, err := s.DropOldKeys(ctx, audit.Operator); err != nil {
			t.Error(err)
		}
		if _, err := s.Unseal(place, before); !errors.Is(err, apps.ErrSealed) {
			t.Errorf("a value from before opens after its key was dropped: %v", err)
		}
	})
}

func TestK5PreparedKeyIsNext(t *testing.T) {
	each(t, func(t *testing.T, s *apps.Store, _ *database.DB, _ *databasetest.Clock) {
		prepared, err := s.PrepareKey()
		if err != nil {
			t.Fatal(err)
		}
		if report, err := s.VerifySealed(t.Context(), nil); err != nil || report.Primary == prepared || len(report.Keys) != 2 {
			t.Errorf("%+v, %v: a prepared key does not seal", report, err)
		}
		if report := rotate(t, s); report.Primary != prepared || len(report.Keys) != 2 {
			t.Errorf("the rotation uses %d of %v, want the prepared %d", report.Primary, report.Keys, prepared)
		}
	})
}

// K5: two commands cannot change the file at the same time, and the file keeps
// its mode.
func TestK5OneRotationAtATime(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, url string) {
		file := keyset(t)
		first := open(t, databasetest.Open(t, url), file, newClock())
		second := open(t, databasetest.Open(t, url), file, newClock())
		var all sync.WaitGroup
		var ok, busy atomic.Int64
		for _, s := range []*apps.Store{first, second} {
			all.Go(func() {
				switch _, err := s.RotateKeyset(context.Background(), audit.Operator, nil); {
				case err == nil:
					ok.Add(1)
				case errors.Is(err, apps.ErrKeysetBusy):
					busy.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		all.Wait()
		report, err := first.VerifySealed(t.Context(), nil)
		if err != nil || int64(len(report.Keys)) != 1+ok.Load() || ok.Load() == 0 {
			t.Errorf("%d rotations, %d refused, %d keys, %v", ok.Load(), busy.Load(), len(report.Keys), err)
		}
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the file has mode %v, %v", info.Mode(), err)
		}
		left, err := filepath.Glob(filepath.Join(filepath.Dir(file), ".keyset-*"))
		if err != nil || len(left) > 0 {
			t.Errorf("%v were left, %v", left, err)
		}
	})
}

// K5, H14: a damaged row disables its key, is reported with its public key, and
// blocks nothing.
func TestH14DamagedRow(t *testing.T) {
	each(t, func(t *testing.T, s *apps.Store, db *database.DB, _ *databasetest.Clock) {
		ctx := t.Context()
		bad, secret := create(t, s, 1)
		good, _ := create(t, s, 1)
		var sealed []byte
		if err := db.Get(ctx, &sealed, `SELECT secret FROM apps WHERE public = $1`, bad.Public); err != nil {
			t.Fatal(err)
		}
		sealed[len(sealed)-1] ^= 1
		if _, err := db.Exec(ctx, `UPDATE apps SET secret = $2 WHERE public = $1`, bad.Public, sealed); err != nil {
			t.Fatal(err)
		}
		report := rotate(t, s)
		if report.Broken != 1 || len(report.Damaged) != 1 || report.Damaged[0].Key != bad.Public {
			t.Errorf("%+v, want the damaged key %s", report, bad.Public)
		}
		if strings.Contains(fmt.Sprintf("%+v", report), secret.Reveal()) {
			t.Error("the report holds a secret")
		}
		if _, _, err := s.Lookup(ctx, bad.Public); !errors.Is(err, apps.ErrSealed) {
			t.Errorf("the damaged key: %v, want ErrSealed", err)
		}
		if _, _, err := s.Lookup(ctx, good.Public); err != nil {
			t.Errorf("another key: %v", err)
		}
		if _, err := s.DropOldKeys(ctx, audit.Operator); err != nil {
			t.Error(err)
		}
	})
}

// K4: secrets stored while sealing was off are sealed, every key works before,
// during and after, and an unencrypted value is invalid once sealing is on.
func TestK4SealsWhatWasInTheClear(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, url string) {
		ctx, file, db := t.Context(), filepath.Join(databasetest.Folder(t), "keyset"), databasetest.Open(t, url)
		addUsers(t, db)
		off, err := apps.Open(ctx, apps.Config{DB: db, KeysetFile: file, Unsealed: true, Clock: newClock().Now})
		if err != nil {
			t.Fatal(err)
		}
		defer off.Close()
		app, secret := create(t, off, 1)
		named, err := off.NamedKey(ctx, "tokens")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("there is a keyset file while sealing is off: %v", err)
		}
		on := apps.Config{DB: db, KeysetFile: file, CreateKeyset: true, Clock: newClock().Now}
		if _, err := apps.Open(ctx, on); !errors.Is(err, apps.ErrUnsealed) {
			t.Errorf("opens a database with unencrypted secrets: %v", err)
		}
		begun, err := apps.BeginSealing(file)
		if err != nil || !begun {
			t.Fatal(begun, err)
		}
		if _, _, err := off.Create(ctx, audit.Operator, apps.New{UserID: 1, Name: "late"}); !errors.Is(err, apps.ErrSealingBegun) {
			t.Errorf("an unencrypted key is created while secrets are sealed: %v", err)
		}
		s, err := apps.Open(ctx, on)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if got, _, err := s.Lookup(ctx, app.Public); err != nil || got.Reveal() != secret.Reveal() {
			t.Errorf("the key does not work while secrets are sealed: %v", err)
		}
		report, _, err := s.SealClear(ctx, audit.Operator, nil)
		if err != nil || report.Clear+report.Broken > 0 || report.Under[report.Primary] != 4 {
			t.Fatalf("%+v, %v; want a key, two named keys and the check row sealed", report, err)
		}
		again := open(t, databasetest.Open(t, url), file, newClock())
		for name, store := range map[string]*apps.Store{"begun off": off, "begun before": s, "new": again} {
			store.Rename(ctx, audit.Operator, 1, app.Public, "drop what is kept")
			if got, _, err := store.Lookup(ctx, app.Public); err != nil || got.Reveal() != secret.Reveal() {
				t.Errorf("the process that was %s: %v", name, err)
			}
		}
		if got, err := again.NamedKey(ctx, "tokens"); err != nil || !bytes.Equal(got, named) {
			t.Errorf("the named key is another: %v", err)
		}
		// Planted by someone who can write to the database.
		if _, err := db.Exec(ctx, `UPDATE apps SET secret = $2 WHERE public = $1`, app.Public, []byte("planted-secret-0123456789")); err != nil {
			t.Fatal(err)
		}
		again.Rename(ctx, audit.Operator, 1, app.Public, "drop what is kept")
		if got, _, err := again.Lookup(ctx, app.Public); !errors.Is(err, apps.ErrSealed) || !got.IsEmpty() {
			t.Errorf("a planted secret opens: %v", err)
		}
		if _, err := apps.Open(ctx, apps.Config{DB: db, KeysetFile: file, Unsealed: true}); !errors.Is(err, apps.ErrSealingBegun) {
			t.Errorf("sealing can be switched off for a sealed database: %v", err)
		}
	})
}

// K3: a systemd credential may be readable by a group, because its folder is
// not.
func TestK3Credential(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		file := keyset(t)
		if err := os.Chmod(file, 0o440); err != nil {
			t.Fatal(err)
		}
		if _, err := apps.Open(t.Context(), apps.Config{DB: db, KeysetFile: file}); err == nil {
			t.Error("a file that a group can read opens")
		}
		t.Setenv("CREDENTIALS_DIRECTORY", filepath.Dir(file))
		open(t, db, file, newClock())
	})
}

// K3: a missing keyset is created for a database that was never used with one,
// and for no other.
func TestK3MissingKeyset(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		config := apps.Config{DB: db, KeysetFile: filepath.Join(databasetest.Folder(t), "keyset"), CreateKeyset: true}
		s, err := apps.Open(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
		if err := os.Remove(config.KeysetFile); err != nil {
			t.Fatal(err)
		}
		if _, err := apps.Open(t.Context(), config); err == nil || !strings.Contains(err.Error(), "is missing") {
			t.Errorf("Open without the keyset of the database: %v", err)
		}
		if _, err := os.Stat(config.KeysetFile); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("another keyset was made: %v", err)
		}
	})
}
