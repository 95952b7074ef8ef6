//go:build wordpress

package interop

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/methods"
	"github.com/quillgate/quillgate/signer"
	"github.com/quillgate/quillgate/xmlrpc"
)

// A gate is a gateway in front of the WordPress.
type gate struct {
	*process
	seeded
	w *wordpress
}

var gateGreeted = regexp.MustCompile(`quillgate serves (https://\S+) in front of`)

// gate makes a gateway with the people of the seed, whose credentials are application passwords, and serves it where nginx
// sends the endpoint.
func (w *wordpress) gate(t *testing.T, database string, arguments ...string) *gate {
	t.Helper()
	g := &gate{w: w, seeded: seeded{folder: t.TempDir(), database: database}}
	g.inspect(t)
	for login, password := range w.passwords {
		command(t, g.seeded, password+"\n", "gateway", "user", "add", login, "--upstream-password-file", "-",
			"--upstream", w.inside+"/xmlrpc.php", "--base-url", w.public)
	}
	g.serve(t, w.gateway, arguments...)
	return g
}

// serve starts the gateway at an address and waits until it is ready.
func (g *gate) serve(t *testing.T, address string, arguments ...string) {
	t.Helper()
	arguments = append([]string{
		"gateway", "--listen", address, "--metrics-listen", "127.0.0.1:0", "--trusted-proxies", "127.0.0.1",
		"--throttle-exempt", "127.0.0.0/8", "--upstream", g.w.inside + "/xmlrpc.php", "--base-url", g.w.public,
	}, arguments...)
	p, greeting := launch(t, g.seeded, gateGreeted, arguments...)
	p.base, p.endpoint = "http://"+address, greeting[1]
	g.process = p
	p.await(t)
}

// key makes a key of a user.
func (g *gate) key(t *testing.T, login string, arguments ...string) signingKey {
	t.Helper()
	var key struct{ Public, Secret string }
	out := command(t, g.seeded, "", append([]string{"app", "create", "--user", login, "--name", "of the tests", "--json"}, arguments...)...)
	if err := json.Unmarshal([]byte(out), &key); err != nil {
		t.Fatal(err)
	}
	return signingKey{key.Public, key.Secret}
}

// strictly is a transport to the public address that signs for one use.
func (w *wordpress) strictly(key signingKey) http.RoundTripper {
	return signer.Transport{Public: key.public, Secret: key.secret, Scheme: signer.MessageSignatures, Base: w.client.Transport}
}

// testCheck lets "gateway check" look at the file under deploy, which closes all ways around, and at a WordPress as it is.
func (w *wordpress) testCheck(t *testing.T) {
	w.reset(t)
	g := w.gate(t, "")
	report, code := g.check(t)
	if code != 0 || len(report.Ways) < 6 || len(report.Notes) != 0 {
		t.Errorf("with deploy/nginx it ends with %d: %+v", code, report)
	}
	w.open(t)
	report, code = g.check(t)
	around := 0
	for _, way := range report.Ways {
		if way.State == "around" {
			around++
		}
	}
	if code != 1 || around < 3 {
		t.Errorf("with a WordPress that is open it ends with %d: %+v", code, report)
	}
	w.shield(t)
	g.stop(t)
	if report, code := g.check(t); code != 2 {
		t.Errorf("without a gateway it ends with %d: %+v", code, report)
	}
}

// ways is what "gateway check" reports.
type ways struct {
	Ways  []struct{ Address, State, Seen string }
	Notes []string
}

// check runs "gateway check" and returns its exit code.
func (g *gate) check(t *testing.T) (report ways, code int) {
	t.Helper()
	cmd := exec.Command(build(t), "gateway", "check", "--json")
	cmd.Env = g.environment()
	var out bytes.Buffer
	cmd.Stdout = &out
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		t.Fatalf("%v: %s", err, &out)
	}
	return report, cmd.ProcessState.ExitCode()
}

