package interop

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/quillgate/quillgate/xmlrpc"
)

// example is a program in docs/examples, which publishes a post with a signed
// call and prints its id.
type example struct {
	file    string // relative to docs/examples
	command []string
	install string // what to install if the program does not run
}

var examples = []example{
	{"newpost.py", []string{"python3", "newpost.py"}, "Python 3 (Debian: python3)"},
	{"newpost.mjs", []string{"node", "newpost.mjs"}, "Node (Debian: nodejs)"},
	{"newpost.php", []string{"php", "newpost.php"}, "PHP (Debian: php-cli)"},
	{"newpost.rb", []string{"ruby", "newpost.rb"}, "Ruby (Debian: ruby)"},
	{"newpost.pl", []string{"perl", "newpost.pl"}, "Perl (Debian: perl)"},
	{"newpost/main.go", []string{"go", "run", "./newpost"}, "Go"},
	{"newpost.sh", []string{"sh", "newpost.sh"}, "openssl and curl (Debian: openssl curl)"},
}

// strictExamples sign with RFC 9421.
var strictExamples = []example{
	{"strict.py", []string{"python3", "strict.py"}, "Python 3 (Debian: python3)"},
	{"strict.mjs", []string{"node", "strict.mjs"}, "Node (Debian: nodejs)"},
}

// exampleLines is the largest length of an example: readers want to see the
// signature, not a program.
const exampleLines = 30

func TestExamples(t *testing.T) {
	t.Parallel()
	p := start(t, seed(t, ""))
	key := signingKey{seedPublic, seedSecret}
	for _, x := range examples {
		t.Run(x.file, func(t *testing.T) {
			const title, text = `Grüße, 世界 🚀 <1> & "2"`, "first line\n<p>'second' &amp; last</p>"
			proxy := newDeprecation(t, p)
			id := runExample(t, x.command, x.install, proxy.url, key, title, text)
			post, err := call(t.Context(), p, &key, "wp.getPost", xmlrpc.Int(1), xmlrpc.String(""), xmlrpc.String(""), xmlrpc.String(id))
			if err != nil {
				t.Fatalf("the post %q that the example says it made: %v", id, err)
			}
			for name, want := range map[string]string{"post_title": title, "post_content": text, "post_status": "publish"} {
				if got := post.Get(name).Text(); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
			if answers, notes := proxy.seen(); answers != 1 || len(notes) > 0 {
				t.Errorf("%d answers, want 1; deprecated for %q, want nothing", answers, notes)
			}
		})
	}
}

var printedID = regexp.MustCompile(`(?m)^\d+$`)

// uncaught matches the output of programs that end with an uncaught error, in
// these languages.
var uncaught = regexp.MustCompile(`(?m)Traceback|^\s+at |goroutine|Fatal error|Uncaught|node:internal|^\s*from |\.(pl|rb|php) line|:in |exit status`)

// Whatever is wrong, an example prints no id, ends with an error, and says why in one sentence.
func TestExamplesRefused(t *testing.T) {
	t.Parallel()
	p := start(t, seed(t, ""))
	for _, x := range append(slices.Clone(examples), strictExamples...) {
		t.Run(x.file, func(t *testing.T) {
			t.Parallel()
			for _, c := range []struct {
				what, url, public, secret, want string
				arguments                       []string
			}{
				{"a wrong secret", p.endpoint, seedPublic, seedSecret + "0", "ignature|redential|key", []string{"title", "text"}},
				{"no server", "http://127.0.0.1:2/xmlrpc.php", seedPublic, seedSecret, "(?i)refused|connect", []string{"title", "text"}},
				{"no blog there", p.base + "/nothing-here", seedPublic, seedSecret, ".", []string{"title", "text"}},
				{"no variables", "", "", "", "^Set BLOG_URL, BLOG_PUBLIC and BLOG_SECRET", []string{"title", "text"}},
				{"no text", p.endpoint, seedPublic, seedSecret, "give a title and a text", []string{"title"}},
			} {
				cmd := exec.CommandContext(t.Context(), x.command[0], append(x.command[1:len(x.command):len(x.command)], c.arguments...)...)
				cmd.Dir = "../docs/examples"
				if c.url != "" {
					cmd.Env = append(os.Environ(), "BLOG_URL="+c.url, "BLOG_PUBLIC="+c.public, "BLOG_SECRET="+c.secret)
				}
				var complaints bytes.Buffer
				cmd.Stderr = &complaints
				out, err := cmd.Output()
				if err == nil || printedID.Match(out) {
					t.Errorf("%s: it ended with %v and printed %q, want an error and no id", c.what, err, out)
				}
				words := strings.TrimSuffix(complaints.String(), "exit status 1\n") // of go run
				if !regexp.MustCompile(c.want).MatchString(words) || uncaught.MatchString(words) || strings.Contains(words, "<value>") || len(words) > 700 {
					t.Errorf("%s: it says %q, want a sentence with %s", c.what, words, c.want)
				}
			}
		})
	}
}

func TestExamplesAreShort(t *testing.T) {
	found, err := filepath.Glob("../docs/examples/newpost*")
	if err != nil || len(found) != len(examples) {
		t.Errorf("docs/examples holds %q, %v: the test knows %d", found, err, len(examples))
	}
	for _, x := range examples {
		source, err := os.ReadFile(filepath.Join("../docs/examples", x.file))
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(source, []byte("\n")); n > exampleLines {
			t.Errorf("%s has %d lines, want at most %d", x.file, n, exampleLines)
		}
	}
}

func exampleCommand(ctx context.Context, command []string, url string, key signingKey, title, text string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, command[0], append(command[1:len(command):len(command)], title, text)...)
	cmd.Dir = "../docs/examples"
	cmd.Env = append(os.Environ(), "BLOG_URL="+url, "BLOG_PUBLIC="+key.public, "BLOG_SECRET="+key.secret)
	return cmd
}

// runExample publishes a post with one of the examples and returns the id that it prints.
func runExample(t *testing.T, command []string, install, url string, key signingKey, title, text string) string {
	t.Helper()
	cmd := exampleCommand(t.Context(), command, url, key, title, text)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v (it needs %s; tools/install-test-tools installs it)\n%s%s", command, err, install, out, &complaints)
	}
	return strings.TrimSpace(string(out))
}

// deprecation is a proxy in front of the server that reads what the answers say about the use of passwords.
type deprecation struct {
	url string

	mu      sync.Mutex
	answers int
	notes   []string
}

func newDeprecation(t *testing.T, p *process) *deprecation {
	t.Helper()
	target, err := url.Parse(p.base)
	if err != nil {
		t.Fatal(err)
	}
	d := &deprecation{}
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: func(resp *http.Response) error {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.answers++
			d.notes = append(d.notes, resp.Header.Values("X-Deprecated")...)
			return nil
		},
	})
	t.Cleanup(proxy.Close)
	d.url = proxy.URL + strings.TrimPrefix(p.endpoint, p.base)
	return d
}

func (d *deprecation) seen() (answers int, notes []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.answers, d.notes
}
