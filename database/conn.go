package database

import (
	"container/list"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/lib/pq"
)

// cachedStatements is the number of prepared statements that a connection
// keeps. The program has a few hundred texts; those with lists differ by
// length.
const cachedStatements = 256

// A connector wraps the connections of a driver so that each keeps its prepared
// statements. database/sql does so only for explicit Stmt values, which cannot
// be created inside a transaction of a pool of one. At this level pools and
// transactions both benefit, without bookkeeping above.
type connector struct {
	inner      driver.Connector // SQLite
	postgres   *postgres        // PostgreSQL
	file       *file            // SQLite: the file of the database
	statements *atomic.Int64
	epochs     *epochs
	trace      *atomic.Pointer[func(query string)]
}

func (c *connector) Driver() driver.Driver {
	if c.postgres != nil {
		return &pq.Driver{}
	}
	return c.inner.Driver()
}

func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	var inner driver.Conn
	var link *link
	var news int64
	var err error
	if c.postgres != nil {
		news = c.postgres.news.Load()
		inner, link, err = c.postgres.connect(ctx)
	} else {
		inner, err = c.inner.Connect(ctx)
	}
	if err != nil {
		if errors.Is(ctx.Err(), context.Canceled) {
			return nil, err // the caller has gone, which says nothing about the database
		}
		return nil, &unreachable{err}
	}
	return &conn{
		Conn:       inner,
		postgres:   c.postgres,
		file:       c.file,
		link:       link,
		news:       news,
		statements: c.statements,
		epochs:     c.epochs,
		trace:      c.trace,
		cache:      make(map[string]*list.Element),
		recent:     list.New(),
	}, nil
}

// unreachable marks a network error as one of the connection to the database,
// for Advice.
type unreachable struct{ error }

func (u *unreachable) Unwrap() error { return u.error }

// conn is one connection. database/sql locks every use of it and of its
// results, so it has no lock of its own.
type conn struct {
	driver.Conn
	postgres   *postgres // nil on SQLite, as link is
	file       *file     // nil on PostgreSQL
	link       *link
	news       int64     // value of postgres.news when this connection was last known to be good
	used       time.Time // when it was last used
	bad        bool      // it must not be used again
	statements *atomic.Int64
	epochs     *epochs
	trace      *atomic.Pointer[func(query string)]

	cache  map[string]*list.Element // SQL text → element of recent
	recent *list.List               // *cached, most recent first

	open    bool     // inside a transaction
	begun   bool     // PostgreSQL: which it was told
	refused bool     // PostgreSQL: which has failed as it was told
	writing bool     // inside one that writes
	moved   epochSet // the epochs that it may have moved
	later   later    // PostgreSQL: what its next statement carries along
}

type cached struct {
	query string
	stmt  driver.Stmt
	moves epochSet
}

// take returns a prepared statement and removes it from the cache until keep
// puts it back: a statement whose rows are still being read cannot run a second
// time.
func (c *conn) take(ctx context.Context, query string) (*cached, error) {
	if e, ok := c.cache[query]; ok {
		delete(c.cache, query)
		return c.recent.Remove(e).(*cached), nil
	}
	stmt, err := c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, c.written(query))
	if err != nil {
		return nil, err
	}
	if trace := c.trace.Load(); trace != nil {
		(*trace)(query)
	}
	return &cached{query, stmt, c.epochs.moves(query)}, nil
}

// written is how the driver is given a statement.
func (c *conn) written(query string) string {
	if c.postgres != nil {
		return query
	}
	return positional(query)
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

// during limits a statement by its context. The returned function takes the
// error of the statement, and returns that or a more specific one.
func (c *conn) during(ctx context.Context) (end func(error) error) {
	if c.link == nil {
		return unchanged
	}
	done := c.link.during(ctx)
	return func(err error) error {
		done()
		return c.note(ctx, err)
	}
}

func unchanged(err error) error { return err }

// note checks what an error means for this connection, and for others that were
// opened with it.
func (c *conn) note(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var answer *pq.Error
	if errors.As(err, &answer) {
		if sessionEnds[string(answer.Code)] {
			c.bad = true
			c.postgres.changed()
		}
		return err
	}
	if !lost(err) {
		return err
	}
	c.bad = true
	if ctx.Err() != nil {
		return err // ended by its context
	}
	c.postgres.changed()
	return &unreachable{err}
}

// sessionEnds are the codes after which a connection is useless for writing:
// the server has become a standby, has ended the session, or is shutting down.
var sessionEnds = map[string]bool{"25006": true, "25P03": true, "57P01": true, "57P02": true, "57P03": true, "57P05": true}

// count counts a statement.
func (c *conn) count(ctx context.Context) {
	if ctx.Value(uncountedKey{}) == nil {
		c.statements.Add(1)
	}
}

// wrote records which epochs a statement may have moved. They count when the
// transaction has committed, which is at once outside of one.
func (c *conn) wrote(set epochSet) {
	c.moved |= set
	if !c.open {
		c.ended()
	}
}

// ended reports the epochs that the transaction may have moved. It may have
// committed even if an error makes the outcome unknown.
func (c *conn) ended() {
	set := c.moved
	c.moved, c.open, c.writing, c.refused = 0, false, false, false
	c.epochs.wrote(set)
}

// ExecContext runs a statement. A statement without arguments goes to the
// driver unchanged: it may be a script, as migrations are.
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.count(ctx)
	if err := c.allowed(); err != nil {
		return nil, err
	}
	if c.postgres != nil && c.writing && ctx.Value(laterKey{}) != nil && c.later.add(query, args) {
		c.traced(query)
		c.wrote(c.epochs.moves(query))
		return driver.ResultNoRows, nil
	}
	end, sent := c.during(ctx), c.sent()
	r, err := c.exec(ctx, query, args)
	if err = end(err); err != nil {
		if !c.open && c.sent() != sent && errors.Is(err, driver.ErrBadConn) {
			err = &unreachable{errLost} // it may have been carried out: database/sql must not repeat it
		}
		return nil, err
	}
	return r, nil
}

