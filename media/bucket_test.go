package media_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/media"
	"github.com/quillgate/quillgate/media/mediatest"
)

// While the S3 server refuses connections, does not answer, or asks clients to
// retry later, uploads and reads fail within a bounded time. Once it is back,
// every acknowledged file exists, and no other.
func TestBucketThatDoesNotAnswer(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		t.Parallel()
		s := mediatest.Start(t)
		p := mediatest.StartProxy(t, s)
		bucket := openBucketWithin(t, s.Address("blog", p.Endpoint), 1500*time.Millisecond)
		l := library(t, db, bucket)
		h := l.Handler(prefix, nil)
		want := []string{store(t, db, l, "a/before.txt", "before").Name}
		for name, mode := range map[string]int32{"refuses": mediatest.Refuses, "silent": mediatest.Silent, "503": mediatest.Says503} {
			p.Set(mode)
			began := time.Now()
			_, err := l.Store(t.Context(), media.Upload{Name: "a/during.txt"}, strings.NewReader("during"))
			if !errors.Is(err, media.ErrUnavailable) {
				t.Errorf("%s: Store: %v, want ErrUnavailable", name, err)
			}
			if r := get(t, h, "GET", prefix+"a/before.txt"); r.StatusCode != 503 || r.Header.Get("Retry-After") == "" || r.Header.Get("ETag") != "" || r.Header.Get("Cache-Control") != "" {
				t.Errorf("%s: a reader is told %d %v", name, r.StatusCode, r.Header)
			}
			tag := "" // answers that do not need the store still work
			if r := get(t, h, "HEAD", prefix+"a/before.txt"); r.StatusCode != 200 || r.Header.Get("Content-Length") != "6" {
				t.Errorf("%s: HEAD: %d", name, r.StatusCode)
			} else {
				tag = r.Header.Get("ETag")
			}
			if r := get(t, h, "GET", prefix+"a/before.txt", "If-None-Match", tag); r.StatusCode != 304 {
				t.Errorf("%s: unchanged: %d", name, r.StatusCode)
			}
			if took := time.Since(began); took > 30*time.Second {
				t.Errorf("%s: took %v", name, took)
			}
		}
		p.Set(mediatest.Passes)
		p.Slow(20 * time.Millisecond)
		want = append(want, store(t, db, l, "a/slow.bin", strings.Repeat("slow", 400<<10)).Name)
		p.Slow(0)
		p.LoseAnswers() // the file is stored, and its writer does not hear of it
		lost := store(t, db, l, "a/lost.txt", "lost")
		want = append(want, "a/lost.txt")
		if lost.Name != "a/lost.txt" {
			t.Errorf("a file whose answer was lost got the name %s", lost.Name)
		}
		sweepLater(t, db, bucket)
		slices.Sort(want)
		var keys []string
		for _, name := range want {
			keys = append(keys, "blog/"+name)
		}
		if diff := cmp.Diff([][]string{want, keys}, [][]string{rows(t, db), s.Objects(t)}); diff != "" {
			t.Errorf("rows and objects (-want +got):\n%s", diff)
		}
	})
}

// A process that is killed in the middle of a multipart upload leaves parts and
// a row, and a sweep removes both.
func TestBucketSurvivesKills(t *testing.T) {
	if dir := os.Getenv("QUILLGATE_TEST_KILLED_IN"); dir != "" {
		killed(t, dir)
		return
	}
	s := mediatest.Start(t)
	p := mediatest.StartProxy(t, s)
	p.Slow(3 * time.Millisecond) // for 34 MB longer than the test waits
	dir := t.TempDir()
	db := databasetest.Open(t, filepath.Join(dir, "a.db"))
	cmd := exec.Command(os.Args[0], "-test.run", "^TestBucketSurvivesKills$")
	cmd.Env = append(os.Environ(), "QUILLGATE_TEST_KILLED_IN="+dir, "QUILLGATE_TEST_S3="+s.Address("", p.Endpoint))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); len(s.Unfinished(t)) == 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			_ = cmd.Process.Kill()
			t.Fatalf("no part has come\n%s", out.String())
		}
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if diff := cmp.Diff([]string{"big.bin?"}, rows(t, db)); diff != "" {
		t.Errorf("rows after the kill (-want +got):\n%s", diff)
	}
	l := library(t, db, openBucket(t, s.Address("", "")))
	time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second))) // the server tells the age of parts in whole seconds
	if n, err := l.Sweep(t.Context(), 0); n != 1 || err != nil {
		t.Errorf("swept %d, %v", n, err)
	}
	if left := slices.Concat(rows(t, db), s.Objects(t), s.Unfinished(t)); len(left) != 0 {
		t.Errorf("left: %q", left)
	}
	if got := store(t, db, l, "big.bin", "small").Name; got != "big.bin" {
		t.Errorf("the name is still taken: %s", got)
	}
}

