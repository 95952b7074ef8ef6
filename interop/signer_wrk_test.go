//go:build wrk

package interop

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	settings "flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/signature"
	"github.com/quillgate/quillgate/signer"
	"github.com/quillgate/quillgate/xmlrpc"
)

var wrkTime = settings.Duration("wrk", 2*time.Second, "how long each of the loads lasts")

// What the signer may cost. Client, signer and server share the processors here, and there any program in between may cost
// more than that; then it counts what a proxy costs in the same run that only passes calls on.
const (
	wrkDelay = time.Millisecond // of the median
	wrkShare = 0.6              // of the throughput that is left at least
	wrkBare  = 1.25             // times the cost of such a proxy
)

const (
	wrkRounds = 3
	wrkMost   = 6000 // requests a second that no server here answers
)

// A wrkCall is a call that is measured. params lack user and password.
type wrkCall struct {
	name, method string
	params       func(user, password string) []xmlrpc.Value
}

var wrkCalls = []wrkCall{
	{"smallest", "wp.getUsersBlogs", func(user, password string) []xmlrpc.Value {
		return []xmlrpc.Value{xmlrpc.String(user), xmlrpc.String(password)}
	}},
	{"refresh", "metaWeblog.getRecentPosts", func(user, password string) []xmlrpc.Value {
		return []xmlrpc.Value{xmlrpc.String("1"), xmlrpc.String(user), xmlrpc.String(password), xmlrpc.Int(10)}
	}},
}

// wrkKey is a key of the seed's administrator, as a file of it says.
type wrkKey struct {
	name   string
	public string
	file   string
	client signer.Transport
}

// TestSignerThroughput compares what an old program gets through the signer with what a program gets directly that signs
// in the same way and has its answers signed: the same work for the server. What the program that goes directly sends was
// signed before, since wrk cannot sign, so that its own work of signing and checking does not count.
func TestSignerThroughput(t *testing.T) {
	if _, err := exec.LookPath("wrk"); err != nil {
		t.Fatal(err, "(tools/install-test-tools installs it)")
	}
	blog := seedIn(t, t.TempDir(), "")
	keys := wrkKeys(t, blog)
	p := start(t, blog, "--log-level", "error")
	for _, key := range keys {
		if !key.client.Private.IsZero() {
			answers, err := signer.AnswerKey(t.Context(), nil, p.endpoint)
			if err != nil {
				t.Fatal(err)
			}
			key.client.AnswerKey = answers
		}
		s := signedWith(t, p.base, key.public, key.file)
		for _, call := range wrkCalls {
			for _, connections := range []int{1, 16} {
				t.Run(fmt.Sprintf("%s/%s/%d", key.name, call.name, connections), func(t *testing.T) {
					compareByWrk(t, p, s, key, call, connections)
				})
			}
		}
		s.kill()
	}
}

// wrkKeys are a key pair, as sign add makes it, and a pair with a secret.
func wrkKeys(t *testing.T, blog seeded) []wrkKey {
	t.Helper()
	own := enrol(t, blog, "ed25519")
	text, err := os.ReadFile(own.private)
	if err != nil {
		t.Fatal(err)
	}
	private, err := signature.ParsePrivateKey(signature.Ed25519, text)
	if err != nil {
		t.Fatal(err)
	}
	return []wrkKey{
		{"ed25519", own.public, own.private, signer.Transport{Public: own.public, Private: private, Answers: true}},
		{"hmac-sha256", seedPublic, fileOf(t, []byte(seedSecret)), signer.Transport{Public: seedPublic, Secret: seedSecret, Scheme: signer.MessageSignatures, Answers: true}},
	}
}

// compareByWrk measures both ways by turns, so that what else the machine does harms both, and takes the median of each.
func compareByWrk(t *testing.T, p *process, s *signing, key wrkKey, call wrkCall, connections int) {
	t.Helper()
	plain := request(t, s.endpoint, xmlrpc.AppendCall(nil, call.method, call.params(s.user, s.password)...))
	home := strings.TrimPrefix(p.base, "http://")
	bare := bareProxy(t, p.base)
	var direct, through, passed []measured
	for range wrkRounds {
		through = append(through, byWrk(t, s.cmd.Process.Pid, s.address, connections, []*http.Request{plain}))
		// Enough for the fastest server.
		ready := signedBefore(t, p, key, call, int(wrkTime.Seconds()*wrkMost))
		direct = append(direct, byWrk(t, p.cmd.Process.Pid, home, connections, ready, "once"))
		ready = signedBefore(t, p, key, call, int(wrkTime.Seconds()*wrkMost))
		passed = append(passed, byWrk(t, os.Getpid(), bare, connections, ready, "once"))
	}
	a, b, c := medians(direct), medians(through), medians(passed)
	slower, share := b.median-a.median, b.perSecond/a.perSecond
	t.Logf("%-11s %-8s %2d connections: median %4d µs direct, %4d µs through the signer (%+d µs); %5.0f and %5.0f requests/s (%.0f %%); %d µs of CPU in the server, %d µs in the signer",
		key.name, call.name, connections, a.median.Microseconds(), b.median.Microseconds(), slower.Microseconds(), a.perSecond, b.perSecond, 100*share, a.cpu.Microseconds(), b.cpu.Microseconds())
	t.Logf("%-11s %-8s %2d connections: through a proxy that only passes calls on: median %4d µs (%+d µs); %5.0f requests/s (%.0f %%); %d µs of CPU in the proxy",
		key.name, call.name, connections, c.median.Microseconds(), (c.median - a.median).Microseconds(), c.perSecond, 100*c.perSecond/a.perSecond, c.cpu.Microseconds())
	if limit := max(wrkDelay, time.Duration(wrkBare*float64(c.median-a.median))); slower > limit {
		t.Errorf("the signer adds %v to the median, at most %v may be", slower, limit)
	}
	if limit := min(wrkShare, c.perSecond/a.perSecond/wrkBare); share < limit {
		t.Errorf("through the signer %.0f %% of the requests are answered, %.0f %% have to be", 100*share, 100*limit)
	}
}