// errLost means that a connection broke during a statement.
var errLost = errors.New("the connection to the database broke before it answered")

// sent returns the number of bytes that the connection has sent.
func (c *conn) sent() int64 {
	if c.link == nil {
		return 0
	}
	return c.link.written.Load()
}

// errRefused is the answer to what follows the first statement of a transaction
// after that has failed.
var errRefused = errors.New("the first statement of the transaction has failed")

// allowed refuses to write outside of a transaction when writing is pointless.
// It refuses everything in a transaction that has failed as it began: if
// PostgreSQL cannot read a script, it does not run even its BEGIN, and each
// further statement would be committed by itself.
func (c *conn) allowed() error {
	if c.refused {
		return errRefused
	}
	if c.file == nil || c.open {
		return nil
	}
	return c.file.check()
}

func (c *conn) exec(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	carried, err := c.carry(ctx, query, args)
	if err != nil {
		return nil, err
	}
	if carried {
		return c.script(ctx, c.later.take())
	}
	if len(args) == 0 || c.sessionless() {
		defer c.wrote(c.epochs.moves(query))
		c.traced(query)
		return c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
	}
	s, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	defer c.wrote(s.moves)
	r, err := s.stmt.(driver.StmtExecContext).ExecContext(ctx, args)
	if err != nil {
		// Some errors concern the statement itself, such as a plan that the
		// schema has outgrown. It is dropped after any error.
		s.stmt.Close()
		return nil, err
	}
	c.keep(s)
	return r, nil
}

// sessionless reports whether the session must not keep state: a named
// statement could meet another backend.
func (c *conn) sessionless() bool { return c.postgres != nil && c.postgres.pooled.Load() }

// traced reports a statement that is not kept to the trace function.
func (c *conn) traced(query string) {
	if trace := c.trace.Load(); trace != nil {
		(*trace)(query)
	}
}

// QueryContext runs a statement that returns rows.
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.count(ctx)
	if c.refused {
		return nil, errRefused
	}
	end := c.during(ctx)
	r, err := c.query(ctx, query, args)
	if err != nil {
		if err = end(err); c.bad && !c.open && ctx.Err() == nil {
			err = &unreachable{errors.Join(err, driver.ErrBadConn)} // it only reads: another connection may succeed
		}
		return nil, err
	}
	r.end = end
	return r, nil
}

func (c *conn) query(ctx context.Context, query string, args []driver.NamedValue) (*rows, error) {
	carried, err := c.carry(ctx, query, args)
	if err != nil {
		return nil, err
	}
	if carried {
		r, err := c.queryScript(ctx, c.later.take())
		if err != nil {
			return nil, err
		}
		return &rows{Rows: r, conn: c, stmt: &cached{query: query}, meter: c.meter(ctx)}, nil
	}
	if c.sessionless() {
		s := &cached{query: query, moves: c.epochs.moves(query)}
		c.traced(query)
		r, err := c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
		if err != nil {
			c.wrote(s.moves)
			return nil, err
		}
		return &rows{Rows: r, conn: c, stmt: s, meter: c.meter(ctx)}, nil
	}
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

// meter returns the Meter for what is read with a context. Transactions that
// write have none: there are few, others wait for them, and they must end.
func (c *conn) meter(ctx context.Context) Meter {
	if c.writing {
		return nil
	}
	return meterOf(ctx)
}

// PrepareContext is for callers that keep statements themselves.
func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	return c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, c.written(query))
}

