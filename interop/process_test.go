package interop

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binary is the program, built once for all tests of the package.
var binary struct {
	sync.Once
	folder, path string
	err          error
}

func TestMain(m *testing.M) {
	http.DefaultTransport = recording{http.DefaultTransport}
	traces.made("the password of the seed", seedPassword)
	traces.made("the secret of the seed's key", seedSecret)
	runTogether()
	code := m.Run()
	closeBrowser()
	fmt.Println("K6:", &traces)
	for _, leak := range traces.leaks() {
		fmt.Println("--- FAIL: K6:", leak)
		code = max(code, 1)
	}
	if binary.folder != "" {
		os.RemoveAll(binary.folder)
	}
	os.Exit(code)
}

// runTogether lets more tests run at the same time than there are processors,
// unless -parallel says how many: most of them wait for other programs.
func runTogether() {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0)))
	}
}

// build returns the path of the program.
func build(t testing.TB) string {
	t.Helper()
	binary.Do(func() {
		if binary.folder, binary.err = os.MkdirTemp("", "quillgate-interop-"); binary.err != nil {
			return
		}
		binary.path = filepath.Join(binary.folder, "quillgate")
		cmd := exec.Command("go", "build", "-o", binary.path, "github.com/quillgate/quillgate/cmd/quillgate")
		if out, err := cmd.CombinedOutput(); err != nil {
			binary.err = fmt.Errorf("build quillgate: %w\n%s", err, out)
		}
	})
	if binary.err != nil {
		t.Fatal(binary.err)
	}
	return binary.path
}

// command runs the program to its end and returns what it printed.
func command(t testing.TB, s seeded, stdin string, args ...string) string {
	t.Helper()
	cmd := exec.Command(build(t), args...)
	cmd.Env = s.environment()
	return printed(t, cmd, "quillgate "+args[0], stdin)
}

// printed runs a command of the program to its end and returns what it printed.
func printed(t testing.TB, cmd *exec.Cmd, name, stdin string) string {
	t.Helper()
	cmd.Stdin = strings.NewReader(stdin)
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	err := cmd.Run()
	traces.keep(answer, name, out.Bytes())
	traces.keep(logged, name, complaints.Bytes())
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", strings.Join(cmd.Args, " "), err, &out, &complaints)
	}
	return out.String()
}

// environment is the settings that name the blog.
func (s seeded) environment() []string {
	env := append(os.Environ(), "QUILLGATE_DATA="+s.folder)
	if s.database != "" {
		env = append(env, "QUILLGATE_DATABASE="+s.database)
	}
	return env
}

// process is a running server.
type process struct {
	base     string // address of the home page
	endpoint string
	out      *lockedBuffer // what it prints
	cmd      *exec.Cmd
	log      *lockedBuffer
	ended    chan error // one value, when the process has ended
}

var greeted = regexp.MustCompile(`(http://\S+)/xmlrpc\.php`)

// start runs the server on a free port of loopback and waits until it is ready. It is killed when the test ends.
func start(t testing.TB, s seeded, args ...string) *process {
	t.Helper()
	args = append([]string{"serve", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0", "--throttle-exempt", "127.0.0.0/8"}, args...)
	p, greeting := launch(t, s, greeted, args...)
	p.base, p.endpoint = greeting[1], greeting[0]
	p.await(t)
	return p
}

// launch starts the program for a blog and waits for its greeting, which it returns.
func launch(t testing.TB, s seeded, greeted *regexp.Regexp, args ...string) (*process, []string) {
	t.Helper()
	cmd := exec.Command(build(t), args...)
	cmd.Env = s.environment()
	return launchCommand(t, "quillgate "+args[0], cmd, greeted)
}

// launchCommand starts a command and waits until it has printed a line that matches, which is returned. It is killed when
// the test ends, and what it has printed is kept for evidence.
func launchCommand(t testing.TB, name string, cmd *exec.Cmd, ready *regexp.Regexp) (*process, []string) {
	t.Helper()
	p := &process{cmd: cmd, log: &lockedBuffer{}, out: &lockedBuffer{}, ended: make(chan error, 1)}
	cmd.Stderr = p.log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.keepMetrics(t)
		p.kill()
		traces.keep(answer, "output of "+name, []byte(p.out.String()))
		traces.keep(logged, name, []byte(p.log.String()))
	})
	greeting := make(chan []string, 1)
	go func() {
		lines := bufio.NewReader(out)
		for {
			line, err := lines.ReadString('\n')
			p.out.Write([]byte(line))
			if m := ready.FindStringSubmatch(line); m != nil && len(greeting) == 0 {
				greeting <- m
			}
			if err != nil {
				break
			}
		}
		close(greeting)
		p.ended <- p.cmd.Wait()
	}()
	m := <-greeting
	if m == nil {
		p.kill()
		t.Fatalf("%s: it ended before it served\n%s%s", name, p.out, p.log)
	}
	return p, m
}

// patience bounds what takes a moment on an idle machine, and much longer on a busy one.
const patience = 4 * time.Minute

// await asks until the server says that it is ready. It listens before it greets, so it answers at once; but on a busy
// machine it may find that its database takes too long.
func (p *process) await(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for ; ; <-tick.C {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.base+"/readyz", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatalf("the server does not answer: %v\n%s", err, p.log)
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return
		}
	}
}

// kill ends the process at once, as a crash does. Killing it again does nothing.
func (p *process) kill() {
	p.cmd.Process.Kill()
	p.ended <- <-p.ended
}

var metricsAddress = regexp.MustCompile(`serving metrics.* address=(\S+)`)

// keepMetrics takes the page of the metrics for evidence, while the process runs.
func (p *process) keepMetrics(t testing.TB) {
	t.Helper()
	address := metricsAddress.FindStringSubmatch(p.log.String())
	if len(p.ended) > 0 || address == nil {
		return
	}
	resp, err := http.Get("http://" + address[1] + "/metrics")
	if err != nil {
		return // it may be ending
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	traces.keep(metrics, "of quillgate serve", text)
}

// stop asks the process to end and returns its exit code.
func (p *process) stop(t testing.TB) int {
	t.Helper()
	p.keepMetrics(t)
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	err := <-p.ended
	p.ended <- err
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return p.cmd.ProcessState.ExitCode()
}

// lockedBuffer collects what a process writes while a test reads it.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