// killed is the process to kill.
func killed(t *testing.T, dir string) {
	db := databasetest.Open(t, filepath.Join(dir, "a.db"))
	l := library(t, db, openBucket(t, os.Getenv("QUILLGATE_TEST_S3")))
	_, err := l.Store(t.Context(), media.Upload{Name: "big.bin"}, io.LimitReader(endless{1}, 34<<20))
	t.Fatalf("was not killed: %v", err)
}

// The server is killed during uploads. When it is back, it has every upload
// that was acknowledged.
func TestBucketWhoseServerIsKilled(t *testing.T) {
	s := mediatest.Start(t)
	db := databasetest.Open(t, databasetest.SQLite(t))
	bucket := openBucket(t, s.Address("", ""))
	l := library(t, db, bucket)
	var acknowledged []string
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := 0; ; n++ {
				name := fmt.Sprintf("%d/%d.txt", i, n)
				stored, err := l.Store(t.Context(), media.Upload{Name: name}, strings.NewReader(name))
				if err == nil {
					err = tryKeep(t, db, l, stored)
				}
				if err != nil {
					if !errors.Is(err, media.ErrUnavailable) {
						t.Errorf("%s: %v", name, err)
					}
					return
				}
				mu.Lock()
				acknowledged = append(acknowledged, name)
				if len(acknowledged) == 20 {
					s.Kill()
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	s.Restart(t)
	sweepLater(t, db, bucket)
	for _, name := range acknowledged {
		if read(t, l, name) != name {
			t.Errorf("%s has other bytes", name)
		}
	}
	slices.Sort(acknowledged)
	if diff := cmp.Diff([][]string{acknowledged, acknowledged}, [][]string{rows(t, db), s.Objects(t)}); diff != "" {
		t.Errorf("rows and objects (-want +got):\n%s", diff)
	}
}

// Sixteen large uploads at the same time use memory only for buffers.
func TestBucketMemory(t *testing.T) {
	size := int64(4 << 20)
	if os.Getenv("QUILLGATE_TEST_NIGHTLY") != "" {
		size = 60 << 20
	}
	s := mediatest.Start(t)
	db := databasetest.Open(t, databasetest.SQLite(t))
	l := library(t, db, openBucket(t, s.Address("", "")))
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var peak atomic.Uint64
	done := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
				runtime.ReadMemStats(&now)
				peak.Store(max(peak.Load(), now.HeapInuse))
			}
		}
	})
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			stored, err := l.Store(t.Context(), media.Upload{Name: fmt.Sprintf("%d.mp4", i)}, io.LimitReader(endless{byte(i)}, size))
			if err != nil {
				t.Error(err)
			} else if err := tryKeep(t, db, l, stored); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	close(done)
	watch.Wait()
	grown := int64(peak.Load()-before.HeapInuse) >> 20
	t.Logf("16 uploads of %d MiB: the heap grew by %d MiB", size>>20, grown)
	if grown > 48 {
		t.Errorf("the heap grew by %d MiB", grown)
	}
}

func TestSignedRedirect(t *testing.T) {
	s := mediatest.Start(t)
	db := databasetest.Open(t, databasetest.SQLite(t))
	b := openBucket(t, s.Address("blog", ""))
	l := library(t, db, b)
	store(t, db, l, "a/größe 1.txt", "0123456789")
	store(t, db, l, "a/page.html", "<script>")
	h := l.Handler(prefix, b.RedirectSigned())
	r := get(t, h, "GET", prefix+"a/größe 1.txt")
	to := r.Header.Get("Location")
	if r.StatusCode != 302 || strings.Contains(to, mediatest.SecretKey) {
		t.Fatalf("%d %s", r.StatusCode, to)
	}
	q, err := http.NewRequest("GET", to, nil)
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Range", "bytes=2-4")
	answer, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if got, _ := io.ReadAll(answer.Body); answer.StatusCode != 206 || string(got) != "234" || answer.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("%d %q %v", answer.StatusCode, got, answer.Header)
	}
	answer, err = http.Get(get(t, h, "GET", prefix+"a/page.html").Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.Header.Get("Content-Disposition") != "attachment" {
		t.Errorf("a page may run in the bucket: %v", answer.Header)
	}
	public := l.Handler(prefix, media.RedirectTo("https://cdn.example/x/"))
	if got := get(t, public, "GET", prefix+"a/größe 1.txt").Header.Get("Location"); got != "https://cdn.example/x/a/gr%C3%B6%C3%9Fe%201.txt" {
		t.Errorf("redirected to %q", got)
	}
	if r := get(t, public, "GET", prefix+"../secret"); r.StatusCode != 404 {
		t.Errorf("upwards: %d", r.StatusCode)
	}
}

