package interop

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/server"
	"github.com/quillgate/quillgate/signer/local"
)

// signing is a signer with one blog, run as people run it: by its commands, in a folder of its own.
type signing struct {
	*process          // base is that of the blog on the signer
	dir, phrase       string
	user, password    string
	upstream, address string
}

// signPhrase seals the keys of the tests' signers.
const signPhrase = "eleven grey herons wade"

// signed adds the blog at base to a new signer, with the key of the seed, and serves it.
func signed(t testing.TB, base string) *signing {
	t.Helper()
	return signedWith(t, base, seedPublic, fileOf(t, []byte(seedSecret+"\n")))
}

// signedWith is signed with a key of the caller's: a secret, or a private key, in a file.
func signedWith(t testing.TB, base, public, file string) *signing {
	t.Helper()
	traces.made("the pass-phrase of a signer", signPhrase)
	s := &signing{dir: t.TempDir(), phrase: fileOf(t, []byte(signPhrase+"\n")), upstream: base, address: freeLoopback(t)}
	out := s.command(t, "add", base, "--name", "blog", "--public", public, "--secret-file", file, "--store", "file", "--listen", s.address, "--json")
	var entry struct{ Endpoint, User, Password string }
	if err := json.Unmarshal([]byte(out), &entry); err != nil {
		t.Fatalf("sign add: %v\n%s", err, out)
	}
	s.user, s.password = entry.User, entry.Password
	traces.made("the local password of a signer", s.password)
	s.serve(t)
	if entry.Endpoint != s.endpoint {
		t.Errorf("sign add printed the endpoint %s, the signer serves %s", entry.Endpoint, s.endpoint)
	}
	t.Cleanup(func() {
		if err := traces.keepFolder(s.dir); err != nil {
			t.Error(err)
		}
	})
	return s
}

func freeLoopback(t testing.TB) string {
	t.Helper()
	l := httptest.NewServer(nil)
	defer l.Close()
	return l.Listener.Addr().String()
}

// command runs one of the signer's commands to its end.
func (s *signing) command(t testing.TB, args ...string) string {
	t.Helper()
	return s.answered(t, "", args...)
}

// answered is command with what a person enters when asked.
func (s *signing) answered(t testing.TB, entered string, args ...string) string {
	t.Helper()
	cmd := exec.Command(build(t), append([]string{"sign", "--dir", s.dir, "--pass-phrase-file", s.phrase}, args...)...)
	return printed(t, cmd, "quillgate sign "+args[0], entered)
}

var signerServes = regexp.MustCompile(`The signer serves `)

// serve starts the signer and waits until it says that it serves.
func (s *signing) serve(t testing.TB) {
	t.Helper()
	s.run(t, exec.Command(build(t), "sign", "--dir", s.dir, "--pass-phrase-file", s.phrase))
}

// run is serve by a command of the caller's.
func (s *signing) run(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	s.process, _ = launchCommand(t, "quillgate sign", cmd, signerServes)
	s.base = "http://" + s.address + "/blog"
	s.endpoint = s.base + "/xmlrpc.php"
}

// wiretap stands before a server and remembers what comes.
type wiretap struct {
	base string
	to   *url.URL
	cut  atomic.Pointer[func(body []byte) bool] // reports whether the answer to a call is lost on its way

	mu   sync.Mutex
	seen []tapped
}

type tapped struct {
	header http.Header
	body   []byte
}

// tap starts a server whose requests are seen on the way.
func tap(t *testing.T, blog seeded) *wiretap {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := tapAt(t, listener, freeLoopback(t))
	start(t, blog, "--listen", w.to.Host, "--base-url", w.base)
	return w
}

// tapAt passes on what comes on a listener to another address.
func tapAt(t *testing.T, listener net.Listener, to string) *wiretap {
	t.Helper()
	w := &wiretap{to: &url.URL{Scheme: "http", Host: to}}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(w.to)
		r.Out.Host = r.In.Host // the signatures name it
		for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Proto"} {
			r.Out.Header[name] = r.In.Header[name]
		}
	}}
	web := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(rw, err.Error(), http.StatusBadRequest)
			return
		}
		if r.Method == http.MethodPost {
			w.mu.Lock()
			w.seen = append(w.seen, tapped{r.Header.Clone(), body})
			w.mu.Unlock()
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if cut := w.cut.Load(); cut != nil && (*cut)(body) {
			proxy.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		}
		proxy.ServeHTTP(rw, r)
	}))
	web.Listener.Close()
	web.Listener = listener
	web.Start()
	t.Cleanup(web.Close)
	w.base = web.URL
	return w
}

