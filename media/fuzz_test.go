package media_test

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/quillgate/quillgate/media"
)

// budget is small, so that a fuzzed header cannot make the test itself slow.
const budget = 1 << 20

// FuzzProcess processes pictures of all formats, whole and damaged. Nothing may
// panic, fail, or lose the upload, and every version must be a picture of its
// recorded size.
func FuzzProcess(f *testing.F) {
	f.Add([]byte("GIF89a"))
	for _, name := range []string{"a.png", "a.jpg", "a.gif"} {
		b, err := media.Blank(name, 40, 30)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		if name == "a.jpg" {
			o := binary.LittleEndian
			f.Add(withSegment(b, 0xe1, exif(o, []field{short(o, 0x0112, 6), ascii(0x010e, "text")}, []field{fraction(o, 0x829d, 28, 10)})))
		}
	}
	f.Add(solidWebP(40, 30, 200, 100, 50, 128))
	for _, picture := range heads(f) {
		f.Add(picture.bytes)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s := memory{}
		info, err := s.Create(t.Context(), "a.jpg", bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		p, err := media.NewImager(budget).Process(t.Context(), s, info.Name, media.Order{
			Sizes: []media.Size{{Name: "thumbnail", Width: 15, Height: 15, Crop: true}, {Name: "medium", Width: 20, Height: 20}}, Threshold: 32,
		})
		if err != nil {
			t.Fatal(err)
		}
		if read(t, s, "a.jpg") != string(b) {
			t.Fatal("the upload has changed")
		}
		if p == nil {
			return
		}
		if p.Width <= 0 || p.Height <= 0 {
			t.Errorf("%d by %d pixels", p.Width, p.Height)
		}
		for _, v := range p.Versions {
			if got := decoded(t, s, v.File).Bounds(); got.Dx() != v.Width || got.Dy() != v.Height {
				t.Errorf("%+v is %v", v, got)
			}
		}
		checkTexts(t, p.Meta)
	})
}

// FuzzMeta parses the segments of a JPEG file that cameras and editors write.
func FuzzMeta(f *testing.F) {
	o := binary.BigEndian
	f.Add(exif(o, []field{ascii(0x010e, "text"), short(o, 0x0112, 6)}, []field{fraction(o, 0x829d, 28, 10), ascii(0x9004, "2024:01:10 09:30:00")}), byte(0xe1))
	f.Add([]byte("Photoshop 3.0\x008BIM\x04\x04\x00\x00\x00\x00\x00\x09\x1c\x02\x69\x00\x04Wren"), byte(0xed))
	jpg, err := media.Blank("a.jpg", 8, 8)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte, marker byte) {
		if len(data) > 65533 {
			return
		}
		s := memory{}
		info, err := s.Create(t.Context(), "a.jpg", bytes.NewReader(withSegment(jpg, marker, data)))
		if err != nil {
			t.Fatal(err)
		}
		p, err := media.NewImager(budget).Process(t.Context(), s, info.Name, media.Order{Sizes: sizes})
		if err != nil {
			t.Fatal(err)
		}
		if p != nil {
			checkTexts(t, p.Meta)
		}
	})
}

// checkTexts checks that XML and a database can hold the texts.
func checkTexts(t *testing.T, m media.Meta) {
	t.Helper()
	for _, s := range append(m.Keywords, m.Aperture, m.Credit, m.Camera, m.Caption, m.Created, m.Copyright, m.FocalLength, m.ISO, m.ShutterSpeed, m.Title, m.Orientation) {
		if !utf8.ValidString(s) || strings.ContainsAny(s, "\x00\x01\x1f\x7f") || len(s) > 8192 {
			t.Errorf("text %q", s)
		}
	}
}

// solidWebP returns a picture of one colour in the lossless WebP format: if
// each code has one symbol, pixels take no bits.
func solidWebP(w, h int, red, green, blue, alpha uint32) []byte {
	var bits []byte
	n := 0
	put := func(v uint32, count int) {
		for i := range count {
			if n%8 == 0 {
				bits = append(bits, 0)
			}
			bits[n/8] |= byte(v>>i&1) << (n % 8)
			n++
		}
	}
	put(0x2f, 8)
	put(uint32(w-1), 14)
	put(uint32(h-1), 14)
	put(1, 1) // there is transparency
	put(0, 3) // version
	put(0, 1) // no transform
	put(0, 1) // no colour cache
	put(0, 1) // one group of codes
	for _, symbol := range []uint32{green, red, blue, alpha, 0} {
		put(0b101, 3) // a simple code of one symbol that has eight bits
		put(symbol, 8)
	}
	if len(bits)%2 == 1 {
		bits = append(bits, 0)
	}
	out := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(bits)+12))
	out = binary.LittleEndian.AppendUint32(append(out, "WEBPVP8L"...), uint32(len(bits)))
	return append(out, bits...)
}
