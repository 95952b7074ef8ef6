package media_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/quillgate/quillgate/media"
)

// memory is a Store for tests about pictures. A folder would wait for the disk
// with every file.
type memory map[string][]byte

func (m memory) Create(_ context.Context, name string, r io.Reader) (media.Info, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return media.Info{}, err
	}
	stem, ext := name[:strings.LastIndexByte(name, '.')], name[strings.LastIndexByte(name, '.'):]
	for n := 1; m[name] != nil; n++ {
		name = fmt.Sprintf("%s-%d%s", stem, n, ext)
	}
	m[name] = append([]byte{}, b...)
	return media.Info{Name: name, Facts: media.Facts{Size: int64(len(b))}}, nil
}

func (m memory) Open(_ context.Context, name string) (io.ReadSeekCloser, media.Info, error) {
	b, ok := m[name]
	if !ok {
		return nil, media.Info{}, fs.ErrNotExist
	}
	return struct {
		*bytes.Reader
		io.Closer
	}{bytes.NewReader(b), io.NopCloser(nil)}, media.Info{Name: name, Facts: media.Facts{Size: int64(len(b))}}, nil
}

func (m memory) Remove(_ context.Context, names ...string) error {
	for _, name := range names {
		delete(m, name)
	}
	return nil
}

func (m memory) Stat(_ context.Context, name string) (media.Info, error) {
	b, ok := m[name]
	if !ok {
		return media.Info{}, fs.ErrNotExist
	}
	return media.Info{Name: name, Facts: media.Facts{Size: int64(len(b))}}, nil
}
