package xmlrpc

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

// Memory is the memory that one request uses, out of Config.Memory, for what
// its methods read. The first MiB is free; more comes from the budget of all
// requests, and is released when the answer is made. It is safe for concurrent
// use.
type Memory struct {
	budget *semaphore.Weighted
	total  int64 // of the budget
	wait   time.Duration

	mu   sync.Mutex
	used int64 // bytes in use
	held int64 // bytes taken from the budget
	over int64 // bytes that may be used without holding them, see Reserve
}

const (
	freeMemory = 1 << 20   // of each request
	memoryStep = 256 << 10 // the step by which a request takes more
)

// Grow counts n more bytes. It does not wait, since the caller may hold memory
// that others wait for. If there is no memory, the error makes the call 503.
func (m *Memory) Grow(n int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used += n
	short := m.used - m.held - m.over - freeMemory
	if short <= 0 {
		return nil
	}
	step := min(max(short, memoryStep), m.total-m.held)
	if step < short || !m.budget.TryAcquire(step) {
		return errBusy
	}
	m.held += step
	return nil
}

// Reserve reserves n bytes that Grow will count, and waits for them for up to
// Config.MemoryWait. A request for more than the whole budget gets it
// exclusively.
func (m *Memory) Reserve(ctx context.Context, n int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	short := m.used + n - m.held - freeMemory
	if short <= 0 {
		return nil
	}
	step := min(short, m.total-m.held)
	if step < short && m.used > freeMemory {
		return errBusy // the rest of the budget would not suffice either
	}
	ctx, cancel := context.WithTimeout(ctx, m.wait)
	defer cancel()
	if err := m.budget.Acquire(ctx, step); err != nil {
		return errBusy
	}
	m.held += step
	m.over = short - step
	return nil
}

// Used returns the number of counted bytes.
func (m *Memory) Used() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.used
}

// Shrink releases what was counted beyond the first used bytes.
func (m *Memory) Shrink(used int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used, m.over = used, 0
	if extra := m.held - max(used-freeMemory, 0); extra > 0 {
		m.budget.Release(extra)
		m.held -= extra
	}
}
