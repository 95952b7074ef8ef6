package wordpress

import (
	"errors"

	"github.com/quillgate/quillgate/site"
)

// made returns the result of a creating call: the id of the new object or, for
// a repeated request, that of the object created the first time.
func made(id int64, err error) (int64, error) {
	if again := (*site.Repeated)(nil); errors.As(err, &again) {
		return again.ID, nil
	}
	return id, err
}
