package apps

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/database"
)

// Kinds of audit events about the master key.
const (
	KeysetRotated audit.Kind = "keyset.rotated"
	KeysetDropped audit.Kind = "keyset.dropped"
	KeysetSealed  audit.Kind = "keyset.sealed"
)

// ErrKeysetBusy means that another command is changing the keyset.
var ErrKeysetBusy = errors.New("another command is changing the keyset: wait until it has finished")

// lock prevents other commands on this machine from changing the keyset.
func (k *keyring) lock() (unlock func() error, err error) {
	if k.off {
		return nil, errors.New("sealing is off, so there is no keyset to change")
	}
	path := k.path + ".lock"
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the keyset: %w: change the keyset on the machine that holds it, as the user that owns it", err)
	}
	ok, err := lockAlone(f)
	if err == nil && !ok {
		err = ErrKeysetBusy
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f.Close, errors.Join(giveToOwnerOf(f, k.path))
}

// change replaces the keyset file in one step, and reads it again.
func (k *keyring) change(edit func(m *keyset.Manager, ids []uint32, primary uint32) error) error {
	old, err := readKeyset(k.path)
	if err != nil {
		return err
	}
	m := keyset.NewManagerFromHandle(old.handle)
	if err := edit(m, old.ids, old.primary); err != nil {
		return err
	}
	handle, err := m.Handle()
	if err != nil {
		return fmt.Errorf("change the keyset: %w", err)
	}
	content, err := encodeKeyset(handle)
	if err != nil {
		return err
	}
	path, err := filepath.EvalSymlinks(k.path) // replace the file, not the link
	if err == nil {
		err = writeWhole(path, content, os.Rename)
	}
	if err != nil {
		return fmt.Errorf("write the keyset file: %w", err)
	}
	_, err = k.look(true)
	return err
}

// PrepareKey adds a key to the keyset file that does not seal yet. If several
// machines have copies of the file, this is the first step of a rotation: once
// all copies contain the prepared key, the next rotation uses it.
func (s *Store) PrepareKey() (id uint32, err error) {
	unlock, err := s.ring.lock()
	if err != nil {
		return 0, err
	}
	defer unlock()
	err = s.ring.change(func(m *keyset.Manager, _ []uint32, _ uint32) (err error) {
		id, err = m.Add(aead.AES256GCMKeyTemplate())
		return err
	})
	return id, err
}

// newPrimary makes the prepared key the primary key, or a new one if none is
// prepared. The keys are in the order of their creation.
func newPrimary(m *keyset.Manager, ids []uint32, primary uint32) error {
	next := ids[len(ids)-1]
	if next == primary {
		var err error
		if next, err = m.Add(aead.AES256GCMKeyTemplate()); err != nil {
			return fmt.Errorf("create a key: %w", err)
		}
	}
	if err := m.SetPrimary(next); err != nil {
		return fmt.Errorf("change the key that seals: %w", err)
	}
	return nil
}

// RotateKeyset gives the keyset a new key and seals everything under it, while
// other processes keep working: they follow the keyset file, and can open what
// is sealed under either key. If an earlier rotation was interrupted, it first
// finishes that one without adding a key; it can be run as often as necessary.
// The old keys stay in the file until DropOldKeys, for backups of the database
// that need them. progress, if not nil, is called with the number of values
// that were sealed again.
func (s *Store) RotateKeyset(ctx context.Context, by audit.Actor, progress func(sealed int64)) (SealReport, error) {
	unlock, err := s.ring.lock()
	if err != nil {
		return SealReport{}, err
	}
	defer unlock()
	before, err := s.VerifySealed(ctx, nil)
	if err != nil {
		return before, err
	}
	if before.Clear > 0 {
		return before, ErrUnsealed
	}
	if before.stale() == 0 {
		if err := s.ring.change(newPrimary); err != nil {
			return before, err
		}
	}
	report, err := s.sealAll(ctx, progress)
	if err != nil {
		return report, fmt.Errorf("seal under the new key: %w", err)
	}
	return report, s.note(ctx, KeysetRotated, by, map[string]string{"key": KeyID(report.Primary)})
}

// sealAll seals everything under the primary key. When it returns, nobody can
// seal under another key any more.
func (s *Store) sealAll(ctx context.Context, progress func(int64)) (SealReport, error) {
	var done int64
	if err := s.sweep(ctx, &done, progress); err != nil {
		return SealReport{}, err
	}
	// Every process that seals has checked the file at most keysetLife ago, in
	// a transaction that Await waits for.
	select {
	case <-time.After(keysetLife + keysetLife/10):
	case <-ctx.Done():
		return SealReport{}, ctx.Err()
	}
	if err := s.db.Await(ctx, sealers); err != nil {
		return SealReport{}, err
	}
	if err := s.sweep(ctx, &done, progress); err != nil {
		return SealReport{}, err
	}
	report, err := s.VerifySealed(ctx, nil)
	if err == nil && report.stale()+report.Clear > 0 {
		err = errors.New("some values were not sealed: run the command again")
	}
	return report, err
}

