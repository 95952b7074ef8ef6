package apps

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/database"
)

// Place is the position of a sealed value. The ciphertext is bound to it, and
// cannot be opened elsewhere.
type Place struct {
	Table  string `json:"table"`
	User   int64  `json:"user"` // the owner of the row; 0: nobody
	Key    string `json:"key"`  // names the row among those of the user, such as a public key; without a colon; may be empty
	Column string `json:"column"`
}

// sealedColumn is a column with sealed values.
type sealedColumn struct {
	table, column string
	id            string // an integer column that identifies rows and orders them
	user, key     string // SQL expressions of Place.User and Place.Key
	where         string // SQL condition for rows that have a value
}

// sealedColumns lists every sealed column. Rotation, sealing and verification
// iterate over this list, and Seal refuses any other place.
func sealedColumns() []sealedColumn {
	return []sealedColumn{
		{table: "apps", column: "secret", id: "id", user: "user_id", key: "public", where: "verification_key IS NULL"},
		{table: "second_factors", column: "secret", id: "user_id", user: "user_id", key: "''", where: "TRUE"},
		{table: "sealed_keys", column: "sealed", id: "id", user: "0", key: "name", where: "TRUE"},
		{table: "certificates", column: "sealed", id: "id", user: "0", key: "name", where: "TRUE"},
		{table: "upstream_credentials", column: "secret", id: "user_id", user: "user_id", key: "''", where: "TRUE"},
		{table: "keyset_check", column: "sealed", id: "id", user: "id", key: "''", where: "TRUE"},
	}
}

// associated returns the associated data of a place:
//
//	quillgate:1:TABLE:USER:KEY:COLUMN
//
// where 1 is the version of this format. An empty part of a key is left out. No
// part can contain a colon, so different places have different data.
func (p Place) associated() ([]byte, error) {
	known := slices.ContainsFunc(sealedColumns(), func(c sealedColumn) bool { return c.table == p.Table && c.column == p.Column })
	if !known || strings.Contains(p.Key, ":") {
		return nil, fmt.Errorf("%s.%s is not a place for sealed values", p.Table, p.Column)
	}
	if p.Key == "" {
		return fmt.Appendf(nil, "quillgate:1:%s:%d:%s", p.Table, p.User, p.Column), nil
	}
	return fmt.Appendf(nil, "quillgate:1:%s:%d:%s:%s", p.Table, p.User, p.Key, p.Column), nil
}

// A sealed value is a Tink ciphertext, which begins with 0x01 and the four-byte
// id of its key. An unencrypted value is text, which never begins with 0x01:
// Seal ensures that.
const (
	sealedMark   = 0x01
	sealedPrefix = 5
)

// sealedUnder returns the id of the key that a value is sealed under; ok is
// false if the value is not sealed.
func sealedUnder(value []byte) (id uint32, ok bool) {
	if len(value) < sealedPrefix || value[0] != sealedMark {
		return 0, false
	}
	return binary.BigEndian.Uint32(value[1:sealedPrefix]), true
}

// inClear reports whether a value is unencrypted, as opposed to sealed, damaged
// or missing.
func inClear(value []byte) bool { return len(value) > 0 && value[0] >= ' ' }

// sealers is the group of transactions that contain a newly sealed value; see
// database.Join.
const sealers = 0x7175696c6c01

// Seal encrypts a value for its place in a table, in the transaction that
// writes it there. This lets a rotation of the master key wait for everyone who
// still uses the old one. The value must be text; encode anything else first.
// If sealing is off, the value is returned unchanged.
func (s *Store) Seal(ctx context.Context, tx *database.Tx, place Place, plain []byte) ([]byte, error) {
	ad, err := place.associated()
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	if !inClear(plain) {
		return nil, errors.New("seal: the value is not text")
	}
	// From here on, a rotation that begins later waits for this transaction, so
	// the keyset that is read now is valid.
	if err := database.Join(ctx, tx, sealers); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	if s.ring.off {
		if err := s.stillOff(ctx, tx); err != nil {
			return nil, err
		}
		return slices.Clone(plain), nil
	}
	set, err := s.ring.forWriting()
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	sealed, err := set.aead.Encrypt(plain, ad)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return sealed, nil
}

// stillOff refuses to write unencrypted values after sealing has begun.
func (s *Store) stillOff(ctx context.Context, tx *database.Tx) error {
	var n int
	if err := tx.Get(ctx, &n, `SELECT COUNT(*) FROM keyset_check`); err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	if n > 0 || s.ring.sealing() {
		return ErrSealingBegun
	}
	return nil
}

// Unseal opens the result of Seal for the same place. It returns ErrSealed if
// the value was damaged, belongs to another place, is sealed under an unknown
// key, or is unencrypted although sealing is on.
func (s *Store) Unseal(place Place, sealed []byte) ([]byte, error) {
	ad, err := place.associated()
	if err != nil {
		return nil, fmt.Errorf("unseal: %w", err)
	}
	id, ok := sealedUnder(sealed)
	if !ok {
		// Someone who can write to the database must not be able to plant a
		// secret of their own. While secrets are being sealed, a file next to
		// the keyset indicates that some are not sealed yet.
		if inClear(sealed) && (s.ring.off || s.ring.sealing()) {
			return slices.Clone(sealed), nil
		}
		return nil, ErrSealed
	}
	set := s.ring.forReading(id)
	if set == nil {
		return nil, ErrSealed
	}
	plain, err := set.aead.Decrypt(sealed, ad)
	if err != nil || len(plain) == 0 {
		return nil, ErrSealed
	}
	return plain, nil
}

