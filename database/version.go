package database

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"sync"

	"github.com/quillgate/quillgate/migrations"
)

// Commits is the number of write transactions that this process has committed since Open. It changes before Update or
// Exec returns, so who compares it sees whatever this process has finished writing.
func (db *DB) Commits() int64 { return db.commits.Load() }

// Version names the state of the database that a reader sees now, whichever process has written it: as long as the name
// is the same, nothing has been committed. It costs one statement that touches no table.
func (db *DB) Version(ctx context.Context) (string, error) {
	var version string
	var err error
	if db.dialect == migrations.Postgres {
		// Two snapshots of the same name see the same transactions.
		err = db.Get(ctx, &version, `SELECT pg_current_snapshot()::text`)
	} else {
		version, err = db.watch.version(ctx, db.read.DB)
	}
	if err != nil {
		return "", fmt.Errorf("read the version of the database: %w", err)
	}
	return version, nil
}

// watch is the one connection that is asked for SQLite's data_version: the number means something only in comparison
// with what the same connection has said before.
type watch struct {
	mu    sync.Mutex
	conn  *sql.Conn
	epoch int64 // which connection it is
}

func (w *watch) version(ctx context.Context, pool *sql.DB) (string, error) {
	// A context that ends in the middle would end the connection too.
	ctx = context.WithoutCancel(ctx)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.conn == nil {
		conn, err := pool.Conn(ctx)
		if err != nil {
			return "", err
		}
		w.conn = conn
		w.epoch++
	}
	var n int64
	if err := w.conn.QueryRowContext(ctx, `PRAGMA data_version`).Scan(&n); err != nil {
		w.close()
		return "", err
	}
	return strconv.FormatInt(w.epoch, 10) + "." + strconv.FormatInt(n, 10), nil
}

// close gives the connection back; the caller holds the lock, or nobody else is left.
func (w *watch) close() {
	if w.conn != nil {
		w.conn.Close()
		w.conn = nil
	}
}
