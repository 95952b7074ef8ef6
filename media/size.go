package media

import "math"

// Size is a smaller version that is made of every larger picture. The picture
// is fitted into Width by Height pixels, where zero means no limit, or, with
// Crop, cropped to exactly that.
type Size struct {
	Name          string
	Width, Height int
	Crop          bool
}

// plan is the part of a picture that a version shows, and the size of the
// version.
type plan struct {
	x, y, w, h    float64 // the part of the picture
	width, height int
}

// scale returns the length of a pixel of the picture in the version.
func (p plan) scale() float64 { return max(float64(p.width)/p.w, float64(p.height)/p.h) }

// planFor computes a version of a picture of w by h pixels. It returns false if
// the picture is not larger than the version. The rounding is WordPress's:
// themes and posts contain names such as photo-300x225.jpg.
func (s Size) planFor(w, h int) (plan, bool) {
	switch {
	case s.Width <= 0 && s.Height <= 0:
		return plan{}, false
	case s.Height <= 0 && w < s.Width, s.Width <= 0 && h < s.Height, s.Width > 0 && s.Height > 0 && w < s.Width && h < s.Height:
		return plan{}, false
	}
	p := plan{w: float64(w), h: float64(h)}
	if s.Crop {
		p = s.crop(w, h)
	} else {
		p.width, p.height = fit(w, h, s.Width, s.Height)
	}
	if near(p.width, w) && near(p.height, h) {
		return plan{}, false
	}
	return p, true
}

// near reports whether two lengths differ by at most a pixel.
func near(a, b int) bool { return a-b >= -1 && a-b <= 1 }

func (s Size) crop(w, h int) plan {
	aspect := float64(w) / float64(h)
	width, height := min(s.Width, w), min(s.Height, h)
	if width <= 0 {
		width = max(1, round(float64(height)*aspect))
	}
	if height <= 0 {
		height = max(1, round(float64(width)/aspect))
	}
	ratio := max(float64(width)/float64(w), float64(height)/float64(h))
	cw, ch := math.Round(float64(width)/ratio), math.Round(float64(height)/ratio)
	return plan{
		x: math.Floor((float64(w) - cw) / 2), y: math.Floor((float64(h) - ch) / 2), w: cw, h: ch,
		width: width, height: height,
	}
}

// fit scales w by h down into a box, keeping the proportions. A result that
// misses the limit by one pixel is set to it, so that fitting again changes
// nothing.
func fit(w, h, maxWidth, maxHeight int) (int, int) {
	xRatio, yRatio := 1.0, 1.0
	narrower, lower := maxWidth > 0 && w > maxWidth, maxHeight > 0 && h > maxHeight
	if narrower {
		xRatio = float64(maxWidth) / float64(w)
	}
	if lower {
		yRatio = float64(maxHeight) / float64(h)
	}
	ratio := max(xRatio, yRatio)
	if round(float64(w)*ratio) > maxWidth || round(float64(h)*ratio) > maxHeight {
		ratio = min(xRatio, yRatio)
	}
	width, height := max(1, round(float64(w)*ratio)), max(1, round(float64(h)*ratio))
	if narrower && width == maxWidth-1 {
		width = maxWidth
	}
	if lower && height == maxHeight-1 {
		height = maxHeight
	}
	return width, height
}

func round(f float64) int { return int(math.Round(f)) }
