package apps

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/quillgate/quillgate/database"
)

var (
	// ErrUnsealed means that the database holds unencrypted secrets although
	// sealing is on.
	ErrUnsealed = errors.New(`secrets of this database are stored unencrypted: seal them with "quillgate keys seal", or continue without sealing with --sealing off`)
	// ErrSealingBegun means that sealing is off for this process although the
	// database is sealed.
	ErrSealingBegun = errors.New("the secrets of this database are sealed: start without --sealing off")
)

// CreateKeyset creates the file with the keyset that seals all secrets: one
// AES-256-GCM key in Tink's JSON form, readable only by its owner. If the file
// exists, the error is fs.ErrExist. Whoever loses the file loses all secrets;
// whoever has only the database can open none.
func CreateKeyset(path string) error {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return fmt.Errorf("create a keyset: %w", err)
	}
	content, err := encodeKeyset(handle)
	if err != nil {
		return err
	}
	// Unlike a rename, a link does not replace an existing file.
	if err := writeWhole(path, content, os.Link); err != nil {
		return fmt.Errorf("write the keyset file: %w", err)
	}
	return nil
}

func encodeKeyset(handle *keyset.Handle) ([]byte, error) {
	var text bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&text)); err != nil {
		return nil, fmt.Errorf("create a keyset: %w", err)
	}
	return text.Bytes(), nil
}

// writeWhole writes a file and its name in the folder to disk. The file appears
// under its name complete or not at all: after a crash, half a keyset would
// block every start. put gives the written file its name.
func writeWhole(path string, content []byte, put func(from, to string) error) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".keyset-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(content)
	if err == nil {
		err = giveToOwnerOf(f, path)
	}
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err := put(f.Name(), path); err != nil {
		return err
	}
	return syncFolder(dir)
}

// syncFolder writes the names in a folder to disk. Windows does that itself,
// and has no call for it.
func syncFolder(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// openedKeyset is the content of the file, ready for use.
type openedKeyset struct {
	handle  *keyset.Handle
	aead    tink.AEAD
	primary uint32   // the key that seals
	ids     []uint32 // all keys, oldest first
	file    os.FileInfo
}

// readKeyset reads the keyset file. Every error explains what to do.
func readKeyset(path string) (*openedKeyset, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the keyset file %s is missing: restore it from its backup, or give its location with --keyset; without it the secrets of the applications cannot be decrypted (%w)", path, fs.ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("open the keyset file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("the keyset file %s is not a file: give the right one with --keyset", path)
	}
	// On Windows the mode does not tell who can read a file.
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" && !isCredential(path, mode) {
		return nil, fmt.Errorf("the keyset file %s has mode %04o, so users other than its owner can access it: run chmod 600 on it", path, mode)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("open the keyset file: %w: it has to belong to the user that quillgate runs as", err)
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(content)))
	if err != nil {
		// The cause could quote the content.
		return nil, fmt.Errorf("the keyset file %s does not contain a keyset: restore it from its backup", path)
	}
	a, err := aead.New(handle)
	if err != nil {
		return nil, fmt.Errorf("the keyset file %s does not contain an AEAD keyset: restore it from its backup", path)
	}
	set := &openedKeyset{handle: handle, aead: a, file: info}
	about := handle.KeysetInfo()
	set.primary = about.GetPrimaryKeyId()
	for _, key := range about.GetKeyInfo() {
		set.ids = append(set.ids, key.GetKeyId())
	}
	return set, nil
}

// isCredential reports whether systemd has put the file into the folder for the
// service's credentials. Only the service can enter that folder. If systemd
// lets its user in through an access control list, the file's mode reads 0440.
func isCredential(path string, mode fs.FileMode) bool {
	folder := os.Getenv("CREDENTIALS_DIRECTORY")
	if folder == "" || mode&^0o440 != 0 {
		return false
	}
	return strings.HasPrefix(filepath.Clean(path), filepath.Clean(folder)+string(filepath.Separator))
}

// keysetLife is how long a process uses the keyset before it checks whether the
// file has changed.
const keysetLife = time.Second

// keyring is the open keyset of this process. It follows the file: another
// process may rotate it at any time.
type keyring struct {
	path string
	off  bool // values are stored unencrypted

	mu    sync.Mutex
	set   *openedKeyset // nil if not read yet, possible only if sealing is off
	asked time.Time     // when the file was last checked, by a clock that nobody sets
	err   error         // the error of that check
}

