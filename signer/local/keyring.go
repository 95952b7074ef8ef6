package local

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/zalando/go-keyring"
)

// keyringService is the name of the entry in the keyring, where people see it.
const keyringService = "quillgate sign"

// keyringPatience is the time limit for each request to the keyring. A service
// that hangs must not hang the signer, and a person needs time to answer a
// prompt.
const keyringPatience = 30 * time.Second

// SystemKeyring is the keyring of the user's desktop: Secret Service, the macOS
// Keychain, or the Windows Credential Manager. It holds a single entry, since
// macOS prompts for each one after an upgrade, and systems limit their size.
type SystemKeyring struct{}

// Get implements [Keyring].
func (SystemKeyring) Get(ctx context.Context, name string) ([]byte, error) {
	var secret string
	err := ask(ctx, func() (err error) {
		secret, err = keyring.Get(keyringService, name)
		return err
	})
	if err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.DecodeString(secret)
	if err != nil {
		return nil, errors.New("the keyring's entry for quillgate sign was changed by something else")
	}
	return key, nil
}

// Set implements [Keyring].
func (SystemKeyring) Set(ctx context.Context, name string, secret []byte) error {
	return ask(ctx, func() error {
		return keyring.Set(keyringService, name, base64.StdEncoding.EncodeToString(secret))
	})
}

// Delete implements [Keyring].
func (SystemKeyring) Delete(ctx context.Context, name string) error {
	return ask(ctx, func() error { return keyring.Delete(keyringService, name) })
}

// Available returns nil if the keyring can be used now, and otherwise an error
// that gives the reason and wraps [ErrLocked].
func (SystemKeyring) Available(ctx context.Context) error { return available(ctx) }

// ask runs a request to the keyring with a time limit. An abandoned request
// continues in the background: the library cannot cancel it.
func ask(ctx context.Context, question func() error) error {
	if err := available(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, keyringPatience)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- question() }()
	select {
	case err := <-done:
		if errors.Is(err, keyring.ErrNotFound) {
			return ErrNoSecret
		}
		if err != nil {
			return fmt.Errorf("%w: the keyring says: %w", ErrLocked, err)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: the keyring did not answer", ErrLocked)
	}
}
