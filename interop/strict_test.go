package interop

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/server"
	"github.com/quillgate/quillgate/signature"
	"github.com/quillgate/quillgate/signer"
	"github.com/quillgate/quillgate/xmlrpc"
)

// captured keeps a signed request from being sent, so that the test can send
// it.
type captured struct{ request *http.Request }

var errCaptured = errors.New("captured")

func (c *captured) RoundTrip(r *http.Request) (*http.Response, error) {
	c.request = r
	return nil, errCaptured
}

// strictRequest returns a call with a strict signature for an address, and its
// body.
func strictRequest(t *testing.T, address, method string, params ...xmlrpc.Value) (http.Header, []byte) {
	t.Helper()
	body := xmlrpc.AppendCall(nil, method, params...)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "text/xml")
	var c captured
	transport := signer.Transport{Public: seedPublic, Secret: seedSecret, Scheme: signer.MessageSignatures, Base: &c}
	if _, err := transport.RoundTrip(r); !errors.Is(err, errCaptured) {
		t.Fatal(err)
	}
	return c.request.Header, body
}

// sendTo sends a request that was signed for http://blog.example to a process.
func sendTo(ctx context.Context, p *process, header http.Header, body []byte) (xmlrpc.Value, error) {
	header = header.Clone()
	header.Set("Host", "blog.example")
	return callWith(ctx, http.DefaultTransport, p.endpoint, header, body)
}

// S15: of 100 copies of a request at the same time, one is accepted, even if
// they go to three processes that share a database. No later copy is accepted
// by any of them, even after all have been restarted.
func TestS15OneOfHundred(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) { oneOfHundred(t, seed(t, ""), 1) })
	t.Run("postgres, three processes", func(t *testing.T) { oneOfHundred(t, seed(t, databasetest.Postgres(t)), 3) })
}

func oneOfHundred(t *testing.T, blog seeded, n int) {
	var processes []*process
	for range n {
		processes = append(processes, start(t, blog))
	}
	for round := range 3 {
		title := fmt.Sprintf("Written once %d", round)
		header, body := strictRequest(t, "http://blog.example/xmlrpc.php", "wp.newPost", xmlrpc.Int(1), xmlrpc.String(""), xmlrpc.String(""),
			xmlrpc.Struct(xmlrpc.Member{Name: "post_title", Value: xmlrpc.String(title)}, xmlrpc.Member{Name: "post_status", Value: xmlrpc.String("publish")}))
		var accepted atomic.Int64
		var all sync.WaitGroup
		for i := range 100 {
			all.Go(func() {
				_, err := sendTo(t.Context(), processes[i%n], header, body)
				var fault *xmlrpc.Fault
				switch {
				case err == nil:
					accepted.Add(1)
				case !errors.As(err, &fault) || fault.Code != 403:
					t.Errorf("a copy: %v, want fault 403", err)
				}
			})
		}
		all.Wait()
		if got := accepted.Load(); got != 1 {
			t.Errorf("%d of 100 copies were accepted, want 1", got)
		}
		posts, err := call(t.Context(), processes[0], &signingKey{seedPublic, seedSecret}, "wp.getPosts", xmlrpc.Int(1), xmlrpc.String(""), xmlrpc.String(""),
			xmlrpc.Struct(xmlrpc.Member{Name: "s", Value: xmlrpc.String(title)}))
		if err != nil || len(posts.Elements()) != 1 {
			t.Errorf("%d posts, %v; want 1", len(posts.Elements()), err)
		}
		if round == 1 {
			for i := range processes {
				processes[i].stop(t)
				processes[i] = start(t, blog)
			}
		}
		for _, p := range processes {
			if _, err := sendTo(t.Context(), p, header, body); err == nil {
				t.Error("a later copy was accepted")
			}
		}
	}
}

// pair is the key of an application without a secret.
type pair struct {
	public  string // the public part, which names the application
	alg     string
	private string // file
}

