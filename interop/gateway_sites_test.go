package interop

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/gateway"
	"github.com/quillgate/quillgate/server"
	"github.com/quillgate/quillgate/signer"
	"github.com/quillgate/quillgate/upstream/upstreamtest"
	"github.com/quillgate/quillgate/xmlrpc"
)

// hosted is a blog of many behind one gateway, with the key of its administrator.
type hosted struct {
	host string
	wp   *upstreamtest.WordPress
	key  signingKey
}

// host makes what a gateway keeps: so many sites, each with a WordPress of its own.
func host(t *testing.T, database string, n int) (seeded, []hosted) {
	t.Helper()
	s := seeded{folder: databasetest.Folder(t), database: database}
	ctx := context.Background()
	keys, err := server.OpenKeys(ctx, server.KeysConfig{Folder: s.folder, Database: database})
	if err != nil {
		t.Fatal(err)
	}
	list := gateway.NewSites(keys.DB, keys.Apps, keys.Users, nil)
	var blogs []hosted
	for i := range n {
		b := hosted{host: fmt.Sprintf("blog%d.example", i), wp: upstreamtest.Start(t)}
		site, err := list.Add(ctx, audit.Operator, gateway.Site{Host: b.host, Upstream: b.wp.URL + "/xmlrpc.php"})
		if err != nil {
			t.Fatal(err)
		}
		of := keys.Of(site.ID)
		user, err := gateway.UserOf(ctx, of.Users, audit.Operator, gateway.Profile{Login: "admin", Role: auth.Administrator})
		if err != nil {
			t.Fatal(err)
		}
		if err := of.Apps.SetUpstream(ctx, audit.Operator, user.ID, apps.Upstream{Login: "admin", Secret: apps.NewSecret("app-password")}); err != nil {
			t.Fatal(err)
		}
		app, secret, err := of.Apps.Create(ctx, audit.Operator, apps.New{UserID: user.ID, Name: "a program"})
		if err != nil {
			t.Fatal(err)
		}
		b.key = signingKey{app.Public, secret.Reveal()}
		traces.made("the secret of a key of a site", b.key.secret)
		blogs = append(blogs, b)
	}
	if err := keys.Close(); err != nil {
		t.Fatal(err)
	}
	s.inspect(t)
	return s, blogs
}

var listens = regexp.MustCompile(`quillgate listens at (http://\S+) in front of`)

// serveSites starts a gateway at an address of loopback. Requests come to it as from a web server in front, which is trusted.
func (s seeded) serveSites(t *testing.T, address string, arguments ...string) *process {
	t.Helper()
	arguments = append([]string{"gateway", "--listen", address, "--trusted-proxies", "127.0.0.1", "--throttle-exempt", "127.0.0.0/8", "--metrics-listen", "127.0.0.1:0"}, arguments...)
	p, greeting := launch(t, s, listens, arguments...)
	p.base, p.endpoint = greeting[1], greeting[1]+"/xmlrpc.php"
	p.await(t)
	return p
}

// front is the way to a gateway: whatever the host, requests go to its address, and say that they came over https.
type front struct {
	at        func() string
	transport *http.Transport
}

func frontOf(at func() string) *front {
	f := &front{at: at}
	f.transport = &http.Transport{MaxIdleConnsPerHost: 4, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, f.at())
	}}
	return f
}

func (f *front) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("X-Forwarded-Proto", "https")
	return f.transport.RoundTrip(r)
}

func (b hosted) endpoint() string { return "http://" + b.host + "/xmlrpc.php" }

// A gateway in front of many sites is killed at moments of a load on all of them: no acknowledged post is lost, none is doubled,
// and none is at another site.
func TestManySitesCrash(t *testing.T) {
	t.Parallel()
	const sites, kills = 8, 12
	for name, database := range map[string]func(testing.TB) string{"sqlite": func(testing.TB) string { return "" }, "postgres": databasetest.DurablePostgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, blogs := host(t, database(t), sites)
			address := freeLoopback(t)
			way := frontOf(func() string { return address })
			var loads []*publishers
			for _, b := range blogs {
				loads = append(loads, &publishers{endpoint: b.endpoint(), transport: signer.Transport{Public: b.key.public, Secret: b.key.secret, Base: way}, posts: map[string]told{}})
			}
			p := s.serveSites(t, address)
			for range kills {
				ctx, cancel := context.WithCancel(t.Context())
				var running sync.WaitGroup
				for _, l := range loads {
					running.Go(func() { l.publish(ctx) })
				}
				for _, l := range loads {
					l.await(t, l.published, l.published()+1)
				}
				moment := time.NewTimer(time.Duration(random(t, int64(20*time.Millisecond))))
				<-moment.C
				p.kill()
				loads[0].await(t, loads[0].len, loads[0].len()+1) // a call while it is gone
				cancel()
				running.Wait()
				p = s.serveSites(t, address)
				for _, l := range loads {
					l.settle(t)
				}
			}
			for i, l := range loads {
				have := map[string]int{}
				for _, post := range blogs[i].wp.Posts() {
					have[post.Title]++
				}
				for title := range have {
					if _, ours := l.posts[title]; !ours && strings.HasPrefix(title, "load ") {
						t.Errorf("site %d has a post of another site", i)
					}
				}
				l.judge(t, kills, have)
			}
			if s.database == "" {
				checkIntegrity(t, s)
			}
		})
	}
}

