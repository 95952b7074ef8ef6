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

// batchSize is the number of entries in one transaction, for which all other
// writers may have to wait.
const batchSize = 100

// lastFlush is the time limit for the last flush of a process. A database that
// does not answer must not delay its end.
const lastFlush = 2 * time.Second

// BatchConfig configures a Batch. Merge and Write are required.
type BatchConfig[K comparable, V any] struct {
	DB *DB
	// Compare determines the order of writes. It must be the same in all
	// processes, or two of them could wait for each other.
	Compare func(a, b K) int
	// Merge joins an earlier and a later value of one key.
	Merge func(older, newer V) V
	// Ready reports whether an entry should be written now. written is when
	// that key was last written, or zero if that is longer ago than Step. If
	// Ready is nil, every entry is ready.
	Ready func(v V, written time.Time) bool
	// Step is how long a Batch remembers when a key was written.
	Step time.Duration
	// Write writes one entry. It may be called again for the same entry.
	Write func(ctx context.Context, tx *Tx, key K, v V) error
	// Size is the largest number of waiting keys; further keys are dropped. 0
	// means no limit.
	Size int
}

// Batch collects frequent changes that need not be on disk at once, such as
// last uses, by key, and writes them in few transactions. It keeps entries that
// could not be written for the next time; they do not hold up others. It is
// safe for concurrent use.
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

// Add adds a value for a key. It takes a lock, and runs no statement.
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

// Change changes the waiting value of a key, if there is one.
func (b *Batch[K, V]) Change(key K, change func(V) V) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if v, there := b.pending[key]; there {
		b.pending[key] = change(v)
	}
}

// Waiting returns the value of a key that is not written yet.
func (b *Batch[K, V]) Waiting(key K) (v V, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	v, ok = b.pending[key]
	return v, ok
}

// take removes and returns the entries to write now.
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

// putBack keeps entries that could not be written. They are older than those
// added since.
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

// Flush writes the entries that are ready at the time now, or all of them. It
// returns how many were written. After an error, the others wait for the next
// time.
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
			failed, keys = slices.Concat(failed, keys), nil // the database failed, not an entry
		}
		b.putBack(due, failed)
	}
	if err != nil {
		return written, fmt.Errorf("write a batch: %w", err)
	}
	return written, nil
}

// write writes some entries together, or one by one if that fails. It returns
// the keys of the entries that could not be written.
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

// Run flushes at every interval until done is closed, and then writes
// everything that is left. clock gives the times; tell is called with errors.
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
