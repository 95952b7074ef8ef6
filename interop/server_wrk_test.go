//go:build wrk

package interop

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/signature"
	"github.com/quillgate/quillgate/xmlrpc"
)

// serverConnections is how many connections each load of TestServerThroughput has.
const serverConnections = 16

// A beside is what a call is compared with: another server, and the share of its requests a second that is the goal.
type beside struct {
	name     string
	pid      int // whose CPU is counted; 0 when it is not known
	address  string
	requests []*http.Request
	goal     float64
}

// TestServerThroughput prints how many calls a second a server answers, next to other servers that do the least that can be
// done for the same, each measured in turns with it. It fails for wrong answers alone: the goals are for a quiet machine.
//
// A WordPress takes part when WORDPRESS_ENDPOINT is the address of its xmlrpc.php, WORDPRESS_USER and WORDPRESS_PASSWORD may
// publish there, and WORDPRESS_POST is the id of a post. Posts are published there.
func TestServerThroughput(t *testing.T) {
	if _, err := exec.LookPath("wrk"); err != nil {
		t.Fatal(err, "(tools/install-test-tools installs it)")
	}
	blog := seedIn(t, t.TempDir(), "")
	p := start(t, blog, "--log-level", "error")
	post := published(t, p)
	bare := startBare(t, filepath.Join(blog.folder, "quillgate.db"), post)
	abyss, abyssAddress := startAbyss(t)
	wordpress := newWordPressCalls(t)

	own, home := p.cmd.Process.Pid, strings.TrimPrefix(p.base, "http://")
	signed := func(method string, params ...xmlrpc.Value) []*http.Request {
		body := xmlrpc.AppendCall(nil, method, params...)
		r := request(t, p.endpoint, body)
		r.Header.Set("Authorization", signature.Sign(seedPublic, seedSecret, body))
		return []*http.Request{r}
	}
	none, fields := xmlrpc.String(""), xmlrpc.Array(xmlrpc.String("post_title"), xmlrpc.String("post_status"))
	two, whole := signed("wp.getPost", xmlrpc.Int(1), none, none, xmlrpc.Int(post), fields), signed("wp.getPost", xmlrpc.Int(1), none, none, xmlrpc.Int(post))
	sum := signed("demo.addTwoNumbers", xmlrpc.Int(2), xmlrpc.Int(3))
	unsigned := request(t, "http://"+abyssAddress+"/RPC2", xmlrpc.AppendCall(nil, "demo.addTwoNumbers", xmlrpc.Int(2), xmlrpc.Int(3)))
	on := func(name, path string, goal float64, requests []*http.Request) beside {
		return beside{name, os.Getpid(), strings.TrimPrefix(bare.URL, "http://"), moved(t, requests, bare.URL+path), goal}
	}
	publish := publishing(t, p.endpoint, seedUser, seedPassword)
	for _, row := range []struct {
		name     string
		requests []*http.Request
		beside   []beside
	}{
		{"signed wp.getPost, two fields", two, []beside{on("net/http, a hash and a SELECT", "/select", 0.8, two)}},
		{"signed wp.getPost, all members", whole, []beside{on("net/http, a hash and a SELECT", "/select", 0.6, whole)}},
		{"signed demo.addTwoNumbers", sum, []beside{
			on("net/http, hello", "/hello", 0.6, sum),
			{"xmlrpc-c's Abyss, unsigned", abyss.cmd.Process.Pid, abyssAddress, []*http.Request{unsigned}, 1.5},
		}},
		{"wp.getPost with a password", readingPost(t, p.endpoint, seedUser, seedPassword, post), wordpress.beside(200, wordpress.post)},
		{"wp.getPosts of 10 with a password", readingPosts(t, p.endpoint, seedUser, seedPassword), wordpress.beside(150, wordpress.posts)},
		{"wp.newPost, published, with a password", publish, append([]beside{on("net/http, an INSERT", "/insert", 0.6, publish)}, wordpress.beside(30, wordpress.newPost)...)},
	} {
		compareServers(t, row.name, own, home, row.requests, row.beside)
	}
}

