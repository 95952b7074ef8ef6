package local

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"golang.org/x/crypto/argon2"
)

// A Sealing is how the secrets of the vault are protected from anyone who gets
// the file.
type Sealing string

// The ways of sealing. With a keyring or a pass-phrase, a random 256-bit key
// seals each secret; the two differ in where that key is kept.
const (
	SealedByKeyring    Sealing = "keyring"     // the user's keyring holds the key
	SealedByPassPhrase Sealing = "pass-phrase" // the file holds the key, wrapped with argon2id
	Unsealed           Sealing = "none"        // only the mode of the file protects the secrets
)

var (
	// ErrLocked means that the key is not available now: the keyring is locked
	// or does not answer, or there is no pass-phrase. Nothing is lost; try
	// again later.
	ErrLocked = errors.New("the keys are locked")
	// ErrPassPhrase means that the pass-phrase is wrong.
	ErrPassPhrase = errors.New("the pass-phrase is wrong")
	// ErrNoSecret means that the vault has no secret with that name.
	ErrNoSecret = errors.New("no key has this name")
	// ErrKeyLost means that the keyring works but has no key for this vault.
	ErrKeyLost = errors.New("the keyring has no key for these secrets: it may belong to another user or computer")
)

// A Keyring stores one small secret for the user. The error is [ErrNoSecret] if
// the entry is absent, and [ErrLocked] if the keyring cannot be asked: that
// never counts as an absent entry.
type Keyring interface {
	Get(ctx context.Context, name string) ([]byte, error)
	Set(ctx context.Context, name string, secret []byte) error
	Delete(ctx context.Context, name string) error
}

// Keys are the possible sources of a vault's key.
type Keys struct {
	Keyring    Keyring                // nil if there is none
	PassPhrase func() ([]byte, error) // asked at most once for each unlocking; nil if there is none
}

// A Vault stores the secrets of the signer in one file:
//
//	{"version": 1, "sealing": "pass-phrase", "vault": "…",
//	 "wrapped": {"salt": "…", "time": 3, "memory": 65536, "threads": 2, "key": "…"},
//	 "secrets": {"blog.example": {"sealed": "…"}}}
//
// "sealed" is AES-256-GCM-SIV with the names of the secret and of the vault as
// associated data, so that entries cannot be exchanged. Without sealing,
// "plain" replaces it. The file is replaced as a whole, and written by one
// process at a time.
//
// A Vault is safe for concurrent use.
type Vault struct {
	path string
	keys Keys

	mu  sync.Mutex
	key *aead // set when it is unlocked
}

type vaultFile struct {
	Version int                    `json:"version"`
	Sealing Sealing                `json:"sealing"`
	Vault   string                 `json:"vault"`
	Wrapped *wrappedKey            `json:"wrapped,omitempty"`
	Secrets map[string]vaultSecret `json:"secrets"`
}

type vaultSecret struct {
	Sealed []byte `json:"sealed,omitempty"`
	Plain  []byte `json:"plain,omitempty"`
}

// wrappedKey is the key of a vault, sealed under a pass-phrase. The file holds
// the costs, so that they can be raised later.
type wrappedKey struct {
	Salt    []byte `json:"salt"`
	Time    uint32 `json:"time"`
	Memory  uint32 `json:"memory"` // KiB
	Threads uint8  `json:"threads"`
	Key     []byte `json:"key"`
}

// The costs of a pass-phrase: 0.2 s and 64 MiB on an ordinary computer.
const (
	passTime    = 3
	passMemory  = 64 << 10
	passThreads = 2
)

type aead struct {
	vault string
	of    *subtle.AESGCMSIV
}

func newAEAD(vault string, key []byte) (*aead, error) {
	of, err := subtle.NewAESGCMSIV(key)
	if err != nil {
		return nil, fmt.Errorf("use the key of the vault: %w", err)
	}
	return &aead{vault, of}, nil
}

// OpenVault returns the vault in a file. The file is created when the first
// secret is stored. Nothing is unlocked yet.
func OpenVault(path string, keys Keys) (*Vault, error) {
	v := &Vault{path: path, keys: keys}
	_, err := v.read()
	return v, err
}

// read reads the file. A missing file is an empty vault.
func (v *Vault) read() (*vaultFile, error) {
	content, err := os.ReadFile(v.path)
	if errors.Is(err, fs.ErrNotExist) {
		return &vaultFile{Version: 1, Secrets: map[string]vaultSecret{}}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the sealed keys: %w", err)
	}
	f := &vaultFile{}
	dec := json.NewDecoder(bytes.NewReader(content))
	dec.DisallowUnknownFields()
	if err := dec.Decode(f); err != nil {
		return nil, fmt.Errorf("read the sealed keys in %s: %w: restore the file from a copy", v.path, err)
	}
	if f.Version != 1 {
		return nil, fmt.Errorf("read the sealed keys in %s: version %d was written by a newer quillgate", v.path, f.Version)
	}
	if f.Secrets == nil {
		f.Secrets = map[string]vaultSecret{}
	}
	return f, nil
}

