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

// A Sealing is how the secrets of the vault are kept from whoever gets at the
// file.
type Sealing string

// The ways of sealing. With a keyring and with a pass-phrase a random key of
// 256 bits seals each secret; they differ in what keeps that key.
const (
	SealedByKeyring    Sealing = "keyring"     // the user's keyring holds the key
	SealedByPassPhrase Sealing = "pass-phrase" // the file holds the key, under argon2id
	Unsealed           Sealing = "none"        // only the mode of the file protects the secrets
)

var (
	// ErrLocked means that the key cannot be had now: the keyring is locked or
	// does not answer, or there is no pass-phrase. Nothing is lost; ask again
	// later.
	ErrLocked = errors.New("the keys are locked")
	// ErrPassPhrase means that the pass-phrase is not the one that was used.
	ErrPassPhrase = errors.New("the pass-phrase is wrong")
	// ErrNoSecret means that the vault holds nothing of that name.
	ErrNoSecret = errors.New("no key has this name")
	// ErrKeyLost means that the keyring works and holds no key for this vault.
	ErrKeyLost = errors.New("the keyring has no key for these secrets: it may belong to another user or computer")
)

// A Keyring keeps one small secret for the user. An entry that is absent is
// [ErrNoSecret]; a keyring that cannot be asked is [ErrLocked], and never
// taken for an absent entry.
type Keyring interface {
	Get(ctx context.Context, name string) ([]byte, error)
	Set(ctx context.Context, name string, secret []byte) error
	Delete(ctx context.Context, name string) error
}

// Keys is where the key of a vault may come from.
type Keys struct {
	Keyring    Keyring                // nil when there is none
	PassPhrase func() ([]byte, error) // asked at most once for each unlocking; nil when there is none
}

// A Vault keeps the secrets of the signer in one file:
//
//	{"version": 1, "sealing": "pass-phrase", "vault": "…",
//	 "wrapped": {"salt": "…", "time": 3, "memory": 65536, "threads": 2, "key": "…"},
//	 "secrets": {"blog.example": {"sealed": "…"}}}
//
// "sealed" is AES-256-GCM-SIV with the name of the secret and of the vault as
// associated data, so that entries cannot be exchanged. "plain" stands in its
// place while nothing seals. The file is replaced as a whole, and written by
// one process at a time.
//
// A Vault is safe for concurrent use.
type Vault struct {
	path string
	keys Keys

	mu  sync.Mutex
	key *aead // once it is unlocked
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

// wrappedKey is the key of a vault under a pass-phrase. The costs stand in the
// file, so that they can be raised later.
type wrappedKey struct {
	Salt    []byte `json:"salt"`
	Time    uint32 `json:"time"`
	Memory  uint32 `json:"memory"` // KiB
	Threads uint8  `json:"threads"`
	Key     []byte `json:"key"`
}

// The costs of a pass-phrase: 0.2 s and 64 MiB on a common computer.
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

// OpenVault opens the vault in a file. It is made when something is put into
// it. Nothing is unlocked yet.
func OpenVault(path string, keys Keys) (*Vault, error) {
	v := &Vault{path: path, keys: keys}
	_, err := v.read()
	return v, err
}

// read reads the file. A file that is not there is an empty vault.
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

// Sealing returns how the secrets are kept now, and "" while there are none.
func (v *Vault) Sealing() (Sealing, error) {
	f, err := v.read()
	if err != nil {
		return "", err
	}
	return f.Sealing, nil
}

// Names returns the names of all secrets, in order.
func (v *Vault) Names() ([]string, error) {
	f, err := v.read()
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(f.Secrets)), nil
}

// Unsealed counts the secrets that nothing seals.
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

// Put keeps a secret under a name, in place of an older one. how is how a vault
// that is still empty gets sealed; an existing one stays as it is.
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

// Delete forgets a secret. One that is not there is no error.
func (v *Vault) Delete(name string) error {
	return v.change(func(f *vaultFile) error {
		delete(f.Secrets, name)
		return nil
	})
}

// Seal seals all secrets in another way, or for the first time, in one step.
// It reports how many it has sealed. The old key goes away only after the new
// file is on the disk.
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
		// The entry opens nothing any more. That it stays is no harm.
		_ = v.keys.Keyring.Delete(ctx, old.Vault)
	}
	return n, err
}

// seal makes the entry of a secret.
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

// change edits the file under its lock.
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

// begin makes the key of a new vault and gives it to its keeper.
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

// hand gives the key to the keyring and reads it back: on some systems a store
// that failed reports success.
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

// wrap puts the key into the file under the pass-phrase.
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

// under derives the key that a pass-phrase stands for. It gives the memory of
// the derivation back to the system at once: the collector alone would keep it.
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

// Unlock gets the key of the vault, so that later uses need no one. An empty
// vault and one that nothing seals need no key.
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

// unlock returns the key of the vault. It stays in memory; another process may
// have sealed the vault in another way meanwhile, and then the key is another.
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

// writeWhole replaces a file in one step: whoever reads it, also after a crash,
// finds the old content or the new one.
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