// bareProxy starts what any program in Go costs that stands in between: a proxy that passes each request on, signs nothing and
// checks nothing. It returns its address.
func bareProxy(t *testing.T, base string) string {
	t.Helper()
	home, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	quiet := log.New(io.Discard, "", 0) // wrk goes away in the middle of calls
	s := httptest.NewServer(&httputil.ReverseProxy{Transport: transport, ErrorLog: quiet, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(home)
		r.Out.Host = r.In.Host // which is signed
	}})
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// medians is the median of each number.
func medians(all []measured) measured {
	var out measured
	slices.SortFunc(all, func(a, b measured) int { return cmp.Compare(a.median, b.median) })
	out.median = all[len(all)/2].median
	slices.SortFunc(all, func(a, b measured) int { return cmp.Compare(a.perSecond, b.perSecond) })
	out.perSecond = all[len(all)/2].perSecond
	slices.SortFunc(all, func(a, b measured) int { return cmp.Compare(a.cpu, b.cpu) })
	out.cpu = all[len(all)/2].cpu
	return out
}

func request(t *testing.T, endpoint string, body []byte) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, endpoint, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "text/xml")
	return r
}

// signedBefore signs n requests, each for one use.
func signedBefore(t *testing.T, p *process, key wrkKey, call wrkCall, n int) []*http.Request {
	t.Helper()
	body := xmlrpc.AppendCall(nil, call.method, call.params("", "")...)
	out := make([]*http.Request, n)
	for i := range out {
		var c captured
		key.client.Base = &c
		if _, err := key.client.RoundTrip(request(t, p.endpoint, body)); !errors.Is(err, errCaptured) {
			t.Fatal(err)
		}
		out[i] = c.request
	}
	return out
}

// measured is what wrk found.
type measured struct {
	median    time.Duration
	perSecond float64
	cpu       time.Duration // that the process has used for each request
}

// byWrk sends requests by wrk for as long as a load lasts. All must be answered as the first one is, which is looked at.
func byWrk(t *testing.T, pid int, address string, connections int, requests []*http.Request, once ...string) measured {
	t.Helper()
	size := answerSize(t, address, requests[0])
	if len(once) > 0 {
		requests = requests[1:]
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "requests"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, r := range requests {
		if _, err := file.Write(dump(t, r)); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"-t", "1", "-c", strconv.Itoa(connections), "-d", strconv.Itoa(int(wrkTime.Seconds())) + "s", "-s", "testdata/wrk.lua", "http://" + address, "--", file.Name()}
	cmd := exec.CommandContext(t.Context(), "wrk", append(args, once...)...)
	before := cpuTime(t, pid)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("wrk: %v: %s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	var got struct{ Requests, Micros, Bytes, Median, Errors int64 }
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &got); err != nil {
		t.Fatalf("wrk: %v: %s", err, out)
	}
	// A refusal has another length than an answer. Answers differ by the letters of their numbers.
	if each := got.Bytes / max(got.Requests, 1); got.Errors > 0 || each < size*9/10 || each > size*11/10 {
		t.Fatalf("%d requests failed; an answer has %d bytes, where a right one has %d", got.Errors, each, size)
	}
	return measured{time.Duration(got.Median) * time.Microsecond, float64(got.Requests) / (float64(got.Micros) / 1e6), (cpuTime(t, pid) - before) / time.Duration(max(got.Requests, 1))}
}

// cpuTime is how long a process has run on a processor, by proc_pid_stat(5); 0 for no process.
func cpuTime(t *testing.T, pid int) time.Duration {
	t.Helper()
	if pid == 0 {
		return 0
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest) // from the third on
	var ticks int
	for _, f := range fields[11:13] {
		n, err := strconv.Atoi(f)
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / 100
}

// dump is a request for the file of requests.
func dump(t *testing.T, r *http.Request) []byte {
	t.Helper()
	text, err := httputil.DumpRequestOut(r, true)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Appendf(nil, "%08d%s", len(text), text)
}

// answerSize sends one of the requests and returns the size of its answer on the wire, which must be a right one.
func answerSize(t *testing.T, address string, r *http.Request) int64 {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write(dump(t, r)[8:]); err != nil {
		t.Fatal(err)
	}
	var size wireBytes
	resp, err := http.ReadResponse(bufio.NewReader(io.TeeReader(c, &size)), r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := xmlrpc.DecodeResponse(text, xmlrpc.Limits{}); err != nil {
		t.Fatal(err)
	}
	return int64(size)
}

// wireBytes counts bytes.
type wireBytes int64

func (c *wireBytes) Write(p []byte) (int, error) {
	*c += wireBytes(len(p))
	return len(p), nil
}
