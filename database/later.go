package database

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/lib/pq"
)

// maxLater limits the bytes of the statements that wait, since each value is
// copied into them.
const maxLater = 64 << 10

// Later is like Exec for a statement whose result nobody needs. On PostgreSQL
// it waits for the next statement, or for the commit, and shares a round trip
// with whatever else waits. What comes after sees its effect. Its error,
// unchanged, is that of the statement that it waits for, or of the commit: do
// not use Later for an error that the caller of Exec distinguishes.
func (tx *Tx) Later(ctx context.Context, query string, args ...any) error {
	_, err := tx.Exec(context.WithValue(ctx, laterKey{}, true), query, args...)
	return err
}

// laterKey marks the context of a statement that may wait.
type laterKey struct{}

// later are statements that wait in a connection, with their values in the
// text: the protocol takes several statements at once only without parameters.
// PostgreSQL plans them each time. If it runs on the same machine, that costs a
// lone client that publishes 10 to 30 %; over a network, round trips cost more.
type later struct {
	text []byte
	n    int // how many there are, without those that begin the transaction
	sets int // how many return rows, which nobody reads
}

// add adds a statement, unless it cannot wait.
func (l *later) add(query string, args []driver.NamedValue) bool {
	at, ok := placeholders(query)
	if !ok {
		return false
	}
	text := l.text
	if len(text) > 0 {
		text = append(text, "; "...)
	}
	from := 0
	for _, p := range at {
		if p.n > len(args) {
			return false
		}
		value, ok := literal(args[p.n-1].Value)
		if !ok || len(text)+len(value) > maxLater {
			return false
		}
		text = append(text, query[from:p.from]...)
		text = append(text, value...)
		from = p.end
	}
	l.text = append(text, query[from:]...)
	l.n++
	return true
}

// take returns the statements, which no longer wait.
func (l *later) take() later {
	was := *l
	*l = later{}
	return was
}

func (l *later) empty() bool { return len(l.text) == 0 }

// carry adds a statement to those that wait. It reports false if there are none;
// they have run if it cannot be one of them.
func (c *conn) carry(ctx context.Context, query string, args []driver.NamedValue) (bool, error) {
	if c.later.empty() {
		return false, nil
	}
	if c.later.add(query, args) {
		c.traced(query)
		c.wrote(c.epochs.moves(query))
		return true, nil
	}
	_, err := c.script(ctx, c.later.take())
	return false, err
}

// script runs statements that have their values in them, and returns the result
// of the last.
func (c *conn) script(ctx context.Context, l later) (driver.Result, error) {
	first := c.starts()
	r, err := c.Conn.(driver.ExecerContext).ExecContext(ctx, string(l.text), nil)
	return r, c.started(ctx, first, err)
}

// queryScript is script for statements whose last one returns rows.
func (c *conn) queryScript(ctx context.Context, l later) (driver.Rows, error) {
	first := c.starts()
	r, err := c.Conn.(driver.QueryerContext).QueryContext(ctx, string(l.text), nil)
	if err == nil {
		err = skipSets(r, l.sets)
	}
	return r, c.started(ctx, first, err)
}

// skipSets reads the rows of the first statements of a script.
func skipSets(r driver.Rows, sets int) error {
	for range sets {
		for {
			err := r.Next(nil)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				r.Close()
				return err
			}
		}
		if err := r.(driver.RowsNextResultSet).NextResultSet(); err != nil {
			r.Close()
			return fmt.Errorf("read the results of several statements: %w", err)
		}
	}
	return nil
}

// starts reports whether the next script is the first of a transaction.
func (c *conn) starts() bool {
	first := c.open && !c.begun
	c.begun = true
	return first
}

// started notes that the first script of a transaction has failed, and marks the
// loss of the connection in it.
func (c *conn) started(ctx context.Context, first bool, err error) error {
	c.refused = first && err != nil
	if first && err != nil && lost(err) && ctx.Err() == nil {
		return &notBegun{err}
	}
	return err
}

// notBegun means that a connection broke while a transaction began, so nothing
// was done.
type notBegun struct{ error }

func (n *notBegun) Unwrap() error { return n.error }

// literal returns a value in a form that PostgreSQL takes for every type that a
// parameter with the value has, which is why numbers are quoted too. It reports
// false for bytes, whose form depends on the type, for a text with U+0000, which
// would end the statement, and for what no statement of the program has.
func literal(v driver.Value) (string, bool) {
	switch v := v.(type) {
	case nil:
		return "NULL", true
	case int64:
		return "'" + strconv.FormatInt(v, 10) + "'", true
	case bool:
		return "'" + strconv.FormatBool(v) + "'", true
	case time.Time:
		return "'" + string(pq.FormatTimestamp(v)) + "'", true
	case string:
		return pq.QuoteLiteral(v), !strings.Contains(v, "\x00")
	}
	return "", false
}