// BeginTx asks the drivers only for what they support: SQLite has one isolation
// level, serializable, and its driver supports only ReadOnly.
func (c *conn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	end := c.during(ctx)
	tx, err := c.begin(ctx, opts)
	if err = end(err); err != nil {
		if c.bad && ctx.Err() == nil {
			return nil, driver.ErrBadConn // nothing was done: another connection may succeed
		}
		return nil, err
	}
	c.open, c.writing = true, !opts.ReadOnly
	return transaction{tx, c}, nil
}

// begin does not use the BeginTx of the PostgreSQL driver. That leaves a
// watcher of its context behind, and the driver would end it again with each
// later transaction of the connection.
func (c *conn) begin(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if c.postgres == nil {
		return c.Conn.(driver.ConnBeginTx).BeginTx(ctx, opts)
	}
	tx := c.Conn.(driver.Tx) // as the driver's own BeginTx returns it
	if l, ok := ctx.Value(beginKey{}).(later); ok {
		c.later, c.begun = l, false
		return tx, nil
	}
	statements := "BEGIN"
	if level := sql.IsolationLevel(opts.Isolation); level != sql.LevelDefault {
		statements += " ISOLATION LEVEL " + level.String()
	}
	if opts.ReadOnly {
		statements += " READ ONLY"
	}
	c.begun = true
	if _, err := c.Conn.(driver.ExecerContext).ExecContext(ctx, statements, nil); err != nil {
		if tx.Rollback() != nil {
			c.bad = true
		}
		return nil, err
	}
	return tx, nil
}

// A transaction notifies its connection when it ends.
type transaction struct {
	driver.Tx
	conn *conn
}

func (t transaction) Commit() error {
	defer t.conn.ended()
	if t.conn.file != nil && t.conn.writing {
		if err := t.conn.file.check(); err != nil {
			return errors.Join(err, t.Tx.Rollback())
		}
	}
	if t.conn.refused {
		t.Tx.Rollback()
		return errRefused
	}
	ctx, l := context.Background(), t.conn.later.take()
	if l.n > 0 {
		if t.conn.starts() && !stillOpen(t.conn.link.Conn) {
			// If the script were sent, nobody could know whether it had been
			// carried out.
			return &notBegun{t.conn.note(ctx, driver.ErrBadConn)}
		}
		end := t.conn.during(ctx)
		_, err := t.conn.Conn.(driver.ExecerContext).ExecContext(ctx, string(l.text)+"; COMMIT", nil)
		if err = end(err); err != nil && !t.conn.bad {
			t.Tx.Rollback() // one of the statements has failed
		}
		return err
	}
	if t.conn.postgres != nil && !t.conn.begun {
		return nil // there was no statement
	}
	return t.conn.during(ctx)(t.Tx.Commit())
}

func (t transaction) Rollback() error {
	t.conn.moved = 0
	defer t.conn.ended()
	t.conn.later.take()
	if t.conn.postgres != nil && !t.conn.begun {
		return nil
	}
	return t.conn.during(context.Background())(t.Tx.Rollback())
}

const (
	// idleLong is the idle time after which a connection is checked before it
	// is used, and idlePing the time limit for that check.
	idleLong = 10 * time.Second
	idlePing = 500 * time.Millisecond
)

// Ping, ResetSession, IsValid and CheckNamedValue pass through what the driver
// has of them.
func (c *conn) Ping(ctx context.Context) error {
	if p, ok := c.Conn.(driver.Pinger); ok {
		return c.during(ctx)(p.Ping(ctx))
	}
	return nil
}

// ResetSession is called before a connection is used again.
func (c *conn) ResetSession(ctx context.Context) error {
	if c.postgres != nil {
		if c.bad || c.news != c.postgres.news.Load() {
			return driver.ErrBadConn // a later event has broken others, and may have broken this one
		}
		if now := time.Now(); now.Sub(c.used) > idleLong {
			// Something on the way may have forgotten the connection; a new one
			// is quick.
			ctx, cancel := context.WithTimeout(ctx, idlePing)
			defer cancel()
			if err := c.Ping(ctx); err != nil {
				return driver.ErrBadConn
			}
		}
	}
	if r, ok := c.Conn.(driver.SessionResetter); ok {
		return r.ResetSession(ctx)
	}
	return nil
}

func (c *conn) IsValid() bool {
	c.used = time.Now()
	v, ok := c.Conn.(driver.Validator)
	return !c.bad && (!ok || v.IsValid())
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

// rows puts its statement back when it is closed, and returns every time in
// UTC.
type rows struct {
	driver.Rows
	conn  *conn
	stmt  *cached
	meter Meter // nil: nothing is counted
	err   error
	end   func(error) error
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
	r.end(errors.Join(err, r.err))
	defer r.conn.wrote(s.moves)
	if s.stmt == nil {
		return err
	}
	if err != nil || r.err != nil {
		s.stmt.Close()
		return err
	}
	r.conn.keep(s)
	return nil
}
