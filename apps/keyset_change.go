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

// What is written into the audit trail about the master key.
const (
	KeysetRotated audit.Kind = "keyset.rotated"
	KeysetDropped audit.Kind = "keyset.dropped"
	KeysetSealed  audit.Kind = "keyset.sealed"
)

// ErrKeysetBusy means that another command works on the keyset.
var ErrKeysetBusy = errors.New("another command is changing the keyset: wait until it has finished")

// lock keeps other commands on this machine from changing the keyset.
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

// change replaces the keyset file by another one, in one step, and reads it again.
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
	path, err := filepath.EvalSymlinks(k.path) // the file goes, not the link
	if err == nil {
		err = writeWhole(path, content, os.Rename)
	}
	if err != nil {
		return fmt.Errorf("write the keyset file: %w", err)
	}
	_, err = k.look(true)
	return err
}

// PrepareKey adds a key to the keyset file with which nothing is sealed yet. Where several machines have a copy of the
// file each, it is the first step of a rotation: once all have the prepared file, the next rotation uses that key.
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

// newPrimary makes the prepared key the one that seals, or a new one when none is prepared: the keys of the file stand
// in the order in which they were made.
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
// other processes keep working: they follow the keyset file, and open what is
// sealed under either key. A rotation that was interrupted is finished first,
// without another key; run it as often as it takes. The old keys stay in the
// file, for the backups of the database that need them, until DropOldKeys.
// progress, if not nil, is told how many values were sealed again.
func (s *Store) RotateKeyset(ctx context.Context, by audit.Actor, progress func(sealed int64)) (SealReport, error) {
	unlock, err := s.ring.lock()
	if err != nil {
		return SealReport{}, err
	}
	defer unlock()
	before, err := s.VerifySealed(ctx)
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

// sealAll seals everything under the key that seals now, and returns when no
// one can seal under another one any more.
func (s *Store) sealAll(ctx context.Context, progress func(int64)) (SealReport, error) {
	var done int64
	if err := s.sweep(ctx, &done, progress); err != nil {
		return SealReport{}, err
	}
	// Whoever seals has looked at the file at most keysetLife ago, in a transaction that Await waits for.
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
	report, err := s.VerifySealed(ctx)
	if err == nil && report.stale()+report.Clear > 0 {
		err = errors.New("some values were not sealed: run the command again")
	}
	return report, err
}

// DropOldKeys takes all keys out of the file but the one that seals, once nothing that opens needs them any more. The
// backups of the database from before need the keyset file from before.
func (s *Store) DropOldKeys(ctx context.Context, by audit.Actor) (dropped []uint32, err error) {
	unlock, err := s.ring.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := s.db.Await(ctx, sealers); err != nil {
		return nil, err
	}
	report, err := s.VerifySealed(ctx)
	if err != nil {
		return nil, err
	}
	if report.stale()+report.Clear > 0 {
		return nil, errors.New(`old keys are still needed: run "quillgate keys rotate" first`)
	}
	err = s.ring.change(func(m *keyset.Manager, ids []uint32, primary uint32) error {
		for _, id := range ids {
			if id == primary {
				break // those that follow are prepared, not old
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

// BeginSealing marks, in a file next to the keyset, that secrets which were
// stored unencrypted are being sealed. While the mark is there, processes open
// those that are not sealed yet; without it they refuse them. begun says that
// the mark was not there before. SealClear takes it away.
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

// CancelSealing takes the mark of BeginSealing away.
func CancelSealing(keysetFile string) error {
	path := sealingMark(keysetFile)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the mark that secrets are being sealed: %w", err)
	}
	return syncFolder(filepath.Dir(path))
}

// SealClear seals what was stored unencrypted before sealing was switched on,
// and removes from the database's own files what is left of it. The store was
// opened after BeginSealing. It can be interrupted at any point and run again.
// left says what remains of the old values where it cannot remove it, and is
// nil when nothing does.
func (s *Store) SealClear(ctx context.Context, by audit.Actor, progress func(sealed int64)) (report SealReport, left error, err error) {
	unlock, err := s.ring.lock()
	if err != nil {
		return report, nil, err
	}
	defer unlock()
	// A process that was started without sealing writes nothing more from now on: it sees the mark.
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

// note writes a line about the master key into the audit trail.
func (s *Store) note(ctx context.Context, kind audit.Kind, by audit.Actor, detail map[string]string) error {
	return s.db.Update(ctx, func(tx *database.Tx) error {
		return audit.Append(ctx, tx, audit.Event{Kind: kind, By: by, At: s.now(), Detail: detail})
	})
}

// KeyID writes the id of a key of the keyset as people see it. It is not
// secret.
func KeyID(id uint32) string { return strconv.FormatUint(uint64(id), 10) }

// SealReport is what VerifySealed has found.
type SealReport struct {
	Primary uint32           // the key that seals
	Keys    []uint32         // the keys of the file, the oldest first
	Under   map[uint32]int64 // how many values are sealed under which key, and open
	Clear   int64            // how many are unencrypted
	Damaged []Place          // what does not open, up to maxDamaged
	Broken  int64            // how many do not open
	// Sealings is an estimate, rather too high than too low, of how often the primary key has sealed something.
	Sealings int64
}

// MaxSealings is how often one key should seal at most; see SealReport.Sealings. With random nonces of 96 bits the limit
// of NIST SP 800-38D is 2^32.
const MaxSealings = 1 << 31

// stale is how many values are sealed under an old key.
func (r SealReport) stale() int64 {
	var n int64
	for id, count := range r.Under {
		if id != r.Primary {
			n += count
		}
	}
	return n
}

// Old lists the keys of the file that came before the one that seals.
func (r SealReport) Old() []uint32 {
	return r.Keys[:max(slices.Index(r.Keys, r.Primary), 0)]
}
