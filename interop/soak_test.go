//go:build soak

package interop

import (
	"bytes"
	"context"
	settings "flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quillgate/quillgate/signature"
	"github.com/quillgate/quillgate/xmlrpc"
)

var (
	soakTime = settings.Duration("soak", 10*time.Minute, "how long the load lasts")
	soakRate = settings.Int("rate", 200, "requests a second")
)

// soakers is how many requests are on their way at once.
const soakers = 16

// H12: under a steady load of good and bad requests, memory, files and goroutines of the process stay what they are.
func TestSoak(t *testing.T) {
	metrics := freeAddress(t)
	p := start(t, seed(t, ""), "--metrics-listen", metrics, "--log-level", "error")
	ctx, cancel := context.WithTimeout(context.Background(), *soakTime)
	defer cancel()
	work := make(chan int)
	var running sync.WaitGroup
	for range soakers {
		running.Go(func() {
			for n := range work {
				soakOne(t, p, n)
			}
		})
	}
	var seen []sample
	every, look := time.NewTicker(time.Second/time.Duration(*soakRate)), time.NewTicker(max(*soakTime/200, time.Second))
	defer every.Stop()
	defer look.Stop()
	for n, open := 0, true; open; {
		select {
		case <-every.C:
			work <- n
			n++
		case <-look.C:
			seen = append(seen, observe(t, p, metrics))
		case <-ctx.Done():
			open = false
			t.Logf("%d requests in %v", n, *soakTime)
		}
	}
	close(work)
	running.Wait()
	tenth := len(seen) / 10
	if tenth < 1 {
		t.Fatalf("%d samples are too few to tell anything: let it run for longer", len(seen))
	}
	early, late := seen[2*tenth:3*tenth], seen[len(seen)-tenth:]
	for _, c := range []struct {
		name  string
		of    func(sample) int
		slack int
	}{
		{"resident MiB", func(s sample) int { return s.memory >> 20 }, 16},
		{"open files", func(s sample) int { return s.files }, 16},
		{"goroutines", func(s sample) int { return s.goroutines }, 16},
	} {
		before, after := middle(early, c.of), middle(late, c.of)
		t.Logf("%s: %d early, %d late", c.name, before, after)
		if after > before+before/5+c.slack {
			t.Errorf("%s grew from %d to %d", c.name, before, after)
		}
	}
}

// sample is what the process holds at the same time.
type sample struct{ memory, files, goroutines int }

var (
	residentLine   = regexp.MustCompile(`(?m)^VmRSS:\s+(\d+) kB`)
	goroutinesLine = regexp.MustCompile(`(?m)^go_goroutines (\d+)`)
)

func observe(t *testing.T, p *process, metrics string) sample {
	t.Helper()
	proc := filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid))
	status, err := os.ReadFile(proc + "/status")
	if err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(proc + "/fd")
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get("http://" + metrics + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	numbers, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	number := func(line *regexp.Regexp, text []byte) int {
		m := line.FindSubmatch(text)
		if m == nil {
			t.Fatalf("no line %v", line)
		}
		n, _ := strconv.Atoi(string(m[1]))
		return n
	}
	return sample{memory: number(residentLine, status) << 10, files: len(files), goroutines: number(goroutinesLine, numbers)}
}

func middle(list []sample, of func(sample) int) int {
	var values []int
	for _, s := range list {
		values = append(values, of(s))
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// soakOne sends one request of the mix.
func soakOne(t *testing.T, p *process, n int) {
	post := xmlrpc.Struct(xmlrpc.M("post_title", xmlrpc.String(fmt.Sprint("Soak ", n))), xmlrpc.M("post_content", xmlrpc.String(strings.Repeat("Words. ", 200))))
	none := xmlrpc.String("")
	switch n % 10 {
	case 0:
		// A post that goes again, so that the blog does not grow.
		answer := soakCall(t, p, true, "wp.newPost", xmlrpc.Int(1), none, none, post)
		if v, err := xmlrpc.DecodeResponse(answer, xmlrpc.Limits{}); err == nil {
			for range 2 { // to the trash, and out of it
				soakCall(t, p, true, "wp.deletePost", xmlrpc.Int(1), none, none, v)
			}
		} else {
			t.Errorf("wp.newPost: %v", err)
		}
	case 1:
		soakCall(t, p, false, "wp.newPost", xmlrpc.Int(1), none, none, post) // signed with another secret
	case 2:
		soakSend(t, p, http.MethodPost, "/xmlrpc.php", bytes.Repeat([]byte("<array>"), 300), "")
	case 3:
		soakSend(t, p, http.MethodPost, "/xmlrpc.php", []byte("<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'c'>]><methodCall/>"), "")
	case 4, 5:
		soakSend(t, p, http.MethodGet, "/", nil, "")
	case 6:
		soakSend(t, p, http.MethodGet, "/nothing/here/"+strconv.Itoa(n)+"/", nil, "")
	default:
		soakCall(t, p, true, "wp.getPosts", xmlrpc.Int(1), none, none)
	}
}

func soakCall(t *testing.T, p *process, right bool, method string, params ...xmlrpc.Value) []byte {
	body := xmlrpc.AppendCall(nil, method, params...)
	secret := seedSecret
	if !right {
		secret = strings.Repeat("0", len(seedSecret))
	}
	return soakSend(t, p, http.MethodPost, "/xmlrpc.php", body, signature.Sign(seedPublic, secret, body))
}

func soakSend(t *testing.T, p *process, method, path string, body []byte, authorization string) []byte {
	req, err := http.NewRequest(method, p.base+path, bytes.NewReader(body))
	if err != nil {
		t.Error(err)
		return nil
	}
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Error(err)
		return nil
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 500 {
		t.Errorf("%s %s: %s, %v", method, path, resp.Status, err)
	}
	return answer
}
