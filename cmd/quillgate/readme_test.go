package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
)

// readme runs the blocks of README.md in a folder, with its addresses and keys
// replaced by those of the test.
type readme struct {
	folder, address string
	environment     []string
}

// TestReadme runs every shell block of README.md in order, and the Python one,
// as a reader would.
func TestReadme(t *testing.T) {
	t.Parallel()
	r := &readme{folder: t.TempDir()}
	r.environment = append(os.Environ(), "HOME="+r.folder, "QUILLGATE_DATA="+r.folder+"/quillgate-data")
	tree, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(tree, "docs"), filepath.Join(r.folder, "docs")); err != nil {
		t.Fatal(err)
	}
	release := r.release(t, tree)
	r.serve(t)

	key, secret := r.key(t, "calls")
	spare, _ := r.key(t, "to be revoked")
	r.sh(t, "what the blocks need", fmt.Sprintf(`
		printf %%s '%s' >secret
		mkdir uploads
		quillgate export --format wxr site.xml
		printf '%%s\n' '<?xml version="1.0"?><methodCall><methodName>demo.sayHello</methodName><params/></methodCall>' >body.xml`, secret))
	r.environment = append(r.environment, "PUBLIC="+key, "SECRET="+secret, "URL=http://"+r.address+"/xmlrpc.php")
	words := strings.NewReplacer(
		"https://github.com/quillgate/quillgate/releases/latest/download", "file://"+release,
		"sh install.sh", "sh install.sh --from file://"+release+" --to "+r.folder+"/prefix",
		"git clone https://github.com/quillgate/quillgate", "git clone --quiet --shared "+tree+" quillgate",
		"make build", "make --dry-run build", // make test has done it
		"BLOG_PUBLIC=… BLOG_SECRET=…", "BLOG_PUBLIC="+key+" BLOG_SECRET="+secret,
		"quillgate serve --", "quillgate check-config --", // a server does not end
		"quillgate serve ", "quillgate health ",
		"https://blog.example     ", "http://"+r.address, // of doctor
		"127.0.0.1:8080", r.address,
		"app rotate PUBLIC", "app rotate "+spare,
		"app revoke PUBLIC", "app revoke "+spare,
		"--public PUBLIC --secret-file FILE", "--public "+key+" --secret-file secret",
	)
	text := readTree(t, "README.md")
	blocks := regexp.MustCompile("(?s)```(sh|python)\n(.*?)```").FindAllStringSubmatch(text, -1)
	if len(blocks) < 8 {
		t.Fatalf("only %d blocks", len(blocks))
	}
	for _, b := range blocks {
		if b[1] == "sh" {
			r.sh(t, b[2], words.Replace(b[2]))
			continue
		}
		head := fmt.Sprintf("URL, PUBLIC, SECRET = %q, %q, %q\n", "http://"+r.address+"/xmlrpc.php", key, secret)
		out := r.run(t, b[2], "python3", "-c", head+b[2])
		if !regexp.MustCompile(`<string>\d+</string>`).MatchString(out) {
			t.Errorf("the Python block prints %s", out)
		}
	}
	for _, made := range []string{"prefix/bin/quillgate", "copy.xml", "blog.json"} {
		if _, err := os.Stat(filepath.Join(r.folder, made)); err != nil {
			t.Error(err)
		}
	}
	if got := r.sh(t, "posts", "quillgate call --public "+key+" --secret-file secret wp.getPosts 1 '' ''"); !strings.Contains(got, "Published by a signed call.") || !strings.Contains(got, "Signed") {
		t.Errorf("the blog holds %s", got)
	}
}

// release creates the release that install.sh finds.
func (r *readme) release(t *testing.T, tree string) string {
	t.Helper()
	name := fmt.Sprintf("quillgate-v0.1.0-%s-%s", runtime.GOOS, runtime.GOARCH)
	r.sh(t, "a release", fmt.Sprintf(`
		ssh-keygen -q -t ed25519 -N '' -f key
		mkdir release
		cp "$(command -v quillgate)" release/%s
		SIGN_KEY=$PWD/key %s/tools/sign-release release v0.1.0`, name, tree))
	return filepath.Join(r.folder, "release")
}

// serve starts the server of README.md at another port, because 8080 may be in
// use.
func (r *readme) serve(t *testing.T) {
	t.Helper()
	for range 20 {
		r.address = fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(12000)) // below those that the system hands out
		l, err := net.Listen("tcp", r.address)
		if err != nil {
			continue
		}
		l.Close()
		cmd := exec.Command("quillgate", "serve")
		cmd.Dir, cmd.Env = r.folder, append(r.environment, "QUILLGATE_LISTEN="+r.address)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		if r.healthy(ended) {
			r.environment = append(r.environment, "QUILLGATE_LISTEN="+r.address)
			t.Cleanup(func() {
				if err := errors.Join(cmd.Process.Signal(os.Interrupt), <-ended); err != nil {
					t.Errorf("the server ended with %v", err)
				}
			})
			return
		}
	}
	t.Fatal("the server does not start")
}

// healthy waits until the server answers or has exited.
func (r *readme) healthy(ended chan error) bool {
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); {
		if exec.Command("quillgate", "health", "http://"+r.address).Run() == nil {
			return true
		}
		select {
		case <-ended:
			return false // another program was faster at the port
		case <-time.After(50 * time.Millisecond):
		}
	}
	return false
}

// key creates a key for admin.
func (r *readme) key(t *testing.T, name string) (public, secret string) {
	t.Helper()
	out := r.run(t, name, "quillgate", "app", "create", "--user", "admin", "--name", name)
	m := regexp.MustCompile(`Public key: (\S+)\nSecret: +(\S+)`).FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("app create prints %s", out)
	}
	return m[1], m[2]
}

func (r *readme) sh(t *testing.T, what, block string) string {
	t.Helper()
	return r.run(t, what, "sh", "-e", "-u", "-c", block)
}

func (r *readme) run(t *testing.T, what, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = r.folder, r.environment
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s\n%v\n%s", what, err, out)
	}
	return string(out)
}
