package wxr_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/wxr"
)

// FuzzReader holds for any bytes: no panic, an end, offsets that only grow and
// at each of which the reading can be resumed, the same outcome whatever the
// pieces the bytes come in, memory within the limits, and that what was taken
// can be written and read back equal.
func FuzzReader(f *testing.F) {
	for _, file := range exports(f) {
		f.Add(file)
	}
	f.Add(export(f, specimen()))
	f.Add([]byte(head + "<item><category/><title>&#0;]]></title><wp:post_date_gmt>0000-00-00</wp:post_date_gmt></item>" + tail))
	f.Fuzz(func(t *testing.T, file []byte) {
		open := func(src io.Reader) *wxr.Reader {
			r := wxr.NewReader(src)
			r.MaxItem, r.MaxDepth, r.MaxEntries = 1<<16, 8, 50
			return r
		}
		whole := open(bytes.NewReader(file))
		steps := readAll(whole)
		if held := whole.Buffered(); held > 1<<21 {
			t.Errorf("the reader holds %d bytes", held)
		}
		if diff := cmp.Diff(encode(t, steps), encode(t, readAll(open(iotest.OneByteReader(bytes.NewReader(file)))))); diff != "" {
			t.Errorf("in pieces (-whole +pieces):\n%s", diff)
		}
		checkOffsets(t, file, steps)

		items := rewritable(open(bytes.NewReader(file)))
		if len(items) == 0 {
			return
		}
		if diff := cmp.Diff(items, read(t, export(t, items))); diff != "" {
			t.Errorf("read and rewritten (-read +rewritten):\n%s", diff)
		}
	})
}

func checkOffsets(t *testing.T, file []byte, steps []step) {
	var last int64
	for i, s := range steps {
		if s.Offset < last || s.Offset > int64(len(file)) {
			t.Fatalf("step %d: InputOffset %d behind %d in %d bytes", i, s.Offset, last, len(file))
		}
		last = s.Offset
		if i > 20 || s.Item == nil && s.Error != "EOF" {
			continue
		}
		r, err := wxr.Resume(bytes.NewReader(file), s.Offset)
		if err != nil {
			t.Fatalf("step %d: Resume(%d): %v", i, s.Offset, err)
		}
		r.MaxItem, r.MaxDepth, r.MaxEntries = 1<<16, 8, 50
		item, err := r.Next()
		next := steps[min(i+1, len(steps)-1)]
		skipped, _ := errors.AsType[*wxr.ItemError](err)
		if (err == nil) != (next.Item != nil) || skipped == nil && r.InputOffset() != next.Offset {
			t.Fatalf("step %d: after Resume(%d): %v, %v at %d; want %+v", i, s.Offset, item, err, r.InputOffset(), next)
		}
	}
}