func TestBucketRefusesWrongCredentials(t *testing.T) {
	s := mediatest.Start(t)
	t.Setenv("AWS_SECRET_ACCESS_KEY", "wrong-secret-key")
	b := openBucket(t, s.Address("", ""))
	if _, err := b.Mark(t.Context()); !errors.Is(err, media.ErrRefused) || !errors.Is(err, media.ErrUnavailable) || strings.Contains(err.Error(), "wrong-secret-key") {
		t.Errorf("wrong secret: %v", err)
	}
	mediatest.SetCredentials()
	b = openBucket(t, strings.Replace(s.Address("", ""), mediatest.Bucket, "no-such-bucket", 1))
	if _, err := b.Mark(t.Context()); !errors.Is(err, media.ErrRefused) {
		t.Errorf("no such bucket: %v", err)
	}
}

func TestParseBucket(t *testing.T) {
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"} {
		t.Setenv(name, "")
	}
	for address, want := range map[string]string{
		"s3://bucket":                                                    "s3://bucket/ at https://s3.amazonaws.com us-east-1 false",
		"s3://bucket/a/b/?region=eu-north-1":                             "s3://bucket/a/b/ at https://s3.amazonaws.com eu-north-1 false",
		"s3://bucket/a?endpoint=http://127.0.0.1:7070":                   "s3://bucket/a/ at http://127.0.0.1:7070 us-east-1 true",
		"s3://bucket/a?endpoint=https://s3.example.com&path-style=false": "s3://bucket/a/ at https://s3.example.com us-east-1 false",
		"https://bucket":                                                 "! the address of a bucket begins with s3://",
		"s3://KEY:SECRET@bucket":                                         "! the address has credentials in it; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY instead",
		"s3://bucket?secret=abc":                                         "! unknown parameter \"secret\": there are endpoint, region and path-style; credentials are read from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
		"s3:///a":                                                        "! the address names no bucket: write s3://BUCKET or s3://BUCKET/PREFIX, and the server as ?endpoint=https://HOST:PORT",
		"s3://Bucket":                                                    "! the name of a bucket has 3 to 63 small letters, digits, dashes and dots",
		"s3://bucket/../x":                                               "! the prefix must be words separated by slashes, at most 100 bytes",
		"s3://bucket?endpoint=https://u:p@h":                             "! the endpoint must be https:// or http:// with a host name, such as https://s3.example.com",
		"s3://bucket?endpoint=ftp://h":                                   "! the endpoint must be https:// or http:// with a host name, such as https://s3.example.com",
		"s3://bucket?region=a&region=b":                                  "! the parameter region is there twice",
		"s3://bucket?path-style=perhaps":                                 "! path-style must be true or false",
		"s3://bucket/a#b":                                                "! the part after the question mark is not a list of parameters",
	} {
		a, err := media.ParseBucket(address)
		got := fmt.Sprintf("%s %s %v", a, a.Region, a.PathStyle)
		if err != nil {
			got = "! " + err.Error()
		}
		if got != want {
			t.Errorf("%s:\n got %s\nwant %s", address, got, want)
		}
	}
}

func FuzzParseBucket(f *testing.F) {
	f.Add("s3://bucket/prefix?endpoint=https://host:1&region=r&path-style=true")
	f.Add("s3://user:secret@bucket")
	f.Add("s3://bucket/%2e%2e/x")
	f.Fuzz(func(t *testing.T, address string) {
		a, err := media.ParseBucket(address)
		if err != nil {
			if strings.Contains(address, "hunter2-secret") && strings.Contains(err.Error(), "hunter2-secret") {
				t.Errorf("the error shows a secret: %v", err)
			}
			return
		}
		if a.Prefix != "" && (!strings.HasSuffix(a.Prefix, "/") || media.CheckName(a.Prefix+"x") != nil) || a.Endpoint.User != nil {
			t.Errorf("%q: %+v", address, a)
		}
		again, err := media.ParseBucket("s3://" + a.Bucket + "/" + (&url.URL{Path: a.Prefix}).EscapedPath())
		if err != nil || again.Prefix != a.Prefix {
			t.Errorf("%q: %+v, and again %+v, %v", address, a, again, err)
		}
	})
}