// DropOldKeys removes all keys except the primary one from the file, once no
// value needs them any more. Earlier backups of the database need the earlier
// keyset file.
func (s *Store) DropOldKeys(ctx context.Context, by audit.Actor) (dropped []uint32, err error) {
	unlock, err := s.ring.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := s.db.Await(ctx, sealers); err != nil {
		return nil, err
	}
	report, err := s.VerifySealed(ctx, nil)
	if err != nil {
		return nil, err
	}
	if report.stale()+report.Clear > 0 {
		return nil, errors.New(`old keys are still needed: run "quillgate keys rotate" first`)
	}
	err = s.ring.change(func(m *keyset.Manager, ids []uint32, primary uint32) error {
		for _, id := range ids {
			if id == primary {
				break // the following keys are prepared, not old
			}
			if err := m.Delete(id); err != nil {
				return fmt.Errorf("drop key %s: %w", KeyID(id), err)
			}
			dropped = append(dropped, id)
		}
		return nil
	})
	if err != nil || len(dropped) == 0 {
		return nil, err
	}
	var names []string
	for _, id := range dropped {
		names = append(names, KeyID(id))
	}
	return dropped, s.note(ctx, KeysetDropped, by, map[string]string{"keys": strings.Join(names, " ")})
}

// BeginSealing creates a mark next to the keyset: secrets that were stored
// unencrypted are being sealed. While the mark exists, processes read secrets
// that are not sealed yet; without it they refuse them. begun reports whether
// the mark is new. SealClear removes it.
func BeginSealing(keysetFile string) (begun bool, err error) {
	path := sealingMark(keysetFile)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return false, fmt.Errorf("mark that secrets are being sealed: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if err == nil {
		err = errors.Join(giveToOwnerOf(f, filepath.Dir(path)), f.Sync(), f.Close(), syncFolder(filepath.Dir(path)))
	}
	if err != nil {
		return false, fmt.Errorf("mark that secrets are being sealed: %w", err)
	}
	return true, nil
}

// CancelSealing removes the mark of BeginSealing.
func CancelSealing(keysetFile string) error {
	path := sealingMark(keysetFile)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the mark that secrets are being sealed: %w", err)
	}
	return syncFolder(filepath.Dir(path))
}

// SealClear seals secrets that were stored unencrypted before sealing was
// turned on, and removes their remains from the database's files. The store
// must have been opened after BeginSealing. SealClear can be interrupted at any
// point and run again. left describes remains that it cannot remove, and is nil
// if there are none.
func (s *Store) SealClear(ctx context.Context, by audit.Actor, progress func(sealed int64)) (report SealReport, left error, err error) {
	unlock, err := s.ring.lock()
	if err != nil {
		return report, nil, err
	}
	defer unlock()
	// From now on, a process that was started without sealing writes nothing:
	// it sees the mark.
	if err := s.db.Await(ctx, sealers); err != nil {
		return report, nil, err
	}
	if report, err = s.sealAll(ctx, progress); err != nil {
		return report, nil, fmt.Errorf("seal: %w", err)
	}
	var tables []string
	for _, c := range sealedColumns() {
		tables = append(tables, c.table)
	}
	left, err = s.db.Scrub(ctx, tables...)
	if err != nil {
		return report, nil, fmt.Errorf("seal: %w", err)
	}
	if err := s.note(ctx, KeysetSealed, by, map[string]string{"key": KeyID(report.Primary)}); err != nil {
		return report, left, err
	}
	return report, left, CancelSealing(s.ring.path)
}

// note records an event about the master key in the audit trail.
func (s *Store) note(ctx context.Context, kind audit.Kind, by audit.Actor, detail map[string]string) error {
	return s.db.Update(ctx, func(tx *database.Tx) error {
		return audit.Append(ctx, tx, audit.Event{Kind: kind, By: by, At: s.now(), Detail: detail})
	})
}

// KeyID formats the id of a key of the keyset for people. It is not secret.
func KeyID(id uint32) string { return strconv.FormatUint(uint64(id), 10) }

// SealReport is the result of VerifySealed.
type SealReport struct {
	Primary uint32           // the key that seals
	Keys    []uint32         // the keys of the file, oldest first
	Under   map[uint32]int64 // number of valid values under each key
	Clear   int64            // number of unencrypted values
	Damaged []Place          // the values that cannot be opened, up to maxDamaged
	Broken  int64            // number of values that cannot be opened
	// Sealings estimates how often the primary key has sealed something. It is
	// rather too high than too low.
	Sealings int64
}

// MaxSealings is how often one key should seal at most; see
// SealReport.Sealings. With random 96-bit nonces, the limit of NIST SP 800-38D
// is 2^32.
const MaxSealings = 1 << 31

// stale returns the number of values sealed under an old key.
func (r SealReport) stale() int64 {
	var n int64
	for id, count := range r.Under {
		if id != r.Primary {
			n += count
		}
	}
	return n
}

// Old lists the keys in the file that were created before the primary key.
func (r SealReport) Old() []uint32 {
	return r.Keys[:max(slices.Index(r.Keys, r.Primary), 0)]
}