// taken returns what was seen since the last time.
func (w *wiretap) taken() []tapped {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := w.seen
	w.seen = nil
	return seen
}

// oldPrograms are the client programs, and PHP's, as they speak to the signer.
func oldPrograms() []program {
	php := program{"php", []string{"php", "publish.php"}, false, "PHP (Debian: php-cli)"}
	return append(clients[:len(clients):len(clients)], php)
}

var strictInput = regexp.MustCompile(`^\S+=\(.*"content-digest".*\);.*nonce="[^"]{16,}"`)

// Programs that know nothing of signatures publish through the signer: what reaches the server is signed for one use, and
// holds no password.
func TestClientsThroughSigner(t *testing.T) {
	eachSeeded(t, func(t *testing.T, seed seeded) {
		t.Parallel()
		w := tap(t, seed)
		s := signed(t, w.base)
		w.taken()
		for _, c := range oldPrograms() {
			t.Run(c.name, func(t *testing.T) {
				publish(t, s.process, c.command, c.install, "QG_USER="+s.user, "QG_PASSWORD="+s.password, "QG_SIGNER=1")
				seen := w.taken()
				if len(seen) < 3 {
					t.Errorf("%d calls reached the server", len(seen))
				}
				for _, r := range seen {
					r.check(t, s.password)
				}
			})
		}
		log, err := os.ReadFile(filepath.Join(s.dir, "sign.log"))
		if err != nil || !bytes.Contains(log, []byte("method=wp.newPost")) {
			t.Errorf("the log does not tell of the calls: %v", err)
		}
		traces.keep(logged, "the signer's log", log)
		traces.keep(answer, "the signer's page", []byte(read(t, "http://"+s.address+"/")))
		if code := s.stop(t); code != 0 {
			t.Errorf("the signer ended with exit code %d\n%s", code, s.log)
		}
	})
}

// check wants a request that is signed strictly and holds no password.
func (r *tapped) check(t *testing.T, password string) {
	t.Helper()
	if input := r.header.Get("Signature-Input"); !strictInput.MatchString(input) || r.header.Get("Signature") == "" {
		t.Errorf("a request is not signed strictly: Signature-Input: %s\n%s", input, clip(string(r.body)))
	}
	if r.header.Get("Authorization") != "" {
		t.Error("a request has an Authorization field")
	}
	for _, secret := range []string{password, seedPassword, seedSecret} {
		if bytes.Contains(r.body, []byte(secret)) || strings.Contains(fmt.Sprint(r.header), secret) {
			t.Errorf("a request holds the secret %s", secret)
		}
	}
}

// seedUsers are the people of the seed.
func seedUsers(t *testing.T) (users []struct{ Login, Password string }) {
	t.Helper()
	text, err := os.ReadFile("testdata/wire/seed.json")
	if err != nil {
		t.Fatal(err)
	}
	var seed struct {
		Users []struct{ Login, Password string }
	}
	if err := json.Unmarshal(text, &seed); err != nil {
		t.Fatal(err)
	}
	return seed.Users
}