func BenchmarkParseBucketDoubled(b *testing.B) {
	for _, n := range []int{1 << 10, 2 << 10, 4 << 10} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			address := "s3://bucket/?region=" + strings.Repeat("%41", n)
			b.SetBytes(int64(len(address)))
			for b.Loop() {
				if _, err := media.ParseBucket(address); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Files move to a bucket while others are added, read and removed, and the move
// is interrupted. At the end the bucket has all recorded files, and no read has
// failed.
func TestMove(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		s := mediatest.Start(t)
		dir := t.TempDir()
		folder, bucket := openFolder(t, dir), openBucket(t, s.Address("blog", ""))
		from := library(t, db, folder)
		if _, err := from.Arrive(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i := range 100 {
			store(t, db, from, fmt.Sprintf("2024/%02d/%d.txt", i%12, i), strings.Repeat("x", i))
		}
		if _, err := db.Exec(t.Context(), `UPDATE media_files SET etag = '', type = '', upload = '', size = -1 WHERE name LIKE '2024/03/%'`); err != nil {
			t.Fatal(err) // as they are after an upgrade
		}
		if err := os.WriteFile(filepath.Join(dir, "by-hand.txt"), []byte("by hand"), 0o644); err != nil {
			t.Fatal(err)
		}
		stop := errors.New("interrupted")
		for round := range 3 {
			n := 0
			func() { // as kill -9 in the middle: nothing is done after it
				defer func() { _ = recover() }()
				_, err := from.Move(t.Context(), bucket, false, func(p media.Problem) { t.Errorf("%s %s", p.Name, p.What) }, func(media.Check) {
					if n++; n > round {
						panic(stop)
					}
				})
				t.Errorf("was not interrupted: %v", err)
			}()
		}
		again := library(t, db, openBucket(t, s.Address("blog", "")))
		if _, err := again.Arrive(t.Context()); err != nil {
			t.Errorf("the bucket is not known to the blog: %v", err)
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			for i := range 20 {
				store(t, db, from, fmt.Sprintf("2025/%d.txt", i), "meanwhile")
				if err := from.Remove(t.Context(), fmt.Sprintf("2024/%02d/%d.txt", i%12, i)); err != nil {
					t.Error(err)
				}
			}
		})
		if _, err := from.Move(t.Context(), bucket, false, func(p media.Problem) { t.Errorf("%s %s", p.Name, p.What) }, func(media.Check) {}); err != nil {
			t.Fatal(err)
		}
		wg.Wait()
		// One server already uses the bucket, and reads files that are not
		// there yet from the folder.
		to := media.New(media.LibraryConfig{Store: bucket, Earlier: folder, DB: db})
		late := store(t, db, from, "2025/late.txt", "late")
		if read(t, to, late.Name) != "late" {
			t.Error("a file in the folder is not read by a server with the bucket")
		}
		if r := get(t, to.Handler(prefix, nil), "GET", prefix+late.Name); r.StatusCode != 200 || body(t, r) != "late" {
			t.Errorf("a file in the folder is served by a server with the bucket: %d", r.StatusCode)
		}
		if got := store(t, db, to, late.Name, "another").Name; got != "2025/late-1.txt" {
			t.Errorf("two servers with two stores gave one name twice: %s", got)
		}
		c, err := from.Move(t.Context(), bucket, true, func(p media.Problem) { t.Errorf("%s %s", p.Name, p.What) }, func(media.Check) {})
		if err != nil || c.Copied == 0 {
			t.Errorf("the second move: %+v, %v", c, err)
		}
		if err := to.Remove(t.Context(), "2024/05/29.txt"); err != nil {
			t.Fatal(err)
		}
		if _, err := folder.Stat(t.Context(), "2024/05/29.txt"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a removed file is still where it was before the move: %v", err)
		}
		alone := library(t, db, bucket)
		var found []string
		if _, err := alone.Verify(t.Context(), true, func(func(string) error) error { return nil }, func(p media.Problem) { found = append(found, p.Name+": "+p.What) }, func(media.Check) {}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"by-hand.txt: nobody has this file"}, found); diff != "" {
			t.Errorf("problems in the bucket (-want +got):\n%s", diff)
		}
	})
}