// testImport moves the keys of the plugin to the gateway: what a program signed before, it signs on.
func (w *wordpress) testImport(t *testing.T) {
	w.reset(t)
	if !w.plugin(t) {
		return
	}
	made := map[string]signingKey{}
	for _, login := range []string{"admin", "author1"} {
		v, err := w.call(t, http.DefaultTransport, "xmlrpcs.createApplication", xmlrpc.Int(1), xmlrpc.String(login), xmlrpc.String(login+"-pass-1234"), xmlrpc.String("MarsEdit"))
		if err != nil {
			t.Fatal(err)
		}
		made[login] = signingKey{v.Get("key").Text(), v.Get("secret").Text()}
		traces.made("the secret of a key of the plugin", made[login].secret)
	}
	profile := func(endpoint string, key signingKey) string {
		v, err := callAt(t.Context(), signer.Transport{Public: key.public, Secret: key.secret, Base: w.client.Transport}, endpoint, "wp.getProfile", xmlrpc.Int(1), xmlrpc.String(""), xmlrpc.String(""))
		if err != nil {
			return err.Error()
		}
		return v.Get("username").Text()
	}
	for login, key := range made {
		if got := profile(w.inside+"/xmlrpc.php", key); got != login {
			t.Errorf("the plugin takes the key of %s for %s", login, got)
		}
	}
	// As the plugin has them: what an operator copies out of the database.
	kept := w.sql(t, `SELECT u.user_login, k.meta_value, s.meta_value, a.meta_value FROM wp_users u JOIN wp_usermeta k ON k.user_id = u.ID AND k.meta_key = '_xmlrpcs'
		JOIN wp_usermeta s ON s.user_id = u.ID AND s.meta_key = CONCAT('_xmlrpcs_secret_', k.meta_value)
		JOIN wp_usermeta a ON a.user_id = u.ID AND a.meta_key = CONCAT('_xmlrpcs_app_', k.meta_value)`)
	w.reset(t) // the plugin is gone
	g := w.gate(t, "")
	for line := range strings.Lines(kept) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		command(t, g.seeded, f[2]+"\n", "app", "import", "--user", f[0], "--name", f[3], "--public", f[1], "--secret-file", "-")
	}
	for login, key := range made {
		if got := profile(g.endpoint, key); got != login {
			t.Errorf("the gateway takes the imported key of %s for %s", login, got)
		}
		if got := profile(g.endpoint, signingKey{key.public, key.secret + "0"}); !strings.Contains(got, "403") {
			t.Errorf("a wrong secret: %s", got)
		}
	}
}

// testThrough lets client programs publish through signer and gateway. What comes in from outside is signed for one use and
// holds no password, neither of the WordPress nor of the signer.
func (w *wordpress) testThrough(t *testing.T) {
	w.reset(t, "bed_files", w.files)
	listener, err := net.Listen("tcp", w.gateway)
	if err != nil {
		t.Fatal(err)
	}
	outside := tapAt(t, listener, freeLoopback(t))
	front := *w
	front.gateway = outside.to.Host
	g := front.gate(t, "")
	key := g.key(t, "admin")
	t.Setenv("QUILLGATE_SIGN_ROOTS", w.roots)
	s := newSigner(t, w.public)
	s.add(t, key.secret+"\n", "--public", key.public, "--secret-file", "-")
	s.checks(t)
	outside.taken()
	w.publishes(t, s, nil)
	seen := outside.taken()
	if len(seen) < 3*len(oldPrograms()) {
		t.Errorf("%d requests came from outside", len(seen))
	}
	secrets := []string{s.password, key.secret, seedPassword}
	for _, password := range w.passwords {
		secrets = append(secrets, password)
	}
	for _, r := range seen {
		r.check(t, s.password)
		for _, secret := range secrets {
			if bytes.Contains(r.body, []byte(secret)) || strings.Contains(fmt.Sprint(r.header), secret) {
				t.Errorf("a request from outside holds the secret %s", secret)
			}
		}
	}
	t.Logf("%d requests from outside, all of them signed for one use, none with a password", len(seen))
}

// testCopies sends 100 copies of a strict request to two gateways at once: one reaches PHP.
func (w *wordpress) testCopies(t *testing.T) {
	w.reset(t)
	g := w.gate(t, databasetest.Postgres(t))
	second := &gate{w: w, seeded: seeded{folder: t.TempDir(), database: g.database}}
	keyset, err := os.ReadFile(g.folder + "/keyset")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(second.folder+"/keyset", keyset, 0o600); err != nil {
		t.Fatal(err)
	}
	second.serve(t, freeLoopback(t))
	key := g.key(t, "admin")
	for round := range 5 {
		var c captured
		body := xmlrpc.AppendCall(nil, "wp.newPost", xmlrpc.Int(1), xmlrpc.String(""), xmlrpc.String(""),
			xmlrpc.Struct(xmlrpc.M("post_title", xmlrpc.String(fmt.Sprintf("Once %d", round))), xmlrpc.M("post_status", xmlrpc.String("publish"))))
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.public+"/xmlrpc.php", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "text/xml")
		transport := signer.Transport{Public: key.public, Secret: key.secret, Scheme: signer.MessageSignatures, Base: &c}
		if _, err := transport.RoundTrip(r); !errors.Is(err, errCaptured) {
			t.Fatal(err)
		}
		header := c.request.Header.Clone() // and what nginx adds
		header.Set("Host", strings.TrimPrefix(w.public, "https://"))
		header.Set("X-Forwarded-For", "127.0.0.1")
		header.Set("X-Forwarded-Proto", "https")
		w.reached(t)
		var accepted atomic.Int64
		var all sync.WaitGroup
		for i := range 100 {
			all.Go(func() {
				p := []*process{g.process, second.process}[i%2]
				var fault *xmlrpc.Fault
				switch _, err := callWith(t.Context(), http.DefaultTransport, p.base+"/xmlrpc.php", header, body); {
				case err == nil:
					accepted.Add(1)
				case !errors.As(err, &fault) || fault.Code != 403:
					t.Errorf("a copy: %v, want fault 403", err)
				}
			})
		}
		all.Wait()
		reached := w.reached(t)
		if accepted.Load() != 1 || len(reached) != 1 {
			t.Errorf("of 100 copies %d were accepted, and PHP saw %v", accepted.Load(), reached)
		}
		if n := w.sql(t, fmt.Sprintf("SELECT COUNT(*) FROM wp_posts WHERE post_type = 'post' AND post_title = 'Once %d'", round)); n != "1" {
			t.Errorf("there are %s posts", n)
		}
	}
}

