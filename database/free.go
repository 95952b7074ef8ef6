package database

import (
	"context"
	"slices"
)

// freeAtOnce is the number of numbers that FirstFree looks at in one step.
const freeAtOnce = 30

// FirstFree returns the first number from first whose name is free. name makes
// a name of a number, and used returns which of some names are not free.
//
// Beyond the first 30 numbers it looks for one that follows a taken number, in
// a few steps however many are taken. If numbers in between are free, it may
// pass over them. It returns a number above most if it finds none up to there.
func FirstFree(ctx context.Context, first, most int, name func(n int) string, used func(ctx context.Context, names []string) ([]string, error)) (int, error) {
	// free returns the first free one of ascending numbers and the one before.
	free := func(numbers []int) (before, at int, err error) {
		names := make([]string, len(numbers))
		for i, n := range numbers {
			names[i] = name(n)
		}
		taken, err := used(ctx, names)
		if err != nil {
			return 0, 0, err
		}
		before, at = first-1, most+1
		for i, n := range numbers {
			if !slices.Contains(taken, names[i]) {
				return before, n, nil
			}
			before = n
		}
		return before, at, nil
	}
	var near, far []int
	for n := first; n < first+freeAtOnce && n <= most; n++ {
		near = append(near, n)
	}
	last, at, err := free(near)
	if err != nil || at <= most || len(near) < freeAtOnce {
		return at, err
	}
	for step := freeAtOnce; last+step <= most; step *= 2 {
		far = append(far, last+step)
	}
	low, high := last, most+1
	for numbers := far; high-low > 1; {
		if len(numbers) > 0 {
			before, at, err := free(numbers)
			if err != nil {
				return 0, err
			}
			low, high = max(low, before), min(high, at)
		}
		numbers = numbers[:0]
		for step, n := max((high-low)/(freeAtOnce+1), 1), low; n+step < high; {
			n += step
			numbers = append(numbers, n)
		}
	}
	return high, nil
}
