package media

import "golang.org/x/sync/errgroup"

// parallel is the number of files that are inspected or copied at the same
// time.
const parallel = 8

// inParallel calls fn for each element of list. It returns the results in the
// same order, and the first error.
func inParallel[T, R any](list []T, fn func(T) (R, error)) ([]R, error) {
	out := make([]R, len(list))
	var group errgroup.Group
	group.SetLimit(parallel)
	for i, v := range list {
		group.Go(func() (err error) {
			out[i], err = fn(v)
			return err
		})
	}
	return out, group.Wait()
}
