package interop

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// K6: the search that ends the run finds what must not be there.
func TestK6SearchFindsPlantedSecrets(t *testing.T) {
	const secret = `tr0ub4dor & "3" <x>`
	for _, test := range []struct {
		name  string
		plant func(t *testing.T, e *evidence)
		want  int
	}{
		{"nothing", func(*testing.T, *evidence) {}, 0},
		{"the answer that hands it out", func(_ *testing.T, e *evidence) { e.keep(answer, "POST /", []byte("here: "+secret)) }, 0},
		{"a second answer", func(_ *testing.T, e *evidence) {
			e.keep(answer, "POST /", []byte("here: "+secret))
			e.keep(answer, "GET /", []byte("again: "+secret))
		}, 1},
		{"a log", func(_ *testing.T, e *evidence) { e.keep(logged, "server", []byte("level=INFO password="+secret+"\n")) }, 1},
		{"a log, in base64 within a header", func(_ *testing.T, e *evidence) {
			for _, user := range []string{"ada", "bob1", "cleo2"} {
				e.keep(logged, "server", []byte("Authorization: Basic "+base64.StdEncoding.EncodeToString([]byte(user+":"+secret))))
			}
		}, 3},
		{"a log, in hexadecimal", func(_ *testing.T, e *evidence) { e.keep(logged, "server", []byte(hex.EncodeToString([]byte(secret)))) }, 1},
		{"a log, as a query", func(_ *testing.T, e *evidence) {
			e.keep(logged, "server", []byte("GET /?p="+url.QueryEscape(secret)))
		}, 1},
		{"metrics", func(_ *testing.T, e *evidence) { e.keep(metrics, "page", []byte(`logins{password="`+secret+`"} 1`)) }, 1},
		{"two pieces that make it only together", func(_ *testing.T, e *evidence) {
			e.keep(logged, "server", []byte(secret[:9]))
			e.keep(logged, "server", []byte(secret[9:]))
		}, 0},
		{"a file of the database", func(t *testing.T, e *evidence) { plantFile(t, e, "quillgate.db-wal", secret) }, 1},
		{"a file of the spool", func(t *testing.T, e *evidence) { plantFile(t, e, "spool/body-1", secret) }, 1},
		{"a secret that nobody registered but for its form", func(_ *testing.T, e *evidence) {
			key := "qgs_" + strings.Repeat("x", 49)
			e.keep(answer, "POST /", []byte(key))
			e.keep(logged, "server", []byte("key="+key))
		}, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := &evidence{}
			e.made("a password", secret)
			test.plant(t, e)
			if got := e.leaks(); len(got) != test.want {
				t.Errorf("found %q, want %d", got, test.want)
			}
			for _, leak := range e.leaks() {
				if strings.Contains(leak, secret) {
					t.Errorf("the report holds the secret itself: %s", leak)
				}
			}
		})
	}
}

func plantFile(t *testing.T, e *evidence, name, text string) {
	t.Helper()
	folder := t.TempDir()
	path := filepath.Join(folder, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("before"+text+"after"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := e.keepFolder(folder); err != nil {
		t.Fatal(err)
	}
}