// compareServers measures a call and what is next to it in turns, and logs the medians.
func compareServers(t *testing.T, name string, pid int, address string, requests []*http.Request, others []beside) {
	t.Helper()
	var ours []measured
	theirs := make([][]measured, len(others))
	for range wrkRounds {
		ours = append(ours, byWrk(t, pid, address, serverConnections, requests))
		for i, o := range others {
			theirs[i] = append(theirs[i], byWrk(t, o.pid, o.address, serverConnections, o.requests))
		}
	}
	a := medians(ours)
	t.Logf("%-40s %7.0f requests/s, median %5d µs, %4d µs of CPU each", name, a.perSecond, a.median.Microseconds(), a.cpu.Microseconds())
	for i, o := range others {
		b := medians(theirs[i])
		word := "met"
		if a.perSecond/b.perSecond < o.goal {
			word = "missed"
		}
		t.Logf("    beside %-30s %7.0f requests/s, median %5d µs, %4d µs of CPU each: %.2f times (%.2f by CPU), goal %.1f %s",
			o.name, b.perSecond, b.median.Microseconds(), b.cpu.Microseconds(), a.perSecond/b.perSecond, b.cpu.Seconds()/a.cpu.Seconds(), o.goal, word)
	}
}

// serverText is the text of the posts.
var serverText = strings.Repeat("Some words of a text. ", 100)

func newPost(user, password, title string) []byte {
	return xmlrpc.AppendCall(nil, "wp.newPost", xmlrpc.Int(1), xmlrpc.String(user), xmlrpc.String(password), xmlrpc.Struct(
		xmlrpc.M("post_title", xmlrpc.String(title)), xmlrpc.M("post_status", xmlrpc.String("publish")), xmlrpc.M("post_content", xmlrpc.String(serverText))))
}