// Two gateways on one PostgreSQL: what is said to one holds at the other within seconds, and a request that counts once counts
// once for both.
func TestManySitesOnTwoGateways(t *testing.T) {
	t.Parallel()
	s, blogs := host(t, databasetest.Postgres(t), 1)
	other := seeded{folder: databasetest.Folder(t), database: s.database}
	keyset, err := os.ReadFile(filepath.Join(s.folder, "keyset"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(other.folder, "keyset"), keyset, 0o600); err != nil {
		t.Fatal(err)
	}
	first, second := s.serveSites(t, "127.0.0.1:0"), other.serveSites(t, "127.0.0.1:0")
	way := map[*process]*front{}
	for _, p := range []*process{first, second} {
		way[p] = frontOf(func() string { return strings.TrimPrefix(p.base, "http://") })
	}

	// A site that is added at one is served by the other, with the users and keys that are made there.
	late := hosted{host: "late.example", wp: upstreamtest.Start(t)}
	hello := func(p *process, host string) error {
		_, err := callAt(t.Context(), way[p], "http://"+host+"/xmlrpc.php", "demo.sayHello")
		return err
	}
	if err := hello(second, late.host); err == nil || !strings.Contains(err.Error(), "421") {
		t.Fatalf("a site before it is added: %v", err)
	}
	command(t, s, "", "gateway", "site", "add", late.host, "--upstream", late.wp.URL+"/xmlrpc.php")
	command(t, s, "app-password\n", "gateway", "user", "add", "admin", "--site", late.host, "--upstream-password-file", "-")
	var made struct{ Public, Secret string }
	if err := json.Unmarshal([]byte(command(t, s, "", "app", "create", "--site", late.host, "--user", "admin", "--name", "MarsEdit", "--json")), &made); err != nil {
		t.Fatal(err)
	}
	late.key = signingKey{made.Public, made.Secret}
	eventually(t, "the site is served", func() bool { return hello(second, late.host) == nil })
	get := func(p *process, b hosted, key signingKey) error {
		_, err := callAt(t.Context(), signer.Transport{Public: key.public, Secret: key.secret, Base: way[p]}, b.endpoint(), "wp.getPost", xmlrpc.Int(1), xmlrpc.String(""), xmlrpc.String(""), xmlrpc.Int(1))
		return err
	}
	for _, p := range []*process{second, first} {
		if err := get(p, late, late.key); err != nil {
			t.Errorf("the new key: %v", err)
		}
		for name, err := range map[string]error{"the key of late at blog0": get(p, blogs[0], late.key), "the key of blog0 at late": get(p, late, blogs[0].key)} {
			if fault := (*xmlrpc.Fault)(nil); !errors.As(err, &fault) || fault.Code != 403 {
				t.Errorf("%s: %v", name, err)
			}
		}
	}

	// A request that is signed for one use is accepted by one of the two, once.
	header, body := strictFor(t, late, "wp.newPost", xmlrpc.Int(1), xmlrpc.String(""), xmlrpc.String(""), xmlrpc.Struct(xmlrpc.M("post_title", xmlrpc.String("Once"))))
	var accepted atomic.Int64
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			p := []*process{first, second}[i%2]
			var fault *xmlrpc.Fault
			switch _, err := callWith(t.Context(), way[p], late.endpoint(), header, body); {
			case err == nil:
				accepted.Add(1)
			case !errors.As(err, &fault) || fault.Code != 403:
				t.Errorf("a copy: %v", err)
			}
		})
	}
	all.Wait()
	if n := count(late.wp, "wp.newPost"); accepted.Load() != 1 || n != 1 {
		t.Errorf("of 40 copies %d were accepted, and %d reached the WordPress", accepted.Load(), n)
	}

	// The same bytes under the header scheme are answered by both with the one post.
	ids := map[string]bool{}
	for _, p := range []*process{first, second, first} {
		v, err := callAt(t.Context(), signer.Transport{Public: late.key.public, Secret: late.key.secret, Base: way[p]}, late.endpoint(), "wp.newPost", xmlrpc.Int(1), xmlrpc.String(""), xmlrpc.String(""),
			xmlrpc.Struct(xmlrpc.M("post_title", xmlrpc.String("Repeated"))))
		if err != nil {
			t.Fatal(err)
		}
		ids[v.Text()] = true
	}
	if n := count(late.wp, "wp.newPost"); len(ids) != 1 || n != 2 {
		t.Errorf("a repeated call makes %d posts with the ids %v", n-1, ids)
	}

	// What is taken away at one is gone at the other.
	command(t, s, "", "app", "revoke", late.key.public, "--site", late.host)
	eventually(t, "the key is revoked", func() bool {
		fault := (*xmlrpc.Fault)(nil)
		return errors.As(get(second, late, late.key), &fault) && fault.Code == 403
	})
	login := func(p *process) error {
		_, err := callAt(t.Context(), way[p], late.endpoint(), "wp.getPost", xmlrpc.Int(1), xmlrpc.String("admin"), xmlrpc.String("app-password"), xmlrpc.Int(1))
		return err
	}
	if err := login(second); err != nil {
		t.Errorf("a password: %v", err)
	}
	command(t, s, "", "gateway", "site", "set", late.host, "--password-mode", "refuse")
	eventually(t, "passwords are refused", func() bool { return login(second) != nil && login(first) != nil })
	command(t, s, "", "gateway", "site", "remove", late.host, "--yes")
	for _, p := range []*process{first, second} {
		eventually(t, "the site is gone", func() bool {
			err := hello(p, late.host)
			return err != nil && strings.Contains(err.Error(), "421")
		})
		if err := get(p, blogs[0], blogs[0].key); err != nil {
			t.Errorf("the other site: %v", err)
		}
	}
}

