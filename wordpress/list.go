package wordpress

import (
	"iter"

	"github.com/quillgate/quillgate/xmlrpc"
)

// streamed returns a list whose pages are read while the answer is written, so
// that a list of any length needs the memory of one page. write converts a page
// to values.
func streamed[T any](pages iter.Seq2[[]T, error], write func([]T) ([]xmlrpc.Value, error)) xmlrpc.Value {
	return xmlrpc.Stream(func(yield func(xmlrpc.Value, error) bool) {
		for page, err := range pages {
			var values []xmlrpc.Value
			if err == nil {
				values, err = write(page)
			}
			if err != nil {
				yield(xmlrpc.Value{}, err)
				return
			}
			for _, v := range values {
				if !yield(v, nil) {
					return
				}
			}
		}
	})
}

// each returns the function that converts a page, given one that converts a
// single value.
func each[T any](write func(*T) xmlrpc.Value) func([]T) ([]xmlrpc.Value, error) {
	return func(page []T) ([]xmlrpc.Value, error) {
		out := make([]xmlrpc.Value, len(page))
		for i := range page {
			out[i] = write(&page[i])
		}
		return out, nil
	}
}
