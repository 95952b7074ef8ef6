package database

import (
	"sync/atomic"
	"testing"

	"modernc.org/sqlite"
)

// ListenThrough makes Listen connect to another address.
func ListenThrough(db *DB, url string) { db.url = url }

// Len returns the number of cached values.
func (c *Cache[K, V]) Len() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.young) + len(c.old)
}

// Positional is positional.
var Positional = positional

// CountPlans returns a function that returns how often SQLite has asked, since
// the previous call, what statements of Update may do. It asks when it plans.
func CountPlans(t *testing.T, db *DB) func() int64 {
	t.Helper()
	var n atomic.Int64
	c, err := db.write.Conn(t.Context())
	if err == nil {
		defer c.Close()
		err = c.Raw(func(c any) error {
			return c.(*conn).Conn.(sqlite.AuthorizerRegisterer).RegisterAuthorizer(func(action sqlite.AuthorizerActionCode, _, _, _, _ string) sqlite.AuthorizerReturnCode {
				if action != sqlite.AuthTransaction {
					n.Add(1)
				}
				return sqlite.AuthorizerOK
			})
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	return func() int64 { return n.Swap(0) }
}
