package site_test

import (
	"iter"

	"github.com/quillgate/quillgate/database"
)

// whole reads a list to its end.
func whole[T any](pages iter.Seq2[[]T, error], err error) ([]T, error) {
	if err != nil {
		return nil, err
	}
	return database.All(pages)
}