// enrol creates an application with a verification key.
func enrol(t *testing.T, blog seeded, alg string) pair {
	t.Helper()
	var private any
	var err error
	switch alg {
	case "ed25519":
		_, private, err = ed25519.GenerateKey(nil)
	case "ecdsa-p256-sha256":
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		private, err = rsa.GenerateKey(rand.Reader, 3072)
	}
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	key, err := signature.ParsePrivateKey(signature.Algorithm(alg), text)
	if err != nil {
		t.Fatal(err)
	}
	public, err := key.MarshalPublic()
	if err != nil {
		t.Fatal(err)
	}
	verification, err := apps.ParseVerificationKey(alg, public)
	if err != nil {
		t.Fatal(err)
	}
	b, err := server.OpenBlog(t.Context(), server.BlogConfig{Folder: blog.folder, Database: blog.database, BaseURL: "http://localhost"})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	user, err := b.Users.ByLogin(t.Context(), seedUser)
	if err != nil {
		t.Fatal(err)
	}
	app, err := b.Apps.Enrol(t.Context(), audit.Operator, apps.New{UserID: user.ID, Name: "a pair"}, verification)
	if err != nil {
		t.Fatal(err)
	}
	return pair{app.Public, alg, fileOf(t, text)}
}

// fileOf writes a file for a program to read.
func fileOf(t testing.TB, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Another implementation of RFC 9421 signs for this server, and verifies what
// it signs.
func TestAnotherImplementation(t *testing.T) {
	t.Parallel()
	blog := seed(t, "")
	secret := pair{seedPublic, "hmac-sha256", fileOf(t, []byte(seedSecret))}
	pairs := []pair{secret}
	for _, alg := range apps.Algorithms() {
		pairs = append(pairs, enrol(t, blog, alg))
	}
	p := start(t, blog)
	own, err := signer.AnswerKey(t.Context(), nil, p.endpoint)
	if err != nil {
		t.Fatal(err)
	}
	ownPEM, err := own.MarshalPublic()
	if err != nil {
		t.Fatal(err)
	}
	answers := fileOf(t, ownPEM)
	for _, k := range pairs {
		t.Run(k.alg, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), "node", "strict.js")
			cmd.Dir = "clients"
			cmd.Env = append(os.Environ(), "QG_URL="+p.endpoint, "QG_PUBLIC="+k.public, "QG_ALG="+k.alg, "QG_KEY="+k.private,
				"QG_ANSWER_KEY="+answers, "QG_ANSWER_ALG=ed25519")
			if k == secret {
				cmd.Env = append(cmd.Env, "QG_ANSWER_KEY="+k.private, "QG_ANSWER_ALG=hmac-sha256")
			}
			if out, err := cmd.CombinedOutput(); err != nil || string(out) != "ok\n" {
				t.Errorf("%v (it needs Node and, in interop/clients, npm ci)\n%s\n%s", err, out, tail(p.log.String(), 1000))
			}
			// quillgate itself as a client.
			args := []string{"call", "--url", p.endpoint, "--public", k.public, "--secret-file", k.private, "--alg", k.alg, "--strict", "--check-answer"}
			if out := command(t, blog, "", append(args, "wp.getUsersBlogs", "", "")...); !strings.Contains(out, "blogName") {
				t.Errorf("quillgate call: %s", out)
			}
			// A fault is signed too.
			cmd = exec.CommandContext(t.Context(), build(t), append(args, "wp.getPost", "1", "", "", "999999")...)
			if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "fault 404") {
				t.Errorf("quillgate call: %v, %s; want fault 404", err, out)
			}
		})
	}
}

// The examples of strict signing are tested as TestExamples tests those of the
// header scheme.
func TestStrictExamples(t *testing.T) {
	blog := seed(t, "")
	p := start(t, blog)
	key := signingKey{seedPublic, seedSecret}
	for _, x := range strictExamples {
		command := x.command
		const title = `Grüße, 世界 🚀 <1> & "2"`
		id := runExample(t, command, "Python 3 and Node (Debian: python3 nodejs)", p.endpoint, key, title, "text")
		post, err := call(t.Context(), p, &key, "wp.getPost", xmlrpc.Int(1), xmlrpc.String(""), xmlrpc.String(""), xmlrpc.String(id))
		if err != nil || post.Get("post_title").Text() != title {
			t.Errorf("%s: the post %q has the title %q, %v", command, id, post.Get("post_title").Text(), err)
		}
	}
}
