package database

// ListenThrough has Listen connect to another address.
func ListenThrough(db *DB, url string) { db.url = url }

// Len is how many values are kept.
func (c *Cache[K, V]) Len() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.young) + len(c.old)
}

// Positional is positional.
var Positional = positional
