package media_test

import (
	"bytes"
	"image"
	"image/jpeg"
	"testing"

	"github.com/quillgate/quillgate/media"
)

// BenchmarkProcess makes all versions of a photograph with 12 megapixels; its
// baseline is decoding only.
func BenchmarkProcess(b *testing.B) {
	s := memory{}
	var jpg bytes.Buffer
	if err := jpeg.Encode(&jpg, quarters(4000, 3000), nil); err != nil {
		b.Fatal(err)
	}
	info, err := s.Create(b.Context(), "a.jpg", bytes.NewReader(jpg.Bytes()))
	if err != nil {
		b.Fatal(err)
	}
	b.Run("decode", func(b *testing.B) {
		for b.Loop() {
			if _, _, err := image.Decode(bytes.NewReader(jpg.Bytes())); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("process", func(b *testing.B) {
		imager := media.NewImager(0)
		for b.Loop() {
			if _, err := imager.Process(b.Context(), s, info.Name, media.Order{Sizes: sizes, Threshold: media.DefaultThreshold}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
