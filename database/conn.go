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
	epochs     *epochs
	trace      *atomic.Pointer[func(query string)]
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
		epochs:     c.epochs,
		trace:      c.trace,
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
	epochs     *epochs
	trace      *atomic.Pointer[func(query string)]

	cache  map[string]*list.Element // SQL text → element of recent
	recent *list.List               // *cached, the latest in front

	open    bool     // inside a transaction
	writing bool     // which is one that writes
	moved   epochSet // what it may have moved
}

type cached struct {
	query string
	stmt  driver.Stmt
	moves epochSet
}

// take hands out a prepared statement. It is out of the cache until keep puts
// it back: one whose rows are still being read cannot run a second time.
func (c *conn) take(ctx context.Context, query string) (*cached, error) {
	if e, ok := c.cache[query]; ok {
		delete(c.cache, query)
		return c.recent.Remove(e).(*cached), nil
	}
	stmt, err := c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	if trace := c.trace.Load(); trace != nil {
		(*trace)(query)
	}
	return &cached{query, stmt, c.epochs.moves(query)}, nil
}

func (c *conn) keep(s *cached) {
	if _, ok := c.cache[s.query]; ok {
		s.stmt.Close()
		return
	}
	c.cache[s.query] = c.recent.PushFront(s)
	if c.recent.Len() > cachedStatements {
		oldest := c.recent.Remove(c.recent.Back()).(*cached)
		delete(c.cache, oldest.query)
		oldest.stmt.Close()
	}
}

// count counts a statement.
func (c *conn) count(ctx context.Context) {
	if ctx.Value(uncountedKey{}) == nil {
		c.statements.Add(1)
	}
}

// wrote notes what a statement may have moved: it counts once the transaction has committed, which outside of one is now.
func (c *conn) wrote(set epochSet) {
	c.moved |= set
	if !c.open {
		c.ended()
	}
}

// ended tells what the transaction may have moved. It may have committed even
// when an error says that no one knows.
func (c *conn) ended() {
	set := c.moved
	c.moved, c.open, c.writing = 0, false, false
	c.epochs.wrote(set)
}

// ExecContext runs a statement. One without arguments goes to the driver as it
// is: it may be a script, and migrations are.
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.count(ctx)
	if len(args) == 0 {
		defer c.wrote(c.epochs.moves(query))
		return c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
	}
	s, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	defer c.wrote(s.moves)
	r, err := s.stmt.(driver.StmtExecContext).ExecContext(ctx, args)
	if err != nil {
		// Some errors are of the statement itself, such as a plan that
		// the schema has outgrown; none is worth telling apart.
		s.stmt.Close()
		return nil, err
	}
	c.keep(s)
	return r, nil
}

// QueryContext runs a statement that returns rows.
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.count(ctx)
	s, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	r, err := s.stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
	if err != nil {
		s.stmt.Close()
		c.wrote(s.moves)
		return nil, err
	}
	return &rows{Rows: r, conn: c, stmt: s, meter: c.meter(ctx)}, nil
}

// meter is who counts what is read with a context. In transactions that write
// no one does: they are few, hold what others wait for, and must end.
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
	c.open, c.writing = true, !opts.ReadOnly
	return transaction{tx, c}, nil
}

// A transaction tells its connection when it ends.
type transaction struct {
	driver.Tx
	conn *conn
}

func (t transaction) Commit() error {
	defer t.conn.ended()
	return t.Tx.Commit()
}

func (t transaction) Rollback() error {
	t.conn.moved = 0
	defer t.conn.ended()
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
	stmt  *cached
	meter Meter // nil: no one counts
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
	defer r.conn.wrote(s.moves)
	if err != nil || r.err != nil {
		s.stmt.Close()
		return err
	}
	r.conn.keep(s)
	return nil
}
