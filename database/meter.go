package database

import (
	"context"
	"errors"
	"fmt"
	"iter"
)

// ErrMemory means that there is no memory for what was to be read. It wraps the
// error of the Meter.
var ErrMemory = errors.New("no memory for what is read")

// A Meter counts the memory of the rows that are read with a context. Its
// errors end the reading.
type Meter interface {
	// Grow counts n more bytes.
	Grow(n int64) error
	// Reserve makes room for n bytes that will be read, and may wait for it.
	Reserve(ctx context.Context, n int64) error
	// Used returns the number of counted bytes, and Shrink reduces it to n.
	Used() int64
	Shrink(used int64)
}

// columnSize is the memory for a column of a row in addition to its text.
const columnSize = 16

type meterKey struct{}

// WithMeter returns a context whose reads are counted by m.
func WithMeter(ctx context.Context, m Meter) context.Context {
	return context.WithValue(ctx, meterKey{}, m)
}

func meterOf(ctx context.Context) Meter {
	m, _ := ctx.Value(meterKey{}).(Meter)
	return m
}

// Reserve is for callers that are about to read much: it waits until the memory
// is available. Without a Meter it does nothing.
func Reserve(ctx context.Context, n int64) error {
	if m := meterOf(ctx); m != nil {
		if err := m.Reserve(ctx, n); err != nil {
			return fmt.Errorf("%w: %w", ErrMemory, err)
		}
	}
	return nil
}

// What Patient reserves before the second attempt, and its number of attempts.
const (
	firstReserve  = 1 << 20
	memoryPatient = 4
)

// Patient runs a function that reads. If there was no memory for it, Patient
// runs it again when there is.
func Patient(ctx context.Context, read func() error) error {
	release := Mark(ctx)
	err := read()
	for try, n := 1, int64(firstReserve); try < memoryPatient && errors.Is(err, ErrMemory); try, n = try+1, 4*n {
		release()
		if busy := Reserve(ctx, n); busy != nil {
			return busy
		}
		err = read()
	}
	return err
}

// Mark returns a function that releases what was counted since, for callers
// that are done with what they have read.
func Mark(ctx context.Context) (release func()) {
	m := meterOf(ctx)
	if m == nil {
		return func() {}
	}
	used := m.Used()
	return func() { m.Shrink(used) }
}

// Pages reads a list of any length in pages: read gets up to rows ids of it and
// returns what belongs to them, in their order, without those that are gone by
// then. The memory of a page is released when the next one is requested, and
// pages become smaller if there is no memory for one.
//
// A single statement reads the ids first, so that the list is that of one
// moment however long the iteration takes. No transaction is open meanwhile.
func Pages[T any](ctx context.Context, ids []int64, rows int, read func([]int64) ([]T, error)) iter.Seq2[[]T, error] {
	return func(yield func([]T, error) bool) {
		size := rows
		for len(ids) > 0 {
			part := ids[:min(size, len(ids))]
			release := Mark(ctx)
			list, err := read(part)
			if errors.Is(err, ErrMemory) && len(part) > 1 {
				release()
				size = max(1, len(part)/4)
				continue
			}
			if errors.Is(err, ErrMemory) {
				release()
				err = Patient(ctx, func() (err error) { list, err = read(part); return err })
			}
			more := err == nil
			if err != nil || len(list) > 0 {
				more = yield(list, err) && more
			}
			release()
			if !more {
				return
			}
			ids, size = ids[len(part):], min(2*size, rows)
		}
	}
}

// All collects a list whose length the caller has limited.
func All[T any](pages iter.Seq2[[]T, error]) ([]T, error) {
	var all []T
	for page, err := range pages {
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
	}
	return all, nil
}