// signerOf makes a signer in this process for a server at base, with a site for each person of the seed. The local
// passwords are those of the recordings.
func signerOf(t *testing.T, base string, secrets map[string]local.Secret) string {
	t.Helper()
	folder, err := local.OpenFolder(t.TempDir(), local.Keys{})
	if err != nil {
		t.Fatal(err)
	}
	for login, secret := range secrets {
		site := local.Site{Name: login, Endpoint: base + "/xmlrpc.php", Home: base + "/", Kind: local.Quillgate, User: login, Public: secret.Public}
		if _, err := folder.Add(t.Context(), site, secret, local.Unsealed); err != nil {
			t.Fatal(err)
		}
	}
	transport, err := local.NewTransport(nil, "")
	if err != nil {
		t.Fatal(err)
	}
	proxy, err := local.NewProxy(local.Config{Book: folder.Book, Vault: folder.Vault, Transport: transport, SpoolDir: t.TempDir(), Log: inspectedLog(), Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(proxy)
	t.Cleanup(func() {
		web.Close()
		transport.CloseIdleConnections()
	})
	return web.URL
}

// aroundSigner are scenarios, and exchanges of them, that are not for the signer, with the reason. They go directly.
var aroundSigner = map[string]string{
	"auth-application-password": "other passwords than the local one, which opens the signer only",
	"create-application":        "makes a key with the password of the blog, which the signer does not know",
	"own-key":                   "a program that signs manages its own key",

	"http-level/003-post-rsd": "names WP-API, which would lead programs around the signer",

	"comments-anonymous/001-ok":           "a comment without a password",
	"comments-anonymous/002-read":         "finds the comment without a password",
	"comments-anonymous/008-unknown-post": "a comment without a password",

	"system-multicall/002-with-login":              "two people in one batch: each has an address of their own on the signer",
	"system-multicall/003-fault-in-the-middle":     "one unknown method has the whole batch refused: nothing of it reaches the blog",
	"system-multicall/005-nested-is-refused":       "one refused method has the whole batch refused",
	"system-multicall/006-after-failed-login":      "one wrong password has the whole batch refused",
	"system-multicall/007-failed-login-first":      "one wrong password has the whole batch refused",
	"system-multicall/010-unauthenticated-too-few": "the fault is that of the whole batch",
}

// signsIn is the site of the signer for a call: that of the login that it carries. It is "" for what does not go through
// the signer.
func (x *exchange) signsIn(vars map[string]string) string {
	body, err := x.body(vars)
	if err != nil || x.HTTP.Method != http.MethodPost || x.HTTP.Headers["Authorization"] != nil || x.HTTP.Headers["Content-Encoding"] != nil {
		return ""
	}
	if login := signerLogin.Find(body); login != nil {
		return string(login)
	}
	return seedUser
}

// signerLogin finds who calls in a recording.
var signerLogin = regexp.MustCompile(`(?:admin|editor1|author1|contrib1|sub1)\b`)

// TestWireThroughSigner sends the recordings through a signer to a server that sees strict signatures only. Every exchange
// that is right directly is right through the signer, but for those that are about the credential itself.
func TestWireThroughSigner(t *testing.T) {
	t.Parallel()
	scenarios := loadScenarios(t)
	eachSeeded(t, func(t *testing.T, seed seeded) {
		secrets := seedKeys(t, seed)
		var count struct {
			sync.Mutex
			through, aside int
		}
		t.Run("scenarios", func(t *testing.T) {
			for _, s := range scenarios {
				t.Run(s.Scenario, func(t *testing.T) {
					t.Parallel()
					vars := make(map[string]string)
					elsewhere := s.Sources.serve(t, vars)
					vars["source_base"] = elsewhere
					base := seed.copy(t).serve(t, s.options(elsewhere))
					signer := signerOf(t, base, secrets)
					s.replay(t, base, vars, func(i int) string {
						at := s.onSigner(i, signer, vars)
						count.Lock()
						defer count.Unlock()
						if at != "" {
							count.through++
						} else {
							count.aside++
						}
						return at
					})
				})
			}
		})
		t.Logf("%d exchanges through the signer, %d directly", count.through, count.aside)
		if count.aside*10 > count.through {
			t.Errorf("%d of %d exchanges went around the signer", count.aside, count.through+count.aside)
		}
	})
}

// seedKeys makes a key for each person of the seed.
func seedKeys(t *testing.T, blog seeded) map[string]local.Secret {
	t.Helper()
	b, err := server.OpenBlog(t.Context(), server.BlogConfig{Folder: blog.folder, Database: blog.database, BaseURL: "http://localhost"})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	out := map[string]local.Secret{}
	for _, u := range seedUsers(t) {
		user, err := b.Users.ByLogin(t.Context(), u.Login)
		if err != nil {
			t.Fatal(err)
		}
		app, secret, err := b.Apps.Create(t.Context(), audit.Operator, apps.New{UserID: user.ID, Name: "the signer of " + u.Login})
		if err != nil {
			t.Fatal(err)
		}
		traces.made("the secret of a signer's key", secret.Reveal())
		out[u.Login] = local.Secret{Public: app.Public, Secret: secret.Reveal(), Local: u.Password}
	}
	return out
}

// onSigner is the endpoint on a signer for the exchange with an index, or "" for what the signer is not for: requests that sign
// themselves, and those that are not calls.
func (s *scenario) onSigner(i int, signer string, vars map[string]string) string {
	site := s.Exchanges[i].signsIn(vars)
	if site == "" || aroundSigner[s.Scenario] != "" || aroundSigner[s.Scenario+"/"+s.label(i)] != "" {
		return ""
	}
	return signer + "/" + site + "/xmlrpc.php"
}