// strictFor is a request to a site that is signed for one use, as the gateway sees it behind a web server.
func strictFor(t *testing.T, b hosted, method string, params ...xmlrpc.Value) (http.Header, []byte) {
	t.Helper()
	body := xmlrpc.AppendCall(nil, method, params...)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+b.host+"/xmlrpc.php", strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "text/xml")
	var c captured
	if _, err := (signer.Transport{Public: b.key.public, Secret: b.key.secret, Scheme: signer.MessageSignatures, Base: &c}).RoundTrip(r); !errors.Is(err, errCaptured) {
		t.Fatal(err)
	}
	return c.request.Header.Clone(), body
}

// count is how many calls of a method reached a WordPress.
func count(wp *upstreamtest.WordPress, method string) int {
	n := 0
	for _, name := range wp.Methods() {
		if name == method {
			n++
		}
	}
	return n
}

// eventually waits for what takes a moment to arrive elsewhere.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !is(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("not yet: %s", what)
		}
	}
}

const relayBound = 120 << 20 // of the resident memory of the gateway

// Many clients send large files through a gateway at once. It holds little of them, and the WordPress gets each whole.
func TestGatewayUploadsInBoundedMemory(t *testing.T) {
	t.Parallel()
	relayed := 6
	if nightly() {
		relayed = uploaders
	}
	s, blogs := host(t, "", 1)
	var mu sync.Mutex
	arrived := map[string]string{} // digests by name
	inner := blogs[0].wp
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength < 1<<20 {
			inner.ServeHTTP(w, r)
			return
		}
		name, sum, err := receive(r.Body)
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		arrived[name] = sum
		mu.Unlock()
		w.Header().Set("Content-Type", "text/xml; charset=UTF-8")
		_, _ = w.Write(xmlrpc.AppendResponse(nil, xmlrpc.Struct(xmlrpc.M("id", xmlrpc.String("9")), xmlrpc.M("file", xmlrpc.String(name)))))
	}))
	t.Cleanup(web.Close)
	command(t, s, "", "gateway", "site", "set", blogs[0].host, "--upstream", web.URL+"/xmlrpc.php")
	p := s.serveSites(t, "127.0.0.1:0")
	way := frontOf(func() string { return strings.TrimPrefix(p.base, "http://") })
	var running sync.WaitGroup
	for i := range relayed {
		running.Go(func() {
			v, err := sendFile(way, blogs[0].endpoint(), blogs[0].key, i)
			name := v.Get("file").Text()
			mu.Lock()
			got := arrived[name]
			mu.Unlock()
			if want := fmt.Sprintf("%x", digest(file(i))); err != nil || name != fmt.Sprintf("large-%d.bin.zip", i) || got != want {
				t.Errorf("upload %d: %v; %s arrived with digest %s, want %s", i, err, name, got, want)
			}
		})
	}
	running.Wait()
	peak := peakMemory(t, p)
	t.Logf("%d uploads of %d MiB at once through a gateway: at most %d MiB resident", relayed, uploadSize>>20, peak>>20)
	if peak > relayBound {
		t.Errorf("the process had %d MiB resident, at most %d are allowed", peak>>20, relayBound>>20)
	}
	if left, err := os.ReadDir(filepath.Join(s.folder, "spool")); err != nil || len(left) > 0 {
		t.Errorf("after the uploads the spool holds %v, %v", left, err)
	}
}

