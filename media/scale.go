package media

import (
	"context"
	"image"
	"image/draw"
	"math"
)

// reduce scales a part of src down to width by height pixels. Every pixel of
// the result is the mean of the area that it covers, weighted by opacity.
// reduce works row by row, so besides the result it needs memory for one row:
// the kernels of x/image/draw use 32 bytes for each pixel of a column-reduced
// copy, hundreds of megabytes for a photograph.
func reduce(ctx context.Context, src image.Image, p plan) (*image.RGBA, error) {
	bounds := src.Bounds()
	rowAt := rowsOf(src)
	dst := image.NewRGBA(image.Rect(0, 0, p.width, p.height))
	columns := spans(p.x, p.w, p.width, bounds.Dx())
	sum := make([]float32, 4*p.width)
	for y, row := range spans(p.y, p.h, p.height, bounds.Dy()) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		clear(sum)
		for sy := row.from; sy < row.to; sy++ {
			addRow(sum, rowAt(sy), columns, row.weight(sy))
		}
		line := dst.Pix[y*dst.Stride:]
		for i, v := range sum {
			line[i] = uint8(min(v+0.5, 255))
		}
	}
	return dst, nil
}

// rowsOf returns a function for the rows of a picture, numbered from 0, as
// premultiplied RGBA. A row is valid until the next call.
func rowsOf(src image.Image) func(y int) []uint8 {
	b := src.Bounds()
	if m, ok := src.(*image.RGBA); ok {
		return func(y int) []uint8 { return m.Pix[m.PixOffset(b.Min.X, b.Min.Y+y):][:4*b.Dx()] }
	}
	row := image.NewRGBA(image.Rect(0, 0, b.Dx(), 1))
	return func(y int) []uint8 {
		draw.Draw(row, row.Rect, src, image.Pt(b.Min.X, b.Min.Y+y), draw.Src)
		return row.Pix
	}
}

// addRow adds a row of the source to the sums of a row of the result.
func addRow(sum []float32, row []uint8, columns []span, weight float32) {
	for x, c := range columns {
		var s [4]float32
		add := func(pixel []uint8, w float32) {
			s[0] += w * float32(pixel[0])
			s[1] += w * float32(pixel[1])
			s[2] += w * float32(pixel[2])
			s[3] += w * float32(pixel[3])
		}
		pixels := row[4*c.from : 4*c.to]
		add(pixels[:4], c.first)
		if last := len(pixels) - 4; last > 0 {
			var inner [4]uint32
			for i := 4; i < last; i += 4 {
				q := pixels[i : i+4 : i+4]
				inner[0] += uint32(q[0])
				inner[1] += uint32(q[1])
				inner[2] += uint32(q[2])
				inner[3] += uint32(q[3])
			}
			for i, v := range inner {
				s[i] += c.inner * float32(v)
			}
			add(pixels[last:], c.last)
		}
		out := sum[4*x : 4*x+4 : 4*x+4]
		for i, v := range s {
			out[i] += weight * v
		}
	}
}

// span is the run of source pixels that one pixel of the result covers; the
// first and the last are covered in part. The weights add up to one.
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

// spans divides length pixels from start among n, within the limit of the
// source.
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

// upright turns and mirrors a picture as EXIF orientations 2 to 8 demand; any
// other value leaves it unchanged.
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
