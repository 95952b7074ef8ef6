package media

import (
	"context"
	"image"
	"image/color"
	"math"
)

// reduce scales a part of src down to width by height pixels. Every pixel of the result is the mean of the area that
// it covers, weighted by opacity. It works row by row, so what it needs beside the result is one row: the kernels of
// x/image/draw keep 32 bytes for each pixel of a column-reduced copy, hundreds of megabytes for a photograph.
func reduce(ctx context.Context, src image.Image, p plan) (*image.RGBA, error) {
	at := colorAt(src)
	bounds := src.Bounds()
	dst := image.NewRGBA(image.Rect(0, 0, p.width, p.height))
	columns := spans(p.x, p.w, p.width, bounds.Dx())
	rows := spans(p.y, p.h, p.height, bounds.Dy())
	sum := make([][4]float32, p.width)
	for y, row := range rows {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		clear(sum)
		for sy := row.from; sy < row.to; sy++ {
			addRow(sum, at, bounds.Min.X, bounds.Min.Y+sy, columns, row.weight(sy))
		}
		line := dst.Pix[y*dst.Stride:]
		for x, s := range sum {
			for i, v := range s {
				line[4*x+i] = uint8(min(v/257+0.5, 255))
			}
		}
	}
	return dst, nil
}

// addRow adds a row of the source to the sums of a row of the result.
func addRow(sum [][4]float32, at func(x, y int) color.RGBA64, left, y int, columns []span, weight float32) {
	for x, column := range columns {
		var s [4]float32
		for sx := column.from; sx < column.to; sx++ {
			c, w := at(left+sx, y), column.weight(sx)
			s[0] += w * float32(c.R)
			s[1] += w * float32(c.G)
			s[2] += w * float32(c.B)
			s[3] += w * float32(c.A)
		}
		for i, v := range s {
			sum[x][i] += weight * v
		}
	}
}

// span is the run of source pixels that one pixel of the result covers; the first and the last count in part. All
// weights add up to one.
type span struct {
	from, to           int
	first, inner, last float32
}

func (s span) weight(i int) float32 {
	switch i {
	case s.from:
		return s.first
	case s.to - 1:
		return s.last
	}
	return s.inner
}

// spans divides length pixels from start on among n, within the limit of the source.
func spans(start, length float64, n, limit int) []span {
	out := make([]span, n)
	for i := range out {
		a, b := start+length*float64(i)/float64(n), start+length*float64(i+1)/float64(n)
		from := min(max(int(a), 0), limit-1)
		to := min(max(int(math.Ceil(b)), from+1), limit)
		a, b = max(a, float64(from)), min(b, float64(to))
		total := b - a
		s := span{from: from, to: to, first: 1, inner: float32(1 / total), last: 1}
		if to-from > 1 {
			s.first, s.last = float32((float64(from+1)-a)/total), float32((b-float64(to-1))/total)
		}
		out[i] = s
	}
	return out
}

// colorAt reads pixels without an allocation each, premultiplied by opacity.
func colorAt(src image.Image) func(x, y int) color.RGBA64 {
	if m, ok := src.(image.RGBA64Image); ok {
		return m.RGBA64At
	}
	return func(x, y int) color.RGBA64 {
		r, g, b, a := src.At(x, y).RGBA()
		return color.RGBA64{R: uint16(r), G: uint16(g), B: uint16(b), A: uint16(a)}
	}
}

// upright turns and mirrors a picture as EXIF orientation 2 to 8 says; any other value leaves it as it is.
func upright(src *image.RGBA, orientation int) *image.RGBA {
	if orientation < 2 || orientation > 8 {
		return src
	}
	w, h := src.Rect.Dx(), src.Rect.Dy()
	width, height := w, h
	if orientation >= 5 {
		width, height = h, w
	}
	dst := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			var sx, sy int
			switch orientation {
			case 2: // mirrored
				sx, sy = w-1-x, y
			case 3: // upside down
				sx, sy = w-1-x, h-1-y
			case 4: // upside down and mirrored
				sx, sy = x, h-1-y
			case 5: // mirrored, then turned left
				sx, sy = y, x
			case 6: // turned left: the camera was held with its right side down
				sx, sy = y, h-1-x
			case 7: // mirrored, then turned right
				sx, sy = w-1-y, h-1-x
			case 8: // turned right
				sx, sy = w-1-y, x
			}
			copy(dst.Pix[dst.PixOffset(x, y):][:4], src.Pix[src.PixOffset(sx, sy):][:4])
		}
	}
	return dst
}