// testHostile sends the hostile corpus to a gateway that takes no passwords.
// What must be refused never reaches PHP.
func (w *wordpress) testHostile(t *testing.T) {
	w.reset(t)
	g := w.gate(t, "", "--password-mode", "refuse")
	key := g.key(t, "admin")
	corpus := t.TempDir()
	if out, err := exec.Command("python3", "hostile/gen.py", corpus, "--max-body", strconv.Itoa(64<<20)).CombinedOutput(); err != nil {
		t.Fatalf("make the corpus: %v\n%s", err, out)
	}
	refused, all := refusedCases(t, corpus+"/manifest.json")
	w.reached(t)
	cmd := exec.Command("python3", "hostile/run.py", refused, g.base+"/xmlrpc.php", "--pid", strconv.Itoa(g.cmd.Process.Pid),
		"--public", key.public, "--secret", key.secret, "--user", seedUser, "--password", seedPassword, "--slack", "8")
	out, err := cmd.CombinedOutput()
	if err != nil && !failedCase.Match(out) {
		t.Fatalf("run the corpus: %v\n%s", err, out)
	}
	for _, m := range failedCase.FindAllStringSubmatch(string(out), -1) {
		if hostileExceptions[m[1]] == "" {
			t.Errorf("%s: %s", m[1], m[2])
		}
	}
	if reached := w.reached(t); len(reached) != 0 {
		t.Errorf("%d requests reached PHP: %v", len(reached), reached)
	}
	// The others may pass, and those that are right do: this shows that the log would have told.
	if _, err := callAt(t.Context(), w.strictly(key), w.public+"/xmlrpc.php", "wp.getProfile", xmlrpc.Int(1), xmlrpc.String(""), xmlrpc.String("")); err != nil {
		t.Error(err)
	}
	if reached := w.reached(t); len(reached) != 1 {
		t.Errorf("a right call: PHP saw %v", reached)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	t.Logf("%d of %d cases must be refused: %s; none reached PHP", all.refused, all.cases, lines[len(lines)-1])
}

type corpusCount struct{ refused, cases int }

// refusedCases writes a manifest with the cases of another one that no server may carry out.
func refusedCases(t *testing.T, manifest string) (path string, n corpusCount) {
	t.Helper()
	text, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]json.RawMessage
	var cases []json.RawMessage
	if err := errors.Join(json.Unmarshal(text, &all), json.Unmarshal(all["cases"], &cases)); err != nil {
		t.Fatal(err)
	}
	var kept []json.RawMessage
	for _, c := range cases {
		var outcome struct {
			Expect     []string   `json:"expect"`
			ExpectEach [][]string `json:"expect_each"`
		}
		if err := json.Unmarshal(c, &outcome); err != nil {
			t.Fatal(err)
		}
		passes := false
		for _, list := range append(outcome.ExpectEach, outcome.Expect) {
			for _, label := range list {
				passes = passes || label == "ok" || label == "http:200"
			}
		}
		if !passes {
			kept = append(kept, c)
		}
	}
	all["cases"], err = json.Marshal(kept)
	if err != nil {
		t.Fatal(err)
	}
	text, err = json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	path = strings.TrimSuffix(manifest, ".json") + "-refused.json"
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return path, corpusCount{len(kept), len(cases)}
}

// whose is who signs a recorded request in place of its user name and password: the person whose right password each of
// its calls holds. It is "" for requests without one, which go as they are.
func whose(body []byte) string {
	call, err := xmlrpc.DecodeCall(body, xmlrpc.Limits{})
	if err != nil {
		return ""
	}
	calls := []*xmlrpc.MethodCall{call}
	if call.Name == "system.multicall" {
		calls = nil
		if len(call.Params) != 1 {
			return ""
		}
		for _, c := range call.Params[0].Elements() {
			calls = append(calls, &xmlrpc.MethodCall{Name: strings.TrimSpace(c.Get("methodName").Text()), Params: c.Get("params").Elements()})
		}
	}
	who := ""
	for _, c := range calls {
		m := methods.Lookup(c.Name)
		if m != nil && m.SignIn == methods.PasswordOnly {
			return ""
		}
		if m == nil || m.Login == methods.NoLogin || len(c.Params) < m.Login+2 {
			continue
		}
		login, password := c.Params[m.Login].Text(), c.Params[m.Login+1].Text()
		if password != login+"-pass-1234" || who != "" && who != login {
			return ""
		}
		who = login
	}
	return who
}