// NamedKey returns 32 random bytes that are stored, sealed, under a name, for a
// key that the server itself needs, such as that for the hashes of tokens. The
// first request creates it; all processes get the same key, and a rotation of
// the master key does not change it. Each site has its own. The name must not
// contain a colon. It must not be called inside a transaction.
func (s *Store) NamedKey(ctx context.Context, name string) ([]byte, error) {
	key, err := s.namedKey(ctx, name)
	if err != nil || s.db.Site() == 0 {
		return key, err
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "site %d", s.db.Site())
	return mac.Sum(nil), nil
}

// namedKey returns the key of site 0, from which those of the other sites are
// derived.
func (s *Store) namedKey(ctx context.Context, name string) ([]byte, error) {
	if key, ok := s.keys.Load(name); ok {
		return slices.Clone(key.([]byte)), nil
	}
	place := Place{Table: "sealed_keys", Key: name, Column: "sealed"}
	var sealed []byte
	err := s.db.Get(ctx, &sealed, `SELECT sealed FROM sealed_keys WHERE name = $1`, name)
	if errors.Is(err, database.ErrNoRows) {
		sealed, err = s.makeNamedKey(ctx, place)
	}
	if err != nil {
		return nil, fmt.Errorf("open the key of %s: %w", name, err)
	}
	text, err := s.Unseal(place, sealed)
	if err != nil {
		return nil, fmt.Errorf("open the key of %s: %w", name, err)
	}
	key, err := base64.StdEncoding.DecodeString(string(text))
	if err != nil || len(key) != 32 {
		return nil, fmt.Errorf("open the key of %s: %w", name, ErrSealed)
	}
	s.keys.Store(name, slices.Clone(key))
	return key, nil
}

// trailKeyName is the name of the key for the audit trail.
const trailKeyName = "audit"

// openTrail puts the audit trail under a key of the keyset. If the key cannot
// be opened, this process continues without one: Verify then reports that, and
// everything else works.
func (s *Store) openTrail(ctx context.Context) error {
	key := make([]byte, 32)
	rand.Read(key)
	place := Place{Table: "sealed_keys", Key: trailKeyName, Column: "sealed"}
	err := s.db.Update(ctx, func(tx *database.Tx) error {
		var n int
		if err := tx.Get(ctx, &n, `SELECT COUNT(*) FROM sealed_keys WHERE name = $1`, trailKeyName); err != nil || n > 0 {
			return err
		}
		sealed, err := s.Seal(ctx, tx, place, base64.StdEncoding.AppendEncode(nil, key))
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO sealed_keys (name, sealed) VALUES ($1, $2)`, trailKeyName, sealed); err != nil {
			return err
		}
		return audit.Begin(ctx, tx, key)
	})
	if err != nil && !database.IsDuplicate(err) { // another process was faster
		return fmt.Errorf("create the key of the audit trail: %w", err)
	}
	key, err = s.namedKey(ctx, trailKeyName)
	if errors.Is(err, ErrSealed) {
		s.logger.WarnContext(ctx, "the key of the audit trail cannot be decrypted; the trail continues without it", "error", err)
		return nil
	}
	if err != nil {
		return err
	}
	audit.UseKey(s.db, key)
	return nil
}

// makeNamedKey writes a new key, unless another process was faster, and returns
// the stored one.
func (s *Store) makeNamedKey(ctx context.Context, place Place) (sealed []byte, err error) {
	key := make([]byte, 32)
	rand.Read(key)
	text := base64.StdEncoding.AppendEncode(nil, key)
	err = s.db.Update(ctx, func(tx *database.Tx) error {
		mine, err := s.Seal(ctx, tx, place, text)
		if err != nil {
			return err
		}
		return tx.Get(ctx, &sealed, `INSERT INTO sealed_keys (name, sealed) VALUES ($1, $2)
			ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING sealed`, place.Key, mine)
	})
	return sealed, err
}

func secretPlace(userID int64, public string) Place {
	return Place{Table: "apps", User: userID, Key: public, Column: "secret"}
}

func (s *Store) open(r *row) (Secret, error) {
	text, err := s.Unseal(secretPlace(r.UserID, r.Public), r.Sealed)
	if err != nil {
		return Secret{}, ErrSealed
	}
	return NewSecret(string(text)), nil
}

// sealing reports whether secrets that were stored unencrypted are being
// sealed; see BeginSealing.
func (k *keyring) sealing() bool {
	_, err := os.Lstat(sealingMark(k.path))
	return err == nil
}

// sealingMark returns the path of the file that exists while secrets are being
// sealed.
func sealingMark(keyset string) string { return keyset + ".sealing" }
