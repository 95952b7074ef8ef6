package interop

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/quillgate/quillgate/apps"
)

// kind is the source of a piece of evidence.
type kind string

const (
	answer  kind = "answer"  // shown to a client or a person: it may contain a secret once
	logged  kind = "log"     // written for the operator: logs, error messages of commands
	metrics kind = "metrics" // the page of the metrics
	stored  kind = "store"   // files of the database, the spool, the uploads
)

// K6: traces holds everything that the servers of this test run have put out,
// and every secret that was created. At the end, all of it is searched for each
// secret.
var traces evidence

// evidence collects output and secrets. The zero value is empty. It is safe for
// concurrent use.
type evidence struct {
	mu      sync.Mutex
	file    *os.File // the pieces, one after the other; the file has no name
	pieces  []piece
	end     int64             // the end of the last piece
	secrets map[string]string // the secrets with their descriptions
	forms   map[string]bool   // secrets that a form may contain
	found   []string          // where a secret was found in a store, which may have been deleted since
	bytes   int64             // the number of bytes searched in stores
	files   int
}

type piece struct {
	kind   kind
	name   string
	at     int64
	length int
}

// secretPatterns match secrets with a recognizable form, so that no test needs
// to register them.
var secretPatterns = []*regexp.Regexp{regexp.MustCompile(apps.SecretPattern), regexp.MustCompile(apps.TokenPattern)}

// made registers a secret to search for. One answer may contain it: the one
// that hands it out.
func (e *evidence) made(what, secret string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.add(what, secret)
}

// carried registers a secret that a form returns to people who know it, such as
// the code of a link.
func (e *evidence) carried(what, secret string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.add(what, secret)
	if e.forms == nil {
		e.forms = make(map[string]bool)
	}
	e.forms[secret] = true
}

func (e *evidence) add(what, secret string) {
	if len(secret) < window {
		panic("a secret of " + fmt.Sprint(len(secret)) + " bytes cannot be told from other text")
	}
	if e.secrets == nil {
		e.secrets = make(map[string]string)
	}
	e.secrets[secret] = what
}

// keep adds a piece of evidence.
func (e *evidence) keep(k kind, name string, text []byte) {
	if len(text) == 0 {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.open()
	if _, err := e.file.WriteAt(text, e.end); err != nil {
		e.found = append(e.found, "evidence was lost: "+err.Error())
	}
	e.pieces = append(e.pieces, piece{k, name, e.end, len(text)})
	e.end += int64(len(text))
	for _, p := range secretPatterns {
		for _, secret := range p.FindAll(text, -1) {
			e.add("a secret that its form tells", string(secret))
		}
	}
}

func (e *evidence) open() {
	if e.file != nil {
		return
	}
	var err error
	if e.file, err = os.CreateTemp("", "quillgate-evidence-"); err != nil {
		panic(err)
	}
	os.Remove(e.file.Name())
}

// keepFolder searches the files below a folder for every secret that is known
// so far. The secrets of a store are created before it is closed. Files that
// disappear meanwhile are left out: PostgreSQL renames those of its log.
func (e *evidence) keepFolder(folder string) error {
	needles := e.needles()
	return filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if path != folder && errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !d.Type().IsRegular() || d.Name() == "keyset" {
			return err
		}
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		e.files++
		e.bytes += int64(len(text))
		for _, hit := range needles.search(text) {
			e.found = append(e.found, fmt.Sprintf("%s %s holds %s", stored, path, hit))
		}
		return nil
	})
}

// keepDatabase makes PostgreSQL write everything to disk, and searches the
// files of a database, and the write-ahead log, which also has what was written
// to the other databases of the cluster.
func (e *evidence) keepDatabase(url string) error {
	db, err := sql.Open("postgres", url)
	if err != nil {
		return err
	}
	defer db.Close()
	var folder, place string
	ctx := context.Background()
	if _, err := db.ExecContext(ctx, "CHECKPOINT"); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	if err := db.QueryRowContext(ctx, "SHOW data_directory").Scan(&folder); err != nil {
		return fmt.Errorf("ask for the data directory: %w", err)
	}
	err = db.QueryRowContext(ctx, "SELECT 'base/' || oid FROM pg_database WHERE datname = current_database()").Scan(&place)
	if err != nil {
		return fmt.Errorf("ask for the folder of the database: %w", err)
	}
	return errors.Join(e.keepFolder(filepath.Join(folder, "pg_wal")), e.keepFolder(filepath.Join(folder, place)))
}

func (e *evidence) needles() *haystack {
	e.mu.Lock()
	defer e.mu.Unlock()
	return newHaystack(e.secrets)
}

// leaks lists the places where a secret is that must not be there.
func (e *evidence) leaks() []string {
	needles := e.needles()
	e.mu.Lock()
	defer e.mu.Unlock()
	out := slices.Clone(e.found)
	shown := make(map[string][]string) // the answers that contain a secret
	for _, p := range e.pieces {
		text := make([]byte, p.length)
		if _, err := e.file.ReadAt(text, p.at); err != nil {
			out = append(out, "evidence was lost: "+err.Error())
		}
		for _, hit := range needles.search(text) {
			if p.kind != answer {
				out = append(out, fmt.Sprintf("%s %s holds %s", p.kind, p.name, hit))
				continue
			}
			shown[hit.secret] = append(shown[hit.secret], fmt.Sprintf("%s %s", p.kind, p.name))
		}
	}
	for secret, names := range shown {
		if len(names) > 1 && !e.forms[secret] {
			out = append(out, fmt.Sprintf("%s was shown %d times: %s", e.secrets[secret], len(names), strings.Join(names[:2], ", ")))
		}
	}
	return out
}

func (e *evidence) String() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	count := make(map[kind]int)
	for _, p := range e.pieces {
		count[p.kind]++
	}
	return fmt.Sprintf("%d secrets searched for in %d answers, %d logs and %d pages of metrics (%d MB), and in %d files of databases, spools and uploads (%d MB)",
		len(e.secrets), count[answer], count[logged], count[metrics], e.end>>20, e.files, e.bytes>>20)
}

// recording keeps every answer that it returns.
type recording struct{ http.RoundTripper }

func (r recording) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := r.RoundTripper.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	var head bytes.Buffer
	resp.Header.Write(&head)
	resp.Body = &recordedBody{ReadCloser: resp.Body, name: req.Method + " " + req.URL.Path, text: head}
	return resp, nil
}

// CloseIdleConnections makes http.Client.CloseIdleConnections work.
func (r recording) CloseIdleConnections() {
	if c, ok := r.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

type recordedBody struct {
	io.ReadCloser
	name string
	text bytes.Buffer
}

func (b *recordedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.text.Write(p[:n])
	return n, err
}

func (b *recordedBody) Close() error {
	traces.keep(answer, b.name, b.text.Bytes())
	b.text.Reset()
	return b.ReadCloser.Close()
}

// logBook is the log of a server that runs in this process.
type logBook struct{}

func inspectedLog() *slog.Logger {
	return slog.New(slog.NewJSONHandler(logBook{}, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (logBook) Write(p []byte) (int, error) {
	traces.keep(logged, "of a server in the test's process", p)
	return len(p), nil
}

// inspect searches the files of a blog when the test has ended and its servers
// have stopped.
func (s seeded) inspect(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		if err := traces.keepFolder(s.folder); err != nil {
			t.Error(err)
		}
		if s.database != "" {
			if err := traces.keepDatabase(s.database); err != nil {
				t.Error(err)
			}
		}
	})
}