// receive reads an upload as it comes, and returns the name of its file and the digest of the bytes.
func receive(body io.Reader) (name, sum string, err error) {
	r := bufio.NewReader(body)
	before := ""
	for !strings.HasSuffix(before, "<base64>") {
		part, err := r.ReadString('>')
		if before += part; err != nil {
			return "", "", fmt.Errorf("there is no file: %w in %.500s", err, before)
		}
	}
	if m := fileName.FindStringSubmatch(before); m != nil {
		name = m[1]
	}
	h := sha256.New()
	if _, err := io.Copy(h, base64.NewDecoder(base64.StdEncoding, &until{r: r, end: '<'})); err != nil {
		return name, "", err
	}
	_, err = io.Copy(io.Discard, r)
	return name, fmt.Sprintf("%x", h.Sum(nil)), err
}

var fileName = regexp.MustCompile(`<name>name</name><value><string>([^<]+)<`)

// until reads up to a byte, which is not read.
type until struct {
	r   *bufio.Reader
	end byte
}

func (u *until) Read(p []byte) (int, error) {
	if _, err := u.r.Peek(1); err != nil { // fills what is buffered
		return 0, err
	}
	ahead, err := u.r.Peek(min(len(p), u.r.Buffered()))
	if err != nil {
		return 0, err
	}
	n := bytes.IndexByte(ahead, u.end)
	if n == 0 {
		return 0, io.EOF
	}
	if n < 0 {
		n = len(ahead)
	}
	return u.r.Read(p[:n])
}

// A gateway in front of a thousand sites holds less than 100 MB, when each was asked and its pages were opened too.
func TestThousandSitesInBoundedMemory(t *testing.T) {
	t.Parallel()
	const sites, bound = 1000, 100 << 20
	wp := upstreamtest.Start(t)
	var text strings.Builder
	for i := range sites {
		fmt.Fprintf(&text, "[blog%d.example]\nupstream = %s/xmlrpc.php\n", i, wp.URL)
	}
	file := filepath.Join(t.TempDir(), "sites")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	p := seeded{folder: t.TempDir()}.serveSites(t, "127.0.0.1:0", "--sites", file)
	way := frontOf(func() string { return strings.TrimPrefix(p.base, "http://") })
	memory := []int64{resident(t, p)}
	for _, ask := range []func(host string) error{
		func(host string) error {
			_, err := callAt(t.Context(), way, "http://"+host+"/xmlrpc.php", "demo.sayHello")
			return err
		},
		func(host string) error {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+host+"/quillgate/signin", nil)
			if err != nil {
				return err
			}
			resp, err := way.RoundTrip(r)
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			page, err := io.ReadAll(resp.Body)
			if err == nil && (resp.StatusCode != http.StatusOK || !strings.Contains(string(page), "A small WordPress")) {
				err = fmt.Errorf("%s: %.200s", resp.Status, page)
			}
			return err
		},
	} {
		for i := range sites {
			if err := ask(fmt.Sprintf("blog%d.example", i)); err != nil {
				t.Fatalf("site %d: %v", i, err)
			}
		}
		way.transport.CloseIdleConnections()
		memory = append(memory, resident(t, p))
	}
	t.Logf("%d sites: %d MiB resident at the start, %d after a call of each, %d after a page of each", sites, memory[0]>>20, memory[1]>>20, memory[2]>>20)

	for _, n := range memory {
		if n > bound {
			t.Errorf("%d MiB resident, at most %d are allowed", n>>20, bound>>20)
		}
	}
}
