package media

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"path"
	"runtime/debug"
	"slices"
	"strings"

	_ "golang.org/x/image/bmp" // dimensions only
	"golang.org/x/image/draw"
	_ "golang.org/x/image/webp" // read only: smaller versions become JPEG or PNG
	"golang.org/x/sync/semaphore"
)

// DefaultMemory is the default budget of an Imager in bytes: enough for an
// ordinary photograph of 42 megapixels, or a PNG of 20.
const DefaultMemory = 96 << 20

// DefaultThreshold is the width and height in pixels above which WordPress
// replaces an upload by a smaller picture.
const DefaultThreshold = 2560

// largeWork is the size in bytes above which memory is returned to the system
// at once.
const largeWork = 32 << 20

// quality is the quality of the JPEG files that are written, the same as in
// WordPress.
const quality = 82

// Imager creates the smaller versions of pictures. It is safe for concurrent
// use: pictures that together exceed the budget wait for each other.
type Imager struct {
	memory int64
	budget *semaphore.Weighted
}

// NewImager returns an Imager that decodes pictures within memory bytes, or
// DefaultMemory if that is zero. A picture that alone needs more gets no
// smaller versions.
func NewImager(memory int64) *Imager {
	if memory <= 0 {
		memory = DefaultMemory
	}
	return &Imager{memory: memory, budget: semaphore.NewWeighted(memory)}
}

// Order describes what to make of a picture.
type Order struct {
	Sizes []Size
	// Threshold is the largest width and height that a picture keeps. A larger
	// JPEG, GIF or WebP is replaced by a copy of that size (photo-scaled.jpg).
	// Zero keeps every picture.
	Threshold int
}

// Picture describes a stored picture and its versions.
type Picture struct {
	// File is the file to show: the upload, or the copy that replaces it
	// because it was too large (-scaled) or not upright (-rotated).
	File string
	// Original is the base name of the upload if File is a copy of it.
	Original      string
	Width, Height int   // of File in pixels, upright
	Size          int64 // of File in bytes
	Meta          Meta
	Versions      []Version
}

// Version is one of the smaller versions of a picture.
type Version struct {
	Name          string // of the size
	File          string // base name; in the folder of the picture
	Width, Height int
	Type          string // media type
	Size          int64  // bytes
}

// Files lists the names of all files of the picture in the store.
func (p *Picture) Files() []string {
	dir := path.Dir(p.File)
	files := []string{p.File}
	if p.Original != "" {
		files = append(files, path.Join(dir, p.Original))
	}
	for _, v := range p.Versions {
		files = append(files, path.Join(dir, v.File))
	}
	return files
}

// Files is where a picture is read from, and where its smaller versions are
// stored.
type Files interface {
	// Open opens the picture.
	Open(ctx context.Context, name string) (io.ReadSeekCloser, Info, error)
	// Create stores a version, under its name or a numbered one. Remove removes
	// it.
	Create(ctx context.Context, name string, r io.Reader) (Info, error)
	Remove(ctx context.Context, names ...string) error
}

// Process inspects a stored file and makes what the order asks for. For a file
// that is not a picture it returns nil and no error. A picture that is damaged,
// or that needs more memory than the budget, is described by its header,
// without versions. After an error, the new files have been removed.
func (m *Imager) Process(ctx context.Context, files Files, name string, order Order) (*Picture, error) {
	f, info, err := files.Open(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("look at %q: %w", name, err)
	}
	defer f.Close()
	h, ok := inspect(f)
	if !ok {
		return nil, nil
	}
	p := &Picture{File: name, Width: h.width, Height: h.height, Size: info.Size, Meta: h.meta}
	if h.meta.orientation() >= 5 {
		p.Width, p.Height = h.height, h.width
	}
	if h.memory == 0 { // no decoder supports it
		return p, nil
	}
	w := work{files: files, header: h, picture: p, order: order}
	w.plan()
	need := w.memory()
	if !w.anything() || need > m.memory {
		return p, nil
	}
	if err := m.budget.Acquire(ctx, need); err != nil {
		return nil, fmt.Errorf("wait to decode %q: %w", name, err)
	}
	defer m.budget.Release(need)
	if need > largeWork {
		// The next picture may come in an hour, so return the memory to the
		// system at once.
		defer debug.FreeOSMemory()
	}
	if err := w.run(ctx, f); err != nil {
		return nil, errors.Join(fmt.Errorf("make smaller versions of %q: %w", name, err), w.undo(ctx))
	}
	return p, nil
}

