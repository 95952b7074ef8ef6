package local_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/quillgate/quillgate/signer/local"
)

func passPhrase(text string) local.Keys {
	return local.Keys{PassPhrase: func() ([]byte, error) { return []byte(text), nil }}
}

func open(t *testing.T, path string, keys local.Keys) *local.Vault {
	t.Helper()
	v, err := local.OpenVault(path, keys)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func put(t *testing.T, v *local.Vault, name, secret string, how local.Sealing) {
	t.Helper()
	if err := v.Put(t.Context(), name, []byte(secret), how); err != nil {
		t.Fatal(err)
	}
}

func wantSecret(t *testing.T, v *local.Vault, name, want string) {
	t.Helper()
	got, err := v.Get(t.Context(), name)
	if err != nil || string(got) != want {
		t.Errorf("the secret of %s is %q, %v; want %q", name, got, err, want)
	}
}

func TestPassPhraseSealsSecrets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	v := open(t, path, passPhrase("right"))
	put(t, v, "a.example", "very secret", local.SealedByPassPhrase)
	put(t, v, "b.example", "another one", local.SealedByPassPhrase)
	wantSecret(t, open(t, path, passPhrase("right")), "a.example", "very secret")

	content, err := os.ReadFile(path)
	if err != nil || bytes.Contains(content, []byte("very secret")) {
		t.Errorf("the file holds the secret, or cannot be read: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file has the mode %v, %v", info.Mode(), err)
	}
	if _, err := open(t, path, passPhrase("wrong")).Get(t.Context(), "a.example"); !errors.Is(err, local.ErrPassPhrase) {
		t.Errorf("a wrong pass-phrase gives %v", err)
	}
	if _, err := open(t, path, local.Keys{}).Get(t.Context(), "a.example"); !errors.Is(err, local.ErrLocked) {
		t.Errorf("no pass-phrase gives %v", err)
	}
	if _, err := v.Get(t.Context(), "c.example"); !errors.Is(err, local.ErrNoSecret) {
		t.Errorf("an unknown name gives %v", err)
	}
	after, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(content, after) {
		t.Errorf("reading has changed the file: %v", err)
	}
}

// Whoever can write the file must not make the signer use one blog's key for
// another.
func TestSealedEntriesCannotBeExchanged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	v := open(t, path, passPhrase("p"))
	put(t, v, "aaa.example", "one", local.SealedByPassPhrase)
	put(t, v, "bbb.example", "two", local.SealedByPassPhrase)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("aaa.example", "bbb.example", "bbb.example", "aaa.example").Replace(string(content))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := v.Get(t.Context(), "aaa.example"); err == nil {
		t.Errorf("an exchanged entry opens as %q", got)
	}
}

func TestSealSealsWhatWasStoredBefore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	v := open(t, path, passPhrase("p"))
	for i := range 5 {
		put(t, v, fmt.Sprintf("%d.example", i), fmt.Sprintf("unsealed secret %d", i), local.Unsealed)
	}
	if n, err := v.Unsealed(); n != 5 || err != nil {
		t.Errorf("%d secrets are not sealed, %v", n, err)
	}
	for range 2 { // a second time changes nothing
		if n, err := v.Seal(t.Context(), local.SealedByPassPhrase); n != 5 || err != nil {
			t.Fatalf("sealed %d, %v", n, err)
		}
	}
	content, err := os.ReadFile(path)
	if err != nil || bytes.Contains(content, []byte("unsealed secret")) || bytes.Contains(content, []byte(`"plain"`)) {
		t.Errorf("the file still holds a secret: %v", err)
	}
	if n, err := v.Unsealed(); n != 0 || err != nil {
		t.Errorf("%d secrets are not sealed, %v", n, err)
	}
	wantSecret(t, open(t, path, passPhrase("p")), "3.example", "unsealed secret 3")
}

// broken is a keyring that does not answer.
type broken struct{}

func (broken) Get(context.Context, string) ([]byte, error) { return nil, local.ErrLocked }
func (broken) Set(context.Context, string, []byte) error   { return local.ErrLocked }
func (broken) Delete(context.Context, string) error        { return local.ErrLocked }

