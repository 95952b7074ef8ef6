package database

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// batchSize is how many entries are in one transaction, for which all other
// writers may must wait.
const batchSize = 100

// lastFlush bounds the writing at the end of a process, which a database that does not answer must not hold up.
const lastFlush = 2 * time.Second

// BatchConfig says how a Batch keeps and writes its entries. Merge and Write are needed.
type BatchConfig[K comparable, V any] struct {
	DB *DB
	// Compare gives the order of writes. It is the same in all processes, or two of them could wait for each other.
	Compare func(a, b K) int
	// Merge joins what was noted of one key before and later.
	Merge func(older, newer V) V
	// Ready reports whether an entry is to be written now; written is when that key was written last, zero when that was
	// longer ago than Step. Always when nil.
	Ready func(v V, written time.Time) bool
	// Step is for how long a Batch remembers when a key was written.
	Step time.Duration
	// Write writes one entry. It may be called again for the same entry.
	Write func(ctx context.Context, tx *Tx, key K, v V) error
	// Size is how many keys wait at most; those beyond it are dropped. No bound when 0.
	Size int
}

// Batch collects what happens often and need not be on disk at once, such as last uses, by key, and writes it in few
// transactions. What could not be written is kept for the next time, and holds up no other entry. It is safe for
// concurrent use.
type Batch[K comparable, V any] struct {
	cfg BatchConfig[K, V]

	mu      sync.Mutex
	pending map[K]V
	written map[K]time.Time
}

// NewBatch returns an empty Batch.
func NewBatch[K comparable, V any](cfg BatchConfig[K, V]) *Batch[K, V] {
	return &Batch[K, V]{cfg: cfg, pending: make(map[K]V), written: make(map[K]time.Time)}
}

// Add notes something of a key. It costs a lock, and no statement.
func (b *Batch[K, V]) Add(key K, v V) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.add(key, v)
}

func (b *Batch[K, V]) add(key K, newer V) {
	older, there := b.pending[key]
	switch {
	case there:
		newer = b.cfg.Merge(older, newer)
	case b.cfg.Size > 0 && len(b.pending) >= b.cfg.Size:
		return
	}
	b.pending[key] = newer
}

// Change changes what waits of a key; it does nothing when nothing waits.
func (b *Batch[K, V]) Change(key K, change func(V) V) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if v, there := b.pending[key]; there {
		b.pending[key] = change(v)
	}
}

// take takes out what is to be written now.
func (b *Batch[K, V]) take(all bool, now time.Time) map[K]V {
	b.mu.Lock()
	defer b.mu.Unlock()
	for key, at := range b.written {
		if now.Sub(at) >= b.cfg.Step {
			delete(b.written, key)
		}
	}
	due := make(map[K]V)
	for key, v := range b.pending {
		if all || b.cfg.Ready == nil || b.cfg.Ready(v, b.written[key]) {
			due[key] = v
			delete(b.pending, key)
			if b.cfg.Step > 0 {
				b.written[key] = now
			}
		}
	}
	return due
}

// putBack keeps what could not be written; it is older than what has come since.
func (b *Batch[K, V]) putBack(due map[K]V, keys []K) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, key := range keys {
		delete(b.written, key)
		if newer, there := b.pending[key]; there {
			b.pending[key] = b.cfg.Merge(due[key], newer)
		} else {
			b.add(key, due[key])
		}
	}
}

// Flush writes what is ready at a moment, or all. It returns how many entries were written. With an error, the others
// wait for the next time.
func (b *Batch[K, V]) Flush(ctx context.Context, all bool, now time.Time) (written int, err error) {
	due := b.take(all, now)
	keys := slices.SortedFunc(maps.Keys(due), b.cfg.Compare)
	for len(keys) > 0 {
		chunk := keys[:min(len(keys), batchSize)]
		failed, chunkErr := b.write(ctx, due, chunk)
		written += len(chunk) - len(failed)
		if chunkErr != nil {
			err = errors.Join(err, chunkErr)
		}
		if keys = keys[len(chunk):]; len(failed) == len(chunk) {
			failed, keys = slices.Concat(failed, keys), nil // the database is at fault, not an entry
		}
		b.putBack(due, failed)
	}
	if err != nil {
		return written, fmt.Errorf("write a batch: %w", err)
	}
	return written, nil
}

// write writes some entries together, or one by one when that fails, and returns the keys of those that it could not.
func (b *Batch[K, V]) write(ctx context.Context, due map[K]V, keys []K) (failed []K, err error) {
	if err = b.update(ctx, due, keys); err == nil {
		return nil, nil
	}
	if len(keys) == 1 || ctx.Err() != nil {
		return keys, err
	}
	err = nil
	for _, key := range keys {
		if one := b.update(ctx, due, []K{key}); one != nil {
			failed, err = append(failed, key), one
		}
	}
	return failed, err
}

func (b *Batch[K, V]) update(ctx context.Context, due map[K]V, keys []K) error {
	return b.cfg.DB.Write(ctx, nil, func(tx *Tx) error {
		for _, key := range keys {
			if err := b.cfg.Write(ctx, tx, key, due[key]); err != nil {
				return err
			}
		}
		return nil
	})
}

// Run flushes every interval until done is closed, and then writes all that is left. The clock gives the moments; tell
// hears of errors.
func (b *Batch[K, V]) Run(done <-chan struct{}, every time.Duration, clock func() time.Time, tell func(error)) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for more := true; more; {
		select {
		case <-done:
			more = false
		case <-tick.C:
		}
		limit := every
		if !more {
			limit = min(every, lastFlush)
		}
		ctx, cancel := context.WithTimeout(uncounted(context.Background()), limit)
		if _, err := b.Flush(ctx, !more, clock()); err != nil {
			tell(err)
		}
		cancel()
	}
}