// header is the description of a picture in its header.
type header struct {
	format        string
	width, height int // as stored, before turning
	meta          Meta
	memory        int64 // estimated bytes for decoding
}

// inspect reads a picture's header. It returns false for anything that is not a
// picture. Without a decoder, memory is 0.
func inspect(f io.ReadSeeker) (header, bool) {
	config, format, err := image.DecodeConfig(bufio.NewReader(f))
	if err != nil || config.Width <= 0 || config.Height <= 0 {
		return dimensions(f)
	}
	h := header{format: format, width: config.Width, height: config.Height, meta: NoMeta()}
	pixels := int64(config.Width) * int64(config.Height)
	switch format {
	case "jpeg":
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return header{}, false
		}
		j, _ := readJPEG(bufio.NewReader(f)) // use what was read before an error
		h.meta = j.meta
		h.memory = (pixels*int64(max(j.samples, 64)) + 63) / 64
		if j.progressive {
			h.memory *= 5 // the coefficients of the whole picture, four bytes for each sample
		}
		if config.ColorModel == color.CMYKModel {
			h.memory += 4 * pixels
		}
	case "png":
		h.memory = pixels * bytesPerPixel(config.ColorModel)
		if interlaced(f) {
			h.memory *= 2
		}
	case "webp":
		h.memory = 8 * pixels
	default:
		h.memory = pixels * bytesPerPixel(config.ColorModel)
	}
	return h, true
}

// interlaced reads the last byte of a PNG's header chunk. Interlaced pictures
// are assembled from seven smaller ones.
func interlaced(f io.ReadSeeker) bool {
	var b [1]byte
	if _, err := f.Seek(28, io.SeekStart); err != nil {
		return true
	}
	_, err := io.ReadFull(f, b[:])
	return err != nil || b[0] != 0
}

func bytesPerPixel(m color.Model) int64 {
	switch m {
	case color.GrayModel:
		return 1
	case color.Gray16Model:
		return 2
	case color.RGBA64Model, color.NRGBA64Model:
		return 8
	}
	if _, ok := m.(color.Palette); ok {
		return 1
	}
	return 4
}

// work is the creation of one picture's versions.
type work struct {
	files   Files
	header  header
	picture *Picture
	order   Order

	base          plan // the first reduction, from which everything else is made
	replace       string
	versions      []plannedVersion
	made          []string
	width, height int // of the upright picture, before any reduction
}

type plannedVersion struct {
	size Size
	plan plan
}

// plan decides what to make, from the dimensions only.
func (w *work) plan() {
	w.width, w.height = w.picture.Width, w.picture.Height
	if w.header.format == "bmp" {
		return
	}
	for _, s := range w.order.Sizes {
		if p, ok := s.planFor(w.width, w.height); ok {
			w.versions = append(w.versions, plannedVersion{s, p})
		}
	}
	width, height := w.width, w.height
	t := w.order.Threshold
	switch {
	case t > 0 && (width > t || height > t) && w.header.format != "png":
		w.replace = "scaled"
		width, height = fit(width, height, t, t)
	case w.header.meta.orientation() != 1:
		w.replace = "rotated"
	default:
		width, height = w.largest()
	}
	if w.header.meta.orientation() >= 5 {
		width, height = height, width
	}
	w.base = plan{w: float64(w.header.width), h: float64(w.header.height), width: width, height: height}
}

// largest returns the smallest size that all planned versions can be made from.
func (w *work) largest() (int, int) {
	scale := 0.0
	for _, v := range w.versions {
		scale = max(scale, v.plan.scale())
	}
	return min(w.width, max(1, round(float64(w.width)*scale))), min(w.height, max(1, round(float64(w.height)*scale)))
}

func (w *work) anything() bool { return w.replace != "" || len(w.versions) > 0 }

// memory returns the peak memory of the work: the picture and its first
// reduction, or, without the picture, the reduction, its turned copy and a
// version.
func (w *work) memory() int64 {
	reduced := 4 * int64(w.base.width) * int64(w.base.height)
	return max(w.header.memory+reduced, 3*reduced)
}

func (w *work) run(ctx context.Context, f io.ReadSeeker) error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	src, _, err := image.Decode(bufio.NewReader(contextReader{ctx, f}))
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil || src.Bounds().Dx() != w.header.width || src.Bounds().Dy() != w.header.height {
		return nil // damaged, or a GIF whose first frame is smaller than its screen
	}
	base, err := reduce(ctx, src, w.base)
	if err != nil {
		return err
	}
	var colors color.Palette
	if p, ok := src.(*image.Paletted); ok {
		colors = p.Palette
	}
	src = nil
	base = upright(base, w.header.meta.orientation())
	if err := w.replaceUpload(ctx, base, colors); err != nil {
		return err
	}
	return w.makeVersions(ctx, base, colors)
}

