package database

import (
	"container/list"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// cachedStatements is how many prepared statements a connection keeps. The
// program has a few hundred texts; those with lists differ by length.
const cachedStatements = 256

// A connector wraps the connections of a driver so that each keeps the
// statements it has prepared. database/sql does so only for explicit Stmt
// values, which cannot be made inside a transaction of a pool of one; down
// here pools and transactions profit alike, with no bookkeeping above.
type connector struct {
	inner      driver.Connector
	statements *atomic.Int64
}

func (c *connector) Driver() driver.Driver { return c.inner.Driver() }

func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	inner, err := c.inner.Connect(ctx)
	if err != nil {
		return nil, &unreachable{err}
	}
	return &conn{
		Conn:       inner,
		statements: c.statements,
		cache:      make(map[string]*list.Element),
		recent:     list.New(),
	}, nil
}

// unreachable marks an error of the network as one of the way to the database, for Advice.
type unreachable struct{ error }

func (u *unreachable) Unwrap() error { return u.error }

// conn is one connection. database/sql holds a lock around every use of it
// and of what came from it, so there is none here.
type conn struct {
	driver.Conn
	statements *atomic.Int64

	cache  map[string]*list.Element // SQL text → element of recent
	recent *list.List               // *cached, the latest in front

	writing bool // inside a transaction that writes
}

type cached struct {
	query string
	stmt  driver.Stmt
}

// take hands out a prepared statement. It is out of the cache until keep puts
// it back: one whose rows are still being read cannot run a second time.
func (c *conn) take(ctx context.Context, query string) (driver.Stmt, error) {
	if e, ok := c.cache[query]; ok {
		delete(c.cache, query)
		return c.recent.Remove(e).(*cached).stmt, nil
	}
	return c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, query)
}

func (c *conn) keep(query string, s driver.Stmt) {
	if _, ok := c.cache[query]; ok {
		s.Close()
		return
	}
	c.cache[query] = c.recent.PushFront(&cached{query, s})
	if c.recent.Len() > cachedStatements {
		oldest := c.recent.Remove(c.recent.Back()).(*cached)
		delete(c.cache, oldest.query)
		oldest.stmt.Close()
	}
}

// ExecContext runs a statement. One without arguments goes to the driver as it
// is: it may be a script, and migrations are.
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.statements.Add(1)
	if len(args) == 0 {
		return c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
	}
	s, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	r, err := s.(driver.StmtExecContext).ExecContext(ctx, args)
	if err != nil {
		// Some errors are of the statement itself, such as a plan that
		// the schema has outgrown; none is worth telling apart.
		s.Close()
		return nil, err
	}
	c.keep(query, s)
	return r, nil
}

// QueryContext runs a statement that returns rows.
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.statements.Add(1)
	s, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	r, err := s.(driver.StmtQueryContext).QueryContext(ctx, args)
	if err != nil {
		s.Close()
		return nil, err
	}
	return &rows{Rows: r, conn: c, query: query, stmt: s, meter: c.meter(ctx)}, nil
}

// meter is who counts what is read with a context. In transactions that write
// nobody does: they are few, hold what others wait for, and have to end.
func (c *conn) meter(ctx context.Context) Meter {
	if c.writing {
		return nil
	}
	return meterOf(ctx)
}

// PrepareContext is for callers that keep statements themselves.
func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	return c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, query)
}

// BeginTx asks the drivers only for what they know: SQLite has one level of
// isolation, which is serializable, and its driver knows only ReadOnly.
func (c *conn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	tx, err := c.Conn.(driver.ConnBeginTx).BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	c.writing = !opts.ReadOnly
	return transaction{tx, c}, nil
}

// A transaction tells its connection when it ends.
type transaction struct {
	driver.Tx
	conn *conn
}

func (t transaction) Commit() error {
	t.conn.writing = false
	return t.Tx.Commit()
}

func (t transaction) Rollback() error {
	t.conn.writing = false
	return t.Tx.Rollback()
}

// Ping, ResetSession, IsValid and CheckNamedValue pass through what the driver
// has of them.
func (c *conn) Ping(ctx context.Context) error {
	if p, ok := c.Conn.(driver.Pinger); ok {
		return p.Ping(ctx)
	}
	return nil
}

func (c *conn) ResetSession(ctx context.Context) error {
	if r, ok := c.Conn.(driver.SessionResetter); ok {
		return r.ResetSession(ctx)
	}
	return nil
}

func (c *conn) IsValid() bool {
	v, ok := c.Conn.(driver.Validator)
	return !ok || v.IsValid()
}

func (c *conn) CheckNamedValue(v *driver.NamedValue) error {
	if n, ok := c.Conn.(driver.NamedValueChecker); ok {
		return n.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

func (c *conn) Close() error {
	for e := c.recent.Front(); e != nil; e = e.Next() {
		e.Value.(*cached).stmt.Close()
	}
	clear(c.cache)
	c.recent.Init()
	return c.Conn.Close()
}

// rows puts its statement back when it is closed, and gives every time in UTC.
type rows struct {
	driver.Rows
	conn  *conn
	query string
	stmt  driver.Stmt
	meter Meter // nil: nobody counts
	err   error
}

func (r *rows) Next(dest []driver.Value) error {
	err := r.Rows.Next(dest)
	if err != nil {
		if !errors.Is(err, io.EOF) {
			r.err = err
		}
		return err
	}
	size := columnSize * len(dest)
	for i, v := range dest {
		switch v := v.(type) {
		case time.Time:
			dest[i] = v.UTC()
		case string:
			size += len(v)
		case []byte:
			size += len(v)
		}
	}
	if r.meter != nil {
		if err := r.meter.Grow(int64(size)); err != nil {
			r.err = fmt.Errorf("%w: %w", ErrMemory, err)
			return r.err
		}
	}
	return nil
}

func (r *rows) Close() error {
	err := r.Rows.Close()
	if r.stmt == nil {
		return err
	}
	s := r.stmt
	r.stmt = nil
	if err != nil || r.err != nil {
		s.Close()
		return err
	}
	r.conn.keep(r.query, s)
	return nil
}
