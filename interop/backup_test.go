package interop

import (
	"context"
	"encoding/base64"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestH10RestoreDrill makes a backup of a server under load, kills the server,
// and creates a new one from the backup and the keyset file. It has everything
// that was acknowledged before the backup began. Without the keyset file, the
// backup cannot be started or opened.
func TestH10RestoreDrill(t *testing.T) {
	t.Parallel()
	blog := seedIn(t, t.TempDir(), "")
	p := start(t, blog)
	load := &writers{keys: []signingKey{{seedPublic, seedSecret}}}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var running sync.WaitGroup
	for range 4 {
		running.Go(func() { load.write(ctx, t, p) })
	}
	acknowledged := load.await(t, 40, 4)
	file := filepath.Join(t.TempDir(), "backup.db")
	said := command(t, blog, "", "backup", file)
	p.kill()
	cancel()
	running.Wait()
	if more := len(load.posts) - len(acknowledged.posts); more <= 0 {
		t.Error("nothing was written while the backup was made")
	}
	for _, want := range []string{filepath.Join(blog.folder, "uploads"), filepath.Join(blog.folder, "keyset")} {
		if !strings.Contains(said, want) {
			t.Errorf("the command says %q, and nothing of %s", said, want)
		}
	}

	restored := seeded{folder: t.TempDir()}
	restored.inspect(t)
	copyFile(t, file, filepath.Join(restored.folder, "quillgate.db"))
	cmd := exec.Command(build(t), "serve", "--listen", "127.0.0.1:0")
	cmd.Env = restored.environment()
	if out, err := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), "keyset") || !strings.Contains(string(out), "is missing: restore it") {
		t.Errorf("without the keyset: %v, and it says %q", err, out)
	}
	copyFile(t, filepath.Join(blog.folder, "keyset"), filepath.Join(restored.folder, "keyset"))
	if err := os.CopyFS(filepath.Join(restored.folder, "uploads"), os.DirFS(filepath.Join(blog.folder, "uploads"))); err != nil {
		t.Fatal(err)
	}
	command(t, restored, "", "keys", "verify")
	command(t, restored, "", "audit", "verify")
	acknowledged.check(t, start(t, restored))
	t.Logf("%d posts and %d keys acknowledged before the backup, %d posts when the server was killed", len(acknowledged.posts), len(acknowledged.keys)-1, len(load.posts))
	holdsNoSecret(t, file, blog, acknowledged)
}

// holdsNoSecret searches a backup for the secrets of the blog, and for text
// that it must contain, to prove that the search works.
func holdsNoSecret(t *testing.T, file string, blog seeded, load *writers) {
	t.Helper()
	search := &evidence{}
	search.made("the password of the seed", seedPassword)
	for _, key := range load.keys {
		search.made("the secret of a key", key.secret)
	}
	keyset, err := os.ReadFile(filepath.Join(blog.folder, "keyset"))
	if err != nil {
		t.Fatal(err)
	}
	material := regexp.MustCompile(`"value":\s*"([^"]+)"`).FindAllSubmatch(keyset, -1)
	if len(material) == 0 {
		t.Error("no key was found in the keyset file")
	}
	for _, m := range material {
		key, err := base64.StdEncoding.DecodeString(string(m[1]))
		if err != nil {
			t.Fatal(err)
		}
		search.made("the master key", string(key[len(key)-32:])) // AES-256, behind its tag
	}
	if err := search.keepFolder(filepath.Dir(file)); err != nil {
		t.Fatal(err)
	}
	if leaks := search.leaks(); len(leaks) > 0 || search.files != 1 {
		t.Errorf("found in the backup, in %d files: %q", search.files, leaks)
	}
	for _, title := range load.posts {
		search.made("a title", title)
	}
	if err := search.keepFolder(filepath.Dir(file)); err != nil {
		t.Fatal(err)
	}
	if leaks := search.leaks(); len(leaks) < len(load.posts) {
		t.Errorf("the search finds %d of %d titles: it would find no secret", len(leaks), len(load.posts))
	}
}

// await waits until n calls were acknowledged, and returns what they created.
func (l *writers) await(t *testing.T, posts, keys int) *writers {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-tick.C {
		l.mu.Lock()
		enough := len(l.posts) >= posts && len(l.keys) > keys
		out := &writers{posts: maps.Clone(l.posts), keys: slices.Clone(l.keys)}
		l.mu.Unlock()
		if enough {
			return out
		}
	}
	t.Fatalf("the load has not written %d posts and %d keys within %v", posts, keys, patience)
	return nil
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