// replaceUpload replaces the upload by the reduced or turned copy.
func (w *work) replaceUpload(ctx context.Context, base *image.RGBA, colors color.Palette) error {
	if w.replace == "" {
		return nil
	}
	info, err := w.save(ctx, w.replace, base, colors)
	if err != nil {
		return err
	}
	p := w.picture
	p.Original, p.File, p.Size = path.Base(p.File), info.Name, info.Size
	p.Width, p.Height = base.Rect.Dx(), base.Rect.Dy()
	if p.Meta.orientation() != 1 {
		p.Meta.Orientation = "1"
	}
	return nil
}

// makeVersions makes the largest version from the whole picture, the next
// smaller one from that, and so on.
func (w *work) makeVersions(ctx context.Context, src *image.RGBA, colors color.Palette) error {
	made := make([]Version, len(w.versions))
	for _, i := range w.largestFirst() {
		v := w.versions[i]
		// The plan is in pixels of the whole picture; the source may be
		// smaller.
		xScale, yScale := float64(src.Rect.Dx())/float64(w.width), float64(src.Rect.Dy())/float64(w.height)
		p := v.plan
		p.x, p.w, p.y, p.h = p.x*xScale, p.w*xScale, p.y*yScale, p.h*yScale
		img, err := reduce(ctx, src, p)
		if err != nil {
			return err
		}
		info, err := w.save(ctx, fmt.Sprintf("%dx%d", p.width, p.height), img, colors)
		if err != nil {
			return err
		}
		mediaType, _ := Rules{}.Type(info.Name)
		made[i] = Version{Name: v.size.Name, File: path.Base(info.Name), Width: p.width, Height: p.height, Type: mediaType, Size: info.Size}
		if !v.size.Crop {
			src = img
		}
	}
	w.picture.Versions = made
	return nil
}

// largestFirst orders the versions by scale.
func (w *work) largestFirst() []int {
	order := make([]int, len(w.versions))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(w.versions[j].plan.scale(), w.versions[i].plan.scale()) })
	return order
}

// save stores a picture next to the upload, under its name with a suffix.
func (w *work) save(ctx context.Context, suffix string, img *image.RGBA, colors color.Palette) (Info, error) {
	upload := w.picture.File
	if w.picture.Original != "" {
		upload = path.Join(path.Dir(upload), w.picture.Original)
	}
	ext := path.Ext(upload)
	name := strings.TrimSuffix(upload, ext) + "-" + suffix + targetExtension(ext, img)
	r, write := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		buffered := bufio.NewWriter(write)
		err := encode(buffered, img, path.Ext(name), colors)
		if err == nil {
			err = buffered.Flush()
		}
		write.CloseWithError(err)
	}()
	info, err := w.files.Create(ctx, name, r)
	r.Close() // ends an encoder whose output nobody reads any more
	<-done
	if err == nil {
		w.made = append(w.made, info.Name)
	}
	return info, err
}

// targetExtension returns the extension of a version: the picture's own if that
// format can be written, otherwise .jpg, or .png for a picture that is not
// opaque.
func targetExtension(ext string, img *image.RGBA) string {
	switch strings.ToLower(ext) {
	case ".jpg", ".jpeg", ".jpe", ".png", ".gif":
		return ext
	}
	if img.Opaque() {
		return ".jpg"
	}
	return ".png"
}

func encode(w io.Writer, img image.Image, ext string, colors color.Palette) error {
	switch strings.ToLower(ext) {
	case ".png":
		return png.Encode(w, img)
	case ".gif":
		return encodeGIF(w, img, colors)
	}
	return jpeg.Encode(w, img, &jpeg.Options{Quality: quality})
}

func encodeGIF(w io.Writer, img image.Image, colors color.Palette) error {
	if len(colors) == 0 {
		return gif.Encode(w, img, nil)
	}
	paletted := image.NewPaletted(img.Bounds(), colors)
	draw.FloydSteinberg.Draw(paletted, paletted.Rect, img, image.Point{})
	return gif.Encode(w, paletted, nil)
}

// undo removes the new files.
func (w *work) undo(ctx context.Context) error {
	return w.files.Remove(context.WithoutCancel(ctx), w.made...)
}
