package wxr_test

import (
	"errors"
	"fmt"
	"io"
	"log"
	"strings"

	"github.com/quillgate/quillgate/wxr"
)

// An import steps over what cannot be taken, and stores the offset with each
// item so that it can go on from there.
func Example() {
	file := strings.NewReader(`<rss><channel><wp:wxr_version>1.2</wp:wxr_version>
		<item><title>One</title><wp:post_id>1</wp:post_id></item>
		<item><title>Two</b></title><wp:post_id>2</wp:post_id></item>
		<item><title>Three</title><wp:post_id>3</wp:post_id></item>
	</channel></rss>`)
	r, err := wxr.Resume(file, 0) // 0 or the offset that was stored last
	if err != nil {
		log.Fatal(err)
	}
	for {
		item, err := r.Next()
		if err == io.EOF {
			break
		}
		if skipped, ok := errors.AsType[*wxr.ItemError](err); ok {
			fmt.Println("skipped:", skipped)
			continue
		}
		if err != nil {
			log.Fatal(err)
		}
		if p, ok := item.(*wxr.Post); ok {
			fmt.Println(p.ID, p.Title, "up to byte", r.InputOffset())
		}
	}
	// Output:
	// 1 One up to byte 110
	// skipped: post 2 at byte 113: malformed XML: tags do not match
	// 3 Three up to byte 236
}
