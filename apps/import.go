package apps

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/quillgate/quillgate/database"
)

// Imported is a key that was created elsewhere, such as by the plugin of a
// WordPress site that moves here with its clients.
type Imported struct {
	UserID int64
	Name   string
	Public string // 1 to 64 bytes of letters, digits, hyphens, underscores
	Secret Secret // 16 to 256 printable bytes

	// LegacySignatures: see App.
	LegacySignatures bool
}

// Import imports a key. Importing the same key again changes nothing. Errors:
// *Invalid, ErrTaken, ErrTooMany.
func (s *Store) Import(ctx context.Context, in Imported) (App, error) {
	var app App
	err := s.db.Update(ctx, func(tx *database.Tx) (err error) {
		app, err = s.ImportTx(ctx, tx, in)
		return err
	})
	return app, err
}

// ImportTx is Import inside a transaction of the caller.
func (s *Store) ImportTx(ctx context.Context, tx *database.Tx, in Imported) (App, error) {
	name, err := CleanName(in.Name)
	if err != nil {
		return App{}, err
	}
	if err := checkImported(in); err != nil {
		return App{}, err
	}
	r, err := get(ctx, tx, in.Public)
	if err == nil {
		secret, err := s.open(&r)
		if err != nil || r.UserID != in.UserID || !secret.equal(in.Secret) {
			return App{}, fmt.Errorf("import an application: %w", ErrTaken)
		}
		return r.app()
	}
	if !errors.Is(err, ErrNotFound) {
		return App{}, fmt.Errorf("import an application: %w", err)
	}
	app := App{
		Terms: Terms{Name: name}, Public: in.Public, UserID: in.UserID, Algorithm: hmacSHA256,
		LegacySignatures: in.LegacySignatures, Created: s.now(),
	}
	err = s.insert(ctx, tx, &app, in.Secret)
	if database.IsDuplicate(err) {
		err = ErrTaken // by a key of another site: public keys are unique over all sites
	}
	if err != nil {
		return App{}, fmt.Errorf("import an application: %w", err)
	}
	return app, nil
}

func checkImported(in Imported) error {
	if !validPublic(in.Public) {
		return &Invalid{"public key", "it must be 1 to 64 bytes of letters, digits, hyphens and underscores"}
	}
	text := in.Secret.Reveal()
	if len(text) < 16 || len(text) > 256 || !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return &Invalid{"secret", "it must be 16 to 256 bytes of printable text"}
	}
	return nil
}

// validPublic reports whether a signature header can name a public key; see
// signature.ValidPublic, which this package may not import.
func validPublic(s string) bool {
	return s != "" && len(s) <= 64 && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return r != '_' && r != '-' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
}