// Sealing returns how the secrets are sealed, or "" if there are none.
func (v *Vault) Sealing() (Sealing, error) {
	f, err := v.read()
	if err != nil {
		return "", err
	}
	return f.Sealing, nil
}

// Names returns the sorted names of all secrets.
func (v *Vault) Names() ([]string, error) {
	f, err := v.read()
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(f.Secrets)), nil
}

// Unsealed returns the number of unsealed secrets.
func (v *Vault) Unsealed() (int, error) {
	f, err := v.read()
	if err != nil {
		return 0, err
	}
	n := 0
	for _, s := range f.Secrets {
		if s.Sealed == nil {
			n++
		}
	}
	return n, nil
}

// Get returns a secret. Errors: [ErrNoSecret], [ErrLocked], [ErrPassPhrase],
// [ErrKeyLost].
func (v *Vault) Get(ctx context.Context, name string) ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	f, err := v.read()
	if err != nil {
		return nil, err
	}
	s, ok := f.Secrets[name]
	if !ok {
		return nil, fmt.Errorf("%s: %w", name, ErrNoSecret)
	}
	if s.Sealed == nil {
		return s.Plain, nil
	}
	key, err := v.unlock(ctx, f)
	if err != nil {
		return nil, err
	}
	secret, err := key.of.Decrypt(s.Sealed, associated(f.Vault, name))
	if err != nil {
		return nil, fmt.Errorf("open the key of %s: the file was changed by something else", name)
	}
	return secret, nil
}

// Put stores a secret under a name and replaces an older one. how is the
// sealing for a vault that is still empty; an existing vault keeps its own.
func (v *Vault) Put(ctx context.Context, name string, secret []byte, how Sealing) error {
	return v.change(func(f *vaultFile) error {
		if f.Sealing == "" {
			if err := v.begin(ctx, f, how); err != nil {
				return err
			}
		}
		s, err := v.seal(ctx, f, name, secret)
		f.Secrets[name] = s
		return err
	})
}

// Delete deletes a secret, if it exists.
func (v *Vault) Delete(name string) error {
	return v.change(func(f *vaultFile) error {
		delete(f.Secrets, name)
		return nil
	})
}

// Seal changes the sealing of all secrets in one step, and returns their
// number. The old key is deleted only after the new file is on disk.
func (v *Vault) Seal(ctx context.Context, how Sealing) (n int, err error) {
	var old vaultFile
	err = v.change(func(f *vaultFile) error {
		old = *f
		secrets := map[string][]byte{}
		for name, s := range f.Secrets {
			if s.Sealed == nil {
				secrets[name] = s.Plain
				continue
			}
			key, err := v.unlock(ctx, f)
			if err != nil {
				return err
			}
			if secrets[name], err = key.of.Decrypt(s.Sealed, associated(f.Vault, name)); err != nil {
				return fmt.Errorf("open the key of %s: the file was changed by something else", name)
			}
		}
		if f.Sealing != how {
			v.key = nil
			*f = vaultFile{Version: 1}
			if err := v.begin(ctx, f, how); err != nil {
				return err
			}
		}
		f.Secrets = map[string]vaultSecret{}
		for name, secret := range secrets {
			s, err := v.seal(ctx, f, name, secret)
			if err != nil {
				return err
			}
			f.Secrets[name] = s
			n++
		}
		return nil
	})
	if err == nil && old.Sealing == SealedByKeyring && how != SealedByKeyring && v.keys.Keyring != nil {
		// The entry no longer opens anything, so it may stay.
		_ = v.keys.Keyring.Delete(ctx, old.Vault)
	}
	return n, err
}

// seal returns the entry for a secret.
func (v *Vault) seal(ctx context.Context, f *vaultFile, name string, secret []byte) (vaultSecret, error) {
	if f.Sealing == Unsealed {
		return vaultSecret{Plain: secret}, nil
	}
	key, err := v.unlock(ctx, f)
	if err != nil {
		return vaultSecret{}, err
	}
	sealed, err := key.of.Encrypt(secret, associated(f.Vault, name))
	if err != nil {
		return vaultSecret{}, fmt.Errorf("seal the key of %s: %w", name, err)
	}
	return vaultSecret{Sealed: sealed}, nil
}

func associated(vault, name string) []byte {
	return []byte("quillgate sign\x00" + vault + "\x00" + name)
}

// change edits the file while it is locked.
func (v *Vault) change(edit func(f *vaultFile) error) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return locked(v.path, func() error {
		f, err := v.read()
		if err != nil {
			return err
		}
		if err := edit(f); err != nil {
			return err
		}
		content, err := json.MarshalIndent(f, "", " ")
		if err != nil {
			return fmt.Errorf("write the sealed keys: %w", err)
		}
		return writeWhole(v.path, append(content, '\n'))
	})
}

