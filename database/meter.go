package database

import (
	"context"
	"errors"
	"fmt"
	"iter"
)

// ErrMemory says that there is no memory for what was to be read. The error of
// the Meter is in it too.
var ErrMemory = errors.New("no memory for what is read")

// A Meter counts the memory that the rows take which are read with a context.
// Its errors end the reading.
type Meter interface {
	// Grow counts n bytes more.
	Grow(n int64) error
	// Reserve makes room for n bytes that will be read, and may wait for it.
	Reserve(ctx context.Context, n int64) error
	// Used is how many bytes are counted, Shrink goes back to such a number.
	Used() int64
	Shrink(used int64)
}

// columnSize is what a column of a row takes next to its text.
const columnSize = 16

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
// memory before they read. It does nothing where no one counts.
func Reserve(ctx context.Context, n int64) error {
	if m := meterOf(ctx); m != nil {
		if err := m.Reserve(ctx, n); err != nil {
			return fmt.Errorf("%w: %w", ErrMemory, err)
		}
	}
	return nil
}

// What Patient reserves before the second try, and how many tries it makes.
const (
	firstReserve  = 1 << 20
	memoryPatient = 4
)

// Patient runs a function that reads, and runs it again when there was no memory for it, once there is some.
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

// Pages reads a list that may be of any length: read gets the ids of at most
// rows of it and returns what belongs to them, in their order; those that are
// gone by then are missing. What a page took is given back when the next one is
// asked for, and pages become smaller when there is no memory for one.
//
// One statement reads the ids first, so that the list is one of one moment
// however long its walk takes, and no transaction is open meanwhile.
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

// All collects a list whose length the caller has bounded.
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