// A keyring that cannot be asked must cost no one a key.
func TestFailedSealingChangesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	v := open(t, path, local.Keys{Keyring: broken{}, PassPhrase: passPhrase("p").PassPhrase})
	put(t, v, "a.example", "secret", local.SealedByPassPhrase)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Seal(t.Context(), local.SealedByKeyring); !errors.Is(err, local.ErrLocked) {
		t.Errorf("sealing gives %v", err)
	}
	after, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file was changed: %v", err)
	}
	wantSecret(t, v, "a.example", "secret")
}

func TestManyWritersLoseNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	var wait sync.WaitGroup
	for i := range 8 {
		v := open(t, path, local.Keys{})
		wait.Go(func() {
			for k := range 5 {
				if err := v.Put(t.Context(), fmt.Sprintf("%d-%d", i, k), []byte("s"), local.Unsealed); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	if names, err := open(t, path, local.Keys{}).Names(); len(names) != 40 || err != nil {
		t.Errorf("%d names, %v", len(names), err)
	}
}

// inSession runs one test of this file again inside a message bus of its own
// that has a Secret Service, unlocked when asked for.
func inSession(t *testing.T, unlocked bool) {
	t.Helper()
	for _, program := range []string{"dbus-run-session", "gnome-keyring-daemon"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("%v: tools/install-test-tools installs it", err)
		}
	}
	home := t.TempDir()
	run := filepath.Join(home, "run")
	if err := os.Mkdir(run, 0o700); err != nil {
		t.Fatal(err)
	}
	start := `printf pw | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1; exec "$@"`
	if !unlocked {
		start = `exec "$@"`
	}
	cmd := exec.CommandContext(t.Context(), "dbus-run-session", "--", "sh", "-c", start, "sh", os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_RUNTIME_DIR="+run, "XDG_DATA_HOME=", "DISPLAY=", "WAYLAND_DISPLAY=", "QUILLGATE_TEST_SESSION="+home)
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: "+t.Name())) {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestSecretServiceKeepsTheKey(t *testing.T) {
	home := os.Getenv("QUILLGATE_TEST_SESSION")
	if home == "" {
		inSession(t, true)
		return
	}
	keys := local.Keys{Keyring: local.SystemKeyring{}}
	path := filepath.Join(home, "keys.json")
	v := open(t, path, keys)
	put(t, v, "a.example", "secret of a", local.SealedByKeyring)
	wantSecret(t, open(t, path, keys), "a.example", "secret of a")
	if _, err := open(t, path, local.Keys{}).Get(t.Context(), "a.example"); !errors.Is(err, local.ErrLocked) {
		t.Errorf("without the keyring: %v", err)
	}
	if content, err := os.ReadFile(path); err != nil || bytes.Contains(content, []byte("secret of a")) {
		t.Errorf("the file holds the secret, or cannot be read: %v", err)
	}
	// A keyring that answers "no such entry" is another case than a locked one.
	if err := v.Put(t.Context(), "b.example", []byte("b"), ""); err != nil {
		t.Fatal(err)
	}
	if _, err := (local.SystemKeyring{}).Get(t.Context(), "nothing of that name"); !errors.Is(err, local.ErrNoSecret) {
		t.Errorf("an absent entry is %v", err)
	}
	if n, err := v.Seal(t.Context(), local.Unsealed); n != 2 || err != nil {
		t.Errorf("unsealed %d, %v", n, err)
	}
	wantSecret(t, open(t, path, local.Keys{}), "a.example", "secret of a")
}

func TestLockedKeyringIsNotAnAbsentKey(t *testing.T) {
	home := os.Getenv("QUILLGATE_TEST_SESSION")
	if home == "" {
		inSession(t, false)
		return
	}
	_, err := (local.SystemKeyring{}).Get(t.Context(), "x")
	if !errors.Is(err, local.ErrLocked) || errors.Is(err, local.ErrNoSecret) {
		t.Errorf("a keyring that cannot be used gives %v", err)
	}
}