// published publishes a post and returns its id.
func published(t *testing.T, p *process) int64 {
	t.Helper()
	v, err := callWith(t.Context(), http.DefaultTransport, p.endpoint, http.Header{"Content-Type": {"text/xml"}}, newPost(seedUser, seedPassword, "A post"))
	if err != nil {
		t.Fatal(err)
	}
	id, err := strconv.ParseInt(v.Text(), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// publishing are calls that publish, each another title.
func publishing(t *testing.T, endpoint, user, password string) []*http.Request {
	t.Helper()
	list := make([]*http.Request, 1000)
	for i := range list {
		list[i] = request(t, endpoint, newPost(user, password, fmt.Sprintf("The post with number %03d", i)))
	}
	return list
}

func readingPost(t *testing.T, endpoint, user, password string, post int64) []*http.Request {
	t.Helper()
	return []*http.Request{request(t, endpoint, xmlrpc.AppendCall(nil, "wp.getPost", xmlrpc.Int(1), xmlrpc.String(user), xmlrpc.String(password), xmlrpc.Int(post)))}
}

func readingPosts(t *testing.T, endpoint, user, password string) []*http.Request {
	t.Helper()
	return []*http.Request{request(t, endpoint, xmlrpc.AppendCall(nil, "wp.getPosts", xmlrpc.Int(1), xmlrpc.String(user), xmlrpc.String(password),
		xmlrpc.Struct(xmlrpc.M("number", xmlrpc.Int(10)))))}
}

// moved are the same requests to another address.
func moved(t *testing.T, requests []*http.Request, address string) []*http.Request {
	t.Helper()
	list := make([]*http.Request, len(requests))
	for i, r := range requests {
		body, err := r.GetBody()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		list[i] = request(t, address, text)
		list[i].Header = r.Header
	}
	return list
}

// startBare starts handlers of net/http that do what any server has to do for a call, and nothing else: /hello reads the
// body; /select hashes it and reads the post from the file of the blog; /insert writes a row with one writer.
func startBare(t *testing.T, file string, post int64) *httptest.Server {
	t.Helper()
	opened := func(path, more string, most int) *sql.DB {
		db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_inttotime=1&_time_integer_format=unix_micro"+more)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		db.SetMaxOpenConns(most)
		db.SetMaxIdleConns(most)
		return db
	}
	reader, writer := opened(file, "&_pragma=query_only(1)", 8), opened(filepath.Join(t.TempDir(), "bare.db"), "&_pragma=synchronous(FULL)", 1)
	if _, err := writer.ExecContext(t.Context(), `CREATE TABLE posts (id INTEGER PRIMARY KEY, title TEXT, content TEXT, date TIMESTAMP)`); err != nil {
		t.Fatal(err)
	}
	prepared := func(db *sql.DB, query string) *sql.Stmt {
		s, err := db.PrepareContext(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	row := prepared(reader, `SELECT id, type, status, title, name, author, content, excerpt, password, parent, menu_order,
		comment_status, ping_status, mime_type, guid, sticky, comment_count, date, date_gmt, modified, modified_gmt FROM posts WHERE id = $1`)
	insert := prepared(writer, `INSERT INTO posts (title, content, date) VALUES ($1, $2, $3)`)
	mux := http.NewServeMux()
	handle := func(path string, answer func(ctx context.Context, body []byte) (string, error)) {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			text, err := answer(r.Context(), body)
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			w.Header().Set("Content-Type", "text/xml; charset=UTF-8")
			io.WriteString(w, "<methodResponse><params><param><value><string>"+text+"</string></value></param></params></methodResponse>")
		})
	}
	handle("/hello", func(context.Context, []byte) (string, error) { return "hello", nil })
	handle("/select", func(ctx context.Context, body []byte) (string, error) {
		inner := sha256.Sum256(append([]byte(seedSecret), body...))
		outer := sha256.Sum256(append([]byte(seedSecret), hex.EncodeToString(inner[:])...))
		values, places := make([]any, 21), make([]any, 21)
		for i := range values {
			places[i] = &values[i]
		}
		err := row.QueryRowContext(ctx, post).Scan(places...)
		return fmt.Sprintf("%x %v %v", outer, values[3], values[6]), err
	})
	handle("/insert", func(ctx context.Context, body []byte) (string, error) {
		result, err := insert.ExecContext(ctx, "A title", body, time.Now())
		if err != nil {
			return "", err
		}
		id, err := result.LastInsertId()
		return strconv.FormatInt(id, 10), err
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// startAbyss builds and starts a server made of xmlrpc-c.
func startAbyss(t *testing.T) (*process, string) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "abyss")
	build := exec.CommandContext(t.Context(), "sh", "-c", `cc -O2 -o "$0" testdata/abyss.c $(xmlrpc-c-config abyss-server --cflags --libs)`, program)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s (tools/install-test-tools installs a C compiler and xmlrpc-c)", err, out)
	}
	p, found := launchCommand(t, "abyss", exec.Command(program), regexp.MustCompile(`listens on (\S+)`))
	return p, found[1]
}

// wordpressCalls are calls of a WordPress; none where there is no address.
type wordpressCalls struct {
	address              string
	post, posts, newPost []*http.Request
}

func newWordPressCalls(t *testing.T) *wordpressCalls {
	t.Helper()
	endpoint := os.Getenv("WORDPRESS_ENDPOINT")
	if endpoint == "" {
		t.Log("No WordPress takes part: WORDPRESS_ENDPOINT is not set.")
		return &wordpressCalls{}
	}
	user, password := os.Getenv("WORDPRESS_USER"), os.Getenv("WORDPRESS_PASSWORD")
	post, err := strconv.ParseInt(os.Getenv("WORDPRESS_POST"), 10, 64)
	if err != nil {
		t.Fatal("WORDPRESS_POST is not the id of a post")
	}
	w := &wordpressCalls{post: readingPost(t, endpoint, user, password, post), posts: readingPosts(t, endpoint, user, password), newPost: publishing(t, endpoint, user, password)}
	w.address = w.post[0].URL.Host
	if w.post[0].URL.Port() == "" {
		w.address += ":80"
	}
	return w
}

func (w *wordpressCalls) beside(goal float64, requests []*http.Request) []beside {
	if w.address == "" {
		return nil
	}
	return []beside{{name: "WordPress", address: w.address, requests: requests, goal: goal}}
}
