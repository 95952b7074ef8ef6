package media_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/image/bmp"

	"github.com/quillgate/quillgate/media"
)

// sizes are WordPress's defaults.
var sizes = []media.Size{
	{Name: "medium", Width: 300, Height: 300},
	{Name: "large", Width: 1024, Height: 1024},
	{Name: "thumbnail", Width: 150, Height: 150, Crop: true},
	{Name: "medium_large", Width: 768},
	{Name: "1536x1536", Width: 1536, Height: 1536},
	{Name: "2048x2048", Width: 2048, Height: 2048},
}

// quarters draws a picture whose quarters are red, green, blue and white, in
// reading order.
func quarters(w, h int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.SetRGBA(x, y, corner(2*x/w+2*(2*y/h)))
		}
	}
	return img
}

func corner(i int) color.RGBA {
	return []color.RGBA{{255, 0, 0, 255}, {0, 255, 0, 255}, {0, 0, 255, 255}, {255, 255, 255, 255}}[i]
}

func encoded(t *testing.T, name string, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	var err error
	switch name[strings.LastIndexByte(name, '.'):] {
	case ".png":
		err = png.Encode(&b, img)
	case ".gif":
		err = gif.Encode(&b, img, nil)
	case ".bmp":
		err = bmp.Encode(&b, img)
	default:
		err = jpeg.Encode(&b, img, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func storeBytes(t *testing.T, s media.Files, name string, b []byte) string {
	t.Helper()
	info, err := s.Create(t.Context(), name, bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return info.Name
}

func decoded(t *testing.T, s media.Files, name string) image.Image {
	t.Helper()
	f, _, err := s.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, _, err := image.Decode(f)
	if err != nil {
		t.Fatalf("decode %s: %v", name, err)
	}
	return img
}

func process(t *testing.T, s media.Files, name string, order media.Order) *media.Picture {
	t.Helper()
	p, err := media.NewImager(0).Process(t.Context(), s, name, order)
	if err != nil {
		t.Fatalf("Process(%q): %v", name, err)
	}
	return p
}

func TestProcessMakesTheSizesThatAreSmaller(t *testing.T) {
	for _, test := range []struct {
		w, h int
		want []string
	}{
		{8, 6, nil},
		{150, 150, nil},
		{151, 151, nil}, // as good as the thumbnail
		{300, 300, []string{"thumbnail a-150x150.png"}},
		{200, 100, []string{"thumbnail a-150x100.png"}},
		{100, 400, []string{"medium a-75x300.png", "thumbnail a-100x150.png"}},
		{400, 300, []string{"medium a-300x225.png", "thumbnail a-150x150.png"}},
		{1200, 900, []string{"medium a-300x225.png", "large a-1024x768.png", "thumbnail a-150x150.png", "medium_large a-768x576.png"}},
		{700, 1400, []string{"medium a-150x300.png", "large a-512x1024.png", "thumbnail a-150x150.png"}},
		{465, 700, []string{"medium a-199x300.png", "thumbnail a-150x150.png"}},
		{2100, 30, []string{"medium a-300x4.png", "large a-1024x15.png", "thumbnail a-150x30.png", "medium_large a-768x11.png", "1536x1536 a-1536x22.png", "2048x2048 a-2048x29.png"}},
	} {
		t.Run(fmt.Sprintf("%dx%d", test.w, test.h), func(t *testing.T) {
			s := memory{}
			name := storeBytes(t, s, "a.png", encoded(t, "a.png", quarters(test.w, test.h)))
			p := process(t, s, name, media.Order{Sizes: sizes, Threshold: media.DefaultThreshold})
			if p.Width != test.w || p.Height != test.h || p.File != name {
				t.Errorf("picture: %+v", p)
			}
			var got []string
			for _, v := range p.Versions {
				got = append(got, v.Name+" "+v.File)
				info, err := s.Stat(t.Context(), v.File)
				if err != nil || info.Size != v.Size || v.Type != "image/png" {
					t.Errorf("%+v: the store says %+v, %v", v, info, err)
				}
				if b := decoded(t, s, v.File).Bounds(); b.Dx() != v.Width || b.Dy() != v.Height {
					t.Errorf("%s has %v", v.File, b)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("versions (-want +got):\n%s", diff)
			}
		})
	}
}

func TestProcessKeepsTheColours(t *testing.T) {
	for _, name := range []string{"a.png", "a.jpg", "a.JPEG", "a.gif"} {
		s := memory{}
		stored := storeBytes(t, s, "2024/01/"+name, encoded(t, strings.ToLower(name), quarters(640, 480)))
		p := process(t, s, stored, media.Order{Sizes: sizes})
		if len(p.Versions) != 2 {
			t.Errorf("%s: versions %+v", name, p.Versions)
		}
		for _, v := range p.Versions {
			checkQuarters(t, decoded(t, s, "2024/01/"+v.File), [4]int{0, 1, 2, 3}, v.File)
		}
	}
}

// checkQuarters checks the colour in the middle of each quarter.
func checkQuarters(t *testing.T, img image.Image, want [4]int, what string) {
	t.Helper()
	b := img.Bounds()
	for i, c := range want {
		x, y := b.Min.X+b.Dx()/4+i%2*b.Dx()/2, b.Min.Y+b.Dy()/4+i/2*b.Dy()/2
		r, g, bl, _ := img.At(x, y).RGBA()
		w := corner(c)
		if !close8(r, w.R) || !close8(g, w.G) || !close8(bl, w.B) {
			t.Errorf("%s: quarter %d is %02x%02x%02x, want %v", what, i, r>>8, g>>8, bl>>8, w)
		}
	}
}

func close8(got uint32, want uint8) bool {
	d := int(got>>8) - int(want)
	return d > -24 && d < 24
}

func TestProcessKeepsTransparency(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 400, 400))
	for i := range 400 * 200 {
		copy(img.Pix[4*i:], []byte{200, 100, 50, 128})
	}
	s := memory{}
	p := process(t, s, storeBytes(t, s, "a.png", encoded(t, "a.png", img)), media.Order{Sizes: sizes})
	got := decoded(t, s, p.Versions[0].File)
	if c := color.NRGBAModel.Convert(got.At(150, 50)).(color.NRGBA); c.A != 128 || c.R < 197 || c.R > 203 {
		t.Errorf("half transparent became %v", c)
	}
	if _, _, _, a := got.At(150, 250).RGBA(); a != 0 {
		t.Errorf("transparent became %d", a)
	}
}

func TestProcessWritesWebPInAnotherFormat(t *testing.T) {
	s := memory{}
	for name, alpha := range map[string]uint32{"opaque": 255, "clear": 128} {
		p := process(t, s, storeBytes(t, s, name+".webp", solidWebP(400, 300, 200, 100, 50, alpha)), media.Order{Sizes: sizes, Threshold: 2560})
		ext, mediaType := ".jpg", "image/jpeg"
		if alpha < 255 {
			ext, mediaType = ".png", "image/png"
		}
		if p.Width != 400 || p.Height != 300 || len(p.Versions) != 2 {
			t.Fatalf("%s: %+v", name, p)
		}
		v := p.Versions[0]
		if v.File != name+"-300x225"+ext || v.Type != mediaType {
			t.Errorf("%s: %+v", name, v)
		}
		c := color.NRGBAModel.Convert(decoded(t, s, v.File).At(100, 100)).(color.NRGBA)
		if want := (color.NRGBA{200, 100, 50, uint8(alpha)}); !close8(uint32(c.R)<<8, want.R) || !close8(uint32(c.G)<<8, want.G) || !close8(uint32(c.B)<<8, want.B) || c.A != want.A {
			t.Errorf("%s: %v, want %v", name, c, want)
		}
	}
}

func TestProcessAveragesWholeAreas(t *testing.T) {
	img := image.NewGray(image.Rect(0, 0, 600, 600)) // a fine checkerboard is grey from afar
	for i := range img.Pix {
		if (i%600+i/600)%2 == 0 {
			img.Pix[i] = 255
		}
	}
	s := memory{}
	p := process(t, s, storeBytes(t, s, "a.png", encoded(t, "a.png", img)), media.Order{Sizes: []media.Size{{Name: "half", Width: 300, Height: 300}}})
	small := decoded(t, s, p.Versions[0].File)
	for _, at := range []image.Point{{0, 0}, {1, 150}, {299, 299}} {
		if r, _, _, _ := small.At(at.X, at.Y).RGBA(); r>>8 < 126 || r>>8 > 129 {
			t.Errorf("at %v: %d, want 127 or 128", at, r>>8)
		}
	}
}

// withSegment inserts a segment after the start of a JPEG file.
func withSegment(jpg []byte, marker byte, data []byte) []byte {
	out := append([]byte{}, jpg[:2]...)
	out = append(out, 0xff, marker)
	out = binary.BigEndian.AppendUint16(out, uint16(len(data)+2))
	return append(append(out, data...), jpg[2:]...)
}

type field struct {
	tag, kind uint16
	number    uint32
	data      []byte
}

func ascii(tag uint16, s string) field {
	return field{tag, 2, uint32(len(s) + 1), append([]byte(s), 0)}
}

func short(o binary.AppendByteOrder, tag, v uint16) field {
	return field{tag, 3, 1, o.AppendUint16(nil, v)}
}

func fraction(o binary.AppendByteOrder, tag uint16, over, under uint32) field {
	return field{tag, 5, 1, o.AppendUint32(o.AppendUint32(nil, over), under)}
}

type order interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

// exif builds an APP1 segment with the fields of both directories.
func exif(o order, fields, sub []field) []byte {
	b := []byte("II")
	if o.Uint16([]byte{0, 1}) == 1 {
		b = []byte("MM")
	}
	b = o.AppendUint32(o.AppendUint16(b, 42), 8)
	if len(sub) > 0 {
		at := uint32(8 + 2 + 12*(len(fields)+1) + 4)
		for _, f := range fields {
			if len(f.data) > 4 {
				at += uint32(len(f.data))
			}
		}
		fields = append(fields, field{0x8769, 4, 1, o.AppendUint32(nil, at)})
	}
	b = directory(b, o, fields)
	if len(sub) > 0 {
		b = directory(b, o, sub)
	}
	return append([]byte("Exif\x00\x00"), b...)
}

func directory(b []byte, o order, fields []field) []byte {
	b = o.AppendUint16(b, uint16(len(fields)))
	rest := []byte{}
	start := uint32(len(b) + 12*len(fields) + 4)
	for _, f := range fields {
		b = o.AppendUint32(o.AppendUint16(o.AppendUint16(b, f.tag), f.kind), f.number)
		if len(f.data) > 4 {
			b = o.AppendUint32(b, start+uint32(len(rest)))
			rest = append(rest, f.data...)
		} else {
			b = append(b, append(append([]byte{}, f.data...), make([]byte, 4-len(f.data))...)...)
		}
	}
	return append(o.AppendUint32(b, 0), rest...)
}

func TestProcessTurnsPicturesUpright(t *testing.T) {
	// The expected quarters after turning, from EXIF 2.3 section 4.6.4 A: the
	// value tells which side of the scene row 0 and column 0 show.
	for orientation, want := range map[uint16][4]int{
		1: {0, 1, 2, 3}, 2: {1, 0, 3, 2}, 3: {3, 2, 1, 0}, 4: {2, 3, 0, 1},
		5: {0, 2, 1, 3}, 6: {2, 0, 3, 1}, 7: {3, 1, 2, 0}, 8: {1, 3, 0, 2},
	} {
		for _, o := range []order{binary.LittleEndian, binary.BigEndian} {
			s := memory{}
			jpg := withSegment(encoded(t, "a.jpg", quarters(640, 320)), 0xe1, exif(o, []field{short(o, 0x0112, orientation)}, nil))
			p := process(t, s, storeBytes(t, s, "a.jpg", jpg), media.Order{Sizes: sizes, Threshold: media.DefaultThreshold})
			w, h, medium := 640, 320, "a-300x150.jpg"
			if orientation >= 5 {
				w, h, medium = 320, 640, "a-150x300.jpg"
			}
			file, original := "a.jpg", ""
			if orientation != 1 {
				file, original = "a-rotated.jpg", "a.jpg"
			}
			if p.File != file || p.Original != original || p.Width != w || p.Height != h || p.Meta.Orientation != "1" {
				t.Errorf("orientation %d: %+v", orientation, p)
			}
			if p.Versions[0].File != medium {
				t.Errorf("orientation %d: %+v", orientation, p.Versions[0])
			}
			for _, v := range p.Versions {
				checkQuarters(t, decoded(t, s, v.File), want, fmt.Sprintf("orientation %d, %s", orientation, v.File))
			}
			if orientation != 1 {
				checkQuarters(t, decoded(t, s, p.File), want, fmt.Sprintf("orientation %d, %s", orientation, p.File))
			}
			if read(t, s, "a.jpg") != string(jpg) {
				t.Errorf("orientation %d: the upload itself has changed", orientation)
			}
		}
	}
}

func TestProcessPutsASmallerCopyInThePlaceOfHugePictures(t *testing.T) {
	s := memory{}
	jpg := storeBytes(t, s, "2024/01/a.jpg", encoded(t, "a.jpg", quarters(3000, 1500)))
	pic := process(t, s, jpg, media.Order{Sizes: sizes, Threshold: 2560})
	if pic.File != "2024/01/a-scaled.jpg" || pic.Original != "a.jpg" || pic.Width != 2560 || pic.Height != 1280 || len(pic.Versions) != 6 {
		t.Errorf("JPEG: %+v", pic)
	}
	info, err := s.Stat(t.Context(), pic.File)
	if err != nil || info.Size != pic.Size {
		t.Errorf("%d bytes, the store says %+v, %v", pic.Size, info, err)
	}
	checkQuarters(t, decoded(t, s, pic.File), [4]int{0, 1, 2, 3}, pic.File)
	if got := pic.Versions[0].File; got != "a-300x150.jpg" {
		t.Errorf("a version is named %q, want the upload's name", got)
	}
	if diff := cmp.Diff(len(pic.Files()), 8); diff != "" {
		t.Errorf("files: %q", pic.Files())
	}
	large := storeBytes(t, s, "2024/01/b.png", encoded(t, "b.png", quarters(2700, 1350)))
	if p := process(t, s, large, media.Order{Sizes: sizes, Threshold: 2560}); p.File != large || p.Original != "" || p.Width != 2700 {
		t.Errorf("PNG: %+v", p)
	}
	if p := process(t, s, jpg, media.Order{}); p.File != jpg || p.Width != 3000 {
		t.Errorf("without a threshold: %+v", p)
	}
}

func TestProcessReadsWhatTheCameraWrote(t *testing.T) {
	o := binary.LittleEndian
	tags := exif(o, []field{
		ascii(0x010e, " A bird "), ascii(0x0110, "X100"), short(o, 0x0112, 1), ascii(0x013b, "Ada"), ascii(0x8298, "\xa9 Ada"),
	}, []field{
		fraction(o, 0x829a, 1, 200), fraction(o, 0x829d, 28, 10), short(o, 0x8827, 400), ascii(0x9004, "2024:01:10 09:30:00"),
		fraction(o, 0x920a, 35, 1),
		{0x9286, 7, 17, []byte("ASCII\x00\x00\x00on a twig")},
	})
	tags = tags[:len(tags):len(tags)]
	iptc := []byte("Photoshop 3.0\x008BIM\x04\x04\x00\x00")
	sets := []byte("\x1c\x02\x69\x00\x04Wren\x1c\x02\x19\x00\x03sea\x1c\x02\x19\x00\x03sky")
	iptc = append(binary.BigEndian.AppendUint32(iptc, uint32(len(sets))), sets...)
	empty := media.Meta{Aperture: "0", Created: "0", FocalLength: "0", ISO: "0", ShutterSpeed: "0", Orientation: "0", Keywords: []string{}}
	full := media.Meta{
		Aperture: "2.8", Credit: "Ada", Camera: "X100", Caption: "on a twig", Created: "1704879000", Copyright: "© Ada", FocalLength: "35",
		ISO: "400", ShutterSpeed: "0.005", Title: "A bird", Orientation: "1", Keywords: []string{},
	}
	both := full
	both.Title, both.Keywords = "Wren", []string{"sea", "sky"}
	plain := encoded(t, "a.jpg", quarters(16, 8))
	for _, test := range []struct {
		name string
		jpg  []byte
		want media.Meta
	}{
		{"nothing", plain, empty},
		{"EXIF", withSegment(plain, 0xe1, tags), full},
		{"EXIF and IPTC", withSegment(withSegment(plain, 0xe1, tags), 0xed, iptc), both},
		{"IPTC before EXIF", withSegment(withSegment(plain, 0xed, iptc), 0xe1, tags), both},
		{"cut in the middle", withSegment(plain, 0xe1, tags[:20]), empty},
		{"other APP1", withSegment(plain, 0xe1, []byte("http://ns.adobe.com/xap/1.0/\x00<x/>")), empty},
		{"offset outside", withSegment(plain, 0xe1, []byte("Exif\x00\x00II*\x00\xff\xff\xff\xff")), empty},
		{"division by zero", withSegment(plain, 0xe1, exif(o, nil, []field{fraction(o, 0x829d, 1, 0)})), empty},
		{"directory in itself", withSegment(plain, 0xe1, exif(o, []field{{0x8769, 4, 1, []byte{8, 0, 0, 0}}}, nil)), empty},
	} {
		s := memory{}
		p := process(t, s, storeBytes(t, s, "a.jpg", test.jpg), media.Order{Sizes: sizes})
		if p == nil {
			t.Errorf("%s: not taken for a picture", test.name)
			continue
		}
		if diff := cmp.Diff(test.want, p.Meta); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestProcessPassesOverWhatIsNoPicture(t *testing.T) {
	s := memory{}
	for i, content := range []string{"", "text", "\x89PNG\r\n\x1a\n", "GIF89a", "\xff\xd8\xff", "<svg/>", "RIFF\x00\x00\x00\x00WEBPVP8 "} {
		p, err := media.NewImager(0).Process(t.Context(), s, storeBytes(t, s, fmt.Sprintf("%d.png", i), []byte(content)), media.Order{Sizes: sizes})
		if p != nil || err != nil {
			t.Errorf("%q: %+v, %v", content, p, err)
		}
	}
	whole := encoded(t, "a.png", quarters(400, 400))
	for name, b := range map[string][]byte{"damaged.png": whole[:len(whole)/2], "a.bmp": encoded(t, "a.bmp", quarters(400, 400))} {
		p := process(t, s, storeBytes(t, s, name, b), media.Order{Sizes: sizes})
		if diff := cmp.Diff(&media.Picture{File: name, Width: 400, Height: 400, Size: int64(len(b))}, p, cmpopts.IgnoreFields(media.Picture{}, "Meta")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// A header can claim any size; no memory beyond the budget is allocated for it.
func TestProcessRefusesBombs(t *testing.T) {
	s := memory{}
	bomb := encoded(t, "a.png", quarters(10, 10))
	binary.BigEndian.PutUint32(bomb[16:], 65536)
	binary.BigEndian.PutUint32(bomb[20:], 65536)
	binary.BigEndian.PutUint32(bomb[29:], crc32.ChecksumIEEE(bomb[12:29]))
	p := process(t, s, storeBytes(t, s, "bomb.png", bomb), media.Order{Sizes: sizes})
	if p == nil || p.Width != 65536 || len(p.Versions) != 0 {
		t.Errorf("got %+v", p)
	}
	small := storeBytes(t, s, "a.jpg", encoded(t, "a.jpg", quarters(640, 480)))
	p, err := media.NewImager(100<<10).Process(t.Context(), s, small, media.Order{Sizes: sizes})
	if err != nil || len(p.Versions) != 0 || p.Width != 640 {
		t.Errorf("beyond a small budget: %+v, %v", p, err)
	}
}

func TestProcessNeverOverwrites(t *testing.T) {
	s := memory{}
	mine, err := s.Create(t.Context(), "a-300x225.png", strings.NewReader("somebody's own file"))
	if err != nil {
		t.Fatal(err)
	}
	p := process(t, s, storeBytes(t, s, "a.png", encoded(t, "a.png", quarters(400, 300))), media.Order{Sizes: sizes})
	if got := p.Versions[0].File; got != "a-300x225-1.png" {
		t.Errorf("the version is %q", got)
	}
	if string(s[mine.Name]) != "somebody's own file" {
		t.Error("a file of the same name was overwritten")
	}
}

// failing is a store that fails after some files.
type failing struct {
	media.Files
	left int
}

var errFull = errors.New("disk full")

func (f *failing) Create(ctx context.Context, name string, r io.Reader) (media.Info, error) {
	if f.left--; f.left < 0 {
		return media.Info{}, errFull
	}
	return f.Files.Create(ctx, name, r)
}

func TestProcessTakesBackWhatItMade(t *testing.T) {
	s := memory{}
	name := storeBytes(t, s, "a.png", encoded(t, "a.png", quarters(400, 300)))
	_, err := media.NewImager(0).Process(t.Context(), &failing{s, 1}, name, media.Order{Sizes: sizes})
	if !errors.Is(err, errFull) {
		t.Errorf("Process: %v, want %v", err, errFull)
	}
	if diff := cmp.Diff([]string{"a.png"}, slices.Collect(maps.Keys(s))); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestBlank(t *testing.T) {
	for _, name := range []string{"x/a.png", "a.jpg", "a.gif"} {
		b, err := media.Blank(name, 400, 300)
		if err != nil {
			t.Fatal(err)
		}
		img, _, err := image.Decode(bytes.NewReader(b))
		if err != nil || img.Bounds().Dx() != 400 || img.Bounds().Dy() != 300 {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, test := range []struct {
		name string
		w, h int
	}{{"a.txt", 1, 1}, {"a.png", 0, 1}, {"a.png", -1, 1}, {"a.png", 1 << 40, 1 << 40}} {
		if _, err := media.Blank(test.name, test.w, test.h); err == nil {
			t.Errorf("%+v was drawn", test)
		}
	}
}
