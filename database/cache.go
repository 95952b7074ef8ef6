package database

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// CacheConfig says what a Cache keeps. DB, Epoch, Size and Load are needed.
type CacheConfig[K comparable, V any] struct {
	DB *DB
	// Epoch is that of all tables that Load reads.
	Epoch Epoch
	// Size is how many values are kept at most.
	Size int
	// Load reads a value. It may say until when that is right whatever is
	// written, as what expires does; a zero until is not a bound. Errors
	// are returned, and not kept: an answer such as "not there" belongs in
	// V.
	Load func(ctx context.Context, key K) (v V, until time.Time, err error)
	// Clock gives the moment that until is compared with; time.Now when nil.
	Clock func() time.Time
}

// Cache keeps what was read from the database for as long as the tables that it came from have not changed: a value that
// Get returns was read after the last write to them that has returned in this process, and after every write of another
// process that is older than a second (see DB.Stamp). Values are shared by all who get them. It is safe for concurrent use.
type Cache[K comparable, V any] struct {
	cfg CacheConfig[K, V]

	mu sync.RWMutex
	// What was asked for lately is in the first. When that is half of Size, the second is dropped and takes its place.
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

// cacheLoad is the reading of one value, for all who ask for it meanwhile.
type cacheLoad[V any] struct {
	stamp Stamp
	done  chan struct{}
	value V
	err   error
	left  bool // whoever read has gone before the answer came
}

// NewCache returns an empty Cache.
func NewCache[K comparable, V any](cfg CacheConfig[K, V]) *Cache[K, V] {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	return &Cache[K, V]{cfg: cfg, young: make(map[K]cacheEntry[V]), loading: make(map[K]*cacheLoad[V])}
}

// Get returns the value of a key. Of several that ask for one that is not there, one reads it. Errors: those of Load, of
// ctx and of the database.
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

// keep makes a value the latest. The caller holds the lock.
func (c *Cache[K, V]) keep(key K, e cacheEntry[V]) {
	if _, there := c.young[key]; !there && len(c.young) >= max(1, c.cfg.Size/2) {
		c.old, c.young = c.young, make(map[K]cacheEntry[V])
	}
	c.young[key] = e
	delete(c.old, key)
}

// join returns the reading that is under way for a stamp, or begins one.
func (c *Cache[K, V]) join(key K, stamp Stamp, now time.Time) (load *cacheLoad[V], mine bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if load := c.loading[key]; load != nil && load.stamp == stamp {
		return load, false
	}
	load = &cacheLoad[V]{stamp: stamp, done: make(chan struct{}), err: errNotLoaded}
	if e, ok := c.young[key]; ok && e.good(stamp, now) { // read while we waited for the lock
		load.value, load.err = e.value, nil
		close(load.done)
		return load, false
	}
	c.loading[key] = load
	return load, true
}

// errNotLoaded is what others get when Load panics.
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
