package database

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// CacheConfig configures a Cache. DB, Epoch, Size and Load are required.
type CacheConfig[K comparable, V any] struct {
	DB *DB
	// Epoch is the epoch of all tables that Load reads.
	Epoch Epoch
	// Size is the largest number of cached values.
	Size int
	// Load reads a value. It may return a time until which the value is valid
	// even if nothing is written, for values that expire; a zero until means no
	// limit. Errors are returned and not cached: a result such as "not there"
	// belongs in V.
	Load func(ctx context.Context, key K) (v V, until time.Time, err error)
	// Clock returns the time that until is compared with. The default is
	// time.Now.
	Clock func() time.Time
}

// Cache keeps values read from the database until the tables they came from
// change. A value that Get returns was read after the last completed write to
// them in this process, and after every write of another process that is more
// than a second old (see DB.Stamp). Callers share the values. It is safe for
// concurrent use.
type Cache[K comparable, V any] struct {
	cfg CacheConfig[K, V]

	mu sync.RWMutex
	// Recently requested values are in young. When it reaches half of Size, old
	// is dropped and young takes its place.
	young, old map[K]cacheEntry[V]
	loading    map[K]*cacheLoad[V]
}

type cacheEntry[V any] struct {
	value V
	stamp Stamp
	until time.Time
}

func (e cacheEntry[V]) good(stamp Stamp, now time.Time) bool {
	return e.stamp == stamp && (e.until.IsZero() || now.Before(e.until))
}

// cacheLoad is a read in progress, which all callers for the same key share.
type cacheLoad[V any] struct {
	stamp Stamp
	done  chan struct{}
	value V
	err   error
	left  bool // the reading caller has gone away before the result came
}

// NewCache returns an empty Cache.
func NewCache[K comparable, V any](cfg CacheConfig[K, V]) *Cache[K, V] {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	return &Cache[K, V]{cfg: cfg, young: make(map[K]cacheEntry[V]), loading: make(map[K]*cacheLoad[V])}
}

// Get returns the value for a key. If several callers request a missing value,
// one of them reads it. Errors: those of Load, of ctx and of the database.
func (c *Cache[K, V]) Get(ctx context.Context, key K) (V, error) {
	for {
		stamp, err := c.cfg.DB.Stamp(ctx, c.cfg.Epoch)
		if err != nil {
			var none V
			return none, err
		}
		now := c.cfg.Clock()
		if v, ok := c.find(key, stamp, now); ok {
			return v, nil
		}
		load, mine := c.join(key, stamp, now)
		if mine {
			c.read(ctx, key, load)
			return load.value, load.err
		}
		select {
		case <-load.done:
			if !load.left {
				return load.value, load.err
			}
		case <-ctx.Done():
			return load.value, fmt.Errorf("wait for the database: %w", ctx.Err())
		}
	}
}

func (c *Cache[K, V]) find(key K, stamp Stamp, now time.Time) (V, bool) {
	c.mu.RLock()
	e, ok := c.young[key]
	older := false
	if !ok {
		e, older = c.old[key]
	}
	c.mu.RUnlock()
	if !e.good(stamp, now) || !ok && !older {
		var none V
		return none, false
	}
	if older {
		c.mu.Lock()
		c.keep(key, e)
		c.mu.Unlock()
	}
	return e.value, true
}

// keep stores a value as the most recent. The caller holds the lock.
func (c *Cache[K, V]) keep(key K, e cacheEntry[V]) {
	if _, there := c.young[key]; !there && len(c.young) >= max(1, c.cfg.Size/2) {
		c.old, c.young = c.young, make(map[K]cacheEntry[V])
	}
	c.young[key] = e
	delete(c.old, key)
}

// join returns the read in progress for a stamp, or begins one.
func (c *Cache[K, V]) join(key K, stamp Stamp, now time.Time) (load *cacheLoad[V], mine bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if load := c.loading[key]; load != nil && load.stamp == stamp {
		return load, false
	}
	load = &cacheLoad[V]{stamp: stamp, done: make(chan struct{}), err: errNotLoaded}
	if e, ok := c.young[key]; ok && e.good(stamp, now) { // read while this call waited for the lock
		load.value, load.err = e.value, nil
		close(load.done)
		return load, false
	}
	c.loading[key] = load
	return load, true
}

// errNotLoaded is the error for the other callers if Load panics.
var errNotLoaded = errors.New("the value was not read")

func (c *Cache[K, V]) read(ctx context.Context, key K, load *cacheLoad[V]) {
	var until time.Time
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.loading[key] == load {
			delete(c.loading, key)
			if load.err == nil {
				c.keep(key, cacheEntry[V]{load.value, load.stamp, until})
			}
		}
		close(load.done)
	}()
	load.value, until, load.err = c.cfg.Load(ctx, key)
	load.left = load.err != nil && ctx.Err() != nil
}
