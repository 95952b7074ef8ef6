package wordpress

import (
	"errors"

	"github.com/quillgate/quillgate/site"
)

// made is what a creating call answers with: the id of what it has made, or, when the same request comes again, of what
// that has made the first time.
func made(id int64, err error) (int64, error) {
	if again := (*site.Repeated)(nil); errors.As(err, &again) {
		return again.ID, nil
	}
	return id, err
}