func TestVerifyFinds(t *testing.T) {
	eachLibrary(t, func(t *testing.T, p place, db *database.DB) {
		s := p.open(t)
		l := library(t, db, s)
		for _, name := range []string{"good.txt", "missing.txt", "short.txt", "changed.txt"} {
			store(t, db, l, name, "content")
		}
		pending(t, l, "pending.txt", "x")
		replace := func(name, content string) {
			if err := s.Remove(t.Context(), name); err != nil {
				t.Fatal(err)
			}
			if content == "" {
				return
			}
			part, err := s.Spool(t.Context(), strings.NewReader(content))
			if err == nil {
				err = s.Put(t.Context(), name, part, media.Facts{})
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		replace("missing.txt", "")
		replace("short.txt", "short")
		replace("changed.txt", "CONTENT")
		replace("stray.txt", "x")
		var found []string
		c, err := l.Verify(t.Context(), true, func(fn func(string) error) error {
			return errors.Join(fn("good.txt"), fn("never.txt"))
		}, func(p media.Problem) { found = append(found, p.Name+": "+p.What) }, func(media.Check) {})
		if err != nil || c.Files != 4 || c.Pending != 1 || c.Unknown != 1 {
			t.Errorf("%+v, %v", c, err)
		}
		want := []string{
			"changed.txt: has other content than when it was stored", "missing.txt: is missing", "short.txt: has 5 bytes, not 7",
			"never.txt: is the file of an attachment, and was never stored", "stray.txt: nobody has this file",
		}
		if diff := cmp.Diff(want, found); diff != "" {
			t.Errorf("problems (-want +got):\n%s", diff)
		}
	})
}

// Servers that should share a store but do not get an error when they start.
func TestArriveNoticesAnotherStore(t *testing.T) {
	eachLibrary(t, func(t *testing.T, p place, db *database.DB) {
		first := library(t, db, p.open(t))
		if moved, err := first.Arrive(t.Context()); moved != "" || err != nil {
			t.Fatalf("the first: %q, %v", moved, err)
		}
		if _, err := library(t, db, p.open(t)).Arrive(t.Context()); err != nil {
			t.Errorf("the same store again: %v", err)
		}
		dir := t.TempDir()
		other := library(t, db, openFolder(t, dir))
		var elsewhere *media.Elsewhere
		if _, err := other.Arrive(t.Context()); !errors.As(err, &elsewhere) || elsewhere.There != first.Address() {
			t.Errorf("another store, empty: %v", err)
		}
		store(t, db, first, "a.txt", "a")
		if _, err := other.Arrive(t.Context()); !errors.As(err, &elsewhere) || elsewhere.Missing != 1 || elsewhere.Looked != 1 {
			t.Errorf("another store without the files: %v", err)
		}
		// A folder from a backup that lacks its mark has the files.
		if err := os.WriteFile(filepath.Join(dir, "a.txt"), []byte("a"), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := other.Arrive(t.Context()); err != nil {
			t.Errorf("another store with the files: %v", err)
		}
		if moved, err := first.Arrive(t.Context()); moved != other.Address() || err != nil {
			t.Errorf("a server with the earlier store: %q, %v", moved, err)
		}
		empty := library(t, db, openFolder(t, t.TempDir()))
		if err := empty.Accept(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := empty.Arrive(t.Context()); err != nil {
			t.Errorf("an accepted store: %v", err)
		}
	})
}

// A bucket with a prefix that another blog uses is refused, both to a new blog
// and as the target of a move.
func TestArriveNoticesAnotherBlog(t *testing.T) {
	s := mediatest.Start(t)
	one, two := databasetest.Open(t, databasetest.SQLite(t)), databasetest.Open(t, databasetest.SQLite(t))
	if _, err := library(t, one, openBucket(t, s.Address("blog", ""))).Arrive(t.Context()); err != nil {
		t.Fatal(err)
	}
	var elsewhere *media.Elsewhere
	if _, err := library(t, two, openBucket(t, s.Address("blog", ""))).Arrive(t.Context()); !errors.As(err, &elsewhere) || !elsewhere.Foreign {
		t.Errorf("the same prefix: %v", err)
	}
	if _, err := library(t, two, openBucket(t, s.Address("blog2", ""))).Arrive(t.Context()); err != nil {
		t.Errorf("another prefix: %v", err)
	}
	from := library(t, two, openFolder(t, t.TempDir()))
	nothing := func(media.Check) {}
	if _, err := from.Move(t.Context(), openBucket(t, s.Address("blog", "")), false, func(media.Problem) {}, nothing); !errors.As(err, &elsewhere) || !elsewhere.Foreign {
		t.Errorf("moved into the files of another blog: %v", err)
	}
}
