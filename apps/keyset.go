package apps

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/quillgate/quillgate/database"
)

// CreateKeyset makes the file of the keyset that seals all secrets: one
// AES-256-GCM key, in Tink's JSON form, readable by its owner only. A file
// that is there already is an error, fs.ErrExist. Losing the file loses all
// secrets; so does it help nobody who has the database alone.
func CreateKeyset(path string) error {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return fmt.Errorf("make a keyset: %w", err)
	}
	var text bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&text)); err != nil {
		return fmt.Errorf("make a keyset: %w", err)
	}
	if err := writeNew(path, text.Bytes()); err != nil {
		return fmt.Errorf("write the keyset file: %w", err)
	}
	return nil
}

// writeNew writes a file and its place in the folder to disk. The content
// appears under the name whole or not at all: a crash must not leave half a
// keyset that blocks every later start.
func writeNew(path string, content []byte) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".keyset-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(content)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	// A link, unlike a rename, does not replace what is there.
	if err := os.Link(f.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// readKeyset opens the keyset file.
func readKeyset(path string) (tink.AEAD, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the keyset file %s is missing: the secrets of the applications cannot be opened without it (%w)", path, fs.ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("open the keyset file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("the keyset file %s is not a file", path)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("the keyset file %s has mode %04o, so others than its owner can get at it: run chmod 600 on it", path, mode)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("open the keyset file: %w", err)
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(content)))
	if err != nil {
		// The cause could quote the content.
		return nil, fmt.Errorf("the keyset file %s does not hold a keyset", path)
	}
	a, err := aead.New(handle)
	if err != nil {
		return nil, fmt.Errorf("the keyset file %s does not hold an AEAD keyset", path)
	}
	return a, nil
}

// checkKeyset compares the keyset with the database: the first one that a
// database sees is the one it stays with.
func (s *Store) checkKeyset(ctx context.Context, path string) error {
	var sealed []byte
	place := []byte("quillgate:1:keyset_check:1:sealed")
	err := s.db.Get(ctx, &sealed, `SELECT sealed FROM keyset_check WHERE id = $1`, 1)
	if errors.Is(err, database.ErrNoRows) {
		if sealed, err = s.aead.Encrypt([]byte("quillgate"), place); err != nil {
			return fmt.Errorf("try the keyset: %w", err)
		}
		// Another process may have been first, with another file.
		err = s.db.Update(ctx, func(tx *database.Tx) error {
			return tx.Get(ctx, &sealed, `INSERT INTO keyset_check (id, sealed) VALUES ($1, $2)
				ON CONFLICT (id) DO UPDATE SET id = excluded.id RETURNING sealed`, 1, sealed)
		})
	}
	if err != nil {
		return fmt.Errorf("try the keyset: %w", err)
	}
	if _, err := s.aead.Decrypt(sealed, place); err != nil {
		return fmt.Errorf("the keyset file %s is not the one that this database was begun with: put the right one in its place", path)
	}
	return nil
}

// secretPlace is the associated data of a sealed secret: the version of this
// format, the table, the user, the key and the column. No part can hold a
// colon.
func secretPlace(userID int64, public string) []byte {
	return fmt.Appendf(nil, "quillgate:1:apps:%d:%s:secret", userID, public)
}

func (s *Store) open(r *row) (Secret, error) {
	text, err := s.aead.Decrypt(r.Sealed, secretPlace(r.UserID, r.Public))
	if err != nil || len(text) == 0 {
		return Secret{}, ErrSealed
	}
	return NewSecret(string(text)), nil
}
