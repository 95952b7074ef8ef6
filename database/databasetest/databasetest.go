// Package databasetest provides databases for tests: a SQLite file, and a
// database of a throw-away PostgreSQL cluster, which the test process starts
// when it first needs one. The cluster listens on a free loopback port, lives
// in a temporary folder, and goes away with the process, however that ends.
//
// The schema is created once in each process, for either engine; every database
// is a copy. If there is a memory file system with enough room, the databases
// are there; see Folder.
//
// PostgreSQL's server programs must be installed: they are looked for in PATH
// and in /usr/lib/postgresql/*/bin. A test that cannot have them fails.
package databasetest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lib/pq"

	"github.com/quillgate/quillgate/database"
)

// Each runs fn as two subtests, "sqlite" and "postgres", on an empty database
// with the current schema.
func Each(t *testing.T, fn func(t *testing.T, db *database.DB)) {
	t.Helper()
	EachURL(t, func(t *testing.T, url string) { fn(t, Open(t, url)) })
}

// EachURL is like Each for tests that open the database themselves, several
// times or in another process.
func EachURL(t *testing.T, fn func(t *testing.T, url string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { fn(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { fn(t, Postgres(t)) })
}

// Open opens a database and closes it when the test ends.
func Open(t testing.TB, url string) *database.DB {
	t.Helper()
	db, err := database.Open(context.Background(), database.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// SQLite returns the path of a new database file with the current schema, in
// its own folder.
func SQLite(t testing.TB) string {
	t.Helper()
	content, err := migrated()
	if err != nil {
		t.Fatalf("make the template file: %v", err)
	}
	path := filepath.Join(Folder(t), "quillgate.db")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// migrated is the initial content of every SQLite file. It is created once in
// each process, since migrating takes a hundred times as long as copying.
var migrated = sync.OnceValues(func() (content []byte, err error) {
	dir, err := os.MkdirTemp(folders(), "")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "template.db")
	db, err := database.Open(context.Background(), database.Config{URL: path})
	if err != nil {
		return nil, err
	}
	// Closing the last connection merges the journal into the file.
	if err := db.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// Postgres returns the URL of a new database with the current schema. The
// cluster does not sync to disk: it is fast, and suitable for tests that kill
// the program, not the machine.
func Postgres(t testing.TB) string {
	t.Helper()
	return shared.database(t)
}

// Copy returns the URL of a new database with the content of one that Postgres
// has returned. All clients of that one must have disconnected, or be about to.
func Copy(t testing.TB, from string) string {
	t.Helper()
	u, err := url.Parse(from)
	if err != nil {
		t.Fatal(err)
	}
	return shared.copyFor(t, "c_"+strings.ToLower(rand.Text()), strings.TrimPrefix(u.Path, "/"))
}

// DurablePostgres is like Postgres, in a cluster of its own that syncs to disk,
// as a real one does.
func DurablePostgres(t testing.TB) string {
	t.Helper()
	c := &cluster{durable: true}
	t.Cleanup(c.stop)
	return c.database(t)
}

// shared is the cluster of this test process. It is a package variable because
// tests have nothing else in common; it stops only with the process.
var shared = &cluster{}

const template = "quillgate_template"

// database creates a database from the template, which is migrated once.
func (c *cluster) database(t testing.TB) string {
	t.Helper()
	c.once.Do(func() {
		place := memory()
		if _, measures := t.(*testing.B); measures || c.durable {
			place = "" // on the disk
		}
		c.err = c.start(place)
	})
	if c.err != nil {
		t.Fatal(c.err)
	}
	name := "t_" + strings.ToLower(rand.Text())
	return c.copyFor(t, name, template)
}

// copyFor is copy for a test; the new database is deleted when the test ends.
func (c *cluster) copyFor(t testing.TB, name, from string) string {
	t.Helper()
	if err := c.copy(name, from); err != nil {
		t.Fatalf("make a database for the test: %v", err)
	}
	t.Cleanup(func() {
		if c.stopped() {
			return
		}
		if err := c.exec(fmt.Sprintf("DROP DATABASE %s WITH (FORCE)", name)); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	return c.url(name)
}

func (c *cluster) makeTemplate(ctx context.Context) error {
	if err := c.exec("CREATE DATABASE " + template); err != nil {
		return err
	}
	db, err := database.Open(ctx, database.Config{URL: c.url(template)})
	if err != nil {
		return err
	}
	return db.Close()
}

// copy creates a database from another one. Clients that have disconnected
// remain connected until PostgreSQL has noticed, and it waits for that only a
// few seconds: 55006 is object_in_use.
func (c *cluster) copy(name, from string) error {
	statement := fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s", name, from)
	if !c.durable {
		// By the files: since version 15 PostgreSQL writes every block into its
		// log instead, which spares a server that syncs to disk, and takes
		// three times as long on one that does not.
		var version int
		if err := c.ask("SHOW server_version_num", &version); err != nil {
			return err
		}
		if version >= 150000 {
			statement += " STRATEGY FILE_COPY"
		}
	}
	for deadline := time.Now().Add(time.Minute); ; {
		err := c.exec(statement)
		var refused *pq.Error
		if !errors.As(err, &refused) || refused.Code != "55006" || time.Now().After(deadline) {
			return err
		}
	}
}

// exec runs a statement on the cluster as a whole. It serializes them: two
// databases cannot be created from one template at once.
func (c *cluster) exec(statement string) error {
	return c.asAdmin(func(db *sql.DB) error {
		_, err := db.Exec(statement)
		return err
	})
}

// ask runs a query on the cluster as a whole, which answers with one value.
func (c *cluster) ask(query string, value any) error {
	return c.asAdmin(func(db *sql.DB) error { return db.QueryRow(query).Scan(value) })
}

// asAdmin keeps its connection for the next time, unless the cluster is one
// that tests stop.
func (c *cluster) asAdmin(fn func(db *sql.DB) error) error {
	c.admin.Lock()
	defer c.admin.Unlock()
	db := c.db
	if db == nil {
		var err error
		if db, err = sql.Open("postgres", c.url("postgres")); err != nil {
			return err
		}
		if c.durable {
			defer db.Close()
		} else {
			c.db = db
		}
	}
	return fn(db)
}

// cluster is a PostgreSQL server with its folder.
type cluster struct {
	durable bool

	once  sync.Once
	err   error
	admin sync.Mutex
	db    *sql.DB // for admin

	password string
	port     int
	guard    *guard
	before   []*guard // of the server's earlier runs
	dir      string
	owner    *account // nil: the user of the process
}

func (c *cluster) url(name string) string {
	return fmt.Sprintf("postgres://quillgate:%s@127.0.0.1:%d/%s?sslmode=disable", c.password, c.port, name)
}

// WithinASecond runs check until it returns nil, and reports its error after a
// second. It is for what other processes must notice in that time.
func WithinASecond(t testing.TB, check func() error) {
	t.Helper()
	for began := time.Now(); ; time.Sleep(2 * time.Millisecond) {
		late := time.Since(began) > time.Second
		err := check()
		if err == nil {
			return
		}
		if late {
			t.Errorf("after a second: %v", err)
			return
		}
	}
}
