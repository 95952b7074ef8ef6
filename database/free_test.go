package database_test

import (
	"context"
	"errors"
	"strconv"
	"testing"

	"github.com/quillgate/quillgate/database"
)

// Few numbers are looked at, however many are taken.
func TestFirstFree(t *testing.T) {
	t.Parallel()
	const most = 1 << 30
	for _, upTo := range []int{1, 2, 3, 30, 31, 32, 33, 61, 62, 1000, 12345, 1_000_000} {
		asked, steps := 0, 0
		got, err := database.FirstFree(t.Context(), 2, most, strconv.Itoa, func(_ context.Context, names []string) (used []string, err error) {
			steps++
			last := 0
			for _, name := range names {
				n, _ := strconv.Atoi(name)
				if n <= last {
					t.Fatalf("%d comes after %d", n, last)
				}
				asked, last = asked+1, n
				if n <= upTo {
					used = append(used, name)
				}
			}
			return used, nil
		})
		if want := max(upTo+1, 2); err != nil || got != want {
			t.Errorf("the first free number after %d is %d, %v", upTo, got, err)
		}
		if steps > 6 || asked > 200 {
			t.Errorf("it looked %d times, at %d numbers, until it found that %d are taken", steps, asked, upTo)
		}
	}
}

// Gaps nearby are filled. A number that is found far away is free.
func TestFirstFreeBetweenOthers(t *testing.T) {
	t.Parallel()
	find := func(most int, used func(n int) bool) int {
		n, err := database.FirstFree(t.Context(), 0, most, strconv.Itoa, func(_ context.Context, names []string) (out []string, err error) {
			for _, name := range names {
				if n, _ := strconv.Atoi(name); used(n) {
					out = append(out, name)
				}
			}
			return out, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if got := find(1000, func(n int) bool { return n != 17 }); got != 17 {
		t.Errorf("17 is free, and it found %d", got)
	}
	odd := func(n int) bool { return n < 100 || n%2 == 1 }
	if got := find(1000, odd); odd(got) {
		t.Errorf("%d is taken", got)
	}
	for _, most := range []int{5, 29, 30, 50, 1000} {
		if got := find(most, func(int) bool { return true }); got <= most {
			t.Errorf("all up to %d are taken, and it found %d", most, got)
		}
	}
	broken := errors.New("broken")
	if _, err := database.FirstFree(t.Context(), 1, 10, strconv.Itoa, func(context.Context, []string) ([]string, error) { return nil, broken }); !errors.Is(err, broken) {
		t.Errorf("it hides an error: %v", err)
	}
}
