package database

import "context"

// A Meter counts the memory that the rows take which are read with a context.
// Its errors end the reading and come out of Get and Select as they are.
type Meter interface {
	// Grow counts n bytes more.
	Grow(n int64) error
	// Reserve makes room for n bytes that will be read, and may wait for it.
	Reserve(ctx context.Context, n int64) error
	// Used is how many bytes are counted, Shrink goes back to such a number.
	Used() int64
	Shrink(used int64)
}

// rowSize is what a row takes beside its texts.
const rowSize = 64

type meterKey struct{}

// WithMeter returns a context whose reading is counted.
func WithMeter(ctx context.Context, m Meter) context.Context {
	return context.WithValue(ctx, meterKey{}, m)
}

func meterOf(ctx context.Context) Meter {
	m, _ := ctx.Value(meterKey{}).(Meter)
	return m
}

// Reserve is for callers that know that they will read much: it waits for the
// memory before they read. It does nothing where nobody counts.
func Reserve(ctx context.Context, n int64) error {
	if m := meterOf(ctx); m != nil {
		return m.Reserve(ctx, n)
	}
	return nil
}

// Mark returns a function that gives back what was counted since: for callers
// that are done with what they have read.
func Mark(ctx context.Context) (release func()) {
	m := meterOf(ctx)
	if m == nil {
		return func() {}
	}
	used := m.Used()
	return func() { m.Shrink(used) }
}