// look reads the file if it has changed. Unless now is set, it checks at most
// once in keysetLife.
func (k *keyring) look(now bool) (*openedKeyset, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	asked := time.Now()
	if !now && !k.asked.IsZero() && asked.Sub(k.asked) < keysetLife {
		return k.set, k.err
	}
	info, err := os.Stat(k.path)
	if err == nil && k.set != nil && k.err == nil && sameFile(info, k.set.file) {
		k.asked = asked
		return k.set, nil
	}
	fresh, err := readKeyset(k.path)
	if err == nil {
		k.set = fresh
	}
	k.asked, k.err = asked, err
	return k.set, err
}

func sameFile(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}

// forWriting returns the keyset to seal with. A file that cannot be read is an
// error, since a value sealed under a keyset that is no longer in its file
// would be lost.
func (k *keyring) forWriting() (*openedKeyset, error) { return k.look(false) }

// forReading returns the keyset that contains the key, or nil. If the file can
// no longer be read, it uses the keyset from before, so that clients are not
// turned away.
func (k *keyring) forReading(id uint32) *openedKeyset {
	set, _ := k.look(false)
	if set == nil || !slices.Contains(set.ids, id) {
		set, _ = k.look(true)
	}
	if set == nil || !slices.Contains(set.ids, id) {
		return nil
	}
	return set
}

// openKeyring opens the keyset file and compares it with the database. cfg says
// what to do if there is none.
func (s *Store) openKeyring(ctx context.Context, cfg Config) error {
	s.ring = &keyring{path: cfg.KeysetFile, off: cfg.Unsealed}
	begun, err := s.begun(ctx)
	if err != nil {
		return err
	}
	if cfg.Unsealed {
		if begun {
			return ErrSealingBegun
		}
		return nil
	}
	if !begun && !s.ring.sealing() {
		if err := s.refuseClear(ctx); err != nil {
			return err
		}
	}
	created := false
	_, err = s.ring.look(true)
	if errors.Is(err, fs.ErrNotExist) && cfg.CreateKeyset && !begun {
		err = CreateKeyset(cfg.KeysetFile)
		created = err == nil
		if created || errors.Is(err, fs.ErrExist) { // another process was faster
			_, err = s.ring.look(true)
		}
	}
	if err != nil {
		return err
	}
	err = s.checkKeyset(ctx)
	if created && errors.Is(err, errOtherKeyset) {
		// Another process with another file was the first to use the database.
		// Nothing was sealed with this keyset.
		if info, statErr := os.Stat(cfg.KeysetFile); statErr == nil && os.SameFile(info, s.ring.set.file) {
			err = errors.Join(err, os.Remove(cfg.KeysetFile))
		}
	}
	return err
}

var errOtherKeyset = errors.New("not the one that this database was created with")

// begun reports whether a keyset was ever used with the database.
func (s *Store) begun(ctx context.Context) (bool, error) {
	var n int
	if err := s.db.Get(ctx, &n, `SELECT COUNT(*) FROM keyset_check`); err != nil {
		return false, fmt.Errorf("try the keyset: %w", err)
	}
	return n > 0, nil
}

// refuseClear refuses a database that was begun without sealing: half of its
// secrets would remain unencrypted.
func (s *Store) refuseClear(ctx context.Context) error {
	for _, c := range sealedColumns() {
		var n int
		if err := s.db.Get(ctx, &n, `SELECT COUNT(*) FROM (SELECT 1 FROM `+c.table+` WHERE `+c.column+` >= $1 LIMIT 1) AS x`, []byte{' '}); err != nil {
			return fmt.Errorf("try the keyset: %w", err)
		}
		if n > 0 {
			return ErrUnsealed
		}
	}
	return nil
}

// checkKeyset compares the keyset with the database, which stays with the first
// keyset that it is used with.
func (s *Store) checkKeyset(ctx context.Context) error {
	var sealed []byte
	place := Place{Table: "keyset_check", User: 1, Column: "sealed"}
	err := s.db.Get(ctx, &sealed, `SELECT sealed FROM keyset_check WHERE id = $1`, 1)
	if errors.Is(err, database.ErrNoRows) {
		// Another process may have been first, with another file.
		err = s.db.Update(ctx, func(tx *database.Tx) error {
			mine, err := s.Seal(ctx, tx, place, []byte("quillgate"))
			if err != nil {
				return err
			}
			return tx.Get(ctx, &sealed, `INSERT INTO keyset_check (id, sealed) VALUES ($1, $2)
				ON CONFLICT (id) DO UPDATE SET id = excluded.id RETURNING sealed`, 1, mine)
		})
	}
	if err != nil {
		return fmt.Errorf("try the keyset: %w", err)
	}
	if _, err := s.Unseal(place, sealed); err != nil {
		return fmt.Errorf("the keyset file %s is %w: put the right one in its place, or give it with --keyset", s.ring.path, errOtherKeyset)
	}
	return nil
}
