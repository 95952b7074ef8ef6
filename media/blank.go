package media

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/color/palette"
	"image/draw"
	"path"
)

// maxBlank is the largest number of pixels of a Blank.
const maxBlank = 64 << 20

// Blank returns a plain grey picture in the format of the name's extension:
// JPEG, PNG or GIF.
func Blank(name string, width, height int) ([]byte, error) {
	if width <= 0 || height <= 0 || width > maxBlank/height {
		return nil, fmt.Errorf("draw a picture of %d by %d pixels: out of range", width, height)
	}
	ext := path.Ext(name)
	switch t, _ := (Rules{}).Type(name); t {
	case "image/jpeg", "image/png", "image/gif":
	default:
		return nil, fmt.Errorf("draw %q: not a format that can be written", name)
	}
	img := image.NewPaletted(image.Rect(0, 0, width, height), palette.Plan9)
	draw.Draw(img, img.Rect, image.NewUniform(color.Gray{Y: 0x99}), image.Point{}, draw.Src)
	var b bytes.Buffer
	if err := encode(&b, img, ext, nil); err != nil {
		return nil, fmt.Errorf("draw %q: %w", name, err)
	}
	return b.Bytes(), nil
}