// begin creates the key of a new vault and stores it where how says.
func (v *Vault) begin(ctx context.Context, f *vaultFile, how Sealing) error {
	f.Sealing, f.Vault = how, rand.Text()
	if how == Unsealed {
		return nil
	}
	key := make([]byte, 32)
	defer clear(key)
	rand.Read(key)
	switch how {
	case SealedByKeyring:
		if err := v.hand(ctx, f.Vault, key); err != nil {
			return err
		}
	case SealedByPassPhrase:
		if err := v.wrap(f, key); err != nil {
			return err
		}
	default:
		return fmt.Errorf("%q is not a way of sealing", how)
	}
	var err error
	v.key, err = newAEAD(f.Vault, key)
	return err
}

// hand stores the key in the keyring and reads it back: on some systems, a
// failed store reports success.
func (v *Vault) hand(ctx context.Context, name string, key []byte) error {
	if v.keys.Keyring == nil {
		return fmt.Errorf("%w: there is no keyring", ErrLocked)
	}
	if err := v.keys.Keyring.Set(ctx, name, key); err != nil {
		return err
	}
	back, err := v.keys.Keyring.Get(ctx, name)
	if err != nil {
		return err
	}
	defer clear(back)
	if !bytes.Equal(back, key) {
		return errors.New("the keyring does not return what was stored in it")
	}
	return nil
}

// wrap stores the key in the file, sealed under the pass-phrase.
func (v *Vault) wrap(f *vaultFile, key []byte) error {
	pass, err := v.passPhrase()
	if err != nil {
		return err
	}
	defer clear(pass)
	w := &wrappedKey{Salt: make([]byte, 16), Time: passTime, Memory: passMemory, Threads: passThreads}
	rand.Read(w.Salt)
	of, err := w.under(pass)
	if err != nil {
		return err
	}
	if w.Key, err = of.Encrypt(key, associated(f.Vault, "")); err != nil {
		return fmt.Errorf("seal the key of the vault: %w", err)
	}
	f.Wrapped = w
	return nil
}

// under derives the key for a pass-phrase. It returns the memory of the
// derivation to the system at once: the garbage collector alone would keep it.
func (w *wrappedKey) under(pass []byte) (*subtle.AESGCMSIV, error) {
	if w.Time < 1 || w.Time > 16 || w.Memory < 8<<10 || w.Memory > 1<<20 || w.Threads < 1 || w.Threads > 16 {
		return nil, errors.New("the file of sealed keys has invalid pass-phrase parameters")
	}
	derived := argon2.IDKey(pass, w.Salt, w.Time, w.Memory, w.Threads, 32)
	defer debug.FreeOSMemory()
	defer clear(derived)
	return subtle.NewAESGCMSIV(derived)
}

func (v *Vault) passPhrase() ([]byte, error) {
	if v.keys.PassPhrase == nil {
		return nil, fmt.Errorf("%w: there is no pass-phrase", ErrLocked)
	}
	pass, err := v.keys.PassPhrase()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrLocked, err)
	}
	if len(pass) == 0 {
		return nil, fmt.Errorf("%w: the pass-phrase is empty", ErrLocked)
	}
	return pass, nil
}

// Unlock fetches the key of the vault, so that later uses need nobody. A vault
// that is empty or not sealed needs no key.
func (v *Vault) Unlock(ctx context.Context) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	f, err := v.read()
	if err != nil || f.Sealing == "" || f.Sealing == Unsealed {
		return err
	}
	_, err = v.unlock(ctx, f)
	return err
}

// unlock returns the key of the vault, which stays in memory. Another process
// may have changed the sealing and the key meanwhile.
func (v *Vault) unlock(ctx context.Context, f *vaultFile) (*aead, error) {
	if v.key != nil && v.key.vault == f.Vault {
		return v.key, nil
	}
	key, err := v.fetch(ctx, f)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	v.key, err = newAEAD(f.Vault, key)
	return v.key, err
}

func (v *Vault) fetch(ctx context.Context, f *vaultFile) ([]byte, error) {
	switch f.Sealing {
	case SealedByKeyring:
		if v.keys.Keyring == nil {
			return nil, fmt.Errorf("%w: there is no keyring", ErrLocked)
		}
		key, err := v.keys.Keyring.Get(ctx, f.Vault)
		if errors.Is(err, ErrNoSecret) {
			return nil, ErrKeyLost
		}
		return key, err
	case SealedByPassPhrase:
		if f.Wrapped == nil {
			return nil, errors.New("the sealed keys lack their wrapped key: restore the file from a copy")
		}
		pass, err := v.passPhrase()
		if err != nil {
			return nil, err
		}
		defer clear(pass)
		of, err := f.Wrapped.under(pass)
		if err != nil {
			return nil, err
		}
		key, err := of.Decrypt(f.Wrapped.Key, associated(f.Vault, ""))
		if err != nil {
			return nil, ErrPassPhrase
		}
		return key, nil
	}
	return nil, fmt.Errorf("the secrets are sealed with %q, which this version does not know", f.Sealing)
}

// writeWhole replaces a file in one step: every reader, also after a crash,
// finds either the old content or the new one.
func writeWhole(path string, content []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("write %s: %w", path, err), os.Remove(f.Name()))
		}
	}()
	if _, err = f.Write(content); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}
